//! Fetchers of databases.
//!
//! They use the public interface of this crate alone, as an adapter in a crate of its own would, and no other module
//! uses them. What is not of one database stands beside the folders of the databases.

#[cfg(any(feature = "postgres", feature = "tokio-postgres", feature = "sqlx-postgres"))]
mod postgres;
mod read_rows;
mod spellings;
mod sql;
#[cfg(any(feature = "sqlite", feature = "sqlx-sqlite"))]
mod sqlite;
#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
mod sqlx;
mod table;
#[cfg(any(feature = "postgres", feature = "tokio-postgres", feature = "sqlx-postgres"))]
mod tables;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod time_limit;

#[cfg(feature = "tokio-postgres")]
pub use postgres::AsyncPostgresFetcher;
#[cfg(any(feature = "postgres", feature = "tokio-postgres", feature = "sqlx-postgres"))]
pub use postgres::PostgresError;
#[cfg(feature = "postgres")]
pub use postgres::PostgresFetcher;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteFetcher;
#[cfg(any(feature = "sqlite", feature = "sqlx-sqlite"))]
pub use sqlite::{SqliteError, SqliteKey};
#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
pub use sqlx::{SqlxDatabase, SqlxFetcher, SqlxRecords};
