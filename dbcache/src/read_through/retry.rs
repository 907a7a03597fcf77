//! The retry policy: whether and when a failed batch is fetched again.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

use crate::error::{BatchError, BoxError};

const FIRST_DELAY: Duration = Duration::from_millis(100);
const MAX_DELAY: Duration = Duration::from_secs(10);

type Predicate = Arc<dyn Fn(&BoxError) -> bool + Send + Sync>;

/// How often a failed batch is retried, and after which delays. By default it is not retried.
///
/// The first delay is 100 ms, and each further one twice as long, up to 10 s. A random part of at most the same length
/// is added to each delay, so that requests that failed together do not retry together. While a batch waits, other
/// batches continue.
///
/// Only fetcher errors and timeouts are retried. Rows that fail validation, or do not fit the stored types, would fail
/// again.
///
/// ```
/// use std::time::Duration;
///
/// use dbcache::{DynamicCache, Retry};
///
/// # let folder = tempfile::tempdir()?;
/// let cache = DynamicCache::builder()
///     .folder(folder.path())
///     .retry(Retry::times(5).first_delay(Duration::from_millis(20)).when(|cause| !cause.to_string().contains("denied")))
///     .open()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use = "a retry does nothing until it is given to a builder or a query"]
pub struct Retry {
    times: usize,
    first: Duration,
    longest: Duration,
    when: Option<Predicate>,
}

impl Retry {
    /// Retries a failed batch at most `times` times.
    pub fn times(times: usize) -> Self {
        Self { times, first: FIRST_DELAY, longest: MAX_DELAY, when: None }
    }

    /// Never retries.
    pub fn never() -> Self {
        Self::times(0)
    }

    /// Sets the delay before the first retry.
    pub fn first_delay(mut self, delay: Duration) -> Self {
        self.first = delay;
        self
    }

    /// Sets the maximum delay, before the random part is added.
    pub fn longest_delay(mut self, delay: Duration) -> Self {
        self.longest = delay;
        self
    }

    /// Retries fetcher errors only if `is_transient` returns `true` for them. Timeouts are always retried.
    pub fn when(mut self, is_transient: impl Fn(&BoxError) -> bool + Send + Sync + 'static) -> Self {
        self.when = Some(Arc::new(is_transient));
        self
    }

    /// Returns the delay before the next attempt, after `attempts` attempts, or `None` if there is none.
    pub(super) fn delay(&self, attempts: usize, cause: &BatchError) -> Option<Duration> {
        if attempts > self.times || !self.is_retried(cause) {
            return None;
        }
        let delays = ExponentialBuilder::default()
            .with_jitter()
            .with_min_delay(self.first)
            .with_max_delay(self.longest.max(self.first))
            .with_max_times(self.times);
        delays.build().nth(attempts.saturating_sub(1))
    }

    fn is_retried(&self, cause: &BatchError) -> bool {
        match cause {
            BatchError::Fetcher(cause) => self.when.as_ref().is_none_or(|is_transient| is_transient(cause)),
            BatchError::TimedOut { .. } => true,
            _ => false,
        }
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self::never()
    }
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("times", &self.times)
            .field("first_delay", &self.first)
            .field("longest_delay", &self.longest)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure() -> BatchError {
        BatchError::Fetcher("the connection broke".into())
    }

    #[test]
    fn nothing_is_retried_by_default() {
        assert_eq!(Retry::default().delay(1, &failure()), None);
    }

    #[test]
    fn delays_double_up_to_the_maximum() {
        let retry = Retry::times(4).first_delay(Duration::from_secs(1)).longest_delay(Duration::from_secs(3));
        let least: [u64; 4] = [1, 2, 3, 3];
        for (attempts, least) in (1..).zip(least) {
            let delay = retry.delay(attempts, &failure()).expect("an attempt is left");
            assert!((least..=2 * least).contains(&delay.as_secs()), "{attempts}: {delay:?}");
        }
        assert_eq!(retry.delay(5, &failure()), None);
    }

    #[test]
    fn only_timeouts_and_selected_errors_are_retried() {
        let retry = Retry::times(1).when(|cause| cause.to_string().contains("broke"));
        assert!(retry.delay(1, &failure()).is_some());
        assert!(retry.delay(1, &BatchError::TimedOut { after: Duration::from_secs(1) }).is_some());
        assert!(retry.delay(1, &BatchError::Fetcher("no such table".into())).is_none());
        assert!(retry.delay(1, &BatchError::NoIdColumn { column: "id".to_owned() }).is_none());
    }
}
