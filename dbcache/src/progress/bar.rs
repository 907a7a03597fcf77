//! The bar that shows a fetch on a terminal.

use std::sync::LazyLock;
use std::time::Duration;

use indicatif::{HumanCount, MultiProgress, ProgressBar, ProgressStyle};

use super::ProgressEvent;

/// All bars of the process, so that those of requests that run at the same time don't write over each other.
pub(super) static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// How often the bar's clock moves on while a batch runs.
const TICK: Duration = Duration::from_millis(100);
const TEMPLATE: &str = "{prefix} [{bar:30}] {pos}/{len} ids, {msg}, {eta} left";

/// One fetch: ids, batches, rows, rate, time left, and what went wrong.
pub(crate) struct Bar {
    bars: MultiProgress,
    drawn: ProgressBar,
    batches: usize,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    batches: usize,
    rows: u64,
    failed: usize,
    retries: usize,
}

impl Bar {
    pub(super) fn new(bars: &MultiProgress) -> Self {
        let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
        let drawn = bars.add(ProgressBar::no_length().with_style(style));
        Self { bars: bars.clone(), drawn, batches: 0, counts: Counts::default() }
    }

    pub(super) fn event(&mut self, event: &ProgressEvent<'_>) {
        match *event {
            ProgressEvent::Started { table, batches, ids } => self.start(table, batches, ids),
            ProgressEvent::Fetched { batch, ids, rows } => {
                self.counts.rows += rows as u64;
                self.advance(batch, ids);
            }
            ProgressEvent::Failed { batch, ids } => {
                self.counts.failed += 1;
                self.advance(batch, ids);
            }
            ProgressEvent::FetchedElsewhere { ids } => self.advance(0, ids),
            ProgressEvent::Retrying { .. } | ProgressEvent::Split { .. } => {
                self.counts.retries += 1;
                self.advance(0, 0);
            }
            ProgressEvent::Finished { elapsed, .. } => self.finish(elapsed),
        }
    }

    fn start(&mut self, table: &str, batches: usize, ids: usize) {
        self.batches = batches;
        self.drawn.set_length(ids as u64);
        self.drawn.set_prefix(table.to_owned());
        self.advance(0, 0);
        self.drawn.enable_steady_tick(TICK);
    }

    fn advance(&mut self, batch: usize, ids: usize) {
        self.counts.batches = self.counts.batches.max(batch);
        self.drawn.inc(ids as u64);
        let message = format!("batch {}/{}, {}", self.counts.batches, self.batches, self.counted());
        self.drawn.set_message(message);
    }

    /// Leaves one line: what was fetched, and in what time.
    fn finish(&mut self, elapsed: Duration) {
        self.drawn.finish_and_clear();
        // Where the line cannot be written, there is nobody to tell.
        let _ = self.bars.println(format!("{}: {} in {elapsed:.1?}", self.drawn.prefix(), self.counted()));
    }

    fn counted(&self) -> String {
        let Counts { rows, failed, retries, .. } = self.counts;
        let seconds = self.drawn.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = if seconds > 0.0 { rows as f64 / seconds } else { 0.0 };
        let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
        let retries = if retries > 0 { format!(", {retries} retries") } else { String::new() };
        format!("{} rows, {rate:.0} rows/s{failed}{retries}", HumanCount(rows))
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.drawn.finish_and_clear();
        self.bars.remove(&self.drawn);
    }
}
