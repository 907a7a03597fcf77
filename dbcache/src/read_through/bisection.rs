//! Bisection of failed batches, to isolate the ids that cannot be fetched.

use std::collections::HashMap;

use super::batch::Batch;
use crate::error::BatchError;

/// The results of the halves of each bisected batch.
#[derive(Debug, Default)]
pub(super) struct Bisections(HashMap<usize, Bisection>);

#[derive(Debug)]
struct Bisection {
    any_succeeded: bool,
    failed: u32,
    /// Maximum number of failures while no half has succeeded. After that, the remaining halves are not fetched.
    max_failures: u32,
}

impl Bisections {
    /// Notes that a batch succeeded. Its bisection, if it is a half, is then never exhausted.
    pub(super) fn count_success(&mut self, batch: &Batch) {
        if let Some(bisection) = self.0.get_mut(&batch.number) {
            bisection.any_succeeded = true;
        }
    }

    /// Counts a failed batch that is not retried. Returns `true` if the batch should be bisected.
    pub(super) fn count_failure(&mut self, batch: &Batch, cause: &BatchError) -> bool {
        let is_fetch_error = matches!(cause, BatchError::Fetcher(_) | BatchError::TimedOut { .. });
        if !is_fetch_error || (batch.ids.len() < 2 && !batch.is_half) {
            return false;
        }
        // A single bad id fails once at each level of halving. The limit allows as many failures again for other bad
        // ids.
        let max_failures = 2 * (usize::BITS - batch.ids.len().leading_zeros());
        let bisection =
            self.0.entry(batch.number).or_insert(Bisection { any_succeeded: false, failed: 0, max_failures });
        bisection.failed += 1;
        batch.ids.len() > 1 && !bisection.is_exhausted()
    }

    /// Returns `true` if so many halves of this batch failed that the others are not worth fetching.
    pub(super) fn is_exhausted(&self, batch: &Batch) -> bool {
        self.0.get(&batch.number).is_some_and(Bisection::is_exhausted)
    }
}

impl Bisection {
    fn is_exhausted(&self) -> bool {
        !self.any_succeeded && self.failed > self.max_failures
    }
}
