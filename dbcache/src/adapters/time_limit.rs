//! How long a batch may take, and since when.

use std::time::{Duration, Instant};

/// How long a batch may take, and since when.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeLimit {
    begun: Instant,
    after: Duration,
}

impl TimeLimit {
    pub(super) fn from_now(after: Duration) -> Self {
        Self { begun: Instant::now(), after }
    }

    pub(super) fn after(self) -> Duration {
        self.after
    }

    pub(super) fn left(self) -> Duration {
        self.after.saturating_sub(self.begun.elapsed())
    }

    pub(super) fn is_over(self) -> bool {
        self.left().is_zero()
    }
}
