//! A column that the table lacks costs one batch at most, and stores nothing.

use std::sync::Mutex;

use dbcache::error::BoxError;
use dbcache::fetch::{Blocking, Dynamic, FetchRequest, Fetched, Fetcher};
use dbcache::polars::prelude::*;
use dbcache::rusqlite::Connection;
use dbcache::{BatchPolicy, DynamicCache, Error, Progress, SqliteFetcher, Table, TableName};
use dbcache_tests::Database;
use serde_json::json;

use crate::Folder;

const IDS: std::ops::Range<i64> = 0..2_000;

fn names() -> Database {
    Database::with_rows(IDS.map(|id| json!({ "id": id, "name": format!("user {id}") })))
}

fn users(folder: &Folder, concurrency: usize) -> Table {
    let builder = DynamicCache::builder().folder(folder.path("")).progress(Progress::Silent);
    let cache = builder.batches(BatchPolicy::Fixed(100)).concurrency(concurrency).open().unwrap();
    cache.table("main.users").unwrap()
}

fn assert_unknown(error: &Error) {
    let Error::ColumnsNotFound { columns, .. } = error else { panic!("{error:?}") };
    let [unknown] = columns.as_slice() else { panic!("{columns:?}") };
    assert_eq!((unknown.name.as_str(), unknown.suggestions.as_slice()), ("naem", ["name".to_owned()].as_slice()));
}

/// All that is in the folder, with its bytes.
fn contents(folder: &Folder) -> Vec<(String, Vec<u8>)> {
    let read = |file: &String| std::fs::read(folder.path(file)).unwrap_or_default();
    folder.files().into_iter().map(|file| (file.clone(), read(&file))).collect()
}

/// Passes on what another fetcher brings, and notes how many ids it was asked.
struct Counting<F> {
    fetcher: F,
    asked: Mutex<Vec<usize>>,
    known: Option<Vec<String>>,
}

impl<F: Fetcher<Dynamic<i64>>> Fetcher<Dynamic<i64>> for Counting<F> {
    fn fetch(&self, request: &FetchRequest<'_, i64>) -> Result<Fetched<Dynamic<i64>>, BoxError> {
        self.asked.lock().unwrap().push(request.ids().len());
        self.fetcher.fetch(request)
    }

    fn table_columns(&self, _: &TableName) -> Option<Vec<String>> {
        self.known.clone()
    }
}

#[test]
fn a_fetcher_that_does_not_know_the_columns_is_asked_one_batch_and_nothing_is_stored() {
    let folder = Folder::new();
    let fetcher = Counting { fetcher: names(), asked: Mutex::default(), known: None };
    let ids: Vec<i64> = IDS.collect();
    let query = users(&folder, 1).select(["name", "naem"]).unwrap();
    assert_unknown(&query.frame(&ids, &fetcher).unwrap_err());
    assert_eq!(*fetcher.asked.lock().unwrap(), [100]);
    assert!(contents(&folder).is_empty());

    users(&folder, 1).select(["name"]).unwrap().frame(&ids, &fetcher).unwrap();
    let before = contents(&folder);
    fetcher.asked.lock().unwrap().clear();
    for _ in 0..3 {
        assert_unknown(&query.frame(&ids, &fetcher).unwrap_err());
        assert_unknown(&query.clone().refresh().frame(&ids, &fetcher).unwrap_err());
    }
    assert_eq!(*fetcher.asked.lock().unwrap(), [100; 6]);
    assert!(contents(&folder) == before, "something was written");
}

#[test]
fn batches_in_flight_beside_the_one_that_lacks_a_column_are_the_last() {
    let folder = Folder::new();
    let fetcher = Counting { fetcher: names(), asked: Mutex::default(), known: None };
    let query = users(&folder, 4).select(["naem"]).unwrap();
    assert_unknown(&query.frame(&IDS.collect::<Vec<_>>(), &fetcher).unwrap_err());
    assert!(fetcher.asked.lock().unwrap().len() <= 5);
    assert!(contents(&folder).is_empty());
}

#[test]
fn a_fetcher_that_knows_the_columns_is_asked_nothing() {
    let folder = Folder::new();
    let known = Some(vec!["id".to_owned(), "name".to_owned()]);
    let fetcher = Counting { fetcher: names(), asked: Mutex::default(), known };
    let ids: Vec<i64> = IDS.collect();
    let query = users(&folder, 1).select(["name", "naem.first"]).unwrap();
    let error = query.frame(&ids, &fetcher).unwrap_err();
    assert_unknown(&error);
    assert!(fetcher.asked.lock().unwrap().is_empty());
    assert!(contents(&folder).is_empty());
}

#[test]
fn adapters_know_the_columns_for_blocking_and_async_requests() {
    let folder = Folder::new();
    let connection = Connection::open_in_memory().unwrap();
    connection
        .execute_batch("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO users VALUES (1, 'Ada')")
        .unwrap();
    let database = SqliteFetcher::new(connection).unwrap();
    let query = users(&folder, 1).select(["naem"]).unwrap();
    assert_unknown(&query.frame(&[1], &database).unwrap_err());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert_unknown(&runtime.block_on(query.frame_async(&[1], &Blocking::new(database))).unwrap_err());
    assert!(contents(&folder).is_empty());
}

#[test]
fn a_batch_that_has_no_rows_lacks_no_column() {
    let folder = Folder::new();
    let nothing = |_: &[i64], _: &str| -> Result<DataFrame, PolarsError> { Ok(DataFrame::empty()) };
    let found = users(&folder, 1).select(["name"]).unwrap().frame_found(&[1, 2], &nothing).unwrap();
    assert_eq!(found.missing, [1, 2]);
}
