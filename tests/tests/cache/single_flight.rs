//! Requests of one process that overlap fetch each id once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;

use dbcache::error::BoxError;
use dbcache::fetch::{Dynamic, FetchRequest, Fetched, Fetcher};
use dbcache::polars::prelude::*;
use dbcache::{BatchPolicy, DynamicCache, Error, Progress, TableName};
use dbcache_tests::gate::{Gate, until};
use dbcache_tests::{Database, Row};
use serde_json::json;

use crate::Folder;

const THREADS: i64 = 16;

fn cache(folder: &Folder, batch: usize) -> DynamicCache {
    let builder = DynamicCache::builder().folder(folder.path("")).progress(Progress::Silent);
    builder.batches(BatchPolicy::Fixed(batch)).concurrency(2).open().unwrap()
}

/// A database of the users with even ids.
fn even_users(most: i64) -> Database {
    Database::with_rows((1..=most / 2).map(|half| json!({ "id": 2 * half, "name": format!("user {}", 2 * half) })))
}

/// The ids that a thread asks: each range overlaps with its neighbours'.
fn range(thread: i64) -> Vec<i64> {
    (1 + 40 * thread..=1 + 40 * thread + 300).collect()
}

/// Every id was asked once, whether the database has it or not.
fn assert_each_once(database: &Database) {
    let mut asked = database.take_asked();
    asked.sort_unstable();
    let wanted: BTreeSet<i64> = (0..THREADS).flat_map(range).collect();
    assert!(asked.iter().eq(&wanted), "{} ids asked, {} wanted", asked.len(), wanted.len());
}

fn assert_even(answer: &DataFrame, thread: i64) {
    let even: Vec<i64> = range(thread).into_iter().filter(|id| id % 2 == 0).collect();
    assert_eq!(answer.column("id").unwrap().i64().unwrap().into_no_null_iter().collect::<Vec<_>>(), even);
}

/// Asks the database as a blocking fetcher does.
fn ask(database: &Database, ids: &[i64]) -> Result<Fetched<Dynamic<i64>>, BoxError> {
    let table = TableName::new("public.users").unwrap();
    database.fetch(&FetchRequest::new(ids, &table, "id"))
}

/// How many requests have begun. What they fetch waits for all of them, so that they overlap in time.
fn begun(caches: &[DynamicCache]) -> u64 {
    caches.iter().map(|cache| cache.stats().requests).sum()
}

#[test]
fn sixteen_threads_that_ask_overlapping_ranges_ask_each_id_once() {
    let folder = Folder::new();
    overlap(&[cache(&folder, 30)]);
}

#[test]
#[cfg(unix)]
fn caches_of_one_folder_share_what_is_in_flight_however_it_is_named() {
    let (folder, elsewhere) = (Folder::new(), Folder::new());
    std::os::unix::fs::symlink(folder.path(""), elsewhere.path("link")).unwrap();
    let named = |path: std::path::PathBuf| {
        let builder = DynamicCache::builder().folder(path).progress(Progress::Silent);
        builder.batches(BatchPolicy::Fixed(50)).open().unwrap()
    };
    // The folder itself is not there yet.
    overlap(&[named(folder.path("a/b")), named(folder.path("./a/./b")), named(elsewhere.path("link/a/b"))]);
}

/// Sixteen requests, spread over some caches.
fn overlap(caches: &[DynamicCache]) {
    let database = even_users(2000);
    thread::scope(|scope| {
        for number in 0..THREADS {
            let cache = &caches[usize::try_from(number).unwrap() % caches.len()];
            let database = &database;
            scope.spawn(move || {
                let fetcher = |ids: &[i64], _: &str| {
                    until(|| begun(caches) == 16);
                    ask(database, ids)
                };
                let users = cache.table("public.users").unwrap();
                let found = users.select(["name"]).unwrap().frame_found(&range(number), &fetcher).unwrap();
                assert_even(&found.rows, number);
                assert_eq!(found.rows.height() + found.missing.len(), 301);
            });
        }
    });
    assert_each_once(&database);
}

