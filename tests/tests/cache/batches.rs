//! How missing ids are asked, and what a failing batch leaves behind.

use std::sync::{Arc, Mutex};

use dbcache::progress::ProgressEvent;
use dbcache::{BatchPolicy, DynamicCache, Error, Progress};
use dbcache_tests::Database;
use serde_json::json;

use crate::Folder;

fn users(count: i64) -> Database {
    Database::with_rows((1..=count).map(|id| json!({ "id": id, "name": "x" })))
}

#[test]
fn missing_ids_are_asked_in_batches_in_order() {
    let folder = Folder::new();
    let database = users(250);
    let ids: Vec<i64> = (1..=250).rev().collect();
    folder.users().select(["name"]).unwrap().frame(&ids, &database).unwrap();
    let sizes: Vec<usize> = database.batches().iter().map(Vec::len).collect();
    assert_eq!(sizes, [100, 100, 50]);
    assert_eq!(database.take_asked(), (1..=250).collect::<Vec<i64>>());
}

#[test]
fn the_policy_can_be_changed() {
    let folder = Folder::new();
    let cache = DynamicCache::builder().folder(folder.path("")).batches(BatchPolicy::Fixed(2)).open().unwrap();
    let database = users(5);
    cache.table("a.b").unwrap().select(["name"]).unwrap().frame(&[1, 2, 3, 4, 5], &database).unwrap();
    assert_eq!(database.batches(), [vec![1, 2], vec![3, 4], vec![5]]);
}

#[test]
fn a_failing_batch_keeps_the_others_and_is_all_that_is_asked_again() {
    let folder = Folder::new();
    let ids: Vec<i64> = (1..=300).collect();
    let table = folder.users();
    let names = table.select(["name"]).unwrap();
    match names.frame(&ids, &users(300).failing_on([150])) {
        Err(error @ Error::FetchFailed { .. }) => {
            let message = error.to_string();
            assert!(message.contains("1 batch of public.users failed, 200 rows stored"), "{message}");
            let Error::FetchFailed { failures, stored, .. } = error else { unreachable!() };
            assert_eq!((failures.len(), failures[0].batch, failures[0].ids.len(), stored), (1, 2, 100, 200));
            let cause = std::error::Error::source(&failures[0].cause).unwrap().to_string();
            assert_eq!(cause, "the connection broke at 150");
        }
        other => panic!("{other:?}"),
    }
    let database = users(300);
    assert_eq!(folder.users().select(["name"]).unwrap().frame(&ids, &database).unwrap().height(), 300);
    assert_eq!(database.take_asked(), (101..=200).collect::<Vec<i64>>());
}

#[test]
fn a_fetch_tells_its_progress() {
    let folder = Folder::new();
    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = Arc::clone(&told);
    let progress = Progress::observer(move |event: &ProgressEvent<'_>| {
        listener.lock().unwrap().push(match *event {
            ProgressEvent::Started { table, batches, ids } => format!("{table}: {batches} batches, {ids} ids"),
            ProgressEvent::Fetched { batch, ids, rows } => format!("{batch}: {rows} of {ids}"),
            ProgressEvent::Failed { batch, ids } => format!("{batch}: failed {ids}"),
            ProgressEvent::Finished { rows, failed, .. } => format!("{rows} rows, {failed} failed"),
            _ => String::new(),
        });
    });
    let cache = DynamicCache::builder().folder(folder.path("")).progress(progress).open().unwrap();
    let table = cache.table("public.users").unwrap();
    let names = table.select(["name"]).unwrap();
    let ids: Vec<i64> = (1..=250).collect();
    names.frame(&ids, &users(250).failing_on([1])).unwrap_err();
    let expected =
        ["public.users: 3 batches, 250 ids", "1: failed 100", "2: 100 of 100", "3: 50 of 50", "150 rows, 1 failed"];
    assert_eq!(*told.lock().unwrap(), expected);
}
