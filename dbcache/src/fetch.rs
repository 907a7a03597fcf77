//! Fetchers: where rows come from when the cache does not have them.

#[cfg(feature = "tokio")]
mod asynchronous;
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

#[cfg(feature = "tokio")]
pub(crate) use asynchronous::{AsyncBatchSource, AsyncDynamicSource, AsyncTypedSource, Convert};
#[cfg(feature = "tokio")]
pub use asynchronous::{AsyncDynamicFetcher, AsyncFetcher};
#[cfg(feature = "tokio")]
pub use off_runtime::Blocking;
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
pub use sqlx::{SqlxDatabase, SqlxFetcher};
#[cfg(any(
    feature = "postgres",
    feature = "tokio-postgres",
    feature = "sqlx-postgres",
    feature = "sqlite",
    feature = "sqlx-sqlite"
))]
pub use table_error::TableError;

use std::marker::PhantomData;
use std::time::Duration;

use polars::prelude::*;
use serde::Serialize;
use serde_json::{Map, Value};

use self::json_rows::IdColumn;
use crate::error::{BatchError, BoxError};
use crate::key::{IdSet, Key};
use crate::name::TableName;
use crate::record::Record;
use crate::storage::ColumnSet;

/// What one batch asks of a fetcher.
///
/// A fetcher that can choose columns brings those that the request [wants](Self::columns); bringing others too is
/// allowed, and caches them for later requests. Ids that the database does not have are left out of the answer.
#[derive(Clone, Copy, Debug)]
pub struct FetchRequest<'a, K> {
    ids: &'a [K],
    table: &'a TableName,
    id_column: &'a str,
    columns: Columns<'a>,
    timeout: Option<Duration>,
}

/// Which columns a request wants, the id column aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Columns<'a> {
    /// Whatever the table has.
    All,
    /// These, in this order.
    Named(&'a [String]),
}

impl<'a, K> FetchRequest<'a, K> {
    /// A request, for trying out a fetcher without a cache. The ids are sorted and distinct.
    ///
    /// ```
    /// use dbcache::fetch::{Columns, DynamicFetcher, DynamicRows, FetchRequest};
    /// use dbcache::polars::prelude::*;
    ///
    /// struct Squares;
    ///
    /// impl DynamicFetcher<i64> for Squares {
    ///     fn fetch(&self, request: &FetchRequest<'_, i64>) -> Result<DynamicRows, dbcache::error::BoxError> {
    ///         let squares: Vec<i64> = request.ids().iter().map(|id| id * id).collect();
    ///         Ok(df![request.id_column() => request.ids(), "square" => squares]?.into())
    ///     }
    /// }
    ///
    /// let table = dbcache::TableName::new("math.squares")?;
    /// let request = FetchRequest::new(&[2, 3], &table, "id", Columns::All);
    /// let rows = Squares.fetch(&request)?.into_frame("id")?;
    /// assert_eq!(rows, df!["id" => [2_i64, 3], "square" => [4_i64, 9]]?);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn new(ids: &'a [K], table: &'a TableName, id_column: &'a str, columns: Columns<'a>) -> Self {
        Self { ids, table, id_column, columns, timeout: None }
    }

    /// The ids to fetch: sorted, distinct, at least one.
    pub fn ids(&self) -> &'a [K] {
        self.ids
    }

    /// The table to fetch them from.
    pub fn table(&self) -> &'a TableName {
        self.table
    }

    /// The name of the column that holds the ids.
    pub fn id_column(&self) -> &'a str {
        self.id_column
    }

    /// The columns that are wanted beside the id column.
    pub fn columns(&self) -> Columns<'a> {
        self.columns
    }

    /// How long the cache gives this batch, where it sets a limit. A blocking fetcher that can should fail then.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }
}

