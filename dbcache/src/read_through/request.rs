//! A request: what it asks for, and how that is looked up and read.

use std::sync::Arc;

use polars::prelude::*;

use super::coverage::{Coverage, blocks_to_read};
use super::options::{Options, Shared};
use super::projection::Projection;
use crate::column::ColumnRef;
use crate::error::{Error, Result, UnknownColumn};
use crate::key::IdSet;
use crate::name::similar_names;
use crate::nesting::Nesting;
use crate::stats::Count;
use crate::storage::{ColumnSet, LookUp, Need, Presence, Snapshot, Table, shown_path};

/// Maximum number of ids for the fast path, which looks them up without a session. If some must be fetched, the session
/// looks all of them up again.
const MAX_FAST_PATH_IDS: usize = 64;

/// Which rows a request may fetch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum FetchMode {
    /// Rows that are missing or incomplete.
    #[default]
    Needed,
    /// All rows, which replace their cached versions.
    Refresh,
    /// No rows: the request fails if one is missing or incomplete.
    Offline,
}

impl FetchMode {
    /// Returns the mode that fetches all rows, unless nothing may be fetched.
    pub(crate) fn refreshed(self) -> Self {
        if self == Self::Offline { self } else { Self::Refresh }
    }
}

/// A request for rows of one table.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) projection: Arc<Projection>,
    pub(crate) ids: Arc<IdSet>,
    pub(crate) fetch_mode: FetchMode,
    pub(crate) options: Options,
    pub(crate) shared: Arc<Shared>,
    /// The batches whose fetches make this request.
    pub(crate) nesting: Nesting,
}

/// The result of a request: the id column, then the requested columns.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) frame: DataFrame,
    /// The ids of the rows in the frame.
    pub(crate) ids: Arc<IdSet>,
    /// The requested ids that the database does not have.
    pub(crate) not_found: IdSet,
    /// The text columns with JSON documents, which are returned as structs and lists.
    pub(crate) documents: ColumnSet,
}

impl Request {
    pub(super) fn table(&self) -> &Arc<Table> {
        &self.projection.table
    }

    /// Looks the ids up, and returns their coverage with the location of each row.
    pub(crate) fn look_up(&self) -> Result<LookUp> {
        self.table().read(|stored| stored.look_up(&self.ids, &self.projection.needs))
    }

    /// Looks the ids up, and returns their coverage.
    pub(crate) fn coverage(&self) -> Result<Coverage> {
        self.table().read(|stored| self.coverage_in(&stored))
    }

    /// Looks the ids up in a snapshot, and returns their coverage.
    pub(super) fn coverage_in(&self, stored: &Snapshot) -> Result<Coverage> {
        Coverage::of(&self.ids, &self.projection.needs, stored)
    }

    pub(super) fn span(&self) -> tracing::Span {
        tracing::info_span!("request", table = %self.table().name(), ids = self.ids.len())
    }

    /// Adds the request and its coverage to the statistics.
    pub(super) fn count_lookup(&self, coverage: &Coverage) {
        let table = self.table().name();
        let (hits, incomplete, missing) = (coverage.hits(), coverage.incomplete(), coverage.missing());
        tracing::debug!(%table, hits, incomplete, missing, "looked up ids");
        let counters = &self.shared.counters;
        counters.add(table, Count::Requests, 1);
        counters.add(table, Count::Hits, hits);
        counters.add(table, Count::Incomplete, incomplete);
        counters.add(table, Count::Missing, missing);
    }

    /// Returns the result without a session if at most [`MAX_FAST_PATH_IDS`] ids are requested and all of them are
    /// hits, the common case. Returns `None` for every other request, including refreshes, and on damage, which a
    /// session repairs. Makes no claims, because it fetches nothing.
    pub(super) fn answer_if_cached(&self) -> Result<Option<Answer>> {
        if self.ids.len() > MAX_FAST_PATH_IDS || self.fetch_mode == FetchMode::Refresh {
            return Ok(None);
        }
        let stored = self.table().snapshot()?;
        let answered = self.coverage_in(&stored).and_then(|coverage| {
            let answer = if coverage.is_complete() { Some(self.answer(&stored, &coverage)?) } else { None };
            Ok(answer.map(|answer| (answer, coverage)))
        });
        match answered {
            Ok(Some((answer, coverage))) => {
                self.span().in_scope(|| self.count_lookup(&coverage));
                Ok(Some(answer))
            }
            // A session will quarantine the damaged file.
            Ok(None) | Err(Error::Damaged { .. }) => Ok(None),
            Err(cause) => Err(cause),
        }
    }

    /// Returns the ids in `ids` that are missing or incomplete.
    pub(super) fn non_hits(&self, ids: &IdSet, stored: &Snapshot) -> Result<IdSet> {
        let found = stored.look_up(ids, &self.projection.needs)?;
        if found.hits.is_empty() { Ok(ids.clone()) } else { ids.select(&found.not_hits()) }
    }

    /// Returns the ids to fetch, given their coverage and the ids that are known to be absent.
    pub(super) fn to_fetch(&self, coverage: &Coverage, known_absent: &IdSet) -> Result<Arc<IdSet>> {
        Ok(match self.fetch_mode {
            FetchMode::Needed if coverage.hits() > 0 || !known_absent.is_empty() => {
                Arc::new(coverage.non_hit_ids(&self.ids)?.without(known_absent)?)
            }
            FetchMode::Needed | FetchMode::Refresh => Arc::clone(&self.ids),
            FetchMode::Offline => Arc::new(self.ids.none()),
        })
    }

