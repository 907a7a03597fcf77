//! What an SQLite database refuses.

use std::path::PathBuf;

use crate::TableName;
use crate::error::BoxError;
use crate::fetch::TableError;

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

    /// The table, its id column or its keys are not what was asked for.
    #[error(transparent)]
    Table(#[from] TableError),

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
