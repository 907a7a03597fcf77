//! Objects and arrays in the cells of JSON rows: kept as documents, answered structured, whatever came together.

use dbcache::error::BatchError;
use dbcache::polars::prelude::*;
use dbcache::{BatchPolicy, DynamicCache, Error, Progress};
use dbcache_tests::{Always, Database};
use serde_json::{Value, json};

use crate::Folder;

fn ask(folder: &Folder, column: &str, ids: &[i64], database: &Database) -> Column {
    let answer = folder.users().select([column]).unwrap().frame(ids, database).unwrap();
    answer.column(column).unwrap().clone()
}

fn cached(folder: &Folder, column: &str, ids: &[i64]) -> Column {
    ask(folder, column, ids, &Database::with_rows([]))
}

/// A database of rows 1, 2, … with these values.
fn values(values: &[Value]) -> Database {
    Database::with_rows((1..).zip(values).map(|(id, value): (i64, _)| json!({ "id": id, "doc": value })))
}

fn struct_of(fields: &[(&str, DataType)]) -> DataType {
    let field = |(name, data_type): &(&str, DataType)| Field::new((*name).into(), data_type.clone());
    DataType::Struct(fields.iter().map(field).collect())
}

#[test]
fn objects_come_back_as_structs_from_fetch_and_cache_alike() {
    let folder = Folder::new();
    let database = values(&[json!({ "city": "Paris", "zip": 75001 }), json!({ "city": "Rome" }), json!(null)]);
    let fetched = ask(&folder, "doc", &[1, 2, 3], &database);
    assert_eq!(fetched.dtype(), &struct_of(&[("city", DataType::String), ("zip", DataType::Int64)]));
    assert_eq!(fetched.null_count(), 1);
    assert_eq!(cached(&folder, "doc", &[1, 2, 3]), fetched);
    assert_eq!(folder.users().cached().unwrap().column("doc").unwrap(), &fetched);
    assert_eq!(cached(&folder, "doc.city", &[2, 1]).str().unwrap().get(0), Some("Paris"));
}

#[test]
fn arrays_come_back_as_lists() {
    let folder = Folder::new();
    let fetched = ask(&folder, "doc", &[1, 2], &values(&[json!([1, 2]), json!([2.5])]));
    assert_eq!(fetched.dtype(), &DataType::List(Box::new(DataType::Float64)));
}

