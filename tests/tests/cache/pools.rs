//! Async and blocking requests side by side, however few threads the runtime has for blocking work.

use std::sync::Arc;
use std::time::Duration;

use dbcache::error::{BatchError, BoxError};
use dbcache::fetch::Blocking;
use dbcache::polars::prelude::*;
use dbcache::{BatchPolicy, DynamicCache, Error, Progress, Table};
use dbcache_tests::gate::{Gate, in_time, until};
use dbcache_tests::versioned::Random;
use tokio::runtime::{Builder, Runtime};

use crate::Folder;

const POOLS: [usize; 3] = [1, 4, 512];

fn runtime(blocking_threads: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(2).max_blocking_threads(blocking_threads).enable_all().build().unwrap()
}

fn rows(ids: &[i64]) -> Result<DataFrame, BoxError> {
    Ok(df!("id" => ids, "square" => ids.iter().map(|id| id * id).collect::<Vec<_>>())?)
}

fn users(folder: &Folder) -> Table {
    let builder = DynamicCache::builder().folder(folder.path("")).progress(Progress::Silent);
    let cache = builder.batches(BatchPolicy::Fixed(1)).concurrency(2).open().unwrap();
    cache.table("public.users").unwrap()
}

fn nobody(_: &[i64], _: &str) -> Result<DataFrame, BoxError> {
    panic!("fetched twice")
}

/// Fills the runtime's threads for blocking work with requests that wait for the ids of an async one.
fn fill(runtime: &Runtime, users: &Table, blocking_threads: usize) -> Vec<tokio::task::JoinHandle<DataFrame>> {
    let ask = || {
        let users = users.clone();
        move || users.select(["square"]).unwrap().frame(&[1], &nobody).unwrap()
    };
    (0..2 * blocking_threads).map(|_| runtime.spawn_blocking(ask())).collect()
}

fn all_are_answered(runtime: &Runtime, waiters: Vec<tokio::task::JoinHandle<DataFrame>>) {
    for waiter in waiters {
        assert_eq!(runtime.block_on(waiter).unwrap(), rows(&[1]).unwrap());
    }
}

#[test]
fn an_async_request_ends_though_requests_that_wait_for_it_hold_all_blocking_threads() {
    for threads in POOLS {
        in_time(move || {
            let (folder, runtime) = (Folder::new(), runtime(threads));
            let (users, fetching) = (users(&folder), Arc::new(Gate::default()));
            let owner = {
                let (users, fetching, begun) = (users.clone(), Arc::clone(&fetching), threads as u64 + 1);
                runtime.spawn(async move {
                    let fetcher = async |ids: Vec<i64>, _: String| {
                        fetching.pass();
                        while users.stats().requests < begun {
                            tokio::task::yield_now().await;
                        }
                        rows(&ids)
                    };
                    users.select(["square"]).unwrap().frame_async(&[1], &fetcher).await.unwrap()
                })
            };
            fetching.wait_for(1);
            let waiters = fill(&runtime, &users, threads);
            assert_eq!(runtime.block_on(owner).unwrap(), rows(&[1]).unwrap());
            all_are_answered(&runtime, waiters);
        });
    }
}

#[test]
fn a_blocking_fetcher_is_called_though_requests_that_wait_for_it_hold_all_blocking_threads() {
    for threads in POOLS {
        in_time(move || {
            let (folder, runtime) = (Folder::new(), runtime(threads));
            let (users, fetching) = (users(&folder), Arc::new(Gate::default()));
            let fetcher = {
                let (users, fetching, begun) = (users.clone(), Arc::clone(&fetching), threads as u64 + 1);
                Blocking::new(move |ids: &[i64], _: &str| {
                    if fetching.pass() == 1 {
                        until(|| users.stats().requests >= begun);
                        return Err("the first attempt fails".into());
                    }
                    rows(ids)
                })
            };
            let owner = {
                let users = users.clone();
                runtime.spawn(async move {
                    let retry = dbcache::Retry::times(1).first_delay(Duration::ZERO);
                    users.select(["square"]).unwrap().retry(retry).frame_async(&[1], &fetcher).await.unwrap()
                })
            };
            fetching.wait_for(1);
            let waiters = fill(&runtime, &users, threads);
            assert_eq!(runtime.block_on(owner).unwrap(), rows(&[1]).unwrap());
            all_are_answered(&runtime, waiters);
        });
    }
}

#[test]
fn a_cancelled_request_is_committed_though_requests_that_wait_for_it_hold_all_blocking_threads() {
    for threads in POOLS {
        in_time(move || {
            let (folder, runtime) = (Folder::new(), runtime(threads));
            let (users, fetching) = (users(&folder), Arc::new(Gate::default()));
            let owner = {
                let (users, fetching) = (users.clone(), Arc::clone(&fetching));
                runtime.spawn(async move {
                    let fetcher = async |ids: Vec<i64>, _: String| {
                        if ids == [2] {
                            fetching.pass();
                            std::future::pending::<()>().await;
                        }
                        rows(&ids)
                    };
                    users.select(["square"]).unwrap().frame_async(&[1, 2], &fetcher).await
                })
            };
            fetching.wait_for(1);
            until(|| users.stats().fetched_rows == 1);
            let waiters = fill(&runtime, &users, threads);
            owner.abort();
            assert!(runtime.block_on(owner).unwrap_err().is_cancelled());
            all_are_answered(&runtime, waiters);
        });
    }
}

