//! Who fetches which ids now: requests of one process that overlap fetch each id once.
//!
//! A request claims the ids of a batch before it fetches them, and keeps the claim until their rows are committed.
//! Who wants claimed ids waits until the claim ends, and then claims them in turn: what it finds stored by then, or
//! knows to be absent, it does not fetch again. So a failed or cancelled request hands over to one that waits.
//!
//! Nobody waits while it holds a claim, so that requests cannot wait for each other in a circle. The exception is a
//! request that a fetcher makes: the batch that is being fetched holds a claim meanwhile. `nesting` sees to those.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, Weak};
use std::task::Waker;

use crate::error::Result;
use crate::key::IdSet;
use crate::locked::locked;
use crate::name::TableName;
use crate::nesting::BatchId;

/// The claims of all folders that are open in this process, so that several caches of one folder share them.
static FOLDERS: LazyLock<Mutex<HashMap<PathBuf, Weak<FolderClaims>>>> = LazyLock::new(Mutex::default);

/// The claims on the tables of one folder.
#[derive(Debug, Default)]
pub(crate) struct FolderClaims {
    tables: Mutex<HashMap<TableName, Arc<TableClaims>>>,
}

impl FolderClaims {
    /// The claims of a folder, by its one true path.
    pub(crate) fn of(folder: PathBuf) -> Arc<Self> {
        let mut folders = locked(&FOLDERS);
        folders.retain(|_, claims| claims.strong_count() > 0);
        let known = folders.get(&folder).and_then(Weak::upgrade);
        known.unwrap_or_else(|| {
            let claims = Arc::default();
            folders.insert(folder, Arc::downgrade(&claims));
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
    /// The number of the last visit.
    last: u64,
    /// The visits that go on, the first of them first.
    visits: Vec<u64>,
    absent: Vec<Absent>,
}

/// Ids that the database turned out not to have.
#[derive(Debug)]
struct Absent {
    ids: IdSet,
    /// The last visit of the time. It and those before it went on at the same time, and share the finding.
    visit: u64,
}

impl State {
    /// Forgets what no visit shares any more.
    fn prune(&mut self) {
        let first = self.visits.first().copied();
        self.absent.retain(|absent| first.is_some_and(|first| absent.visit >= first));
    }
}

/// Ids that are being fetched.
#[derive(Debug)]
struct Held {
    ids: IdSet,
    batch: BatchId,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    is_over: bool,
    bells: Vec<Waker>,
}

/// One request's time with a table's claims.
#[derive(Debug)]
pub(super) struct Visit {
    claims: Arc<TableClaims>,
    number: u64,
    began_alone: bool,
}

impl Visit {
    /// Begins before the request looks anything up, so that what it misses in the claims is in what it looks up.
    pub(super) fn begin(claims: Arc<TableClaims>) -> Self {
        let mut state = locked(&claims.0);
        let began_alone = state.visits.is_empty();
        state.last += 1;
        let number = state.last;
        state.visits.push(number);
        drop(state);
        Self { claims, number, began_alone }
    }

    /// Whether no other request was there in all the time of this one.
    pub(super) fn is_alone(&self) -> bool {
        self.began_alone && locked(&self.claims.0).last == self.number
    }

    /// Claims those ids that nobody else holds, for a batch.
    pub(super) fn claim(&self, ids: &IdSet, batch: BatchId) -> Result<Claiming> {
        let mut state = locked(&self.claims.0);
        let mut free = ids.clone();
        let mut others = Vec::new();
        for held in state.held.iter().filter(|held| held.ids.may_share(ids)) {
            let shared = free.select(&free.locate_among(&held.ids))?;
            if !shared.is_empty() {
                free = free.without(&shared)?;
                others.push(Awaited { held: Arc::clone(held), ids: shared });
            }
        }
        let mine = (!free.is_empty()).then(|| {
            let held = Arc::new(Held { ids: free, batch, waiting: Mutex::default() });
            state.held.push(Arc::clone(&held));
            Claim { claims: Arc::clone(&self.claims), held }
        });
        Ok(Claiming { mine, others })
    }

    /// Tells the other requests that the database does not have these ids.
    pub(super) fn found_absent(&self, ids: &IdSet) {
        if ids.is_empty() || self.is_alone() {
            return;
        }
        let mut state = locked(&self.claims.0);
        let visit = state.last;
        state.absent.push(Absent { ids: ids.clone(), visit });
    }

    /// Those of these ids that turned out to be absent in the time of this visit.
    pub(super) fn known_absent(&self, ids: &IdSet) -> Result<IdSet> {
        let state = locked(&self.claims.0);
        let findings = state.absent.iter().filter(|absent| absent.visit >= self.number && absent.ids.may_share(ids));
        let mut found = findings.map(|absent| ids.select(&ids.locate_among(&absent.ids)));
        found.try_fold(ids.none(), |all, found| all.joined(found?))
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut state = locked(&self.claims.0);
        state.visits.retain(|number| *number != self.number);
        state.prune();
    }
}

/// What came of claiming some ids.
#[derive(Debug)]
pub(super) struct Claiming {
    /// The claim on the ids that were free, if any were.
    pub(super) mine: Option<Claim>,
    /// The ids that others hold.
    pub(super) others: Vec<Awaited>,
}

/// The right to fetch some ids, until it is dropped.
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
        let bells = {
            let mut waiting = locked(&self.held.waiting);
            waiting.is_over = true;
            std::mem::take(&mut waiting.bells)
        };
        bells.into_iter().for_each(Waker::wake);
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

    /// The batch that fetches them.
    pub(super) fn owner(&self) -> BatchId {
        self.held.batch
    }

    /// Whether the other request is done with the ids. If not, the bell rings when it is.
    pub(super) fn is_over(&self, bell: &Waker) -> bool {
        let mut waiting = locked(&self.held.waiting);
        if !waiting.is_over && !waiting.bells.iter().any(|known| known.will_wake(bell)) {
            waiting.bells.push(bell.clone());
        }
        waiting.is_over
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;
    use crate::key::Key;

    #[derive(Default)]
    struct Rings(AtomicUsize);

    impl Wake for Rings {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn visits() -> [Visit; 2] {
        let claims = Arc::<TableClaims>::default();
        [Visit::begin(Arc::clone(&claims)), Visit::begin(claims)]
    }

    fn ids(ids: &[i64]) -> IdSet {
        i64::to_set(ids)
    }

    fn claim(visit: &Visit, of: &[i64]) -> Claiming {
        visit.claim(&ids(of), BatchId::new()).expect("ids of one type")
    }

    #[test]
    fn an_id_has_one_claim_at_a_time() {
        let [first, second] = visits();
        let held = claim(&first, &[1, 2, 3]).mine.expect("free ids");
        let claiming = claim(&second, &[3, 4]);
        assert_eq!(claiming.mine.as_ref().map(Claim::ids), Some(&ids(&[4])));
        assert_eq!(claiming.others.iter().map(Awaited::ids).collect::<Vec<_>>(), [&ids(&[3])]);
        drop(held);
        assert!(claim(&second, &[3]).others.is_empty());
    }

    #[test]
    fn the_end_of_a_claim_rings_once() {
        let [first, second] = visits();
        let held = claim(&first, &[1]).mine;
        let awaited = claim(&second, &[1]).others.remove(0);
        let rings = Arc::<Rings>::default();
        let bell = Waker::from(Arc::clone(&rings));
        assert!(!awaited.is_over(&bell));
        assert!(!awaited.is_over(&bell));
        drop(held);
        assert!(awaited.is_over(&bell));
        assert_eq!(rings.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn absent_ids_are_known_to_requests_of_the_same_time_only() {
        let [first, second] = visits();
        first.found_absent(&ids(&[1, 2]));
        assert_eq!(second.known_absent(&ids(&[2, 3])).expect("ids of one type"), ids(&[2]));
        let later = Visit::begin(Arc::clone(&first.claims));
        assert_eq!(later.known_absent(&ids(&[2, 3])).expect("ids of one type"), ids(&[]));
        drop((first, second));
        assert!(locked(&later.claims.0).absent.is_empty());
    }

    #[test]
    fn a_request_is_alone_until_another_one_begins() {
        let claims = Arc::<TableClaims>::default();
        let first = Visit::begin(Arc::clone(&claims));
        assert!(first.is_alone());
        let second = Visit::begin(Arc::clone(&claims));
        drop(first);
        assert!(!second.is_alone());
        drop(second);
        assert!(Visit::begin(claims).is_alone());
    }

    #[test]
    fn caches_of_one_folder_share_its_claims() {
        let claims = FolderClaims::of("a/folder".into());
        assert!(Arc::ptr_eq(&claims, &FolderClaims::of("a/folder".into())));
        assert!(!Arc::ptr_eq(&claims, &FolderClaims::of("another/folder".into())));
    }
}
