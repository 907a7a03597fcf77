//! Time limits of batches, which SQLite itself ends.

use std::time::Duration;

use dbcache::error::{BatchError, Error, Result};
use dbcache::polars::prelude::*;
use dbcache::rusqlite::Connection;
use dbcache::{DynamicCache, SqliteFetcher};
use dbcache_tests::gate::in_time;

const LIMIT: Duration = Duration::from_millis(50);

/// The view `endless` never comes to its first row; the view `long` takes more steps than SQLite does between two looks
/// at the clock.
const TABLES: &str = "
    CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO t VALUES (1, 7);
    CREATE VIEW endless AS WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c)
        SELECT id, (SELECT count(*) FROM c) AS n FROM t;
    CREATE VIEW long AS WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 50000)
        SELECT id, (SELECT count(*) FROM c) AS n FROM t";

fn assert_ends_in_time(fetcher: SqliteFetcher) {
    in_time(move || {
        let folder = tempfile::tempdir().unwrap();
        let limited = DynamicCache::builder().folder(folder.path()).batch_timeout(LIMIT).open().unwrap();
        for _ in 0..2 {
            assert_timed_out(frame(&limited, "main.endless", &fetcher));
        }
        // The connection is as it was before: nothing ends what has no limit.
        let unlimited = DynamicCache::open(folder.path()).unwrap();
        assert_eq!(frame(&unlimited, "main.long", &fetcher).unwrap().height(), 1);
    });
}

fn frame(cache: &DynamicCache, table: &str, fetcher: &SqliteFetcher) -> Result<DataFrame> {
    cache.table(table).unwrap().select(["n"]).unwrap().frame(&[1_i64], fetcher)
}

fn assert_timed_out(answer: Result<DataFrame>) {
    match answer {
        Err(Error::FetchFailed { failures, .. }) => {
            assert!(matches!(failures[0].cause, BatchError::TimedOut { after: LIMIT }), "{failures:?}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_endless_query_of_a_lent_connection_ends_with_its_batch() {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(TABLES).unwrap();
    assert_ends_in_time(SqliteFetcher::new(connection).unwrap());
}

#[test]
fn an_endless_query_of_a_file_ends_with_its_batch() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    Connection::open(&path).unwrap().execute_batch(TABLES).unwrap();
    assert_ends_in_time(SqliteFetcher::open(&path).unwrap());
}
