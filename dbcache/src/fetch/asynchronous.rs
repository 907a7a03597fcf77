//! Async fetchers: as the blocking ones, for programs that run on a runtime.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use super::batch::FetchedBatch;
use super::fetched::{Fetched, IntoRows};
use super::request::{BatchRequest, FetchRequest};
use super::source::{Source, failed};
use super::target::{Dynamic, Target};
use crate::error::{BatchError, BoxError};
use crate::key::Key;
use crate::name::TableName;
use crate::record::Record;

/// Fetches rows asynchronously: those of a record type `T`, or with `T = `[`Dynamic<K>`](Dynamic) those of any table by
/// keys of the type `K`. The async twin of [`Fetcher`](super::Fetcher).
///
/// A closure from ids to a future of records is one, and so is an `async` closure. It takes the ids as a `Vec`, so that
/// the future can keep them. Rows of any table come from one that takes the table too,
/// `async |ids: Vec<i64>, table: String| -> Result<R, MyError> { … }`, where `R` is a `Vec` of JSON maps, a `DataFrame`,
/// or a [`Fetched`].
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
///
/// The trait is not `dyn`-compatible: [`BoxAsyncFetcher`] is, for any async fetcher.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not fetch `{T}` rows asynchronously",
    note = "an async fetcher of a record is a `Send + Sync` closure `async |ids: Vec<Id>| -> Result<Vec<{T}>, E>` with the id type spelled out, one of `Dynamic<Id>` a closure `async |ids: Vec<Id>, table: String| -> Result<Vec<serde_json::Map<String, Value>>, E>`; a type of your own implements `AsyncFetcher<{T}>`",
    note = "a blocking fetcher serves async requests as `dbcache::fetch::Blocking::new(fetcher)`",
    note = "an `async move` closure that owns what it uses is none: refer to what is outside it, or write `move |ids: Vec<Id>|` around an `async move` block with a clone of it"
)]
pub trait AsyncFetcher<T: Target>: Send + Sync {
    /// Fetches one batch.
    ///
    /// # Errors
    ///
    /// Whatever went wrong. Nothing of the batch is stored; the other batches go on.
    fn fetch(&self, request: &FetchRequest<'_, T::Id>) -> impl Future<Output = Result<Fetched<T>, BoxError>> + Send;

    /// The largest number of ids in one batch, if the database has such a limit.
    fn max_batch(&self) -> Option<usize> {
        None
    }

    /// The names of all columns of the table, if the fetcher can tell. It is asked before the first batch of a request
    /// for a column that no cached row has: if the table lacks the column, nothing is fetched, and near names are
    /// suggested.
    fn table_columns(&self, table: &TableName) -> impl Future<Output = Option<Vec<String>>> + Send {
        let _ = table;
        std::future::ready(None)
    }
}

impl<T, F, R, E, Rows> AsyncFetcher<T> for F
where
    T: Record,
    F: Fn(Vec<<T as Record>::Id>) -> R + Send + Sync,
    R: Future<Output = Result<Rows, E>> + Send,
    Rows: IntoRows<T>,
    E: Into<BoxError>,
{
    fn fetch(
        &self,
        request: &FetchRequest<'_, <T as Record>::Id>,
    ) -> impl Future<Output = Result<Fetched<T>, BoxError>> + Send {
        let rows = self(request.ids().to_vec());
        async move { rows.await.map(IntoRows::into_rows).map_err(Into::into) }
    }
}

impl<K, F, R, E, Rows> AsyncFetcher<Dynamic<K>> for F
where
    K: Key,
    F: Fn(Vec<K>, String) -> R + Send + Sync,
    R: Future<Output = Result<Rows, E>> + Send,
    Rows: IntoRows<Dynamic<K>>,
    E: Into<BoxError>,
{
    fn fetch(
        &self,
        request: &FetchRequest<'_, K>,
    ) -> impl Future<Output = Result<Fetched<Dynamic<K>>, BoxError>> + Send {
        let rows = self(request.ids().to_vec(), request.table().to_string());
        async move { rows.await.map(IntoRows::into_rows).map_err(Into::into) }
    }
}

impl<T: Target, F: AsyncFetcher<T> + ?Sized> AsyncFetcher<T> for Arc<F> {
    fn fetch(&self, request: &FetchRequest<'_, T::Id>) -> impl Future<Output = Result<Fetched<T>, BoxError>> + Send {
        (**self).fetch(request)
    }

    fn max_batch(&self) -> Option<usize> {
        (**self).max_batch()
    }

