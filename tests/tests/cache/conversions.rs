//! What a record declares is read and fetched whatever type the database's column is stored in, whoever cached first;
//! no value changes, and what does not fit is an error that names it.

use std::io;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use dbcache::error::BoxError;
use dbcache::fetch::{FetchRequest, Fetched, Fetcher};
use dbcache::key::RowId;
use dbcache::polars::prelude::*;
use dbcache::value::{JulianDay, UnixMicros, UnixMillis, UnixSeconds, UnixTime};
use dbcache::{Cache, Cached, CachedJson, Error};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Folder;

/// The rows of two values in turn, as a database gives them.
fn rows(values: &Series, ids: &[i64]) -> PolarsResult<DataFrame> {
    let places: IdxCa = ids.iter().map(|id| Some(if id % 2 == 1 { 0 } else { 1 })).collect();
    let values = values.take(&places)?.with_name("value".into());
    DataFrame::new(ids.len(), vec![Column::new("id".into(), ids), values.into_column()])
}

/// Rows as the record has them, frames for the record, and frames for a dynamic table, in every order.
const ALL_ORDERS: &[&[usize]] = &[&[0, 1, 2], &[0, 2, 1], &[1, 0, 2], &[1, 2, 0], &[2, 0, 1], &[2, 1, 0]];

/// Those in which no dynamic table brings text where a record has stored numbers, or the like: nobody says then that one
/// stands for the other.
const DECLARED_ORDERS: &[&[usize]] = &[&[0, 1], &[1, 0, 2], &[1, 2, 0], &[2, 0, 1], &[2, 1, 0]];

/// A test a pair: a field's type, a column of the database with two values, and these values as the field has them.
macro_rules! pairs {
    ($orders:ident, $($name:ident: $ty:ty, $column:expr, [$odd:expr, $even:expr];)*) => {$(
        #[test]
        fn $name() {
            #[derive(Debug, PartialEq, Cached)]
            #[cached(table = "public.users")]
            struct Row {
                #[cached(id)]
                id: i64,
                value: $ty,
            }

            struct Frames;

            impl Fetcher<Row> for Frames {
                fn fetch(&self, request: &FetchRequest<'_, i64>) -> Result<Fetched<Row>, BoxError> {
                    Ok(rows(&$column, request.ids())?.into())
                }
            }

            let row = |id: i64| Row { id, value: if id % 2 == 1 { $odd } else { $even } };
            let as_rows = |ids: &[i64]| -> Result<Vec<Row>, io::Error> { Ok(ids.iter().map(|id| row(*id)).collect()) };
            let by_name = |ids: &[i64], _: &str| rows(&$column, ids);
            let steps: [&dyn Fn(&Folder, &[i64]); 3] = [
                &|folder, ids| drop(Cache::<Row>::open(folder.path("")).unwrap().rows(ids, &as_rows).unwrap()),
                &|folder, ids| drop(Cache::<Row>::open(folder.path("")).unwrap().rows(ids, &Frames).unwrap()),
                &|folder, ids| drop(folder.users().select(["value"]).unwrap().frame(ids, &by_name).unwrap()),
            ];
            for order in $orders {
                let folder = Folder::new();
                for (ids, step) in [[1, 2], [3, 4], [5, 6]].iter().zip(*order) {
                    steps[*step](&folder, ids);
                }
                let ids: Vec<i64> = (1..=2 * i64::try_from(order.len()).unwrap()).collect();
                let none = |_: &[i64]| -> Result<Vec<Row>, io::Error> { Err(io::Error::other("all is cached")) };
                let found = Cache::<Row>::open(folder.path("")).unwrap().rows(&ids, &none).unwrap();
                assert_eq!(found, ids.into_iter().map(row).collect::<Vec<Row>>(), "{order:?}");
            }
        }
    )*};
}

fn datetimes(text: [&str; 2], unit: TimeUnit) -> Series {
    let micros = text.map(|text| moment(text).and_utc().timestamp_micros());
    let micros = Int64Chunked::from_vec("value".into(), micros.to_vec()).into_datetime(TimeUnit::Microseconds, None);
    micros.into_series().cast(&DataType::Datetime(unit, None)).unwrap()
}

