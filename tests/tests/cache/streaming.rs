//! Answers frame by frame, and filling the cache without an answer.

use dbcache::polars::prelude::*;
use dbcache::{BatchPolicy, DynamicCache, Error, Progress, Table};
use dbcache_tests::Database;
use futures_util::StreamExt;
use serde_json::json;

use crate::Folder;

fn users(folder: &Folder, concurrency: usize) -> Table {
    let builder = DynamicCache::builder().folder(folder.path("")).progress(Progress::Silent);
    let cache = builder.batches(BatchPolicy::Fixed(2)).concurrency(concurrency).open().unwrap();
    cache.table("public.users").unwrap()
}

fn squares(count: i64) -> Database {
    Database::with_rows((1..=count).map(|id| json!({ "id": id, "square": id * id })))
}

fn ids_of(frame: &DataFrame) -> Vec<i64> {
    frame.column("id").unwrap().i64().unwrap().into_no_null_iter().collect()
}

#[test]
fn frames_come_batch_by_batch_in_the_order_of_ids() {
    let (folder, database) = (Folder::new(), squares(5));
    let users = users(&folder, 1);
    let query = users.select(["square"]).unwrap();
    let frames: Vec<Vec<i64>> =
        query.frames(&[5, 3, 1, 2, 4, 1], &database).map(|frame| ids_of(&frame.unwrap())).collect();
    assert_eq!(frames, [vec![1, 2], vec![3, 4], vec![5]]);
    assert_eq!(query.frame(&[1, 2, 3, 4, 5], &database).unwrap().height(), 5);
    assert_eq!(database.batches().len(), 3);
}

#[test]
fn a_frame_is_fetched_when_it_is_asked_for_and_stored_before_it_is_given() {
    let (folder, database) = (Folder::new(), squares(6));
    let users = users(&folder, 1);
    let query = users.select(["square"]).unwrap();
    let mut frames = query.frames(&[1, 2, 3, 4, 5, 6], &database);
    assert!(database.batches().is_empty());
    assert_eq!(ids_of(&frames.next().unwrap().unwrap()), [1, 2]);
    assert_eq!(database.batches(), [[1, 2]]);
    assert_eq!(folder.users().select(["square"]).unwrap().look_up(&[1_i64, 2, 3]).unwrap().hits, [1, 2]);
    // Between frames no id is claimed, so that this request does not wait.
    assert_eq!(query.frame(&[3], &database).unwrap().height(), 1);
    assert_eq!(ids_of(&frames.next().unwrap().unwrap()), [3, 4]);
    assert_eq!(database.batches(), [vec![1, 2], vec![3], vec![4]]);
}

#[test]
fn cached_rows_are_in_their_places_among_fetched_ones() {
    let (folder, database) = (Folder::new(), squares(9));
    let users = users(&folder, 2);
    let query = users.select(["square"]).unwrap();
    query.frame(&[2, 3, 7], &database).unwrap();
    database.take_asked();
    let ids: Vec<i64> = (1..=9).collect();
    let frames: Vec<Vec<i64>> = query.frames(&ids, &database).map(|frame| ids_of(&frame.unwrap())).collect();
    assert_eq!(frames, [vec![1, 2, 3, 4], vec![5, 6, 7], vec![8, 9]]);
    let mut asked = database.take_asked();
    asked.sort_unstable();
    assert_eq!(asked, [1, 4, 5, 6, 8, 9]);
}

#[test]
fn an_error_stands_for_its_frame_and_the_next_ones_come() {
    let (folder, database) = (Folder::new(), squares(6).failing_on([4]));
    let users = users(&folder, 1);
    let query = users.select(["square"]).unwrap();
    let frames: Vec<Result<DataFrame, Error>> = query.frames(&[1, 2, 3, 4, 5, 6, 7], &database).collect();
    assert_eq!(frames.len(), 4);
    assert!(matches!(&frames[1], Err(Error::FetchFailed { .. })), "{:?}", frames[1]);
    assert_eq!(ids_of(frames[2].as_ref().unwrap()), [5, 6]);
    assert!(matches!(&frames[3], Err(Error::IdsNotFound { .. })), "{:?}", frames[3]);
}

#[test]
fn no_ids_give_no_frames() {
    let folder = Folder::new();
    assert_eq!(users(&folder, 1).select(["square"]).unwrap().frames::<i64, _>(&[], &squares(1)).count(), 0);
}

#[tokio::test]
async fn a_stream_gives_the_same_frames() {
    let folder = Folder::new();
    let users = users(&folder, 2);
    let query = users.select(["square"]).unwrap();
    let fetcher = async |ids: Vec<i64>, _: String| {
        if ids == [3, 4] {
            return Err(PolarsError::ComputeError("the connection broke".into()));
        }
        df!("id" => &ids, "square" => ids.iter().map(|id| id * id).collect::<Vec<_>>())
    };
    let ids = [7, 6, 5, 4, 3, 2, 1];
    let frames: Vec<_> = query.frames_async(&ids, &fetcher).collect().await;
    assert_eq!(frames.len(), 3);
    assert!(matches!(&frames[0], Err(Error::FetchFailed { stored: 2, .. })), "{:?}", frames[0]);
    assert_eq!((ids_of(frames[1].as_ref().unwrap()), ids_of(frames[2].as_ref().unwrap())), (vec![5, 6], vec![7]));
}

#[test]
fn warming_fetches_without_an_answer() {
    let (folder, database) = (Folder::new(), squares(5));
    let users = users(&folder, 1);
    let query = users.select(["square"]).unwrap();
    query.frame(&[1], &database).unwrap();
    let warmed = query.warm(&[1, 2, 3, 9], &database).unwrap();
    assert_eq!((warmed.rows, warmed.fetched, warmed.missing), (3, 2, vec![9]));
    assert_eq!(query.look_up(&[1, 2, 3]).unwrap().hits, [1, 2, 3]);
}

#[tokio::test]
async fn warming_works_asynchronously_too() {
    let folder = Folder::new();
    let users = users(&folder, 2);
    let query = users.select(["square"]).unwrap();
    let fetcher = async |ids: Vec<i64>, _: String| df!("id" => &ids, "square" => &ids);
    let warmed = query.warm_async(&[1, 2, 3], &fetcher).await.unwrap();
    assert_eq!((warmed.rows, warmed.fetched, warmed.missing), (3, 3, vec![]));
}
