//! A typed, persistent, read-through row cache.

#[cfg(any(
    feature = "postgres",
    feature = "tokio-postgres",
    feature = "sqlx-postgres",
    feature = "sqlite",
    feature = "sqlx-sqlite"
))]
mod adapters;
mod answer;
mod builder;
mod cache;
pub mod column;
mod convert;
mod data_type;
#[cfg(feature = "derive")]
mod derive;
mod documents;
mod dynamic;
mod engine;
pub mod error;
pub mod fetch;
mod found;
pub mod json_path;
pub mod key;
mod listing;
mod locked;
mod misfits;
pub mod name;
mod nesting;
mod plan;
pub mod progress;
mod read_through;
pub mod record;
#[cfg(feature = "tokio")]
mod runtime;
mod stats;
mod storage;
mod validate;
pub mod value;

#[doc(hidden)]
pub mod __private;
#[cfg(feature = "__fault-injection")]
#[doc(hidden)]
pub use storage::faults;

pub use builder::Builder;
pub use cache::{All, Cache, Paths, Query};
pub use dynamic::{DynamicCache, Table, TableQuery, get_data};
pub use error::{Error, Result};
#[cfg(feature = "tokio-postgres")]
pub use fetch::AsyncPostgresFetcher;
#[cfg(any(feature = "postgres", feature = "tokio-postgres", feature = "sqlx-postgres"))]
pub use fetch::PostgresError;
#[cfg(feature = "postgres")]
pub use fetch::PostgresFetcher;
#[cfg(feature = "sqlite")]
pub use fetch::SqliteFetcher;
pub use fetch::TableError;
#[cfg(any(feature = "sqlite", feature = "sqlx-sqlite"))]
pub use fetch::{SqliteError, SqliteKey};
#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
pub use fetch::{SqlxDatabase, SqlxFetcher, SqlxRecords};
pub use found::{CachedColumn, CachedTable, Found, LookUp, UnreadableColumn, Warmed};
pub use name::TableName;
pub use plan::BatchPolicy;
pub use polars;
pub use progress::Progress;
pub use read_through::{RememberAbsent, Retry};
/// The trait under the name of its derive, so that one `use dbcache::Cached` brings `User::columns()` with it.
pub use record::Record as Cached;
pub use record::{Record, Selection};
pub use stats::Stats;
pub use value::{ColumnValue, StoreAs};

#[cfg(feature = "tokio-postgres")]
pub use deadpool_postgres;
#[cfg(feature = "derive")]
pub use derive::{Cached, CachedJson};
#[cfg(feature = "postgres")]
pub use postgres;
#[cfg(feature = "sqlite")]
pub use rusqlite;
#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
pub use sqlx;
