//! Look up, plan, fetch, store, answer: the one place where a request is carried out.
//!
//! A [`Request`] says what is wanted. A [`Session`](session::Session) is a request under way: a state machine that says
//! what is to be done next, a fetch or a commit, and takes what came of it. It neither fetches nor waits itself:
//! `blocking` and `asynchronous` do that for it.

mod absent;
#[cfg(feature = "tokio")]
mod asynchronous;
mod batch;
mod blocking;
mod claims;
mod ending;
mod group;
mod options;
mod overtaken;
mod pace;
mod queue;
mod request;
mod retry;
mod session;
mod split;
mod standing;
#[cfg(test)]
mod tests;
mod wants;

use std::sync::Arc;

use self::ending::{Read, Warm};
use crate::error::Result;
#[cfg(feature = "tokio")]
use crate::fetch::AsyncBatchSource;
use crate::fetch::BatchSource;

pub(crate) use self::absent::Absences;
pub use self::absent::RememberAbsent;
pub(crate) use self::claims::FolderClaims;
pub(crate) use self::ending::Warmth;
pub(crate) use self::options::{Options, Shared, request_options};
pub(crate) use self::pace::Pace;
pub(crate) use self::request::{Answer, Fetch, Request};
pub use self::retry::Retry;
#[cfg(feature = "lazy")]
pub(crate) use self::wants::default_of;
pub(crate) use self::wants::{WantedPart, Wants};

/// Fetches what is needed, and reads the rows.
///
/// # Errors
///
/// [`Error::FetchFailed`](crate::Error::FetchFailed), else [`Error::ColumnsNotFound`](crate::Error::ColumnsNotFound),
/// or a storage error; what was fetched before is stored.
pub(crate) fn run(request: Request, source: &dyn BatchSource) -> Result<Answer> {
    match request.answer_if_cached()? {
        Some(answer) => Ok(answer),
        None => blocking::run::<Read>(&Arc::new(request), source),
    }
}

/// Fetches what is needed.
///
/// # Errors
///
/// As [`run`].
pub(crate) fn warm(request: Request, source: &dyn BatchSource) -> Result<Warmth> {
    blocking::run::<Warm>(&Arc::new(request), source)
}

/// As [`run`], with an async fetcher.
#[cfg(feature = "tokio")]
pub(crate) async fn run_async(request: Request, source: &dyn AsyncBatchSource) -> Result<Answer> {
    asynchronous::run::<Read>(&Arc::new(request), source).await
}

/// As [`warm`], with an async fetcher.
#[cfg(feature = "tokio")]
pub(crate) async fn warm_async(request: Request, source: &dyn AsyncBatchSource) -> Result<Warmth> {
    asynchronous::run::<Warm>(&Arc::new(request), source).await
}

/// Answers from the cache alone. Wanted ids that would have to be fetched count as not found.
///
/// # Errors
///
/// A storage error.
pub(crate) fn cached(request: &Request) -> Result<Answer> {
    request.table().read(|stored| request.answer(&stored, &request.find(&stored)?))
}