    /// Reads the result, given the coverage of the ids.
    pub(super) fn answer(&self, stored: &Snapshot, coverage: &Coverage) -> Result<Answer> {
        let (ids, not_found) = if coverage.is_complete() {
            (Arc::clone(&self.ids), self.ids.none())
        } else {
            (Arc::new(coverage.hit_ids(&self.ids)?), coverage.non_hit_ids(&self.ids)?)
        };
        let frame = match coverage {
            Coverage::Located(found) => self.read(stored, &ids, found)?,
            Coverage::StatesOnly(_) => self.read_in_blocks(stored)?,
        };
        let documents = stored.documents().clone();
        Ok(Answer { frame, ids, not_found, documents })
    }

    /// Reads the rows that were found, which have these ids.
    fn read(&self, stored: &Snapshot, ids: &Arc<IdSet>, found: &LookUp) -> Result<DataFrame> {
        stored.read(self.table().id_column(), ids, found, &self.projection.readings)
    }

    /// Looks a block of ids up, and reads the rows that are cached.
    fn read_block(&self, stored: &Snapshot, wanted: &IdSet) -> Result<DataFrame> {
        let found = stored.look_up(wanted, &self.projection.needs)?;
        self.read(stored, &Arc::new(wanted.select(&found.hits)?), &found)
    }

    /// Reads the result in blocks of ids, so that the locations of only one block are in memory at a time.
    fn read_in_blocks(&self, stored: &Snapshot) -> Result<DataFrame> {
        let mut all: Option<DataFrame> = None;
        for indices in blocks_to_read(self.ids.len()) {
            let block = self.read_block(stored, &self.ids.range(indices)?)?;
            match &mut all {
                None => all = Some(block),
                Some(all) if all.schema() == block.schema() => {
                    all.vstack_mut_owned(block).map_err(Error::frame("join the blocks of a result"))?;
                }
                // If only paths of a nested column are requested, blocks from different files may have different
                // fields.
                Some(_) => return self.read_block(stored, &self.ids),
            }
        }
        all.ok_or(Error::Internal { invariant: "a request that is read in parts has ids" })
    }

    /// Returns the columns that the request does not name but that are cached for some of these rows, in the table's
    /// order.
    pub(super) fn other_columns(&self, ids: &IdSet, stored: &Snapshot) -> Result<Vec<String>> {
        let cached: ColumnSet = stored.column_sets(ids)?.into_iter().flatten().collect();
        let columns = stored.columns().iter().map(|column| column.name().as_str());
        let others = columns.filter(|name| {
            cached.contains(*name) && !self.projection.columns.iter().any(|requested| requested == name)
        });
        Ok(others.map(str::to_owned).collect())
    }

    /// Returns the required columns that no cached row has.
    pub(super) fn unseen_columns<'r>(&'r self, stored: &'r Snapshot) -> impl Iterator<Item = &'r Need> {
        let is_unseen = |need: &&Need| !need.has_default && stored.column(&need.column).is_none();
        self.projection.needs.iter().filter(is_unseen)
    }

    /// Returns the error for columns that the table is known not to have.
    pub(super) fn columns_unknown<'n>(
        &self,
        unknown: impl Iterator<Item = &'n Need>,
        known: &[String],
        stored: &Snapshot,
    ) -> Error {
        let known: ColumnSet = stored.presence().columns().into_iter().chain(known.iter().cloned()).collect();
        self.columns_not_found(unknown.map(|need| unknown_column(need, &known)))
    }

    /// Returns the error for requirements that fetched rows do not meet, with suggestions from all known columns.
    pub(super) fn columns_not_returned(
        &self,
        returned: &Presence,
        stored: &Snapshot,
        known: Option<Vec<String>>,
    ) -> Error {
        let columns = [stored.presence().columns(), returned.columns()].into_iter().flatten();
        let known: ColumnSet = columns.chain(known.into_iter().flatten()).collect();
        let unmet = self.projection.needs.iter().filter(|need| returned.lack(need, stored.presence()));
        self.columns_not_found(unmet.map(|need| {
            let is_there = returned.columns().contains(need.column.as_str());
            if is_there { unknown_key(need, returned) } else { unknown_column(need, &known) }
        }))
    }

    fn columns_not_found(&self, unknown: impl Iterator<Item = UnknownColumn>) -> Error {
        let mut columns: Vec<UnknownColumn> = Vec::new();
        for unknown in unknown {
            if columns.iter().all(|other| other.name != unknown.name) {
                columns.push(unknown);
            }
        }
        Error::ColumnsNotFound { table: self.table().name().to_string(), columns }
    }
}

fn unknown_column(need: &Need, known: &ColumnSet) -> UnknownColumn {
    let name = need.column.to_string();
    let suggestions = similar_names(&name, known.iter().map(String::as_str).filter(|known| *known != name));
    UnknownColumn { name, suggestions, is_undeclared_key: false }
}

/// The fetcher returned the column, but a record type declares its keys, and the required one is not among them.
fn unknown_key(need: &Need, returned: &Presence) -> UnknownColumn {
    let label = |path: Vec<String>| ColumnRef::with_path(need.column.clone(), path).label().to_string();
    let known: Vec<String> = returned.known_paths(&need.column).into_iter().map(label).collect();
    let name = label(shown_path(&need.path));
    let suggestions = similar_names(&name, known.iter().map(String::as_str));
    UnknownColumn { name, suggestions, is_undeclared_key: true }
}
