//! How a request ended, and what is read for its answer.

use std::sync::Arc;

use super::request::{Answer, Request};
use super::standing::Standing;
use crate::error::Result;
use crate::storage::{Presence, Snapshot};

/// How a request ended, all its batches having come.
#[derive(Debug)]
pub(super) enum Ending {
    /// Every row is there that the database has.
    Found { request: Arc<Request>, stored: Arc<Snapshot>, found: Standing, fetched: usize },
    /// Rows came without columns that were asked of the fetcher.
    Lacking { request: Arc<Request>, stored: Arc<Snapshot>, brought: Presence },
    /// Rows are gone, or lack columns, that were there when they were looked up or stored for this request: others have
    /// changed them since.
    Changed,
}

/// What a request is for.
pub(super) trait Purpose {
    type Outcome: Send + 'static;

    /// The outcome, now that every row is there that the database has.
    fn outcome(request: &Request, stored: &Snapshot, found: &Standing, fetched: usize) -> Result<Self::Outcome>;
}

/// To read the rows.
pub(super) struct Read;

impl Purpose for Read {
    type Outcome = Answer;

    fn outcome(request: &Request, stored: &Snapshot, found: &Standing, _: usize) -> Result<Answer> {
        request.answer(stored, found)
    }
}

/// To have the rows cached.
pub(super) struct Warm;

/// What is cached of a request.
#[derive(Debug)]
pub(crate) struct Warmth {
    pub(crate) rows: usize,
    pub(crate) fetched: usize,
    /// The wanted ids that the database does not have.
    pub(crate) not_found: crate::key::IdSet,
}

impl Purpose for Warm {
    type Outcome = Warmth;

    fn outcome(request: &Request, _: &Snapshot, found: &Standing, fetched: usize) -> Result<Warmth> {
        Ok(Warmth { rows: found.hits(), fetched, not_found: found.lacking_ids(&request.ids)? })
    }
}

impl Ending {
    /// Whether it helps to know which columns the table has.
    pub(super) fn lacks_columns(&self) -> bool {
        matches!(self, Self::Lacking { .. })
    }

    /// The outcome; `None` where the request has to start over.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnsNotFound`], which suggests `known` columns, or a storage error.
    pub(super) fn outcome<P: Purpose>(self, known: Option<Vec<String>>) -> Result<Option<P::Outcome>> {
        match self {
            Self::Found { request, stored, found, fetched } => P::outcome(&request, &stored, &found, fetched).map(Some),
            Self::Lacking { request, stored, brought } => Err(request.not_brought(&brought, &stored, known)),
            Self::Changed => Ok(None),
        }
    }
}
