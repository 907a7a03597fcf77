//! A fetch that breaks its contract is an error that says where, and nothing of its batch is stored.

use dbcache::error::BatchError;
use dbcache::key::RowId;
use dbcache::polars::prelude::*;
use dbcache::{DynamicCache, Error, Progress};
use dbcache_tests::{Always, Database};
use serde_json::json;

use crate::Folder;

/// Asks one batch of two rows, and gives the one failure.
fn failure(folder: &Folder, fetcher: &Always) -> BatchError {
    match folder.users().select(["name"]).unwrap().frame(&[1, 2], fetcher) {
        Err(Error::FetchFailed { mut failures, stored: 0, .. }) => {
            assert_eq!((failures.len(), failures[0].batch), (1, 1));
            assert_eq!(folder.users().select(["name"]).unwrap().look_up(&[1, 2]).unwrap().missing, [1, 2]);
            failures.remove(0).cause
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn rows_without_an_id_column() {
    let cause = failure(&Folder::new(), &Always::rows([json!({ "name": "Ada" })]));
    assert!(matches!(&cause, BatchError::NoIdColumn { column } if column == "id"), "{cause:?}");
}

#[test]
fn a_row_with_a_null_id() {
    let rows = [json!({ "id": 1, "name": "Ada" }), json!({ "id": null, "name": "Bob" })];
    let cause = failure(&Folder::new(), &Always::rows(rows));
    assert!(matches!(&cause, BatchError::NullId { row: 1, .. }), "{cause:?}");
}

#[test]
fn a_row_that_lacks_its_id() {
    let rows = [json!({ "id": 1, "name": "Ada" }), json!({ "name": "Bob" })];
    let cause = failure(&Folder::new(), &Always::rows(rows));
    assert!(matches!(&cause, BatchError::NullId { row: 1, .. }), "{cause:?}");
}

#[test]
fn two_different_rows_for_one_id() {
    let rows = [json!({ "id": 2, "name": "Ada" }), json!({ "id": 2, "name": "Bob" })];
    let cause = failure(&Folder::new(), &Always::rows(rows));
    match cause {
        BatchError::ConflictingRows { id, column } => assert_eq!((id, column.as_str()), (RowId::Int(2), "name")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_same_row_twice_is_one_row() {
    let folder = Folder::new();
    let row = json!({ "id": 1, "name": null });
    let answer = folder.users().select(["name"]).unwrap().frame(&[1], &Always::rows([row.clone(), row])).unwrap();
    assert_eq!(answer.height(), 1);
}

#[test]
fn text_ids_where_integers_were_asked() {
    let cause = failure(&Folder::new(), &Always::rows([json!({ "id": "1", "name": "Ada" })]));
    assert!(matches!(&cause, BatchError::WrongType { column, .. } if column == "id"), "{cause:?}");
}

#[test]
fn a_column_named_like_the_caches_own() {
    let cause = failure(&Folder::new(), &Always::rows([json!({ "id": 1, "name": "Ada", "__dbcache_column_set": 3 })]));
    assert!(matches!(&cause, BatchError::ColumnName { .. }), "{cause:?}");
}

#[test]
fn rows_that_nobody_asked_are_left_out() {
    let folder = Folder::new();
    let rows = [json!({ "id": 1, "name": "Ada" }), json!({ "id": 9, "name": "Eve" })];
    let answer = folder.users().select(["name"]).unwrap().frame(&[1], &Always::rows(rows)).unwrap();
    assert_eq!(answer.height(), 1);
    assert_eq!(folder.users().select(["name"]).unwrap().look_up(&[9]).unwrap().missing, [9]);
}

#[test]
fn a_column_that_is_not_brought_is_named_with_a_suggestion_and_nothing_is_stored_for_it() {
    let folder = Folder::new();
    let database = Database::with_rows([json!({ "id": 1, "name": "Ada", "email": "a@x" })]);
    match folder.users().select(["name", "emial"]).unwrap().frame(&[1], &database) {
        Err(error @ Error::ColumnsNotFound { .. }) => {
            let message = error.to_string();
            assert!(message.contains("\"emial\" (did you mean \"email\"?)"), "{message}");
            let Error::ColumnsNotFound { columns, .. } = error else { unreachable!() };
            assert_eq!((columns.len(), columns[0].suggestions.as_slice()), (1, ["email".to_owned()].as_slice()));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(folder.files(), [""; 0]);
}

#[test]
fn frames_are_rows_too() {
    let folder = Folder::new();
    let fetcher = |ids: &[i64], table: &str| -> Result<DataFrame, PolarsError> {
        df!("id" => ids, "table" => vec![table; ids.len()])
    };
    let answer = folder.users().select(["table"]).unwrap().frame(&[2, 1], &fetcher).unwrap();
    assert_eq!(answer, df!("id" => [1_i64, 2], "table" => ["public.users"; 2]).unwrap());
}

#[test]
fn a_folder_that_cannot_be_written_loses_no_error_and_no_row_of_before() {
    let folder = Folder::new();
    std::fs::write(folder.path("file"), "not a folder").unwrap();
    let cache = DynamicCache::builder().folder(folder.path("file/cache")).progress(Progress::Silent).open().unwrap();
    let database = Database::with_rows([json!({ "id": 1, "name": "Ada" })]);
    let error = cache.table("a.b").unwrap().select(["name"]).unwrap().frame(&[1], &database).unwrap_err();
    assert!(matches!(&error, Error::Io { .. }), "{error:?}");
    assert_eq!(std::fs::read_to_string(folder.path("file")).unwrap(), "not a folder");
}

/// Stores a column of two rows, and reads it as a new process would.
fn through_a_cache(column: &Series) -> Result<Series, Error> {
    let folder = Folder::new();
    let fetcher = |ids: &[i64], _: &str| -> Result<DataFrame, PolarsError> {
        DataFrame::new(ids.len(), vec![Column::new("id".into(), ids), column.clone().into_column()])
    };
    folder.users().select(["value"])?.frame(&[1, 2], &fetcher)?;
    let stored = folder.users().select(["value"])?.frame_cached(&[1, 2])?.rows;
    Ok(stored.column("value").unwrap().as_materialized_series().clone())
}

fn lists(column: &Series) -> Series {
    Series::new("value".into(), [column.slice(0, 1), column.slice(1, 1)])
}

fn fields(column: &Series) -> Series {
    StructChunked::from_series("value".into(), 2, [column].into_iter()).unwrap().into_series()
}

#[test]
fn every_type_that_a_frame_has_is_stored_as_it_is() {
    use DataType::{
        Binary, Boolean, Date, Datetime, Decimal, Duration, Float16, Float32, Float64, Int8, Int16, Int32, Int64,
        Int128, Null, Time, UInt8, UInt16, UInt32, UInt64, UInt128,
    };
    let numbers = Series::new("value".into(), [Some(1_i64), None]);
    let texts = Series::new("value".into(), [Some("a"), None]);
    let enumeration = DataType::from_frozen_categories(FrozenCategories::new(["b", "a"]).unwrap());
    let of_numbers = [Boolean, Int8, Int16, Int32, Int64, Int128, UInt8, UInt16, UInt32, UInt64, UInt128, Float16]
        .into_iter()
        .chain([Float32, Float64, Decimal(10, 2), Date, Time, Duration(TimeUnit::Milliseconds)])
        .chain([Datetime(TimeUnit::Nanoseconds, None), Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC))])
        .map(|data_type| numbers.cast(&data_type).unwrap());
    let of_texts = [DataType::String, Binary, DataType::from_categories(Categories::global()), enumeration]
        .map(|data_type| texts.cast(&data_type).unwrap());
    for plain in of_numbers.chain(of_texts).chain([Series::full_null("value".into(), 2, &Null)]) {
        let arrays = lists(&plain).cast(&DataType::Array(Box::new(plain.dtype().clone()), 1)).unwrap();
        for column in [plain.clone(), lists(&plain), arrays, fields(&plain), lists(&fields(&plain))] {
            let stored = through_a_cache(&column).unwrap_or_else(|cause| panic!("{}: {cause:?}", column.dtype()));
            assert_eq!(stored.dtype(), column.dtype());
            assert!(stored.equals_missing(&column), "{stored} is not {column}");
        }
    }
}

#[test]
fn a_type_that_no_file_has_is_named_with_its_column() {
    let nothing = StructChunked::from_series("value".into(), 2, [].into_iter()).unwrap().into_series();
    let empty = Series::new_empty("value".into(), &DataType::Array(Box::new(DataType::Int64), 0));
    let empty = empty.extend_constant(AnyValue::Null, 2).unwrap();
    for column in [lists(&nothing), fields(&nothing), nothing, empty] {
        match through_a_cache(&column) {
            Err(Error::FetchFailed { failures, stored: 0, .. }) => match &failures[0].cause {
                BatchError::ColumnType { column: name, found } => {
                    assert_eq!((name.as_str(), found), ("value", &column.dtype().to_string()));
                }
                other => panic!("{}: {other:?}", column.dtype()),
            },
            other => panic!("{}: {other:?}", column.dtype()),
        }
    }
}

#[test]
fn uuids_are_one_key_in_any_spelling() {
    use uuid::Uuid;
    let id = Uuid::from_u128(0xA0EE_BC99_9C0B_4EF8_BB6D_6BB9_BD38_0A11);
    let asked = id.hyphenated().to_string();
    let spellings =
        [asked.clone(), asked.to_uppercase(), id.simple().to_string(), id.braced().to_string(), id.urn().to_string()];
    for spelling in spellings {
        let folder = Folder::new();
        let json = |_: &[Uuid], _: &str| -> Result<Vec<dbcache_tests::Row>, std::io::Error> {
            Ok(vec![dbcache_tests::row(json!({ "id": spelling, "name": "Ada" }))])
        };
        let frame = folder.users().select(["name"]).unwrap().frame(&[id], &json).unwrap();
        assert_eq!(frame.column("id").unwrap(), &Column::new("id".into(), [asked.as_str()]), "{spelling}");
        let columns = |_: &[Uuid], _: &str| -> Result<DataFrame, PolarsError> {
            df!("id" => [spelling.as_str()], "name" => ["Ada"], "age" => [36])
        };
        let both = folder.users().select(["name", "age"]).unwrap().frame(&[id], &columns).unwrap();
        assert_eq!(both.height(), 1, "{spelling}");
        // The type of a text does not say that it is a UUID.
        let texts = |_: &[String], _: &str| -> Result<DataFrame, PolarsError> {
            df!("id" => [spelling.as_str()], "name" => ["Ada"])
        };
        let found = Folder::new().users().select(["name"]).unwrap().frame(std::slice::from_ref(&asked), &texts);
        assert_eq!(found.is_ok(), spelling == asked, "{spelling}");
        let causes = found.err().map(|error| format!("{error:?}"));
        assert!(causes.is_none_or(|causes| causes.contains("Spelling") && causes.contains(&spelling)), "{spelling}");
    }
}
