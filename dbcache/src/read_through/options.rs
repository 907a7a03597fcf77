//! How requests are carried out, and what those of one cache share.

use std::sync::Arc;
use std::time::Duration;

use super::absent::Absences;
use super::claims::FolderClaims;
use super::pace::Pace;
use super::retry::Retry;
use crate::plan::BatchPolicy;
use crate::progress::Progress;
use crate::stats::Counters;

/// How requests are carried out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) batches: BatchPolicy,
    /// How many batches are fetched at the same time; 0 counts as 1.
    pub(crate) concurrency: usize,
    pub(crate) retry: Retry,
    pub(crate) batch_timeout: Option<Duration>,
    /// Whether a batch that failed is split, to find the ids that are to blame.
    pub(crate) isolates_failing_ids: bool,
    pub(crate) progress: Progress,
}

/// What the requests of one cache share.
#[derive(Debug)]
pub(crate) struct Shared {
    /// Shared by all caches of the folder.
    pub(crate) claims: Arc<FolderClaims>,
    pub(crate) counters: Counters,
    pub(crate) pace: Option<Pace>,
    pub(crate) absences: Absences,
}

/// The methods of builders and queries that set [`Options`], which are in this field.
macro_rules! request_options {
    ($($field:ident).+) => {
        /// How ids that must be fetched are split into batches.
        pub fn batches(mut self, policy: $crate::plan::BatchPolicy) -> Self {
            self.$($field).+.batches = policy;
            self
        }

        /// How many batches are fetched at the same time: 1 by default; 0 counts as 1.
        ///
        /// The answer is the same whatever comes first. Blocking requests call the fetcher from so many threads, which
        /// end with the request; async requests call it from where they are polled. What came is committed while the
        /// next batches are fetched; at most some 24 MiB wait to be committed, beside the batches in flight.
        pub fn concurrency(mut self, batches: usize) -> Self {
            self.$($field).+.concurrency = batches;
            self
        }

        /// Whether and when a batch that failed is asked again; it is not by default.
        pub fn retry(mut self, retry: $crate::Retry) -> Self {
            self.$($field).+.retry = retry;
            self
        }

        /// How long the fetch of one batch may take.
        ///
        /// An async fetch that takes longer is dropped, and the batch has failed. A blocking fetch cannot be stopped
        /// from outside: the fetcher is told the time by
        /// [`FetchRequest::timeout`](crate::fetch::FetchRequest::timeout), and what it brings later counts all the
        /// same. `PostgresFetcher` and `SqliteFetcher` end their queries then.
        ///
        /// A request that has nothing left to do but wait for ids which another request of this process is fetching
        /// waits no longer than this either. Then these ids have failed with
        /// [`BatchError::WaitTimedOut`]($crate::error::BatchError::WaitTimedOut), and the other request goes on.
        pub fn batch_timeout(mut self, timeout: ::std::time::Duration) -> Self {
            self.$($field).+.batch_timeout = Some(timeout);
            self
        }

        /// Splits a batch that failed for good in halves, again and again, until the ids are found that cannot be
        /// fetched. All others are stored.
        ///
        /// Only failures of the fetcher are treated so. Parts of a batch are not asked again as
        /// [`retry`](Self::retry) says. Where all parts fail, as when the database is gone, it gives up after about
        /// twice the logarithm of the batch's size.
        pub fn isolate_failing_ids(mut self) -> Self {
            self.$($field).+.isolates_failing_ids = true;
            self
        }

        /// Who is told of the progress of a fetch; a bar on stderr by default.
        pub fn progress(mut self, progress: $crate::progress::Progress) -> Self {
            self.$($field).+.progress = progress;
            self
        }
    };
}

pub(crate) use request_options;
