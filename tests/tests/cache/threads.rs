//! One cache in many threads.

use std::thread;

use dbcache::DynamicCache;
use dbcache::polars::prelude::*;
use dbcache_tests::Database;
use serde_json::json;

use crate::Folder;

const THREADS: i64 = 16;
/// How many ids a thread asks at once.
const WIDTH: i64 = 120;
/// How far the ranges of neighbouring threads lie apart, so that each overlaps several others.
const STEP: i64 = 30;

fn name(id: i64) -> String {
    format!("user {id}")
}

/// The ids that a thread asks in a round; in each round the threads change places.
fn range(thread: i64, round: i64) -> Vec<i64> {
    let start = (thread * 7 + round) % THREADS * STEP;
    (start..start + WIDTH).collect()
}

fn ask(cache: &DynamicCache, database: &Database, ids: &[i64]) {
    let table = cache.table("public.users").unwrap();
    let answer = table.select(["name", "doc.n"]).unwrap().frame(ids, database).unwrap();
    let names: Vec<String> = ids.iter().map(|id| name(*id)).collect();
    assert_eq!(answer, df!("id" => ids, "name" => names, "doc.n" => ids).unwrap());
}

#[test]
fn sixteen_threads_ask_overlapping_ids_and_all_get_their_rows() {
    let folder = Folder::new();
    let last = (THREADS - 1) * STEP + WIDTH;
    let rows = (0..last).map(|id| json!({ "id": id, "name": name(id), "doc": { "n": id } }));
    let (cache, database) = (folder.cache(), Database::with_rows(rows));
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (cache, database) = (&cache, &database);
            scope.spawn(move || (0..4).for_each(|round| ask(cache, database, &range(thread, round))));
        }
    });
    let all: Vec<i64> = (0..last).collect();
    database.take_asked();
    ask(&folder.cache(), &database, &all);
    assert!(database.take_asked().is_empty(), "every row was stored");
}

#[test]
fn threads_of_one_cache_ask_different_tables() {
    let folder = Folder::new();
    let (cache, database) = (folder.cache(), Database::with_rows((1..=50).map(|id| json!({ "id": id, "n": id }))));
    let ids: Vec<i64> = (1..=50).collect();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (cache, database, ids) = (&cache, &database, &ids);
            scope.spawn(move || {
                let table = cache.table(&format!("public.table{thread}")).unwrap();
                let answer = table.select(["n"]).unwrap().frame(ids, database).unwrap();
                assert_eq!(answer, df!("id" => ids, "n" => ids).unwrap());
            });
        }
    });
    assert_eq!(folder.files().iter().filter(|file| file.ends_with(".parquet")).count(), 16);
}
