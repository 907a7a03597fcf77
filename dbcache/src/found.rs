//! What a request found, for callers who take missing rows as they are.

use polars::prelude::DataType;

use crate::error::Result;
use crate::key::{IdSet, Key};
use crate::read_through::Warmth;
use crate::storage;

pub use crate::storage::UnreadableColumn;

/// Rows that were found, and the ids that were not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found<R, K> {
    /// The rows, sorted by id: a `Vec` or a `DataFrame`.
    pub rows: R,
    /// The ids without a row, sorted.
    pub missing: Vec<K>,
}

/// What is cached after a request that only fills the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warmed<K> {
    /// How many of the ids have a cached row now.
    pub rows: usize,
    /// How many rows this request fetched and stored.
    pub fetched: usize,
    /// The ids that the database does not have, sorted.
    pub missing: Vec<K>,
}

impl<K: Key> Warmed<K> {
    pub(crate) fn new(warmth: &Warmth) -> Self {
        Self { rows: warmth.rows, fetched: warmth.fetched, missing: warmth.not_found.keys() }
    }
}

/// How ids stand in the cache, each list sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LookUp<K> {
    /// Ids whose rows have every column that was asked about.
    pub hits: Vec<K>,
    /// Ids whose rows lack a column that was asked about.
    pub incomplete: Vec<K>,
    /// Ids without a row.
    pub missing: Vec<K>,
}

/// A column of a table, as far as it is cached.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CachedColumn {
    /// The column's name.
    pub name: String,
    /// The type in which it is stored.
    pub data_type: DataType,
    /// How many of the table's cached rows have it, NULL or not.
    pub rows: usize,
    /// Whether it is text that holds JSON objects and arrays, which answers give as structs and lists.
    pub is_document: bool,
}

/// A table of a cache folder, as far as it is cached. Made by [`DynamicCache::tables`](crate::DynamicCache::tables).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CachedTable {
    /// The table's name, or the file's where [`is_foreign`](Self::is_foreign).
    pub name: String,
    /// Whether no file says which table it is of: another program wrote them, or what says it is damaged.
    pub is_foreign: bool,
    /// The id column; `None` where [`is_foreign`](Self::is_foreign).
    pub id_column: Option<String>,
    /// How many rows are cached.
    pub rows: usize,
    /// The id column, then every column in the order in which they first came; of another program's file, its
    /// columns.
    pub columns: Vec<CachedColumn>,
    /// How many segments are beside the table's own file.
    pub segments: usize,
    /// How many bytes the table's own file has.
    pub base_bytes: u64,
    /// How many bytes the segments have.
    pub segment_bytes: u64,
    /// How many bytes damaged files have that were set aside.
    pub damaged_bytes: u64,
    /// The columns of another program's file that cannot be read here. Asking for one of them is
    /// [`Error::UnreadableColumn`](crate::Error::UnreadableColumn).
    pub unreadable: Vec<UnreadableColumn>,
    /// Why the rows cannot be read, for people; there are no columns then, and no rows are counted. The next request
    /// for the table sets damaged files aside.
    pub fault: Option<String>,
}

impl<K: Key> LookUp<K> {
    pub(crate) fn new(wanted: &IdSet, found: &storage::LookUp) -> Result<Self> {
        let keys = |places| wanted.select(places).map(|ids| ids.keys());
        Ok(Self { hits: keys(&found.hits)?, incomplete: keys(&found.incomplete)?, missing: keys(&found.missing)? })
    }
}
