//! Ids to rows: one query a batch, whose values go straight into columns.

use std::rc::Rc;

use polars::prelude::*;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Row};

use super::cells::{self, ColumnCells, Misfit};
use super::table::{self, DeclaredColumn, Table};
use super::{SqliteError, SqliteKey};
use crate::error::{BatchError, BoxError};
use crate::fetch::sql::{self, SelectRows};
use crate::fetch::{Columns, FetchRequest, FetchedFrame};
use crate::key::{IdSet, Key, RowId};
use crate::name::TableName;

/// The type that a record declares for a column.
pub(super) type WantedTypes<'a> = &'a dyn Fn(&str) -> Option<DataType>;

/// Fetches a batch: the id column first, then the wanted columns.
pub(super) fn fetch<K: Key>(
    connection: &Connection,
    request: &FetchRequest<'_, K>,
    types: WantedTypes<'_>,
) -> Result<FetchedFrame, BoxError> {
    let table = Table::read(connection, request.table())?;
    let id = table.id_column(request.id_column())?;
    table.check_key(id, SqliteKey::of::<K>())?;
    let capacity = request.ids().len();
    let mut cells = vec![ColumnCells::new(&id.name, &id.declared, SqliteKey::of::<K>().kind(), capacity)];
    cells.extend(wanted(&table, id, request.columns()).into_iter().map(|column| {
        let kind = types(&column.name).map_or(column.kind, |wanted| column.kind.wanted_as(&wanted));
        ColumnCells::new(&column.name, &column.declared, kind, capacity)
    }));
    fill(connection, request, &mut cells)?;
    let documents =
        cells.iter().filter(|column| column.are_documents()).map(|column| column.name().to_owned()).collect();
    let columns: Vec<Column> = cells.into_iter().map(ColumnCells::finish).collect();
    Ok(FetchedFrame { frame: DataFrame::new(columns.first().map_or(0, Column::len), columns)?, documents })
}

/// The columns to select beside the id column. A wanted column that the table lacks is left out, which the cache
/// reports when all batches are through.
fn wanted<'t>(table: &'t Table<'_>, id: &DeclaredColumn, columns: Columns<'_>) -> Vec<&'t DeclaredColumn> {
    let mut wanted: Vec<&DeclaredColumn> = match columns {
        Columns::All => table.columns().iter().collect(),
        Columns::Named(names) => names.iter().filter_map(|name| table.find(name)).collect(),
    };
    wanted.retain(|column| column.name != id.name);
    wanted
}

/// Reads the rows with the requested ids into one builder a column, the id column first.
fn fill<K: Key>(
    connection: &Connection,
    request: &FetchRequest<'_, K>,
    cells: &mut [ColumnCells],
) -> Result<(), BoxError> {
    let failed = SqliteError::query(request.table());
    let text = query_text::<K>(request, cells);
    let mut query = connection.prepare_cached(&text).map_err(&failed)?;
    let mut rows = query.query([bound(request.ids())]).map_err(&failed)?;
    while let Some(row) = rows.next().map_err(&failed)? {
        for (place, column) in cells.iter_mut().enumerate() {
            let value = row.get_ref(place).map_err(&failed)?;
            column.push(value).map_err(|misfit| wrong_type(column.name(), row, misfit))?;
        }
    }
    Ok(())
}

/// All ids are bound as one parameter, so that no request is larger than the limit on parameters.
fn query_text<K: Key>(request: &FetchRequest<'_, K>, cells: &[ColumnCells]) -> String {
    const AMONG_IDS: &str = "IN (SELECT value FROM rarray(?1))";
    let columns: Vec<&str> = cells.iter().map(ColumnCells::name).collect();
    let table = table::names(request.table());
    let id_column = request.id_column();
    let query = SelectRows { table: &table, columns: &columns, id_column, among_ids: AMONG_IDS }.to_sql();
    match SqliteKey::of::<K>() {
        SqliteKey::Integer => query,
        // A column may be declared to compare without regard to case, but ids are what they are.
        SqliteKey::Text => format!("{query} AND {} COLLATE BINARY {AMONG_IDS}", sql::of_row(id_column)),
    }
}

/// SQLite has no integers above `i64::MAX`, and so no rows for them.
fn bound<K: Key>(ids: &[K]) -> Rc<Vec<Value>> {
    Rc::new(match K::to_set(ids) {
        IdSet::Int(ids) => ids.into_iter().map(Value::Integer).collect(),
        IdSet::Big(ids) => ids.into_iter().filter_map(|id| i64::try_from(id).ok()).map(Value::Integer).collect(),
        IdSet::Text(ids) => ids.into_iter().map(Value::Text).collect(),
    })
}

fn wrong_type(column: &str, row: &Row<'_>, Misfit { expected, found }: Misfit) -> BatchError {
    BatchError::WrongType { column: column.to_owned(), id: row_id(row), expected, found }
}

/// The id of a row that was selected with its id first.
fn row_id(row: &Row<'_>) -> Option<RowId> {
    match row.get_ref(0).ok()? {
        ValueRef::Integer(id) => Some(RowId::Int(id.into())),
        ValueRef::Text(id) => str::from_utf8(id).ok().map(|id| RowId::Text(id.to_owned())),
        _ => None,
    }
}

/// All ids of a table, sorted.
pub(super) fn all_ids<K: Key>(
    connection: &Connection,
    table: &TableName,
    id_column: &str,
) -> Result<Vec<K>, SqliteError> {
    let failed = SqliteError::query(table);
    let column = sql::of_row(id_column);
    let path = sql::path(&table::names(table));
    let query = format!("SELECT {column} FROM {path} AS \"row\" WHERE {column} IS NOT NULL ORDER BY 1");
    let mut query = connection.prepare(&query).map_err(&failed)?;
    let mut rows = query.query([]).map_err(&failed)?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next().map_err(&failed)? {
        let id = row_id(row).and_then(K::from_row_id).ok_or_else(|| SqliteError::KeyType {
            table: table.to_string(),
            column: id_column.to_owned(),
            found: row.get_ref(0).map_or_else(|_| String::new(), |id| cells::described(id)),
            wanted: K::DATA_TYPE.to_string(),
        })?;
        ids.push(id);
    }
    Ok(ids)
}
