//! A table whose rows tell their version, so that a row that is lost, stale or garbled shows.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use dbcache::polars::prelude::DataFrame;
use dbcache::{DynamicCache, Progress, Result, Table};
use serde_json::json;

use crate::{Row, row};

/// The version of each row, by id.
pub type Versions = BTreeMap<i64, i64>;

/// The table's name.
pub const TABLE: &str = "test.versions";
/// The table's file.
pub const FILE: &str = "test_versions.parquet";

/// The table in a newly opened cache, as a new process would see it.
///
/// # Panics
///
/// When the cache does not open.
pub fn open(folder: &Path) -> Table {
    let cache = DynamicCache::builder().folder(folder).progress(Progress::Silent).open().expect("a cache");
    cache.table(TABLE).expect("a valid name")
}

/// Fetches these rows in this version, cached or not.
pub fn put(table: &Table, ids: &[i64], version: i64) -> Result<DataFrame> {
    let fetcher = |ids: &[i64], _: &str| -> Result<Vec<Row>, io::Error> {
        Ok(ids.iter().map(|id| row(json!({ "id": id, "version": version, "text": text(*id, version) }))).collect())
    };
    table.select(["version", "text"])?.refresh().frame(ids, &fetcher)
}

/// Every row that is cached.
pub fn all(table: &Table) -> Result<Versions> {
    table.cached().map(|rows| versions(&rows))
}

/// What is cached of these rows.
pub fn some(table: &Table, ids: &[i64]) -> Result<Versions> {
    table.select(["version", "text"])?.frame_cached(ids).map(|found| versions(&found.rows))
}

/// The versions that an answer tells.
///
/// # Panics
///
/// When a row is not as it was fetched in any version, or a column is not there.
pub fn versions(rows: &DataFrame) -> Versions {
    if rows.height() == 0 {
        return Versions::new();
    }
    let column = |name: &str| rows.column(name).expect("the column is there");
    let ids = column("id").i64().expect("integers").iter();
    let numbers = column("version").i64().expect("integers").iter();
    let texts = column("text").str().expect("text").iter();
    let checked = |((id, version), found): ((Option<i64>, Option<i64>), Option<&str>)| {
        let (id, version) = (id.expect("an id"), version.expect("a version"));
        assert_eq!(found, Some(text(id, version).as_str()), "row {id} of version {version} is garbled");
        (id, version)
    };
    ids.zip(numbers).zip(texts).map(checked).collect()
}

/// What a row says of itself.
pub fn text(id: i64, version: i64) -> String {
    format!("row {id} of version {version} ").repeat(usize::try_from(id.rem_euclid(5)).unwrap_or(0) + 1)
}
