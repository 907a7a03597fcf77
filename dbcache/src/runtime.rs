//! Work that must not hold up the tasks of an async program.

use std::panic::resume_unwind;

use tracing::{Span, dispatcher};

/// Does what blocks, or takes long, on a thread that is meant for that.
pub(crate) async fn off_runtime<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> R {
    let (span, subscriber) = (Span::current(), dispatcher::get_default(Clone::clone));
    let work = move || dispatcher::with_default(&subscriber, || span.in_scope(work));
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime is shutting down, and will not poll this future again.
            Err(_) => std::future::pending().await,
        },
    }
}
