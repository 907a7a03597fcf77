//! Every type that a field can have.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use dbcache::error::BoxError;
use dbcache::polars::prelude::*;
use dbcache::{Cached, CachedJson, Record, StoreAs};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::frames::stored;

/// A record with one column of `$ty`, one with `Option`s of it and one with lists of it; all values come back.
macro_rules! comes_back {
    ($($name:ident: $ty:ty => $data_type:expr, [$($value:expr),* $(,)?];)*) => {$(
        #[test]
        fn $name() {
            #[derive(Debug, PartialEq, Cached)]
            #[cached(table = "test.values")]
            struct Row {
                #[cached(id)]
                id: u32,
                value: $ty,
                optional: Option<$ty>,
                list: Vec<$ty>,
                optional_list: Option<Vec<$ty>>,
                list_of_optional: Vec<Option<$ty>>,
                list_of_lists: Vec<Vec<$ty>>,
            }

            let rows = || -> Vec<Row> {
                let values = || -> Vec<$ty> { vec![$($value),*] };
                let mut rows: Vec<Row> = Vec::new();
                for (id, value) in (0..).zip(values()) {
                    let odd = id % 2 == 1;
                    rows.push(Row {
                        id,
                        value,
                        optional: if odd { None } else { values().pop() },
                        list: if odd { values() } else { Vec::new() },
                        optional_list: if odd { Some(values()) } else { None },
                        list_of_optional: values().into_iter().map(Some).chain([None]).collect(),
                        list_of_lists: vec![values(), Vec::new(), values()],
                    });
                }
                rows
            };
            assert_eq!(Row::schema().columns()[0].data_type(), &$data_type);
            assert_same(&rows());
        }
    )*};
}

fn assert_same<T: Record + Debug + PartialEq>(rows: &[T]) {
    assert_eq!(T::from_frame(&stored(rows)).expect("the frame makes rows"), rows);
}

#[derive(Clone, Debug, PartialEq)]
struct Email(String);

impl StoreAs for Email {
    type As = String;

