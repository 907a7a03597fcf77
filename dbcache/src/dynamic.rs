//! The dynamic cache: string columns of any table.

#[cfg(feature = "tokio")]
mod asynchronous;

use std::path::{Path, PathBuf};
use std::sync::Arc;

#[cfg(feature = "lazy")]
use polars::prelude::LazyFrame;
use polars::prelude::{DataFrame, DataType, IntoColumn};

use crate::answer::{FetchedFrames, Question, Wanted, presented};
use crate::builder::{Builder, Open};
use crate::cache::{complete, wanted};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::fetch::{Dynamic, Fetcher, Source};
use crate::found::{CachedColumn, CachedTable, Found, LookUp, Warmed};
use crate::key::Key;
use crate::listing;
use crate::name::TableName;
use crate::read_through::{Answer, FetchMode, request_options};
use crate::stats::Stats;
use crate::storage::{self, Reading, Snapshot};

/// The id column where none is named.
const ID_COLUMN: &str = "id";

/// Columns and paths of some rows of any table, through the cache in the default folder.
///
/// The one-call form of [`DynamicCache`]: the folder is `data/cached_data` under the home directory, the id column
/// is `id`.
///
/// # Errors
///
/// As [`TableQuery::frame`], and those of [`DynamicCache::open_default`] and [`DynamicCache::table`].
///
/// ```no_run
/// use serde_json::{Map, Value, json};
///
/// let fetcher = |ids: &[i64], table: &str| -> Result<Vec<Map<String, Value>>, std::io::Error> {
///     let row = |id: &i64| json!({ "id": id, "name": "Ada", "metadata": { "city": "London" } });
///     Ok(ids.iter().filter_map(|id| row(id).as_object().cloned()).collect())
/// };
/// let frame = dbcache::get_data(&[1, 2], &["name", "metadata.city"], "public.users", &fetcher)?;
/// assert_eq!(frame.get_column_names(), ["id", "name", "metadata.city"]);
/// # Ok::<(), dbcache::Error>(())
/// ```
pub fn get_data<K: Key, C: AsRef<str>, F: Fetcher<Dynamic<K>> + ?Sized>(
    ids: &[K],
    columns: &[C],
    table: &str,
    fetcher: &F,
) -> Result<DataFrame> {
    DynamicCache::open_default()?.table(table)?.select(columns)?.frame(ids, fetcher)
}

/// A cache of rows of any table, by string columns.
///
/// ```
/// use dbcache::DynamicCache;
/// use serde_json::{Map, Value, json};
///
/// # let folder = tempfile::tempdir()?;
/// let fetcher = |ids: &[i64], table: &str| -> Result<Vec<Map<String, Value>>, std::io::Error> {
///     let row = |id: &i64| json!({ "id": id, "name": "Ada", "metadata": { "city": "London" } });
///     Ok(ids.iter().filter_map(|id| row(id).as_object().cloned()).collect())
/// };
/// let cache = DynamicCache::open(folder.path())?;
/// let users = cache.table("public.users")?;
/// let frame = users.select(["name", "metadata.city"])?.frame(&[1, 2], &fetcher)?;
/// assert_eq!(frame.shape(), (2, 3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct DynamicCache {
    engine: Arc<Engine>,
}

impl DynamicCache {
    /// Opens the cache in a folder, which is created with the first row that is stored.
    ///
    /// # Errors
    ///
    /// None now.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self> {
        Self::builder().folder(folder).open()
    }

    /// Opens the cache in `data/cached_data` under the home directory.
    ///
    /// # Errors
    ///
    /// [`Error::NoHomeFolder`].
    pub fn open_default() -> Result<Self> {
        Self::builder().open()
    }

    /// Settings of your own, before opening.
    pub fn builder() -> Builder<Self> {
        Builder::new()
    }

    /// The cache folder.
    pub fn folder(&self) -> &Path {
        self.engine.store.folder()
    }

    /// What the cache has done since it was opened.
    pub fn stats(&self) -> Stats {
        self.engine.stats()
    }

    /// What the folder holds: its tables, by name, whichever program stored them.
    ///
    /// Looks at every table's files, and changes none: damaged ones are told in [`CachedTable::fault`] and stay where
    /// they are. Of a table with segments all ids are read, of any other only the end of its file. No folder is as
    /// good as an empty one.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where the folder cannot be listed.
    ///
    /// ```
    /// use dbcache::DynamicCache;
    /// use dbcache::polars::prelude::*;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let cache = DynamicCache::open(folder.path())?;
    /// let fetcher = |ids: &[i64], _: &str| -> Result<DataFrame, PolarsError> { df!("id" => ids, "age" => [36, 41]) };
    /// cache.table("public.users")?.select(["age"])?.frame(&[1, 2], &fetcher)?;
    /// let tables = cache.tables()?;
    /// assert_eq!((tables[0].name.as_str(), tables[0].rows, tables[0].segments), ("public.users", 2, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn tables(&self) -> Result<Vec<CachedTable>> {
        listing::tables(&self.engine.store)
    }

    /// A table, `schema.table`, by its id column `id`.
    ///
    /// # Errors
    ///
    /// [`Error::TableName`] for a malformed name.
    pub fn table(&self, name: &str) -> Result<Table> {
        self.table_by(name, ID_COLUMN)
    }

    /// A table by an id column of another name.
    ///
    /// # Errors
    ///
    /// [`Error::TableName`] for a malformed name.
    pub fn table_by(&self, name: &str, id_column: &str) -> Result<Table> {
        let table = self.engine.store.table(&TableName::new(name)?, id_column);
        Ok(Table { engine: Arc::clone(&self.engine), table })
    }
}

