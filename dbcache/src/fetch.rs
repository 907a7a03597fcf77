//! Fetchers: where rows come from when the cache does not have them.

#[cfg(feature = "tokio")]
mod asynchronous;
mod batch;
mod fetched;
mod fetcher;
mod json_rows;
#[cfg(feature = "tokio")]
mod off_runtime;
#[cfg(any(feature = "postgres", feature = "tokio-postgres", feature = "sqlx-postgres"))]
mod postgres;
#[cfg(any(
    feature = "postgres",
    feature = "tokio-postgres",
    feature = "sqlx-postgres",
    feature = "sqlite",
    feature = "sqlx-sqlite"
))]
mod rejects;
mod request;
mod source;
#[cfg(any(
    feature = "postgres",
    feature = "tokio-postgres",
    feature = "sqlx-postgres",
    feature = "sqlite",
    feature = "sqlx-sqlite"
))]
mod spellings;
#[cfg(any(
    feature = "postgres",
    feature = "tokio-postgres",
    feature = "sqlx-postgres",
    feature = "sqlite",
    feature = "sqlx-sqlite"
))]
mod sql;
#[cfg(any(feature = "sqlite", feature = "sqlx-sqlite"))]
mod sqlite;
#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
mod sqlx;
#[cfg(any(
    feature = "postgres",
    feature = "tokio-postgres",
    feature = "sqlx-postgres",
    feature = "sqlite",
    feature = "sqlx-sqlite"
))]
mod table_error;
mod target;

#[cfg(feature = "tokio")]
pub(crate) use asynchronous::{AsyncBatchSource, Convert};
#[cfg(feature = "tokio")]
pub use asynchronous::{AsyncFetcher, BoxAsyncFetcher};
pub(crate) use batch::{FetchedBatch, FetchedFrame};
pub use fetched::{Fetched, IntoRows};
pub use fetcher::Fetcher;
#[cfg(feature = "tokio")]
pub use off_runtime::Blocking;
#[cfg(feature = "tokio-postgres")]
pub use postgres::AsyncPostgresFetcher;
#[cfg(any(feature = "postgres", feature = "tokio-postgres", feature = "sqlx-postgres"))]
pub use postgres::PostgresError;
#[cfg(feature = "postgres")]
pub use postgres::PostgresFetcher;
pub(crate) use request::BatchRequest;
#[cfg(feature = "tokio")]
use request::OwnedRequest;
pub use request::{FetchRequest, RequestedColumn};
pub(crate) use source::{BatchSource, Source};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteFetcher;
#[cfg(any(feature = "sqlite", feature = "sqlx-sqlite"))]
pub use sqlite::{SqliteError, SqliteKey};
#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
pub use sqlx::{SqlxDatabase, SqlxFetcher, SqlxRecords};
#[cfg(any(
    feature = "postgres",
    feature = "tokio-postgres",
    feature = "sqlx-postgres",
    feature = "sqlite",
    feature = "sqlx-sqlite"
))]
pub use table_error::TableError;
pub use target::{Dynamic, Target};

/// A fetcher of some rows, whichever it is: for a struct's field, or to choose one at run time.
pub type BoxFetcher<T> = std::sync::Arc<dyn Fetcher<T>>;
