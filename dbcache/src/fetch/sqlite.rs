//! Rows from SQLite.

mod cells;
mod kind;
mod table;

use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Mutex, MutexGuard, PoisonError};

use polars::prelude::*;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OpenFlags, Row};

use self::cells::{ColumnCells, Misfit};
use self::kind::Kind;
use self::table::{DeclaredColumn, Table};
use super::sql::{self, SelectRows};
use super::{Columns, DynamicFetcher, DynamicRows, FetchRequest, Fetched, Fetcher};
use crate::error::{BatchError, BoxError};
use crate::key::{IdSet, Key, RowId};
use crate::name::TableName;
use crate::record::Record;

/// Fetches rows of any table or view of an SQLite database, as records or dynamically, without any SQL.
///
/// The table `main.users` is the table `users` of the database itself; attached databases go by the names under
/// which they were attached.
///
/// Columns have the types that the table declares, after SQLite's [rules](https://sqlite.org/datatype3.html) for
/// column affinity: integers, floats, text and blobs; `BOOLEAN` columns hold booleans and `JSON` columns text. Where
/// the declared type says nothing (none at all, `NUMERIC`, `DATE`), the values decide. A value of another type than
/// its column's, which SQLite allows, is a [`BatchError::WrongType`].
///
/// Batches take turns: there is one connection.
///
/// ```
/// use dbcache::rusqlite::Connection;
/// use dbcache::{SqliteFetcher, TableName};
///
/// let connection = Connection::open_in_memory()?;
/// connection.execute_batch("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO users VALUES (7, 'Ada')")?;
///
/// let fetcher = SqliteFetcher::new(connection)?;
/// let users = TableName::new("main.users")?;
/// assert_eq!(fetcher.columns(&users)?, ["id", "name"]);
/// assert_eq!(fetcher.ids::<i64>(&users, "id")?, [7]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SqliteFetcher {
    connection: Mutex<Connection>,
}

/// What the ids of a table are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SqliteKey {
    /// Integers.
    Integer,
    /// Text.
    Text,
}

impl SqliteKey {
    fn of<K: Key>() -> Self {
        if K::DATA_TYPE == DataType::String { Self::Text } else { Self::Integer }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Integer => Kind::Integer,
            Self::Text => Kind::Text,
        }
    }
}

impl fmt::Display for SqliteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Integer => "integer",
            Self::Text => "text",
        })
    }
}

/// What an SQLite database refuses.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SqliteError {
    /// The file cannot be opened, or is no SQLite database.
    #[error("cannot open the SQLite database {}", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: BoxError,
    },

    /// The connection cannot be used.
    #[error("cannot use the SQLite connection")]
    Connection(#[source] BoxError),

    /// The database has no such table or view.
    #[error("the database has no table {table:?}{}", suggestion(.suggestions))]
    TableNotFound {
        /// The table.
        table: String,
        /// Tables that have names near it, the nearest first.
        suggestions: Vec<String>,
    },

    /// The table has no such id column.
    #[error("the table {table} has no column {column:?}{}", suggestion(.suggestions))]
    ColumnNotFound {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// Columns that have names near it, the nearest first.
        suggestions: Vec<String>,
    },

    /// The id column holds no keys of the type that was asked for.
    #[error("the id column {column:?} of {table} holds {found}, not {wanted} keys")]
    KeyType {
        /// The table.
        table: String,
        /// The id column.
        column: String,
        /// What it holds.
        found: String,
        /// The keys that were asked for.
        wanted: String,
    },

    /// Reading the table failed.
    #[error("cannot read {table}")]
    Query {
        /// The table.
        table: String,
        /// The cause.
        #[source]
        source: BoxError,
    },
}

fn suggestion(names: &[String]) -> String {
    names.first().map_or_else(String::new, |near| format!(" (did you mean {near:?}?)"))
}

impl SqliteError {
    fn query(table: &TableName) -> impl Fn(rusqlite::Error) -> Self {
        |source| Self::Query { table: table.to_string(), source: Box::new(source) }
    }
}