impl Open for DynamicCache {
    fn open_with(engine: Arc<Engine>) -> Result<Self> {
        Ok(Self { engine })
    }
}

/// One table of a [`DynamicCache`].
#[derive(Clone, Debug)]
pub struct Table {
    engine: Arc<Engine>,
    table: Arc<storage::Table>,
}

impl Table {
    /// The table's name.
    pub fn name(&self) -> &TableName {
        self.table.name()
    }

    /// What the cache has done since it was opened, with all its tables.
    pub fn stats(&self) -> Stats {
        self.engine.stats()
    }

    /// A query for columns and paths.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnName`] for a malformed name,
    /// [`Error::NoColumns`] for none.
    pub fn select<C: AsRef<str>>(&self, columns: impl IntoIterator<Item = C>) -> Result<TableQuery> {
        let question = self.question(wanted(&self.table, columns)?);
        Ok(TableQuery { question })
    }

    /// What is cached of the table: the id column, then every column in the order in which they first came.
    ///
    /// # Errors
    ///
    /// A storage error.
    ///
    /// ```
    /// use dbcache::DynamicCache;
    /// use dbcache::polars::prelude::*;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let cache = DynamicCache::open(folder.path())?;
    /// let users = cache.table("public.users")?;
    /// assert!(users.columns()?.is_empty());
    ///
    /// let fetcher = |ids: &[i64], _: &str| -> Result<DataFrame, PolarsError> { df!("id" => ids, "age" => [36, 41]) };
    /// users.select(["age"])?.frame(&[1, 2], &fetcher)?;
    /// let columns = users.columns()?;
    /// assert_eq!((columns[1].name.as_str(), &columns[1].data_type, columns[1].rows), ("age", &DataType::Int32, 2));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn columns(&self) -> Result<Vec<CachedColumn>> {
        self.table.read(|stored| listing::columns(&self.table, &stored))
    }

    /// Folds all files of the table into the one with its own name, which is then complete for other programs.
    ///
    /// Commits do so by themselves as far as it keeps reading fast. Takes as long as writing the whole table.
    ///
    /// # Errors
    ///
    /// A storage error; the table is then as it was.
    pub fn compact(&self) -> Result<()> {
        self.table.compact().map(drop)
    }

    /// Forgets rows, for instance because a person asked for it. Returns how many of them were cached.
    ///
    /// When this returns, no file of the folder holds the rows any more: neither the table's own nor damaged ones that
    /// were set aside, of which all are removed. A fetch that was under way, here or in another process, does not bring
    /// back what it read before. The files that have the rows are written anew, so this takes at most as long as
    /// [`compact`](Self::compact). The ids are fetched again when they are asked for.
    ///
    /// Requests that began before may still answer the rows. Other caches that have the folder open, here or in other
    /// processes, drop what they hold in memory with their next request.
    ///
    /// # Errors
    ///
    /// [`Error::UnreadableColumn`] where the rows are in another program's file that is never written anew, because it
    /// has columns that cannot be read; otherwise a storage error: then copies may be left, and the call can be made
    /// again.
    pub fn forget<K: Key>(&self, ids: &[K]) -> Result<usize> {
        self.engine.forget(&self.table, &K::to_set(ids))
    }

    /// Forgets columns of all rows, as [`forget`](Self::forget) does rows: the rows lack them afterwards, and have them
    /// fetched when they are asked for. A column that is not cached is no error.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnName`] for the id column and for what is no name; otherwise as [`forget`](Self::forget).
    pub fn forget_columns<N: AsRef<str>>(&self, names: impl IntoIterator<Item = N>) -> Result<()> {
        Engine::forget_columns(&self.table, names.into_iter().map(|name| name.as_ref().to_owned()).collect())
    }

    /// Forgets all rows and columns, as [`forget`](Self::forget) does single rows.
    ///
    /// # Errors
    ///
    /// As [`forget`](Self::forget), but that another program's file is removed too, whatever is in it.
    pub fn clear(&self) -> Result<()> {
        self.engine.clear(&self.table)
    }

    /// Everything that is cached of the table: the id column, then every column, null where a row lacks it.
    ///
    /// Columns that came as JSON objects and arrays are structs and lists where all rows agree, else JSON text.
    ///
    /// # Errors
    ///
    /// A storage error.
    pub fn cached(&self) -> Result<DataFrame> {
        self.table.read(|stored| self.everything(&stored))
    }

    /// Everything that is cached of the table as a lazy frame, which reads only what a query needs of it.
    ///
    /// The rows and columns are those of [`cached`](Self::cached) at this moment, and stay so whatever is stored or
    /// folded meanwhile, but columns of JSON objects and arrays are text, as they are stored.
    ///
    /// - A column that the query does not use is not read.
    /// - Rows are filtered in parts of about 262,144, as many parts at once as there are threads: first by the id, then
    ///   by columns of fixed width, by text and by nested columns. Of the columns that come later, only the pages are
    ///   read in which rows are left.
    /// - With a limit, the parts behind it are not read.
    /// - With `Engine::Streaming`, or into a file, the rows that are found need not fit in memory.
    ///
    /// Another program's file is in memory whole, as for any request. The memory tier is neither used nor filled.
    ///
    /// # Errors
    ///
    /// A storage error. Where one comes when the frame is collected, it stands behind the error of Polars, as
    /// [`Error::behind`] tells. A damaged file is such an error, and never a wrong row: it is set aside, and the next
    /// scan is without its rows.
    ///
    /// ```
    /// use dbcache::DynamicCache;
    /// use dbcache::polars::prelude::*;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let cache = DynamicCache::open(folder.path())?;
    /// let users = cache.table("public.users")?;
    /// let fetcher = |ids: &[i64], _: &str| -> Result<DataFrame, PolarsError> {
    ///     df!("id" => ids, "age" => [36, 41, 28], "name" => ["Ada", "Grace", "Edsger"])
    /// };
    /// users.select(["age", "name"])?.frame(&[1, 2, 3], &fetcher)?;
    ///
    /// let names = users.scan()?.filter(col("age").gt(lit(30))).select([col("name")]).collect()?;
    /// assert_eq!(names, df!("name" => ["Ada", "Grace"])?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "lazy")]
    pub fn scan(&self) -> Result<LazyFrame> {
        self.question(Vec::new()).scan_everything()
    }

    fn question(&self, wanted: Vec<Wanted>) -> Question {
        Question::new(&self.table, wanted, &self.engine, None)
    }

    fn everything(&self, stored: &Snapshot) -> Result<DataFrame> {
        let columns: Vec<Reading> = stored.columns().iter().map(|column| Reading::whole(column.name())).collect();
        let (ids, found) = stored.all()?;
        let rows = stored.read(self.table.id_column(), &Arc::new(ids), &found, &columns)?;
        let presented =
            rows.columns().iter().map(|column| presented(column.as_materialized_series(), stored.documents()));
        let columns = presented.map(IntoColumn::into_column).collect();
        DataFrame::new(rows.height(), columns).map_err(Error::frame("build the answer"))
    }
}

