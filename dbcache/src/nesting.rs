//! Which fetch a request is made in, and whether its wait for other requests would be a wait for itself.
//!
//! A fetcher may ask a cache. Its request then must not wait for ids that are fetched by a batch which waits for that
//! very request. So each thread and task knows the batches that it is in the middle of fetching, and a request that is
//! about to wait first looks whether the batches that it waits for wait for one of these.

#[cfg(feature = "tokio")]
mod future;

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

thread_local! {
    static CURRENT: RefCell<Nesting> = const { RefCell::new(Nesting(None)) };
}

/// All nested requests of this process that wait for others. Requests that no fetcher makes are not among them, because
/// no batch waits for those.
static WAITS: Mutex<Vec<Arc<Wait>>> = Mutex::new(Vec::new());

/// One batch of one request, told from all others of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchId(u64);

impl BatchId {
    pub(crate) fn new() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed))
    }
}

/// The batches that a thread or task is in the middle of fetching, the innermost first; none, as a rule.
#[derive(Clone, Debug, Default)]
pub(crate) struct Nesting(Option<Arc<Level>>);

#[derive(Debug)]
struct Level {
    batch: BatchId,
    outer: Nesting,
}

impl Nesting {
    /// The batches that the calling thread or task is in the middle of fetching.
    pub(crate) fn current() -> Self {
        CURRENT.with_borrow(Self::clone)
    }

    /// The same batches, and one in the middle of them.
    pub(crate) fn with(&self, batch: BatchId) -> Self {
        Self(Some(Arc::new(Level { batch, outer: self.clone() })))
    }

    /// Does work in the middle of these batches.
    pub(crate) fn enter<R>(&self, work: impl FnOnce() -> R) -> R {
        let _left = Entered { outer: CURRENT.replace(self.clone()) };
        work()
    }

    fn batches(&self) -> impl Iterator<Item = BatchId> {
        std::iter::successors(self.0.as_deref(), |level| level.outer.0.as_deref()).map(|level| level.batch)
    }

    fn is_in(&self, batch: BatchId) -> bool {
        self.batches().any(|entered| entered == batch)
    }
}

/// Leaves a nesting when it is dropped, be it by a panic.
struct Entered {
    outer: Nesting,
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(std::mem::take(&mut self.outer));
    }
}

/// A nested request that waits for batches of others, until it is dropped.
#[derive(Debug)]
pub(crate) struct Waiting(Arc<Wait>);

#[derive(Debug)]
struct Wait {
    nesting: Nesting,
    owners: Vec<BatchId>,
}

/// A request would wait for itself.
#[derive(Debug)]
pub(crate) struct Circular;

impl Waiting {
    /// Begins to wait for batches in a request of this nesting; `None` where nobody can wait for that request.
    ///
    /// # Errors
    ///
    /// [`Circular`] if one of the batches waits for a batch of the nesting, which in turn waits for this request. The
    /// last request of a circle to wait finds it closed, since all others are known to wait by then.
    pub(crate) fn begin(nesting: &Nesting, owners: Vec<BatchId>) -> Result<Option<Self>, Circular> {
        if nesting.0.is_none() {
            return Ok(None);
        }
        let wait = Wait { nesting: nesting.clone(), owners };
        let mut waits = waits();
        if closes_a_circle(&wait, &waits) {
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

fn closes_a_circle(wait: &Wait, waits: &[Arc<Wait>]) -> bool {
    let mut reached = wait.owners.clone();
    let mut next = 0;
    while let Some(batch) = reached.get(next).copied() {
        if wait.nesting.is_in(batch) {
            return true;
        }
        let waited_for = waits.iter().filter(|other| other.nesting.is_in(batch)).flat_map(|other| &other.owners);
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

    /// A nesting of one batch of its own.
    fn fetch() -> (BatchId, Nesting) {
        let batch = BatchId::new();
        (batch, Nesting::default().with(batch))
    }

    #[test]
    fn a_request_in_a_fetch_does_not_wait_for_that_fetch_or_one_around_it() {
        let (outer, nesting) = fetch();
        let inner = BatchId::new();
        let nesting = nesting.with(inner);
        assert!(Waiting::begin(&nesting, vec![inner]).is_err());
        assert!(Waiting::begin(&nesting, vec![BatchId::new(), outer]).is_err());
        assert!(matches!(Waiting::begin(&nesting, vec![BatchId::new()]), Ok(Some(_))));
    }

    #[test]
    fn the_last_wait_of_a_circle_of_three_is_refused_until_another_one_ends() {
        let [(a, in_a), (b, in_b), (c, in_c)] = [fetch(), fetch(), fetch()];
        let first = Waiting::begin(&in_a, vec![b]).expect("no circle");
        let second = Waiting::begin(&in_b.with(BatchId::new()), vec![c]).expect("no circle");
        assert!(Waiting::begin(&in_c, vec![a]).is_err());
        drop(second);
        let third = Waiting::begin(&in_c, vec![a]).expect("no circle");
        assert!(Waiting::begin(&in_b, vec![c]).is_err());
        drop((first, third));
    }

    #[test]
    fn a_request_that_no_fetch_makes_waits_for_anything() {
        let (batch, _) = fetch();
        assert!(matches!(Waiting::begin(&Nesting::default(), vec![batch]), Ok(None)));
    }

    #[test]
    fn a_nesting_ends_with_its_work_even_if_that_panics() {
        let (batch, nesting) = fetch();
        let panicked = std::panic::catch_unwind(|| {
            nesting.enter(|| {
                assert!(Nesting::current().is_in(batch));
                panic!("the fetcher is broken");
            })
        });
        assert!(panicked.is_err() && Nesting::current().0.is_none());
    }
}
