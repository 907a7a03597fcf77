//! What a table says of its cached columns.

use dbcache::polars::prelude::*;
use dbcache_tests::Database;
use serde_json::json;

use crate::Folder;

/// Name, type, rows, and whether it holds documents.
type Listed = (String, DataType, usize, bool);

fn listed(folder: &Folder) -> Vec<Listed> {
    let columns = folder.users().columns().unwrap();
    columns.into_iter().map(|column| (column.name, column.data_type, column.rows, column.is_document)).collect()
}

fn column(name: &str, data_type: DataType, rows: usize) -> Listed {
    (name.to_owned(), data_type, rows, false)
}

#[test]
fn a_table_without_rows_has_no_columns() {
    assert_eq!(listed(&Folder::new()), []);
}

#[test]
fn columns_are_counted_by_the_rows_that_have_them() {
    let folder = Folder::new();
    let first = Database::with_rows([json!({ "id": 1, "name": "Ada" }), json!({ "id": 2, "name": null })]);
    folder.users().select(["name"]).unwrap().frame(&[1, 2], &first).unwrap();
    let second = Database::with_rows([json!({ "id": 2, "age": 3, "doc": { "a": 1 } })]);
    folder.users().select(["age"]).unwrap().frame(&[2], &second).unwrap();
    let expected = [
        column("id", DataType::Int64, 2),
        column("name", DataType::String, 2),
        column("age", DataType::Int64, 1),
        ("doc".to_owned(), DataType::String, 1, true),
    ];
    assert_eq!(listed(&folder), expected);
}

#[test]
fn a_refresh_with_fewer_columns_leaves_fewer() {
    let folder = Folder::new();
    let database = Database::with_rows([json!({ "id": 1, "name": "Ada", "age": 3 })]);
    folder.users().select(["name"]).unwrap().frame(&[1], &database).unwrap();
    let narrower = Database::with_rows([json!({ "id": 1, "name": "Ada" })]);
    folder.users().select(["name"]).unwrap().refresh().frame(&[1], &narrower).unwrap();
    assert_eq!(listed(&folder), [column("id", DataType::Int64, 1), column("name", DataType::String, 1)]);
}

#[test]
fn files_of_other_programs_are_listed() {
    let folder = Folder::new();
    folder.write("public_users.parquet", df!("key" => ["a"], "id" => ["x"], "age" => [1.5]).unwrap());
    let expected =
        [column("id", DataType::String, 1), column("key", DataType::String, 1), column("age", DataType::Float64, 1)];
    assert_eq!(listed(&folder), expected);
}
