//! One batch on its way: asked of the fetcher, checked, or failed.

use std::sync::Arc;

use tracing::Span;

use super::claims::Claim;
use super::request::{Fetch, Request};
use crate::contract::{self, Checked, Expected};
use crate::error::{BatchError, BatchFailure, RejectedRow, Result};
use crate::fetch::{BatchRequest, Columns, FetchedBatch, PinnedType};
use crate::key::IdSet;
use crate::nesting::{BatchId, Nesting};
use crate::storage::{Presence, Rows, Snapshot};

/// Ids to fetch in one call, and the right to do so.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    /// Its own among all batches of the process; parts of a batch that failed have the same.
    pub(super) id: BatchId,
    /// The place in the request, from 1. Parts of a batch that failed have its number.
    pub(super) number: usize,
    pub(super) ids: IdSet,
    /// How many times the ids were asked as this batch, this time included.
    pub(super) attempt: usize,
    /// Whether it is part of a batch that failed.
    pub(super) is_part: bool,
    /// The table as it was known when the ids were asked for.
    pub(super) asked: Arc<Snapshot>,
    /// Others wait for these ids until the last copy is dropped.
    #[expect(dead_code, reason = "it is there to be dropped")]
    claims: Vec<Arc<Claim>>,
}

impl Batch {
    pub(super) fn new(id: BatchId, number: usize, ids: IdSet, asked: Arc<Snapshot>, claims: Vec<Claim>) -> Self {
        Self { id, number, ids, asked, attempt: 1, is_part: false, claims: claims.into_iter().map(Arc::new).collect() }
    }

    /// The same ids, once more.
    pub(super) fn again(self) -> Self {
        Self { attempt: self.attempt + 1, ..self }
    }

    pub(super) fn halves(self) -> Result<[Self; 2]> {
        let (middle, end) = (self.ids.len() / 2, self.ids.len());
        let part = |ids| Self { ids, attempt: 1, is_part: true, ..self.clone() };
        Ok([part(self.ids.range(0..middle)?), part(self.ids.range(middle..end)?)])
    }

    pub(super) fn failure(&self, cause: BatchError) -> BatchFailure {
        BatchFailure { batch: self.number, ids: self.ids.row_ids(), attempts: self.attempt, cause }
    }
}

/// A batch to be fetched, with all that is needed for it.
#[derive(Debug)]
pub(super) struct FetchJob {
    pub(super) batch: Batch,
    pub(super) request: Arc<Request>,
    /// The columns to fetch, if they are not just those of the request.
    pub(super) columns: Option<Vec<String>>,
    /// The columns that are fetched in a pinned type, since no other is stored.
    pub(super) pins: Vec<PinnedType>,
    pub(super) span: Span,
}

impl FetchJob {
    /// What the fetcher is called in: requests that it makes know that this batch waits for them.
    pub(super) fn nesting(&self) -> Nesting {
        self.request.nesting.with(self.batch.id)
    }

    /// What the fetcher is asked.
    pub(super) fn asks(&self) -> BatchRequest<'_> {
        BatchRequest {
            ids: &self.batch.ids,
            table: self.request.table().name(),
            id_column: self.request.table().id_column(),
            columns: Columns::Named(self.columns.as_ref().unwrap_or(&self.request.wants.columns)),
            pins: &self.pins,
            timeout: self.request.options.batch_timeout,
        }
    }

    /// Checks what came.
    pub(super) fn receive(self, fetched: Result<FetchedBatch, BatchError>) -> Received {
        let came = fetched.and_then(|fetched| {
            let bytes = fetched.size();
            let Checked { parts, rejected } = contract::check(fetched, &self.expected())?;
            Ok(match parts.iter().find(|rows| self.is_lacking(rows)) {
                Some(rows) => Came::Lacking(rows.presence().clone()),
                None => Came::Rows(Brought { parts, rejected, bytes }),
            })
        });
        Received { batch: self.batch, came: came.unwrap_or_else(Came::Failed) }
    }

    /// Whether rows lack something that is asked for, also with what is carried over from their stored versions.
    fn is_lacking(&self, rows: &Rows) -> bool {
        let (needs, stored) = (&self.request.wants.needs, &self.batch.asked);
        rows.lack(needs, stored.presence())
            // What cannot be read does not count against the fetcher: the commit meets it too, and says so.
            && (self.request.fetch == Fetch::All || stored.leaves_lacking(rows, needs).unwrap_or(false))
    }

    fn expected(&self) -> Expected<'_> {
        Expected {
            ids: &self.batch.ids,
            id_column: self.request.table().id_column(),
            columns: self.request.wants.declared,
            stored: &self.batch.asked,
            asked: self.columns.is_some().then_some(&self.request.wants.columns),
        }
    }
}

/// What came of a batch.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) batch: Batch,
    pub(super) came: Came,
}

#[derive(Debug)]
pub(super) enum Came {
    Rows(Brought),
    /// Rows without something that the request asks for. What they have is told, and the rows are not stored.
    Lacking(Presence),
    Failed(BatchError),
}

/// The rows of a batch, checked.
#[derive(Debug)]
pub(super) struct Brought {
    pub(super) parts: Vec<Rows>,
    /// The rows that do not fit.
    pub(super) rejected: Vec<RejectedRow>,
    /// About how much memory they take.
    pub(super) bytes: usize,
}

impl Brought {
    /// The ids of the rows that fit, and of those that do not: the database has both.
    pub(super) fn ids_among(&self, asked: &IdSet) -> Result<IdSet> {
        self.parts.iter().try_fold(self.rejected_among(asked)?, |ids, part| ids.joined(part.ids().clone()))
    }

    pub(super) fn rejected_among(&self, asked: &IdSet) -> Result<IdSet> {
        let rejected = IdSet::of(self.rejected.iter().map(|row| &row.id));
        asked.select(&asked.locate_among(&rejected))
    }

    pub(super) fn height(&self) -> usize {
        self.parts.iter().map(|part| part.ids().len()).sum()
    }
}