fn decimals(numbers: [i128; 2], precision: usize, scale: usize) -> Series {
    let numbers = Int128Chunked::from_vec("value".into(), numbers.to_vec());
    numbers.into_decimal(precision, scale).unwrap().into_series()
}

fn column<V>(values: [V; 2]) -> Series
where
    Series: NamedFrom<[V; 2], [V]>,
{
    Series::new("value".into(), values)
}

fn lists(lists: [&[&str]; 2]) -> Series {
    Series::new("value".into(), lists.map(|list| StringChunked::from_slice("".into(), list).into_series()))
}

fn documents() -> Series {
    let fields = [Series::new("a".into(), [1_i64, 2]), Series::new("b".into(), ["x", "y"])];
    StructChunked::from_series("value".into(), 2, fields.iter()).unwrap().into_series()
}

fn moment(text: &str) -> NaiveDateTime {
    text.parse().expect("a time")
}

fn unix_seconds(text: &str) -> UnixSeconds {
    UnixSeconds::new(moment(text).and_utc()).expect("whole seconds")
}

fn unix_millis(text: &str) -> UnixMillis {
    UnixMillis::new(moment(text).and_utc()).expect("whole milliseconds")
}

fn unix_micros(text: &str) -> UnixMicros {
    UnixMicros::new(moment(text).and_utc()).expect("whole microseconds")
}

fn unix_time(text: &str) -> UnixTime {
    UnixTime::at(moment(text).and_utc()).expect("whole microseconds")
}

fn julian_day(text: &str) -> JulianDay {
    JulianDay::at(moment(text)).expect("whole milliseconds")
}

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).expect("a date")
}

