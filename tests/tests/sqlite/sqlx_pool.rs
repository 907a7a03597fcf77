//! The fetcher through a pool of `sqlx`, for the contract.

use std::sync::Mutex;
use std::time::Duration;

use dbcache::error::BoxError;
use dbcache::fetch::{AsyncFetcher, Dynamic, FetchRequest, Fetched};
use dbcache::key::Key;
use dbcache::rusqlite::Connection;
use dbcache::sqlx::Sqlite;
use dbcache::sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use dbcache::{Cache, Cached, SqlxFetcher, TableName};
use dbcache_tests::contract::{Adapter, ITEMS, Item, items};
use tempfile::TempDir;
use tokio::runtime::Runtime;

dbcache_tests::fetcher_contract!(Sqlx);
crate::spellings::spelling_contract!(Sqlx);

/// A database in a file, which another connection can lock.
struct Sqlx {
    fetcher: SqlxFetcher<Sqlite>,
    runtime: Runtime,
    other: Mutex<Connection>,
    _folder: TempDir,
}

impl Adapter for Sqlx {
    fn open() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        let other = Mutex::new(Connection::open(&path).unwrap());
        let runtime = Runtime::new().unwrap();
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(true).busy_timeout(Duration::ZERO);
        let pool = runtime.block_on(SqlitePool::connect_with(options)).unwrap();
        Some(Self { fetcher: SqlxFetcher::new(pool), runtime, other, _folder: folder })
    }

    fn execute(&self, sql: &str) {
        self.other.lock().unwrap().execute_batch(sql).unwrap();
    }

    fn fetch<K: Key>(&self, request: &FetchRequest<'_, K>) -> Result<Fetched<Dynamic<K>>, BoxError> {
        self.runtime.block_on(AsyncFetcher::fetch(&self.fetcher, request))
    }

    fn fetch_items(&self, request: &FetchRequest<'_, i64>) -> Result<Fetched<Item>, BoxError> {
        self.runtime.block_on(self.fetcher.clone().with_from_row::<Item>().fetch(request))
    }

    fn table_columns(&self, table: &TableName) -> Option<Vec<String>> {
        self.runtime.block_on(AsyncFetcher::<Dynamic<i64>>::table_columns(&self.fetcher, table))
    }

    fn go_away(&self) {
        self.execute("BEGIN EXCLUSIVE");
    }

    fn come_back(&self) {
        self.execute("ROLLBACK");
    }
}

#[derive(Debug, Cached, sqlx::FromRow)]
#[cached(table = "main.t")]
struct Person {
    #[cached(id)]
    id: String,
    n: i64,
}

#[test]
fn a_record_under_another_spelling_is_an_error_that_names_both() {
    crate::spellings::each::<Sqlx>(|database, spelled| {
        let fetch = |request: &FetchRequest<'_, String>| {
            database.runtime.block_on(database.fetcher.clone().with_from_row::<Person>().fetch(request))
        };
        spelled.assert_records_refused(fetch);
    });
}

#[test]
fn records_that_have_no_from_row_are_read_by_their_declared_types() {
    let database = Sqlx::open().unwrap();
    database.execute(ITEMS);
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::<Item>::open(folder.path()).unwrap();
    let rows = database.runtime.block_on(cache.rows_async(&[1, 2], &database.fetcher));
    assert_eq!(rows.unwrap(), items());
}
