//! The fetcher through `rusqlite`, for the contract.

use std::sync::Mutex;
use std::time::Duration;

use dbcache::error::BoxError;
use dbcache::fetch::{Dynamic, FetchRequest, Fetched, Fetcher};
use dbcache::key::Key;
use dbcache::rusqlite::Connection;
use dbcache::{SqliteFetcher, TableName};
use dbcache_tests::contract::{Adapter, Item};
use tempfile::TempDir;

/// A database in a file, which another connection can lock.
#[derive(Debug)]
pub(crate) struct Sqlite {
    fetcher: SqliteFetcher,
    other: Mutex<Connection>,
    _folder: TempDir,
}

impl Adapter for Sqlite {
    fn open() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let [connection, other] = [(); 2].map(|()| Connection::open(folder.path().join("test.db")).unwrap());
        connection.busy_timeout(Duration::ZERO).unwrap();
        Some(Self { fetcher: SqliteFetcher::new(connection).unwrap(), other: Mutex::new(other), _folder: folder })
    }

    fn execute(&self, sql: &str) {
        self.other.lock().unwrap().execute_batch(sql).unwrap();
    }

    fn fetch<K: Key>(&self, request: &FetchRequest<'_, K>) -> Result<Fetched<Dynamic<K>>, BoxError> {
        Fetcher::fetch(&self.fetcher, request)
    }

    fn fetch_items(&self, request: &FetchRequest<'_, i64>) -> Result<Fetched<Item>, BoxError> {
        Fetcher::fetch(&self.fetcher, request)
    }

    fn table_columns(&self, table: &TableName) -> Option<Vec<String>> {
        Fetcher::<Dynamic<i64>>::table_columns(&self.fetcher, table)
    }

    fn go_away(&self) {
        self.execute("BEGIN EXCLUSIVE");
    }

    fn come_back(&self) {
        self.execute("ROLLBACK");
    }
}
