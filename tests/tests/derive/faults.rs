//! Cells that do not fit in their field: the fault says which column, which row and why.

use chrono::{DateTime, Utc};
use dbcache::polars::prelude::*;
use dbcache::{Cached, Selection};
use rust_decimal::Decimal;

use crate::frames::{User, stored, users};

fn with_column(mut frame: DataFrame, column: Series) -> DataFrame {
    frame.with_column(column.into_column()).expect("the column is as long as the frame");
    frame
}

fn assert_fault<T>(result: Result<Vec<T>, dbcache::record::CellError>, parts: &[&str]) {
    let shown = format!("{:?}", result.err().expect("the frame does not fit"));
    for part in parts {
        assert!(shown.contains(part), "{shown} lacks {part}");
    }
}

#[test]
fn null_for_a_plain_field() {
    let frame = with_column(stored(&users()), Series::new("name".into(), [Some("Ann"), None]));
    assert_fault(User::from_frame(&frame), &[r#"column: "name""#, "row: 1", "fault: Null"]);
}

#[test]
fn null_inside_a_document_names_the_path() {
    let frame = stored(&users());
    let type_of = |name: &str| frame.column(name).expect("the column is there").dtype().clone();
    let text = StringChunked::new("profile".into(), ["{}", "{}"]);
    let parse = User::schema().columns()[2].parse_json().expect("a document is parsed");
    assert_fault(parse(&text).map(|_| Vec::<u8>::new()), &["missing field", "row: 0"]);

    let document = Series::full_null("profile".into(), 2, &type_of("profile"));
    assert_fault(User::from_frame(&with_column(frame.clone(), document)), &[r#"column: "profile""#, "fault: Null"]);

    let profile = frame.column("profile").expect("the column is there").struct_().expect("a struct").clone();
    let address = Series::full_null("address".into(), 2, profile.field_by_name("address").expect("the field").dtype());
    let parts = [address, profile.field_by_name("tags").expect("the field")];
    let profile = StructChunked::from_series("profile".into(), 2, parts.iter()).expect("a struct").into_series();
    let frame = with_column(frame, profile);
    assert_fault(User::from_frame(&frame), &[r#"column: "profile.address""#, "row: 0", "fault: Null"]);
}

#[test]
fn a_path_in_a_selection_names_itself() {
    let ids = Series::new("id".into(), [1_i64]).into_column();
    let cities = Series::new("city".into(), [None::<&str>]).into_column();
    let frame = DataFrame::new(1, vec![ids, cities]).expect("the columns are equally long");
    assert_fault(
        (User::columns().profile.address.city,).rows(&frame),
        &[r#"column: "profile.address.city""#, "row: 0"],
    );
}

#[test]
fn a_frame_of_other_types_is_a_fault_and_no_panic() {
    let frame = stored(&users());
    for (column, wrong) in [("name", 1), ("age", 2), ("profile", 3), ("id", 0)] {
        let mut frame = frame.clone();
        frame.replace_column(wrong, Series::new(column.into(), [1.5, 2.5]).into_column()).expect("it is as long");
        assert_fault(User::from_frame(&frame), &["Value(", &format!("column: {column:?}")]);
    }
    assert_fault(User::from_frame(&frame.select(["id"]).expect("the id is there")), &["Value(", r#"column: "name""#]);
}

#[test]
fn unknown_names_of_an_enum_are_listed_with_the_known_ones() {
    #[derive(Cached)]
    #[cached(table = "test.values")]
    struct Row {
        #[cached(id)]
        id: u8,
        status: Status,
    }

    #[derive(dbcache::CachedJson)]
    enum Status {
        Active,
        Gone,
    }

    let ids = Series::new("id".into(), [1_u8]).into_column();
    let statuses = Series::new("status".into(), ["actve"]).into_column();
    let frame = DataFrame::new(1, vec![ids, statuses]).expect("the columns are equally long");
    assert_fault(Row::from_frame(&frame), &["actve", "Active, Gone", r#"column: "status""#]);
}

#[test]
fn nothing_is_rounded() {
    #[derive(Cached)]
    #[cached(table = "test.values")]
    struct Row {
        #[cached(id)]
        id: u8,
        time: DateTime<Utc>,
        price: Decimal,
    }

    let row = |time: i64, price: &str| Row {
        id: 1,
        time: DateTime::from_timestamp_nanos(time),
        price: price.parse().expect("a decimal number"),
    };
    assert!(Row::to_frame(&[row(1_000, "0.000000001")]).is_ok());
    let fine_time = Row::to_frame(&[row(1_000, "1"), row(1_001, "1")]).expect_err("a fraction of a microsecond");
    assert!(fine_time.to_string().contains("the column \"time\": a value does not fit in"), "{fine_time}");
    let fine_price = Row::to_frame(&[row(1_000, "0.0000000001")]).expect_err("ten digits after the point");
    assert!(fine_price.to_string().contains("does not fit in decimal[38,9]"), "{fine_price}");
}
