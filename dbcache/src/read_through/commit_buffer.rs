//! The commit buffer: fetched batches wait here, so that one commit can store several.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::batch::{Batch, ValidatedBatch};
use super::projection::Projection;
use crate::error::{BatchError, BatchFailure, Error, RejectedRow, Result};
use crate::key::IdSet;
use crate::storage::{Asked, Replace, Rows, Snapshot, Update, Updated, merge_all, settle};

/// Minimum time that fetched rows wait for other rows to be committed with them.
const MIN_WAIT: Duration = Duration::from_millis(250);
/// Fetched rows wait this many times as long as the last commit took, so that commits take about a fifth of the time.
const WAIT_FACTOR: u32 = 4;
/// While this many bytes of rows are uncommitted, the request starts no further batch.
const MAX_BUFFERED_BYTES: usize = 24 << 20;
/// Once this many bytes are buffered, they are committed without waiting. The other half of the buffer is left for
/// batches that are fetched during the commit.
const COMMIT_NOW_BYTES: usize = MAX_BUFFERED_BYTES / 2;

/// Fetched batches that are committed together (group commit).
#[derive(Debug)]
pub(super) struct CommitBuffer {
    projection: Arc<Projection>,
    replace: Replace,
    /// The table after the last commit.
    stored: Arc<Snapshot>,
    buffered: Vec<BufferedRows>,
    buffered_bytes: usize,
    /// The size of the running commit in bytes, if one is running.
    committing: Option<usize>,
    /// Number of committed rows.
    committed: usize,
    last_commit: Instant,
    /// How long fetched rows wait for others before they are committed.
    wait: Duration,
    /// Whether all rows are committed together at the end of the request. This happens if a refresh returned a column
    /// in another type, because the table only changes the type if the commit replaces every row that has the column.
    commits_at_end: bool,
}

/// Rows of one batch that wait for their commit.
#[derive(Debug)]
struct BufferedRows {
    batch: Batch,
    /// The ids of the batch whose stored versions must be unchanged since the batch was claimed.
    compared: IdSet,
    rows: Rows,
    gone: IdSet,
}

impl CommitBuffer {
    pub(super) fn new(projection: Arc<Projection>, stored: Arc<Snapshot>, replace: Replace, now: Instant) -> Self {
        Self {
            projection,
            replace,
            stored,
            buffered: Vec::new(),
            buffered_bytes: 0,
            committing: None,
            committed: 0,
            last_commit: now,
            wait: MIN_WAIT,
            commits_at_end: false,
        }
    }

    pub(super) fn stored(&self) -> &Arc<Snapshot> {
        &self.stored
    }

    /// Returns the number of committed rows.
    pub(super) fn committed_rows(&self) -> usize {
        self.committed
    }

    /// Buffers the rows of a batch. If validation has separated them into parts, because their values have no common
    /// type, each part is buffered by itself. The first part also carries the ids without rows.
    pub(super) fn push(&mut self, batch: &Batch, returned: ValidatedBatch) -> Result<()> {
        // Only a refresh requests stored rows. If the fetcher no longer returns such a row, it is deleted.
        let gone = match self.replace {
            Replace::Whole => batch.ids.without(&returned.existing_ids(&batch.ids)?)?,
            Replace::CarryOver => batch.ids.none(),
        };
        let before = self.buffered.len();
        // A rejected row does not affect the stored one, which stays.
        let mut compared = batch.ids.without(&returned.rejected_ids(&batch.ids)?)?;
        let mut parts = returned.parts.into_iter();
        if let Some(first) = parts.next() {
            for rows in parts.filter(|rows| !rows.ids().is_empty()) {
                compared = compared.without(rows.ids())?;
                let (ids, gone) = (rows.ids().clone(), batch.ids.none());
                self.buffered.push(BufferedRows { batch: batch.clone(), compared: ids, rows, gone });
            }
            if !first.ids().is_empty() || !gone.is_empty() {
                self.buffered.insert(before, BufferedRows { batch: batch.clone(), compared, rows: first, gone });
            }
        }
        if self.buffered.len() > before {
            self.buffered_bytes += returned.bytes;
        }
        Ok(())
    }

    /// Returns `true` if so many bytes are uncommitted that no further batch should start.
    pub(super) fn is_full(&self) -> bool {
        !self.commits_at_end && self.buffered_bytes + self.committing.unwrap_or(0) >= MAX_BUFFERED_BYTES
    }

    pub(super) fn is_committing(&self) -> bool {
        self.committing.is_some()
    }

    /// Returns the time of the next commit, or `None` if there is nothing to commit yet or a commit is running.
    pub(super) fn due_at(&self) -> Option<Instant> {
        if self.buffered.is_empty() || self.is_committing() || self.commits_at_end {
            return None;
        }
        let wait = if self.buffered_bytes >= COMMIT_NOW_BYTES { Duration::ZERO } else { self.wait };
        Some(self.last_commit + wait)
    }

    /// Starts a commit of all buffered rows. Returns `None` if there is nothing to commit yet or a commit is running.
    pub(super) fn begin_commit(&mut self) -> Option<Commit> {
        self.due_at()?;
        Some(self.commit(false))
    }

    /// Starts the last commit, of all buffered rows, whether they are due or not. No rows may follow.
    pub(super) fn drain(&mut self) -> Option<Commit> {
        (!self.buffered.is_empty()).then(|| self.commit(true))
    }

    fn commit(&mut self, is_last: bool) -> Commit {
        self.committing = Some(std::mem::take(&mut self.buffered_bytes));
        Commit {
            projection: Arc::clone(&self.projection),
            replace: self.replace,
            buffered: std::mem::take(&mut self.buffered),
            is_last,
        }
    }

