//! Columns and paths whose type the caller says.

use dbcache::json_path::Strictness;
use dbcache::key::RowId;
use dbcache::polars::prelude::*;
use dbcache::{Cache, Cached, CachedJson, DynamicCache, Error, Progress, Table};
use dbcache_tests::Database;
use serde_json::{Value, json};

use crate::Folder;

fn table(folder: &Folder, strictness: Strictness) -> Table {
    let builder = DynamicCache::builder().folder(folder.path("")).progress(Progress::Silent).json(strictness);
    builder.open().unwrap().table("public.users").unwrap()
}

fn cells(column: &Column) -> Vec<String> {
    (0..column.len()).map(|row| column.get(row).unwrap().to_string()).collect()
}

/// Each pinned column's cells, where rows 1, 2, … of `column` have these values.
fn pinned(values: &[Value], column: &str, data_type: &DataType) -> Vec<String> {
    let folder = Folder::new();
    let rows = (1..).zip(values).map(|(id, value): (i64, _)| json!({ "id": id, "value": value }));
    let ids: Vec<i64> = (1..).take(values.len()).collect();
    let table = table(&folder, Strictness::Lenient);
    let query = table.select([column]).unwrap().pin(column, data_type.clone()).unwrap();
    let answer = query.frame(&ids, &Database::with_rows(rows)).unwrap();
    assert_eq!(answer.column(column).unwrap().dtype(), data_type);
    cells(answer.column(column).unwrap())
}

#[test]
fn values_take_the_pinned_type_and_those_that_do_not_fit_are_null() {
    let point = DataType::Struct(vec![Field::new("x".into(), DataType::Float64)]);
    let cases = [
        (vec![json!({ "a": 1 }), json!({ "a": "x" }), json!({})], "value.a", DataType::Int64, ["1", "null", "null"]),
        (
            vec![json!({ "a": 1 }), json!({ "a": true }), json!({ "a": [1] })],
            "value.a",
            DataType::String,
            ["\"1\"", "\"true\"", "\"[1]\""],
        ),
        (vec![json!(1), json!(300), json!(null)], "value", DataType::UInt8, ["1", "null", "null"]),
        (
            vec![json!(1), json!(2), json!(9_007_199_254_740_993_i64)],
            "value",
            DataType::Float64,
            ["1.0", "2.0", "null"],
        ),
        (vec![json!(1.0), json!(2.5), json!(3.0)], "value", DataType::Int32, ["1", "null", "3"]),
        (vec![json!(1), json!(0), json!(2)], "value", DataType::String, ["\"1\"", "\"0\"", "\"2\""]),
        (
            vec![json!("2024-02-29"), json!("soon"), json!("1969-12-31")],
            "value",
            DataType::Date,
            ["2024-02-29", "null", "1969-12-31"],
        ),
        (vec![json!("17"), json!("x"), json!("1e400")], "value", DataType::Int64, ["17", "null", "null"]),
        (vec![json!({ "x": 1, "y": 2 }), json!({ "x": 0.5 }), json!({})], "value", point, ["{1.0}", "{0.5}", "{null}"]),
    ];
    for (values, column, data_type, expected) in cases {
        let found = pinned(&values, column, &data_type);
        assert_eq!(found, expected, "{values:?} as {data_type}");
    }
}