pairs! {
    ALL_ORDERS,
    a_date_is_read_from_text: NaiveDate, column(["2024-02-29", "1969-12-31"]), [day(2024, 2, 29), day(1969, 12, 31)];
    a_time_of_day_is_read_from_text: NaiveTime, column(["12:00:00", "23:59:59.500"]),
        [NaiveTime::from_hms_opt(12, 0, 0).unwrap(), NaiveTime::from_hms_milli_opt(23, 59, 59, 500).unwrap()];
    a_time_is_read_from_text: NaiveDateTime, column(["2024-01-01 12:00:00", "1969-12-31 23:59:59.123456"]),
        [moment("2024-01-01T12:00:00"), moment("1969-12-31T23:59:59.123456")];
    a_time_with_a_zone_is_read_from_text: DateTime<Utc>,
        column(["2024-01-01 12:00:00+00:00", "1969-12-31 23:59:59.123456+00:00"]),
        [moment("2024-01-01T12:00:00").and_utc(), moment("1969-12-31T23:59:59.123456").and_utc()];
    a_time_is_read_from_nanoseconds: NaiveDateTime,
        datetimes(["2024-01-01T12:00:00", "1969-12-31T23:59:59.123456"], TimeUnit::Nanoseconds),
        [moment("2024-01-01T12:00:00"), moment("1969-12-31T23:59:59.123456")];
    a_time_is_read_from_milliseconds: NaiveDateTime,
        datetimes(["2024-01-01T12:00:00", "1969-12-31T23:59:59.123"], TimeUnit::Milliseconds),
        [moment("2024-01-01T12:00:00"), moment("1969-12-31T23:59:59.123")];
    a_date_is_read_from_times: NaiveDate,
        datetimes(["2024-02-29T00:00:00", "1969-12-31T00:00:00"], TimeUnit::Nanoseconds),
        [day(2024, 2, 29), day(1969, 12, 31)];
    a_decimal_is_read_from_one_of_another_scale: Decimal, decimals([150, -1], 12, 2),
        [Decimal::new(15, 1), Decimal::new(-1, 2)];
    a_decimal_is_read_from_text: Decimal, column(["1.5", "-0.01"]), [Decimal::new(15, 1), Decimal::new(-1, 2)];
    a_decimal_is_read_from_floats: Decimal, column([1.5, -0.01]), [Decimal::new(15, 1), Decimal::new(-1, 2)];
    a_decimal_is_read_from_integers: Decimal, column([15_i64, -1]), [Decimal::from(15), Decimal::from(-1)];
    a_float_is_read_from_decimals: f64, decimals([150, -1], 12, 2), [1.5, -0.01];
    a_float_is_read_from_integers: f64, column([15_i64, -1]), [15.0, -1.0];
    a_small_float_is_read_from_integers: f32, column([15_i64, -1]), [15.0, -1.0];
    a_small_float_is_read_from_floats: f32, column([0.5, -1.25]), [0.5, -1.25];
    a_small_integer_is_read_from_large_ones: u8, column([255_i64, 0]), [255, 0];
    a_time_is_read_from_unix_seconds: UnixSeconds, column([1_704_110_400_i64, -1]),
        [unix_seconds("2024-01-01T12:00:00"), unix_seconds("1969-12-31T23:59:59")];
    a_time_is_read_from_unix_seconds_in_floats: UnixSeconds, column([1_704_110_400.0, -1.0]),
        [unix_seconds("2024-01-01T12:00:00"), unix_seconds("1969-12-31T23:59:59")];
    a_time_is_read_from_unix_milliseconds: UnixMillis, column([1_704_110_400_001_i64, -1]),
        [unix_millis("2024-01-01T12:00:00.001"), unix_millis("1969-12-31T23:59:59.999")];
    a_time_is_read_from_unix_milliseconds_in_floats: UnixMillis, column([1_704_110_400_001.0, -1.0]),
        [unix_millis("2024-01-01T12:00:00.001"), unix_millis("1969-12-31T23:59:59.999")];
    a_time_is_read_from_unix_microseconds: UnixMicros, column([1_704_110_400_000_001_i64, -1]),
        [unix_micros("2024-01-01T12:00:00.000001"), unix_micros("1969-12-31T23:59:59.999999")];
    a_time_is_read_from_unix_seconds_with_a_fraction: UnixTime, column([1_704_110_400.000_001, -0.5]),
        [unix_time("2024-01-01T12:00:00.000001"), unix_time("1969-12-31T23:59:59.5")];
    a_time_with_a_fraction_is_read_from_whole_unix_seconds: UnixTime, column([1_704_110_400_i64, -1]),
        [unix_time("2024-01-01T12:00:00"), unix_time("1969-12-31T23:59:59")];
    a_time_is_read_from_julian_days: JulianDay, column([2_460_311.0, 2_440_587.5]),
        [julian_day("2024-01-01T12:00:00"), julian_day("1970-01-01T00:00:00")];
    a_json_value_is_read_from_structs: Value, documents(), [json!({ "a": 1, "b": "x" }), json!({ "a": 2, "b": "y" })];
}

pairs! {
    DECLARED_ORDERS,
    an_integer_is_read_from_text: i64, column(["25", "007"]), [25, 7];
    an_integer_of_128_bits_is_read_from_text: u128, column(["0", "340282366920938463463374607431768211455"]),
        [0, u128::MAX];
    a_float_is_read_from_text: f64, column(["0.5", "-1e3"]), [0.5, -1000.0];
    a_flag_is_read_from_integers: bool, column([1_i64, 0]), [true, false];
    a_flag_is_read_from_text: bool, column(["true", "0"]), [true, false];
    an_optional_integer_is_read_from_text: Option<i32>, column([Some("-1"), None]), [Some(-1), None];
    a_text_is_read_from_integers: String, column([15_i64, -1]), ["15".to_owned(), "-1".to_owned()];
    a_text_is_read_from_floats: String, column([1.5, -1.0]), ["1.5".to_owned(), "-1.0".to_owned()];
    numbers_are_read_from_lists_of_text: Vec<f64>, lists([&["0.5", "7"], &[]]), [vec![0.5, 7.0], vec![]];
}

