//! The rows of one table as they were at one moment: looked up, read, never changed.

use polars::prelude::*;

use super::Table;
use super::keys::Need;
use super::merge;
use super::presence::{ColumnSet, Presence};
use crate::error::{Error, Result};
use crate::key::{IdSet, Positions, row_number};
use crate::name::TableName;
use crate::record::DefaultCell;

/// Rows sorted by id, one an id, with what is known of each row's columns.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(super) ids: IdSet,
    pub(super) columns: Vec<Column>,
    pub(super) presence: Presence,
    /// The text columns whose every cell was an object or array in the rows that a fetcher brought.
    pub(super) documents: ColumnSet,
}

/// How the wanted ids of a request stand in a snapshot. All lists are places in the wanted ids, ascending.
#[derive(Debug, Default)]
pub(crate) struct LookUp {
    pub(crate) hits: Vec<usize>,
    pub(crate) incomplete: Vec<usize>,
    pub(crate) missing: Vec<usize>,
}

impl LookUp {
    /// The ids that a request has to fetch.
    pub(crate) fn not_hits(&self) -> Vec<usize> {
        let mut places: Vec<usize> = self.incomplete.iter().chain(&self.missing).copied().collect();
        places.sort_unstable();
        places
    }
}

impl Snapshot {
    pub(crate) fn empty() -> Self {
        Self {
            ids: IdSet::Int(Vec::new()),
            columns: Vec::new(),
            presence: Presence::default(),
            documents: ColumnSet::new(),
        }
    }

    /// Rows that all have the same columns, sorted by id.
    pub(crate) fn uniform(ids: IdSet, columns: Vec<Column>) -> Self {
        let names: ColumnSet = columns.iter().map(|column| column.name().to_string()).collect();
        Self { presence: Presence::uniform(ids.len(), names), ids, columns, documents: ColumnSet::new() }
    }

    /// The same rows, of which these columns hold documents if they are text.
    pub(crate) fn with_documents(mut self, mut documents: ColumnSet) -> Self {
        documents.retain(|name| self.column(name).is_some_and(|column| column.dtype().is_string()));
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

    /// All columns but the id column, in the order in which they came.
    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name() == name)
    }

    /// The text columns that hold nothing but objects and arrays, which an answer gives structured.
    pub(crate) fn documents(&self) -> &ColumnSet {
        &self.documents
    }

    pub(crate) fn presence(&self) -> &Presence {
        &self.presence
    }

    /// Finds each wanted id, and whether its row has all that is needed.
    pub(crate) fn look_up(&self, wanted: &IdSet, needs: &[Need]) -> LookUp {
        let complete = self.presence.complete_for(needs);
        let mut found = LookUp::default();
        for (place, row) in self.ids.locate(wanted).into_iter().enumerate() {
            match row {
                Some(row) if complete(row as usize) => found.hits.push(place),
                Some(_) => found.incomplete.push(place),
                None => found.missing.push(place),
            }
        }
        found
    }

    /// The rows of those `wanted` ids that are here: the id column, then `columns`.
    ///
    /// A row that lacks a column has its default there, or null.
    pub(crate) fn read<'a>(
        &self,
        table: &Table,
        wanted: &IdSet,
        columns: impl Iterator<Item = (&'a str, Option<DefaultCell>)>,
    ) -> Result<DataFrame> {
        let found = Found::of(self.ids.locate(wanted), self.ids.len());
        let ids = found.gather(&self.ids.to_column(table.id_column()))?;
        let height = ids.len();
        let mut answer = vec![ids];
        for (name, default) in columns {
            let column = self.column(name).map_or_else(|| self.never_fetched(name), Column::clone);
            let column = match default {
                Some(default) => self.with_default(table.name(), &column, default)?,
                None => column,
            };
            answer.push(found.gather(&column)?);
        }
        DataFrame::new(height, answer).map_err(Error::frame("build the answer"))
    }

    fn never_fetched(&self, name: &str) -> Column {
        Column::full_null(name.into(), self.ids.len(), &DataType::Null)
    }

    /// The column with the default in the rows that lack it.
    fn with_default(&self, table: &TableName, column: &Column, default: DefaultCell) -> Result<Column> {
        if self.presence.of_all().is_some_and(|columns| columns.contains(column.name().as_str())) {
            return Ok(column.clone());
        }
        let fetched = self.presence.has(column.name());
        let default = default().map_err(Error::frame("make a default"))?.into_column();
        let (mut both, default) = merge::reconcile(table, column, &default)?;
        both.append(&default).map_err(Error::frame("fill in a default"))?;
        let default_row = self.ids.len();
        let rows = (0..default_row).map(|row| row_number(if fetched(row) { row } else { default_row }));
        let rows = IdxCa::from_vec(PlSmallStr::EMPTY, rows.collect());
        both.take(&rows).map_err(Error::frame("fill in a default"))
    }
}

/// The rows that answer a request.
enum Found {
    /// Every row of the table: nothing needs to be copied.
    All,
    Rows(IdxCa),
}

impl Found {
    fn of(positions: Positions, rows: usize) -> Self {
        let found: Vec<IdxSize> = positions.into_iter().flatten().collect();
        if found.len() == rows { Self::All } else { Self::Rows(IdxCa::from_vec(PlSmallStr::EMPTY, found)) }
    }

    fn gather(&self, column: &Column) -> Result<Column> {
        match self {
            Self::All => Ok(column.clone()),
            Self::Rows(rows) => column.take(rows).map_err(Error::frame("gather rows")),
        }
    }
}
