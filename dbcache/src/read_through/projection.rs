//! The projection of a query: the stored columns that it needs, worked out once for all its requests.

use std::sync::Arc;

use polars::prelude::*;

use crate::column::ColumnRef;
use crate::fetch::RequestedColumn;
use crate::record::{ColumnSchema, DefaultCell};
use crate::storage::{Need, Reading, Snapshot, StoredColumn, Table};

/// A column whose type the query pins, and that type.
pub(crate) type PinnedType = (String, DataType);

/// The stored columns that a query needs, whichever ids it requests.
#[derive(Debug)]
pub(crate) struct Projection {
    pub(crate) table: Arc<Table>,
    /// The columns to fetch: each once, without the id column.
    pub(crate) columns: Vec<String>,
    /// What to read from these columns.
    pub(crate) readings: Vec<Reading>,
    /// What a row must have to be a hit.
    pub(crate) needs: Vec<Need>,
    /// The types that a record declares for its columns.
    pub(crate) declared: &'static [ColumnSchema],
    /// The types that the query pins for whole columns.
    pub(crate) pins: Vec<PinnedType>,
}

/// A requested column, or a path into one, with what a row needs of it.
pub(crate) struct ProjectedPart<'w> {
    pub(crate) column: &'w ColumnRef,
    /// The paths to the keys that a row needs, relative to the column's own path.
    pub(crate) keys: Vec<Vec<String>>,
    /// Whether it is requested as text.
    pub(crate) is_text: bool,
}

impl Projection {
    /// Works out the projection for some columns and paths.
    pub(crate) fn new<'w>(
        table: &Arc<Table>,
        wanted: impl Iterator<Item = ProjectedPart<'w>>,
        declared: &'static [ColumnSchema],
    ) -> Self {
        let defaults: PlHashMap<&str, DefaultCell> = defaults(declared).collect();
        let (mut paths_of, mut needs) = (PlIndexMap::<&str, Vec<Vec<String>>>::default(), Vec::new());
        for ProjectedPart { column, keys, is_text } in wanted.filter(|part| part.column.column() != table.id_column()) {
            let (name, steps) = (column.column(), column.path().steps());
            let has_default = defaults.contains_key(name);
            needs.extend(keys.into_iter().map(|keys| {
                let path = steps.iter().cloned().chain(keys).collect();
                Need { column: name.into(), path, has_default, is_text }
            }));
            paths_of.entry(name).or_default().push(steps.to_vec());
        }
        let columns = paths_of.keys().map(|name| (*name).to_owned()).collect();
        let readings = paths_of.into_iter().map(|(name, paths)| {
            // If the whole column is read, its paths are not read separately.
            let paths = if paths.iter().any(Vec::is_empty) { Vec::new() } else { paths };
            Reading { name: name.into(), paths, default: defaults.get(name).copied() }
        });
        Self { table: Arc::clone(table), readings: readings.collect(), columns, needs, declared, pins: Vec::new() }
    }

    /// Returns the columns that a batch requests: those of the query, then others.
    pub(super) fn requested(&self, others: Vec<String>, stored: &Snapshot) -> Vec<RequestedColumn> {
        let names = self.columns.iter().cloned().chain(others);
        let requested = names.map(|name| {
            let column = RequestedColumn::of(&name, self.declared);
            RequestedColumn { pinned: self.open_pin(&name, stored), ..column }
        });
        requested.collect()
    }

    /// Returns the pinned type in which a column may be fetched, if it is not stored yet, or stored as text.
    fn open_pin(&self, name: &str, stored: &Snapshot) -> Option<DataType> {
        let (_, pinned) = self.pins.iter().find(|(column, _)| column == name)?;
        match stored.column(name).map(StoredColumn::data_type) {
            None | Some(DataType::Null) => Some(pinned.clone()),
            Some(DataType::String) => Some(DataType::String),
            Some(_) => None,
        }
    }
}

/// Returns the defaults that the record declares.
fn defaults(declared: &[ColumnSchema]) -> impl Iterator<Item = (&str, DefaultCell)> {
    declared.iter().filter_map(|schema| Some((schema.column().column(), schema.default()?)))
}

/// Returns the value for rows that lack a column, if the record declares one.
#[cfg(feature = "lazy")]
pub(crate) fn default_of(declared: &[ColumnSchema], column: &str) -> Option<DefaultCell> {
    defaults(declared).find(|(name, _)| *name == column).map(|(_, default)| default)
}
