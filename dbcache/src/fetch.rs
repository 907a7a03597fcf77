//! Fetchers: where rows come from when the cache does not have them.

#[cfg(feature = "tokio")]
mod asynchronous;
mod batch;
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

#[cfg(feature = "tokio")]
pub(crate) use asynchronous::{AsyncBatchSource, AsyncDynamicSource, AsyncTypedSource, Convert};
#[cfg(feature = "tokio")]
pub use asynchronous::{AsyncDynamicFetcher, AsyncFetcher};
pub(crate) use batch::{FetchedBatch, FetchedFrame};
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
use crate::error::{BatchError, BoxError, RejectedRow};
use crate::key::{IdSet, Key};
use crate::misfits::misfits;
use crate::name::TableName;
use crate::record::{CellError, Record};

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
    pins: &'a [PinnedType],
    timeout: Option<Duration>,
}

/// A column whose type the query pins, and that type.
pub(crate) type PinnedType = (String, DataType);

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
        Self { ids, table, id_column, columns, pins: &[], timeout: None }
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

    /// The type that the query pins for a column, where it does: what to bring the column as where the database leaves
    /// the type of its values open.
    pub fn pinned(&self, column: &str) -> Option<&'a DataType> {
        self.pins.iter().find(|(pinned, _)| pinned == column).map(|(_, data_type)| data_type)
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
pub struct Fetched<T> {
    rows: FetchedRows<T>,
    rejected: Vec<RejectedRow>,
}

#[derive(Debug)]
enum FetchedRows<T> {
    Records(Vec<T>),
    Batch(FetchedBatch),
}

impl<T: Record> Fetched<T> {
    /// The same rows, and beside them those that the fetcher could not bring, since a value does not fit. Each of these
    /// is reported by itself; all others are stored.
    ///
    /// ```
    /// use dbcache::error::RejectedRow;
    /// use dbcache::fetch::{FetchRequest, Fetched, Fetcher};
    /// use dbcache::{Cache, Cached, Error};
    ///
    /// #[derive(Debug, Cached)]
    /// #[cached(table = "public.users")]
    /// struct User {
    ///     #[cached(id)]
    ///     id: i64,
    ///     age: u8,
    /// }
    ///
    /// struct Lines(Vec<(i64, &'static str)>);
    ///
    /// impl Fetcher<User> for Lines {
    ///     fn fetch(&self, _: &FetchRequest<'_, i64>) -> Result<Fetched<User>, dbcache::error::BoxError> {
    ///         let (mut users, mut rejected) = (Vec::new(), Vec::new());
    ///         for &(id, age) in &self.0 {
    ///             match age.parse() {
    ///                 Ok(age) => users.push(User { id, age }),
    ///                 Err(reason) => rejected.push(RejectedRow::new(id, "age", age, reason.to_string())),
    ///             }
    ///         }
    ///         Ok(Fetched::from(users).with_rejected(rejected))
    ///     }
    /// }
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let users = Cache::<User>::open(folder.path())?;
    /// let lines = Lines(vec![(1, "36"), (2, "old")]);
    /// let Err(Error::FetchFailed { rejected, stored: 1, .. }) = users.rows(&[1, 2], &lines) else { panic!() };
    /// assert_eq!(rejected[0].to_string(), "id 2, column \"age\": invalid digit found in string");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_rejected(mut self, rows: impl IntoIterator<Item = RejectedRow>) -> Self {
        self.rejected.extend(rows);
        self
    }

    /// The rows as columns.
    ///
    /// # Errors
    ///
    /// The first row that was rejected, or a record that does not convert.
    pub fn into_frame(self) -> Result<DataFrame, BatchError> {
        self.into_batch()?.into_frame()
    }

    fn into_batch(self) -> Result<FetchedBatch, BatchError> {
        let mut batch = match self.rows {
            FetchedRows::Batch(batch) => batch,
            FetchedRows::Records(rows) => fitting_records(rows)?,
        };
        batch.rejected.extend(self.rejected);
        Ok(batch)
    }
}

/// The records as columns, without those whose values their columns cannot hold.
fn fitting_records<T: Record>(rows: Vec<T>) -> Result<FetchedBatch, BatchError> {
    if let Ok(frame) = T::to_frame(&rows) {
        return Ok(frame.into());
    }
    let convert = |part| T::to_frame(rows.get(part).unwrap_or_default()).map(drop);
    let misfits = misfits(0..rows.len(), &convert);
    let reject = |misfit: &CellError| {
        let id = T::Id::to_set(std::slice::from_ref(T::id_of(rows.get(misfit.row)?))).get(0)?;
        Some(misfit.reject(id, None))
    };
    let rejected: Vec<RejectedRow> = misfits.iter().filter_map(reject).collect();
    let mut bad = misfits.iter().map(|misfit| misfit.row).peekable();
    let fitting = rows.into_iter().enumerate().filter(|(row, _)| bad.next_if_eq(row).is_none());
    let fitting: Vec<T> = fitting.map(|(_, record)| record).collect();
    let frame = T::to_frame(&fitting).map_err(|cause| BatchError::Fetcher(cause.fault.to_string().into()))?;
    Ok(FetchedBatch { rejected, ..frame.into() })
}

