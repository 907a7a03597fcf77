//! What a query wants of a table, worked out once for all its requests.

use std::sync::Arc;

use polars::prelude::*;

use crate::column::ColumnRef;
use crate::fetch::PinnedType;
use crate::record::{ColumnSchema, DefaultCell};
use crate::storage::{Need, Reading, Snapshot, StoredColumn, Table};

/// What is wanted of a table, whichever rows it is wanted of.
#[derive(Debug)]
pub(crate) struct Wants {
    pub(crate) table: Arc<Table>,
    /// The columns to fetch, each once, without the id column.
    pub(crate) columns: Vec<String>,
    /// What to read of them.
    pub(crate) readings: Vec<Reading>,
    /// What a row must have of them.
    pub(crate) needs: Vec<Need>,
    /// The types that a record declares for its columns.
    pub(crate) declared: &'static [ColumnSchema],
    /// The types that the query pins for whole columns.
    pub(crate) pins: Vec<PinnedType>,
}

/// A column, or a path in it, and what a row needs of it.
pub(crate) struct WantedPart<'w> {
    pub(crate) column: &'w ColumnRef,
    /// The paths to the keys that a row needs, which begin where the column's own path ends.
    pub(crate) keys: Vec<Vec<String>>,
    /// Whether it is wanted as text.
    pub(crate) is_text: bool,
}

impl Wants {
    /// What it takes to answer with some columns and paths.
    pub(crate) fn new<'w>(
        table: &Arc<Table>,
        wanted: impl Iterator<Item = WantedPart<'w>>,
        declared: &'static [ColumnSchema],
    ) -> Self {
        let defaults: PlHashMap<&str, DefaultCell> = defaults(declared).collect();
        let (mut paths_of, mut needs) = (PlIndexMap::<&str, Vec<Vec<String>>>::default(), Vec::new());
        for WantedPart { column, keys, is_text } in wanted.filter(|part| part.column.column() != table.id_column()) {
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
            // A column that is wanted whole is not also read in parts.
            let paths = if paths.iter().any(Vec::is_empty) { Vec::new() } else { paths };
            Reading { name: name.into(), paths, default: defaults.get(name).copied() }
        });
        Self { table: Arc::clone(table), readings: readings.collect(), columns, needs, declared, pins: Vec::new() }
    }

    /// The pinned types in which new rows may come: of columns that are not stored yet, or stored as text.
    pub(super) fn open_pins(&self, stored: &Snapshot) -> Vec<PinnedType> {
        let open = |(name, pinned): &PinnedType| {
            let known = stored.column(name).map(StoredColumn::data_type).filter(|known| !known.is_null());
            let open = match known {
                None => pinned.clone(),
                Some(DataType::String) => DataType::String,
                Some(_) => return None,
            };
            Some((name.clone(), open))
        };
        self.pins.iter().filter_map(open).collect()
    }
}

/// The defaults that the record declares.
fn defaults(declared: &[ColumnSchema]) -> impl Iterator<Item = (&str, DefaultCell)> {
    declared.iter().filter_map(|schema| Some((schema.column().column(), schema.default()?)))
}

/// The value of rows that lack a column, where the record declares one.
#[cfg(feature = "lazy")]
pub(crate) fn default_of(declared: &[ColumnSchema], column: &str) -> Option<DefaultCell> {
    defaults(declared).find(|(name, _)| *name == column).map(|(_, default)| default)
}
