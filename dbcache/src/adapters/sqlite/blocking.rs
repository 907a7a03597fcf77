//! Fetching through a connection of `rusqlite`.

use std::path::Path;

use rusqlite::Connection;

use super::pool::Pool;
use super::table::check_key;
use super::time_limit::keep;
use super::{SqliteError, SqliteKey, connection};
use crate::TableName;
use crate::adapters::time_limit::TimeLimit;
use crate::error::BoxError;
use crate::fetch::{FetchRequest, Fetched, Fetcher, Target};
use crate::key::Key;

/// Fetches rows of any table or view of an SQLite database, as records or dynamically, without any SQL.
///
/// The table `main.users` is the table `users` of the database itself; attached databases go by the names under
/// which they were attached.
///
/// Columns have the types that the table declares, after SQLite's [rules](https://sqlite.org/datatype3.html) for
/// column affinity: integers, floats, text and blobs; `BOOLEAN` columns hold booleans and `JSON` columns text, of which an answer
/// gives objects and arrays as structs and lists where they agree. A row with a value of another type than its column's, which
/// SQLite allows, is [rejected](crate::error::RejectedRow) by itself.
///
/// Where the declared type says nothing (none at all, `NUMERIC`, `DECIMAL`, `DATE`, `STRING`), a record or a pin decides:
/// as text all values but blobs can be read, and numbers as decimals with all their digits. Otherwise the values decide:
/// the column has the type of the row with the lowest id, integers become floats where each is exactly one, and rows
/// with values of other types are rejected.
///
/// Ids are integers or text. SQLite\'s integers have 64 bits with a sign, so that it has no rows of other integer ids.
///
/// A file is read through as many connections as there are batches in flight, each opened when it is first needed, and
/// kept. Batches of a connection of your own, or of a database in memory, take turns.
///
/// If the cache gives batches a time limit, SQLite ends a query that takes longer, through the connection's progress
/// handler: one of your own is removed then. How long a query waits for a lock is the connection's busy timeout.
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
    connections: Pool,
}

impl SqliteFetcher {
    /// Opens a database file, for reading only.
    ///
    /// # Errors
    ///
    /// [`SqliteError::Open`] where there is no such file, or it is no SQLite database.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, SqliteError> {
        let path = path.as_ref();
        let connections = Pool::of_file(path);
        let connections =
            connections.map_err(|source| SqliteError::Open { path: path.to_owned(), source: source.into() });
        Ok(Self { connections: connections? })
    }

    /// Fetches through a connection that is already open, with the databases that are attached to it.
    ///
    /// There is no other one, since no other would be sure to see the same: attached databases, temporary tables, what
    /// is not committed yet.
    ///
    /// # Errors
    ///
    /// [`SqliteError::Connection`] where the connection does not take the table-valued function through which ids
    /// are bound.
    pub fn new(connection: Connection) -> Result<Self, SqliteError> {
        rusqlite::vtab::array::load_module(&connection).map_err(|cause| SqliteError::Connection(Box::new(cause)))?;
        Ok(Self { connections: Pool::of_one(connection) })
    }

    /// The tables and views of the database, as `schema.table`.
    ///
    /// # Errors
    ///
    /// [`SqliteError::Connection`] where the database cannot be read.
    pub fn tables(&self) -> Result<Vec<String>, SqliteError> {
        self.connections.with(connection::table_names).map_err(|cause| SqliteError::Connection(Box::new(cause)))
    }

    /// The names of a table's columns, in the table's own order.
    ///
    /// # Errors
    ///
    /// [`TableError::NotFound`](crate::TableError::NotFound), or [`SqliteError::Query`] where the table cannot be read.
    pub fn columns(&self, table: &TableName) -> Result<Vec<String>, SqliteError> {
        self.connections.with(|connection| connection::look_up(connection, table)).map(|table| table.names())
    }

    /// Whether a table's ids are integers or text. Where the declared type says nothing, the first id decides.
    ///
    /// # Errors
    ///
    /// [`TableError::KeyType`](crate::TableError::KeyType) where they are neither, and those of [`columns`](Self::columns).
    pub fn key(&self, table: &TableName, id_column: &str) -> Result<SqliteKey, SqliteError> {
        self.connections
            .with(|connection| connection::key(connection, &connection::look_up(connection, table)?, id_column))
    }

    /// All ids of a table, sorted. Rows without an id are passed over.
    ///
    /// # Errors
    ///
    /// [`TableError::KeyType`](crate::TableError::KeyType) where an id is not of the type `K`, and those of [`columns`](Self::columns).
    pub fn ids<K: Key>(&self, table: &TableName, id_column: &str) -> Result<Vec<K>, SqliteError> {
        self.connections.with(|connection| {
            let definition = connection::look_up(connection, table)?;
            check_key(&definition, definition.id_column(id_column)?, SqliteKey::of::<K>())?;
            connection::all_ids(connection, table, id_column)
        })
    }
}

impl<T: Target> Fetcher<T> for SqliteFetcher {
    fn fetch(&self, request: &FetchRequest<'_, T::Id>) -> Result<Fetched<T>, BoxError> {
        let fetch = |connection: &Connection| connection::fetch(connection, request);
        let rows = match request.timeout().map(TimeLimit::from_now) {
            None => self.connections.with(fetch),
            Some(limit) => self.connections.within(limit, |connection| keep(limit, connection, fetch)),
        };
        rows.map(Fetched::from)
    }

    fn table_columns(&self, table: &TableName) -> Option<Vec<String>> {
        self.columns(table).ok()
    }
}
