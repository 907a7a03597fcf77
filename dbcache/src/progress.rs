//! What a fetch reports while it runs, and the progress bar that shows it.

mod bar;

use std::fmt;
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use self::bar::{BARS, Bar};

/// One step of a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProgressEvent<'a> {
    /// Fetching begins.
    Started {
        /// The table.
        table: &'a str,
        /// How many batches there are.
        batches: usize,
        /// How many ids they ask in all.
        ids: usize,
    },
    /// A batch came.
    Fetched {
        /// The batch's place in the request, from 1.
        batch: usize,
        /// How many ids it asked.
        ids: usize,
        /// How many rows it brought.
        rows: usize,
    },
    /// A batch failed, and will be asked again.
    Retrying {
        /// The batch's place in the request, from 1.
        batch: usize,
        /// How many ids it asked.
        ids: usize,
        /// Which attempt comes next: 2 for the first that is a repetition.
        attempt: usize,
        /// How long it waits until then.
        delay: Duration,
    },
    /// A batch failed, and its halves will be asked in its place, as batches of the same number.
    Split {
        /// The batch's place in the request, from 1.
        batch: usize,
        /// How many ids it asked.
        ids: usize,
    },
    /// A batch failed for good.
    Failed {
        /// The batch's place in the request, from 1.
        batch: usize,
        /// How many ids it asked.
        ids: usize,
    },
    /// Another request of this process fetched ids that this one wants too, or found that the database lacks them.
    FetchedElsewhere {
        /// How many ids.
        ids: usize,
    },
    /// All batches are done, and what they brought is stored.
    Finished {
        /// How many rows were fetched and stored.
        rows: usize,
        /// How many batches failed.
        failed: usize,
        /// Since `Started`.
        elapsed: Duration,
    },
}

/// Receives the events of every fetch of a cache, one after the other for each fetch.
///
/// An observer must not make requests of the cache: they could wait for the one that it is told of.
pub trait Observer: Send + Sync {
    /// Called from a thread that works for the request, which waits for it.
    fn event(&self, event: &ProgressEvent<'_>);
}

impl<F: Fn(&ProgressEvent<'_>) + Send + Sync> Observer for F {
    fn event(&self, event: &ProgressEvent<'_>) {
        self(event);
    }
}

/// Who is told of the progress of a fetch.
#[derive(Clone, Default)]
pub enum Progress {
    /// A bar on stderr while more than one batch is fetched; nothing where stderr is no terminal. The bars of requests
    /// that run at the same time stand below each other.
    #[default]
    Bar,
    /// Nobody.
    Silent,
    /// The application.
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
    /// An application's own observer: a closure `|event: &ProgressEvent<'_>| { … }`, or an [`Observer`].
    pub fn observer(observer: impl Observer + 'static) -> Self {
        Self::Observer(Arc::new(observer))
    }

    /// What tells the events of one fetch of so many batches.
    pub(crate) fn begin(&self, table: &str, batches: usize, ids: usize) -> Reporter {
        let reporter = match self {
            Self::Bar if batches > 1 && std::io::stderr().is_terminal() => Reporter::Bar(Box::new(Bar::new(&BARS))),
            Self::Bar | Self::Silent => Reporter::Silent,
            Self::Observer(observer) => Reporter::Observer(Arc::clone(observer)),
        };
        reporter.tell(&ProgressEvent::Started { table, batches, ids })
    }
}

/// The receiver of one fetch's events.
pub(crate) enum Reporter {
    Silent,
    Bar(Box<Bar>),
    Observer(Arc<dyn Observer>),
}

impl Reporter {
    pub(crate) fn tell(mut self, event: &ProgressEvent<'_>) -> Self {
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
