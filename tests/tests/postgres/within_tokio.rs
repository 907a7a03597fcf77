//! The blocking fetcher in async code, where its driver may neither wait nor be dropped by itself.

use dbcache::deadpool_postgres::tokio_postgres::NoTls;
use dbcache::fetch::Blocking;
use dbcache::postgres::Client;
use dbcache::{Cache, DynamicCache, PostgresFetcher, TableName};
use dbcache_tests::contract::{ITEMS, Item, items};
use dbcache_tests::server::Database;
use tokio::runtime::{Builder, Runtime};

fn runtimes() -> [Runtime; 2] {
    [Builder::new_current_thread(), Builder::new_multi_thread()]
        .map(|mut builder| builder.enable_all().build().unwrap())
}

/// In a task as well as in the future that a runtime is blocked on.
fn everywhere<F: Future<Output = ()> + Send + 'static>(work: impl Fn(String) -> F) {
    for runtime in runtimes() {
        let Some(database) = Database::create() else { return };
        database.execute(ITEMS);
        runtime.block_on(work(database.url()));
        runtime.block_on(runtime.spawn(work(database.url()))).unwrap();
    }
}

#[test]
fn a_fetcher_connects_fetches_and_is_dropped_in_async_code() {
    everywhere(async |url| {
        let fetcher = PostgresFetcher::connect(&url).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::<Item>::open(folder.path()).unwrap();
        assert_eq!(cache.rows(&[1, 2], &fetcher).unwrap(), items());
        assert_eq!(fetcher.tables().unwrap(), ["main.items"]);
        assert_eq!(fetcher.columns(&TableName::new("main.items").unwrap()).unwrap().len(), 7);
    });
}

#[test]
fn a_connection_of_ones_own_making_is_made_in_async_code() {
    everywhere(async |url| {
        let fetcher = PostgresFetcher::new(move || Client::connect(&url, NoTls));
        assert_eq!(fetcher.tables().unwrap(), ["main.items"]);
    });
}

#[test]
fn a_blocking_fetcher_for_async_requests_is_dropped_in_async_code() {
    everywhere(async |url| {
        let fetcher = Blocking::new(PostgresFetcher::connect(&url).unwrap());
        let folder = tempfile::tempdir().unwrap();
        let cache = DynamicCache::open(folder.path()).unwrap();
        let names = cache.table("main.items").unwrap().select(["name"]).unwrap();
        assert_eq!(names.frame_async(&[1_i64, 2], &fetcher).await.unwrap().height(), 2);
    });
}

#[test]
fn a_failure_in_async_code_is_an_error() {
    everywhere(async |_| {
        let nowhere = tempfile::tempdir().unwrap();
        let fetcher = PostgresFetcher::connect(&format!("host={} user=nobody", nowhere.path().display()));
        assert!(fetcher.is_err());
    });
}
