//! Results that report missing rows instead of failing.

use polars::prelude::DataType;

use crate::error::Result;
use crate::key::{IdSet, Key};
use crate::read_through::WarmOutcome;
use crate::storage;

pub use crate::storage::UnreadableColumn;

/// The rows that were found, and the ids that were not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found<R, K> {
    /// The rows, sorted by id: a `Vec` or a `DataFrame`.
    pub rows: R,
    /// The ids without a row, sorted.
    pub missing: Vec<K>,
}

/// The outcome of a request that only fills the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warmed<K> {
    /// Number of ids with a cached row now.
    pub rows: usize,
    /// Number of rows that this request fetched and stored.
    pub fetched: usize,
    /// The ids that the database does not have, sorted.
    pub missing: Vec<K>,
}

impl<K: Key> Warmed<K> {
    pub(crate) fn new(outcome: &WarmOutcome) -> Self {
        Self { rows: outcome.rows, fetched: outcome.fetched, missing: outcome.not_found.keys() }
    }
}

/// The coverage of ids by the cache. Each list is sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LookUp<K> {
    /// Ids whose rows have all requested columns.
    pub hits: Vec<K>,
    /// Ids whose rows lack a requested column.
    pub incomplete: Vec<K>,
    /// Ids without a cached row.
    pub missing: Vec<K>,
}

/// A cached column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CachedColumn {
    /// The column's name.
    pub name: String,
    /// The type in which the column is stored.
    pub data_type: DataType,
    /// Number of cached rows that have the column, including rows with NULL.
    pub rows: usize,
    /// Whether the column is text with JSON objects and arrays, which results contain as structs and lists.
    pub is_document: bool,
}

/// A cached table in a cache directory. Returned by [`DynamicCache::tables`](crate::DynamicCache::tables).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CachedTable {
    /// The table's name or, if [`is_foreign`](Self::is_foreign), the file's name.
    pub name: String,
    /// Whether no file names its table. Either another program wrote the file, or the part that names the table is
    /// damaged.
    pub is_foreign: bool,
    /// The id column, or `None` if [`is_foreign`](Self::is_foreign).
    pub id_column: Option<String>,
    /// Number of cached rows.
    pub rows: usize,
    /// The id column, then all other columns in the order in which they were first stored. For another program's file,
    /// its columns.
    pub columns: Vec<CachedColumn>,
    /// Number of segments beside the base file.
    pub segments: usize,
    /// Size of the base file, in bytes.
    pub base_bytes: u64,
    /// Size of all segments, in bytes.
    pub segment_bytes: u64,
    /// Size of all quarantined files, in bytes.
    pub damaged_bytes: u64,
    /// The columns of another program's file that cannot be read. Requesting one of them fails with
    /// [`Error::UnreadableColumn`](crate::Error::UnreadableColumn).
    pub unreadable: Vec<UnreadableColumn>,
    /// A description of why the rows cannot be read. In that case there are no columns, and no rows are counted. The
    /// next request for the table quarantines its damaged files.
    pub fault: Option<String>,
}

impl<K: Key> LookUp<K> {
    pub(crate) fn new(wanted: &IdSet, found: &storage::LookUp) -> Result<Self> {
        let keys = |places| wanted.select(places).map(|ids| ids.keys());
        Ok(Self { hits: keys(&found.hits)?, incomplete: keys(&found.incomplete)?, missing: keys(&found.missing)? })
    }
}
