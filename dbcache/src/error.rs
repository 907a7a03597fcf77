//! The one error type, and what its variants carry.

mod display;
mod rejected;

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use polars::prelude::DataType;

pub use self::rejected::RejectedRow;
use crate::key::RowId;

/// A boxed error, as fetchers return it.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// The result of most functions of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong with a request.
///
/// Whatever the variant, rows that were fetched before the error are stored, and the next request does not fetch
/// them again.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The table's name is not of the form `schema.table`.
    TableName {
        /// The name as it was given.
        name: String,
        /// What is wrong with it.
        reason: String,
    },

    /// A column's name, or a path into a JSON column, is malformed.
    ColumnName {
        /// The name or path as it was given.
        name: String,
        /// What is wrong with it.
        reason: String,
    },

    /// The request names no columns.
    NoColumns {
        /// The table.
        table: String,
    },

    /// The database does not have these ids. The rows that it has are stored.
    IdsNotFound {
        /// The table.
        table: String,
        /// All ids that were asked and not found, sorted.
        ids: Vec<RowId>,
    },

    /// The table is known not to have columns that the request asks for, or the fetcher did not bring them. A fetcher that
    /// knows the table's columns is asked nothing else then; of any other, the batch without them is not stored, and no
    /// further batch is fetched.
    ColumnsNotFound {
        /// The table.
        table: String,
        /// The missing columns, each with names that come near.
        columns: Vec<UnknownColumn>,
    },

    /// The request is not allowed to fetch, and some rows are not in the cache.
    NotCached {
        /// The table.
        table: String,
        /// All ids that would have to be fetched, sorted.
        ids: Vec<RowId>,
    },

    /// Some batches failed, or some rows do not fit in their columns. All other rows are stored.
    FetchFailed {
        /// The table.
        table: String,
        /// The failed batches in the order of their ids.
        failures: Vec<BatchFailure>,
        /// The rows that do not fit, in the order of their ids.
        rejected: Vec<RejectedRow>,
        /// How many rows of this request were fetched and stored all the same.
        stored: usize,
    },

    /// A column's stored type and the type that was wanted or brought cannot be reconciled without losing something.
    ///
    /// Where the stored type is wrong, a [refresh](crate::TableQuery::refresh) of all rows that have the column changes it.
    TypeConflict {
        /// The table.
        table: String,
        /// The column, or the path to the key of a document in it.
        column: String,
        /// Its type in the cache.
        stored: DataType,
        /// The type that the record declares, or that the fetcher brought.
        wanted: DataType,
    },

    /// A row has NULL where the record's field is not an `Option`.
    UnexpectedNull {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The row.
        id: RowId,
    },

    /// A value does not fit in the type that was asked for.
    Value {
        /// The table.
        table: String,
        /// The column, or the path into it.
        column: String,
        /// The row.
        id: RowId,
        /// What does not fit, with the value.
        reason: String,
    },

    /// A table's name or key in its file is not the one that was asked for.
    ForeignTable {
        /// The table that was asked for.
        table: String,
        /// The file.
        path: PathBuf,
        /// What disagrees.
        reason: String,
    },

    /// A column was asked for that another program's file has in a form which cannot be read here. Its other columns
    /// can, and the file stays as it is.
    UnreadableColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The file.
        path: PathBuf,
        /// The column's type, or whatever else stands in the way.
        reason: String,
    },

    /// A file of the cache is not what was written. Requests set such a file aside under another name and fetch its rows
    /// again. They return this error only if files are damaged as fast as they are read.
    Damaged {
        /// The file.
        path: PathBuf,
        /// How that shows.
        reason: String,
    },

    /// A fetcher asked the cache for ids whose fetch waits for this very request: ids that the fetcher itself is
    /// fetching, or that are fetched by another fetcher which in its turn asked for these. What else was fetched for
    /// the request is stored.
    ///
    /// This is detected if the fetcher asks in the thread or task that called it. A request that the fetcher makes in a
    /// thread or task of its own is not recognized as the fetcher's. Its wait ends with
    /// [`batch_timeout`](crate::Builder::batch_timeout); without a limit it waits forever.
    CircularRequest {
        /// The table.
        table: String,
        /// The ids that would be waited for, sorted.
        ids: Vec<RowId>,
    },

    /// Other processes changed the rows each time that this request read them. What it fetched is stored.
    Contention {
        /// The table.
        table: String,
        /// How often the rows were read.
        attempts: usize,
    },

    /// Reading or writing the cache folder failed. What was stored before is untouched.
    Io {
        /// What was being done.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },

    /// No home directory is known, so there is no default folder.
    NoHomeFolder,

    /// Something that this crate takes care of does not hold: a bug in it. Nothing was answered or stored in its place.
    Internal {
        /// What should hold.
        invariant: &'static str,
    },

    /// Polars refused an operation that ought to succeed.
    Frame {
        /// What was being done.
        action: &'static str,
        /// The cause.
        source: BoxError,
    },
}

impl Error {
    /// The ids of the batches that failed and of the rows that were rejected, where this is
    /// [`FetchFailed`](Self::FetchFailed); else none. The next request fetches them again.
    pub fn failed_ids(&self) -> impl Iterator<Item = &RowId> {
        let (failures, rejected) = match self {
            Self::FetchFailed { failures, rejected, .. } => (failures.as_slice(), rejected.as_slice()),
            _ => (&[][..], &[][..]),
        };
        failures.iter().flat_map(|failure| &failure.ids).chain(rejected.iter().map(|row| &row.id))
    }