impl<T> From<Vec<T>> for Fetched<T> {
    fn from(rows: Vec<T>) -> Self {
        Self { rows: FetchedRows::Records(rows), rejected: Vec::new() }
    }
}

impl<T> From<DataFrame> for Fetched<T> {
    fn from(rows: DataFrame) -> Self {
        FetchedBatch::from(rows).into()
    }
}

impl<T> From<FetchedBatch> for Fetched<T> {
    fn from(rows: FetchedBatch) -> Self {
        Self { rows: FetchedRows::Batch(rows), rejected: Vec::new() }
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
///
/// Where the values of a column are of kinds that no type holds together (a number and text, 2⁵³ + 1 and 0.5), the
/// column takes the type of the row with the lowest id, or that in which it is cached, and each row of another kind is
/// [rejected](RejectedRow) by itself. Where a query pins the column as text, all its values are kept as text.
#[derive(Debug)]
pub struct DynamicRows {
    rows: DynamicKind,
    rejected: Vec<RejectedRow>,
}

#[derive(Debug)]
enum DynamicKind {
    Json(Vec<Map<String, Value>>),
    Batch(FetchedBatch),
}

impl DynamicRows {
    /// Rows of any type that serializes as a map or struct.
    ///
    /// # Errors
    ///
    /// A row that does not serialize, or serializes as something other than an object.
    pub fn serialize<S: Serialize>(rows: impl IntoIterator<Item = S>) -> Result<Self, BoxError> {
        let rows: Result<Vec<Map<String, Value>>, BoxError> = rows
            .into_iter()
            .map(|row| match serde_json::to_value(row)? {
                Value::Object(row) => Ok(row),
                other => Err(format!("a row must be an object, not {other}").into()),
            })
            .collect();
        Ok(rows?.into())
    }

    /// The same rows, and beside them those that the fetcher could not bring, since a value does not fit: see
    /// [`Fetched::with_rejected`].
    #[must_use]
    pub fn with_rejected(mut self, rows: impl IntoIterator<Item = RejectedRow>) -> Self {
        self.rejected.extend(rows);
        self
    }

    /// How many rows there are, those aside that were rejected.
    pub fn len(&self) -> usize {
        match &self.rows {
            DynamicKind::Json(rows) => rows.len(),
            DynamicKind::Batch(rows) => rows.height(),
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
    /// The first row that was rejected, or [`BatchError::WrongType`] where the values of a column have no type in
    /// common.
    pub fn into_frame(self, id_column: &str) -> Result<DataFrame, BatchError> {
        self.into_batch(&IdColumn { name: id_column, keys: None, respelled: |_| None }, &[])?.into_frame()
    }

    fn into_batch(self, id_column: &IdColumn<'_>, pins: &[PinnedType]) -> Result<FetchedBatch, BatchError> {
        let mut batch = match self.rows {
            DynamicKind::Batch(batch) => batch,
            DynamicKind::Json(rows) => json_rows::to_batch(&rows, id_column, pins)?,
        };
        let parts = batch.parts.into_iter().map(|part| id_column.respell(part));
        batch.parts = parts.collect::<Result<_, BatchError>>()?;
        batch.rejected.extend(self.rejected);
        Ok(batch)
    }
}

impl From<Vec<Map<String, Value>>> for DynamicRows {
    fn from(rows: Vec<Map<String, Value>>) -> Self {
        Self { rows: DynamicKind::Json(rows), rejected: Vec::new() }
    }
}

impl From<DataFrame> for DynamicRows {
    fn from(rows: DataFrame) -> Self {
        FetchedBatch::from(rows).into()
    }
}

impl From<FetchedBatch> for DynamicRows {
    fn from(rows: FetchedBatch) -> Self {
        Self { rows: DynamicKind::Batch(rows), rejected: Vec::new() }
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
    pub(crate) pins: &'a [PinnedType],
    pub(crate) timeout: Option<Duration>,
}

impl<'a> BatchRequest<'a> {
    fn with_keys<'k, K>(self, ids: &'k [K]) -> FetchRequest<'k, K>
    where
        'a: 'k,
    {
        let Self { table, id_column, columns, pins, timeout, .. } = self;
        FetchRequest { ids, table, id_column, columns, pins, timeout }
    }
}

/// A fetcher with its key and record types erased: batches in, columns out.
pub(crate) trait BatchSource: Sync {
    fn fetch(&self, request: BatchRequest<'_>) -> Result<FetchedBatch, BatchError>;

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
    fn fetch(&self, request: BatchRequest<'_>) -> Result<FetchedBatch, BatchError> {
        let ids: Vec<T::Id> = request.ids.keys();
        self.fetcher.fetch(&request.with_keys(&ids)).map_err(failed)?.into_batch()
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
    fn fetch(&self, request: BatchRequest<'_>) -> Result<FetchedBatch, BatchError> {
        let ids: Vec<K> = request.ids.keys();
        self.fetcher
            .fetch(&request.with_keys(&ids))
            .map_err(failed)?
            .into_batch(&IdColumn::of::<K>(request.id_column), request.pins)
    }

    fn batch_limit(&self) -> Option<usize> {
        self.fetcher.batch_limit()
    }

    fn known_columns(&self, table: &TableName) -> Option<Vec<String>> {
        self.fetcher.known_columns(table)
    }
}
