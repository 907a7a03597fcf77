//! Single-flight: overlapping requests of one process fetch each id once.
//!
//! A request claims the ids of a batch before it fetches them. It releases the claim once their rows are committed, the
//! batch fails for good, or the request is cancelled. A request that wants a claimed id waits for the release, then
//! claims the id itself and checks again: it does not fetch ids that are stored by then, or that the other request
//! found to be absent from the database. A waiting request therefore takes over from one that failed.
//!
//! No request waits for a claim while it holds one, so requests cannot deadlock. The exception is a request that a
//! fetcher makes, because the batch that is being fetched holds a claim in the meantime. `nesting` detects such cycles.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, Weak};
use std::task::Waker;

use crate::error::Result;
use crate::key::IdSet;
use crate::locked::locked;
use crate::name::TableName;
use crate::nesting::BatchId;

/// The claims of all cache directories that are open in this process. Several caches of one directory share them.
static DIRECTORIES: LazyLock<Mutex<HashMap<PathBuf, Weak<FolderClaims>>>> = LazyLock::new(Mutex::default);

/// The claims on the tables of one cache directory.
#[derive(Debug, Default)]
pub(crate) struct FolderClaims {
    tables: Mutex<HashMap<TableName, Arc<TableClaims>>>,
}

impl FolderClaims {
    /// Returns the claims of a directory, which is identified by its canonical path.
    pub(crate) fn of(directory: PathBuf) -> Arc<Self> {
        let mut directories = locked(&DIRECTORIES);
        directories.retain(|_, claims| claims.strong_count() > 0);
        let known = directories.get(&directory).and_then(Weak::upgrade);
        known.unwrap_or_else(|| {
            let claims = Arc::default();
            directories.insert(directory, Arc::downgrade(&claims));
            claims
        })
    }

    pub(super) fn table(&self, name: &TableName) -> Arc<TableClaims> {
        let mut tables = locked(&self.tables);
        if let Some(known) = tables.get(name) {
            return Arc::clone(known);
        }
        Arc::clone(tables.entry(name.clone()).or_default())
    }
}

/// The claims on the rows of one table.
#[derive(Debug, Default)]
pub(super) struct TableClaims(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    held: Vec<Arc<Held>>,
    /// The number of the last request that began.
    last_number: u64,
    /// The numbers of the in-flight requests, ascending.
    in_flight: Vec<u64>,
    absent: Vec<AbsentFinding>,
}

/// Ids that a request found to be absent from the database.
#[derive(Debug)]
struct AbsentFinding {
    ids: IdSet,
    /// The last request that had begun when the ids were found to be absent. This request and earlier ones overlap with
    /// the finding, and may use it.
    request: u64,
}

impl State {
    /// Forgets absent ids that no in-flight request may use.
    fn prune(&mut self) {
        let first = self.in_flight.first().copied();
        self.absent.retain(|absent| first.is_some_and(|first| absent.request >= first));
    }
}

/// Claimed ids.
#[derive(Debug)]
struct Held {
    ids: IdSet,
    batch: BatchId,
    waiters: Mutex<Waiters>,
}

#[derive(Debug, Default)]
struct Waiters {
    is_released: bool,
    wakers: Vec<Waker>,
}

/// A request that is registered with the claims of its table, until it is dropped.
#[derive(Debug)]
pub(super) struct InFlightRequest {
    claims: Arc<TableClaims>,
    number: u64,
    began_as_only: bool,
}

impl InFlightRequest {
    /// Registers a request. This happens before the request looks ids up: rows whose claims it does not see are then
    /// visible to its lookup.
    pub(super) fn begin(claims: Arc<TableClaims>) -> Self {
        let mut state = locked(&claims.0);
        let began_as_only = state.in_flight.is_empty();
        state.last_number += 1;
        let number = state.last_number;
        state.in_flight.push(number);
        drop(state);
        Self { claims, number, began_as_only }
    }

    /// Returns `true` if no other request has been in flight since this one began.
    pub(super) fn is_only_request(&self) -> bool {
        self.began_as_only && locked(&self.claims.0).last_number == self.number
    }

    /// Claims, for a batch, the ids that no other request holds.
    pub(super) fn claim(&self, ids: &IdSet, batch: BatchId) -> Result<ClaimResult> {
        let mut state = locked(&self.claims.0);
        let mut free = ids.clone();
        let mut awaited = Vec::new();
        for held in state.held.iter().filter(|held| held.ids.may_share(ids)) {
            let shared = free.select(&free.locate_among(&held.ids))?;
            if !shared.is_empty() {
                free = free.without(&shared)?;
                awaited.push(Awaited { held: Arc::clone(held), ids: shared });
            }
        }
        let claim = (!free.is_empty()).then(|| {
            let held = Arc::new(Held { ids: free, batch, waiters: Mutex::default() });
            state.held.push(Arc::clone(&held));
            Claim { claims: Arc::clone(&self.claims), held }
        });
        Ok(ClaimResult { claim, awaited })
    }

    /// Tells other in-flight requests that the database does not have these ids.
    pub(super) fn found_absent(&self, ids: &IdSet) {
        if ids.is_empty() || self.is_only_request() {
            return;
        }
        let mut state = locked(&self.claims.0);
        let request = state.last_number;
        state.absent.push(AbsentFinding { ids: ids.clone(), request });
    }