    /// Accepts the outcome of a commit. Returns the rows that do not fit the stored types, and the ids whose stored
    /// rows are newer than the fetched ones.
    ///
    /// # Errors
    ///
    /// Returns the error of the commit.
    pub(super) fn finish_commit(
        &mut self,
        committed: CommitOutcome,
        now: Instant,
    ) -> Result<(UnfitRows, Option<IdSet>)> {
        let bytes = self.committing.take().unwrap_or(0);
        if !committed.deferred.is_empty() {
            self.commits_at_end = true;
            self.buffered_bytes += bytes;
            self.buffered.splice(0..0, committed.deferred);
        }
        self.wait = MIN_WAIT.max(committed.took * WAIT_FACTOR);
        self.last_commit = now;
        self.committed += committed.rows;
        if let Some(stored) = committed.stored {
            self.stored = stored;
        }
        Ok((committed.unfit?, committed.overtaken))
    }
}

/// Rows to commit. The commit runs while the next batches are fetched.
#[derive(Debug)]
pub(super) struct Commit {
    projection: Arc<Projection>,
    replace: Replace,
    buffered: Vec<BufferedRows>,
    /// Whether this is the last commit of the request.
    is_last: bool,
}

/// The outcome of a commit.
#[derive(Debug)]
pub(super) struct CommitOutcome {
    stored: Option<Arc<Snapshot>>,
    rows: usize,
    unfit: Result<UnfitRows>,
    overtaken: Option<IdSet>,
    /// Rows that a later commit stores, together with rows that are still to be fetched.
    deferred: Vec<BufferedRows>,
    took: Duration,
}

/// Rows that do not fit the stored types.
#[derive(Debug, Default)]
pub(super) struct UnfitRows {
    pub(super) failures: Vec<BatchFailure>,
    pub(super) rejected: Vec<RejectedRow>,
}

#[cfg(feature = "tokio")]
impl CommitOutcome {
    pub(super) fn took(&self) -> Duration {
        self.took
    }
}

impl Commit {
    /// Commits the rows. Their claims are released afterwards, so that waiting requests find the rows.
    pub(super) fn run(self) -> CommitOutcome {
        let began = Instant::now();
        let mut committed = CommitOutcome {
            stored: None,
            rows: 0,
            unfit: Ok(UnfitRows::default()),
            overtaken: None,
            deferred: Vec::new(),
            took: Duration::ZERO,
        };
        committed.unfit = match self.store_merged(&mut committed) {
            Err(Error::TypeConflict { .. }) if self.replace == Replace::Whole && !self.is_last => {
                committed.deferred = self.buffered;
                Ok(UnfitRows::default())
            }
            Err(Error::TypeConflict { .. }) => self.store_fitting(&mut committed),
            stored => stored.map(|()| UnfitRows::default()),
        };
        committed.took = began.elapsed();
        committed
    }

    /// Stores all buffered rows in one commit.
    fn store_merged(&self, committed: &mut CommitOutcome) -> Result<()> {
        let rows = self.buffered.iter().map(|buffered| buffered.rows.clone()).collect();
        let rows = merge_all(self.projection.table.name(), rows)?;
        let gone = IdSet::all_joined(self.buffered.iter().map(|buffered| buffered.gone.clone()))?;
        self.store(&rows, gone.as_ref(), &self.buffered, committed)
    }

    /// Stores the rows that fit, if not all do. Whether a row fits depends on the rows of lower ids, and not on those that
    /// happened to be in the same commit.
    fn store_fitting(&self, committed: &mut CommitOutcome) -> Result<UnfitRows> {
        let table = &self.projection.table;
        let mut parts: Vec<Rows> = self.buffered.iter().map(|buffered| buffered.rows.clone()).collect();
        parts.sort_by_cached_key(|rows| rows.ids().get(0));
        let settled = settle(table.name(), &*table.snapshot()?, self.replace, parts);
        let gone = IdSet::all_joined(self.buffered.iter().map(|buffered| buffered.gone.clone()))?;
        let stored = settled.and_then(|(rows, rejected)| {
            self.store(&rows, gone.as_ref(), &self.buffered, committed)?;
            Ok(UnfitRows { failures: Vec::new(), rejected })
        });
        match stored {
            Err(Error::TypeConflict { .. }) => self.store_one_by_one(committed),
            stored => stored,
        }
    }

    /// Stores the batches one after the other, if their ids have no common type, or if another process has just changed
    /// a type.
    fn store_one_by_one(&self, committed: &mut CommitOutcome) -> Result<UnfitRows> {
        let mut unfit = UnfitRows::default();
        for buffered in &self.buffered {
            match self.store(&buffered.rows, Some(&buffered.gone), std::slice::from_ref(buffered), committed) {
                Ok(()) => {}
                Err(cause @ Error::TypeConflict { .. }) => {
                    unfit.failures.push(buffered.batch.failure(BatchError::Store(Box::new(cause))));
                }
                Err(cause) => return Err(cause),
            }
        }
        Ok(unfit)
    }

    /// Commits rows, and adds the result to the outcome.
    fn store(
        &self,
        rows: &Rows,
        gone: Option<&IdSet>,
        of: &[BufferedRows],
        committed: &mut CommitOutcome,
    ) -> Result<()> {
        let asked = of
            .iter()
            .map(|BufferedRows { batch, compared, .. }| Asked { ids: compared, stored: &batch.snapshot })
            .collect();
        let (none, needs) = (rows.ids().none(), self.projection.needs.as_slice());
        let update = Update { rows, replace: self.replace, gone: gone.unwrap_or(&none), needs, asked };
        let Updated { stored, rows, overtaken } = self.projection.table.commit(&update)?;
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
