//! What a request wants of a table, and how that is found and read.

use std::sync::Arc;

use polars::prelude::*;

use super::options::{Options, Shared};
use super::standing::{Standing, parts_to_read};
use super::wants::Wants;
use crate::column::ColumnRef;
use crate::error::{Error, Result, UnknownColumn};
use crate::key::IdSet;
use crate::name::near;
use crate::nesting::Nesting;
use crate::stats::Count;
use crate::storage::{ColumnSet, LookUp, Need, Presence, Snapshot, Table, shown_path};

/// So few ids are looked up before a session begins, and again in it where some of them must be fetched.
const FEW: usize = 64;

/// Which of the wanted rows are fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fetch {
    /// Those that are missing or incomplete.
    #[default]
    Needed,
    /// All, again; their cached rows are replaced.
    All,
    /// None: where one is missing or incomplete, the request fails.
    Never,
}

impl Fetch {
    /// Fetch all, unless nothing may be fetched.
    pub(crate) fn refreshed(self) -> Self {
        if self == Self::Never { self } else { Self::All }
    }
}

/// Rows that are wanted of a table.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) wants: Arc<Wants>,
    pub(crate) ids: Arc<IdSet>,
    pub(crate) fetch: Fetch,
    pub(crate) options: Options,
    pub(crate) shared: Arc<Shared>,
    /// The fetches in which the request is made.
    pub(crate) nesting: Nesting,
}

/// The rows that were found: the id column, then the columns of the request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) frame: DataFrame,
    /// The ids of the frame's rows.
    pub(crate) ids: Arc<IdSet>,
    /// The wanted ids that the database does not have.
    pub(crate) not_found: IdSet,
    /// The text columns that hold documents, to be given structured.
    pub(crate) documents: ColumnSet,
}

impl Request {
    pub(super) fn table(&self) -> &Arc<Table> {
        &self.wants.table
    }

    /// How the wanted ids stand in the cache now, with the place of each.
    pub(crate) fn look_up(&self) -> Result<LookUp> {
        self.table().read(|stored| stored.look_up(&self.ids, &self.wants.needs))
    }

    /// How the wanted ids stand in the cache now.
    pub(crate) fn standing(&self) -> Result<Standing> {
        self.table().read(|stored| self.find(&stored))
    }

    pub(super) fn find(&self, stored: &Snapshot) -> Result<Standing> {
        Standing::of(&self.ids, &self.wants.needs, stored)
    }

    pub(super) fn span(&self) -> tracing::Span {
        tracing::info_span!("request", table = %self.table().name(), ids = self.ids.len())
    }

    /// Counts the request, and how what it wants stands.
    pub(super) fn count(&self, found: &Standing) {
        let table = self.table().name();
        let (hits, incomplete, missing) = (found.hits(), found.incomplete(), found.missing());
        tracing::debug!(%table, hits, incomplete, missing, "looked up");
        let counters = &self.shared.counters;
        counters.add(table, Count::Requests, 1);
        counters.add(table, Count::Hits, hits);
        counters.add(table, Count::Incomplete, incomplete);
        counters.add(table, Count::Missing, missing);
    }

    /// The answer, where few ids are wanted and all are cached, as most requests for few find them. Nothing is claimed,
    /// since nothing is fetched.
    pub(super) fn answer_if_cached(&self) -> Result<Option<Answer>> {
        if self.ids.len() > FEW || self.fetch == Fetch::All {
            return Ok(None);
        }
        let stored = self.table().snapshot()?;
        let answered = self.find(&stored).and_then(|found| {
            let answer = if found.is_complete() { Some(self.answer(&stored, &found)?) } else { None };
            Ok(answer.map(|answer| (answer, found)))
        });
        match answered {
            Ok(Some((answer, found))) => {
                self.span().in_scope(|| self.count(&found));
                Ok(Some(answer))
            }
            // What is damaged is set aside by a session.
            Ok(None) | Err(Error::Damaged { .. }) => Ok(None),
            Err(cause) => Err(cause),
        }
    }

    /// Those of some ids that are missing or incomplete.
    pub(super) fn lacking(&self, ids: &IdSet, stored: &Snapshot) -> Result<IdSet> {
        let found = stored.look_up(ids, &self.wants.needs)?;
        if found.hits.is_empty() { Ok(ids.clone()) } else { ids.select(&found.not_hits()) }
    }

    /// The wanted ids that are fetched, given how they stand and which of them are known to be absent.
    pub(super) fn to_fetch(&self, found: &Standing, known_absent: &IdSet) -> Result<Arc<IdSet>> {
        Ok(match self.fetch {
            Fetch::Needed if found.hits() > 0 || !known_absent.is_empty() => {
                Arc::new(found.lacking_ids(&self.ids)?.without(known_absent)?)
            }
            Fetch::Needed | Fetch::All => Arc::clone(&self.ids),
            Fetch::Never => Arc::new(self.ids.none()),
        })
    }

