//! Whether and when a failed batch is asked again.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

use crate::error::{BatchError, BoxError};

const FIRST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(10);

type Predicate = Arc<dyn Fn(&BoxError) -> bool + Send + Sync>;

/// How often a batch that failed is asked again, and after which delays. By default it is not.
///
/// The first delay is 100 ms, and each further one twice as long, up to 10 s. To each a random part is added, as long
/// as the delay at most, so that requests that failed together do not come back together. While a batch waits,
/// others go on.
///
/// Only failures of the fetcher, and batches that took too long, are asked again: rows that break their contract, or
/// do not fit with what is stored, would do so again.
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
    /// Asks a failed batch again, so many times at most.
    pub fn times(times: usize) -> Self {
        Self { times, first: FIRST_DELAY, longest: LONGEST_DELAY, when: None }
    }

    /// Does not ask again.
    pub fn never() -> Self {
        Self::times(0)
    }

    /// The delay before a batch is asked again for the first time.
    pub fn first_delay(mut self, delay: Duration) -> Self {
        self.first = delay;
        self
    }

    /// How long delays become at most, before the random part is added.
    pub fn longest_delay(mut self, delay: Duration) -> Self {
        self.longest = delay;
        self
    }

    /// Asks again only where the fetcher's error is such as to pass. Batches that took too long are always asked
    /// again.
    pub fn when(mut self, passes: impl Fn(&BoxError) -> bool + Send + Sync + 'static) -> Self {
        self.when = Some(Arc::new(passes));
        self
    }

    /// How long to wait before asking again, after so many attempts; `None` for no more of them.
    pub(super) fn delay(&self, attempts: usize, cause: &BatchError) -> Option<Duration> {
        if attempts > self.times || !self.may_pass(cause) {
            return None;
        }
        let delays = ExponentialBuilder::default()
            .with_jitter()
            .with_min_delay(self.first)
            .with_max_delay(self.longest.max(self.first))
            .with_max_times(self.times);
        delays.build().nth(attempts.saturating_sub(1))
    }

    fn may_pass(&self, cause: &BatchError) -> bool {
        match cause {
            BatchError::Fetcher(cause) => self.when.as_ref().is_none_or(|passes| passes(cause)),
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
    fn nothing_is_asked_again_by_default() {
        assert_eq!(Retry::default().delay(1, &failure()), None);
    }

    #[test]
    fn delays_double_up_to_the_longest_and_end() {
        let retry = Retry::times(4).first_delay(Duration::from_secs(1)).longest_delay(Duration::from_secs(3));
        let least: [u64; 4] = [1, 2, 3, 3];
        for (attempts, least) in (1..).zip(least) {
            let delay = retry.delay(attempts, &failure()).expect("an attempt is left");
            assert!((least..=2 * least).contains(&delay.as_secs()), "{attempts}: {delay:?}");
        }
        assert_eq!(retry.delay(5, &failure()), None);
    }

    #[test]
    fn only_what_may_pass_is_asked_again() {
        let retry = Retry::times(1).when(|cause| cause.to_string().contains("broke"));
        assert!(retry.delay(1, &failure()).is_some());
        assert!(retry.delay(1, &BatchError::TimedOut { after: Duration::from_secs(1) }).is_some());
        assert!(retry.delay(1, &BatchError::Fetcher("no such table".into())).is_none());
        assert!(retry.delay(1, &BatchError::NoIdColumn { column: "id".to_owned() }).is_none());
    }
}
