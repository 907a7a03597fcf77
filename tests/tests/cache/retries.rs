//! Batches that failed: asked again, paced, and split.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dbcache::error::BatchError;
use dbcache::key::RowId;
use dbcache::polars::prelude::*;
use dbcache::{BatchPolicy, DynamicCache, Error, Progress, Retry, Table};
use dbcache_tests::{Always, Database};
use serde_json::json;
use tokio::time::Instant;

use crate::Folder;

fn rows(ids: &[i64]) -> PolarsResult<DataFrame> {
    df!("id" => ids, "square" => ids.iter().map(|id| id * id).collect::<Vec<_>>())
}

fn broken() -> PolarsError {
    PolarsError::ComputeError("the connection broke".into())
}

fn soon(times: usize) -> Retry {
    Retry::times(times).first_delay(Duration::from_millis(1))
}

fn squares(count: i64) -> Database {
    Database::with_rows((1..=count).map(|id| json!({ "id": id, "square": id * id })))
}

#[test]
fn a_batch_is_asked_again_as_often_as_allowed() {
    let folder = Folder::new();
    let asked = AtomicUsize::new(0);
    let fetcher = |ids: &[i64], _: &str| {
        if asked.fetch_add(1, Ordering::Relaxed) < 2 { Err(broken()) } else { rows(ids) }
    };
    let users = folder.users();
    let answer = users.select(["square"]).unwrap().retry(soon(2)).frame(&[1, 2], &fetcher).unwrap();
    assert_eq!(answer, rows(&[1, 2]).unwrap());
    assert_eq!((asked.into_inner(), users.stats().retries, users.stats().failures), (3, 2, 0));
}

#[test]
fn a_batch_that_fails_to_the_last_says_how_often_it_was_asked() {
    let folder = Folder::new();
    let error = folder.users().select(["square"]).unwrap().retry(soon(3)).frame(&[1], &squares(1).failing_on([1]));
    let Err(Error::FetchFailed { failures, stored: 0, .. }) = error else { panic!("{error:?}") };
    assert_eq!((failures.len(), failures[0].attempts), (1, 4));
}

#[test]
fn other_batches_go_on_while_one_waits_to_be_asked_again() {
    let folder = Folder::new();
    let order = Mutex::new(Vec::new());
    let fetcher = |ids: &[i64], _: &str| {
        let mut order = order.lock().unwrap();
        order.push(ids[0]);
        if order.iter().filter(|id| **id == 1).count() == 1 && ids == [1] { Err(broken()) } else { rows(ids) }
    };
    let retry = Retry::times(1).first_delay(Duration::from_millis(300));
    let users = folder.users();
    let query = users.select(["square"]).unwrap().batches(BatchPolicy::Fixed(1)).retry(retry);
    assert_eq!(query.frame(&[1, 2, 3], &fetcher).unwrap(), rows(&[1, 2, 3]).unwrap());
    assert_eq!(*order.lock().unwrap(), [1, 2, 3, 1]);
}

#[test]
fn rows_that_break_their_contract_are_not_asked_again() {
    let folder = Folder::new();
    let users = folder.users();
    let error = users.select(["name"]).unwrap().retry(soon(5)).frame(&[1], &Always::rows([json!({ "name": "Ada" })]));
    assert!(matches!(error, Err(Error::FetchFailed { .. })), "{error:?}");
    assert_eq!((users.stats().batches, users.stats().retries), (1, 0));
}

