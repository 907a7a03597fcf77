//! Fetching through the pools of `sqlx`.

use std::fmt;

use sqlx::{Database, Pool};

/// Fetches rows of any table or view through a pool of `sqlx`, without any SQL: a `PgPool` (feature `sqlx-postgres`)
/// or a `SqlitePool` (feature `sqlx-sqlite`).
///
/// A record that also derives `sqlx::FromRow` is read the way that `sqlx` reads it elsewhere in the program; the
/// columns asked are those of the record, all of them, so the names that `FromRow` reads must be those that are cached.
/// A nested document is marked for both, with `#[cached(json)]` and `#[sqlx(json)]`.
///
/// Without a record, rows of any table come column by column, only those wanted, with the types of the fetcher of the
/// same database that needs no `sqlx`: `AsyncPostgresFetcher` (feature `tokio-postgres`) and `SqliteFetcher` (feature
/// `sqlite`) describe them.
///
/// ```no_run
/// use dbcache::sqlx::{FromRow, PgPool};
/// use dbcache::{Cache, Cached, SqlxFetcher};
///
/// #[derive(Debug, Cached)]
/// #[cached(table = "public.users")]
/// struct User {
///     #[cached(id)]
///     id: i64,
///     name: Option<String>,
/// }
/// # impl<'r> FromRow<'r, dbcache::sqlx::postgres::PgRow> for User {
/// #     fn from_row(row: &'r dbcache::sqlx::postgres::PgRow) -> Result<Self, dbcache::sqlx::Error> {
/// #         use dbcache::sqlx::Row;
/// #         Ok(Self { id: row.try_get("id")?, name: row.try_get("name")? })
/// #     }
/// # }
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// // With `#[derive(sqlx::FromRow)]` beside `Cached`:
/// let fetcher = SqlxFetcher::new(PgPool::connect("postgres://app@localhost/shop").await?);
/// let cache = Cache::<User>::open("cache")?;
/// let users: Vec<User> = cache.rows_async(&[1, 2, 3], &fetcher).await?;
/// # Ok(())
/// # }
/// ```
pub struct SqlxFetcher<DB: SqlxDatabase> {
    pub(super) pool: Pool<DB>,
    /// What is known of tables; SQLite is asked each time.
    #[cfg(feature = "sqlx-postgres")]
    pub(super) tables: super::postgres::Tables,
}

impl<DB: SqlxDatabase> SqlxFetcher<DB> {
    /// Fetches through a pool, which may be the application's own.
    pub fn new(pool: Pool<DB>) -> Self {
        Self {
            pool,
            #[cfg(feature = "sqlx-postgres")]
            tables: super::postgres::Tables::default(),
        }
    }
}

impl<DB: SqlxDatabase> fmt::Debug for SqlxFetcher<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlxFetcher").field("pool", &self.pool).finish_non_exhaustive()
    }
}

/// A database that [`SqlxFetcher`] reads: `sqlx::Postgres` (feature `sqlx-postgres`) and `sqlx::Sqlite` (feature
/// `sqlx-sqlite`).
pub trait SqlxDatabase: Database + sealed::Sealed {}

/// The column whose value does not decode, and why, if the error is about one.
pub(super) fn undecoded(cause: &sqlx::Error) -> Option<(String, String)> {
    match cause {
        // The index is written as `Debug` writes it.
        sqlx::Error::ColumnDecode { index, source } => Some((index.trim_matches('"').to_owned(), source.to_string())),
        _ => None,
    }
}

pub(super) mod sealed {
    pub trait Sealed {}
}
