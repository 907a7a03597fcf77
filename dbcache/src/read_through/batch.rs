//! One batch: the ids, the call of the fetcher, and the validated rows or the failure.

use std::sync::Arc;

use tracing::Span;

use super::claims::Claim;
use super::request::{FetchMode, Request};
use crate::error::{BatchError, BatchFailure, RejectedRow, Result};
use crate::fetch::{BatchRequest, FetchedBatch, RequestedColumn};
use crate::key::IdSet;
use crate::nesting::{BatchId, Nesting};
use crate::storage::{Presence, Rows, Snapshot};
use crate::validate::{self, Checked, Expected};

/// The ids of one fetcher call, with the claims on them.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    /// Unique among all batches of the process. The halves of a bisected batch keep it.
    pub(super) id: BatchId,
    /// The number of the batch in its request, from 1. The halves of a bisected batch keep it.
    pub(super) number: usize,
    pub(super) ids: IdSet,
    /// Number of attempts to fetch these ids as this batch, including the current one.
    pub(super) attempt: usize,
    /// Whether this is a half of a bisected batch.
    pub(super) is_half: bool,
    /// The table as it was when the ids were claimed.
    pub(super) snapshot: Arc<Snapshot>,
    /// Other requests wait for these ids until the last clone is dropped.
    #[expect(dead_code, reason = "it is there to be dropped")]
    claims: Vec<Arc<Claim>>,
}

impl Batch {
    pub(super) fn new(id: BatchId, number: usize, ids: IdSet, snapshot: Arc<Snapshot>, claims: Vec<Claim>) -> Self {
        Self {
            id,
            number,
            ids,
            snapshot,
            attempt: 1,
            is_half: false,
            claims: claims.into_iter().map(Arc::new).collect(),
        }
    }

    /// Returns the same batch for its next attempt.
    pub(super) fn next_attempt(self) -> Self {
        Self { attempt: self.attempt + 1, ..self }
    }

    pub(super) fn halves(self) -> Result<[Self; 2]> {
        let (middle, end) = (self.ids.len() / 2, self.ids.len());
        let half = |ids| Self { ids, attempt: 1, is_half: true, ..self.clone() };
        Ok([half(self.ids.range(0..middle)?), half(self.ids.range(middle..end)?)])
    }

    pub(super) fn failure(&self, cause: BatchError) -> BatchFailure {
        BatchFailure { batch: self.number, ids: self.ids.row_ids(), attempts: self.attempt, cause }
    }
}

/// A batch to fetch, with everything that the fetch needs.
#[derive(Debug)]
pub(super) struct FetchJob {
    pub(super) batch: Batch,
    pub(super) request: Arc<Request>,
    /// The columns to fetch.
    pub(super) columns: Vec<RequestedColumn>,
    /// Whether these columns include others than those of the request.
    pub(super) has_other_columns: bool,
    pub(super) span: Span,
}

impl FetchJob {
    /// Returns the nesting for the fetcher call, which tells requests made by the fetcher that this batch waits for
    /// them.
    pub(super) fn nesting(&self) -> Nesting {
        self.request.nesting.with(self.batch.id)
    }

    /// Returns the arguments of the fetcher call.
    pub(super) fn batch_request(&self) -> BatchRequest<'_> {
        BatchRequest {
            ids: &self.batch.ids,
            table: self.request.table().name(),
            id_column: self.request.table().id_column(),
            columns: &self.columns,
            timeout: self.request.options.batch_timeout,
        }
    }

    /// Validates the rows that the fetcher returned.
    pub(super) fn validate(self, fetched: Result<FetchedBatch, BatchError>) -> BatchOutcome {
        let result = fetched.and_then(|fetched| {
            let bytes = fetched.size();
            let Checked { parts, rejected } = validate::check(fetched, &self.expected())?;
            Ok(match parts.iter().find(|rows| self.lacks_requirements(rows)) {
                Some(rows) => BatchResult::MissingColumns(rows.presence().clone()),
                None => BatchResult::Rows(ValidatedBatch { parts, rejected, bytes }),
            })
        });
        BatchOutcome { batch: self.batch, result: result.unwrap_or_else(BatchResult::Failed) }
    }

    /// Returns `true` if the rows lack a required column or key, even when combined with the columns that a commit
    /// carries over from their stored versions.
    fn lacks_requirements(&self, rows: &Rows) -> bool {
        let (needs, stored) = (&self.request.projection.needs, &self.batch.snapshot);
        rows.lack(needs, stored.presence())
            // A read error does not count against the fetcher. The commit will meet the same error, and return it.
            && (self.request.fetch_mode == FetchMode::Refresh || stored.leaves_lacking(rows, needs).unwrap_or(false))
    }

    fn expected(&self) -> Expected<'_> {
        Expected {
            ids: &self.batch.ids,
            id_column: self.request.table().id_column(),
            columns: self.request.projection.declared,
            stored: &self.batch.snapshot,
            asked: self.has_other_columns.then_some(&self.request.projection.columns),
        }
    }
}

/// The outcome of a batch.
#[derive(Debug)]
pub(super) struct BatchOutcome {
    pub(super) batch: Batch,
    pub(super) result: BatchResult,
}

#[derive(Debug)]
pub(super) enum BatchResult {
    Rows(ValidatedBatch),
    /// The rows lack a required column or key, and are not stored. The presence says which columns and keys they have.
    MissingColumns(Presence),
    Failed(BatchError),
}

/// The rows of a batch after validation.
#[derive(Debug)]
pub(super) struct ValidatedBatch {
    pub(super) parts: Vec<Rows>,
    /// The rows with values that do not fit their columns.
    pub(super) rejected: Vec<RejectedRow>,
    /// Estimated memory of the rows, in bytes.
    pub(super) bytes: usize,
}

impl ValidatedBatch {
    /// Returns the ids in `requested` that the database has: those of valid and of rejected rows.
    pub(super) fn existing_ids(&self, requested: &IdSet) -> Result<IdSet> {
        self.parts.iter().try_fold(self.rejected_ids(requested)?, |ids, part| ids.joined(part.ids().clone()))
    }

    pub(super) fn rejected_ids(&self, requested: &IdSet) -> Result<IdSet> {
        let rejected = IdSet::of(self.rejected.iter().map(|row| &row.id));
        requested.select(&requested.locate_among(&rejected))
    }

    pub(super) fn height(&self) -> usize {
        self.parts.iter().map(|part| part.ids().len()).sum()
    }
}
