//! The read-through layer: looks ids up, plans batches, fetches, stores and reads the result.
//!
//! A [`Request`] describes what is requested. A [`Session`](session::Session) is a running request: a state machine
//! that returns the next action, such as a fetch or a commit, and is told the outcome. It performs no I/O and does not
//! wait. The drivers, `blocking` and `asynchronous`, do that for it.

mod absent;
#[cfg(feature = "tokio")]
mod asynchronous;
mod batch;
mod bisection;
mod blocking;
mod claims;
mod commit_buffer;
mod completion;
mod coverage;
mod options;
mod overtaken;
mod projection;
mod queue;
mod rate_limiter;
mod request;
mod retry;
mod session;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use self::completion::{Read, Warm};
use crate::error::Result;
#[cfg(feature = "tokio")]
use crate::fetch::AsyncBatchSource;
use crate::fetch::BatchSource;

pub(crate) use self::absent::AbsentIdCache;
pub use self::absent::RememberAbsent;
pub(crate) use self::claims::FolderClaims;
pub(crate) use self::completion::WarmOutcome;
pub(crate) use self::options::{Options, Shared, request_options};
#[cfg(feature = "lazy")]
pub(crate) use self::projection::default_of;
pub(crate) use self::projection::{PinnedType, ProjectedPart, Projection};
pub(crate) use self::rate_limiter::RateLimiter;
pub(crate) use self::request::{Answer, FetchMode, Request};
pub use self::retry::Retry;

/// Fetches the ids that the request needs, and returns its rows.
///
/// # Errors
///
/// Returns [`Error::FetchFailed`](crate::Error::FetchFailed) if batches failed, else
/// [`Error::ColumnsNotFound`](crate::Error::ColumnsNotFound) if the fetcher did not return a column, or a storage
/// error. Rows that were fetched before the error are stored.
pub(crate) fn run(request: Request, source: &dyn BatchSource) -> Result<Answer> {
    match request.answer_if_cached()? {
        Some(answer) => Ok(answer),
        None => blocking::run::<Read>(&Arc::new(request), source),
    }
}

/// Fetches the ids that the request needs, without reading its rows.
///
/// # Errors
///
/// Returns the errors of [`run`].
pub(crate) fn warm(request: Request, source: &dyn BatchSource) -> Result<WarmOutcome> {
    blocking::run::<Warm>(&Arc::new(request), source)
}

/// Fetches as [`run`] does, with an async fetcher.
#[cfg(feature = "tokio")]
pub(crate) async fn run_async(request: Request, source: &dyn AsyncBatchSource) -> Result<Answer> {
    asynchronous::run::<Read>(&Arc::new(request), source).await
}

/// Fetches as [`warm`] does, with an async fetcher.
#[cfg(feature = "tokio")]
pub(crate) async fn warm_async(request: Request, source: &dyn AsyncBatchSource) -> Result<WarmOutcome> {
    asynchronous::run::<Warm>(&Arc::new(request), source).await
}

/// Returns the cached rows. Ids that would have to be fetched count as not found.
///
/// # Errors
///
/// Returns a storage error if reading fails.
pub(crate) fn cached(request: &Request) -> Result<Answer> {
    request.table().read(|stored| request.answer(&stored, &request.coverage_in(&stored)?))
}
