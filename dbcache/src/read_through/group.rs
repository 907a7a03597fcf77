//! Fetched rows on their way to disk.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::batch::{Batch, Brought};
use super::wants::Wants;
use crate::error::{BatchError, BatchFailure, Error, RejectedRow, Result};
use crate::key::IdSet;
use crate::storage::{Asked, Replace, Rows, Snapshot, Update, Updated, merge_all};

/// Fetched rows wait at least this long for others to be committed with them.
const LEAST_WAIT: Duration = Duration::from_millis(250);
/// Fetched rows wait this many times longer than the last commit took, so that committing takes a fifth of the time.
const WAIT_FACTOR: u32 = 4;
/// Above so many bytes of uncommitted rows nothing more is fetched, until a commit is done.
const MOST_BYTES: usize = 24 << 20;
/// Above so many bytes rows are committed at once, so that fetching can go on beside the commit.
const ENOUGH_BYTES: usize = MOST_BYTES / 2;

/// Batches that are committed together, so that many small ones don't each pay for a commit.
#[derive(Debug)]
pub(super) struct Group {
    wants: Arc<Wants>,
    replace: Replace,
    /// The table as of the last commit.
    stored: Arc<Snapshot>,
    pending: Vec<Pending>,
    pending_bytes: usize,
    /// The bytes of the commit under way, if there is one.
    committing: Option<usize>,
    /// How many rows were committed.
    committed: usize,
    last_commit: Instant,
    /// How long fetched rows wait for others before they are committed.
    wait: Duration,
    /// Whether all rows are committed together in the end: a refresh brought a column in another type, which the table
    /// takes only with every row that has the column.
    waits_for_all: bool,
}

/// The rows of a batch that waits to be committed.
#[derive(Debug)]
struct Pending {
    batch: Batch,
    /// Those of the batch's ids whose stored rows this stands against.
    asked: IdSet,
    rows: Rows,
    gone: IdSet,
}

impl Group {
    pub(super) fn new(wants: Arc<Wants>, stored: Arc<Snapshot>, replace: Replace, now: Instant) -> Self {
        Self {
            wants,
            replace,
            stored,
            pending: Vec::new(),
            pending_bytes: 0,
            committing: None,
            committed: 0,
            last_commit: now,
            wait: LEAST_WAIT,
            waits_for_all: false,
        }
    }

    pub(super) fn stored(&self) -> &Arc<Snapshot> {
        &self.stored
    }

    /// How many rows were committed.
    pub(super) fn committed(&self) -> usize {
        self.committed
    }

    pub(super) fn push(&mut self, batch: &Batch, brought: Brought) -> Result<()> {
        // Only what a refresh does not find any more may be stored, and so may have to go.
        let gone = match self.replace {
            Replace::Whole => batch.ids.without(&brought.ids_among(&batch.ids)?)?,
            Replace::CarryOver => batch.ids.none(),
        };
        let before = self.pending.len();
        // A rejected row says nothing of the stored one, which stays.
        let mut asked = batch.ids.without(&brought.rejected_among(&batch.ids)?)?;
        let mut parts = brought.parts.into_iter();
        if let Some(first) = parts.next() {
            for rows in parts.filter(|rows| !rows.ids().is_empty()) {
                asked = asked.without(rows.ids())?;
                let (ids, gone) = (rows.ids().clone(), batch.ids.none());
                self.pending.push(Pending { batch: batch.clone(), asked: ids, rows, gone });
            }
            if !first.ids().is_empty() || !gone.is_empty() {
                self.pending.insert(before, Pending { batch: batch.clone(), asked, rows: first, gone });
            }
        }
        if self.pending.len() > before {
            self.pending_bytes += brought.bytes;
        }
        Ok(())
    }

    /// Whether so much waits to be committed that nothing more should be fetched.
    pub(super) fn is_full(&self) -> bool {
        !self.waits_for_all && self.pending_bytes + self.committing.unwrap_or(0) >= MOST_BYTES
    }

    pub(super) fn is_committing(&self) -> bool {
        self.committing.is_some()
    }

    /// When the next commit is due; `None` where there is nothing to commit yet, or a commit is under way.
    pub(super) fn due(&self) -> Option<Instant> {
        if self.pending.is_empty() || self.is_committing() || self.waits_for_all {
            return None;
        }
        let wait = if self.pending_bytes >= ENOUGH_BYTES { Duration::ZERO } else { self.wait };
        Some(self.last_commit + wait)
    }

    /// Begins a commit of all that is there; `None` where nothing is due some time, or a commit is under way.
    pub(super) fn begin(&mut self) -> Option<Commit> {
        self.due()?;
        Some(self.commit(false))
    }

    /// All that is there and not being committed, whether it is due or not, after which nothing more is expected.
    pub(super) fn rest(&mut self) -> Option<Commit> {
        (!self.pending.is_empty()).then(|| self.commit(true))
    }

    fn commit(&mut self, is_last: bool) -> Commit {
        self.committing = Some(std::mem::take(&mut self.pending_bytes));
        Commit {
            wants: Arc::clone(&self.wants),
            replace: self.replace,
            pending: std::mem::take(&mut self.pending),
            is_last,
        }
    }

