//! Blocking fetchers for async requests.

use std::sync::Arc;

use super::{AsyncFetcher, FetchRequest, Fetched, Fetcher, OwnedRequest, Target};
use crate::error::BoxError;
use crate::name::TableName;
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

impl<T: Target, F: Fetcher<T> + 'static> AsyncFetcher<T> for Blocking<F> {
    async fn fetch(&self, request: &FetchRequest<'_, T::Id>) -> Result<Fetched<T>, BoxError> {
        let (fetcher, request) = (Arc::clone(&self.0), OwnedRequest::of(request));
        fetch_off_runtime(move || fetcher.fetch(&request.borrowed())).await
    }

    fn max_batch(&self) -> Option<usize> {
        self.0.max_batch()
    }

    async fn table_columns(&self, table: &TableName) -> Option<Vec<String>> {
        let (fetcher, table) = (Arc::clone(&self.0), table.clone());
        fetch_off_runtime(move || fetcher.table_columns(&table)).await
    }
}
