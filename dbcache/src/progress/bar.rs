//! The progress bar that shows a fetch on a terminal.

use std::sync::LazyLock;
use std::time::Duration;

use indicatif::{HumanCount, MultiProgress, ProgressBar, ProgressStyle};

use super::ProgressEvent;

/// All bars of the process, so that those of concurrent requests do not overwrite each other.
pub(super) static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Interval at which the bar's clock advances while a batch runs.
const TICK: Duration = Duration::from_millis(100);
const TEMPLATE: &str = "{prefix} [{bar:30}] {pos}/{len} ids, {msg}, {eta} left";

/// The bar of one fetch: ids, batches, rows, rate, time left, failures and retries.
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
        let message = format!("batch {}/{}, {}", self.counts.batches, self.batches, self.summary());
        self.drawn.set_message(message);
    }

    /// Replaces the bar with one line: the number of rows and the time.
    fn finish(&mut self, elapsed: Duration) {
        self.drawn.finish_and_clear();
        // If the line cannot be written, there is nowhere to report that.
        let _ = self.bars.println(format!("{}: {} in {elapsed:.1?}", self.drawn.prefix(), self.summary()));
    }

    fn summary(&self) -> String {
        let Counts { rows, failed, retries, .. } = self.counts;
        let seconds = self.drawn.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = if seconds > 0.0 { rows as f64 / seconds } else { 0.0 };
        let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
        let retries = if retries > 0 { format!(", {retries} retried") } else { String::new() };
        format!("{} rows, {rate:.0} rows/s{failed}{retries}", HumanCount(rows))
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.drawn.finish_and_clear();
        self.bars.remove(&self.drawn);
    }
}

#[cfg(test)]
mod tests {
    use indicatif::{InMemoryTerm, ProgressDrawTarget};

    use super::*;

    fn terminal() -> (InMemoryTerm, MultiProgress) {
        let terminal = InMemoryTerm::new(10, 120);
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        (terminal, MultiProgress::with_draw_target(target))
    }

    fn begin(bars: &MultiProgress, table: &str) -> Bar {
        let mut bar = Bar::new(bars);
        bar.event(&ProgressEvent::Started { table, batches: 3, ids: 300 });
        bar
    }

    /// Asserts that each line of the terminal begins with the given text.
    fn assert_shows(terminal: &InMemoryTerm, lines: &[&str]) {
        let contents = terminal.contents();
        let agree = contents.lines().zip(lines).all(|(shown, line)| shown.starts_with(line));
        assert!(agree && contents.lines().count() == lines.len(), "{contents}");
    }

    #[test]
    fn bar_shows_ids_batches_rows_failures_and_retries() {
        let (terminal, bars) = terminal();
        let mut bar = begin(&bars, "public.users");
        bar.event(&ProgressEvent::Fetched { batch: 1, ids: 100, rows: 90 });
        bar.event(&ProgressEvent::Retrying { batch: 2, ids: 100, attempt: 2, delay: Duration::ZERO });
        bar.event(&ProgressEvent::Failed { batch: 2, ids: 100 });
        bar.drawn.tick();
        let line = terminal.contents();
        assert!(line.starts_with("public.users [█"), "{line}");
        assert!(line.contains("] 200/300 ids, batch 2/3, 90 rows, "), "{line}");
        assert!(line.contains(" rows/s, 1 failed, 1 retried, "), "{line}");
    }

    #[test]
    fn finished_bar_becomes_a_line_above_the_running_bars() {
        let (terminal, bars) = terminal();
        let (mut users, mut orders) = (begin(&bars, "public.users"), begin(&bars, "public.orders"));
        orders.event(&ProgressEvent::Fetched { batch: 1, ids: 100, rows: 100 });
        users.event(&ProgressEvent::Fetched { batch: 1, ids: 300, rows: 300 });
        users.drawn.tick();
        orders.drawn.tick();
        assert_shows(&terminal, &["public.users [", "public.orders ["]);
        users.event(&ProgressEvent::Finished { rows: 300, failed: 0, elapsed: Duration::from_millis(1500) });
        orders.drawn.tick();
        assert_shows(&terminal, &["public.users: 300 rows, ", "public.orders ["]);
        assert!(terminal.contents().lines().any(|line| line.ends_with(" in 1.5s")), "{}", terminal.contents());
    }

    #[test]
    fn bar_disappears_if_the_request_ends_early() {
        let (terminal, bars) = terminal();
        drop(begin(&bars, "public.users"));
        assert_shows(&terminal, &[]);
    }
}
