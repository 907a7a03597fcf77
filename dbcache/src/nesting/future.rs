//! Futures that are polled within a nesting, on whichever thread.

use std::pin::Pin;
use std::task::{Context, Poll};

use super::Nesting;

impl Nesting {
    /// Returns a future that is polled as part of the fetch of these batches.
    pub(crate) fn instrument<F>(self, future: F) -> Nested<F> {
        Nested { nesting: self, future }
    }
}

/// Returned by [`Nesting::instrument`].
#[derive(Debug)]
pub(crate) struct Nested<F> {
    nesting: Nesting,
    future: F,
}

impl<F: Future + Unpin> Future for Nested<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Self { nesting, future } = &mut *self;
        nesting.enter(|| Pin::new(future).poll(context))
    }
}
