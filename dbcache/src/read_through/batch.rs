//! One batch on its way: asked of the fetcher, checked, or failed.

use std::sync::Arc;

use tracing::Span;

use super::claims::Claim;
use super::request::Request;
use crate::contract::{self, Expected};
use crate::error::{BatchError, BatchFailure};
use crate::fetch::{BatchRequest, Columns, FetchedFrame};
use crate::key::IdSet;
use crate::nesting::{BatchId, Nesting};
use crate::storage::{Rows, Snapshot};

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
    /// Others wait for these ids until the last copy is dropped.
    #[expect(dead_code, reason = "it is there to be dropped")]
    claims: Vec<Arc<Claim>>,
}

impl Batch {
    pub(super) fn new(id: BatchId, number: usize, ids: IdSet, claims: Vec<Claim>) -> Self {
        Self { id, number, ids, attempt: 1, is_part: false, claims: claims.into_iter().map(Arc::new).collect() }
    }

    /// The same ids, once more.
    pub(super) fn again(self) -> Self {
        Self { attempt: self.attempt + 1, ..self }
    }

    pub(super) fn halves(self) -> [Self; 2] {
        let (middle, end) = (self.ids.len() / 2, self.ids.len());
        let part = |ids| Self { ids, attempt: 1, is_part: true, ..self.clone() };
        [part(self.ids.range(0..middle)), part(self.ids.range(middle..end))]
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
    /// The table as of the last commit of the request.
    pub(super) stored: Arc<Snapshot>,
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
            columns: Columns::Named(&self.request.wants.columns),
            timeout: self.request.options.batch_timeout,
        }
    }

    /// Checks what came.
    pub(super) fn receive(self, fetched: Result<FetchedFrame, BatchError>) -> Received {
        let rows = fetched.and_then(|fetched| {
            let bytes = fetched.frame.estimated_size();
            let rows = contract::check(fetched, &self.expected())?;
            Ok(Brought { rows, bytes })
        });
        Received { batch: self.batch, rows }
    }

    fn expected(&self) -> Expected<'_> {
        Expected {
            ids: &self.batch.ids,
            id_column: self.request.table().id_column(),
            columns: self.request.wants.declared,
            stored: &self.stored,
        }
    }
}

/// What came of a batch.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) batch: Batch,
    pub(super) rows: Result<Brought, BatchError>,
}

/// The rows of a batch, checked.
#[derive(Debug)]
pub(super) struct Brought {
    pub(super) rows: Rows,
    /// About how much memory they take.
    pub(super) bytes: usize,
}