/// What a field of a type makes of a stored value: a row, or why not.
macro_rules! read {
    ($ty:ty, $column:expr) => {{
        #[derive(Debug, Cached)]
        #[cached(table = "public.users")]
        struct Row {
            #[cached(id)]
            id: i64,
            value: $ty,
        }

        let folder = Folder::new();
        let values: Series = $column;
        let ids: Vec<i64> = (7..).take(values.len()).collect();
        let columns = vec![Column::new("id".into(), &ids), values.with_name("value".into()).into_column()];
        folder.write("public_users.parquet", DataFrame::new(ids.len(), columns).unwrap());
        let none = |_: &[i64]| -> Result<Vec<Row>, io::Error> { Ok(Vec::new()) };
        let rows = Cache::<Row>::open(folder.path("")).unwrap().rows(&ids, &none);
        match rows {
            Ok(rows) => {
                Ok(rows.into_iter().map(|row| (row.id, row.value)).map(|(_, value)| value).collect::<Vec<$ty>>())
            }
            Err(Error::Value { table, column, id, reason }) => {
                assert_eq!((table.as_str(), column.as_str()), ("public.users", "value"));
                Err((id, reason))
            }
            Err(other) => panic!("{other:?}"),
        }
    }};
}

fn one<V>(value: V) -> Series
where
    Series: NamedFrom<[V; 1], [V]>,
{
    Series::new("value".into(), [value])
}

fn refused(id: i64, value: &str) -> impl Fn(&(RowId, String)) -> bool + '_ {
    move |(found, reason)| *found == RowId::from(id) && reason.starts_with(&format!("{value} does not fit in"))
}

#[test]
fn numbers_that_a_field_does_not_hold_are_errors_and_not_rounded() {
    let beyond = 9_007_199_254_740_993_i64;
    assert!(read!(f64, one(beyond)).is_err_and(|error| refused(7, "9007199254740993")(&error)));
    assert_eq!(read!(f64, one(beyond - 1)), Ok(vec![9_007_199_254_740_992.0]));
    assert!(read!(f32, column([0.5, 1e300])).is_err_and(|error| refused(8, "1e300")(&error)));
    assert!(read!(f32, one(0.123_456_789_012)).is_err());
    assert_eq!(read!(f32, one(0.1)), Ok(vec![0.1_f32]));
    assert!(read!(Decimal, one(1e-10)).is_err());
    assert!(read!(bool, one(2_i64)).is_err_and(|error| refused(7, "2")(&error)));
    assert!(read!(u8, column([255_i64, 256])).is_err_and(|error| refused(8, "256")(&error)));
    assert!(read!(f64, decimals([1, 10_i128.pow(37) + 1], 38, 2)).is_err());
}

#[test]
fn text_that_a_number_does_not_hold_is_an_error_that_names_it() {
    for text in ["x", "", "1.5", "9223372036854775808", "1e400"] {
        assert!(read!(i64, column(["007", text])).is_err_and(|error| refused(8, &format!("{text:?}"))(&error)));
    }
    assert!(read!(f64, column(["007", "0.1234567890123456789"])).is_err());
    assert!(read!(bool, column(["t", "yes"])).is_err_and(|error| refused(8, "\"yes\"")(&error)));
}

#[test]
fn times_that_a_field_does_not_hold_are_errors_and_not_cut() {
    let noon = moment("2024-01-01T12:00:00");
    assert_eq!(read!(NaiveDateTime, one("2024-01-01T12:00:00Z")), Ok(vec![noon]));
    assert!(read!(NaiveDateTime, one("2024-01-01T12:00:00+02:00")).is_err());
    assert_eq!(read!(DateTime<Utc>, one("2024-01-01T14:00:00+02:00")), Ok(vec![noon.and_utc()]));
    assert_eq!(read!(DateTime<Utc>, one("2024-01-01 12:00:00")), Ok(vec![noon.and_utc()]));
    assert!(read!(NaiveDateTime, one("2024-01-01 12:00:00.1234567")).is_err());
    assert_eq!(read!(NaiveDateTime, one("2023-12-31 24:00:00")), Ok(vec![moment("2024-01-01T00:00:00")]));
    assert_eq!(read!(NaiveDate, one("12024-01-01")), Ok(vec![day(12024, 1, 1)]));
    assert_eq!(read!(NaiveDate, one("-0044-03-15")), Ok(vec![day(-44, 3, 15)]));
    assert!(
        read!(NaiveDate, column(["2024-01-01", "2024-01-01 12:00:00"])).is_err_and(|(id, _)| id == RowId::from(8_i64))
    );
    assert!(read!(NaiveTime, one("24:00:00")).is_err());
}

