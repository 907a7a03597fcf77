//! The typed cache.

#[cfg(feature = "tokio")]
mod asynchronous;

use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[cfg(feature = "lazy")]
use polars::prelude::LazyFrame;
use polars::prelude::{DataFrame, DataType};

use crate::answer::{FetchedFrames, Question, Wanted, check_types, distinct};
use crate::builder::{Builder, Open};
use crate::column::ColumnRef;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::fetch::{Fetcher, Source};
use crate::found::{Found, LookUp, Warmed};
use crate::key::Key;
use crate::read_through::{Answer, FetchMode, request_options};
use crate::record::{CellError, ColumnSchema, Record, Selection};
use crate::stats::Stats;
use crate::storage::{Table, has_keys};

/// A cache of the rows of one record type.
///
/// What is cached is answered from disk or memory; what is not is fetched in batches, stored, and answered with the
/// rest. A cache can be shared between threads, and its folder between caches and processes.
///
/// ```
/// use dbcache::{Cache, Cached};
///
/// #[derive(Clone, Debug, PartialEq, Cached)]
/// #[cached(table = "public.users")]
/// struct User {
///     #[cached(id)]
///     id: i64,
///     name: String,
///     age: Option<i32>,
/// }
///
/// # let folder = tempfile::tempdir()?;
/// let fetcher = |ids: &[i64]| -> Result<Vec<User>, std::io::Error> {
///     Ok(ids.iter().map(|id| User { id: *id, name: format!("user {id}"), age: None }).collect())
/// };
/// let cache = Cache::<User>::open(folder.path())?;
/// let users = cache.rows(&[3, 1], &fetcher)?;
/// assert_eq!(users[0].name, "user 1");
///
/// let c = User::columns();
/// let names: Vec<(i64, String)> = cache.select((c.id, c.name)).rows(&[1, 3], &fetcher)?;
/// assert_eq!(names[1], (3, "user 3".to_owned()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Cache<T: Record> {
    engine: Arc<Engine>,
    table: Arc<Table>,
    record: PhantomData<fn() -> T>,
}

impl<T: Record> Cache<T> {
    /// Opens the cache in a folder, which is created with the first row that is stored.
    ///
    /// # Errors
    ///
    /// [`Error::TypeConflict`] where stored columns cannot be read as the record declares them; nothing is changed.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self> {
        Self::builder().folder(folder).open()
    }

    /// Opens the cache in `data/cached_data` under the home directory.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and [`Error::NoHomeFolder`].
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
    ///
    /// ```
    /// use dbcache::{Cache, Cached};
    ///
    /// #[derive(Clone, Cached)]
    /// #[cached(table = "public.users")]
    /// struct User {
    ///     #[cached(id)]
    ///     id: i64,
    ///     name: String,
    /// }
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let cache = Cache::<User>::open(folder.path())?;
    /// let database = |ids: &[i64]| -> Result<Vec<User>, std::io::Error> {
    ///     Ok(ids.iter().map(|id| User { id: *id, name: "Ada".to_owned() }).collect())
    /// };
    /// cache.rows(&[1, 2], &database)?;
    /// assert_eq!(cache.forget(&[2, 3])?, 1);
    /// assert_eq!(cache.all().rows_cached(&[1, 2])?.missing, [2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn forget(&self, ids: &[T::Id]) -> Result<usize> {
        self.engine.forget(&self.table, &T::Id::to_set(ids))
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

    /// The rows of these ids, sorted by id, one for each distinct id.
    ///
    /// # Errors
    ///
    /// [`Error::IdsNotFound`], [`Error::FetchFailed`], [`Error::ColumnsNotFound`] after everything that came was
    /// stored; [`Error::NotCached`] where nothing may be fetched; [`Error::UnexpectedNull`] and [`Error::Value`] where
    /// a row does not fit the record.
    pub fn rows<F: Fetcher<T> + ?Sized>(&self, ids: &[T::Id], fetcher: &F) -> Result<Vec<T>> {
        self.all().rows(ids, fetcher)
    }

    /// The rows of these ids as columns: the id column, then the record's in the order of its fields.
    ///
    /// # Errors
    ///
    /// As [`rows`](Self::rows).
    pub fn frame<F: Fetcher<T> + ?Sized>(&self, ids: &[T::Id], fetcher: &F) -> Result<DataFrame> {
        self.all().frame(ids, fetcher)
    }

    /// The cached rows as a lazy frame. See [`Query::scan`].
    ///
    /// # Errors
    ///
    /// As [`Query::scan`].
    #[cfg(feature = "lazy")]
    pub fn scan(&self) -> Result<LazyFrame> {
        self.all().scan()
    }

    /// A query for whole records.
    pub fn all(&self) -> Query<T, All> {
        let wanted = T::schema().columns().iter().cloned().map(Wanted::Declared).collect();
        self.query(All, wanted)
    }

    /// A query for one typed column, or for a tuple of them: `cache.select((c.name, c.profile.address.city))`.
    pub fn select<S: Selection<T>>(&self, selection: S) -> Query<T, S> {
        let wanted = distinct(selection.schema().into_iter().map(Wanted::Declared));
        self.query(selection, wanted)
    }

    /// A query for columns and paths by name, whose answer is a frame.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnName`] for a malformed name; [`Error::NoColumns`] for none.
    pub fn select_dynamic<C: AsRef<str>>(&self, columns: impl IntoIterator<Item = C>) -> Result<Query<T, Paths>> {
        let wanted = wanted(&self.table, columns)?.into_iter().map(declared_keys::<T>).collect();
        Ok(self.query(Paths, wanted))
    }

    fn query<S>(&self, selection: S, wanted: Vec<Wanted>) -> Query<T, S> {
        let question = Question::new(&self.table, wanted, &self.engine, Some(T::schema()));
        Query { question, selection, record: PhantomData }
    }
}