    /// Takes in a commit that is done, and returns what does not fit with what is stored, and the ids whose stored rows
    /// overtook the fetched ones.
    ///
    /// # Errors
    ///
    /// That of the commit.
    pub(super) fn end(&mut self, committed: Committed, now: Instant) -> Result<(Refused, Option<IdSet>)> {
        let bytes = self.committing.take().unwrap_or(0);
        if !committed.put_off.is_empty() {
            self.waits_for_all = true;
            self.pending_bytes += bytes;
            self.pending.splice(0..0, committed.put_off);
        }
        self.wait = LEAST_WAIT.max(committed.took * WAIT_FACTOR);
        self.last_commit = now;
        self.committed += committed.rows;
        if let Some(stored) = committed.stored {
            self.stored = stored;
        }
        Ok((committed.refused?, committed.overtaken))
    }
}

/// Rows to be committed. It is carried out beside the fetching.
#[derive(Debug)]
pub(super) struct Commit {
    wants: Arc<Wants>,
    replace: Replace,
    pending: Vec<Pending>,
    /// Whether no other commit of the request follows.
    is_last: bool,
}

/// What came of a commit.
#[derive(Debug)]
pub(super) struct Committed {
    stored: Option<Arc<Snapshot>>,
    rows: usize,
    refused: Result<Refused>,
    overtaken: Option<IdSet>,
    /// What is committed later, with the rows that are still to come.
    put_off: Vec<Pending>,
    took: Duration,
}

/// What does not fit with what is stored.
#[derive(Debug, Default)]
pub(super) struct Refused {
    pub(super) failures: Vec<BatchFailure>,
    pub(super) rejected: Vec<RejectedRow>,
}

#[cfg(feature = "tokio")]
impl Committed {
    pub(super) fn took(&self) -> Duration {
        self.took
    }
}

impl Commit {
    /// Commits. The claims on the rows end only after that, so that who waits for them finds them.
    pub(super) fn run(self) -> Committed {
        let began = Instant::now();
        let mut committed = Committed {
            stored: None,
            rows: 0,
            refused: Ok(Refused::default()),
            overtaken: None,
            put_off: Vec::new(),
            took: Duration::ZERO,
        };
        committed.refused = match self.store_together(&mut committed) {
            Err(Error::TypeConflict { .. }) if self.replace == Replace::Whole && !self.is_last => {
                committed.put_off = self.pending;
                Ok(Refused::default())
            }
            Err(Error::TypeConflict { .. }) => self.store_apart(&mut committed),
            stored => stored.map(|()| Refused::default()),
        };
        committed.took = began.elapsed();
        committed
    }

    fn store_together(&self, committed: &mut Committed) -> Result<()> {
        let rows = self.pending.iter().map(|pending| pending.rows.clone()).collect();
        let rows = merge_all(self.wants.table.name(), rows)?;
        let gone = IdSet::all_joined(self.pending.iter().map(|pending| pending.gone.clone()))?;
        self.store(&rows, gone.as_ref(), &self.pending, committed)
    }

    /// Stores one part after the other, so that what fits depends on the rows before and not on what came with them.
    fn store_apart(&self, committed: &mut Committed) -> Result<Refused> {
        let mut refused = Refused::default();
        for pending in &self.pending {
            match self.store_fitting(pending, committed, &mut refused.rejected) {
                Ok(()) => {}
                Err(cause @ Error::TypeConflict { .. }) => {
                    refused.failures.push(pending.batch.failure(BatchError::Store(Box::new(cause))));
                }
                Err(cause) => return Err(cause),
            }
        }
        Ok(refused)
    }

    /// Stores the rows whose values fit in the stored types, and rejects the others. Each try but the last settles one
    /// column.
    fn store_fitting(
        &self,
        pending: &Pending,
        committed: &mut Committed,
        rejected: &mut Vec<RejectedRow>,
    ) -> Result<()> {
        let mut rows = pending.rows.clone();
        for _ in 0..=rows.width() {
            match self.store(&rows, Some(&pending.gone), std::slice::from_ref(pending), committed) {
                Err(Error::TypeConflict { column, stored, .. }) if rows.has(&column) => {
                    rejected.extend(rows.reject_misfits(self.wants.table.name(), &column, &stored)?);
                }
                stored => return stored,
            }
            if rows.ids().is_empty() && pending.gone.is_empty() {
                return Ok(());
            }
        }
        self.store(&rows, Some(&pending.gone), std::slice::from_ref(pending), committed)
    }

    fn store(&self, rows: &Rows, gone: Option<&IdSet>, of: &[Pending], committed: &mut Committed) -> Result<()> {
        let asked = of.iter().map(|Pending { batch, asked, .. }| Asked { ids: asked, stored: &batch.asked }).collect();
        let (none, needs) = (rows.ids().none(), self.wants.needs.as_slice());
        let update = Update { rows, replace: self.replace, gone: gone.unwrap_or(&none), needs, asked };
        let Updated { stored, rows, overtaken } = self.wants.table.commit(&update)?;
        committed.stored = Some(stored);
        committed.rows += rows;
        if !overtaken.is_empty() {
            committed.overtaken = Some(match committed.overtaken.take() {
                Some(earlier) => earlier.joined(overtaken)?,
                None => overtaken,
            });
        }
        Ok(())
    }
}