    fn store(&self) -> Cow<'_, String> {
        Cow::Borrowed(&self.0)
    }

    fn load(stored: String) -> Result<Self, BoxError> {
        if stored.contains('@') { Ok(Self(stored)) } else { Err("no @".into()) }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
#[serde(rename_all = "kebab-case")]
enum Status {
    Active,
    OnHold,
    #[serde(rename = "GONE")]
    Gone,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
enum Shape {
    Circle { radius: f64 },
    Point,
}

fn text() -> DataType {
    DataType::String
}

fn micros(zone: Option<TimeZone>) -> DataType {
    DataType::Datetime(TimeUnit::Microseconds, zone)
}

fn date(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn time(text: &str) -> NaiveTime {
    text.parse().expect("a time")
}

fn moment(text: &str) -> NaiveDateTime {
    text.parse().expect("a date and time")
}

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().expect("a date and time in UTC")
}

fn decimal(text: &str) -> Decimal {
    text.parse().expect("a decimal number")
}

comes_back! {
    i8_comes_back: i8 => DataType::Int8, [i8::MIN, 0, i8::MAX];
    i16_comes_back: i16 => DataType::Int16, [i16::MIN, 0, i16::MAX];
    i32_comes_back: i32 => DataType::Int32, [i32::MIN, 0, i32::MAX];
    i64_comes_back: i64 => DataType::Int64, [i64::MIN, 0, i64::MAX];
    i128_comes_back: i128 => DataType::Int128, [i128::MIN, 0, i128::MAX];
    isize_comes_back: isize => DataType::Int64, [isize::MIN, 0, isize::MAX];
    u16_comes_back: u16 => DataType::UInt16, [0, u16::MAX];
    u32_comes_back: u32 => DataType::UInt32, [0, u32::MAX];
    u64_comes_back: u64 => DataType::UInt64, [0, u64::MAX];
    u128_comes_back: u128 => DataType::UInt128, [0, u128::MAX];
    usize_comes_back: usize => DataType::UInt64, [0, usize::MAX];
    f32_comes_back: f32 => DataType::Float32, [f32::MIN, -0.0, f32::INFINITY];
    f64_comes_back: f64 => DataType::Float64, [f64::MIN, -0.0, f64::EPSILON];
    bool_comes_back: bool => DataType::Boolean, [true, false];
    text_comes_back: String => text(), [String::new(), "short".into(), "a text of more than twelve bytes, ü".into()];
    bytes_come_back: Vec<u8> => DataType::Binary, [vec![], vec![0, 255], vec![7; 40]];
    maps_come_back: BTreeMap<String, i32> => text(), [BTreeMap::new(), BTreeMap::from([("a".into(), 1)])];
    hash_maps_come_back: HashMap<String, Vec<bool>> => text(), [HashMap::from([("a".into(), vec![true])])];
    json_comes_back: serde_json::Value => text(), [json!({"a": [1, 2.5, null, "x"]}), json!("x"), json!(3)];
    dates_come_back: NaiveDate => DataType::Date, [date("1969-12-31"), date("2024-02-29"), date("9999-12-31")];
    times_come_back: NaiveTime => DataType::Time, [time("00:00:00"), time("23:59:59.999999999")];
    moments_come_back: NaiveDateTime => micros(None), [moment("1900-01-01T00:00:00"), moment("2024-02-29T12:30:01.000001")];
    instants_come_back: DateTime<Utc> => micros(Some(TimeZone::UTC)), [instant("1900-01-01T00:00:00Z"), instant("2262-05-01T12:30:01.25Z")];
    decimals_come_back: Decimal => DataType::Decimal(38, 9), [decimal("0"), decimal("-12.345"), Decimal::MAX, decimal("0.000000001")];
    uuids_come_back: Uuid => text(), [Uuid::nil(), Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef)];
    newtypes_come_back: Email => text(), [Email("a@b.c".into())];
    enums_come_back: Status => text(), [Status::Active, Status::OnHold, Status::Gone];
    characters_come_back: char => text(), ['a', 'ü', '\u{1f980}'];
    boxes_come_back: Box<i64> => DataType::Int64, [Box::new(i64::MIN), Box::new(3)];
    arrays_come_back: [i32; 2] => DataType::List(Box::new(DataType::Int32)), [[1, 2], [i32::MIN, 0]];
    arrays_of_bytes_come_back: [u8; 3] => DataType::Binary, [[0, 1, 255]];
    enums_with_values_come_back: Shape => text(), [Shape::Circle { radius: 1.5 }, Shape::Point];
}

#[test]
fn u8_comes_back() {
    #[derive(Debug, PartialEq, Cached)]
    #[cached(table = "test.values")]
    struct Row {
        #[cached(id)]
        id: u8,
        value: u8,
        optional: Option<u8>,
        list_of_optional: Vec<Option<u8>>,
    }

    let row = |id, optional| Row { id, value: 255 - id, optional, list_of_optional: vec![optional, None] };
    assert_same(&[row(0, Some(3)), row(255, None)]);
}

#[test]
fn a_frame_of_instants_can_be_printed() {
    #[derive(Cached)]
    #[cached(table = "test.values")]
    struct Row {
        #[cached(id)]
        id: u8,
        value: DateTime<Utc>,
    }

    let printed = stored(&[Row { id: 1, value: instant("2024-02-29T12:30:01Z") }]).to_string();
    assert!(printed.contains("2024-02-29 12:30:01 UTC"), "{printed}");
}

#[test]
fn rows_that_several_threads_convert_come_back_in_order_with_the_first_fault() {
    #[derive(Clone, Debug, PartialEq, Cached)]
    #[cached(table = "test.values")]
    struct Row {
        #[cached(id)]
        id: i64,
        text: Option<String>,
        email: Email,
    }

    let row = |id: i64| Row { id, text: (id % 3 > 0).then(|| format!("text {id}")), email: Email(format!("{id}@b.c")) };
    let mut rows: Vec<Row> = (0..100_000).map(row).collect();
    let frame = Row::to_frame(&rows).expect("a frame");
    assert_eq!(Row::from_frame(&frame).expect("rows"), rows);

    for id in [90_000, 60_000, 99_999] {
        rows[id].email = Email(format!("nobody {id}"));
    }
    let fault = fault_of::<Row>(&Row::to_frame(&rows).expect("a frame"));
    assert!(fault.contains("row: 60000") && fault.contains("no @"), "{fault}");
}

/// What another program may have stored.
fn fault_of<T: Record>(stored: &DataFrame) -> String {
    format!("{:?}", T::from_frame(stored).err().expect("the value does not fit"))
}

#[test]
fn stored_values_of_another_length_are_faults() {
    #[derive(Cached)]
    #[cached(table = "test.values")]
    struct Letter {
        #[cached(id)]
        id: i64,
        value: char,
    }

    #[derive(Cached)]
    #[cached(table = "test.values")]
    struct Pair {
        #[cached(id)]
        id: i64,
        value: [u8; 2],
    }

    let letters = df!("id" => [1_i64], "value" => ["ab"]).expect("a frame");
    assert!(fault_of::<Letter>(&letters).contains(r#"\"ab\" is not one character"#));
    let bytes = df!("id" => [1_i64], "value" => [&[1_u8, 2, 3][..]]).expect("a frame");
    assert!(fault_of::<Pair>(&bytes).contains("there are 3 elements, not 2"));
}

#[test]
fn documents_in_boxes_and_arrays_come_back() {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
    struct Point {
        x: f64,
    }

    #[derive(Debug, PartialEq, Cached)]
    #[cached(table = "test.values")]
    struct Row {
        #[cached(id)]
        id: u8,
        #[cached(json)]
        point: Box<Point>,
        #[cached(json)]
        line: [Point; 2],
    }

    let point = |x| Point { x };
    assert_same(&[Row { id: 1, point: Box::new(point(0.5)), line: [point(1.0), point(2.0)] }]);
}

#[test]
fn uuids_are_keys() {
    #[derive(Debug, PartialEq, Cached)]
    #[cached(table = "test.values")]
    struct Row {
        #[cached(id)]
        id: Uuid,
        value: bool,
    }

    assert_same(&[Row { id: Uuid::from_u128(1), value: true }]);
    assert_eq!(Row::schema().id().data_type(), &DataType::String);
}

#[test]
fn nan_keeps_its_bits() {
    #[derive(Cached)]
    #[cached(table = "test.values")]
    struct Row {
        #[cached(id)]
        id: u8,
        value: f64,
    }

    let frame = Row::to_frame(&[Row { id: 1, value: f64::NAN }]).expect("the rows make a frame");
    let rows = Row::from_frame(&frame).expect("the frame makes rows");
    assert_eq!((rows[0].id, rows[0].value.to_bits()), (1, f64::NAN.to_bits()));
}

#[test]
fn enums_are_stored_by_the_names_of_serde() {
    #[derive(Cached)]
    #[cached(table = "test.values")]
    struct Row {
        #[cached(id)]
        id: u8,
        status: Status,
    }

    let rows = [Row { id: 1, status: Status::OnHold }, Row { id: 2, status: Status::Gone }];
    let frame = Row::to_frame(&rows).expect("the rows make a frame");
    let names: Vec<&str> = frame.columns()[1].str().expect("text").iter().flatten().collect();
    assert_eq!(names, ["on-hold", "GONE"]);
}

#[test]
fn skipped_fields_take_their_default() {
    #[derive(Debug, PartialEq, Cached)]
    #[cached(table = "test.values")]
    struct Row {
        #[cached(id)]
        id: u8,
        #[cached(skip)]
        scratch: Option<std::time::Instant>,
        value: u8,
    }

    let rows = [Row { id: 1, scratch: Some(std::time::Instant::now()), value: 2 }];
    assert_eq!(
        Row::from_frame(&stored(&rows)).expect("the frame makes rows"),
        [Row { id: 1, scratch: None, value: 2 }]
    );
    assert_eq!(Row::schema().columns().len(), 1);
}

#[test]
fn defaults_are_columns_of_one_row() {
    fn seven() -> u8 {
        7
    }

    #[derive(Cached)]
    #[cached(table = "test.values")]
    struct Row {
        #[cached(id)]
        id: u8,
        #[cached(default)]
        name: String,
        #[cached(default = "seven")]
        value: u8,
        plain: u8,
    }

    let defaults: Vec<Option<Series>> = Row::schema()
        .columns()
        .iter()
        .map(|column| column.default().map(|default| default().expect("the default makes a column")))
        .collect();
    let expected = [Some(Series::new("".into(), [""])), Some(Series::new("".into(), [7_u8])), None];
    assert_eq!(defaults, expected);
}
