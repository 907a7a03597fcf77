//! Whether a batch that failed is split, to find the ids that are to blame.

use std::collections::HashMap;

use super::batch::Batch;
use crate::error::BatchError;

/// How the parts of each split batch fared.
#[derive(Debug, Default)]
pub(super) struct Splits(HashMap<usize, Parts>);

#[derive(Debug)]
struct Parts {
    any_came: bool,
    failed: u32,
    /// How many parts may fail, none having come, before the others are not tried.
    most: u32,
}

impl Splits {
    pub(super) fn succeeded(&mut self, batch: &Batch) {
        if let Some(parts) = self.0.get_mut(&batch.number) {
            parts.any_came = true;
        }
    }

    /// Whether a batch that failed, and is not asked again as it is, is to be split.
    pub(super) fn may_split(&mut self, batch: &Batch, cause: &BatchError) -> bool {
        let is_the_fetchers = matches!(cause, BatchError::Fetcher(_) | BatchError::TimedOut { .. });
        if !is_the_fetchers || (batch.ids.len() < 2 && !batch.is_part) {
            return false;
        }
        // One bad id fails at each level of halving; as many failures again are granted to others beside it.
        let most = 2 * (usize::BITS - batch.ids.len().leading_zeros());
        let parts = self.0.entry(batch.number).or_insert(Parts { any_came: false, failed: 0, most });
        parts.failed += 1;
        batch.ids.len() > 1 && !parts.is_hopeless()
    }

    /// Whether nothing speaks for any part of this batch.
    pub(super) fn is_hopeless(&self, batch: &Batch) -> bool {
        self.0.get(&batch.number).is_some_and(Parts::is_hopeless)
    }
}

impl Parts {
    fn is_hopeless(&self) -> bool {
        !self.any_came && self.failed > self.most
    }
}
