//! The blocking fetcher.

use std::time::{Duration, Instant};

use dbcache::error::{BatchError, BoxError, Error};
use dbcache::fetch::{Dynamic, FetchRequest, Fetched, Fetcher};
use dbcache::key::Key;
use dbcache::polars::prelude::Column;
use dbcache::{DynamicCache, PostgresError, PostgresFetcher, TableName};
use dbcache_tests::contract::{Adapter, Item, all};
use dbcache_tests::server::Database;

use crate::PostgresAdapter;
use crate::types::{self, Everything};

dbcache_tests::fetcher_contract!(Blocking);
crate::postgres_contract!(Blocking);

struct Blocking {
    fetcher: PostgresFetcher,
    database: Database,
}

impl Adapter for Blocking {
    fn open() -> Option<Self> {
        let database = Database::create()?;
        Some(Self { fetcher: PostgresFetcher::connect(&database.url()).unwrap(), database })
    }

    fn execute(&self, sql: &str) {
        self.database.execute(sql);
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
        self.database.close();
    }

    fn come_back(&self) {
        self.database.open();
    }
}

impl PostgresAdapter for Blocking {
    fn fetch_everything(&self, request: &FetchRequest<'_, i64>) -> Result<Fetched<Everything>, BoxError> {
        Fetcher::fetch(&self.fetcher, request)
    }

    fn url(&self) -> String {
        self.database.url()
    }
}

#[test]
fn a_record_decides_how_numbers_are_held() {
    let Some(database) = Blocking::open() else { return };
    types::a_record_decides_how_numbers_are_held(&database, &database.fetcher);
}

#[test]
fn tables_and_their_columns_are_listed() {
    let Some(database) = Blocking::open() else { return };
    database.execute("CREATE TABLE main.b (id INT, a TEXT); CREATE SCHEMA \"other one\"; CREATE VIEW \"other one\".a AS SELECT 1 AS x");
    assert_eq!(database.fetcher.tables().unwrap(), ["main.b", "other one.a"]);
    assert_eq!(database.fetcher.columns(&TableName::new("main.b").unwrap()).unwrap(), ["id", "a"]);
}

#[test]
fn a_server_that_cannot_be_reached_is_a_connection_error() {
    let nowhere = tempfile::tempdir().unwrap();
    let url = format!("host={} user=nobody", nowhere.path().display());
    assert!(matches!(PostgresFetcher::connect(&url), Err(PostgresError::Connection(_))));
    assert!(matches!(PostgresFetcher::connect("no url"), Err(PostgresError::Connection(_))));
}

#[test]
fn a_broken_connection_is_replaced_without_an_error() {
    let Some(database) = Blocking::open() else { return };
    database.execute("CREATE TABLE main.t (id INT PRIMARY KEY); INSERT INTO main.t VALUES (1)");
    assert_eq!(all(&database, "main.t", &[1_i64]).height(), 1);
    database.go_away();
    database.come_back();
    assert_eq!(all(&database, "main.t", &[1_i64]).height(), 1);
}

/// The view `main.slow` takes a minute for a row.
#[test]
fn a_batch_that_takes_too_long_is_ended_by_the_server() {
    let Some(database) = Blocking::open() else { return };
    database.execute(
        "CREATE TABLE main.t (id INT PRIMARY KEY); INSERT INTO main.t VALUES (1);
         CREATE VIEW main.slow AS SELECT id, (SELECT id FROM pg_sleep(60)) AS n FROM main.t;
         CREATE VIEW main.limits AS SELECT id, current_setting('statement_timeout') AS n FROM main.t",
    );
    let (folder, begun) = (tempfile::tempdir().unwrap(), Instant::now());
    let limit = Duration::from_millis(300);
    let cache = DynamicCache::builder().folder(folder.path()).batch_timeout(limit).open().unwrap();
    let slow = cache.table("main.slow").unwrap();
    match slow.select(["n"]).unwrap().frame(&[1_i64], &database.fetcher) {
        Err(Error::FetchFailed { failures, .. }) => {
            assert!(matches!(failures[0].cause, BatchError::TimedOut { after } if after == limit), "{failures:?}");
        }
        other => panic!("{other:?}"),
    }
    assert!(begun.elapsed() < Duration::from_secs(30));
    let limits = cache.table("main.limits").unwrap();
    let within = limits.select(["n"]).unwrap().frame(&[1_i64], &database.fetcher).unwrap();
    let within = within.column("n").unwrap().str().unwrap().get(0).unwrap().strip_suffix("ms").unwrap();
    assert!((1..=300).contains(&within.parse::<u64>().unwrap()), "{within}");
    assert_eq!(all(&database, "main.limits", &[1_i64]).column("n").unwrap(), &Column::new("n".into(), ["0"]));
}
