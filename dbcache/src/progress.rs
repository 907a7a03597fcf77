//! Progress events of a fetch, and the progress bar that shows them.

mod bar;

use std::fmt;
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use self::bar::{BARS, Bar};

/// A progress event of a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProgressEvent<'a> {
    /// The fetch begins.
    Started {
        /// The table.
        table: &'a str,
        /// Number of batches.
        batches: usize,
        /// Number of ids in all batches.
        ids: usize,
    },
    /// A batch was fetched.
    Fetched {
        /// The number of the batch in its request, from 1.
        batch: usize,
        /// Number of ids in the batch.
        ids: usize,
        /// Number of rows that the fetcher returned for it.
        rows: usize,
    },
    /// A batch failed and will be retried.
    Retrying {
        /// The number of the batch in its request, from 1.
        batch: usize,
        /// Number of ids in the batch.
        ids: usize,
        /// Number of the next attempt: 2 for the first retry.
        attempt: usize,
        /// Delay until the next attempt.
        delay: Duration,
    },
    /// A batch failed. Its halves will be fetched in its place, as batches with the same number.
    Split {
        /// The number of the batch in its request, from 1.
        batch: usize,
        /// Number of ids in the batch.
        ids: usize,
    },
    /// A batch failed for good.
    Failed {
        /// The number of the batch in its request, from 1.
        batch: usize,
        /// Number of ids in the batch.
        ids: usize,
    },
    /// Another request of this process fetched ids that this one requested too, or found that the database does not
    /// have them.
    FetchedElsewhere {
        /// Number of ids.
        ids: usize,
    },
    /// All batches have ended, and their rows are stored.
    Finished {
        /// Number of rows that were fetched and stored.
        rows: usize,
        /// Number of batches that failed.
        failed: usize,
        /// Time since `Started`.
        elapsed: Duration,
    },
}

/// Receives the progress events of all fetches of a cache. The events of one fetch arrive in order, one at a time.
///
/// An observer must not make requests of the cache: they could wait for the request that reports the event.
pub trait Observer: Send + Sync {
    /// Receives an event. The call comes from a thread that works for the request, which waits for it to return.
    fn event(&self, event: &ProgressEvent<'_>);
}

impl<F: Fn(&ProgressEvent<'_>) + Send + Sync> Observer for F {
    fn event(&self, event: &ProgressEvent<'_>) {
        self(event);
    }
}

/// Where a fetch reports its progress.
#[derive(Clone, Default)]
pub enum Progress {
    /// A progress bar on stderr if there is more than one batch and stderr is a terminal. Concurrent requests show one
    /// bar each, below one another.
    #[default]
    Bar,
    /// Nowhere.
    Silent,
    /// To an observer of the application.
    Observer(Arc<dyn Observer>),
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bar => "Bar",
            Self::Silent => "Silent",
            Self::Observer(_) => "Observer(..)",
        })
    }
}

impl Progress {
    /// Reports to an observer of the application: a closure `|event: &ProgressEvent<'_>| { … }`, or an [`Observer`].
    pub fn observer(observer: impl Observer + 'static) -> Self {
        Self::Observer(Arc::new(observer))
    }

    /// Begins to report one fetch.
    pub(crate) fn begin(&self, table: &str, batches: usize, ids: usize) -> Reporter {
        let reporter = match self {
            Self::Bar if batches > 1 && std::io::stderr().is_terminal() => Reporter::Bar(Box::new(Bar::new(&BARS))),
            Self::Bar | Self::Silent => Reporter::Silent,
            Self::Observer(observer) => Reporter::Observer(Arc::clone(observer)),
        };
        reporter.with_event(&ProgressEvent::Started { table, batches, ids })
    }
}

/// The receiver of the events of one fetch.
pub(crate) enum Reporter {
    Silent,
    Bar(Box<Bar>),
    Observer(Arc<dyn Observer>),
}

impl Reporter {
    pub(crate) fn with_event(mut self, event: &ProgressEvent<'_>) -> Self {
        self.event(event);
        self
    }

    pub(crate) fn event(&mut self, event: &ProgressEvent<'_>) {
        match self {
            Self::Silent => {}
            Self::Bar(bar) => bar.event(event),
            Self::Observer(observer) => observer.event(event),
        }
    }
}
