//! Files that other programs wrote are caches; files of ours are plain Parquet.

use dbcache::Error;
use dbcache::polars::prelude::*;
use dbcache_tests::Database;
use serde_json::json;

use crate::Folder;

#[test]
fn a_file_of_another_program_is_used_without_a_fetch() {
    let folder = Folder::new();
    let foreign = df!("name" => ["Bob", "Ada"], "id" => [2_i32, 1], "age" => [None, Some(36_i64)]).unwrap();
    folder.write("public_users.parquet", foreign);
    let database = Database::with_rows([]);
    let answer = folder.users().select(["name", "age"]).unwrap().frame(&[1, 2], &database).unwrap();
    let expected = df!("id" => [1_i64, 2], "name" => ["Ada", "Bob"], "age" => [Some(36_i64), None]).unwrap();
    assert!(answer.equals_missing(&expected), "{answer}");
    assert!(database.take_asked().is_empty());
}

#[test]
fn a_file_of_another_program_takes_new_rows_and_keeps_the_old() {
    let folder = Folder::new();
    folder.write("public_users.parquet", df!("id" => [1_i64], "name" => ["Ada"]).unwrap());
    let database = Database::with_rows([json!({ "id": 2, "name": "Bob", "age": 30 })]);
    folder.users().select(["name"]).unwrap().frame(&[1, 2], &database).unwrap();
    assert_eq!(database.take_asked(), [2]);
    assert_eq!(folder.users().select(["age"]).unwrap().look_up(&[1, 2]).unwrap().incomplete, [1]);
}

#[test]
fn a_file_that_another_program_replaces_is_taken_in() {
    let folder = Folder::new();
    let table = folder.users();
    let names = table.select(["name"]).unwrap();
    names.frame(&[1], &Database::with_rows([json!({ "id": 1, "name": "Ada" })])).unwrap();
    folder.write("public_users.parquet", df!("id" => [1_i64, 2], "name" => ["Ada L.", "Bob"]).unwrap());
    let found = names.frame_cached(&[1, 2]).unwrap();
    assert_eq!(found.rows.column("name").unwrap(), &Column::new("name".into(), ["Ada L.", "Bob"]));
}

#[test]
fn the_predecessors_file_of_an_odd_name_is_adopted() {
    let folder = Folder::new();
    folder.write("my_schema_Users.parquet", df!("id" => [1_i64], "name" => ["Ada"]).unwrap());
    let table = folder.cache().table("my_schema.Users").unwrap();
    let names = table.select(["name"]).unwrap();
    let database = Database::with_rows([json!({ "id": 2, "name": "Bob" })]);
    assert_eq!(names.frame(&[1, 2], &database).unwrap().height(), 2);
    assert_eq!(names.frame(&[1, 2], &database).unwrap().height(), 2);
    assert_eq!(database.take_asked(), [2]);
    assert_eq!(folder.read("my_schema_Users.parquet").height(), 1, "other people's files stay as they are");
}

#[test]
fn a_file_without_ids_is_refused_and_left_alone() {
    let folder = Folder::new();
    let foreign = df!("name" => ["Ada"]).unwrap();
    folder.write("public_users.parquet", foreign.clone());
    let database = Database::with_rows([json!({ "id": 1, "name": "Ada" })]);
    let error = folder.users().select(["name"]).unwrap().frame(&[1], &database).unwrap_err();
    assert!(matches!(&error, Error::ForeignTable { .. }), "{error:?}");
    assert_eq!(folder.read("public_users.parquet"), foreign);
}

#[test]
fn a_small_table_is_one_plain_parquet_file_sorted_by_id() {
    let folder = Folder::new();
    let database = Database::with_rows((1..=3).map(|id| json!({ "id": id, "name": format!("user {id}") })));
    for id in [3, 1, 2] {
        folder.users().select(["name"]).unwrap().frame(&[id], &database).unwrap();
    }
    let expected = df!("id" => [1_i64, 2, 3], "name" => ["user 1", "user 2", "user 3"]).unwrap();
    assert_eq!(folder.read("public_users.parquet"), expected);
}

#[test]
fn the_predecessors_rows_stay_replaced_when_our_file_is_deleted() {
    let folder = Folder::new();
    folder.write("my_schema_users.parquet", df!("id" => [1_i64, 2], "name" => ["old", "old"]).unwrap());
    let users = || folder.cache().table("my_schema.users").unwrap();
    let database = Database::with_rows([1, 2].map(|id| json!({ "id": id, "name": "new" })));
    let open = users();
    open.select(["name"]).unwrap().refresh().frame(&[1, 2], &database).unwrap();
    let own = folder.files().into_iter().find(|file| file.starts_with("my_schema_users-") && file.ends_with("parquet"));
    std::fs::remove_file(folder.path(&own.expect("our own file"))).unwrap();
    for table in [open, users()] {
        assert_eq!(table.select(["name"]).unwrap().look_up(&[1, 2]).unwrap().missing, [1, 2]);
    }
    let again = users().select(["name"]).unwrap().frame(&[1], &database).unwrap();
    assert_eq!(again.column("name").unwrap(), &Column::new("name".into(), ["new"]));
    assert_eq!(users().select(["name"]).unwrap().look_up(&[1, 2]).unwrap().missing, [2]);
}

#[test]
fn the_predecessors_file_counts_again_when_everything_of_ours_is_deleted() {
    let folder = Folder::new();
    folder.write("my_schema_users.parquet", df!("id" => [1_i64], "name" => ["old"]).unwrap());
    let database = Database::with_rows([json!({ "id": 1, "name": "new" })]);
    let users = || folder.cache().table("my_schema.users").unwrap();
    users().select(["name"]).unwrap().refresh().frame(&[1], &database).unwrap();
    for file in folder.files().iter().filter(|file| *file != "my_schema_users.parquet") {
        std::fs::remove_file(folder.path(file)).unwrap();
    }
    let found = users().select(["name"]).unwrap().frame_cached(&[1]).unwrap();
    assert_eq!(found.rows.column("name").unwrap(), &Column::new("name".into(), ["old"]));
}

#[test]
fn the_predecessors_file_stays_the_base_where_it_cannot_be_written_anew() {
    let folder = Folder::new();
    // It has a column of maps.
    let foreign = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign/duck_map.parquet");
    std::fs::copy(foreign, folder.path("my_schema_users.parquet")).unwrap();
    let database = Database::with_rows((3..6).map(|id| json!({ "id": id, "name": "new" })));
    let users = || folder.cache().table("my_schema.users").unwrap();
    for id in 4..6 {
        users().select(["name"]).unwrap().frame(&[1, id], &database).unwrap();
    }
    users().select(["name"]).unwrap().refresh().frame(&[3], &database).unwrap();
    assert_eq!(database.take_asked(), [4, 5, 3]);
    users().compact().unwrap();
    let found = users().select(["name"]).unwrap().frame_cached(&[1, 2, 3, 4, 5]).unwrap();
    assert_eq!(found.rows.column("name").unwrap(), &Column::new("name".into(), ["x", "y", "new", "new", "new"]));
}
