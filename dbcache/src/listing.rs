//! Lists the cached columns of a table, and the tables of a directory.

use std::collections::HashMap;

use crate::error::Result;
use crate::found::{CachedColumn, CachedTable};
use crate::storage::{self, ColumnSet, Listed, Owner, Snapshot, Store};

/// Returns the tables of a directory, sorted by name.
pub(crate) fn tables(store: &Store) -> Result<Vec<CachedTable>> {
    let mut tables: Vec<CachedTable> = store.tables()?.into_iter().map(table).collect();
    tables.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(tables)
}

fn table(listed: Listed) -> CachedTable {
    let mut table = CachedTable {
        name: listed.file,
        is_foreign: true,
        id_column: None,
        rows: 0,
        columns: Vec::new(),
        segments: listed.segments,
        base_bytes: listed.base_bytes,
        segment_bytes: listed.segment_bytes,
        damaged_bytes: listed.damaged_bytes,
        unreadable: Vec::new(),
        fault: None,
    };
    match listed.owner {
        Owner::Own(own) => describe(&mut table, &own),
        Owner::Foreign(described) => {
            let rows = described.rows;
            let column = |(name, data_type)| CachedColumn { name, data_type, rows, is_document: false };
            table.rows = rows;
            table.columns = described.columns.into_iter().map(column).collect();
            table.unreadable = described.unreadable;
        }
        Owner::Unknown(reason) => table.fault = Some(reason),
    }
    table
}

fn describe(table: &mut CachedTable, own: &storage::Table) {
    table.name = own.name().to_string();
    table.is_foreign = false;
    table.id_column = Some(own.id_column().to_owned());
    let found = own.listed().and_then(|stored| {
        let columns = columns(own, &stored).map_err(|cause| cause.with_causes())?;
        Ok((columns, stored.unreadable().cloned().collect()))
    });
    match found {
        Ok((columns, unreadable)) => {
            table.rows = columns.first().map_or(0, |id_column| id_column.rows);
            table.columns = columns;
            table.unreadable = unreadable;
        }
        Err(reason) => table.fault = Some(reason),
    }
}

/// Returns the id column, then all other columns in the order in which they were first stored. The list is empty if
/// there are no rows.
pub(crate) fn columns(table: &storage::Table, stored: &Snapshot) -> Result<Vec<CachedColumn>> {
    let sets = stored.rows_of_sets()?;
    let all = sets.iter().map(|(_, rows)| rows).sum();
    if all == 0 {
        return Ok(Vec::new());
    }
    let rows = rows_of_columns(&sets);
    let id_column =
        CachedColumn { name: table.id_column().to_owned(), data_type: stored.id_type(), rows: all, is_document: false };
    let columns = stored.columns().iter().map(|column| CachedColumn {
        name: column.name().to_string(),
        data_type: column.data_type().clone(),
        rows: rows.get(column.name().as_str()).copied().unwrap_or(0),
        is_document: stored.documents().contains(column.name().as_str()),
    });
    Ok(std::iter::once(id_column).chain(columns).collect())
}

/// Counts the rows that have each column.
fn rows_of_columns(sets: &[(ColumnSet, usize)]) -> HashMap<&str, usize> {
    let mut columns = HashMap::new();
    for (set, rows) in sets {
        for column in set {
            *columns.entry(column.as_str()).or_insert(0) += rows;
        }
    }
    columns
}
