//! The builder of a cache: its directory, and the settings of its requests.

use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::json_path::Strictness;
use crate::read_through::{
    AbsentIdCache, FetchMode, FolderClaims, Options, RateLimiter, RememberAbsent, Shared, request_options,
};
use crate::stats::Counters;
use crate::storage::{self, Store};

/// The default cache directory, relative to the home directory.
const DEFAULT_DIRECTORY: [&str; 2] = ["data", "cached_data"];

/// Default size of the memory tier, in bytes.
const DEFAULT_MEMORY_BYTES: usize = 256 * 1024 * 1024;

/// Opens a [`Cache`](crate::Cache) or [`DynamicCache`](crate::DynamicCache) with custom settings.
///
/// ```
/// use dbcache::{BatchPolicy, DynamicCache, Progress};
///
/// # let folder = tempfile::tempdir()?;
/// let cache = DynamicCache::builder()
///     .folder(folder.path())
///     .batches(BatchPolicy::Fixed(500))
///     .progress(Progress::Silent)
///     .open()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until `open` is called"]
pub struct Builder<C> {
    folder: Option<PathBuf>,
    memory: usize,
    options: Options,
    rate_limiter: Option<RateLimiter>,
    remember_absent: RememberAbsent,
    strictness: Strictness,
    fetch_mode: FetchMode,
    cache: PhantomData<fn() -> C>,
}

impl<C> Builder<C> {
    pub(crate) fn new() -> Self {
        Self {
            folder: None,
            memory: DEFAULT_MEMORY_BYTES,
            options: Options::default(),
            rate_limiter: None,
            remember_absent: RememberAbsent::default(),
            strictness: Strictness::default(),
            fetch_mode: FetchMode::default(),
            cache: PhantomData,
        }
    }

    /// Sets the cache directory. It is created, with its parents, when the first row is stored.
    ///
    /// The default is `data/cached_data` in the home directory.
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Sets how many bytes of decoded ids and columns are kept in memory, for all tables of the cache. The default is
    /// 256 MiB.
    ///
    /// Chunks of columns that are read repeatedly are retained, and are evicted only if they go unused. With `0`
    /// nothing is retained, and every read goes to the files.
    ///
    /// For ids, and for chunks of which requests read only some rows, dbcache asks Linux for [transparent huge
    /// pages](https://docs.kernel.org/admin-guide/mm/transhuge.html) if they take 2 MiB or more. Without huge pages,
    /// reading these rows is slower.
    pub fn memory(mut self, bytes: usize) -> Self {
        self.memory = bytes;
        self
    }

    request_options!(options);

    /// Limits all requests of the cache together to `batches` batches per `per`. Batches start at even intervals. 0
    /// batches are treated as 1. By default there is no limit.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use dbcache::DynamicCache;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let cache = DynamicCache::builder().folder(folder.path()).rate_limit(50, Duration::from_secs(1)).open()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn rate_limit(mut self, batches: u32, per: Duration) -> Self {
        self.rate_limiter = Some(RateLimiter::new(batches, per));
        self
    }

    /// Sets the result of text that is not JSON and of paths into scalars. The default is null.
    pub fn json(mut self, strictness: Strictness) -> Self {
        self.strictness = strictness;
        self
    }

    /// Never fetches. A request for rows that are not cached fails with [`Error::NotCached`] without calling a fetcher.
    ///
    /// [`Query::offline`](crate::Query::offline) and [`TableQuery::offline`](crate::TableQuery::offline) do the same
    /// for a single query.
    ///
    /// ```
    /// use dbcache::polars::prelude::{DataFrame, PolarsError};
    /// use dbcache::{DynamicCache, Error};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let cache = DynamicCache::builder().folder(folder.path()).offline().open()?;
    /// let database = |_: &[i64], _: &str| -> Result<DataFrame, PolarsError> { unreachable!() };
    /// let answer = cache.table("public.users")?.select(["name"])?.frame(&[1], &database);
    /// assert!(matches!(answer, Err(Error::NotCached { .. })));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn offline(mut self) -> Self {
        self.fetch_mode = FetchMode::Offline;
        self
    }

    /// Sets whether and for how long the cache remembers ids that the database does not have, so that requests need not
    /// query them again. By default it does not.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use dbcache::{DynamicCache, RememberAbsent};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let day = Duration::from_secs(24 * 60 * 60);
    /// let cache = DynamicCache::builder().folder(folder.path()).remember_absent(RememberAbsent::InFolder(day)).open()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remember_absent(mut self, remember: RememberAbsent) -> Self {
        self.remember_absent = remember;
        self
    }

    /// Opens the cache.
    ///
    /// # Errors
    ///
    /// Returns [`Error::NoHomeFolder`] if no directory was set and the home directory is unknown, or
    /// [`Error::TypeConflict`] if stored columns cannot be read in the types that the record declares.
    pub fn open(self) -> Result<C>
    where
        C: Open,
    {
        let folder = self.folder.map_or_else(default_directory, Ok)?;
        let shared = Shared {
            claims: FolderClaims::of(storage::identity(&folder)),
            counters: Counters::default(),
            rate_limiter: self.rate_limiter,
            absent_ids: AbsentIdCache::new(self.remember_absent),
        };
        let engine = Engine {
            store: Store::new(folder, self.memory),
            options: self.options,
            shared: Arc::new(shared),
            strictness: self.strictness,
            fetch_mode: self.fetch_mode,
        };
        C::open_with(Arc::new(engine))
    }
}

fn default_directory() -> Result<PathBuf> {
    let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty()).ok_or(Error::NoHomeFolder)?;
    Ok(DEFAULT_DIRECTORY.iter().fold(home, |folder, part| folder.join(part)))
}

mod sealed {
    use super::{Arc, Engine, Result};

    pub trait Open: Sized {
        fn open_with(engine: Arc<Engine>) -> Result<Self>;
    }
}

pub(crate) use sealed::Open;
