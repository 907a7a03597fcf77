//! Fetching through the pools of `sqlx`.

use std::fmt;
use std::marker::PhantomData;

use sqlx::{Database, FromRow, Pool};

use crate::Record;

/// Fetches rows of any table or view through a pool of `sqlx`, as records or dynamically, without any SQL: a `PgPool`
/// (feature `sqlx-postgres`) or a `SqlitePool` (feature `sqlx-sqlite`).
///
/// Rows come column by column, only those wanted, with the types of the fetcher of the same database that needs no
/// `sqlx`: `AsyncPostgresFetcher` (feature `tokio-postgres`) and `SqliteFetcher` (feature `sqlite`) describe them. To
/// have a record read by its own `sqlx::FromRow`, use [`with_from_row`](Self::with_from_row).
///
/// ```no_run
/// use dbcache::sqlx::PgPool;
/// use dbcache::{Cache, Cached, SqlxFetcher};
///
/// #[derive(Debug, Cached)]
/// #[cached(table = "public.users")]
/// struct User {
///     #[cached(id)]
///     id: i64,
///     name: Option<String>,
/// }
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let fetcher = SqlxFetcher::new(PgPool::connect("postgres://app@localhost/shop").await?);
/// let cache = Cache::<User>::open("cache")?;
/// let users: Vec<User> = cache.rows_async(&[1, 2, 3], &fetcher).await?;
/// # Ok(())
/// # }
/// ```
pub struct SqlxFetcher<DB: SqlxDatabase> {
    pub(super) pool: Pool<DB>,
    pub(super) memory: DB::Memory,
}

impl<DB: SqlxDatabase> SqlxFetcher<DB> {
    /// Fetches through a pool, which may be the application's own.
    pub fn new(pool: Pool<DB>) -> Self {
        Self { pool, memory: DB::Memory::default() }
    }

    /// Reads records the way that `sqlx` reads them elsewhere in the program.
    ///
    /// The columns asked are those of the record, all of them, so the names that `FromRow` reads must be those that are
    /// cached. A nested document is marked for both, with `#[cached(json)]` and `#[sqlx(json)]`.
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
    /// let pool = PgPool::connect("postgres://app@localhost/shop").await?;
    /// let fetcher = SqlxFetcher::new(pool).with_from_row::<User>();
    /// let cache = Cache::<User>::open("cache")?;
    /// let users: Vec<User> = cache.rows_async(&[1, 2, 3], &fetcher).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_from_row<T>(self) -> SqlxRecords<DB, T>
    where
        T: Record + for<'r> FromRow<'r, DB::Row>,
    {
        SqlxRecords { fetcher: self, record: PhantomData }
    }
}

impl<DB: SqlxDatabase> Clone for SqlxFetcher<DB> {
    fn clone(&self) -> Self {
        Self { pool: self.pool.clone(), memory: self.memory.clone() }
    }
}

impl<DB: SqlxDatabase> fmt::Debug for SqlxFetcher<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlxFetcher").field("pool", &self.pool).finish_non_exhaustive()
    }
}

/// Fetches records that are read by their own `sqlx::FromRow`. Made by [`SqlxFetcher::with_from_row`].
pub struct SqlxRecords<DB: SqlxDatabase, T> {
    pub(super) fetcher: SqlxFetcher<DB>,
    record: PhantomData<fn() -> T>,
}

impl<DB: SqlxDatabase, T> Clone for SqlxRecords<DB, T> {
    fn clone(&self) -> Self {
        Self { fetcher: self.fetcher.clone(), record: PhantomData }
    }
}

impl<DB: SqlxDatabase, T> fmt::Debug for SqlxRecords<DB, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlxRecords").field("pool", &self.fetcher.pool).finish_non_exhaustive()
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
    pub trait Sealed {
        /// What a fetcher remembers of the database's tables; its clones share it.
        type Memory: Clone + Default + Send + Sync;
    }
}
