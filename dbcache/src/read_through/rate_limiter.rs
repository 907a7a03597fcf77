//! The rate limiter: a minimum interval between batches.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Spaces the batches of all requests of a cache evenly.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    interval: Duration,
    /// When the next batch may begin.
    next: Mutex<Option<Instant>>,
}

impl RateLimiter {
    /// Allows `batches` per `per`; 0 batches are treated as 1.
    pub(crate) fn new(batches: u32, per: Duration) -> Self {
        Self { interval: per / batches.max(1), next: Mutex::new(None) }
    }

    /// Reserves the start of one batch. Returns the time of the next free start if the batch has to wait.
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

    /// Cancels the last reservation, because its batch has nothing to fetch.
    pub(super) fn cancel(&self) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        *next = next.and_then(|next| next.checked_sub(self.interval));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reservations_are_an_interval_apart() {
        let limiter = RateLimiter::new(10, Duration::from_secs(1));
        let now = Instant::now();
        let tenth = Duration::from_millis(100);
        assert_eq!(limiter.reserve(now), Ok(()));
        assert_eq!(limiter.reserve(now), Err(now + tenth));
        assert_eq!(limiter.reserve(now + tenth), Ok(()));
        limiter.cancel();
        assert_eq!(limiter.reserve(now + tenth), Ok(()));
        assert_eq!(limiter.reserve(now + tenth), Err(now + 2 * tenth));
    }
}