/// The time stands still but where everything waits for it.
#[tokio::test(start_paused = true)]
async fn delays_grow_from_one_attempt_to_the_next() {
    let folder = Folder::new();
    let asked = Mutex::new(Vec::new());
    let fetcher = async |ids: Vec<i64>, _: String| {
        let mut asked = asked.lock().unwrap();
        asked.push(Instant::now());
        if asked.len() < 4 { Err(broken()) } else { rows(&ids) }
    };
    let users = folder.users();
    let query = users.select(["square"]).unwrap().retry(Retry::times(3).first_delay(Duration::from_secs(60)));
    query.frame_async(&[1], &fetcher).await.unwrap();
    let asked = asked.lock().unwrap();
    let delays: Vec<u64> = asked.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
    // The longest delay is 10 s unless the first is longer.
    assert!(delays.iter().all(|delay| (60..=121).contains(delay)), "{delays:?}");
    assert_eq!(delays.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_spreads_the_batches_of_all_requests() {
    let folder = Folder::new();
    let builder = DynamicCache::builder().folder(folder.path("")).progress(Progress::Silent);
    let cache = builder.batches(BatchPolicy::Fixed(1)).concurrency(4).rate_limit(2, Duration::from_secs(60));
    let cache = cache.open().unwrap();
    let users = cache.table("public.users").unwrap();
    let asked = Mutex::new(Vec::new());
    let begun = Instant::now();
    let fetcher = async |ids: Vec<i64>, _: String| {
        asked.lock().unwrap().push((Instant::now() - begun).as_secs());
        rows(&ids)
    };
    let query = users.select(["square"]).unwrap();
    // The time stands still but for this, since there is always something to do.
    let clock = async {
        for batches in 1..=4 {
            while asked.lock().unwrap().len() < batches {
                tokio::task::yield_now().await;
            }
            // Timers are exact to a millisecond.
            tokio::time::advance(Duration::from_millis(30_001)).await;
        }
    };
    let requests = async { tokio::join!(query.frame_async(&[1, 2], &fetcher), query.frame_async(&[3, 4], &fetcher)) };
    let ((first, second), ()) = tokio::join!(requests, clock);
    assert_eq!((first.unwrap().height(), second.unwrap().height()), (2, 2));
    assert_eq!(*asked.lock().unwrap(), [0, 30, 60, 90]);
}

#[test]
fn a_bad_id_is_found_and_all_others_are_stored() {
    let folder = Folder::new();
    let users = folder.users();
    let database = squares(100).failing_on([37]);
    let ids: Vec<i64> = (1..=100).collect();
    let error = users.select(["square"]).unwrap().isolate_failing_ids().frame(&ids, &database).unwrap_err();
    assert_eq!(error.failed_ids().collect::<Vec<_>>(), [&RowId::Int(37)]);
    let Error::FetchFailed { failures, stored: 99, .. } = error else { panic!("{error:?}") };
    assert!(matches!(failures[0].cause, BatchError::Fetcher(_)));
    assert_eq!(failures[0].batch, 1);
    // A batch of 100 has seven levels of halves.
    assert!(database.batches().len() <= 15, "{:?}", database.batches());
}

#[test]
fn several_bad_ids_side_by_side_are_found() {
    let folder = Folder::new();
    let users = folder.users();
    let database = squares(64).failing_on([1, 2, 3, 63]);
    let ids: Vec<i64> = (1..=64).collect();
    let error = users.select(["square"]).unwrap().isolate_failing_ids().frame(&ids, &database).unwrap_err();
    let failed: Vec<String> = error.failed_ids().map(ToString::to_string).collect();
    assert_eq!(failed, ["1", "2", "3", "63"]);
}

#[test]
fn a_database_that_is_gone_is_not_asked_for_every_id() {
    let folder = Folder::new();
    let users = folder.users();
    let database = squares(1000).failing_on(1..=1000);
    let ids: Vec<i64> = (1..=1000).collect();
    let query = users.select(["square"]).unwrap().batches(BatchPolicy::Fixed(1000)).isolate_failing_ids();
    let error = query.frame(&ids, &database).unwrap_err();
    assert_eq!(error.failed_ids().count(), 1000);
    assert!(database.batches().len() <= 25, "{}", database.batches().len());
}

#[test]
fn a_blocking_fetcher_is_told_how_long_it_may_take() {
    use dbcache::error::BoxError;
    use dbcache::fetch::{Dynamic, FetchRequest, Fetched, Fetcher};

    #[derive(Default)]
    struct Told(Mutex<Vec<Option<Duration>>>);

    impl Fetcher<Dynamic<i64>> for Told {
        fn fetch(&self, request: &FetchRequest<'_, i64>) -> Result<Fetched<Dynamic<i64>>, BoxError> {
            self.0.lock().unwrap().push(request.timeout());
            Ok(rows(request.ids())?.into())
        }
    }

    let (folder, told) = (Folder::new(), Told::default());
    let users: Table = folder.users();
    users.select(["square"]).unwrap().frame(&[1], &told).unwrap();
    users.select(["square"]).unwrap().batch_timeout(Duration::from_secs(9)).frame(&[2], &told).unwrap();
    assert_eq!(*told.0.lock().unwrap(), [None, Some(Duration::from_secs(9))]);
}