/// Fetches the rows of a record type.
///
/// A closure from ids to rows is one: `|ids: &[i64]| -> Result<Vec<User>, MyError> { … }`. It may be asked for the
/// same ids again only after it failed or left them out.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not fetch `{T}` rows",
    note = "a fetcher is a `Sync` closure `|ids: &[Id]| -> Result<Vec<{T}>, E>` with the id type spelled out, or a type that implements `Fetcher<{T}>`"
)]
pub trait Fetcher<T: Record>: Sync {
    /// Fetches one batch.
    ///
    /// # Errors
    ///
    /// Whatever went wrong. Nothing of the batch is stored; the other batches go on.
    fn fetch(&self, request: &FetchRequest<'_, T::Id>) -> Result<Fetched<T>, BoxError>;

    /// The most ids that one batch may ask, where the database has such a limit.
    fn batch_limit(&self) -> Option<usize> {
        None
    }

    /// The names of all columns that the table has, where the fetcher can tell. It is asked before the first batch of a
    /// request for a column that no cached row has: if the table lacks the column, nothing is fetched, and near names
    /// are suggested.
    fn known_columns(&self, table: &TableName) -> Option<Vec<String>> {
        let _ = table;
        None
    }
}

/// The rows of one batch, as records or as columns.
#[derive(Debug)]
pub struct Fetched<T>(FetchedRows<T>);

#[derive(Debug)]
enum FetchedRows<T> {
    Records(Vec<T>),
    Frame(FetchedFrame),
}

impl<T: Record> Fetched<T> {
    /// The rows as columns.
    ///
    /// # Errors
    ///
    /// A record that does not convert.
    pub fn into_frame(self) -> Result<DataFrame, BatchError> {
        self.into_fetched().map(|fetched| fetched.frame)
    }

    fn into_fetched(self) -> Result<FetchedFrame, BatchError> {
        match self.0 {
            FetchedRows::Frame(fetched) => Ok(fetched),
            FetchedRows::Records(rows) => {
                T::to_frame(&rows).map(Into::into).map_err(|cause| BatchError::Fetcher(Box::new(cause)))
            }
        }
    }
}

impl<T> From<Vec<T>> for Fetched<T> {
    fn from(rows: Vec<T>) -> Self {
        Self(FetchedRows::Records(rows))
    }
}

impl<T> From<DataFrame> for Fetched<T> {
    fn from(rows: DataFrame) -> Self {
        Self(FetchedRows::Frame(rows.into()))
    }
}

impl<T> From<FetchedFrame> for Fetched<T> {
    fn from(rows: FetchedFrame) -> Self {
        Self(FetchedRows::Frame(rows))
    }
}

impl<T, F, R, E> Fetcher<T> for F
where
    T: Record,
    F: Fn(&[T::Id]) -> Result<R, E> + Sync,
    R: IntoRows<Fetched<T>>,
    E: Into<BoxError>,
{
    fn fetch(&self, request: &FetchRequest<'_, T::Id>) -> Result<Fetched<T>, BoxError> {
        self(request.ids()).map(IntoRows::into_rows).map_err(Into::into)
    }
}

/// What a fetcher's closure may return: anything that turns into the rows of a batch.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what this fetcher should bring: it does not turn into `{Rows}`",
    label = "this fetcher brings `{Self}`",
    note = "a fetcher of a record `T` brings a `Vec<T>` or a `DataFrame`",
    note = "a fetcher of any table brings a `Vec<serde_json::Map<String, Value>>`, a `DataFrame` or `DynamicRows`"
)]
pub trait IntoRows<Rows> {
    /// The rows.
    fn into_rows(self) -> Rows;
}

#[diagnostic::do_not_recommend]
impl<Rows, R: Into<Rows>> IntoRows<Rows> for R {
    fn into_rows(self) -> Rows {
        self.into()
    }
}

