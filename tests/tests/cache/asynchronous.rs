//! Requests of programs that run on tokio.

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use dbcache::error::BoxError;
use dbcache::fetch::{AsyncFetcher, Dynamic, FetchRequest, Fetched};
use dbcache::polars::prelude::*;
use dbcache::{BatchPolicy, Cache, Cached, DynamicCache, Error, Progress, Table, TableName};
use dbcache_tests::gate::{Gate, until};
use tokio::sync::Notify;

use crate::Folder;

#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "public.users")]
struct User {
    #[cached(id)]
    id: i64,
    name: String,
}

fn user(id: i64) -> User {
    User { id, name: format!("user {id}") }
}

async fn users(ids: Vec<i64>) -> Result<Vec<User>, std::io::Error> {
    tokio::task::yield_now().await;
    Ok(ids.into_iter().map(user).collect())
}

fn table(folder: &Folder) -> Table {
    let builder = DynamicCache::builder().folder(folder.path("")).progress(Progress::Silent);
    let cache = builder.batches(BatchPolicy::Fixed(1)).concurrency(2).open().unwrap();
    cache.table("public.users").unwrap()
}

fn rows(ids: &[i64]) -> PolarsResult<DataFrame> {
    df!("id" => ids, "square" => ids.iter().map(|id| id * id).collect::<Vec<_>>())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_can_be_spawned() {
    let folder = Folder::new();
    let cache = Arc::new(Cache::<User>::open(folder.path("")).unwrap());
    let tasks = (0..4).map(|task| {
        let cache = Arc::clone(&cache);
        tokio::spawn(async move {
            let names = cache.select(User::columns().name).rows_async(&[task, 2, 1], &users).await.unwrap();
            let found = cache.rows_async(&[1, 2], &users).await.unwrap();
            let frame = cache.frame_async(&[1, 2], &users).await.unwrap();
            (names.len(), found, frame.height())
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        let (_, found, height) = task.await.unwrap();
        assert_eq!((found, height), (vec![user(1), user(2)], 2));
    }
}

#[tokio::test]
async fn async_closures_are_fetchers() {
    let folder = Folder::new();
    let cache = Cache::<User>::open(folder.path("")).unwrap();
    let greeting = "user".to_owned();
    let fetcher = async |ids: Vec<i64>| -> Result<Vec<User>, std::io::Error> {
        tokio::task::yield_now().await;
        Ok(ids.into_iter().map(|id| User { id, name: format!("{greeting} {id}") }).collect())
    };
    assert_eq!(cache.rows_async(&[2, 1, 2], &fetcher).await.unwrap(), [user(1), user(2)]);
    let nobody = async |_: Vec<i64>| -> Result<Vec<User>, std::io::Error> { panic!("fetched twice") };
    assert_eq!(cache.rows_async(&[1, 2], &nobody).await.unwrap(), [user(1), user(2)]);
}

#[tokio::test]
async fn failed_batches_and_absent_ids_are_told_as_to_blocking_requests() {
    let folder = Folder::new();
    let table = table(&folder);
    let query = table.select(["square"]).unwrap();
    let fetcher = async |ids: Vec<i64>, _: String| match ids.as_slice() {
        [2] => Err(PolarsError::ComputeError("the connection broke".into())),
        [3] => rows(&[]),
        ids => rows(ids),
    };
    let error = query.frame_async(&[1, 2, 3, 4], &fetcher).await.unwrap_err();
    assert!(matches!(&error, Error::FetchFailed { stored: 2, .. }), "{error:?}");
    assert_eq!(error.failed_ids().map(ToString::to_string).collect::<Vec<_>>(), ["2"]);
    let error = query.frame_async(&[1, 3, 4], &fetcher).await.unwrap_err();
    assert!(matches!(&error, Error::IdsNotFound { .. }), "{error:?}");
    let found = query.frame_found_async(&[1, 3, 4], &fetcher).await.unwrap();
    assert_eq!((found.rows, found.missing), (rows(&[1, 4]).unwrap(), vec![3]));
}

#[tokio::test]
async fn batches_are_in_flight_at_the_same_time() {
    let folder = Folder::new();
    let (first, second) = (Notify::new(), Notify::new());
    let fetcher = async |ids: Vec<i64>, _: String| {
        let (mine, other) = if ids == [1] { (&first, &second) } else { (&second, &first) };
        other.notify_one();
        mine.notified().await;
        rows(&ids)
    };
    let answer = table(&folder).select(["square"]).unwrap().frame_async(&[1, 2], &fetcher).await.unwrap();
    assert_eq!(answer, rows(&[1, 2]).unwrap());
}

/// The only thread of the runtime goes on while a commit waits for its turn.
#[tokio::test]
async fn a_commit_does_not_block_the_runtime() {
    let folder = Folder::new();
    let fetcher = async |ids: Vec<i64>, _: String| rows(&ids);
    let table = table(&folder);
    let query = table.select(["square"]).unwrap();
    query.frame_async(&[1], &fetcher).await.unwrap();
    let lock = File::options().write(true).open(folder.path("public_users.lock")).unwrap();
    lock.lock().unwrap();
    let unlock = async {
        // The runtime comes back here though the request has nothing to do but to wait for its commit.
        while table.stats().fetched_rows < 2 {
            tokio::task::yield_now().await;
        }
        lock.unlock().unwrap();
    };
    let (answer, ()) = tokio::join!(query.frame_async(&[1, 2], &fetcher), unlock);
    assert_eq!(answer.unwrap(), rows(&[1, 2]).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_request_keeps_what_came_and_lets_go_of_the_rest() {
    let folder = Folder::new();
    let table = table(&folder);
    let query = table.select(["square"]).unwrap();
    let waiting = Notify::new();
    let fetcher = async |ids: Vec<i64>, _: String| {
        if ids == [2] {
            waiting.notify_one();
            std::future::pending::<()>().await;
        }
        rows(&ids)
    };
    let came = async {
        waiting.notified().await;
        while table.stats().fetched_rows == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        answer = query.frame_async(&[1, 2], &fetcher) => panic!("{answer:?}"),
        () = came => {}
    }
    until(|| query.look_up(&[1_i64]).unwrap().hits == [1]);
    let sound = async |ids: Vec<i64>, _: String| if ids == [2] { rows(&ids) } else { panic!("fetched twice") };
    assert_eq!(query.frame_async(&[1, 2], &sound).await.unwrap(), rows(&[1, 2]).unwrap());
}

#[test]
fn a_cancelled_request_hands_over_to_one_that_waits() {
    let folder = Folder::new();
    let users = table(&folder);
    let fetching = Gate::default();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            runtime.block_on(async {
                let query = users.select(["square"]).unwrap();
                let fetcher = async |_: Vec<i64>, _: String| -> PolarsResult<DataFrame> {
                    fetching.pass();
                    std::future::pending().await
                };
                let other_began = async {
                    while users.stats().requests < 2 {
                        tokio::task::yield_now().await;
                    }
                };
                tokio::select! {
                    answer = query.frame_async(&[1], &fetcher) => panic!("{answer:?}"),
                    () = other_began => {}
                }
            });
        });
        fetching.wait_for(1);
        let sound = |ids: &[i64], _: &str| rows(ids);
        assert_eq!(users.select(["square"]).unwrap().frame(&[1], &sound).unwrap(), rows(&[1]).unwrap());
    });
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_takes_too_long_has_failed_and_the_others_are_stored() {
    let folder = Folder::new();
    let table = table(&folder);
    let query = table.select(["square"]).unwrap().batch_timeout(Duration::from_secs(30));
    let fetcher = async |ids: Vec<i64>, _: String| {
        if ids == [2] {
            std::future::pending::<()>().await;
        }
        rows(&ids)
    };
    let error = query.frame_async(&[1, 2, 3], &fetcher).await.unwrap_err();
    let message = error.to_string();
    assert!(message.contains("1 batch of public.users failed, 2 rows stored"), "{message}");
    assert!(message.contains("the fetcher took longer than 30s"), "{message}");
}

/// Brings squares, and never says which columns there are.
struct Taciturn;

impl AsyncFetcher<Dynamic<i64>> for Taciturn {
    async fn fetch(&self, request: &FetchRequest<'_, i64>) -> Result<Fetched<Dynamic<i64>>, BoxError> {
        Ok(rows(request.ids())?.into())
    }

    async fn table_columns(&self, _: &TableName) -> Option<Vec<String>> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_fetcher_that_never_names_the_columns_is_given_up_when_a_batch_would_be() {
    let folder = Folder::new();
    let table = table(&folder);
    let select = |column| table.select([column]).unwrap().batch_timeout(Duration::from_secs(30));
    let error = select("squaer").frame_async(&[1, 2], &Taciturn).await.unwrap_err();
    assert!(matches!(error, Error::ColumnsNotFound { .. }), "{error:?}");
    assert_eq!(select("square").frame_async(&[1, 2], &Taciturn).await.unwrap(), rows(&[1, 2]).unwrap());
}
