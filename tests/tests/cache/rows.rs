//! The forms in which fetchers give their rows: JSON maps, anything that serializes, frames.

use dbcache::error::BoxError;
use dbcache::fetch::{Dynamic, Fetched};
use dbcache::polars::prelude::*;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::Folder;

#[derive(Serialize)]
struct Row {
    id: i64,
    name: Option<&'static str>,
    score: f32,
    doc: Doc,
}

#[derive(Serialize)]
struct Doc {
    tags: Vec<u8>,
}

fn row(id: i64) -> Row {
    Row { id, name: (id > 1).then_some("Bob"), score: 0.5, doc: Doc { tags: vec![1, 2] } }
}

fn serialized(ids: &[i64], _: &str) -> Result<Fetched<Dynamic<i64>>, BoxError> {
    Fetched::serialize(ids.iter().map(|id| row(*id)))
}

fn maps(ids: &[i64], _: &str) -> Result<Vec<Map<String, Value>>, BoxError> {
    let map = |id: &i64| match serde_json::to_value(row(*id)) {
        Ok(Value::Object(map)) => Ok(map),
        other => Err(format!("{other:?}").into()),
    };
    ids.iter().map(map).collect()
}

const COLUMNS: [&str; 4] = ["name", "score", "doc", "doc.tags.1"];

#[test]
fn rows_that_serialize_are_as_their_json_maps() {
    let (one, other) = (Folder::new(), Folder::new());
    let serialized = one.users().select(COLUMNS).unwrap().frame(&[1, 2], &serialized).unwrap();
    let maps = other.users().select(COLUMNS).unwrap().frame(&[1, 2], &maps).unwrap();
    assert!(serialized.equals_missing(&maps), "{serialized}");
    assert_eq!(serialized.schema(), maps.schema());
    assert_eq!(serialized.column("doc.tags.1").unwrap().dtype(), &DataType::Int64);
}

#[test]
fn frames_keep_the_types_that_they_have() {
    let folder = Folder::new();
    let frame = |ids: &[i64], _: &str| -> Result<DataFrame, PolarsError> {
        df!("name" => ids.iter().map(|_| "Ada").collect::<Vec<_>>(), "id" => ids, "age" => vec![Some(1_u8); ids.len()])
    };
    let answer = folder.users().select(["age", "name"]).unwrap().frame(&[2, 1], &frame).unwrap();
    assert_eq!(answer, df!("id" => [1_i64, 2], "age" => [1_u8, 1], "name" => ["Ada", "Ada"]).unwrap());
}

#[test]
fn a_row_that_is_no_object_fails_its_batch() {
    let folder = Folder::new();
    let numbers = |ids: &[i64], _: &str| Fetched::<Dynamic<i64>>::serialize(ids.iter().copied());
    let error = folder.users().select(["name"]).unwrap().frame(&[1], &numbers).unwrap_err();
    let dbcache::Error::FetchFailed { failures, .. } = error else { panic!("{error:?}") };
    let cause = std::error::Error::source(&failures[0].cause).unwrap().to_string();
    assert_eq!(cause, "a row must be an object, not 1");
}

#[test]
fn rows_of_maps_and_frames_reconcile_in_one_table() {
    let folder = Folder::new();
    let frame = |ids: &[i64], _: &str| -> Result<DataFrame, PolarsError> { df!("id" => ids, "score" => [1_i16]) };
    folder.users().select(["score"]).unwrap().frame(&[1], &frame).unwrap();
    let answer = folder.users().select(["score"]).unwrap().frame(&[1, 2], &maps).unwrap();
    assert_eq!(answer, df!("id" => [1_i64, 2], "score" => [1.0, 0.5]).unwrap());
    assert_eq!(json!(row(1))["id"], 1);
}

#[test]
fn a_row_alone_is_what_it_is_among_others() {
    let folder = Folder::new();
    let stored = rows_of_many_types();
    let names: Vec<String> = stored.get_column_names().iter().skip(1).map(ToString::to_string).collect();
    let fetcher = |_: &[i64], _: &str| -> Result<DataFrame, PolarsError> { Ok(stored.clone()) };
    let rows = folder.users().select(&names).unwrap();
    let all = rows.frame(&[1, 2, 3], &fetcher).unwrap();
    assert!(all.equals_missing(&stored), "{all}");
    for (row, id) in (0..).zip([1, 2, 3]) {
        let alone = rows.frame(&[id], &fetcher).unwrap();
        assert_eq!(alone.schema(), all.schema());
        assert!(alone.equals_missing(&all.slice(row, 1)), "{alone}");
    }
}

fn rows_of_many_types() -> DataFrame {
    let mut rows = df!(
        "id" => [1_i64, 2, 3],
        "count" => [Some(7_u16), None, Some(9)],
        "huge" => [u64::MAX, 0, 1],
        "share" => [0.5_f32, -1.0, f32::INFINITY],
        "is_new" => [Some(true), Some(false), None],
        "name" => [Some("Ada"), Some("a name that no view holds within it"), None],
        "bytes" => [&b"\x00\xff"[..], b"", b"more bytes than a view holds within it"],
        "day" => [Some(0), Some(-1), None],
        "moment" => [Some(1_i64), None, Some(-1)],
        "price" => [100_i64, 0, -5],
        "tags" => [Series::new("".into(), ["a", "b"]), Series::new("".into(), ["c"]), Series::new_empty("".into(), &DataType::String)]
    )
    .unwrap();
    let moment = DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
    for (name, data_type) in [("day", DataType::Date), ("moment", moment), ("price", DataType::Decimal(20, 2))] {
        let column = rows.column(name).unwrap().cast(&data_type).unwrap();
        rows.with_column(column).unwrap();
    }
    rows
}
