//! Time limits of batches, kept whatever the server does, or does not do.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use dbcache::deadpool_postgres::tokio_postgres::NoTls;
use dbcache::deadpool_postgres::tokio_postgres::config::{Config, Host};
use dbcache::deadpool_postgres::{Manager, Pool};
use dbcache::error::{BatchError, Error, Result};
use dbcache::polars::prelude::*;
use dbcache::postgres::Client;
use dbcache::{AsyncPostgresFetcher, DynamicCache, PostgresFetcher};
use dbcache_tests::gate::{in_time, until};
use dbcache_tests::server::Database;
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_millis(300);

fn cache_with_limit() -> (TempDir, DynamicCache) {
    let folder = tempfile::tempdir().unwrap();
    let cache = DynamicCache::builder().folder(folder.path()).batch_timeout(LIMIT).open().unwrap();
    (folder, cache)
}

fn assert_timed_out(answer: Result<DataFrame>) {
    match answer {
        Err(Error::FetchFailed { failures, .. }) => {
            assert!(matches!(failures[0].cause, BatchError::TimedOut { after: LIMIT }), "{failures:?}");
        }
        other => panic!("{other:?}"),
    }
}

/// The view `main.slow` takes an hour for a row.
const SLOW: &str = "CREATE TABLE main.t (id INT PRIMARY KEY, n INT); INSERT INTO main.t VALUES (1, 7);
    CREATE VIEW main.slow AS SELECT id, (SELECT id FROM pg_sleep(3600)) AS n FROM main.t";

#[test]
fn a_server_that_lets_nobody_in_is_given_up() {
    // The system takes connections for a listener that never looks at them.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://nobody@{}/nothing", listener.local_addr().unwrap());
    let answer = in_time(move || {
        let fetcher = PostgresFetcher::new(move || Client::connect(&url, NoTls));
        let (_folder, cache) = cache_with_limit();
        cache.table("main.t").unwrap().select(["n"]).unwrap().frame(&[1_i64], &fetcher)
    });
    assert_timed_out(answer);
    drop(listener);
}

#[test]
fn a_server_that_falls_silent_is_given_up() {
    let Some(database) = Database::create() else { return };
    database.execute(SLOW);
    let relay = Relay::before(&database);
    in_time(move || {
        let fetcher = PostgresFetcher::connect(&relay.url).unwrap();
        let (folder, limited) = cache_with_limit();
        let unlimited = DynamicCache::open(folder.path()).unwrap();
        let select = |cache: &DynamicCache, table: &str| cache.table(table).unwrap().select(["n"]).unwrap();
        // What the catalog says is known from here on: first the query goes unanswered, then the look-up.
        select(&unlimited, "main.t").frame(&[1_i64], &fetcher).unwrap();
        relay.is_silent.store(true, Ordering::SeqCst);
        assert_timed_out(select(&limited, "main.t").refresh().frame(&[1_i64], &fetcher));
        assert_timed_out(select(&limited, "main.slow").frame(&[1_i64], &fetcher));
    });
}

#[test]
fn the_server_ends_a_batch_of_a_pool_and_its_connection_is_not_lent_again() {
    let Some(database) = Database::create() else { return };
    database.execute(SLOW);
    let manager = Manager::new(database.url().parse().unwrap(), NoTls);
    let fetcher = AsyncPostgresFetcher::new(Pool::builder(manager).max_size(1).build().unwrap());
    in_time(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (_folder, cache) = cache_with_limit();
            let slow = cache.table("main.slow").unwrap().select(["n"]).unwrap();
            assert_timed_out(slow.frame_async(&[1_i64], &fetcher).await);
            until(|| !is_busy(&database));
            let folder = tempfile::tempdir().unwrap();
            let cache = DynamicCache::open(folder.path()).unwrap();
            let quick = cache.table("main.t").unwrap().select(["n"]).unwrap();
            assert_eq!(quick.frame_async(&[1_i64], &fetcher).await.unwrap().height(), 1);
        });
    });
}

/// Whether the server works on a query, other than this one.
fn is_busy(database: &Database) -> bool {
    let query = "SELECT 1 FROM pg_stat_activity
        WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()";
    let ask = || Client::connect(&database.url(), NoTls).unwrap().query(query, &[]).unwrap();
    !thread::scope(|scope| scope.spawn(ask).join()).unwrap().is_empty()
}

/// Stands before a server and passes on what both sides say, until it is to keep the server's part to itself.
struct Relay {
    url: String,
    is_silent: Arc<AtomicBool>,
}

impl Relay {
    fn before(database: &Database) -> Self {
        let config: Config = database.url().parse().unwrap();
        let [Host::Unix(folder)] = config.get_hosts() else { panic!("a server at a socket") };
        let socket = folder.join(".s.PGSQL.5432");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, name) = (listener.local_addr().unwrap(), config.get_dbname().unwrap());
        let url = format!("postgres://dbcache@{address}/{name}?sslmode=disable");
        let is_silent = Arc::<AtomicBool>::default();
        let keeps = Arc::clone(&is_silent);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), UnixStream::connect(&socket).unwrap());
                let (from_client, to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let keeps = Arc::clone(&keeps);
                thread::spawn(move || pass_on(from_client, to_server, || false));
                thread::spawn(move || pass_on(server, client, || keeps.load(Ordering::SeqCst)));
            }
        });
        Self { url, is_silent }
    }
}

/// Ends with either side.
fn pass_on(mut from: impl Read, mut to: impl Write, keeps: impl Fn() -> bool) {
    let mut said = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut said) {
        if !keeps() && to.write_all(&said[..length]).is_err() {
            return;
        }
    }
}
