//! What a PostgreSQL database refuses.

use std::time::Duration;

use crate::TableName;
use crate::error::BoxError;
use crate::fetch::TableError;

/// What a PostgreSQL database refuses.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// The server cannot be reached, or does not let this client in.
    #[error("cannot connect to the PostgreSQL server")]
    Connection(#[source] BoxError),

    /// The table, its id column or its keys are not what was asked for.
    #[error(transparent)]
    Table(#[from] TableError),

    /// A wanted column is of a type that the cache cannot hold.
    #[error("the column {column:?} of {table} is of type {found}, which cannot be cached: ask a view that casts it")]
    ColumnType {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// Its type, as PostgreSQL writes it.
        found: String,
    },

    /// The table was altered after its columns were looked up. The next request looks them up again.
    #[error("the column {column:?} of {table} was altered meanwhile")]
    Altered {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },

    /// The server took longer than the [time](crate::Builder::batch_timeout) that the cache gives a batch.
    #[error("the PostgreSQL server did not answer within {after:?}")]
    TimedOut {
        /// The time.
        after: Duration,
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

impl PostgresError {
    pub(super) fn query<E: Into<BoxError>>(table: &TableName) -> impl Fn(E) -> Self {
        |source| Self::Query { table: table.to_string(), source: source.into() }
    }
}