/// Fetches rows of any table, with whatever columns it has.
///
/// A closure from ids and table is one: `|ids: &[i64], table: &str| -> Result<R, MyError> { … }`, where `R` is a
/// `Vec` of JSON maps, a `DataFrame`, or [`DynamicRows`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not fetch rows by `{K}` ids",
    note = "a dynamic fetcher is a `Sync` closure `|ids: &[{K}], table: &str| -> Result<Vec<serde_json::Map<String, Value>>, E>` (or of a `DataFrame`), or a type that implements `DynamicFetcher<{K}>`"
)]
pub trait DynamicFetcher<K: Key>: Sync {
    /// Fetches one batch.
    ///
    /// # Errors
    ///
    /// Whatever went wrong. Nothing of the batch is stored; the other batches go on.
    fn fetch(&self, request: &FetchRequest<'_, K>) -> Result<DynamicRows, BoxError>;

    /// The most ids that one batch may ask, where the database has such a limit.
    fn batch_limit(&self) -> Option<usize> {
        None
    }

    /// The names of all columns that the table has, where the fetcher can tell. It is asked before the first batch of a
    /// request for a column that no cached row has: if the table lacks the column, nothing is fetched, and near names
    /// are suggested.
    fn known_columns(&self, table: &TableName) -> Option<Vec<String>> {
        let _ = table;
        None
    }
}

/// The rows of one batch of any table.
///
/// Of JSON rows, integers become `Int64`, numbers that mix with fractions `Float64`; a key that a row lacks is NULL
/// in that row. A column of objects and arrays is kept as JSON text, so that its type does not depend on which rows
/// came together, and an answer gives it as structs or lists where the answer's rows agree. Where strings join the
/// objects and arrays, all is plain text. No JSON number has more than 64 bits: ids of a request by `i128` or `u128`
/// may come as text of their digits.
#[derive(Debug)]
pub struct DynamicRows(DynamicKind);

#[derive(Debug)]
enum DynamicKind {
    Json(Vec<Map<String, Value>>),
    Frame(FetchedFrame),
}

impl DynamicRows {
    /// Rows of any type that serializes as a map or struct.
    ///
    /// # Errors
    ///
    /// A row that does not serialize, or serializes as something other than an object.
    pub fn serialize<S: Serialize>(rows: impl IntoIterator<Item = S>) -> Result<Self, BoxError> {
        let rows: Result<_, BoxError> = rows
            .into_iter()
            .map(|row| match serde_json::to_value(row)? {
                Value::Object(row) => Ok(row),
                other => Err(format!("a row must be an object, not {other}").into()),
            })
            .collect();
        Ok(Self(DynamicKind::Json(rows?)))
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            DynamicKind::Json(rows) => rows.len(),
            DynamicKind::Frame(rows) => rows.frame.height(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows as columns. Errors name the rows by what `id_column` holds.
    ///
    /// A frame does not tell that its text came from objects and arrays: a fetcher that passes on the rows of another
    /// one passes them on as they are, or such columns come back as plain text.
    ///
    /// # Errors
    ///
    /// [`BatchError::WrongType`] where the values of a column have no type in common.
    pub fn into_frame(self, id_column: &str) -> Result<DataFrame, BatchError> {
        self.into_fetched(&IdColumn { name: id_column, keys: None, respelled: |_| None }).map(|fetched| fetched.frame)
    }

    fn into_fetched(self, id_column: &IdColumn<'_>) -> Result<FetchedFrame, BatchError> {
        match self.0 {
            DynamicKind::Frame(fetched) => id_column.respell(fetched),
            DynamicKind::Json(rows) => id_column.respell(json_rows::to_frame(&rows, id_column)?),
        }
    }
}

impl From<Vec<Map<String, Value>>> for DynamicRows {
    fn from(rows: Vec<Map<String, Value>>) -> Self {
        Self(DynamicKind::Json(rows))
    }
}

impl From<DataFrame> for DynamicRows {
    fn from(rows: DataFrame) -> Self {
        Self(DynamicKind::Frame(rows.into()))
    }
}

impl From<FetchedFrame> for DynamicRows {
    fn from(rows: FetchedFrame) -> Self {
        Self(DynamicKind::Frame(rows))
    }
}

impl<K, F, R, E> DynamicFetcher<K> for F
where
    K: Key,
    F: Fn(&[K], &str) -> Result<R, E> + Sync,
    R: IntoRows<DynamicRows>,
    E: Into<BoxError>,
{
    fn fetch(&self, request: &FetchRequest<'_, K>) -> Result<DynamicRows, BoxError> {
        self(request.ids(), request.table().as_str()).map(IntoRows::into_rows).map_err(Into::into)
    }
}

/// A fetcher may say itself how its rows break their contract.
fn failed(cause: BoxError) -> BatchError {
    cause.downcast().map_or_else(BatchError::Fetcher, |cause| *cause)
}

/// The ids and columns of one batch, without a key or record type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchRequest<'a> {
    pub(crate) ids: &'a IdSet,
    pub(crate) table: &'a TableName,
    pub(crate) id_column: &'a str,
    pub(crate) columns: Columns<'a>,
    pub(crate) timeout: Option<Duration>,
}

impl<'a> BatchRequest<'a> {
    fn with_keys<'k, K>(self, ids: &'k [K]) -> FetchRequest<'k, K>
    where
        'a: 'k,
    {
        let Self { table, id_column, columns, timeout, .. } = self;
        FetchRequest { ids, table, id_column, columns, timeout }
    }
}

/// What a batch brought.
#[derive(Debug)]
pub(crate) struct FetchedFrame {
    pub(crate) frame: DataFrame,
    /// The text columns whose every cell was an object or array.
    pub(crate) documents: ColumnSet,
}

impl From<DataFrame> for FetchedFrame {
    fn from(frame: DataFrame) -> Self {
        Self { frame, documents: ColumnSet::new() }
    }
}

/// A fetcher with its key and record types erased: batches in, columns out.
pub(crate) trait BatchSource: Sync {
    fn fetch(&self, request: BatchRequest<'_>) -> Result<FetchedFrame, BatchError>;

    fn batch_limit(&self) -> Option<usize>;

    fn known_columns(&self, table: &TableName) -> Option<Vec<String>>;
}

/// Erases the record type of a typed fetcher.
pub(crate) struct TypedSource<'f, T, F: ?Sized> {
    fetcher: &'f F,
    record: PhantomData<fn() -> T>,
}

impl<'f, T, F: ?Sized> TypedSource<'f, T, F> {
    pub(crate) fn new(fetcher: &'f F) -> Self {
        Self { fetcher, record: PhantomData }
    }
}

impl<T: Record, F: Fetcher<T> + ?Sized> BatchSource for TypedSource<'_, T, F> {
    fn fetch(&self, request: BatchRequest<'_>) -> Result<FetchedFrame, BatchError> {
        let ids: Vec<T::Id> = request.ids.keys();
        self.fetcher.fetch(&request.with_keys(&ids)).map_err(failed)?.into_fetched()
    }

