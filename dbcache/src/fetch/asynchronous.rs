//! Async fetchers: as the blocking ones, for programs that run on a runtime.

use std::marker::PhantomData;
use std::pin::Pin;

use super::json_rows::IdColumn;
use super::{BatchRequest, DynamicRows, FetchRequest, Fetched, FetchedBatch, IntoRows, failed};
use crate::error::{BatchError, BoxError};
use crate::key::Key;
use crate::name::TableName;
use crate::record::Record;

/// Fetches the rows of a record type, asynchronously.
///
/// A closure from ids to a future of rows is one, and so is an `async` closure. It takes the ids as a `Vec`, so that
/// the future can keep them:
///
/// ```
/// # use dbcache::{Cache, Cached};
/// # #[derive(Clone, Debug, PartialEq, Cached)]
/// # #[cached(table = "public.users")]
/// # struct User { #[cached(id)] id: i64, name: String }
/// # #[derive(Clone)]
/// # struct Pool;
/// # impl Pool {
/// #     async fn users(&self, ids: Vec<i64>) -> Result<Vec<User>, std::io::Error> {
/// #         Ok(ids.into_iter().map(|id| User { id, name: "Ada".to_owned() }).collect())
/// #     }
/// # }
/// use dbcache::fetch::AsyncFetcher;
///
/// fn is_fetcher(_: &impl AsyncFetcher<User>) {}
///
/// let pool = Pool;
/// // An `async` closure that refers to what it uses:
/// is_fetcher(&async |ids: Vec<i64>| pool.users(ids).await);
/// // A closure that owns what it uses, and gives each future its own handle:
/// is_fetcher(&{
///     let pool = pool.clone();
///     move |ids: Vec<i64>| {
///         let pool = pool.clone();
///         async move { pool.users(ids).await }
///     }
/// });
/// ```
///
/// An `async move` closure that owns what it uses is not one: its futures borrow from the closure itself, and nothing
/// can yet say of such futures that they are `Send`. Refer to what is outside the closure, or write it in the second
/// form.
///
/// ```compile_fail
/// # use dbcache::Cached;
/// # #[derive(Clone, Debug, PartialEq, Cached)]
/// # #[cached(table = "public.users")]
/// # struct User { #[cached(id)] id: i64, name: String }
/// # fn is_fetcher(_: &impl dbcache::fetch::AsyncFetcher<User>) {}
/// let name = "Ada".to_owned();
/// is_fetcher(&async move |ids: Vec<i64>| -> Result<Vec<User>, std::io::Error> {
///     Ok(ids.into_iter().map(|id| User { id, name: name.clone() }).collect())
/// });
/// ```
///
/// # Threads
///
/// The futures are `Send`, so that requests are, and can be spawned on a runtime of many threads. A future is dropped
/// where its request is cancelled or its batch takes longer than the cache allows; nothing of the batch is stored
/// then.
///
/// # Types of your own
///
/// A type implements the trait with an `async fn`:
///
/// ```
/// # use dbcache::{Cache, Cached};
/// # #[derive(Clone, Debug, PartialEq, Cached)]
/// # #[cached(table = "public.users")]
/// # struct User { #[cached(id)] id: i64, name: String }
/// use dbcache::error::BoxError;
/// use dbcache::fetch::{AsyncFetcher, FetchRequest, Fetched};
///
/// struct Users {
///     greeting: String,
/// }
///
/// impl AsyncFetcher<User> for Users {
///     async fn fetch(&self, request: &FetchRequest<'_, i64>) -> Result<Fetched<User>, BoxError> {
///         let user = |id: &i64| User { id: *id, name: self.greeting.clone() };
///         Ok(request.ids().iter().map(user).collect::<Vec<User>>().into())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not fetch `{T}` rows asynchronously",
    note = "an async fetcher is a `Send + Sync` closure `async |ids: Vec<Id>| -> Result<Vec<{T}>, E>` with the id type spelled out, or a type that implements `AsyncFetcher<{T}>`",
    note = "an `async move` closure that owns what it uses is none: refer to what is outside it, or write `move |ids: Vec<Id>|` around an `async move` block with a clone of it"
)]
pub trait AsyncFetcher<T: Record>: Send + Sync {
    /// Fetches one batch.
    ///
    /// # Errors
    ///
    /// Whatever went wrong. Nothing of the batch is stored; the other batches go on.
    fn fetch(&self, request: &FetchRequest<'_, T::Id>) -> impl Future<Output = Result<Fetched<T>, BoxError>> + Send;

    /// The most ids that one batch may ask, where the database has such a limit.
    fn batch_limit(&self) -> Option<usize> {
        None
    }

    /// The names of all columns that the table has, where the fetcher can tell. It is asked before the first batch of a
    /// request for a column that no cached row has: if the table lacks the column, nothing is fetched, and near names
    /// are suggested.
    fn known_columns(&self, table: &TableName) -> impl Future<Output = Option<Vec<String>>> + Send {
        let _ = table;
        std::future::ready(None)
    }
}

impl<T, F, R, E, Rows> AsyncFetcher<T> for F
where
    T: Record,
    F: Fn(Vec<T::Id>) -> R + Send + Sync,
    R: Future<Output = Result<Rows, E>> + Send,
    Rows: IntoRows<Fetched<T>>,
    E: Into<BoxError>,
{
    fn fetch(&self, request: &FetchRequest<'_, T::Id>) -> impl Future<Output = Result<Fetched<T>, BoxError>> + Send {
        let rows = self(request.ids().to_vec());
        async move { rows.await.map(IntoRows::into_rows).map_err(Into::into) }
    }
}

/// Fetches rows of any table, with whatever columns it has, asynchronously.
///
/// A closure from ids and table to a future of rows is one, and so is an `async` closure:
/// `async |ids: Vec<i64>, table: String| -> Result<R, MyError> { … }`, where `R` is a `Vec` of JSON maps, a
/// `DataFrame`, or [`DynamicRows`]. What [`AsyncFetcher`] says of closures and threads holds here too.
///
/// ```
/// use dbcache::fetch::AsyncDynamicFetcher;
/// use dbcache::polars::prelude::*;
///
/// fn is_fetcher(_: &impl AsyncDynamicFetcher<i64>) {}
///
/// let names = ["Ada", "Grace"];
/// is_fetcher(&async |ids: Vec<i64>, _: String| {
///     let name = |id: &i64| usize::try_from(*id).ok().and_then(|id| names.get(id).copied());
///     df!["id" => &ids, "name" => ids.iter().map(name).collect::<Vec<_>>()]
/// });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not fetch rows by `{K}` ids asynchronously",
    note = "an async dynamic fetcher is a `Send + Sync` closure `async |ids: Vec<{K}>, table: String| -> Result<Vec<serde_json::Map<String, Value>>, E>` (or of a `DataFrame`), or a type that implements `AsyncDynamicFetcher<{K}>`",
    note = "an `async move` closure that owns what it uses is none: refer to what is outside it, or write `move |ids: Vec<{K}>, table: String|` around an `async move` block with a clone of it"
)]
pub trait AsyncDynamicFetcher<K: Key>: Send + Sync {
    /// Fetches one batch.
    ///
    /// # Errors
    ///
    /// Whatever went wrong. Nothing of the batch is stored; the other batches go on.
    fn fetch(&self, request: &FetchRequest<'_, K>) -> impl Future<Output = Result<DynamicRows, BoxError>> + Send;

    /// The most ids that one batch may ask, where the database has such a limit.
    fn batch_limit(&self) -> Option<usize> {
        None
    }

    /// The names of all columns that the table has, where the fetcher can tell. It is asked before the first batch of a
    /// request for a column that no cached row has: if the table lacks the column, nothing is fetched, and near names
    /// are suggested.
    fn known_columns(&self, table: &TableName) -> impl Future<Output = Option<Vec<String>>> + Send {
        let _ = table;
        std::future::ready(None)
    }
}

impl<K, F, R, E, Rows> AsyncDynamicFetcher<K> for F
where
    K: Key,
    F: Fn(Vec<K>, String) -> R + Send + Sync,
    R: Future<Output = Result<Rows, E>> + Send,
    Rows: IntoRows<DynamicRows>,
    E: Into<BoxError>,
{
    fn fetch(&self, request: &FetchRequest<'_, K>) -> impl Future<Output = Result<DynamicRows, BoxError>> + Send {
        let rows = self(request.ids().to_vec(), request.table().to_string());
        async move { rows.await.map(IntoRows::into_rows).map_err(Into::into) }
    }
}

/// Makes columns of what came. With many rows that takes a while, so it is not done where futures are polled.
pub(crate) type Convert = Box<dyn FnOnce() -> Result<FetchedBatch, BatchError> + Send>;

type SendFuture<'a, R> = Pin<Box<dyn Future<Output = R> + Send + 'a>>;

/// An async fetcher with its key and record types erased.
pub(crate) trait AsyncBatchSource: Sync {
    fn fetch<'a>(&'a self, request: BatchRequest<'a>) -> SendFuture<'a, Result<Convert, BatchError>>;