impl SqliteFetcher {
    /// Opens a database file, for reading only.
    ///
    /// # Errors
    ///
    /// [`SqliteError::Open`] where there is no such file, or it is no SQLite database.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, SqliteError> {
        let path = path.as_ref();
        open_for_reading(path)
            .map_err(BoxError::from)
            .and_then(|connection| Ok(Self::new(connection)?))
            .map_err(|source| SqliteError::Open { path: path.to_owned(), source })
    }

    /// Fetches through a connection that is already open, with the databases that are attached to it.
    ///
    /// # Errors
    ///
    /// [`SqliteError::Connection`] where the connection does not take the table-valued function through which ids
    /// are bound.
    pub fn new(connection: Connection) -> Result<Self, SqliteError> {
        rusqlite::vtab::array::load_module(&connection).map_err(|cause| SqliteError::Connection(Box::new(cause)))?;
        Ok(Self { connection: Mutex::new(connection) })
    }

    /// The tables and views of the database, as `schema.table`.
    ///
    /// # Errors
    ///
    /// [`SqliteError::Connection`] where the database cannot be read.
    pub fn tables(&self) -> Result<Vec<String>, SqliteError> {
        table::table_names(&self.lock()).map_err(|cause| SqliteError::Connection(Box::new(cause)))
    }

    /// The names of a table's columns, in the table's own order.
    ///
    /// # Errors
    ///
    /// [`SqliteError::TableNotFound`], or [`SqliteError::Query`] where the table cannot be read.
    pub fn columns(&self, table: &TableName) -> Result<Vec<String>, SqliteError> {
        let connection = self.lock();
        let table = Table::read(&connection, table)?;
        Ok(table.columns().iter().map(|column| column.name.clone()).collect())
    }

    /// Whether a table's ids are integers or text. Where the declared type says nothing, the first id decides.
    ///
    /// # Errors
    ///
    /// [`SqliteError::KeyType`] where they are neither, and those of [`columns`](Self::columns).
    pub fn key(&self, table: &TableName, id_column: &str) -> Result<SqliteKey, SqliteError> {
        let connection = self.lock();
        Table::read(&connection, table)?.key(&connection, id_column)
    }

    /// All ids of a table, sorted. Rows without an id are passed over.
    ///
    /// # Errors
    ///
    /// [`SqliteError::KeyType`] where an id is not of the type `K`, and those of [`columns`](Self::columns).
    pub fn ids<K: Key>(&self, table: &TableName, id_column: &str) -> Result<Vec<K>, SqliteError> {
        let connection = self.lock();
        let definition = Table::read(&connection, table)?;
        definition.check_key(definition.id_column(id_column)?, SqliteKey::of::<K>())?;
        all_ids(&connection, table, id_column)
    }

    /// A panic in another fetch leaves the connection as usable as it was.
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rows<K: Key>(&self, request: &FetchRequest<'_, K>, types: WantedTypes<'_>) -> Result<DataFrame, BoxError> {
        let connection = self.lock();
        let table = Table::read(&connection, request.table())?;
        let id = table.id_column(request.id_column())?;
        table.check_key(id, SqliteKey::of::<K>())?;
        let columns = wanted(&table, id, request.columns());
        let mut cells =
            vec![ColumnCells::new(&id.name, &id.declared, SqliteKey::of::<K>().kind(), request.ids().len())];
        cells.extend(columns.iter().map(|column| {
            let kind = types(&column.name).map_or(column.kind, |wanted| column.kind.wanted_as(&wanted));
            ColumnCells::new(&column.name, &column.declared, kind, request.ids().len())
        }));
        fill(&connection, request, &mut cells)?;
        let columns: Vec<Column> = cells.into_iter().map(ColumnCells::finish).collect();
        let rows = columns.first().map_or(0, Column::len);
        Ok(DataFrame::new(rows, columns)?)
    }

    fn known_columns(&self, table: &TableName) -> Option<Vec<String>> {
        self.columns(table).ok()
    }
}

/// The type that a record declares for a column.
type WantedTypes<'a> = &'a dyn Fn(&str) -> Option<DataType>;

impl<T: Record> Fetcher<T> for SqliteFetcher {
    fn fetch(&self, request: &FetchRequest<'_, T::Id>) -> Result<Fetched<T>, BoxError> {
        let types = |name: &str| {
            let column = T::schema().columns().iter().find(|column| column.column().column() == name);
            column.map(|column| column.data_type().clone())
        };
        self.rows(request, &types).map(Fetched::from)
    }

    fn known_columns(&self, table: &TableName) -> Option<Vec<String>> {
        self.known_columns(table)
    }
}

impl<K: Key> DynamicFetcher<K> for SqliteFetcher {
    fn fetch(&self, request: &FetchRequest<'_, K>) -> Result<DynamicRows, BoxError> {
        self.rows(request, &|_| None).map(DynamicRows::from)
    }

    fn known_columns(&self, table: &TableName) -> Option<Vec<String>> {
        self.known_columns(table)
    }
}

/// SQLite looks into a file only when the first query needs it, so one is made.
fn open_for_reading(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

fn all_ids<K: Key>(connection: &Connection, table: &TableName, id_column: &str) -> Result<Vec<K>, SqliteError> {
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