    fn batch_limit(&self) -> Option<usize> {
        self.fetcher.batch_limit()
    }

    fn known_columns(&self, table: &TableName) -> Option<Vec<String>> {
        self.fetcher.known_columns(table)
    }
}

/// Erases the key type of a dynamic fetcher.
pub(crate) struct DynamicSource<'f, K, F: ?Sized> {
    fetcher: &'f F,
    key: PhantomData<fn() -> K>,
}

impl<'f, K, F: ?Sized> DynamicSource<'f, K, F> {
    pub(crate) fn new(fetcher: &'f F) -> Self {
        Self { fetcher, key: PhantomData }
    }
}

impl<K: Key, F: DynamicFetcher<K> + ?Sized> BatchSource for DynamicSource<'_, K, F> {
    fn fetch(&self, request: BatchRequest<'_>) -> Result<FetchedFrame, BatchError> {
        let ids: Vec<K> = request.ids.keys();
        self.fetcher
            .fetch(&request.with_keys(&ids))
            .map_err(failed)?
            .into_fetched(&IdColumn::of::<K>(request.id_column))
    }

    fn batch_limit(&self) -> Option<usize> {
        self.fetcher.batch_limit()
    }

    fn known_columns(&self, table: &TableName) -> Option<Vec<String>> {
        self.fetcher.known_columns(table)
    }
}
