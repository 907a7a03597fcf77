//! What was fetched once is answered from the cache ever after.

use dbcache::error::BoxError;
use dbcache::polars::prelude::*;
use dbcache::{DynamicCache, Error, key::RowId};
use dbcache_tests::Database;
use serde_json::json;

use crate::Folder;

fn users() -> Database {
    Database::with_rows((1..=9).map(|id| json!({ "id": id, "name": format!("user {id}"), "age": null })))
}

#[test]
fn an_answer_is_sorted_and_has_one_row_an_id() {
    let folder = Folder::new();
    let answer = folder.users().select(["name"]).unwrap().frame(&[3, 1, 3, 2], &users()).unwrap();
    assert_eq!(answer, df!("id" => [1_i64, 2, 3], "name" => ["user 1", "user 2", "user 3"]).unwrap());
}

#[test]
fn the_columns_stand_in_the_order_asked() {
    let folder = Folder::new();
    let answer = folder.users().select(["name", "age"]).unwrap().frame(&[1], &users()).unwrap();
    assert_eq!(answer.get_column_names(), ["id", "name", "age"]);
    let answer = folder.users().select(["age", "id", "name", "age"]).unwrap().frame(&[1], &users()).unwrap();
    assert_eq!(answer.get_column_names(), ["id", "age", "name"]);
}

#[test]
fn a_second_request_fetches_nothing_even_in_a_new_process() {
    let folder = Folder::new();
    let database = users();
    let first = folder.users().select(["name"]).unwrap().frame(&[1, 2], &database).unwrap();
    database.take_asked();
    let second = folder.users().select(["name"]).unwrap().frame(&[2, 1], &database).unwrap();
    assert_eq!(first, second);
    assert!(database.take_asked().is_empty());
}

#[test]
fn a_partial_hit_fetches_only_what_is_missing() {
    let folder = Folder::new();
    let (database, table) = (users(), folder.users());
    let names = table.select(["name"]).unwrap();
    names.frame(&[2, 4], &database).unwrap();
    database.take_asked();
    assert_eq!(names.frame(&[1, 2, 3, 4, 5], &database).unwrap().height(), 5);
    assert_eq!(database.take_asked(), [1, 3, 5]);
}

#[test]
fn no_ids_give_an_empty_answer_with_the_types_that_are_known() {
    let folder = Folder::new();
    let (database, table) = (users(), folder.users());
    let names = table.select(["name"]).unwrap();
    names.frame(&[1], &database).unwrap();
    database.take_asked();
    let empty = names.frame::<i64, _>(&[], &database).unwrap();
    assert_eq!(empty.shape(), (0, 2));
    assert_eq!(empty.column("name").unwrap().dtype(), &DataType::String);
    assert_eq!(database.batches(), Vec::<Vec<i64>>::new());
}

#[test]
fn ids_that_do_not_exist_are_listed_after_the_others_were_stored() {
    let folder = Folder::new();
    let (database, table) = (users(), folder.users());
    let names = table.select(["name"]).unwrap();
    match names.frame(&[1, 77, 99], &database) {
        Err(Error::IdsNotFound { table, ids }) => {
            assert_eq!(table, "public.users");
            assert_eq!(ids, [RowId::Int(77), RowId::Int(99)]);
        }
        other => panic!("{other:?}"),
    }
    database.take_asked();
    assert_eq!(names.frame(&[1], &database).unwrap().height(), 1);
    assert!(database.take_asked().is_empty());
}

#[test]
fn a_request_can_take_missing_rows_as_they_are() {
    let folder = Folder::new();
    let found = folder.users().select(["name"]).unwrap().frame_found(&[1, 77], &users()).unwrap();
    assert_eq!((found.rows.height(), found.missing), (1, vec![77]));
}