    fn batch_limit(&self) -> Option<usize>;

    fn known_columns<'a>(&'a self, table: &'a TableName) -> SendFuture<'a, Option<Vec<String>>>;
}

/// Erases the record type of a typed fetcher.
pub(crate) struct AsyncTypedSource<'f, T, F> {
    fetcher: &'f F,
    record: PhantomData<fn() -> T>,
}

impl<'f, T, F> AsyncTypedSource<'f, T, F> {
    pub(crate) fn new(fetcher: &'f F) -> Self {
        Self { fetcher, record: PhantomData }
    }
}

impl<T: Record, F: AsyncFetcher<T>> AsyncBatchSource for AsyncTypedSource<'_, T, F> {
    fn fetch<'a>(&'a self, request: BatchRequest<'a>) -> SendFuture<'a, Result<Convert, BatchError>> {
        Box::pin(async move {
            let ids: Vec<T::Id> = request.ids.keys();
            let rows = self.fetcher.fetch(&request.with_keys(&ids)).await.map_err(failed)?;
            let convert: Convert = Box::new(|| rows.into_batch());
            Ok(convert)
        })
    }

    fn batch_limit(&self) -> Option<usize> {
        self.fetcher.batch_limit()
    }

    fn known_columns<'a>(&'a self, table: &'a TableName) -> SendFuture<'a, Option<Vec<String>>> {
        Box::pin(self.fetcher.known_columns(table))
    }
}

