//! Blocking fetchers for async requests.

use std::sync::Arc;
use std::time::Duration;

use super::{
    AsyncDynamicFetcher, AsyncFetcher, Columns, DynamicFetcher, DynamicRows, FetchRequest, Fetched, Fetcher, PinnedType,
};
use crate::error::BoxError;
use crate::key::Key;
use crate::name::TableName;
use crate::record::Record;
use crate::runtime::fetch_off_runtime;

/// Lets a blocking fetcher serve async requests: each call has a thread to itself, which is none of the runtime's.
///
/// A request that is cancelled does not wait for the batch that is being fetched, but the fetcher ends it.
///
/// ```
/// use dbcache::fetch::Blocking;
/// use dbcache::rusqlite::Connection;
/// use dbcache::{DynamicCache, SqliteFetcher};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// # let folder = tempfile::tempdir()?;
/// let connection = Connection::open_in_memory()?;
/// connection.execute_batch("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO users VALUES (7, 'Ada')")?;
///
/// let fetcher = Blocking::new(SqliteFetcher::new(connection)?);
/// let cache = DynamicCache::open(folder.path())?;
/// let names = cache.table("main.users")?.select(["name"])?.frame_async(&[7], &fetcher).await?;
/// assert_eq!(names.height(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Blocking<F>(Arc<F>);

impl<F> Blocking<F> {
    /// Takes a blocking fetcher.
    pub fn new(fetcher: F) -> Self {
        Self(Arc::new(fetcher))
    }

    /// The blocking fetcher.
    pub fn get_ref(&self) -> &F {
        &self.0
    }
}

impl<F> Clone for Blocking<F> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Record, F: Fetcher<T> + Send + 'static> AsyncFetcher<T> for Blocking<F> {
    async fn fetch(&self, request: &FetchRequest<'_, T::Id>) -> Result<Fetched<T>, BoxError> {
        let (fetcher, request) = (Arc::clone(&self.0), Owned::of(request));
        fetch_off_runtime(move || fetcher.fetch(&request.borrowed())).await
    }

    fn batch_limit(&self) -> Option<usize> {
        self.0.batch_limit()
    }

    async fn known_columns(&self, table: &TableName) -> Option<Vec<String>> {
        let (fetcher, table) = (Arc::clone(&self.0), table.clone());
        fetch_off_runtime(move || fetcher.known_columns(&table)).await
    }
}

impl<K: Key, F: DynamicFetcher<K> + Send + 'static> AsyncDynamicFetcher<K> for Blocking<F> {
    async fn fetch(&self, request: &FetchRequest<'_, K>) -> Result<DynamicRows, BoxError> {
        let (fetcher, request) = (Arc::clone(&self.0), Owned::of(request));
        fetch_off_runtime(move || fetcher.fetch(&request.borrowed())).await
    }

    fn batch_limit(&self) -> Option<usize> {
        self.0.batch_limit()
    }

    async fn known_columns(&self, table: &TableName) -> Option<Vec<String>> {
        let (fetcher, table) = (Arc::clone(&self.0), table.clone());
        fetch_off_runtime(move || fetcher.known_columns(&table)).await
    }
}

/// A request that another thread can keep.
struct Owned<K> {
    ids: Vec<K>,
    table: TableName,
    id_column: String,
    /// `None` for all columns.
    columns: Option<Vec<String>>,
    pins: Vec<PinnedType>,
    timeout: Option<Duration>,
}

impl<K: Key> Owned<K> {
    fn of(request: &FetchRequest<'_, K>) -> Self {
        Self {
            ids: request.ids.to_vec(),
            table: request.table.clone(),
            id_column: request.id_column.to_owned(),
            columns: match request.columns {
                Columns::All => None,
                Columns::Named(columns) => Some(columns.to_vec()),
            },
            pins: request.pins.to_vec(),
            timeout: request.timeout,
        }
    }

    fn borrowed(&self) -> FetchRequest<'_, K> {
        FetchRequest {
            ids: &self.ids,
            table: &self.table,
            id_column: &self.id_column,
            columns: self.columns.as_deref().map_or(Columns::All, Columns::Named),
            pins: &self.pins,
            timeout: self.timeout,
        }
    }
}