/// Columns and paths of a table. Made by [`Table::select`].
///
/// What it takes to answer is worked out once: a query that is kept, as a prepared statement is, answers sooner.
#[derive(Clone, Debug)]
#[must_use = "a query does nothing until it is given ids"]
pub struct TableQuery {
    question: Question,
}

impl TableQuery {
    request_options!(question.options);

    /// Fetches all ids again, cached or not, and replaces their rows whole.
    ///
    /// The fetcher is asked for every column that is cached of a row beside those of the query, so that no row mixes two
    /// moments, and other queries find their columns fresh too. A cached column that it does not bring, as a closure
    /// for one record type does not bring those of another, counts as not fetched from then on.
    ///
    /// A refresh of all rows that have a column may bring it in another type, which is the stored one from then on. The
    /// rows are then stored together once the last batch has come.
    ///
    /// An id that the database no longer has is not found, and its cached row is removed. If a batch fails, or lacks a
    /// column of the query, the old rows of its ids stay. Where nothing may be fetched, cached rows stay as they are.
    pub fn refresh(mut self) -> Self {
        self.question.fetch_mode = self.question.fetch_mode.refreshed();
        self
    }

    /// Never fetches: where rows are not cached, answers are [`Error::NotCached`] with their ids.
    pub fn offline(mut self) -> Self {
        self.question.fetch_mode = FetchMode::Offline;
        self
    }

