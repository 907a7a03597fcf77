//! Rows in memory: what a fetcher brought, or what a commit is about to write.

mod fitting;
pub(in crate::storage) mod keys;
pub(in crate::storage) mod merge;
mod presence;

use polars::prelude::*;

pub(crate) use self::keys::Need;
pub(crate) use self::merge::Replace;
pub(crate) use self::presence::{ColumnSet, Presence};
pub(in crate::storage) use self::presence::{LOST, PresenceBuilder, SetOfRows};
use crate::error::{Error, Result};
use crate::key::{IdSet, row_number};

/// Rows sorted by id, one an id, with what is known of each row's columns.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    pub(super) ids: IdSet,
    pub(super) columns: Vec<Column>,
    pub(super) presence: Presence,
    /// The text columns whose every cell was an object or array in the rows that a fetcher brought.
    pub(super) documents: ColumnSet,
    /// The columns whose values decided their type.
    pub(super) loose: ColumnSet,
    /// For those in which values of several types came together, the cells that came in a narrower one than the
    /// column's, as a column of booleans of the same name.
    pub(super) narrower: Vec<Column>,
}

impl Rows {
    pub(crate) fn empty() -> Self {
        Self::uniform(IdSet::Int(Vec::new()), Vec::new())
    }

    /// Rows that all have the same columns, sorted by id.
    pub(crate) fn uniform(ids: IdSet, columns: Vec<Column>) -> Self {
        let names: ColumnSet = columns.iter().map(|column| column.name().to_string()).collect();
        let presence = Presence::uniform(ids.len(), names);
        Self::new(ids, columns, presence)
    }

    pub(super) fn new(ids: IdSet, columns: Vec<Column>, presence: Presence) -> Self {
        Self { ids, columns, presence, documents: ColumnSet::new(), loose: ColumnSet::new(), narrower: Vec::new() }
    }

    /// The same rows, of which these columns hold documents if they are text.
    pub(crate) fn with_documents(mut self, mut documents: ColumnSet) -> Self {
        if !documents.is_empty() {
            let columns = self.by_name();
            documents.retain(|name| columns.get(name.as_str()).is_some_and(|column| column.dtype().is_string()));
        }
        self.documents = documents;
        self
    }

    /// The same rows, of whose nested columns a record type chose these keys.
    pub(crate) fn with_keys(mut self, keys: impl IntoIterator<Item = String>) -> Self {
        let entries = self.columns.iter().map(|column| column.name().to_string()).chain(keys).collect();
        self.presence = Presence::uniform(self.ids.len(), entries);
        self
    }

    pub(crate) fn ids(&self) -> &IdSet {
        &self.ids
    }

    /// Whether there are rows which lack something of what is needed, in a table that has the other rows too.
    pub(crate) fn lack(&self, needs: &[Need], others: &Presence) -> bool {
        !self.ids.is_empty() && needs.iter().any(|need| self.presence.lack(need, others))
    }

    /// Which columns were fetched for which row.
    pub(crate) fn presence(&self) -> &Presence {
        &self.presence
    }

    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name() == name)
    }

    /// The columns by their names.
    pub(super) fn by_name(&self) -> PlHashMap<&str, &Column> {
        self.columns.iter().map(|column| (column.name().as_str(), column)).collect()
    }

    /// Rows of which nothing is known but that older versions of them are not to be answered.
    pub(super) fn lost(ids: IdSet) -> Self {
        let presence = Presence::uniform(ids.len(), ColumnSet::from([LOST.to_owned()]));
        Self::new(ids, Vec::new(), presence)
    }

    /// The rows but for those of some ids.
    pub(super) fn without(&self, ids: &IdSet) -> Result<Self> {
        if ids.is_empty() {
            return Ok(self.clone());
        }
        let kept = self.ids.locate_among(ids).complement(self.ids.len());
        let rows: Vec<usize> = kept.iter().collect();
        let places = IdxCa::from_vec(PlSmallStr::EMPTY, rows.iter().map(|row| row_number(*row)).collect());
        let columns: PolarsResult<Vec<Column>> = self.columns.iter().map(|column| column.take(&places)).collect();
        let columns = columns.map_err(Error::frame("leave out rows"))?;
        let kept = Self::new(self.ids.select_as_is(kept.iter())?, columns, self.presence.select(&rows)?);
        Ok(Self { documents: self.documents.clone(), ..kept })
    }

    /// About how many bytes the rows take in memory.
    pub(super) fn size(&self) -> u64 {
        let columns: usize = self.columns.iter().map(|column| column.as_materialized_series().estimated_size()).sum();
        (columns + self.ids.size()) as u64
    }
}