#[test]
fn a_value_that_does_not_fit_is_an_error_where_strictness_is_asked() {
    let folder = Folder::new();
    let rows = [json!({ "id": 1, "profile": { "age": 36 } }), json!({ "id": 2, "profile": { "age": "old" } })];
    let table = table(&folder, Strictness::Strict);
    let query = table.select(["profile.age"]).unwrap().pin("profile.age", DataType::Int64).unwrap();
    match query.frame(&[1, 2], &Database::with_rows(rows)) {
        Err(Error::Value { table, column, id, reason }) => {
            assert_eq!((table.as_str(), column.as_str(), id), ("public.users", "profile.age", RowId::Int(2)));
            assert_eq!(reason, "\"old\" does not fit in i64");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_type_is_pinned_where_there_are_no_values_and_no_rows() {
    let folder = Folder::new();
    let table = table(&folder, Strictness::Strict);
    let query = table.select(["profile.age", "name"]).unwrap().pin("profile.age", DataType::Int16).unwrap();
    let database = Database::with_rows([json!({ "id": 1, "name": "Ada", "profile": null })]);
    assert_eq!(query.frame(&[1], &database).unwrap().column("profile.age").unwrap().dtype(), &DataType::Int16);
    assert_eq!(query.frame::<i64, _>(&[], &database).unwrap().column("profile.age").unwrap().dtype(), &DataType::Int16);
}

#[test]
fn pinned_and_other_paths_of_one_column_go_together() {
    let folder = Folder::new();
    let database = Database::with_rows([json!({ "id": 1, "doc": { "a": 1, "b": "x", "c": [true] } })]);
    let columns = ["doc.b", "doc", "doc.a", "doc.c.0"];
    let table = table(&folder, Strictness::Lenient);
    let query = table.select(columns).unwrap();
    let query = query.pin("doc.a", DataType::String).unwrap().pin("doc", DataType::String).unwrap();
    let answer = query.frame(&[1], &database).unwrap();
    let expected = df!(
        "id" => [1_i64], "doc.b" => ["x"], "doc" => [r#"{"a":1,"b":"x","c":[true]}"#], "doc.a" => ["1"], "doc.c.0" => [true]
    );
    assert_eq!(answer, expected.unwrap());
}

#[test]
fn a_column_that_is_not_selected_or_is_the_id_is_refused() {
    let folder = Folder::new();
    let table = table(&folder, Strictness::Lenient);
    let query = || table.select(["id", "name"]).unwrap();
    for (column, reason) in [
        ("age", "a type is pinned for it, and the query does not select it"),
        ("id", "the ids have the type of the keys that are asked for"),
        ("profile.", "nothing follows the last dot"),
    ] {
        match query().pin(column, DataType::String) {
            Err(Error::ColumnName { name, reason: found }) => {
                assert_eq!((name.as_str(), found.as_str()), (column, reason))
            }
            other => panic!("{other:?}"),
        }
    }
}

#[derive(Cached)]
#[cached(table = "public.users")]
struct User {
    #[cached(id)]
    id: i64,
    name: String,
    age: Option<i32>,
}

#[test]
fn dynamic_queries_of_a_typed_cache_are_pinned_too() {
    let folder = Folder::new();
    let fetcher = |ids: &[i64]| -> Result<Vec<User>, std::io::Error> {
        Ok(ids.iter().map(|id| User { id: *id, name: format!("{id}"), age: Some(40) }).collect())
    };
    let cache = Cache::<User>::open(folder.path("")).unwrap();
    let query = cache.select_dynamic(["name", "age"]).unwrap();
    let query = query.pin("name", DataType::Int64).unwrap().pin("age", DataType::Float64).unwrap();
    let expected = df!("id" => [7_i64], "name" => [7_i64], "age" => [40.0]).unwrap();
    assert_eq!(query.frame(&[7], &fetcher).unwrap(), expected);
    assert_eq!(User::columns().age.name(), "age");
}

#[derive(Cached)]
#[cached(table = "public.users")]
struct Visitor {
    #[cached(id)]
    id: i64,
    #[cached(json)]
    profile: Visits,
}

#[derive(Clone, serde::Serialize, serde::Deserialize, CachedJson)]
struct Visits {
    visits: u8,
}

#[test]
fn a_document_of_a_record_is_text_where_that_is_pinned() {
    let folder = Folder::new();
    let other = Database::with_rows([json!({ "id": 2, "profile": { "visits": 1, "more": true } })]);
    folder.users().select(["profile"]).unwrap().frame(&[2], &other).unwrap();
    let fetcher = |ids: &[i64]| -> Result<Vec<Visitor>, std::io::Error> {
        Ok(ids.iter().map(|id| Visitor { id: *id, profile: Visits { visits: 3 } }).collect())
    };
    let cache = Cache::<Visitor>::open(folder.path("")).unwrap();
    let query = cache.select_dynamic(["profile"]).unwrap().pin("profile", DataType::String).unwrap();
    let answer = query.frame(&[1], &fetcher).unwrap();
    assert_eq!(answer, df!("id" => [1_i64], "profile" => [r#"{"visits":3}"#]).unwrap());
    assert_eq!(Visitor::columns().profile.visits.name(), "profile");
}