#[test]
fn threads_and_tasks_share_what_is_in_flight() {
    let folder = Folder::new();
    let (cache, database) = (cache(&folder, 30), Arc::new(even_users(2000)));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    thread::scope(|scope| {
        for number in 0..THREADS {
            let (cache, database, runtime) = (cache.clone(), Arc::clone(&database), runtime.handle());
            scope.spawn(move || {
                let found = if number % 2 == 0 {
                    ask_in_a_thread(&cache, &database, number)
                } else {
                    let task = async move { ask_in_a_task(&cache, &database, number).await };
                    runtime.block_on(runtime.spawn(task)).unwrap()
                };
                assert_even(&found, number);
            });
        }
    });
    assert_each_once(&database);
}

fn ask_in_a_thread(cache: &DynamicCache, database: &Database, number: i64) -> DataFrame {
    let users = cache.table("public.users").unwrap();
    let fetcher = |ids: &[i64], _: &str| {
        until(|| cache.stats().requests == 16);
        ask(database, ids)
    };
    users.select(["name"]).unwrap().frame_found(&range(number), &fetcher).unwrap().rows
}

async fn ask_in_a_task(cache: &DynamicCache, database: &Database, number: i64) -> DataFrame {
    let users = cache.table("public.users").unwrap();
    let fetcher = async |ids: Vec<i64>, _: String| {
        while cache.stats().requests < 16 {
            tokio::task::yield_now().await;
        }
        ask(database, &ids)
    };
    users.select(["name"]).unwrap().frame_found_async(&range(number), &fetcher).await.unwrap().rows
}

fn row(id: i64) -> Vec<Row> {
    vec![dbcache_tests::row(json!({ "id": id, "name": "Ada" }))]
}

/// Makes a request whose fetch waits until a second request has begun, then the second request.
fn first_and_second<R: Send>(
    cache: &DynamicCache,
    first: impl Fn() -> Result<Vec<Row>, std::io::Error> + Sync,
    second: impl FnOnce(dbcache::Table) -> R,
) -> (Result<DataFrame, Error>, R) {
    let fetching = Gate::default();
    thread::scope(|scope| {
        let owner = scope.spawn(|| {
            let fetcher = |_: &[i64], _: &str| {
                fetching.pass();
                until(|| cache.stats().requests == 2);
                first()
            };
            cache.table("public.users").unwrap().select(["name"]).unwrap().frame(&[1], &fetcher)
        });
        fetching.wait_for(1);
        let second = second(cache.table("public.users").unwrap());
        (owner.join().unwrap(), second)
    })
}

#[test]
fn who_waits_shares_what_the_other_one_fetched() {
    let folder = Folder::new();
    let cache = cache(&folder, 10);
    let nobody = |_: &[i64], _: &str| -> Result<Vec<Row>, std::io::Error> { panic!("fetched twice") };
    let (first, second) =
        first_and_second(&cache, || Ok(row(1)), |users| users.select(["name"]).unwrap().frame(&[1], &nobody));
    assert_eq!(first.unwrap(), second.unwrap());
    assert_eq!(cache.stats().shared, 1);
}

#[test]
fn a_failed_request_hands_over_to_one_that_waits() {
    let folder = Folder::new();
    let cache = cache(&folder, 10);
    let sound = |_: &[i64], _: &str| -> Result<Vec<Row>, std::io::Error> { Ok(row(1)) };
    let (first, second) = first_and_second(
        &cache,
        || Err(std::io::Error::other("the connection broke")),
        |users| users.select(["name"]).unwrap().frame(&[1], &sound),
    );
    assert!(matches!(first, Err(Error::FetchFailed { .. })), "{first:?}");
    assert_eq!(second.unwrap().height(), 1);
}

#[test]
fn a_refresh_does_not_take_over_what_was_asked_before_it() {
    let folder = Folder::new();
    let cache = cache(&folder, 10);
    let newer = |_: &[i64], _: &str| df!("id" => [1_i64], "name" => ["Grace"]);
    let (first, second) =
        first_and_second(&cache, || Ok(row(1)), |users| users.select(["name"]).unwrap().refresh().frame(&[1], &newer));
    assert_eq!(first.unwrap().height(), 1);
    assert_eq!(second.unwrap(), df!("id" => [1_i64], "name" => ["Grace"]).unwrap());
}
