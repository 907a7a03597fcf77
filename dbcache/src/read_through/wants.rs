//! What a query wants of a table, worked out once for all its requests.

use std::sync::Arc;

use crate::column::ColumnRef;
use crate::record::{ColumnSchema, DefaultCell};
use crate::storage::{Need, Reading, Table};

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
}

impl Wants {
    /// What it takes to answer with some columns and paths. A row needs of each the keys at the paths that stand beside
    /// it, which begin where its own path ends.
    pub(crate) fn new<'w>(
        table: &Arc<Table>,
        wanted: impl Iterator<Item = (&'w ColumnRef, Vec<Vec<String>>)>,
        declared: &'static [ColumnSchema],
    ) -> Self {
        let (mut references, mut columns, mut needs) = (Vec::new(), Vec::<String>::new(), Vec::new());
        for (column, keys) in wanted.filter(|(column, _)| column.column() != table.id_column()) {
            let (name, steps) = (column.column(), column.path().steps());
            let has_default = default_of(declared, name).is_some();
            needs.extend(keys.into_iter().map(|keys| {
                let path = steps.iter().cloned().chain(keys).collect();
                Need { column: name.into(), path, has_default }
            }));
            if !columns.iter().any(|known| known == name) {
                columns.push(name.to_owned());
            }
            references.push(column);
        }
        let reading = |name: &String| reading(name, &references, declared);
        Self { table: Arc::clone(table), readings: columns.iter().map(reading).collect(), columns, needs, declared }
    }
}

fn reading(name: &str, wanted: &[&ColumnRef], declared: &[ColumnSchema]) -> Reading {
    let of_column = wanted.iter().filter(|wanted| wanted.column() == name);
    let paths: Vec<Vec<String>> = of_column.map(|wanted| wanted.path().steps().to_vec()).collect();
    let is_whole = paths.iter().any(Vec::is_empty);
    let paths = if is_whole { Vec::new() } else { paths };
    Reading { name: name.into(), paths, default: default_of(declared, name) }
}

/// The value of rows that lack a column, where the record declares one.
pub(crate) fn default_of(declared: &[ColumnSchema], column: &str) -> Option<DefaultCell> {
    declared.iter().find(|schema| schema.column().column() == column)?.default()
}
