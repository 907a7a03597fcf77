//! The one error type, and what its variants carry.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use polars::prelude::DataType;

use crate::key::RowId;

/// A boxed error, as fetchers return it.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// The result of most functions of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// How many ids or names a message shows before it only counts them.
const SHOWN: usize = 5;

/// Everything that can go wrong with a request.
///
/// Whatever the variant, rows that were fetched before the error are stored, and the next request does not fetch
/// them again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The table's name is not of the form `schema.table`.
    #[error("the table name {name:?} is malformed: {reason}")]
    TableName {
        /// The name as it was given.
        name: String,
        /// What is wrong with it.
        reason: String,
    },

    /// A column's name, or a path into a JSON column, is malformed.
    #[error("the column {name:?} is malformed: {reason}")]
    ColumnName {
        /// The name or path as it was given.
        name: String,
        /// What is wrong with it.
        reason: String,
    },

    /// The request names no columns.
    #[error("no columns were asked of {table}: name at least one")]
    NoColumns {
        /// The table.
        table: String,
    },

    /// The database does not have these ids. The rows that it has are stored.
    #[error("{} of {table} not in the database: {}", counted(.ids.len(), "id"), Shown(.ids))]
    IdsNotFound {
        /// The table.
        table: String,
        /// All ids that were asked and not found, sorted.
        ids: Vec<RowId>,
    },

    /// The table is known not to have columns that the request asks for, or the fetcher did not bring them. A fetcher that
    /// knows the table's columns is asked nothing else then; of any other, the batch without them is not stored, and no
    /// further batch is fetched.
    #[error("{} of {table} not brought by the fetcher: {}", counted(.columns.len(), "column"), Shown(.columns))]
    ColumnsNotFound {
        /// The table.
        table: String,
        /// The missing columns, each with names that come near.
        columns: Vec<UnknownColumn>,
    },

    /// The request is not allowed to fetch, and some rows are not in the cache.
    #[error("{} of {table} not cached, and fetching is switched off: {}", counted(.ids.len(), "id"), Shown(.ids))]
    NotCached {
        /// The table.
        table: String,
        /// All ids that would have to be fetched, sorted.
        ids: Vec<RowId>,
    },

    /// Some batches failed. The rows of the others are stored.
    #[error("{} of {table} failed, {} stored{}", counted(.failures.len(), "batch"), counted(*.stored, "row"), first_failure(.failures))]
    FetchFailed {
        /// The table.
        table: String,
        /// The failed batches in the order of their ids.
        failures: Vec<BatchFailure>,
        /// How many rows of this request were fetched and stored all the same.
        stored: usize,
    },

    /// A column's stored type and the type that was wanted or brought cannot be reconciled without losing something.
    #[error(
        "the column {column:?} of {table} is stored as {stored} and cannot hold or become {wanted}: use the stored type, or another table or folder"
    )]
    TypeConflict {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// Its type in the cache.
        stored: DataType,
        /// The type that the record declares, or that the fetcher brought.
        wanted: DataType,
    },

    /// A row has NULL where the record's field is not an `Option`.
    #[error("the column {column:?} of {table} is NULL for id {id}, and the field is not an Option")]
    UnexpectedNull {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The row.
        id: RowId,
    },

    /// A value does not fit in the type that was asked for.
    #[error("the column {column:?} of {table} does not convert for id {id}: {reason}")]
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
    #[error("{} does not belong to {table}: {reason}", .path.display())]
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
    #[error(
        "the column {column:?} of {table} cannot be read from {}: {reason}; write that file with the column in another type, or remove the file so that its rows are fetched", .path.display()
    )]
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
    #[error("{} is damaged: {reason}", .path.display())]
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
    /// This is noticed if the fetcher asks in the thread or task that it was called in.
    #[error(
        "{} of {table} cannot be fetched, because their fetch waits for this request: {}; a fetcher must not ask the cache for what it is fetching",
        counted(.ids.len(), "id"), Shown(.ids)
    )]
    CircularRequest {
        /// The table.
        table: String,
        /// The ids that would be waited for, sorted.
        ids: Vec<RowId>,
    },

    /// Other processes changed the rows each time that this request read them. What it fetched is stored.
    #[error("the rows of {table} kept changing while they were read, {attempts} times: ask again")]
    Contention {
        /// The table.
        table: String,
        /// How often the rows were read.
        attempts: usize,
    },

    /// Reading or writing the cache folder failed. What was stored before is untouched.
    #[error("cannot {action} {}", .path.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },

    /// No home directory is known, so there is no default folder.
    #[error("no home directory is known: open the cache with a folder of your choice")]
    NoHomeFolder,

    /// Something that this crate takes care of does not hold: a bug in it. Nothing was answered or stored in its place.
    #[error("an invariant of the cache does not hold: {invariant}; please report this")]
    Internal {
        /// What should hold.
        invariant: &'static str,
    },

    /// Polars refused an operation that ought to succeed.
    #[error("cannot {action}")]
    Frame {
        /// What was being done.
        action: &'static str,
        /// The cause.
        #[source]
        source: BoxError,
    },
}

impl Error {
    /// The ids of the batches that failed, where this is [`FetchFailed`](Self::FetchFailed); else none.
    pub fn failed_ids(&self) -> impl Iterator<Item = &RowId> {
        let failures = if let Self::FetchFailed { failures, .. } = self { failures.as_slice() } else { &[] };
        failures.iter().flat_map(|failure| &failure.ids)
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
        let causes = std::iter::successors(self.source(), |cause: &&dyn StdError| (*cause).source());
        causes.fold(self.to_string(), |text, cause| format!("{text}: {cause}"))
    }

    pub(crate) fn frame(action: &'static str) -> impl FnOnce(polars::prelude::PolarsError) -> Self {
        move |source| Self::Frame { action, source: Box::new(source) }
    }
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

impl fmt::Display for UnknownColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.name)?;
        if self.is_undeclared_key {
            f.write_str(", a key that the record type does not declare, so that it is not cached,")?;
        }
        match self.suggestions.first() {
            Some(near) => write!(f, " (did you mean {near:?}?)"),
            None => Ok(()),
        }
    }
}

/// One batch that failed, or a part of it: which ids it asked, and why it failed. Nothing of these is stored.
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
    #[error("the column {column:?} holds {expected}, but {}came with {found}", AtId(.id))]
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

    /// The rows cannot be stored.
    #[error("the rows cannot be stored")]
    Store(#[source] Box<Error>),
}

fn counted(count: usize, noun: &str) -> String {
    match (count, noun) {
        (1, _) => format!("1 {noun}"),
        (_, "batch") => format!("{count} batches"),
        _ => format!("{count} {noun}s"),
    }
}

fn first_failure(failures: &[BatchFailure]) -> String {
    failures.first().map_or_else(String::new, |first| {
        let cause = std::error::Error::source(&first.cause).map_or_else(String::new, |cause| format!(": {cause}"));
        format!("; batch {} first: {}{cause}", first.batch, first.cause)
    })
}

/// Shows the first few of a list.
struct Shown<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for Shown<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, item) in self.0.iter().take(SHOWN).enumerate() {
            let separator = if place == 0 { "" } else { ", " };
            write!(f, "{separator}{item}")?;
        }
        if self.0.len() > SHOWN { f.write_str(", …") } else { Ok(()) }
    }
}

struct AtId<'a>(&'a Option<RowId>);

impl fmt::Display for AtId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(id) => write!(f, "id {id} "),
            None => f.write_str("the batch "),
        }
    }
}
