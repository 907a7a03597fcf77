//! The asynchronous fetcher.

use std::sync::Arc;

use dbcache::deadpool_postgres::tokio_postgres::NoTls;
use dbcache::deadpool_postgres::{Manager, Pool};
use dbcache::error::BoxError;
use dbcache::fetch::{AsyncFetcher, Dynamic, FetchRequest, Fetched, Fetcher};
use dbcache::key::Key;
use dbcache::polars::prelude::*;
use dbcache::{AsyncPostgresFetcher, BatchPolicy, DynamicCache, PostgresError, Progress, TableName};
use dbcache_tests::contract::{Adapter, Item};
use dbcache_tests::server::Database;
use tokio::runtime::Runtime;

use crate::PostgresAdapter;
use crate::types::{self, Everything, Numbers};

dbcache_tests::fetcher_contract!(Pooled);
crate::postgres_contract!(Pooled);

struct Pooled {
    fetcher: AsyncPostgresFetcher,
    database: Database,
    runtime: Runtime,
}

fn fetcher(url: &str) -> AsyncPostgresFetcher {
    let manager = Manager::new(url.parse().unwrap(), NoTls);
    AsyncPostgresFetcher::new(Pool::builder(manager).max_size(4).build().unwrap())
}

impl Adapter for Pooled {
    fn open() -> Option<Self> {
        let database = Database::create()?;
        Some(Self { fetcher: fetcher(&database.url()), database, runtime: Runtime::new().unwrap() })
    }

    fn execute(&self, sql: &str) {
        self.database.execute(sql);
    }

    fn fetch<K: Key>(&self, request: &FetchRequest<'_, K>) -> Result<Fetched<Dynamic<K>>, BoxError> {
        self.runtime.block_on(AsyncFetcher::fetch(&self.fetcher, request))
    }

    fn fetch_items(&self, request: &FetchRequest<'_, i64>) -> Result<Fetched<Item>, BoxError> {
        self.runtime.block_on(AsyncFetcher::fetch(&self.fetcher, request))
    }

    fn table_columns(&self, table: &TableName) -> Option<Vec<String>> {
        self.runtime.block_on(AsyncFetcher::<Dynamic<i64>>::table_columns(&self.fetcher, table))
    }

    fn go_away(&self) {
        self.database.close();
    }

    fn come_back(&self) {
        self.database.open();
    }
}

impl PostgresAdapter for Pooled {
    fn fetch_everything(&self, request: &FetchRequest<'_, i64>) -> Result<Fetched<Everything>, BoxError> {
        self.runtime.block_on(AsyncFetcher::fetch(&self.fetcher, request))
    }

    fn url(&self) -> String {
        self.database.url()
    }
}

impl Fetcher<Numbers> for Pooled {
    fn fetch(&self, request: &FetchRequest<'_, i64>) -> Result<Fetched<Numbers>, BoxError> {
        self.runtime.block_on(AsyncFetcher::fetch(&self.fetcher, request))
    }
}

#[test]
fn a_record_decides_how_numbers_are_held() {
    let Some(database) = Pooled::open() else { return };
    types::a_record_decides_how_numbers_are_held(&database, &database);
}

#[tokio::test]
async fn tables_and_their_columns_are_listed() {
    let Some(database) = Database::create() else { return };
    database.execute("CREATE TABLE main.b (id INT, a TEXT); CREATE VIEW main.a AS SELECT 1 AS x");
    let fetcher = fetcher(&database.url());
    assert_eq!(fetcher.tables().await.unwrap(), ["main.a", "main.b"]);
    assert_eq!(fetcher.columns(&TableName::new("main.b").unwrap()).await.unwrap(), ["id", "a"]);
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_a_connection_error() {
    let nowhere = tempfile::tempdir().unwrap();
    let fetcher = fetcher(&format!("host={} user=nobody", nowhere.path().display()));
    assert!(matches!(fetcher.tables().await, Err(PostgresError::Connection(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_batches_in_flight_bring_all_rows_once_and_in_order() {
    let Some(database) = Database::create() else { return };
    database.execute("CREATE TABLE main.t AS SELECT i::INT8 AS id, i * 2 AS double FROM generate_series(1, 10000) i");
    let folder = tempfile::tempdir().unwrap();
    let builder = DynamicCache::builder().folder(folder.path()).progress(Progress::Silent).concurrency(8);
    let cache = Arc::new(builder.batches(BatchPolicy::Fixed(100)).open().unwrap());
    let fetcher = fetcher(&database.url());
    let request = {
        let cache = Arc::clone(&cache);
        async move {
            let t = cache.table("main.t").unwrap();
            let ids: Vec<i64> = (1..=10_000).rev().collect();
            t.select(["double"]).unwrap().frame_async(&ids, &fetcher).await.unwrap()
        }
    };
    let rows = tokio::spawn(request).await.unwrap();
    let ids: Vec<i64> = (1..=10_000).collect();
    let doubles: Vec<i32> = (1..=10_000).map(|id| id * 2).collect();
    assert_eq!(rows, df!["id" => ids, "double" => doubles].unwrap());
}
