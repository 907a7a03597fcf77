//! The fetcher through a pool of `sqlx`.

use std::time::Duration;

use dbcache::error::BoxError;
use dbcache::fetch::{AsyncFetcher, Dynamic, FetchRequest, Fetched};
use dbcache::key::Key;
use dbcache::sqlx::Postgres;
use dbcache::sqlx::postgres::PgPoolOptions;
use dbcache::{Cache, Cached, SqlxFetcher, TableName};
use dbcache_tests::contract::{Adapter, ITEMS, Item, Of, items};
use dbcache_tests::server::Database;
use tokio::runtime::Runtime;

use crate::PostgresAdapter;
use crate::types::Everything;

dbcache_tests::fetcher_contract!(Sqlx);
crate::postgres_contract!(Sqlx);

struct Sqlx {
    fetcher: SqlxFetcher<Postgres>,
    database: Database,
    runtime: Runtime,
}

impl Sqlx {
    fn with_connections(at_most: u32) -> Option<Self> {
        let database = Database::create()?;
        let runtime = Runtime::new().unwrap();
        let options = PgPoolOptions::new().max_connections(at_most).acquire_timeout(Duration::from_secs(5));
        let pool = runtime.block_on(options.connect(&database.url())).unwrap();
        Some(Self { fetcher: SqlxFetcher::new(pool), database, runtime })
    }
}

impl Adapter for Sqlx {
    fn open() -> Option<Self> {
        Self::with_connections(4)
    }

    fn execute(&self, sql: &str) {
        self.database.execute(sql);
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
        self.database.close();
    }

    fn come_back(&self) {
        self.database.open();
    }
}

impl PostgresAdapter for Sqlx {
    fn fetch_everything(&self, request: &FetchRequest<'_, i64>) -> Result<Fetched<Everything>, BoxError> {
        self.runtime.block_on(self.fetcher.clone().with_from_row::<Everything>().fetch(request))
    }

    fn url(&self) -> String {
        self.database.url()
    }
}

/// The same connection has the statement from before, which the server refuses from then on.
#[test]
fn a_statement_prepared_before_an_alteration_is_prepared_anew() {
    let Some(database) = Sqlx::with_connections(1) else { return };
    crate::refusals::an_altered_column_is_read_anew(&database);
}

#[test]
fn records_are_read_after_an_alteration_that_they_can_hold() {
    let Some(database) = Sqlx::with_connections(1) else { return };
    database.execute(ITEMS);
    assert_eq!(rows_of_an_empty_cache(&database), items());
    database.execute("ALTER TABLE main.items ALTER COLUMN name TYPE VARCHAR(50)");
    assert_eq!(rows_of_an_empty_cache(&database), items());
}

fn rows_of_an_empty_cache(database: &Sqlx) -> Vec<Item> {
    let folder = tempfile::tempdir().unwrap();
    Cache::<Item>::open(folder.path()).unwrap().rows(&[1, 2], &Of(database)).unwrap()
}

#[derive(Debug, Cached, sqlx::FromRow)]
#[cached(table = "main.t")]
struct Person {
    #[cached(id)]
    id: String,
    n: i32,
}

#[test]
fn a_record_under_another_spelling_is_an_error_that_names_both() {
    let Some(database) = Sqlx::open() else { return };
    crate::spellings::each(&database, |spelled| {
        let fetch = |request: &FetchRequest<'_, String>| {
            database.runtime.block_on(database.fetcher.clone().with_from_row::<Person>().fetch(request))
        };
        spelled.assert_records_refused(fetch);
    });
}

#[test]
fn records_that_have_no_from_row_are_read_by_their_declared_types() {
    let Some(database) = Sqlx::open() else { return };
    database.execute(ITEMS);
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::<Item>::open(folder.path()).unwrap();
    let rows = database.runtime.block_on(cache.rows_async(&[1, 2], &database.fetcher));
    assert_eq!(rows.unwrap(), items());
}