/// What DuckDB stores for `infinity` and `-infinity`, and the ends of the types.
fn ends() -> [Series; 3] {
    let days = Int32Chunked::from_vec("value".into(), vec![i32::MAX, -i32::MAX, i32::MIN]).into_date().into_series();
    let counts = |unit| {
        let counts = vec![i64::MAX, -i64::MAX, i64::MIN];
        Int64Chunked::from_vec("value".into(), counts).into_datetime(unit, None).into_series()
    };
    [days, counts(TimeUnit::Microseconds), counts(TimeUnit::Milliseconds)]
}

#[test]
fn times_beyond_the_calendar_are_errors_and_never_panics() {
    let [days, micros, millis] = ends();
    assert!(read!(NaiveDate, days.clone()).is_err());
    assert!(read!(NaiveDateTime, micros.clone()).is_err());
    assert!(
        read!(NaiveDateTime, millis.clone()).is_err_and(|error| refused(7, "+292278994-08-17 07:12:55.807")(&error))
    );
    let units = [TimeUnit::Milliseconds, TimeUnit::Microseconds, TimeUnit::Nanoseconds];
    let zones = [None, Some(TimeZone::UTC)];
    let datetimes = units.iter().flat_map(|unit| zones.iter().map(|zone| DataType::Datetime(*unit, zone.clone())));
    let others =
        [DataType::String, DataType::Date, DataType::Time, DataType::Int64, DataType::Float64, DataType::Boolean];
    let lists = [DataType::String, DataType::Date].map(|inner| DataType::List(Box::new(inner)));
    for pinned in datetimes.chain(others).chain(lists) {
        for values in [&days, &micros, &millis] {
            let folder = Folder::new();
            let columns = vec![Column::new("id".into(), [1_i64, 2, 3]), values.clone().into_column()];
            folder.write("public_users.parquet", DataFrame::new(3, columns).unwrap());
            let query = folder.users().select(["value"]).unwrap().pin("value", pinned.clone()).unwrap();
            let answer = query.frame(&[1, 2, 3], &|_: &[i64], _: &str| rows(&one(1_i64), &[])).unwrap();
            assert_eq!(answer.column("value").unwrap().dtype(), &pinned);
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
struct Two {
    x: i64,
    y: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
struct One {
    x: i64,
}

#[derive(Debug, PartialEq, Cached)]
#[cached(table = "public.users")]
struct Wide {
    #[cached(id)]
    id: i64,
    #[cached(json)]
    d: Option<Two>,
}

#[derive(Debug, PartialEq, Cached)]
#[cached(table = "public.users")]
struct Narrow {
    #[cached(id)]
    id: i64,
    #[cached(json)]
    d: Option<One>,
}

#[test]
fn documents_of_several_files_are_read_by_a_record_of_fewer_keys() {
    let folder = Folder::new();
    let wide = |ids: &[i64]| -> Result<Vec<Wide>, io::Error> {
        let document = |id: i64| (id % 3 != 0).then_some(Two { x: id, y: None });
        Ok(ids.iter().map(|id| Wide { id: *id, d: document(*id) }).collect())
    };
    let cache = Cache::<Wide>::open(folder.path("")).unwrap();
    cache.rows(&(1..=600).collect::<Vec<i64>>(), &wide).unwrap();
    cache.rows(&[1000, 1001], &wide).unwrap();
    let none = |_: &[i64]| -> Result<Vec<Narrow>, io::Error> { Ok(Vec::new()) };
    let found = Cache::<Narrow>::open(folder.path("")).unwrap().rows(&[1, 3, 1000], &none).unwrap();
    let narrow = |id| Narrow { id, d: (id % 3 != 0).then_some(One { x: id }) };
    assert_eq!(found, [narrow(1), narrow(3), narrow(1000)]);
}

#[test]
fn a_frame_of_many_chunks_is_stored_as_one_of_one_chunk() {
    struct Chunks;

    impl Fetcher<Narrow> for Chunks {
        fn fetch(&self, request: &FetchRequest<'_, i64>) -> Result<Fetched<Narrow>, BoxError> {
            let chunk = |ids: &[i64]| {
                let fields = [Series::new("x".into(), ids), Series::new("z".into(), ids)];
                let documents = StructChunked::from_series("d".into(), ids.len(), fields.iter())?;
                DataFrame::new(ids.len(), vec![Column::new("id".into(), ids), documents.into_series().into_column()])
            };
            let (first, rest) = request.ids().split_at(1);
            let frame = chunk(first)?.vstack(&chunk(&[])?)?.vstack(&chunk(rest)?)?;
            Ok(frame.into())
        }
    }

    let folder = Folder::new();
    let found = Cache::<Narrow>::open(folder.path("")).unwrap().rows(&[1, 2, 3], &Chunks).unwrap();
    assert_eq!(found, [1, 2, 3].map(|id| Narrow { id, d: Some(One { x: id }) }));
}

#[test]
fn a_value_that_the_record_cannot_read_is_named_when_it_is_fetched() {
    #[derive(Debug, PartialEq, Cached)]
    #[cached(table = "public.users")]
    struct Row {
        #[cached(id)]
        id: i64,
        value: NaiveDateTime,
    }

    struct Frames;

    impl Fetcher<Row> for Frames {
        fn fetch(&self, request: &FetchRequest<'_, i64>) -> Result<Fetched<Row>, BoxError> {
            Ok(rows(&column(["2024-01-01 12:00:00", "2024-01-01T12:00:00+02:00"]), request.ids())?.into())
        }
    }

    let folder = Folder::new();
    let cache = Cache::<Row>::open(folder.path("")).unwrap();
    assert_eq!(cache.rows(&[1], &Frames).unwrap(), [Row { id: 1, value: moment("2024-01-01T12:00:00") }]);
    match cache.rows(&[1, 2, 3], &Frames) {
        Err(Error::FetchFailed { rejected, stored: 1, .. }) => {
            assert_eq!(
                (rejected.len(), rejected[0].column.as_str(), &rejected[0].id),
                (1, "value", &RowId::from(2_i64))
            );
            assert_eq!(rejected[0].value, "2024-01-01T12:00:00+02:00");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn text_is_pinned_as_the_number_that_it_writes() {
    let folder = Folder::new();
    let texts = Series::new("value".into(), [r#"{"a":"25"}"#, r#"{"a":25}"#, r#"{"a":"x"}"#]);
    let plain = Series::new("plain".into(), ["25", "25.0", "x"]);
    let columns = vec![Column::new("id".into(), [1_i64, 2, 3]), texts.into_column(), plain.into_column()];
    folder.write("public_users.parquet", DataFrame::new(3, columns).unwrap());
    let query = folder.users().select(["value.a", "plain"]).unwrap();
    let query = query.pin("value.a", DataType::Int64).unwrap().pin("plain", DataType::Int64).unwrap();
    let answer = query.frame(&[1, 2, 3], &|_: &[i64], _: &str| rows(&one(1_i64), &[])).unwrap();
    for column in ["value.a", "plain"] {
        assert_eq!(answer.column(column).unwrap(), &Column::new(column.into(), [Some(25_i64), Some(25), None]));
    }
}

#[test]
fn a_pin_reads_plain_columns_as_a_record_does() {
    let folder = Folder::new();
    let columns = vec![
        Column::new("id".into(), [1_i64, 2]),
        Column::new("flag".into(), [true, false]),
        Column::new("number".into(), [1_i64, 0]),
        Column::new("float".into(), [100.0, 0.5]),
        Column::new("text".into(), ["007", "\"7\""]),
    ];
    folder.write("public_users.parquet", DataFrame::new(2, columns).unwrap());
    let query = folder.users().select(["flag", "number", "float", "text"]).unwrap();
    let pins = [
        ("flag", DataType::Int64),
        ("number", DataType::Boolean),
        ("float", DataType::String),
        ("text", DataType::Int64),
    ];
    let query = pins.into_iter().fold(query, |query, (name, pinned)| query.pin(name, pinned).unwrap());
    let answer = query.frame(&[1, 2], &|_: &[i64], _: &str| rows(&one(1_i64), &[])).unwrap();
    let expected = df!(
        "id" => [1_i64, 2], "flag" => [1_i64, 0], "number" => [true, false], "float" => ["100.0", "0.5"],
        "text" => [7_i64, 7]
    );
    assert_eq!(answer, expected.unwrap());
}

#[test]
fn of_equal_keys_the_last_counts_whoever_reads_them() {
    let folder = Folder::new();
    let document = r#"{"x":9,"y":"a","x":10}"#;
    let by_name =
        |ids: &[i64], _: &str| -> PolarsResult<DataFrame> { df!("id" => ids, "d" => vec![document; ids.len()]) };
    struct Frames;
    impl Fetcher<Narrow> for Frames {
        fn fetch(&self, request: &FetchRequest<'_, i64>) -> Result<Fetched<Narrow>, BoxError> {
            Ok(df!("id" => request.ids(), "d" => vec![r#"{"x":9,"y":"a","x":10}"#; request.ids().len()])?.into())
        }
    }
    let narrow = Cache::<Narrow>::open(folder.path("")).unwrap();
    assert_eq!(narrow.rows(&[1], &Frames).unwrap(), [Narrow { id: 1, d: Some(One { x: 10 }) }]);
    folder.users().select(["d"]).unwrap().frame(&[2], &by_name).unwrap();
    assert_eq!(narrow.rows(&[2], &Frames).unwrap(), [Narrow { id: 2, d: Some(One { x: 10 }) }]);
    let answer = folder.users().select(["d.x"]).unwrap().frame(&[1, 2], &by_name).unwrap();
    assert_eq!(answer.column("d.x").unwrap(), &Column::new("d.x".into(), [10_i64, 10]));
}

#[test]
fn values_of_another_kind_are_rejected_where_nobody_declares_them_and_named() {
    for (first, second) in
        [(json!(true), json!(1)), (json!(1), json!(true)), (json!("7"), json!(7)), (json!(7), json!("7"))]
    {
        let folder = Folder::new();
        let fetch = |value: &Value| {
            let value = value.clone();
            move |ids: &[i64], _: &str| -> Result<Vec<dbcache_tests::Row>, io::Error> {
                let row = |id: &i64| {
                    dbcache_tests::Row::from_iter([("id".to_owned(), json!(id)), ("value".to_owned(), value.clone())])
                };
                Ok(ids.iter().map(row).collect())
            }
        };
        let query = folder.users().select(["value"]).unwrap();
        query.frame(&[1], &fetch(&first)).unwrap();
        match query.frame(&[1, 2], &fetch(&second)) {
            Err(Error::FetchFailed { rejected, .. }) => {
                assert_eq!((&rejected[0].id, rejected[0].column.as_str()), (&RowId::from(2_i64), "value"));
            }
            other => panic!("{first} then {second}: {other:?}"),
        }
    }
}

#[test]
fn a_conflict_of_documents_names_the_key() {
    #[derive(Debug, PartialEq, Cached)]
    #[cached(table = "public.users")]
    struct Texts {
        #[cached(id)]
        id: i64,
        #[cached(json)]
        d: Option<Text>,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
    struct Text {
        x: String,
    }

    let folder = Folder::new();
    let wide = |ids: &[i64]| -> Result<Vec<Wide>, io::Error> {
        Ok(ids.iter().map(|id| Wide { id: *id, d: Some(Two { x: *id, y: None }) }).collect())
    };
    Cache::<Wide>::open(folder.path("")).unwrap().rows(&[1], &wide).unwrap();
    let refused = Cache::<Texts>::open(folder.path("")).unwrap_err().to_string();
    assert!(
        refused.contains("the column \"d.x\" of public.users is stored as i64 and cannot hold or become str"),
        "{refused}"
    );
}
