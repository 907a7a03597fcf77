//! How requests run, and the state that the requests of one cache share.

use std::sync::Arc;
use std::time::Duration;

use super::absent::AbsentIdCache;
use super::claims::FolderClaims;
use super::rate_limiter::RateLimiter;
use super::retry::Retry;
use crate::plan::BatchPolicy;
use crate::progress::Progress;
use crate::stats::Counters;

/// How requests run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) batches: BatchPolicy,
    /// Maximum number of batches that a request fetches concurrently; 0 is treated as 1.
    pub(crate) concurrency: usize,
    pub(crate) retry: Retry,
    pub(crate) batch_timeout: Option<Duration>,
    /// Whether a failed batch is bisected to isolate the ids that cannot be fetched.
    pub(crate) isolates_failing_ids: bool,
    pub(crate) progress: Progress,
}

/// The state that all requests of one cache share.
#[derive(Debug)]
pub(crate) struct Shared {
    /// Shared by all caches of the directory.
    pub(crate) claims: Arc<FolderClaims>,
    pub(crate) counters: Counters,
    pub(crate) rate_limiter: Option<RateLimiter>,
    pub(crate) absent_ids: AbsentIdCache,
}

/// The methods of builders and queries that set [`Options`], which are in the given field.
macro_rules! request_options {
    ($($field:ident).+) => {
        /// Sets how the ids to fetch are split into batches.
        pub fn batches(mut self, policy: $crate::plan::BatchPolicy) -> Self {
            self.$($field).+.batches = policy;
            self
        }

        /// Sets how many batches a request fetches at the same time. The default is 1; 0 is treated as 1.
        ///
        /// The result does not depend on the order in which batches arrive. A blocking request calls the fetcher from
        /// the calling thread and from scoped threads, which end with the request. An async request polls the fetcher's
        /// futures from its own. Rows are committed while later batches are fetched. While about 24 MiB of rows wait to
        /// be committed, the request starts no further batch; batches already in flight come on top.
        pub fn concurrency(mut self, batches: usize) -> Self {
            self.$($field).+.concurrency = batches;
            self
        }

        /// Sets whether and when failed batches are retried. By default they are not.
        pub fn retry(mut self, retry: $crate::Retry) -> Self {
            self.$($field).+.retry = retry;
            self
        }

        /// Sets the maximum time for fetching one batch.
        ///
        /// An async fetch that takes longer is dropped, and its batch fails. A blocking fetch cannot be stopped from
        /// outside. The fetcher learns the limit from [`FetchRequest::timeout`](crate::fetch::FetchRequest::timeout),
        /// and rows that it returns later are still accepted. `PostgresFetcher` and `SqliteFetcher` cancel their
        /// queries at the limit.
        ///
        /// The limit also applies when a request only waits for ids that another request of this process is fetching.
        /// These ids then fail with [`BatchError::WaitTimedOut`]($crate::error::BatchError::WaitTimedOut), and the
        /// other request continues. Without a limit, a fetcher whose own thread requests the ids that it is fetching
        /// never ends.
        pub fn batch_timeout(mut self, timeout: ::std::time::Duration) -> Self {
            self.$($field).+.batch_timeout = Some(timeout);
            self
        }

        /// Bisects a batch that failed for good, to isolate the ids that cannot be fetched. The rows of all other ids
        /// are stored.
        ///
        /// Only fetcher errors and timeouts trigger bisection, and its halves are not [retried](Self::retry). If no
        /// half succeeds, for example because the database is down, bisection stops after about 2 log₂(*n*) failures
        /// for a batch of *n* ids.
        pub fn isolate_failing_ids(mut self) -> Self {
            self.$($field).+.isolates_failing_ids = true;
            self
        }

        /// Sets who receives the progress events of a fetch. The default is a progress bar on stderr.
        pub fn progress(mut self, progress: $crate::progress::Progress) -> Self {
            self.$($field).+.progress = progress;
            self
        }
    };
}

pub(crate) use request_options;