/// Erases the key type of a dynamic fetcher.
pub(crate) struct AsyncDynamicSource<'f, K, F> {
    fetcher: &'f F,
    key: PhantomData<fn() -> K>,
}

impl<'f, K, F> AsyncDynamicSource<'f, K, F> {
    pub(crate) fn new(fetcher: &'f F) -> Self {
        Self { fetcher, key: PhantomData }
    }
}

impl<K: Key, F: AsyncDynamicFetcher<K>> AsyncBatchSource for AsyncDynamicSource<'_, K, F> {
    fn fetch<'a>(&'a self, request: BatchRequest<'a>) -> SendFuture<'a, Result<Convert, BatchError>> {
        Box::pin(async move {
            let ids: Vec<K> = request.ids.keys();
            let rows = self.fetcher.fetch(&request.with_keys(&ids)).await.map_err(failed)?;
            let (id_column, pins) = (request.id_column.to_owned(), request.pins.to_vec());
            let convert: Convert = Box::new(move || rows.into_batch(&IdColumn::of::<K>(&id_column), &pins));
            Ok(convert)
        })
    }

    fn batch_limit(&self) -> Option<usize> {
        self.fetcher.batch_limit()
    }

    fn known_columns<'a>(&'a self, table: &'a TableName) -> SendFuture<'a, Option<Vec<String>>> {
        Box::pin(self.fetcher.known_columns(table))
    }
}