    pub(super) fn answer(&self, stored: &Snapshot, found: &Standing) -> Result<Answer> {
        let (ids, not_found) = if found.is_complete() {
            (Arc::clone(&self.ids), self.ids.none())
        } else {
            (Arc::new(found.hit_ids(&self.ids)?), found.lacking_ids(&self.ids)?)
        };
        let frame = match found {
            Standing::AtOnce(found) => self.read(stored, &ids, found)?,
            Standing::InParts(_) => self.read_in_parts(stored)?,
        };
        let documents = stored.documents().clone();
        Ok(Answer { frame, ids, not_found, documents })
    }

    /// The rows that were found, whose ids are these.
    fn read(&self, stored: &Snapshot, ids: &Arc<IdSet>, found: &LookUp) -> Result<DataFrame> {
        stored.read(self.table().id_column(), ids, found, &self.wants.readings)
    }

    /// The rows of those wanted ids that are here, read at once.
    fn read_at_once(&self, stored: &Snapshot, wanted: &IdSet) -> Result<DataFrame> {
        let found = stored.look_up(wanted, &self.wants.needs)?;
        self.read(stored, &Arc::new(wanted.select(&found.hits)?), &found)
    }

    fn read_in_parts(&self, stored: &Snapshot) -> Result<DataFrame> {
        let mut all: Option<DataFrame> = None;
        for places in parts_to_read(self.ids.len()) {
            let part = self.read_at_once(stored, &self.ids.range(places)?)?;
            match &mut all {
                None => all = Some(part),
                Some(all) if all.schema() == part.schema() => {
                    all.vstack_mut_owned(part).map_err(Error::frame("join the answer"))?;
                }
                // Of a nested column that is not wanted whole, parts from different files may have different fields.
                Some(_) => return self.read_at_once(stored, &self.ids),
            }
        }
        all.ok_or(Error::Internal { invariant: "a request that is read in parts has ids" })
    }

    /// The columns beside those of the request that are cached of some rows, in the table's order.
    pub(super) fn other_columns(&self, ids: &IdSet, stored: &Snapshot) -> Result<Vec<String>> {
        let cached: ColumnSet = stored.column_sets(ids)?.into_iter().flatten().collect();
        let columns = stored.columns().iter().map(|column| column.name().as_str());
        let others =
            columns.filter(|name| cached.contains(*name) && !self.wants.columns.iter().any(|asked| asked == name));
        Ok(others.map(str::to_owned).collect())
    }

    /// The columns that no row has which are cached, and that a row must have.
    pub(super) fn unseen_columns<'r>(&'r self, stored: &'r Snapshot) -> impl Iterator<Item = &'r Need> {
        let is_unseen = |need: &&Need| !need.has_default && stored.column(&need.column).is_none();
        self.wants.needs.iter().filter(is_unseen)
    }

    /// The error for columns that a table is known not to have.
    pub(super) fn columns_unknown<'n>(
        &self,
        unknown: impl Iterator<Item = &'n Need>,
        known: &[String],
        stored: &Snapshot,
    ) -> Error {
        let known: ColumnSet = stored.presence().columns().into_iter().chain(known.iter().cloned()).collect();
        self.columns_not_found(unknown.map(|need| unknown_column(need, &known)))
    }

    /// The error for what fetched rows lack, with suggestions from what is known.
    pub(super) fn not_brought(&self, brought: &Presence, stored: &Snapshot, known: Option<Vec<String>>) -> Error {
        let columns = [stored.presence().columns(), brought.columns()].into_iter().flatten();
        let known: ColumnSet = columns.chain(known.into_iter().flatten()).collect();
        let lacked = self.wants.needs.iter().filter(|need| brought.lack(need, stored.presence()));
        self.columns_not_found(lacked.map(|need| {
            let is_there = brought.columns().contains(need.column.as_str());
            if is_there { unknown_key(need, brought) } else { unknown_column(need, &known) }
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
    let suggestions = near(&name, known.iter().map(String::as_str).filter(|known| *known != name));
    UnknownColumn { name, suggestions, is_undeclared_key: false }
}

/// The column is there, with the keys that a record type declares.
fn unknown_key(need: &Need, brought: &Presence) -> UnknownColumn {
    let label = |path: Vec<String>| ColumnRef::with_path(need.column.clone(), path).label().to_string();
    let known: Vec<String> = brought.known_paths(&need.column).into_iter().map(label).collect();
    let name = label(shown_path(&need.path));
    let suggestions = near(&name, known.iter().map(String::as_str));
    UnknownColumn { name, suggestions, is_undeclared_key: true }
}