impl<T: Record> Open for Cache<T> {
    fn open_with(engine: Arc<Engine>) -> Result<Self> {
        let schema = T::schema();
        let table = engine.store.table(schema.table(), schema.id().column().column());
        check_types(&table, schema.columns())?;
        Ok(Self { engine, table, record: PhantomData })
    }
}

impl<T: Record> fmt::Debug for Cache<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = self.table.name().as_str();
        f.debug_struct("Cache").field("folder", &self.engine.store.folder()).field("table", &table).finish()
    }
}

/// Parses column names and paths.
pub(crate) fn wanted<C: AsRef<str>>(table: &Table, columns: impl IntoIterator<Item = C>) -> Result<Vec<Wanted>> {
    let wanted: Result<Vec<Wanted>> =
        columns.into_iter().map(|column| column.as_ref().parse::<ColumnRef>().map(Wanted::AsFound)).collect();
    match wanted {
        Ok(wanted) if wanted.is_empty() => Err(Error::NoColumns { table: table.name().to_string() }),
        wanted => wanted.map(distinct),
    }
}

/// Of a whole nested column only the keys that the record declares can be had.
fn declared_keys<T: Record>(wanted: Wanted) -> Wanted {
    let is_wanted = |schema: &&ColumnSchema| schema.column() == wanted.column() && has_keys(schema.data_type());
    match T::schema().columns().iter().find(is_wanted) {
        Some(schema) => Wanted::Declared(schema.clone()),
        None => wanted,
    }
}

/// The selection of whole records.
#[derive(Clone, Copy, Debug)]
pub struct All;

/// The selection of columns and paths by name.
#[derive(Clone, Copy, Debug)]
pub struct Paths;

impl<T: Record> Selection<T> for All {
    type Row = T;

    fn schema(&self) -> Vec<ColumnSchema> {
        T::schema().columns().to_vec()
    }

    fn rows(&self, frame: &DataFrame) -> Result<Vec<T>, CellError> {
        T::from_frame(frame)
    }
}

/// What to read of a cache. Made by [`Cache::all`], [`Cache::select`] and [`Cache::select_dynamic`].
///
/// What it takes to answer is worked out once: a query that is kept, as a prepared statement is, answers sooner.
#[derive(Debug)]
#[must_use = "a query does nothing until it is given ids"]
pub struct Query<T: Record, S> {
    question: Question,
    selection: S,
    record: PhantomData<fn() -> T>,
}

impl<T: Record, S> Query<T, S> {
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