#[test]
fn a_request_can_do_without_fetching() {
    let folder = Folder::new();
    let (database, table) = (users(), folder.users());
    let names = table.select(["name"]).unwrap();
    names.frame(&[1], &database).unwrap();
    let found = names.frame_cached(&[1, 2]).unwrap();
    assert_eq!((found.rows.height(), found.missing), (1, vec![2]));
    let standing = table.select(["name", "email"]).unwrap().look_up(&[1, 2]).unwrap();
    assert_eq!((standing.hits, standing.incomplete, standing.missing), (vec![], vec![1], vec![2]));
}

#[test]
fn text_ids_are_keys_too_and_sort_as_text() {
    let folder = Folder::new();
    let fetcher = |ids: &[String], _: &str| -> Result<DataFrame, std::io::Error> {
        Ok(df!("id" => ids, "size" => ids.iter().map(|id| id.len() as i64).collect::<Vec<_>>()).unwrap())
    };
    let ids = ["b", "a", "ab"].map(str::to_owned);
    let answer = folder.users().select(["size"]).unwrap().frame(&ids, &fetcher).unwrap();
    assert_eq!(answer, df!("id" => ["a", "ab", "b"], "size" => [1_i64, 2, 1]).unwrap());
}

#[test]
fn ids_lie_anywhere_in_the_64_bit_range() {
    let folder = Folder::new();
    let fetcher = |ids: &[u64], _: &str| -> Result<DataFrame, std::io::Error> {
        Ok(df!("id" => ids, "odd" => ids.iter().map(|id| id % 2 == 1).collect::<Vec<_>>()).unwrap())
    };
    let table = folder.users();
    let odd = table.select(["odd"]).unwrap();
    odd.frame(&[5_u64], &fetcher).unwrap();
    let answer = odd.frame(&[u64::MAX, 5, 0], &fetcher).unwrap();
    assert_eq!(answer, df!("id" => [0, 5, u64::MAX], "odd" => [false, true, true]).unwrap());
    assert!(odd.frame_cached(&[5_u64, u64::MAX]).unwrap().missing.is_empty());
}

/// Some of each kind of column: texts that are compressed in a file and texts that are not, numbers, and nulls.
fn people(ids: &[i64]) -> DataFrame {
    let text = |id: i64, times: i64| format!("{id} é ").repeat(usize::try_from(id % times).unwrap());
    df![
        "id" => ids,
        "name" => ids.iter().map(|id| text(*id, 3)).collect::<Vec<String>>(),
        "notes" => ids.iter().map(|id| text(*id, 10)).collect::<Vec<String>>(),
        "nick" => ids.iter().map(|id| (id % 3 > 0).then(|| text(*id, 4))).collect::<Vec<Option<String>>>(),
        "size" => ids.iter().map(|id| id * 7).collect::<Vec<i64>>(),
        "weight" => ids.iter().map(|id| (id % 5 > 0).then_some(*id as f64 / 4.0)).collect::<Vec<Option<f64>>>(),
    ]
    .unwrap()
}

#[test]
fn rows_of_a_large_table_are_as_they_were_fetched_from_memory_and_from_single_pages() {
    let folder = Folder::new();
    let open = |budget| DynamicCache::builder().folder(folder.0.path()).memory(budget).open().unwrap();
    let fetcher = |ids: &[i64], _: &str| Ok::<_, BoxError>(people(ids));
    let ids = |step| (0..270_000).step_by(step).collect::<Vec<i64>>();
    let columns = ["name", "notes", "nick", "size", "weight"];
    open(0).table("public.users").unwrap().select(columns).unwrap().warm(&ids(1), &fetcher).unwrap();
    let (cold, warm) = (open(0), open(256 << 20));
    for (cache, step) in [(&cold, 4999), (&warm, 29), (&warm, 29), (&warm, 4999)] {
        let users = cache.table("public.users").unwrap().select(columns).unwrap();
        let found = users.frame_cached(&ids(step)).unwrap().rows;
        assert!(found.equals_missing(&people(&ids(step))), "{found}");
    }
    assert_eq!(cold.stats().memory_bytes, 0);
    assert!(warm.stats().memory_bytes > 10_000_000);
}
