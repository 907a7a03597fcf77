//! The cache through its public interface, against a database that remembers what it was asked.

mod absent;
mod adapters;
mod adoption;
mod asynchronous;
mod batch_borders;
mod batches;
mod completeness;
mod concurrency;
mod contract;
mod conversions;
mod damage;
mod declared_keys;
mod documents;
mod fetchers;
mod foreign;
mod forget;
mod golden;
mod hits;
mod layers;
mod listing;
mod names;
mod nested;
mod offline;
mod pinned;
mod pools;
mod refresh;
mod rejected;
mod retries;
mod rewritten;
mod rows;
mod schema_evolution;
mod segments;
mod shared_documents;
mod single_flight;
mod statistics;
mod streaming;
mod tables;
mod threads;
mod tracing;
mod typed;
mod unknown_columns;
mod wide_keys;

use dbcache::polars::prelude::*;
use dbcache::{DynamicCache, Progress, Table};
use tempfile::TempDir;

/// A cache folder that goes with the test.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    /// The table `public.users` of a newly opened cache, as a new process would see it.
    fn users(&self) -> Table {
        self.cache().table("public.users").expect("a valid name")
    }

    fn cache(&self) -> DynamicCache {
        DynamicCache::builder().folder(self.0.path()).progress(Progress::Silent).open().expect("a cache")
    }

    fn path(&self, file: &str) -> std::path::PathBuf {
        self.0.path().join(file)
    }

    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).expect("a folder");
        let mut files: Vec<String> =
            entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        files.sort();
        files
    }

    fn write(&self, file: &str, mut frame: DataFrame) {
        let file = std::fs::File::create(self.path(file)).expect("a new file");
        ParquetWriter::new(file).finish(&mut frame).expect("a Parquet file");
    }

    fn read(&self, file: &str) -> DataFrame {
        let file = std::fs::File::open(self.path(file)).expect("a file");
        ParquetReader::new(file).finish().expect("a Parquet file")
    }
}