#[test]
fn documents_that_disagree_come_back_as_json_text() {
    let folder = Folder::new();
    let database = values(&[json!({ "a": 1 }), json!([1]), json!({ "a": "x" })]);
    let fetched = ask(&folder, "doc", &[1, 2, 3], &database);
    assert_eq!(fetched, Column::new("doc".into(), [r#"{"a":1}"#, "[1]", r#"{"a":"x"}"#]));
    assert_eq!(cached(&folder, "doc", &[1]).dtype(), &struct_of(&[("a", DataType::Int64)]));
}

#[test]
fn a_file_holds_documents_as_plain_json_text() {
    let folder = Folder::new();
    ask(&folder, "doc", &[1], &values(&[json!({ "a": 1 })]));
    let expected = df!("id" => [1_i64], "doc" => [r#"{"a":1}"#]).unwrap();
    assert_eq!(folder.read("public_users.parquet"), expected);
}

#[test]
fn strings_among_documents_make_all_of_it_text_in_one_batch_or_two() {
    let rows = [json!({ "a": 1 }), json!("plain")];
    let expected = Column::new("doc".into(), [r#"{"a":1}"#, "plain"]);
    let together = Folder::new();
    assert_eq!(ask(&together, "doc", &[1, 2], &values(&rows)), expected);
    let apart = Folder::new();
    ask(&apart, "doc", &[1], &values(&rows));
    ask(&apart, "doc", &[2], &values(&rows));
    assert_eq!(cached(&apart, "doc", &[1, 2]), expected);
    assert_eq!(cached(&apart, "doc.a", &[1, 2]), Column::new("doc.a".into(), [Some(1_i64), None]));
}

#[test]
fn numbers_among_documents_are_refused_in_one_batch_or_two() {
    let rows = [json!({ "id": 1, "name": { "a": 1 } }), json!({ "id": 2, "name": 7 })];
    let folder = Folder::new();
    let error = folder.users().select(["name"]).unwrap().frame(&[1, 2], &Always::rows(rows.clone())).unwrap_err();
    let Error::FetchFailed { failures, stored: 0, .. } = error else { panic!("{error:?}") };
    assert!(matches!(&failures[0].cause, BatchError::WrongType { column, .. } if column == "name"));

    let database = Database::with_rows(rows);
    folder.users().select(["name"]).unwrap().frame(&[1], &database).unwrap();
    let error = folder.users().select(["name"]).unwrap().frame(&[2], &database).unwrap_err();
    let Error::FetchFailed { failures, .. } = error else { panic!("{error:?}") };
    let BatchError::Store(cause) = &failures[0].cause else { panic!("{failures:?}") };
    assert!(matches!(&**cause, Error::TypeConflict { .. }), "{cause:?}");
}

/// Rows of every kind of column that types could depend on the order of: nulls, then integers, then fractions;
/// documents that grow keys; documents, then strings.
fn mixed(id: i64) -> Value {
    let number = match id {
        1..=100 => json!(null),
        101..=200 => json!(id),
        _ => json!(0.5),
    };
    let document = if id <= 150 { json!({ "a": id }) } else { json!({ "a": 0.25, "b": [id] }) };
    let text = if id <= 250 { json!({ "a": id }) } else { json!("plain") };
    json!({ "id": id, "number": number, "document": document, "text": text })
}

fn answered_in(policy: BatchPolicy) -> DataFrame {
    let folder = Folder::new();
    let cache = || {
        let builder = DynamicCache::builder().folder(folder.path("")).progress(Progress::Silent).batches(policy);
        builder.open().unwrap().table("public.users").unwrap()
    };
    let columns = ["number", "document", "text", "document.a", "text.a"];
    let ids: Vec<i64> = (1..=300).collect();
    let database = Database::with_rows(ids.iter().copied().map(mixed));
    let fetched = cache().select(columns).unwrap().frame(&ids, &database).unwrap();
    let cached = cache().select(columns).unwrap().frame_cached(&ids).unwrap().rows;
    assert!(fetched.equals_missing(&cached));
    assert_eq!(fetched.schema(), cached.schema());
    fetched
}

#[test]
fn types_and_values_do_not_depend_on_batch_borders() {
    let at_once = answered_in(BatchPolicy::Fixed(300));
    for size in [100, 37, 1] {
        let apart = answered_in(BatchPolicy::Fixed(size));
        assert_eq!(apart.schema(), at_once.schema(), "batches of {size}");
        assert!(apart.equals_missing(&at_once), "batches of {size}");
    }
    let document = struct_of(&[("a", DataType::Float64), ("b", DataType::List(Box::new(DataType::Int64)))]);
    let types = [DataType::Int64, DataType::Float64, document, DataType::String, DataType::Float64, DataType::Int64];
    assert_eq!(at_once.dtypes(), types);
}

#[test]
fn a_column_that_is_null_in_its_first_thousand_rows_takes_the_type_of_the_next() {
    let rows = |kind: Value| {
        (1..=1_100).map(move |id| json!({ "id": id, "doc": if id > 1_000 { kind.clone() } else { Value::Null } }))
    };
    let ids: Vec<i64> = (1..=1_100).collect();
    for (value, data_type) in [
        (json!(7), DataType::Int64),
        (json!("x"), DataType::String),
        (json!({ "a": true }), struct_of(&[("a", DataType::Boolean)])),
    ] {
        let folder = Folder::new();
        let column = ask(&folder, "doc", &ids, &Database::with_rows(rows(value)));
        assert_eq!((column.dtype(), column.null_count()), (&data_type, 1_000));
    }
}

#[test]
fn documents_too_deep_to_read_are_not_lost() {
    let folder = Folder::new();
    let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
    let text = deep.to_string();
    let column = ask(&folder, "doc", &[1, 2], &values(&[deep, json!([1])]));
    assert_eq!(column, Column::new("doc".into(), [text.as_str(), "[1]"]));
}
