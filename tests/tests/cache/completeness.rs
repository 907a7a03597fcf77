//! Never fetched differs from NULL, for every row and column.

use dbcache::polars::prelude::*;
use dbcache_tests::{Always, Database};
use serde_json::json;

use crate::Folder;

#[test]
fn a_null_of_the_database_is_a_hit() {
    let folder = Folder::new();
    let database = Database::with_rows([json!({ "id": 1, "age": null }), json!({ "id": 2, "age": 30 })]);
    let table = folder.users();
    table.select(["age"]).unwrap().frame(&[1, 2], &database).unwrap();
    database.take_asked();
    let answer = folder.users().select(["age"]).unwrap().frame(&[1, 2], &database).unwrap();
    assert_eq!(answer.column("age").unwrap(), &Column::new("age".into(), [None, Some(30_i64)]));
    assert!(database.take_asked().is_empty());
}

#[test]
fn a_column_that_is_null_everywhere_is_a_hit() {
    let folder = Folder::new();
    let database = Database::with_rows([json!({ "id": 1, "age": null })]);
    folder.users().select(["age"]).unwrap().frame(&[1], &database).unwrap();
    database.take_asked();
    let answer = folder.users().select(["age"]).unwrap().frame(&[1], &database).unwrap();
    assert_eq!(answer.column("age").unwrap().null_count(), 1);
    assert!(database.take_asked().is_empty());
}

#[test]
fn a_row_stored_before_a_column_existed_is_incomplete_for_it() {
    let folder = Folder::new();
    folder
        .users()
        .select(["name"])
        .unwrap()
        .frame(&[1, 2], &Always::rows([json!({ "id": 1, "name": "Ada" }), json!({ "id": 2, "name": "Bob" })]))
        .unwrap();
    let newer = Database::with_rows([
        json!({ "id": 2, "name": "Bob", "email": null }),
        json!({ "id": 3, "name": "Cem", "email": "c@x" }),
    ]);
    let answer = folder.users().select(["name", "email"]).unwrap().frame(&[2, 3], &newer).unwrap();
    assert_eq!(answer.column("email").unwrap(), &Column::new("email".into(), [None, Some("c@x")]));
    assert_eq!(newer.take_asked(), [2, 3]);

    let standing = folder.users().select(["email"]).unwrap().look_up(&[1, 2, 3]).unwrap();
    assert_eq!((standing.hits, standing.incomplete), (vec![2, 3], vec![1]));
}

#[test]
fn columns_that_a_fetch_does_not_bring_are_carried_over() {
    let folder = Folder::new();
    let narrow = Database::with_rows([json!({ "id": 1, "name": "Ada" })]);
    let other = Database::with_rows([json!({ "id": 1, "age": 36 })]);
    for _ in 0..3 {
        folder.users().select(["name"]).unwrap().frame(&[1], &narrow).unwrap();
        folder.users().select(["age"]).unwrap().frame(&[1], &other).unwrap();
    }
    assert_eq!((narrow.take_asked(), other.take_asked()), (vec![1], vec![1]));
    let answer = folder.users().select(["name", "age"]).unwrap().frame_cached(&[1]).unwrap();
    assert_eq!(answer.rows, df!("id" => [1_i64], "name" => ["Ada"], "age" => [36_i64]).unwrap());
}

#[test]
fn a_refresh_replaces_the_row_and_carries_nothing_over() {
    let folder = Folder::new();
    let old = Database::with_rows([json!({ "id": 1, "name": "Ada", "age": 36 })]);
    let new = Database::with_rows([json!({ "id": 1, "name": "Ada Lovelace" })]);
    folder.users().select(["name", "age"]).unwrap().frame(&[1], &old).unwrap();
    let answer = folder.users().select(["name"]).unwrap().refresh().frame(&[1], &new).unwrap();
    assert_eq!(answer, df!("id" => [1_i64], "name" => ["Ada Lovelace"]).unwrap());
    assert_eq!(folder.users().select(["age"]).unwrap().look_up(&[1]).unwrap().incomplete, [1]);
}

#[test]
fn tables_are_independent() {
    let folder = Folder::new();
    let database = Database::with_rows([json!({ "id": 1, "name": "Ada" })]);
    folder.users().select(["name"]).unwrap().frame(&[1], &database).unwrap();
    let orders = folder.cache().table("public.orders").unwrap();
    assert_eq!(orders.select(["name"]).unwrap().look_up(&[1]).unwrap().missing, [1]);
}
