//! What an SQLite database refuses.

use std::path::PathBuf;

use crate::error::BoxError;
use crate::fetch::sql::suggestion;
use crate::name::TableName;

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

impl SqliteError {
    pub(super) fn query<E: Into<BoxError>>(table: &TableName) -> impl Fn(E) -> Self {
        |source| Self::Query { table: table.to_string(), source: source.into() }
    }
}
