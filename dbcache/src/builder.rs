//! How a cache is opened: its folder, and how its requests are carried out.

use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::json_path::Strictness;
use crate::read_through::{Absences, Fetch, FolderClaims, Options, Pace, RememberAbsent, Shared, request_options};
use crate::stats::Counters;
use crate::storage::{self, Store};

/// The default folder, below the home directory.
const DEFAULT_FOLDER: [&str; 2] = ["data", "cached_data"];

/// How many bytes of decoded columns are kept in memory where nothing else is said.
const DEFAULT_MEMORY: usize = 256 * 1024 * 1024;

/// Opens a [`Cache`](crate::Cache) or [`DynamicCache`](crate::DynamicCache) with settings of your own.
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
    pace: Option<Pace>,
    remember_absent: RememberAbsent,
    strictness: Strictness,
    fetch: Fetch,
    cache: PhantomData<fn() -> C>,
}

impl<C> Builder<C> {
    pub(crate) fn new() -> Self {
        Self {
            folder: None,
            memory: DEFAULT_MEMORY,
            options: Options::default(),
            pace: None,
            remember_absent: RememberAbsent::default(),
            strictness: Strictness::default(),
            fetch: Fetch::default(),
            cache: PhantomData,
        }
    }

    /// The cache folder. It is created, with its parents, when the first row is stored.
    ///
    /// The default is `data/cached_data` under the home directory.
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// How many bytes of decoded columns are kept in memory, for all tables of the cache: 256 MiB by default.
    ///
    /// A part of a column is kept once it was read about as often as decoding it costs, and gives way only when it
    /// went unused. With `0` nothing is kept, and every read goes to the files. For ids, and for parts of
    /// which requests want some rows, Linux is asked for [transparent huge
    /// pages](https://docs.kernel.org/admin-guide/mm/transhuge.html) where they take 2 MiB or more; if it has none, rows are
    /// read from memory more slowly.
    pub fn memory(mut self, bytes: usize) -> Self {
        self.memory = bytes;
        self
    }

    request_options!(options);

    /// At most so many batches begin in so much time, for all requests of the cache together. They are spread evenly;
    /// 0 counts as 1. There is no limit by default.
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
        self.pace = Some(Pace::new(batches, per));
        self
    }

    /// What text that is not JSON, or a path step into a scalar, gives: null by default.
    pub fn json(mut self, strictness: Strictness) -> Self {
        self.strictness = strictness;
        self
    }

    /// Never fetches: a request for rows that are not cached is [`Error::NotCached`], and calls no fetcher.
    ///
    /// A single query does the same with [`Query::offline`](crate::Query::offline) or
    /// [`TableQuery::offline`](crate::TableQuery::offline).
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
        self.fetch = Fetch::Never;
        self
    }

    /// Whether ids that the database does not have are remembered, so that they are not asked each time; they are not
    /// by default.
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
    /// [`Error::NoHomeFolder`] where no folder was given and no home directory is known;
    /// [`Error::TypeConflict`] where what is stored cannot be read as the record declares it.
    pub fn open(self) -> Result<C>
    where
        C: Open,
    {
        let folder = self.folder.map_or_else(default_folder, Ok)?;
        let shared = Shared {
            claims: FolderClaims::of(storage::identity(&folder)),
            counters: Counters::default(),
            pace: self.pace,
            absences: Absences::new(self.remember_absent),
        };
        let engine = Engine {
            store: Store::new(folder, self.memory),
            options: self.options,
            shared: Arc::new(shared),
            strictness: self.strictness,
            fetch: self.fetch,
        };
        C::open_with(Arc::new(engine))
    }
}

fn default_folder() -> Result<PathBuf> {
    let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty()).ok_or(Error::NoHomeFolder)?;
    Ok(DEFAULT_FOLDER.iter().fold(home, |folder, part| folder.join(part)))
}

mod sealed {
    use super::{Arc, Engine, Result};

    pub trait Open: Sized {
        fn open_with(engine: Arc<Engine>) -> Result<Self>;
    }
}

pub(crate) use sealed::Open;
