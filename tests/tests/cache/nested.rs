//! Fetchers that ask a cache: a request that would wait for itself is an error, and every other one is answered.

use std::error::Error as StdError;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use dbcache::error::{BatchError, BoxError};
use dbcache::fetch::{Blocking, Dynamic, FetchRequest, Fetched, Fetcher};
use dbcache::polars::prelude::*;
use dbcache::{BatchPolicy, DynamicCache, Error, Progress, Table};
use dbcache_tests::gate::{Gate, in_time};

use crate::Folder;

fn rows(ids: &[i64]) -> Result<DataFrame, BoxError> {
    Ok(df!("id" => ids, "square" => ids.iter().map(|id| id * id).collect::<Vec<_>>())?)
}

fn ask(table: &Table, ids: &[i64], fetcher: &impl Fetcher<Dynamic<i64>>) -> Result<DataFrame, Error> {
    table.select(["square"])?.frame(ids, fetcher)
}

/// The ids of the request that would have waited for itself, which is behind this error.
fn circle(error: &(dyn StdError + 'static)) -> Option<Vec<String>> {
    let mut causes = std::iter::successors(Some(error), |cause| (*cause).source());
    causes.find_map(|cause| match cause.downcast_ref::<Error>() {
        Some(Error::CircularRequest { ids, .. }) => Some(ids.iter().map(ToString::to_string).collect()),
        // The failures of batches stand beside the message, not behind it.
        Some(Error::FetchFailed { failures, .. }) => failures.iter().find_map(|failure| circle(&failure.cause)),
        _ => None,
    })
}

/// A fetcher that asks other tables first, as deep as told.
struct Asks {
    first: Vec<(Table, Vec<i64>)>,
    met: Option<Arc<Barrier>>,
}

impl Fetcher<Dynamic<i64>> for Asks {
    fn fetch(&self, request: &FetchRequest<'_, i64>) -> Result<Fetched<Dynamic<i64>>, BoxError> {
        if let Some(met) = &self.met {
            met.wait();
        }
        let plain = |ids: &[i64], _: &str| rows(ids);
        for (table, ids) in &self.first {
            ask(table, ids, &plain)?;
        }
        Ok(rows(request.ids())?.into())
    }
}

#[test]
fn a_fetcher_that_asks_for_what_it_fetches_gets_an_error() {
    let error = in_time(|| {
        let folder = Folder::new();
        let users = folder.users();
        let fetcher = Asks { first: vec![(users.clone(), vec![2, 3])], met: None };
        let error = ask(&users, &[1, 2], &fetcher).unwrap_err();
        // What the inner request could fetch is stored.
        assert_eq!(users.select(["square"]).unwrap().look_up(&[1_i64, 2, 3]).unwrap().hits, [3]);
        error
    });
    assert_eq!(circle(&error), Some(vec!["2".to_owned()]), "{error:?}");
    assert!(error.to_string().contains("wait"), "{error}");
}

#[test]
fn a_fetcher_may_ask_for_other_rows_and_other_tables() {
    in_time(|| {
        let folder = Folder::new();
        let (users, cache) = (folder.users(), folder.cache());
        let orders = cache.table("public.orders").unwrap();
        let fetcher = Asks { first: vec![(users.clone(), vec![7, 8]), (orders, vec![1])], met: None };
        assert_eq!(ask(&users, &[1, 2], &fetcher).unwrap().height(), 2);
    });
}

#[test]
fn a_fetcher_may_ask_for_another_batch_of_its_own_request() {
    in_time(|| {
        let folder = Folder::new();
        let builder = DynamicCache::builder().folder(folder.path("")).progress(Progress::Silent);
        let cache = builder.batches(BatchPolicy::Fixed(1)).concurrency(2).open().unwrap();
        let users = cache.table("public.users").unwrap();
        let first = Gate::default();
        let nobody = |_: &[i64], _: &str| -> Result<DataFrame, BoxError> { panic!("fetched twice") };
        let fetcher = |ids: &[i64], _: &str| {
            if ids == [1] {
                first.pass();
            } else {
                first.wait_for(1);
                ask(&users, &[1], &nobody)?;
            }
            rows(ids)
        };
        assert_eq!(ask(&users, &[1, 2], &fetcher).unwrap().height(), 2);
    });
}

/// Threads whose fetchers ask each for what the next one fetches, all at the same time. Whoever closes the circle gets
/// an error, and the others are answered by what they fetch themselves, or get that error too.
fn around(tables: Vec<Table>) {
    let outcomes = in_time(move || {
        let met = Arc::new(Barrier::new(tables.len()));
        thread::scope(|scope| {
            let threads: Vec<_> = (0..tables.len())
                .map(|number| {
                    let next = (number + 1) % tables.len();
                    let first = vec![(tables[next].clone(), vec![i64::try_from(next).unwrap()])];
                    let fetcher = Asks { first, met: Some(Arc::clone(&met)) };
                    let table = tables[number].clone();
                    scope.spawn(move || ask(&table, &[i64::try_from(number).unwrap()], &fetcher))
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        })
    });
    let failed: Vec<&Error> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert_eq!(failed.len(), 1, "{outcomes:?}");
    assert!(failed.iter().all(|error| circle(*error).is_some()), "{outcomes:?}");
}

#[test]
fn two_threads_whose_fetchers_ask_for_each_others_ids_both_end() {
    let folder = Folder::new();
    around(vec![folder.users(), folder.users()]);
}

#[test]
fn circles_over_many_threads_and_tables_end() {
    for length in 2..=6 {
        let (one, other) = (Folder::new(), Folder::new());
        let caches = [one.cache(), other.cache()];
        let table = |number: usize| caches[number % 2].table(&format!("public.table{}", number % 3)).unwrap();
        around((0..length).map(table).collect());
    }
}

#[test]
fn an_async_fetcher_that_asks_for_what_it_fetches_gets_an_error() {
    for threads in [1, 4] {
        let error = in_time(move || {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build().unwrap();
            runtime.block_on(async {
                let folder = Folder::new();
                let query = folder.users().select(["square"]).unwrap();
                let plain = async |ids: Vec<i64>, _: String| rows(&ids);
                let fetcher = async |ids: Vec<i64>, _: String| {
                    tokio::task::yield_now().await;
                    query.frame_async(&[2, 3], &plain).await?;
                    rows(&ids)
                };
                query.frame_async(&[1, 2], &fetcher).await.unwrap_err()
            })
        });
        assert_eq!(circle(&error), Some(vec!["2".to_owned()]), "{error:?}");
    }
}

#[test]
fn a_blocking_fetcher_of_an_async_request_that_asks_for_what_it_fetches_gets_an_error() {
    let error = in_time(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let folder = Folder::new();
        let users = folder.users();
        let fetcher = Blocking::new(Asks { first: vec![(users.clone(), vec![1])], met: None });
        let query = users.select(["square"]).unwrap();
        runtime.block_on(query.frame_async(&[1], &fetcher)).unwrap_err()
    });
    assert_eq!(circle(&error), Some(vec!["1".to_owned()]), "{error:?}");
}

/// A table whose batches, and whose waits for those of others, take no longer than this.
fn hurried(folder: &Folder) -> Table {
    let builder = DynamicCache::builder().folder(folder.path("")).progress(Progress::Silent);
    builder.batch_timeout(Duration::from_millis(20)).open().unwrap().table("public.users").unwrap()
}

/// Nothing tells that a thread of the fetcher's own asks in the middle of a fetch.
fn ask_in_another_thread(table: &Table, ids: &[i64]) -> Result<DataFrame, Error> {
    let plain = |ids: &[i64], _: &str| rows(ids);
    thread::scope(|scope| scope.spawn(|| ask(table, ids, &plain)).join().unwrap())
}

/// The failure of the one batch of a request.
fn failure(error: &Error) -> &BatchError {
    let Error::FetchFailed { failures, .. } = error else { panic!("{error:?}") };
    let [failure] = failures.as_slice() else { panic!("{failures:?}") };
    &failure.cause
}

#[test]
fn a_fetcher_whose_own_thread_asks_for_what_it_fetches_ends_with_the_time_of_a_batch() {
    let error = in_time(|| {
        let folder = Folder::new();
        let users = hurried(&folder);
        let fetcher = |ids: &[i64], _: &str| {
            ask_in_another_thread(&users, &[2, 3])?;
            rows(ids)
        };
        let error = ask(&users, &[1, 2], &fetcher).unwrap_err();
        assert_eq!(users.select(["square"]).unwrap().look_up(&[1_i64, 2, 3]).unwrap().hits, [3]);
        error
    });
    let BatchError::Fetcher(inner) = failure(&error) else { panic!("{error:?}") };
    let inner = failure(inner.downcast_ref().expect("an error of the cache"));
    assert!(matches!(inner, BatchError::WaitTimedOut { .. }), "{error:?}");
}

#[test]
fn an_async_fetcher_whose_own_thread_asks_for_what_it_fetches_ends_with_the_time_of_a_batch() {
    let error = in_time(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let folder = Folder::new();
        let users = hurried(&folder);
        let fetcher = async |ids: Vec<i64>, _: String| {
            let users = users.clone();
            tokio::task::spawn_blocking(move || ask_in_another_thread(&users, &[2])).await??;
            rows(&ids)
        };
        runtime.block_on(users.select(["square"]).unwrap().frame_async(&[1, 2], &fetcher)).unwrap_err()
    });
    // Both limits end it, whichever comes first.
    assert!(matches!(failure(&error), BatchError::TimedOut { .. } | BatchError::Fetcher(_)), "{error:?}");
}

/// One task asks in the middle of a fetch, which says nothing of the other tasks of its thread.
#[test]
fn tasks_beside_a_nested_request_wait_as_ever() {
    in_time(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let folder = Folder::new();
        let users = folder.users();
        runtime.block_on(async {
            let query = users.select(["square"]).unwrap();
            let plain = async |ids: Vec<i64>, _: String| rows(&ids);
            let outer = async |ids: Vec<i64>, _: String| {
                while users.stats().requests < 2 {
                    tokio::task::yield_now().await;
                }
                query.frame_async(&[9], &plain).await?;
                rows(&ids)
            };
            let (first, second) = tokio::join!(query.frame_async(&[1], &outer), query.frame_async(&[1], &plain));
            assert_eq!(first.unwrap(), second.unwrap());
        });
    });
}
