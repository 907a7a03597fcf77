//! Several batches in flight.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use dbcache::polars::prelude::*;
use dbcache::{BatchPolicy, DynamicCache, Progress, Table};
use dbcache_tests::gate::{Gate, until};

use crate::Folder;

/// The users of a cache that asks one id a batch, so many batches at a time.
fn users(folder: &Folder, concurrency: usize) -> Table {
    let builder = DynamicCache::builder().folder(folder.path("")).progress(Progress::Silent);
    let cache = builder.batches(BatchPolicy::Fixed(1)).concurrency(concurrency).open().unwrap();
    cache.table("public.users").unwrap()
}

fn rows(ids: &[i64]) -> PolarsResult<DataFrame> {
    df!("id" => ids, "square" => ids.iter().map(|id| id * id).collect::<Vec<_>>())
}

#[test]
fn as_many_batches_are_in_flight_as_asked() {
    let together = Gate::default();
    let fetcher = |ids: &[i64], _: &str| {
        together.pass();
        together.wait_for(4);
        rows(ids)
    };
    let answer = users(&Folder::new(), 4).select(["square"]).unwrap().frame(&[1, 2, 3, 4], &fetcher).unwrap();
    assert_eq!(answer, rows(&[1, 2, 3, 4]).unwrap());
}

#[test]
fn no_more_batches_are_in_flight_than_asked() {
    let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let fetcher = |ids: &[i64], _: &str| {
        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let rows = rows(ids);
        now.fetch_sub(1, Ordering::SeqCst);
        rows
    };
    let ids: Vec<i64> = (1..=60).collect();
    users(&Folder::new(), 3).select(["square"]).unwrap().frame(&ids, &fetcher).unwrap();
    assert!((1..=3).contains(&most.into_inner()));
}

#[test]
fn a_query_has_its_own_limit() {
    let together = Gate::default();
    let fetcher = |ids: &[i64], _: &str| {
        together.pass();
        together.wait_for(2);
        rows(ids)
    };
    let users = users(&Folder::new(), 1);
    let query = users.select(["square"]).unwrap().concurrency(2);
    assert_eq!(query.frame(&[1, 2], &fetcher).unwrap().height(), 2);
}

#[test]
fn the_order_in_which_batches_come_does_not_show() {
    let came = Gate::default();
    // The last batch comes first.
    let fetcher = |ids: &[i64], _: &str| {
        came.wait_for(5 - usize::try_from(ids[0]).unwrap());
        came.pass();
        rows(ids)
    };
    let answer = users(&Folder::new(), 5).select(["square"]).unwrap().frame(&[1, 2, 3, 4, 5], &fetcher).unwrap();
    assert_eq!(answer, rows(&[1, 2, 3, 4, 5]).unwrap());
}

#[test]
fn what_came_is_committed_while_the_next_batch_is_fetched() {
    let folder = Folder::new();
    let fetcher = |ids: &[i64], _: &str| {
        if ids == [2] {
            until(|| folder.users().select(["square"]).unwrap().look_up(&[1_i64]).unwrap().hits == [1]);
        }
        rows(ids)
    };
    let answer = users(&folder, 1).select(["square"]).unwrap().frame(&[1, 2], &fetcher).unwrap();
    assert_eq!(answer.height(), 2);
}

#[test]
fn a_panic_of_the_fetcher_is_passed_on_and_what_came_before_is_stored() {
    let folder = Folder::new();
    let came = Gate::default();
    let fetcher = |ids: &[i64], _: &str| {
        if ids == [3] {
            came.wait_for(2);
            panic!("the fetcher is broken");
        }
        came.pass();
        rows(ids)
    };
    let users = users(&folder, 3);
    let query = users.select(["square"]).unwrap();
    let panic = catch_unwind(AssertUnwindSafe(|| query.frame(&[1, 2, 3], &fetcher))).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"the fetcher is broken"));
    let sound = |ids: &[i64], _: &str| rows(ids);
    assert_eq!(query.frame(&[1, 2, 3], &sound).unwrap(), rows(&[1, 2, 3]).unwrap());
}