    fn table_columns(&self, table: &TableName) -> impl Future<Output = Option<Vec<String>>> + Send {
        (**self).table_columns(table)
    }
}

/// Any async fetcher of some rows, as one type: for a struct's field, or to choose a fetcher at run time. Clones share
/// the fetcher.
///
/// ```
/// # use dbcache::Cached;
/// # #[derive(Clone, Debug, PartialEq, Cached)]
/// # #[cached(table = "public.users")]
/// # struct User { #[cached(id)] id: i64, name: String }
/// use dbcache::fetch::BoxAsyncFetcher;
///
/// struct App {
///     users: BoxAsyncFetcher<User>,
/// }
///
/// let nobody = async |_: Vec<i64>| -> Result<Vec<User>, std::io::Error> { Ok(Vec::new()) };
/// let app = App { users: BoxAsyncFetcher::new(nobody) };
/// # let _ = app.users;
/// ```
pub struct BoxAsyncFetcher<T: Target>(Arc<dyn DynAsyncFetcher<T>>);

impl<T: Target> BoxAsyncFetcher<T> {
    /// Takes a fetcher.
    pub fn new(fetcher: impl AsyncFetcher<T> + 'static) -> Self {
        Self(Arc::new(fetcher))
    }
}

impl<T: Target> Clone for BoxAsyncFetcher<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Target> fmt::Debug for BoxAsyncFetcher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoxAsyncFetcher").finish_non_exhaustive()
    }
}

impl<T: Target> AsyncFetcher<T> for BoxAsyncFetcher<T> {
    async fn fetch(&self, request: &FetchRequest<'_, T::Id>) -> Result<Fetched<T>, BoxError> {
        self.0.fetch_dyn(request).await
    }

    fn max_batch(&self) -> Option<usize> {
        self.0.max_batch_dyn()
    }

    async fn table_columns(&self, table: &TableName) -> Option<Vec<String>> {
        self.0.table_columns_dyn(table).await
    }
}

type SendFuture<'a, R> = Pin<Box<dyn Future<Output = R> + Send + 'a>>;

/// [`AsyncFetcher`] with boxed futures. The methods have names of their own, so that a call of `fetch` is not ambiguous.
trait DynAsyncFetcher<T: Target>: Send + Sync {
    fn fetch_dyn<'a>(&'a self, request: &'a FetchRequest<'_, T::Id>) -> SendFuture<'a, Result<Fetched<T>, BoxError>>;

    fn max_batch_dyn(&self) -> Option<usize>;

    fn table_columns_dyn<'a>(&'a self, table: &'a TableName) -> SendFuture<'a, Option<Vec<String>>>;
}

impl<T: Target, F: AsyncFetcher<T>> DynAsyncFetcher<T> for F {
    fn fetch_dyn<'a>(&'a self, request: &'a FetchRequest<'_, T::Id>) -> SendFuture<'a, Result<Fetched<T>, BoxError>> {
        Box::pin(self.fetch(request))
    }

    fn max_batch_dyn(&self) -> Option<usize> {
        self.max_batch()
    }

    fn table_columns_dyn<'a>(&'a self, table: &'a TableName) -> SendFuture<'a, Option<Vec<String>>> {
        Box::pin(self.table_columns(table))
    }
}

/// Makes columns of what came. With many rows that takes a while, so it is not done where futures are polled.
pub(crate) type Convert = Box<dyn FnOnce() -> Result<FetchedBatch, BatchError> + Send>;

/// An async fetcher with its target and key types erased.
pub(crate) trait AsyncBatchSource: Sync {
    fn fetch<'a>(&'a self, request: BatchRequest<'a>) -> SendFuture<'a, Result<Convert, BatchError>>;

    fn max_batch(&self) -> Option<usize>;

    fn table_columns<'a>(&'a self, table: &'a TableName) -> SendFuture<'a, Option<Vec<String>>>;
}

impl<T: Target, F: AsyncFetcher<T>> AsyncBatchSource for Source<'_, T, F> {
    fn fetch<'a>(&'a self, request: BatchRequest<'a>) -> SendFuture<'a, Result<Convert, BatchError>> {
        Box::pin(async move {
            let ids: Vec<T::Id> = request.ids.keys();
            let rows = self.fetcher.fetch(&request.with_keys(&ids)).await.map_err(failed)?;
            let (id_column, columns) = (request.id_column.to_owned(), request.columns.to_vec());
            let convert: Convert = Box::new(move || rows.into_batch(&id_column, &columns));
            Ok(convert)
        })
    }

    fn max_batch(&self) -> Option<usize> {
        self.fetcher.max_batch()
    }

    fn table_columns<'a>(&'a self, table: &'a TableName) -> SendFuture<'a, Option<Vec<String>>> {
        Box::pin(self.fetcher.table_columns(table))
    }
}
