//! Scans: whatever a query does with one, it gives what it gives with everything cached, and reads little else.

mod agreement;
mod damage;
mod documents;
mod moments;
mod reading;
mod tables;
mod typed;

use dbcache::faults::SPLIT_EARLY;
use dbcache::polars::prelude::*;
use dbcache::{BatchPolicy, DynamicCache, Progress, Table};
use tempfile::TempDir;

/// A cache folder that goes with the test, in which few rows make several files.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self) -> std::path::PathBuf {
        self.0.path().join(SPLIT_EARLY)
    }

    fn file(&self) -> std::path::PathBuf {
        self.path().join("public_users.parquet")
    }

    /// How many segments the table has.
    fn segments(&self) -> usize {
        std::fs::read_dir(self.path().join("public_users.segments")).map_or(0, Iterator::count)
    }

    fn cache(&self) -> DynamicCache {
        let builder = DynamicCache::builder().folder(self.path()).batches(BatchPolicy::Fixed(1_000_000));
        builder.progress(Progress::Silent).open().expect("a cache")
    }

    /// The table `public.users` of a newly opened cache, as a new process would see it.
    fn users(&self) -> Table {
        self.cache().table("public.users").expect("a valid name")
    }

    /// Stores rows in one commit, replacing what is stored of them but for columns that they do not bring.
    fn store(&self, rows: &DataFrame) {
        let ids = rows.column("id").unwrap().cast(&DataType::Int64).unwrap();
        let ids: Vec<i64> = ids.i64().unwrap().into_no_null_iter().collect();
        let columns = rows.get_column_names().into_iter().filter(|name| *name != "id").map(|name| name.as_str());
        let fetcher = |_: &[i64], _: &str| -> Result<DataFrame, PolarsError> { Ok(rows.clone()) };
        self.users().select(columns).unwrap().refresh().frame(&ids, &fetcher).unwrap();
    }
}

/// Users with an age that may be unknown, and another name in each version.
fn users(ids: impl Iterator<Item = i64> + Clone, version: &str) -> DataFrame {
    let ages: Vec<Option<i64>> = ids.clone().map(|id| (id % 7 > 0).then_some(id * 31 % 90)).collect();
    let names: Vec<String> = ids.clone().map(|id| format!("user {id} {version}")).collect();
    df!("id" => ids.collect::<Vec<i64>>(), "age" => ages, "name" => names).unwrap()
}

/// What a query gives, by either engine of Polars.
fn collected(query: LazyFrame) -> DataFrame {
    let found = query.clone().collect().unwrap();
    let streamed = query.collect_with_engine(Engine::Streaming).unwrap().unwrap_single();
    assert!(found.equals_missing(&streamed), "{found} {streamed}");
    found
}
