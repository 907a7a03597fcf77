//! What a fetch reports while it runs, and the progress bar that shows it.

use std::fmt;
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often the bar's clock moves on while a batch runs.
const TICK: Duration = Duration::from_millis(100);
const TEMPLATE: &str = "{prefix} [{bar:30}] {pos}/{len} batches, {msg}, {eta} left";

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
    /// A batch failed.
    Failed {
        /// The batch's place in the request, from 1.
        batch: usize,
        /// How many ids it asked.
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

/// Receives the events of every fetch of a cache, in order for each fetch.
pub trait Observer: Send + Sync {
    /// Called from the thread that fetches, which waits for it.
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
    /// A bar on stderr while more than one batch runs; nothing where stderr is no terminal.
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
            Self::Bar if batches > 1 && std::io::stderr().is_terminal() => Reporter::Bar(Box::new(Bar::new())),
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

/// The indicatif bar: batches, rows, rate, time left, failures.
pub(crate) struct Bar {
    drawn: ProgressBar,
    rows: u64,
    failed: u64,
}

impl Bar {
    fn new() -> Self {
        let drawn = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
        drawn.set_style(style);
        Self { drawn, rows: 0, failed: 0 }
    }

    fn event(&mut self, event: &ProgressEvent<'_>) {
        match *event {
            ProgressEvent::Started { table, batches, .. } => self.start(table, batches),
            ProgressEvent::Fetched { rows, .. } => {
                self.rows += rows as u64;
                self.advance();
            }
            ProgressEvent::Failed { .. } => {
                self.failed += 1;
                self.advance();
            }
            ProgressEvent::Finished { elapsed, .. } => self.finish(elapsed),
        }
    }

    fn start(&mut self, table: &str, batches: usize) {
        self.drawn.set_length(batches as u64);
        self.drawn.set_prefix(table.to_owned());
        self.drawn.set_message(self.counts());
        self.drawn.enable_steady_tick(TICK);
    }

    fn advance(&mut self) {
        self.drawn.inc(1);
        self.drawn.set_message(self.counts());
    }

    /// Leaves one line: what was fetched, and in what time.
    fn finish(&mut self, elapsed: Duration) {
        let table = self.drawn.prefix();
        self.drawn.finish_and_clear();
        self.drawn.println(format!("{table}: {} in {elapsed:.1?}", self.counts()));
    }

    fn counts(&self) -> String {
        let seconds = self.drawn.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = if seconds > 0.0 { self.rows as f64 / seconds } else { 0.0 };
        let failures = if self.failed > 0 { format!(", {} failed", self.failed) } else { String::new() };
        format!("{} rows, {rate:.0} rows/s{failures}", HumanCount(self.rows))
    }
}
