//! Columns come and widen; any other change of type is refused and changes nothing.

use dbcache::key::RowId;
use dbcache::polars::prelude::*;
use dbcache::{Cache, Cached, DynamicCache, Error};
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

/// Stores rows of a column of decimals, each a number without its point.
fn store_decimals(folder: &Folder, ids: &[i64], number: i128, data_type: [usize; 2]) -> Result<DataFrame, Error> {
    let [precision, scale] = data_type;
    let fetcher = |ids: &[i64], _: &str| -> Result<DataFrame, PolarsError> {
        let numbers = Int128Chunked::full("value".into(), number, ids.len()).into_decimal(precision, scale)?;
        DataFrame::new(ids.len(), vec![Column::new("id".into(), ids), numbers.into_column()])
    };
    folder.users().select(["value"]).unwrap().frame(ids, &fetcher)
}

#[test]
fn decimals_widen_to_those_that_have_the_digits_of_both() {
    let folder = Folder::new();
    store_decimals(&folder, &[1], 99_999, [5, 2]).unwrap();
    store_decimals(&folder, &[2], -1_234, [10, 4]).unwrap();
    store_decimals(&folder, &[3], 5, [12, 1]).unwrap();
    let expected = Int128Chunked::new("value".into(), [9_999_900, -1_234, 5_000]).into_decimal(15, 4).unwrap();
    assert_eq!(stored(&folder), expected.into_column());
}

#[test]
fn decimals_that_no_type_holds_beside_each_other_are_refused_and_change_nothing() {
    let folder = Folder::new();
    store_decimals(&folder, &[1], 7, [38, 0]).unwrap();
    let before = stored(&folder);
    let error = store_decimals(&folder, &[2], 7, [5, 1]).unwrap_err();
    let Error::FetchFailed { rejected, .. } = &error else { panic!("{error:?}") };
    assert_eq!((rejected.len(), rejected[0].column.as_str(), rejected[0].value.as_str()), (1, "value", "0.7"));
    assert_eq!(stored(&folder), before);
}

#[derive(Debug, Cached)]
#[cached(table = "public.users")]
struct Priced {
    #[cached(id)]
    id: i64,
    value: rust_decimal::Decimal,
}

#[test]
fn a_decimal_is_read_with_fewer_digits_only_if_none_is_lost() {
    let no_rows = |_: &[i64]| -> Result<Vec<Priced>, std::io::Error> { Ok(Vec::new()) };
    let digits = |number: i128| {
        let folder = Folder::new();
        store_decimals(&folder, &[1], number, [20, 10]).unwrap();
        let cache = Cache::<Priced>::open(folder.path("")).unwrap();
        cache.rows(&[1], &no_rows).map(|rows| (rows[0].id, rows[0].value.to_string()))
    };
    assert_eq!(digits(12_300_000_000).unwrap(), (1, "1.23".to_owned()));
    match digits(12_300_000_001) {
        Err(Error::Value { column, reason, .. }) => {
            assert_eq!(column, "value");
            assert!(reason.contains("1.2300000001"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn text_is_read_as_a_decimal_only_if_no_digit_is_lost() {
    let no_rows = |_: &[i64]| -> Result<Vec<Priced>, std::io::Error> { Ok(Vec::new()) };
    let read = |text: &str| {
        let folder = Folder::new();
        folder.write("public_users.parquet", df!("id" => [1_i64], "value" => [text]).unwrap());
        let cache = Cache::<Priced>::open(folder.path("")).unwrap();
        cache.rows(&[1], &no_rows).map(|rows| rows[0].value.to_string())
    };
    assert_eq!(read("1.2300000000").unwrap(), "1.23");
    assert!(matches!(read("1.2300000001"), Err(Error::Value { .. })));
}

#[test]
fn another_change_of_type_names_table_column_and_both_types_and_changes_nothing() {
    let folder = Folder::new();
    let results = store(&folder, &[json!(1), json!("two")]);
    match &results[1] {
        Err(error @ Error::FetchFailed { stored: 0, .. }) => {
            let message = error.to_string();
            for part in ["public.users", "id 2", "value", "two", "i64", "str"] {
                assert!(message.contains(part), "{message}");
            }
        }
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
        Err(Error::FetchFailed { rejected, stored: 1, .. }) => {
            assert_eq!((&rejected[0].id, rejected[0].value.as_str()), (&RowId::Int(2), "0.5"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_row_whose_type_does_not_fit_is_all_that_is_not_stored() {
    let folder = Folder::new();
    let rows = (1..=300)
        .map(|id| if id == 150 { json!({ "id": id, "value": "x" }) } else { json!({ "id": id, "value": id }) });
    let rows: Vec<Value> = rows.collect();
    let table = folder.users();
    let values = table.select(["value"]).unwrap();
    let ids: Vec<i64> = (1..=300).collect();
    match values.frame(&ids, &Database::with_rows(rows)) {
        Err(Error::FetchFailed { failures, rejected, stored: 299, .. }) => {
            assert!(failures.is_empty(), "{failures:?}");
            assert_eq!((&rejected[0].id, rejected.len()), (&RowId::Int(150), 1));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(values.look_up(&ids).unwrap().missing, [150]);
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
