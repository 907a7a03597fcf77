//! The rows of one table as they were at one moment: looked up, read, never changed.

use polars::prelude::*;

use super::presence::{ColumnSet, Presence};
use crate::error::{Error, Result};
use crate::key::{IdSet, Positions};

/// Rows sorted by id, one an id, with what is known of each row's columns.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(super) ids: IdSet,
    pub(super) columns: Vec<Column>,
    pub(super) presence: Presence,
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
        Self { ids: IdSet::Int(Vec::new()), columns: Vec::new(), presence: Presence::default() }
    }

    /// Rows that all have the same columns, sorted by id.
    pub(crate) fn uniform(ids: IdSet, columns: Vec<Column>) -> Self {
        let names: ColumnSet = columns.iter().map(|column| column.name().to_string()).collect();
        Self { presence: Presence::uniform(ids.len(), names), ids, columns }
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

    pub(crate) fn presence(&self) -> &Presence {
        &self.presence
    }

    /// Finds each wanted id, and whether its row has all `columns`.
    pub(crate) fn look_up<'a>(&self, wanted: &IdSet, columns: impl Iterator<Item = &'a str> + Clone) -> LookUp {
        let complete = self.presence.complete_for(columns);
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

    /// The rows of those `wanted` ids that are here: the id column, then `columns`, null where a row lacks one.
    pub(crate) fn read<'a>(
        &self,
        wanted: &IdSet,
        id_column: &str,
        columns: impl Iterator<Item = &'a str>,
    ) -> Result<DataFrame> {
        let found = Found::of(self.ids.locate(wanted), self.ids.len());
        let ids = found.gather(&self.ids.to_column(id_column))?;
        let height = ids.len();
        let mut answer = vec![ids];
        for name in columns {
            answer.push(match self.column(name) {
                Some(column) => found.gather(column)?,
                None => Column::full_null(name.into(), height, &DataType::Null),
            });
        }
        DataFrame::new(height, answer).map_err(Error::frame("build the answer"))
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
