//! How a request ended, and the outcome that its caller receives.

use std::sync::Arc;

use super::coverage::Coverage;
use super::request::{Answer, Request};
use crate::error::Result;
use crate::storage::{Presence, Snapshot};

/// How a request ended after all its batches were processed.
#[derive(Debug)]
pub(super) enum Completion {
    /// Every row that the database has is cached with all requested columns.
    Complete { request: Arc<Request>, stored: Arc<Snapshot>, coverage: Coverage, fetched: usize },
    /// The fetcher returned rows that lack requested columns.
    MissingColumns { request: Arc<Request>, stored: Arc<Snapshot>, returned: Presence },
    /// Rows that were cached when the request looked them up or stored them are missing or incomplete: another request
    /// or process changed them in the meantime.
    Restart,
}

/// What the caller of a request wants.
pub(super) trait Purpose {
    type Outcome: Send + 'static;

    /// Returns the outcome of a request whose rows are all cached.
    fn outcome(request: &Request, stored: &Snapshot, coverage: &Coverage, fetched: usize) -> Result<Self::Outcome>;
}

/// The caller wants the rows.
pub(super) struct Read;

impl Purpose for Read {
    type Outcome = Answer;

    fn outcome(request: &Request, stored: &Snapshot, coverage: &Coverage, _: usize) -> Result<Answer> {
        request.answer(stored, coverage)
    }
}

/// The caller wants the rows to be cached.
pub(super) struct Warm;

/// The outcome of a request that only fills the cache.
#[derive(Debug)]
pub(crate) struct WarmOutcome {
    pub(crate) rows: usize,
    pub(crate) fetched: usize,
    /// The requested ids that the database does not have.
    pub(crate) not_found: crate::key::IdSet,
}

impl Purpose for Warm {
    type Outcome = WarmOutcome;

    fn outcome(request: &Request, _: &Snapshot, coverage: &Coverage, fetched: usize) -> Result<WarmOutcome> {
        Ok(WarmOutcome { rows: coverage.hits(), fetched, not_found: coverage.non_hit_ids(&request.ids)? })
    }
}

impl Completion {
    /// Returns `true` if the error names columns, so that the columns of the table are of use as suggestions.
    pub(super) fn is_missing_columns(&self) -> bool {
        matches!(self, Self::MissingColumns { .. })
    }

    /// Returns the outcome, or `None` if the request has to start over.
    ///
    /// # Errors
    ///
    /// Returns [`Error::ColumnsNotFound`], which suggests `known` columns, if the fetcher did not return a column, or a
    /// storage error.
    pub(super) fn outcome<P: Purpose>(self, known: Option<Vec<String>>) -> Result<Option<P::Outcome>> {
        match self {
            Self::Complete { request, stored, coverage, fetched } => {
                P::outcome(&request, &stored, &coverage, fetched).map(Some)
            }
            Self::MissingColumns { request, stored, returned } => {
                Err(request.columns_not_returned(&returned, &stored, known))
            }
            Self::Restart => Ok(None),
        }
    }
}