    /// The rows of these ids as columns: the id column, then the selection in its order. Those of a single row may be
    /// scalar columns ([`Column::Scalar`](polars::prelude::Column::Scalar)).
    ///
    /// # Errors
    ///
    /// As [`Cache::rows`].
    pub fn frame<F: Fetcher<T> + ?Sized>(&self, ids: &[T::Id], fetcher: &F) -> Result<DataFrame> {
        Ok(complete(&self.question, self.fetched(ids, fetcher)?)?.frame)
    }

    /// As [`frame`](Self::frame), with the ids that the database does not have beside it instead of an error.
    ///
    /// # Errors
    ///
    /// As [`Cache::rows`], but for [`Error::IdsNotFound`].
    pub fn frame_found<F: Fetcher<T> + ?Sized>(&self, ids: &[T::Id], fetcher: &F) -> Result<Found<DataFrame, T::Id>> {
        let answer = self.fetched(ids, fetcher)?;
        Ok(Found { rows: answer.frame, missing: answer.not_found.keys() })
    }

    /// The same rows as [`frame`](Self::frame), a batch at a time in the order of their ids, for answers that should
    /// not be held whole.
    ///
    /// A frame has the rows of at most one batch, or 10,000 cached ones. Rows are fetched when their frame is asked
    /// for, as many batches at once as [`concurrency`](Self::concurrency) says, and stored before it is given. An
    /// error stands in the place of the frames that it concerns; the next ones can be asked for all the same. No bar
    /// is shown.
    ///
    /// ```
    /// # use dbcache::{Cache, Cached};
    /// # #[derive(Clone, Debug, PartialEq, Cached)]
    /// # #[cached(table = "public.users")]
    /// # struct User { #[cached(id)] id: i64, name: String }
    /// # let folder = tempfile::tempdir()?;
    /// # let cache = Cache::<User>::open(folder.path())?;
    /// let fetcher = |ids: &[i64]| -> Result<Vec<User>, std::io::Error> {
    ///     Ok(ids.iter().map(|id| User { id: *id, name: format!("user {id}") }).collect())
    /// };
    /// let ids: Vec<i64> = (1..=250).collect();
    /// let mut rows = 0;
    /// for frame in cache.all().frames(&ids, &fetcher) {
    ///     rows += frame?.height();
    /// }
    /// assert_eq!(rows, 250);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn frames<'q, F: Fetcher<T> + ?Sized>(
        &self,
        ids: &[T::Id],
        fetcher: &'q F,
    ) -> impl Iterator<Item = Result<DataFrame>> + use<'q, T, S, F> {
        let question = self.question.clone();
        let frames = FetchedFrames::begin(question.clone(), T::Id::to_set(ids), Source::<T, F>::new(fetcher));
        frames.map(move |answer| Ok(complete(&question, answer?)?.frame))
    }

    /// Fetches what is not cached of these ids, and stores it, without building an answer.
    ///
    /// # Errors
    ///
    /// As [`Cache::rows`], but for [`Error::IdsNotFound`].
    pub fn warm<F: Fetcher<T> + ?Sized>(&self, ids: &[T::Id], fetcher: &F) -> Result<Warmed<T::Id>> {
        let warmth = self.question.warmed(T::Id::to_set(ids), &Source::<T, F>::new(fetcher))?;
        Ok(Warmed::new(&warmth))
    }

    /// What is cached of these ids, and the ids that would have to be fetched. Never fetches.
    ///
    /// # Errors
    ///
    /// A storage error, or a row that does not fit the selection.
    pub fn frame_cached(&self, ids: &[T::Id]) -> Result<Found<DataFrame, T::Id>> {
        let answer = self.question.cached(T::Id::to_set(ids))?;
        Ok(Found { rows: answer.frame, missing: answer.not_found.keys() })
    }

    /// How these ids stand in the cache. Never fetches.
    ///
    /// # Errors
    ///
    /// A storage error.
    pub fn look_up(&self, ids: &[T::Id]) -> Result<LookUp<T::Id>> {
        let ids = Arc::new(T::Id::to_set(ids));
        LookUp::new(&ids, &self.question.look_up(&ids)?)
    }

    fn fetched<F: Fetcher<T> + ?Sized>(&self, ids: &[T::Id], fetcher: &F) -> Result<Answer> {
        let source = Source::<T, F>::new(fetcher);
        self.question.fetched(T::Id::to_set(ids), &source)
    }
}

