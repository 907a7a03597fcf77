//! Nested requests: which fetch makes a request, and whether its wait for other requests would be a deadlock.
//!
//! A fetcher may itself make requests of a cache. Such a request must not wait for ids in a batch that waits for the
//! request. Each thread and task therefore knows the batches that it is fetching. A nested request that is about to
//! wait first checks whether the batches that it would wait for wait, directly or indirectly, for one of these.

#[cfg(feature = "tokio")]
mod future;

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

thread_local! {
    static CURRENT: RefCell<Nesting> = const { RefCell::new(Nesting(None)) };
}

/// All nested requests of this process that are waiting for other requests. Requests that no fetcher makes are not
/// included, because no batch waits for them.
static WAITS: Mutex<Vec<Arc<Wait>>> = Mutex::new(Vec::new());

/// Identifies one batch among all batches of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchId(u64);

impl BatchId {
    pub(crate) fn new() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed))
    }
}

/// The batches that a thread or task is fetching, innermost first. Usually there are none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Nesting(Option<Arc<Level>>);

#[derive(Debug)]
struct Level {
    batch: BatchId,
    outer: Nesting,
}

impl Nesting {
    /// Returns the batches that the calling thread or task is fetching.
    pub(crate) fn current() -> Self {
        CURRENT.with_borrow(Self::clone)
    }

    /// Returns the nesting within one more batch.
    pub(crate) fn with(&self, batch: BatchId) -> Self {
        Self(Some(Arc::new(Level { batch, outer: self.clone() })))
    }

    /// Runs `work` as part of the fetch of these batches.
    pub(crate) fn enter<R>(&self, work: impl FnOnce() -> R) -> R {
        let _left = Entered { outer: CURRENT.replace(self.clone()) };
        work()
    }

    fn batches(&self) -> impl Iterator<Item = BatchId> {
        std::iter::successors(self.0.as_deref(), |level| level.outer.0.as_deref()).map(|level| level.batch)
    }

    fn contains(&self, batch: BatchId) -> bool {
        self.batches().any(|entered| entered == batch)
    }
}

/// Restores the outer nesting when dropped, also after a panic.
struct Entered {
    outer: Nesting,
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(std::mem::take(&mut self.outer));
    }
}

/// A registered wait of a nested request for batches of other requests, until it is dropped.
#[derive(Debug)]
pub(crate) struct Waiting(Arc<Wait>);

#[derive(Debug)]
struct Wait {
    nesting: Nesting,
    awaited: Vec<BatchId>,
}

/// A request would wait for itself.
#[derive(Debug)]
pub(crate) struct Circular;

impl Waiting {
    /// Registers the wait of a request with this nesting for some batches. Returns `None` if the request is not nested,
    /// because then no batch waits for it.
    ///
    /// # Errors
    ///
    /// Returns [`Circular`] if one of the batches waits for a batch of the nesting, which in turn waits for this
    /// request. The last request to join a cycle detects it, because all others are registered by then.
    pub(crate) fn begin(nesting: &Nesting, awaited: Vec<BatchId>) -> Result<Option<Self>, Circular> {
        if nesting.0.is_none() {
            return Ok(None);
        }
        let wait = Wait { nesting: nesting.clone(), awaited };
        let mut waits = waits();
        if closes_cycle(&wait, &waits) {
            return Err(Circular);
        }
        let wait = Arc::new(wait);
        waits.push(Arc::clone(&wait));
        Ok(Some(Self(wait)))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        waits().retain(|wait| !Arc::ptr_eq(wait, &self.0));
    }
}

fn closes_cycle(wait: &Wait, waits: &[Arc<Wait>]) -> bool {
    let mut reached = wait.awaited.clone();
    let mut next = 0;
    while let Some(batch) = reached.get(next).copied() {
        if wait.nesting.contains(batch) {
            return true;
        }
        let waited_for = waits.iter().filter(|other| other.nesting.contains(batch)).flat_map(|other| &other.awaited);
        for owner in waited_for {
            if !reached.contains(owner) {
                reached.push(*owner);
            }
        }
        next += 1;
    }
    false
}

fn waits() -> MutexGuard<'static, Vec<Arc<Wait>>> {
    WAITS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the nesting within one new batch.
    fn fetch() -> (BatchId, Nesting) {
        let batch = BatchId::new();
        (batch, Nesting::default().with(batch))
    }

    #[test]
    fn nested_request_does_not_wait_for_an_enclosing_fetch() {
        let (outer, nesting) = fetch();
        let inner = BatchId::new();
        let nesting = nesting.with(inner);
        assert!(Waiting::begin(&nesting, vec![inner]).is_err());
        assert!(Waiting::begin(&nesting, vec![BatchId::new(), outer]).is_err());
        assert!(matches!(Waiting::begin(&nesting, vec![BatchId::new()]), Ok(Some(_))));
    }

    #[test]
    fn wait_that_closes_a_cycle_of_three_is_refused_until_another_one_ends() {
        let [(a, in_a), (b, in_b), (c, in_c)] = [fetch(), fetch(), fetch()];
        let first = Waiting::begin(&in_a, vec![b]).expect("no cycle");
        let second = Waiting::begin(&in_b.with(BatchId::new()), vec![c]).expect("no cycle");
        assert!(Waiting::begin(&in_c, vec![a]).is_err());
        drop(second);
        let third = Waiting::begin(&in_c, vec![a]).expect("no cycle");
        assert!(Waiting::begin(&in_b, vec![c]).is_err());
        drop((first, third));
    }

    #[test]
    fn request_outside_a_fetch_may_wait_for_any_batch() {
        let (batch, _) = fetch();
        assert!(matches!(Waiting::begin(&Nesting::default(), vec![batch]), Ok(None)));
    }

    #[test]
    fn nesting_ends_with_its_work_even_after_a_panic() {
        let (batch, nesting) = fetch();
        let panicked = std::panic::catch_unwind(|| {
            nesting.enter(|| {
                assert!(Nesting::current().contains(batch));
                panic!("the fetcher is broken");
            })
        });
        assert!(panicked.is_err() && Nesting::current().0.is_none());
    }
}