    /// The error of this crate that is the cause of another one, as of what Polars returns where collecting a lazy frame
    /// fails.
    ///
    /// ```
    /// use dbcache::{DynamicCache, Error};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let scan = DynamicCache::open(folder.path())?.table("public.users")?.scan()?;
    /// match scan.collect() {
    ///     Ok(rows) => println!("{rows}"),
    ///     Err(cause) => match Error::behind(&cause) {
    ///         Some(Error::Damaged { path, .. }) => eprintln!("{} is damaged: scan again", path.display()),
    ///         _ => return Err(cause.into()),
    ///     },
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "lazy")]
    pub fn behind<'e>(cause: &'e (dyn StdError + 'static)) -> Option<&'e Self> {
        let mut causes = std::iter::successors(Some(cause), |cause: &&(dyn StdError + 'static)| (*cause).source());
        // An error of the kind that Polars takes names as its source only what is behind the error that it holds.
        causes.find_map(|cause| cause.downcast_ref::<io::Error>()?.get_ref()?.downcast_ref())
    }

    /// What happened, and why, on one line.
    pub(crate) fn with_causes(&self) -> String {
        with_causes(self)
    }

    pub(crate) fn frame(action: &'static str) -> impl FnOnce(polars::prelude::PolarsError) -> Self {
        move |source| Self::Frame { action, source: Box::new(source) }
    }
}

/// What happened, and why down to the first cause, on one line.
pub(crate) fn with_causes(error: &(dyn StdError + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// A requested column that the fetcher did not bring.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownColumn {
    /// The column that was asked for.
    pub name: String,
    /// Names that come near, the nearest first.
    pub suggestions: Vec<String>,
    /// Whether the column is there, but the rows hold only those of its keys that a record type declares.
    pub is_undeclared_key: bool,
}

/// One batch that failed, or a part of it: which ids it asked, and why it failed. Nothing of these is stored.
///
/// `{}` shows the batch and its ids, `{:#}` also why it failed, down to the words of the database's driver.
///
/// ```
/// use dbcache::{DynamicCache, Error};
///
/// # let folder = tempfile::tempdir()?;
/// let users = DynamicCache::open(folder.path())?.table("public.users")?;
/// let fetcher = |_: &[i64], _: &str| -> Result<Vec<serde_json::Map<_, _>>, _> { Err("connection refused") };
/// let Err(Error::FetchFailed { failures, .. }) = users.select(["name"])?.frame(&[1, 2], &fetcher) else { panic!() };
/// assert_eq!(format!("{:#}", failures[0]), "batch 1 (2 ids, 1 attempt): the fetcher failed: connection refused");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct BatchFailure {
    /// The batch's place in the request, from 1.
    pub batch: usize,
    /// The ids that failed, sorted: those that it asked, or of a batch that was split those of one part.
    pub ids: Vec<RowId>,
    /// How many times they were asked together.
    pub attempts: usize,
    /// Why it failed, the last time.
    pub cause: BatchError,
}

/// Why a batch failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// The fetcher returned an error.
    #[error("the fetcher failed")]
    Fetcher(#[source] BoxError),

    /// The fetcher took longer than a batch may.
    #[error("the fetcher took longer than {after:?}")]
    TimedOut {
        /// How long a batch may take.
        after: Duration,
    },

    /// Another request is fetching these ids, and took longer than this request allows for a batch.
    #[error("another request is fetching these ids, and took longer than {after:?}")]
    WaitTimedOut {
        /// How long a batch may take.
        after: Duration,
    },

    /// Other processes stored newer versions of these rows each time that they were fetched.
    #[error("other processes stored newer versions of these rows while they were fetched, {attempts} times")]
    Overtaken {
        /// How often they were fetched.
        attempts: usize,
    },

    /// The fetched rows have no id column.
    #[error("the fetched rows have no id column {column:?}")]
    NoIdColumn {
        /// The id column's name.
        column: String,
    },

    /// A fetched column's name is empty, begins like the cache's own columns, or holds a control character.
    #[error("a fetched column cannot be called {column:?}")]
    ColumnName {
        /// The name.
        column: String,
    },

    /// A fetched column is of a type that no file holds, such as a struct without fields.
    #[error("the fetched column {column:?} is of type {found}, which cannot be cached")]
    ColumnType {
        /// The column.
        column: String,
        /// Its type.
        found: String,
    },

    /// A fetched row has no id.
    #[error("row {row} of the fetched rows has a null id in {column:?}")]
    NullId {
        /// The id column's name.
        column: String,
        /// The row's place among the fetched rows, from 0.
        row: usize,
    },

    /// Two fetched rows have the same id and differ.
    #[error("two different rows came for id {id}: they differ in {column:?}")]
    ConflictingRows {
        /// The id.
        id: RowId,
        /// The first column in which they differ.
        column: String,
    },

    /// The database takes two spellings of an id for one, as a collation without regard to case does, and has the row
    /// under the one that was not asked for.
    #[error("the id {asked} is {found} in the database: ask for it in that spelling")]
    Spelling {
        /// The id that was asked for.
        asked: RowId,
        /// The id of the row that came.
        found: RowId,
    },

    /// A value is of another type than its column.
    #[error("the column {column:?} holds {expected}, but {}came with {found}", display::AtId(.id))]
    WrongType {
        /// The column.
        column: String,
        /// The row, where one row is at fault.
        id: Option<RowId>,
        /// The column's type.
        expected: String,
        /// What came instead.
        found: String,
    },

    /// A row does not fit, where a fetcher's rows are taken out without it.
    #[error(transparent)]
    Rejected(RejectedRow),

    /// The rows cannot be stored.
    #[error("the rows cannot be stored")]
    Store(#[source] Box<Error>),
}
