//! Objects and arrays in the cells of JSON rows: kept as documents, answered structured, whatever came together.

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
    let Error::FetchFailed { rejected: in_one, stored: 1, .. } = error else { panic!("{error:?}") };

    let folder = Folder::new();
    let database = Database::with_rows(rows);
    folder.users().select(["name"]).unwrap().frame(&[1], &database).unwrap();
    let error = folder.users().select(["name"]).unwrap().frame(&[2], &database).unwrap_err();
    let Error::FetchFailed { rejected: in_two, stored: 0, .. } = error else { panic!("{error:?}") };
    assert_eq!(in_one, in_two);
    assert_eq!((in_two.len(), in_two[0].column.as_str(), in_two[0].value.as_str()), (1, "name", "7"));
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

/// The answers of each path over the same values that come parsed and as text.
fn parsed_and_as_text(documents: &[&str], paths: &[&str]) -> [DataFrame; 2] {
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let as_rows = |value: &dyn Fn(&str) -> Value| {
        let rows = (1..).zip(documents).map(|(id, text): (i64, _)| json!({ "id": id, "doc": { "a": value(text) } }));
        rows.collect::<Vec<_>>()
    };
    let rows = as_rows(&parsed);
    let texts =
        (1..).zip(documents).map(|(id, text): (i64, _)| json!({ "id": id, "doc": format!("{{\"a\": {text} }}") }));
    let ids: Vec<i64> = (1..).take(documents.len()).collect();
    [Database::with_rows(rows), Database::with_rows(texts)].map(|database| {
        let folder = Folder::new();
        folder.users().select(paths).unwrap().frame(&ids, &database).unwrap()
    })
}

#[test]
fn text_and_parsed_values_give_the_same_text() {
    let documents = [
        r#"{ "z": 1E2, "y": 1.50, "x": [ true, null ], "w": "\u00e9\u0001/" }"#,
        r#"[{ "b": -0.0, "a": 1.0 }, 12345678901234567890, { "n": null }]"#,
        "0.1e-7",
        r#""\u0041""#,
        "{}",
    ];
    let [parsed, text] = parsed_and_as_text(&documents, &["doc.a", "doc.a.x", "doc.a.w", "doc.a.0"]);
    assert_eq!(parsed.schema(), text.schema());
    assert!(parsed.equals_missing(&text), "{parsed} is not {text}");
    let expected = [
        r#"{"w":"é\u0001/","x":[true,null],"y":1.5,"z":100}"#,
        r#"[{"a":1,"b":-0.0},12345678901234567890,{}]"#,
        "0.00000001",
        r#""A""#,
        "{}",
    ];
    assert_eq!(text.column("doc.a").unwrap(), &Column::new("doc.a".into(), expected));
}

#[test]
fn numbers_that_no_one_type_holds_come_back_as_text_in_any_batches() {
    let numbers = ["9007199254740993", "0.5", "18446744073709551615", "-0.0", "1e20", "null", "7"];
    for policy in [BatchPolicy::Fixed(100), BatchPolicy::Fixed(1)] {
        let folder = Folder::new();
        let builder = DynamicCache::builder().folder(folder.path("")).progress(Progress::Silent).batches(policy);
        let users = builder.open().unwrap().table("public.users").unwrap();
        let row = |(id, number): (i64, &&str)| json!({ "id": id, "doc": format!("{{\"a\":{number}}}") });
        let ids: Vec<i64> = (1..).take(numbers.len()).collect();
        let frame =
            users.select(["doc.a"]).unwrap().frame(&ids, &Database::with_rows((1..).zip(&numbers).map(row))).unwrap();
        let expected = ["9007199254740993", "0.5", "18446744073709551615", "-0.0", "100000000000000000000", "", "7"];
        let expected = expected.map(|text| Some(text).filter(|text| !text.is_empty()));
        assert_eq!(frame.column("doc.a").unwrap(), &Column::new("doc.a".into(), expected));
    }
}

#[test]
fn an_answer_of_empty_objects_can_be_written_to_parquet() {
    let [parsed, text] = parsed_and_as_text(&["{}", "{}"], &["doc", "doc.a"]);
    for mut frame in [parsed, text] {
        let column = frame.column("doc.a").unwrap();
        assert_eq!(column, &Column::new("doc.a".into(), ["{}", "{}"]));
        ParquetWriter::new(&mut Vec::new()).finish(&mut frame).unwrap();
    }
}

#[test]
fn documents_without_keys_join_structs_that_are_stored() {
    let folder = Folder::new();
    let doc = StructChunked::from_columns("doc".into(), 1, &[Column::new("n".into(), [7_i64])]).unwrap().into_column();
    folder.write("public_users.parquet", DataFrame::new(1, vec![Column::new("id".into(), [1_i64]), doc]).unwrap());
    let database = Database::with_rows([json!({ "id": 2, "doc": {} })]);
    let answer = ask(&folder, "doc.n", &[1, 2], &database);
    assert_eq!(answer, Column::new("doc.n".into(), [Some(7_i64), None]));
}
