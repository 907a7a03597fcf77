//! What is asked of a connection of `rusqlite`.

use std::path::Path;
use std::rc::Rc;

use polars::prelude::PolarsResult;
use rusqlite::types::{Type, Value, ValueRef};
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::kind::Kind;
use super::query::{BatchQuery, other_spellings, row_id};
use super::table::{COLUMNS, DeclaredColumn, TABLES, Table, declared, names, not_readable};
use super::{SQL, SqliteError, SqliteKey, cells};
use crate::TableName;
use crate::adapters::read_rows::ReadRows;
use crate::adapters::spellings;
use crate::error::BoxError;
use crate::fetch::FetchRequest;
use crate::fetch::TableError;
use crate::key::Key;

/// The ids of a query, bound as an array.
const IDS: &str = "rarray(?1)";

/// SQLite looks into a file only when the first query needs it, so one is made. Ids are bound through a table-valued
/// function.
pub(super) fn open_for_reading(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    rusqlite::vtab::array::load_module(&connection)?;
    Ok(connection)
}

/// Fetches a batch: the id column first, then the wanted columns.
pub(super) fn fetch<K: Key>(connection: &Connection, request: &FetchRequest<'_, K>) -> Result<ReadRows, BoxError> {
    let failed = SqliteError::query(request.table());
    let table = look_up(connection, request.table())?;
    let mut batch = BatchQuery::new(&table, request)?;
    let text = batch.text(&table, request, IDS);
    let mut query = connection.prepare_cached(&text).map_err(&failed)?;
    let mut rows = query.query([bound(request.ids())]).map_err(&failed)?;
    while let Some(row) = rows.next().map_err(&failed)? {
        batch.push(|place| Ok(row.get_ref(place).map_err(&failed)?.into()))?;
    }
    let fetched = batch.finish()?;
    check_spellings(connection, request, || fetched.ids(request.id_column()))?;
    Ok(fetched)
}

/// Refuses ids that the table has under another spelling.
fn check_spellings<K: Key>(
    connection: &Connection,
    request: &FetchRequest<'_, K>,
    found: impl FnOnce() -> PolarsResult<Vec<String>>,
) -> Result<(), BoxError> {
    let missing = spellings::missing(request, found)?;
    if missing.is_empty() {
        return Ok(());
    }
    let failed = SqliteError::query(request.table());
    let mut query = connection.prepare_cached(&other_spellings(request, IDS)).map_err(&failed)?;
    let ids: Vec<Value> = missing.into_iter().map(Value::Text).collect();
    let pairs = query.query_map([Rc::new(ids)], |row| Ok((row.get(0)?, row.get(1)?))).map_err(&failed)?;
    let pairs: Vec<(String, String)> = pairs.collect::<rusqlite::Result<_>>().map_err(&failed)?;
    Ok(spellings::refuse::<K>(pairs)?)
}

/// SQLite's integers have 64 bits with a sign: for others there are no rows.
fn bound<K: Key>(ids: &[K]) -> Rc<Vec<Value>> {
    Rc::new(match SqliteKey::of::<K>() {
        SqliteKey::Text => spellings::text_ids(ids).into_iter().map(Value::Text).collect(),
        SqliteKey::Integer => spellings::integer_ids(ids).into_iter().map(Value::Integer).collect(),
    })
}

/// Reads a table's definition.
pub(super) fn look_up(connection: &Connection, name: &TableName) -> Result<Table, SqliteError> {
    let cause = match declared_columns(connection, name).map(|columns| declared(name, columns)) {
        Ok(Some(table)) => return Ok(table),
        failed => failed.err(),
    };
    let tables = table_names(connection).map_err(SqliteError::query(name))?;
    Err(not_readable(name, &tables, cause))
}

fn declared_columns(connection: &Connection, table: &TableName) -> rusqlite::Result<Vec<(String, String)>> {
    let mut query = connection.prepare_cached(COLUMNS)?;
    let columns = query.query_map(names(table), |row| Ok((row.get(0)?, row.get(1)?)))?;
    columns.collect()
}

/// All tables and views, SQLite's own aside.
pub(super) fn table_names(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    connection.prepare_cached(TABLES)?.query_map([], |row| row.get(0))?.collect()
}

/// Whether the ids of a table are integers or text: what the column declares, or what its first value is.
pub(super) fn key(connection: &Connection, table: &Table, column: &str) -> Result<SqliteKey, SqliteError> {
    let id = table.id_column(column)?;
    match id.kind {
        Kind::Integer => Ok(SqliteKey::Integer),
        Kind::Text => Ok(SqliteKey::Text),
        Kind::ByValue => key_by_value(connection, table, id),
        _ => Err(no_key(table, id, &id.declared)),
    }
}

fn key_by_value(connection: &Connection, table: &Table, id: &DeclaredColumn) -> Result<SqliteKey, SqliteError> {
    let column = SQL.quoted(&id.name);
    let path = SQL.path(table.path());
    let query = format!("SELECT {column} FROM {path} WHERE {column} IS NOT NULL LIMIT 1");
    let first: Option<Type> = connection
        .query_row(&query, [], |row| row.get_ref(0).map(|id: ValueRef<'_>| id.data_type()))
        .optional()
        .map_err(SqliteError::query(&table.name))?;
    match first {
        None | Some(Type::Integer) => Ok(SqliteKey::Integer),
        Some(Type::Text) => Ok(SqliteKey::Text),
        Some(other) => Err(no_key(table, id, &other.to_string())),
    }
}

fn no_key(table: &Table, id: &DeclaredColumn, found: &str) -> SqliteError {
    table.key_type(id, found, "integer or text").into()
}

/// All ids of a table, sorted.
pub(super) fn all_ids<K: Key>(
    connection: &Connection,
    table: &TableName,
    id_column: &str,
) -> Result<Vec<K>, SqliteError> {
    let failed = SqliteError::query(table);
    let column = SQL.of_row(id_column);
    let path = SQL.path(&names(table));
    let query = format!("SELECT {column} FROM {path} AS \"row\" WHERE {column} IS NOT NULL ORDER BY 1");
    let mut query = connection.prepare(&query).map_err(&failed)?;
    let mut rows = query.query([]).map_err(&failed)?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next().map_err(&failed)? {
        let id = row.get_ref(0).map_err(&failed)?.into();
        let id = row_id(id).and_then(K::from_row_id).ok_or_else(|| TableError::KeyType {
            table: table.to_string(),
            column: id_column.to_owned(),
            found: cells::described(id),
            wanted: K::DATA_TYPE.to_string(),
        })?;
        ids.push(id);
    }
    Ok(ids)
}