    /// Returns the ids in `ids` that a request found to be absent since this one began.
    pub(super) fn known_absent(&self, ids: &IdSet) -> Result<IdSet> {
        let state = locked(&self.claims.0);
        let findings = state.absent.iter().filter(|absent| absent.request >= self.number && absent.ids.may_share(ids));
        let mut found = findings.map(|absent| ids.select(&ids.locate_among(&absent.ids)));
        found.try_fold(ids.none(), |all, found| all.joined(found?))
    }
}

impl Drop for InFlightRequest {
    fn drop(&mut self) {
        let mut state = locked(&self.claims.0);
        state.in_flight.retain(|number| *number != self.number);
        state.prune();
    }
}

/// The result of claiming some ids.
#[derive(Debug)]
pub(super) struct ClaimResult {
    /// The claim on the free ids, if there were any.
    pub(super) claim: Option<Claim>,
    /// The ids that other requests hold.
    pub(super) awaited: Vec<Awaited>,
}

/// The exclusive right to fetch some ids, until it is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    claims: Arc<TableClaims>,
    held: Arc<Held>,
}

impl Claim {
    pub(super) fn ids(&self) -> &IdSet {
        &self.held.ids
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        locked(&self.claims.0).held.retain(|held| !Arc::ptr_eq(held, &self.held));
        let wakers = {
            let mut waiters = locked(&self.held.waiters);
            waiters.is_released = true;
            std::mem::take(&mut waiters.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// Ids that another request is fetching.
#[derive(Debug)]
pub(super) struct Awaited {
    held: Arc<Held>,
    ids: IdSet,
}

impl Awaited {
    pub(super) fn ids(&self) -> &IdSet {
        &self.ids
    }

    /// Returns the batch that fetches the ids.
    pub(super) fn owner(&self) -> BatchId {
        self.held.batch
    }

    /// Returns `true` if the claim on the ids has been released. Otherwise registers the waker, which is woken on
    /// release.
    pub(super) fn poll_released(&self, waker: &Waker) -> bool {
        let mut waiters = locked(&self.held.waiters);
        if !waiters.is_released && !waiters.wakers.iter().any(|known| known.will_wake(waker)) {
            waiters.wakers.push(waker.clone());
        }
        waiters.is_released
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;
    use crate::key::Key;

    #[derive(Default)]
    struct Wakeups(AtomicUsize);

    impl Wake for Wakeups {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn in_flight_requests() -> [InFlightRequest; 2] {
        let claims = Arc::<TableClaims>::default();
        [InFlightRequest::begin(Arc::clone(&claims)), InFlightRequest::begin(claims)]
    }

    fn ids(ids: &[i64]) -> IdSet {
        i64::to_set(ids)
    }

    fn claim(request: &InFlightRequest, of: &[i64]) -> ClaimResult {
        request.claim(&ids(of), BatchId::new()).expect("ids of one type")
    }

    #[test]
    fn claimed_id_cannot_be_claimed_again() {
        let [first, second] = in_flight_requests();
        let held = claim(&first, &[1, 2, 3]).claim.expect("free ids");
        let result = claim(&second, &[3, 4]);
        assert_eq!(result.claim.as_ref().map(Claim::ids), Some(&ids(&[4])));
        assert_eq!(result.awaited.iter().map(Awaited::ids).collect::<Vec<_>>(), [&ids(&[3])]);
        drop(held);
        assert!(claim(&second, &[3]).awaited.is_empty());
    }

    #[test]
    fn releasing_a_claim_wakes_each_waiter_once() {
        let [first, second] = in_flight_requests();
        let held = claim(&first, &[1]).claim;
        let awaited = claim(&second, &[1]).awaited.remove(0);
        let wakeups = Arc::<Wakeups>::default();
        let waker = Waker::from(Arc::clone(&wakeups));
        assert!(!awaited.poll_released(&waker));
        assert!(!awaited.poll_released(&waker));
        drop(held);
        assert!(awaited.poll_released(&waker));
        assert_eq!(wakeups.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn absent_ids_are_shared_with_overlapping_requests_only() {
        let [first, second] = in_flight_requests();
        first.found_absent(&ids(&[1, 2]));
        assert_eq!(second.known_absent(&ids(&[2, 3])).expect("ids of one type"), ids(&[2]));
        let later = InFlightRequest::begin(Arc::clone(&first.claims));
        assert_eq!(later.known_absent(&ids(&[2, 3])).expect("ids of one type"), ids(&[]));
        drop((first, second));
        assert!(locked(&later.claims.0).absent.is_empty());
    }

    #[test]
    fn request_is_the_only_one_until_another_begins() {
        let claims = Arc::<TableClaims>::default();
        let first = InFlightRequest::begin(Arc::clone(&claims));
        assert!(first.is_only_request());
        let second = InFlightRequest::begin(Arc::clone(&claims));
        drop(first);
        assert!(!second.is_only_request());
        drop(second);
        assert!(InFlightRequest::begin(claims).is_only_request());
    }

    #[test]
    fn caches_of_one_directory_share_its_claims() {
        let claims = FolderClaims::of("a/directory".into());
        assert!(Arc::ptr_eq(&claims, &FolderClaims::of("a/directory".into())));
        assert!(!Arc::ptr_eq(&claims, &FolderClaims::of("another/directory".into())));
    }
}