    /// Gives a selected column or path this type, whatever its values are.
    ///
    /// A value that the type does not hold exactly is null; where [`Builder::json`] asks for strictness, an error.
    /// Text takes anything, objects and arrays as JSON; a struct takes the keys that it names.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnName`] for a column that the query does not select, or a malformed name.
    ///
    /// ```
    /// use dbcache::DynamicCache;
    /// use dbcache::polars::prelude::*;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let fetcher = |ids: &[i64], _: &str| -> Result<DataFrame, PolarsError> {
    ///     df!("id" => ids, "profile" => [r#"{"age": 36}"#, r#"{"age": "unknown"}"#])
    /// };
    /// let cache = DynamicCache::open(folder.path())?;
    /// let users = cache.table("public.users")?;
    /// let ages = users.select(["profile.age"])?.pin("profile.age", DataType::Int64)?.frame(&[1, 2], &fetcher)?;
    /// assert_eq!(ages.column("profile.age")?.i64()?.to_vec(), [Some(36), None]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pin(mut self, column: &str, data_type: DataType) -> Result<Self> {
        self.question = self.question.pinned(column, data_type)?;
        Ok(self)
    }

    /// The rows of these ids, sorted by id: the id column, then the columns in the order asked.
    ///
    /// A column has the type it is stored in; one that came as JSON objects and arrays is a struct or list where the
    /// rows of this answer agree, and JSON text where they don't. A path has the type of the values found, as the
    /// documents of this answer have them. No ids give an empty frame and no fetch.
    ///
    /// # Errors
    ///
    /// [`Error::IdsNotFound`], [`Error::FetchFailed`], [`Error::ColumnsNotFound`] after everything that came was
    /// stored; [`Error::NotCached`] where nothing may be fetched.
    pub fn frame<K: Key, F: Fetcher<Dynamic<K>> + ?Sized>(&self, ids: &[K], fetcher: &F) -> Result<DataFrame> {
        Ok(complete(&self.question, self.fetched(ids, fetcher)?)?.frame)
    }

    /// As [`frame`](Self::frame), with the ids that the database does not have beside it instead of an error.
    ///
    /// # Errors
    ///
    /// As [`frame`](Self::frame), but for [`Error::IdsNotFound`].
    pub fn frame_found<K: Key, F: Fetcher<Dynamic<K>> + ?Sized>(
        &self,
        ids: &[K],
        fetcher: &F,
    ) -> Result<Found<DataFrame, K>> {
        let answer = self.fetched(ids, fetcher)?;
        Ok(Found { rows: answer.frame, missing: answer.not_found.keys() })
    }

    /// The same rows as [`frame`](Self::frame), a batch at a time in the order of their ids, as
    /// [`Query::frames`](crate::Query::frames) gives them.
    ///
    /// What agrees in the rows of one frame need not agree in those of another: columns of documents, and paths, may
    /// differ in type.
    pub fn frames<'q, K: Key, F: Fetcher<Dynamic<K>> + ?Sized>(
        &self,
        ids: &[K],
        fetcher: &'q F,
    ) -> impl Iterator<Item = Result<DataFrame>> + use<'q, K, F> {
        let question = self.question.clone();
        let frames = FetchedFrames::begin(question.clone(), K::to_set(ids), Source::<Dynamic<K>, F>::new(fetcher));
        frames.map(move |answer| Ok(complete(&question, answer?)?.frame))
    }

    /// Fetches what is not cached of these ids, and stores it, without building an answer.
    ///
    /// # Errors
    ///
    /// As [`frame`](Self::frame), but for [`Error::IdsNotFound`](crate::Error::IdsNotFound).
    pub fn warm<K: Key, F: Fetcher<Dynamic<K>> + ?Sized>(&self, ids: &[K], fetcher: &F) -> Result<Warmed<K>> {
        let warmth = self.question.warmed(K::to_set(ids), &Source::<Dynamic<K>, F>::new(fetcher))?;
        Ok(Warmed::new(&warmth))
    }

    /// What is cached of these ids, and the ids that would have to be fetched. Never fetches.
    ///
    /// # Errors
    ///
    /// A storage error.
    pub fn frame_cached<K: Key>(&self, ids: &[K]) -> Result<Found<DataFrame, K>> {
        let answer = self.question.cached(K::to_set(ids))?;
        Ok(Found { rows: answer.frame, missing: answer.not_found.keys() })
    }

    /// How these ids stand in the cache. Never fetches.
    ///
    /// # Errors
    ///
    /// A storage error.
    pub fn look_up<K: Key>(&self, ids: &[K]) -> Result<LookUp<K>> {
        let ids = Arc::new(K::to_set(ids));
        LookUp::new(&ids, &self.question.look_up(&ids)?)
    }

    fn fetched<K: Key, F: Fetcher<Dynamic<K>> + ?Sized>(&self, ids: &[K], fetcher: &F) -> Result<Answer> {
        let source = Source::<Dynamic<K>, F>::new(fetcher);
        self.question.fetched(K::to_set(ids), &source)
    }
}
