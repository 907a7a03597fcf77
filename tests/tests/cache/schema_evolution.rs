//! Columns come and widen; any other change of type is refused and changes nothing.

use dbcache::error::BatchError;
use dbcache::polars::prelude::*;
use dbcache::{DynamicCache, Error};
use dbcache_tests::Database;
use serde_json::{Value, json};

use crate::Folder;

/// Stores one row after the other, each in a request of its own.
fn store(folder: &Folder, values: &[Value]) -> Vec<Result<DataFrame, Error>> {
    let store = |(id, value): (i64, &Value)| {
        let database = Database::with_rows([json!({ "id": id, "value": value })]);
        folder.users().select(["value"]).unwrap().frame(&[id], &database)
    };
    (1..).zip(values).map(store).collect()
}

fn stored(folder: &Folder) -> Column {
    folder.users().cached().unwrap().column("value").unwrap().clone()
}

#[test]
fn null_widens_to_anything_and_integers_to_floats() {
    let folder = Folder::new();
    for result in store(&folder, &[json!(null), json!(1), json!(2.5), json!(3)]) {
        result.unwrap();
    }
    assert_eq!(stored(&folder), Column::new("value".into(), [None, Some(1.0), Some(2.5), Some(3.0)]));
}

#[test]
fn smaller_integers_widen_to_larger_ones() {
    let folder = Folder::new();
    folder.write("public_users.parquet", df!("id" => [1_i32], "value" => [7_i32]).unwrap());
    let database = Database::with_rows([json!({ "id": 2, "value": i64::MAX })]);
    folder.users().select(["value"]).unwrap().frame(&[1, 2], &database).unwrap();
    assert_eq!(stored(&folder), Column::new("value".into(), [7, i64::MAX]));
    assert_eq!(database.take_asked(), [2]);
}

#[test]
fn another_change_of_type_names_table_column_and_both_types_and_changes_nothing() {
    let folder = Folder::new();
    let results = store(&folder, &[json!(1), json!("two")]);
    match &results[1] {
        Err(Error::FetchFailed { failures, stored: 0, .. }) => match &failures[0].cause {
            BatchError::Store(cause) => {
                let message = cause.to_string();
                for part in ["public.users", "value", "i64", "str"] {
                    assert!(message.contains(part), "{message}");
                }
            }
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
    assert_eq!(stored(&folder), Column::new("value".into(), [1_i64]));
}

#[test]
fn an_integer_that_no_float_holds_is_not_widened() {
    let folder = Folder::new();
    let exact = (1_i64 << 53) + 1;
    let results = store(&folder, &[json!(exact), json!(0.5)]);
    assert!(matches!(results[1], Err(Error::FetchFailed { .. })), "{results:?}");
    assert_eq!(stored(&folder), Column::new("value".into(), [exact]));
}

#[test]
fn an_integer_that_no_float_holds_is_not_widened_within_a_batch_either() {
    let exact = (1_i64 << 53) + 1;
    let rows = [json!({ "id": 1, "value": exact }), json!({ "id": 2, "value": 0.5 })];
    match Folder::new().users().select(["value"]).unwrap().frame(&[1, 2], &Database::with_rows(rows)) {
        Err(Error::FetchFailed { failures, .. }) => {
            let message = failures[0].cause.to_string();
            assert!(message.contains("9007199254740993, which no float holds"), "{message}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_batch_whose_types_do_not_fit_does_not_stop_the_others() {
    let folder = Folder::new();
    let rows = (1..=300)
        .map(|id| if id == 150 { json!({ "id": id, "value": "x" }) } else { json!({ "id": id, "value": id }) });
    let rows: Vec<Value> = rows.collect();
    let table = folder.users();
    let values = table.select(["value"]).unwrap();
    let ids: Vec<i64> = (1..=300).collect();
    match values.frame(&ids, &Database::with_rows(rows)) {
        Err(Error::FetchFailed { failures, stored: 200, .. }) => assert_eq!(failures[0].batch, 2),
        other => panic!("{other:?}"),
    }
    assert_eq!(values.look_up(&ids).unwrap().missing, (101..=200).collect::<Vec<i64>>());
}

#[test]
fn a_cache_that_was_opened_before_sees_what_another_one_stores() {
    let folder = Folder::new();
    let (one, other): (DynamicCache, DynamicCache) = (folder.cache(), folder.cache());
    let database = Database::with_rows([json!({ "id": 1, "name": "Ada" }), json!({ "id": 2, "name": "Bob" })]);
    let names = |cache: &DynamicCache, id: i64| {
        cache.table("public.users").unwrap().select(["name"]).unwrap().frame(&[id], &database).unwrap();
    };
    names(&one, 1);
    names(&other, 1);
    names(&other, 2);
    names(&one, 2);
    assert_eq!(database.take_asked(), [1, 2]);
}