#[test]
fn a_runtime_that_was_shut_down_has_stored_what_had_come() {
    for threads in POOLS {
        in_time(move || {
            let (folder, runtime) = (Folder::new(), runtime(threads));
            let (users, fetching) = (users(&folder), Arc::new(Gate::default()));
            let task = {
                let (users, fetching) = (users.clone(), Arc::clone(&fetching));
                async move {
                    let fetcher = async |ids: Vec<i64>, _: String| {
                        if ids == [4] {
                            fetching.pass();
                            std::future::pending::<()>().await;
                        }
                        rows(&ids)
                    };
                    users.select(["square"]).unwrap().frame_async(&[1, 2, 3, 4], &fetcher).await
                }
            };
            runtime.spawn(task);
            fetching.wait_for(1);
            until(|| users.stats().fetched_rows == 3);
            drop(runtime);
            assert_eq!(folder.users().select(["square"]).unwrap().look_up(&[1_i64, 2, 3, 4]).unwrap().hits, [1, 2, 3]);
        });
    }
}

/// The fetcher has returned, but nothing of what it brought is with the request yet.
#[test]
fn a_runtime_that_was_shut_down_has_stored_what_was_about_to_come() {
    in_time(|| {
        for _ in 0..50 {
            let (folder, runtime) = (Folder::new(), runtime(4));
            let (users, returned) = (users(&folder), Arc::new(Gate::default()));
            let task = {
                let (users, returned) = (users.clone(), Arc::clone(&returned));
                async move {
                    let fetcher = async |ids: Vec<i64>, _: String| {
                        let rows = rows(&ids);
                        returned.pass();
                        rows
                    };
                    users.select(["square"]).unwrap().frame_async(&[1], &fetcher).await
                }
            };
            runtime.spawn(task);
            returned.wait_for(1);
            drop(runtime);
            assert_eq!(folder.users().select(["square"]).unwrap().look_up(&[1_i64]).unwrap().hits, [1]);
        }
    });
}

#[test]
fn a_request_waits_for_another_one_no_longer_than_for_a_batch() {
    in_time(|| {
        let folder = Folder::new();
        let (users, gave_up, fetching) = (users(&folder), Gate::default(), Gate::default());
        std::thread::scope(|scope| {
            let owner = scope.spawn(|| {
                let fetcher = |ids: &[i64], _: &str| {
                    fetching.pass();
                    gave_up.wait_for(2);
                    rows(ids)
                };
                users.select(["square"]).unwrap().frame(&[1], &fetcher).unwrap()
            });
            fetching.wait_for(1);
            let limit = Duration::from_millis(20);
            let query = users.select(["square"]).unwrap().batch_timeout(limit);
            let others = |ids: &[i64], _: &str| rows(ids);
            waited_too_long(&query.frame(&[1, 2], &others).unwrap_err());
            assert_eq!(query.look_up(&[1_i64, 2]).unwrap().hits, [2]);
            gave_up.pass();
            let others = async |ids: Vec<i64>, _: String| rows(&ids);
            waited_too_long(&runtime(1).block_on(query.frame_async(&[1, 3], &others)).unwrap_err());
            gave_up.pass();
            assert_eq!(owner.join().unwrap(), rows(&[1]).unwrap());
            assert_eq!(query.frame(&[1, 2, 3], &nobody).unwrap().height(), 3);
        });
    });
}

fn waited_too_long(error: &Error) {
    let Error::FetchFailed { failures, stored: 1, .. } = error else { panic!("{error:?}") };
    let [failure] = failures.as_slice() else { panic!("{failures:?}") };
    assert!(matches!(failure.cause, BatchError::WaitTimedOut { .. }), "{failure:?}");
    assert_eq!(error.failed_ids().map(ToString::to_string).collect::<Vec<_>>(), ["1"]);
}

/// Requests of every kind for ids that overlap, some of which are cancelled wherever they are.
#[test]
fn requests_of_every_kind_end_and_are_answered_however_few_threads_there_are() {
    for threads in POOLS {
        in_time(move || {
            let (folder, runtime) = (Folder::new(), runtime(threads));
            let (users, mut random) = (users(&folder), Random::new(threads as u64));
            let tasks: Vec<_> = (0..96).map(|_| spawn(&runtime, &users, &mut random)).collect();
            let (endless, others): (Vec<_>, Vec<_>) = tasks.into_iter().partition(|(_, is_endless)| *is_endless);
            for (task, _) in endless {
                task.abort();
                assert!(runtime.block_on(task).unwrap_err().is_cancelled());
            }
            for (task, _) in others {
                runtime.block_on(task).unwrap();
            }
        });
    }
}

/// A request of some kind, and whether it does not end by itself.
fn spawn(runtime: &Runtime, users: &Table, random: &mut Random) -> (tokio::task::JoinHandle<()>, bool) {
    let first = i64::try_from(random.below(40)).unwrap();
    let ids: Vec<i64> = (first..first + 6).collect();
    let (query, expected) = (users.select(["square"]).unwrap(), rows(&ids).unwrap());
    let blocking = |ids: &[i64], _: &str| rows(ids);
    let kind = random.below(4);
    let task = match kind {
        0 => runtime.spawn_blocking(move || assert_eq!(query.frame(&ids, &blocking).unwrap(), expected)),
        1 => runtime.spawn(async move {
            let fetcher = Blocking::new(blocking);
            assert_eq!(query.frame_async(&ids, &fetcher).await.unwrap(), expected);
        }),
        2 => runtime.spawn(async move {
            let fetcher = async |ids: Vec<i64>, _: String| {
                tokio::task::yield_now().await;
                rows(&ids)
            };
            assert_eq!(query.frame_async(&ids, &fetcher).await.unwrap(), expected);
        }),
        _ => runtime.spawn(async move {
            let fetcher = async |ids: Vec<i64>, _: String| {
                if ids == [first + 3] {
                    std::future::pending::<()>().await;
                }
                rows(&ids)
            };
            drop(query.refresh().frame_async(&ids, &fetcher).await);
        }),
    };
    (task, kind == 3)
}
