//! How often the database is asked at most.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Spreads batches evenly over time, for all requests of a cache together.
#[derive(Debug)]
pub(crate) struct Pace {
    interval: Duration,
    /// When the next batch may begin.
    next: Mutex<Option<Instant>>,
}

impl Pace {
    /// At most so many batches in so much time; no batches count as 1.
    pub(crate) fn new(batches: u32, per: Duration) -> Self {
        Self { interval: per / batches.max(1), next: Mutex::new(None) }
    }

    /// Takes the place of one batch, or says when there is one.
    pub(super) fn reserve(&self, now: Instant) -> Result<(), Instant> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        match *next {
            Some(next) if next > now => Err(next),
            _ => {
                *next = Some(now + self.interval);
                Ok(())
            }
        }
    }

    /// Gives back a place that turned out not to be needed.
    pub(super) fn give_back(&self) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        *next = next.and_then(|next| next.checked_sub(self.interval));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_an_interval_apart() {
        let pace = Pace::new(10, Duration::from_secs(1));
        let now = Instant::now();
        let tenth = Duration::from_millis(100);
        assert_eq!(pace.reserve(now), Ok(()));
        assert_eq!(pace.reserve(now), Err(now + tenth));
        assert_eq!(pace.reserve(now + tenth), Ok(()));
        pace.give_back();
        assert_eq!(pace.reserve(now + tenth), Ok(()));
        assert_eq!(pace.reserve(now + tenth), Err(now + 2 * tenth));
    }
}