impl<T: Record> Query<T, Paths> {
    /// Gives a selected column or path this type, whatever its values are.
    ///
    /// A value that does not fit is null; where [`Builder::json`](crate::Builder::json) asks for strictness, an error.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnName`] for a column that the query does not select, or a malformed name.
    pub fn pin(mut self, column: &str, data_type: DataType) -> Result<Self> {
        self.question = self.question.pinned(column, data_type)?;
        Ok(self)
    }
}

impl<T: Record, S: Selection<T>> Query<T, S> {
    /// The rows of these ids, sorted by id, one for each distinct id.
    ///
    /// # Errors
    ///
    /// As [`Cache::rows`].
    pub fn rows<F: Fetcher<T> + ?Sized>(&self, ids: &[T::Id], fetcher: &F) -> Result<Vec<S::Row>> {
        let answer = complete(&self.question, self.fetched(ids, fetcher)?)?;
        self.typed(&answer)
    }

    /// As [`rows`](Self::rows), with the ids that the database does not have beside them instead of an error.
    ///
    /// # Errors
    ///
    /// As [`Cache::rows`], but for [`Error::IdsNotFound`].
    pub fn rows_found<F: Fetcher<T> + ?Sized>(&self, ids: &[T::Id], fetcher: &F) -> Result<Found<Vec<S::Row>, T::Id>> {
        let answer = self.fetched(ids, fetcher)?;
        Ok(Found { rows: self.typed(&answer)?, missing: answer.not_found.keys() })
    }

    /// What is cached of these ids, and the ids that would have to be fetched. Never fetches.
    ///
    /// # Errors
    ///
    /// A storage error, or a row that does not fit the selection.
    pub fn rows_cached(&self, ids: &[T::Id]) -> Result<Found<Vec<S::Row>, T::Id>> {
        let answer = self.question.cached(T::Id::to_set(ids))?;
        Ok(Found { rows: self.typed(&answer)?, missing: answer.not_found.keys() })
    }

    /// The cached rows as a lazy frame, which reads only what a query needs of them: the id column, then the selection
    /// in its order, in the types of [`frame`](Self::frame).
    ///
    /// These are the rows that would not have to be fetched: rows that lack something of the selection are left out.
    /// Of a selected path only what lies at it is read. Otherwise as [`Table::scan`](crate::Table::scan).
    ///
    /// # Errors
    ///
    /// A storage error. A row that does not fit the selection is an error when the frame is collected.
    ///
    /// ```
    /// use dbcache::polars::prelude::*;
    /// use dbcache::{Cache, Cached};
    ///
    /// #[derive(Clone, Debug, PartialEq, Cached)]
    /// #[cached(table = "public.users")]
    /// struct User {
    ///     #[cached(id)]
    ///     id: i64,
    ///     name: String,
    ///     age: u8,
    /// }
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let fetcher = |ids: &[i64]| -> Result<Vec<User>, std::io::Error> {
    ///     Ok(ids.iter().map(|id| User { id: *id, name: format!("user {id}"), age: 40 }).collect())
    /// };
    /// let cache = Cache::<User>::open(folder.path())?;
    /// cache.rows(&[1, 2, 3], &fetcher)?;
    ///
    /// let c = User::columns();
    /// let ages = cache.select(c.age).scan()?.filter(col("id").gt(lit(1))).collect()?;
    /// assert_eq!(ages, df!("id" => [2_i64, 3], "age" => [40_u8, 40])?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "lazy")]
    pub fn scan(&self) -> Result<LazyFrame> {
        self.question.scan()
    }

    fn typed(&self, answer: &Answer) -> Result<Vec<S::Row>> {
        self.selection.rows(&answer.frame).map_err(|cause| self.question.cell_error(cause, &answer.ids))
    }
}

/// The answer, if the database has all ids.
pub(crate) fn complete(question: &Question, answer: Answer) -> Result<Answer> {
    if answer.not_found.is_empty() {
        return Ok(answer);
    }
    Err(Error::IdsNotFound { table: question.table().name().to_string(), ids: answer.not_found.row_ids() })
}
