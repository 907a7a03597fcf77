//! Every pair of types, with the values at their borders.

use super::*;

macro_rules! integers {
    ($($integer:ident)*) => {
        vec![$(Series::new("value".into(), [
            Some($integer::MIN), Some($integer::MAX), Some(0), Some(1), None, Some($integer::MAX / 2 + 1),
            [16_777_217_i128, 9_007_199_254_740_993, 99].iter().find_map(|odd| $integer::try_from(*odd).ok()),
        ])),*]
    };
}

fn decimals(precision: usize, scale: usize) -> Series {
    let most = 10_i128.pow(u32::try_from(precision).expect("38 digits")) - 1;
    let one = 10_i128.pow(u32::try_from(scale).expect("38 digits"));
    let numbers = [Some(0), None, Some(1), Some(-most), Some(most), Some(one.min(most)), Some(125.min(most))];
    let numbers = Int128Chunked::from_iter(numbers).into_decimal(precision, scale).expect("they fit");
    numbers.into_series().with_name("value".into())
}

fn counts() -> Int64Chunked {
    let midnight = 86_400_000_000_000;
    let counts =
        [Some(0), None, Some(-1), Some(999), Some(i64::MAX), Some(i64::MIN), Some(i64::MIN + 1), Some(midnight)];
    counts.into_iter().collect::<Int64Chunked>().with_name("value".into())
}

const TEXTS: [Option<&str>; 33] = [
    Some("25"),
    Some("007"),
    Some("25.0"),
    Some("-1"),
    Some("1e3"),
    Some("true"),
    Some("f"),
    None,
    Some(""),
    Some("1e400"),
    Some("-1e400"),
    Some("1e-400"),
    Some("9007199254740993"),
    Some("0.5"),
    Some("0.1234567890123456789"),
    Some("340282366920938463463374607431768211455"),
    Some("170141183460469231731687303715884105728"),
    Some("NaN"),
    Some("-0.0"),
    Some("2024-02-29"),
    Some("2023-02-29"),
    Some("-0044-03-15"),
    Some("+12024-01-01"),
    Some("2024-01-01 12:00:00"),
    Some("2024-01-01T12:00:00.1234567Z"),
    Some("2024-01-01T12:00:00+02:00"),
    Some("2024-01-01 24:00:00"),
    Some("12:00:00"),
    Some("24:00"),
    Some("infinity"),
    Some("é"),
    Some("a"),
    Some("[1]"),
];

/// A column of each type.
fn columns() -> Vec<Series> {
    let mut columns = integers![i8 i16 i32 i64 i128 u8 u16 u32 u64 u128];
    columns.push(Series::new("value".into(), [Some(true), None, Some(false)]));
    let floats = [0.0, -0.0, 0.1, 0.5, -1.0, 1.5, 1e300, 16_777_217.0, 9_007_199_254_740_993.0, 1.8e19, 1.7e38, 3.4e38];
    let floats: Vec<f64> =
        floats.into_iter().chain([f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 5e-324, f64::MAX, f64::MIN]).collect();
    columns.push(Series::new("value".into(), &floats));
    let small = [0.0, -0.0, 0.1, 0.5, 1.5, 16_777_216.0, f32::NAN, f32::INFINITY, f32::MAX, f32::MIN_POSITIVE, 1e-45];
    columns.push(Series::new("value".into(), small));
    columns.extend([(38, 0), (12, 2), (38, 9), (38, 38), (1, 0)].map(|(precision, scale)| decimals(precision, scale)));
    columns.push(Series::new("value".into(), TEXTS));
    columns.push(Series::new("value".into(), [Some(&b"a"[..]), None, Some(&[0xff, 0xfe]), Some(b"")]));
    let days = [Some(0), None, Some(-1), Some(i32::MAX), Some(i32::MIN), Some(-i32::MAX), Some(19_782)];
    columns.push(days.into_iter().collect::<Int32Chunked>().with_name("value".into()).into_date().into_series());
    let nanos = [Some(0), None, Some(1), Some(86_399_999_999_999)];
    columns.push(nanos.into_iter().collect::<Int64Chunked>().with_name("value".into()).into_time().into_series());
    for unit in [TimeUnit::Milliseconds, TimeUnit::Microseconds, TimeUnit::Nanoseconds] {
        for zone in [None, Some("UTC"), Some("Europe/Berlin")] {
            let zone = zone.map(|zone| TimeZone::opt_try_new(Some(zone)).expect("a zone").expect("a zone"));
            columns.push(counts().into_datetime(unit, zone).into_series());
        }
        columns.push(counts().into_duration(unit).into_series());
    }
    let texts = Series::new("value".into(), [Some("a"), None, Some("25"), Some("é")]);
    columns.push(texts.cast(&DataType::from_categories(Categories::global())).expect("categories"));
    columns.push(Series::new_null("value".into(), 3));
    columns.extend(nested_columns());
    columns
}

fn nested_columns() -> Vec<Series> {
    let of = |values: [&Series; 4]| -> Series {
        let mut lists: ListChunked = values.into_iter().map(|list| Some(list.clone())).collect();
        lists.append(&ListChunked::full_null_with_dtype("".into(), 1, values[0].dtype())).expect("of one type");
        lists.into_series().with_name("value".into())
    };
    let integers = |values: &[Option<i64>]| Series::new("".into(), values);
    let texts = |values: &[&str]| Series::new("".into(), values);
    let lists =
        of([&integers(&[Some(1), Some(i64::MAX)]), &integers(&[]), &integers(&[None]), &integers(&[Some(-1), None])]);
    let pairs = of([
        &integers(&[Some(1), Some(2)]),
        &integers(&[Some(1), None]),
        &integers(&[None; 2]),
        &integers(&[Some(0); 2]),
    ]);
    let arrays = pairs.cast(&DataType::Array(Box::new(DataType::Int64), 2)).expect("pairs");
    let words = of([&texts(&["1"]), &texts(&["x", "2"]), &texts(&[]), &texts(&["2024-01-01"])]);
    let fields = |fields: &[Series]| {
        let rows = fields.first().map_or(0, |field| field.len());
        let structs = StructChunked::from_series("value".into(), rows, fields.iter()).expect("a struct");
        let validity = (0..rows).map(|row| row != 2).collect();
        structs.with_outer_validity(Some(validity)).into_series()
    };
    let numbers = Series::new("a".into(), [Some(1_i64), Some(300), Some(-5), None]);
    let names = Series::new("b".into(), [Some("x"), None, Some("hidden"), Some("7")]);
    vec![
        fields(&[numbers.clone(), names.clone()]),
        fields(&[names.clone().with_name("a".into())]),
        fields(&[names, numbers.with_name("c".into())]),
        lists,
        arrays,
        words,
    ]
}

/// The same values in chunks of one row and more, with empty ones between them.
fn in_chunks(column: &Series) -> Series {
    let mut chunked = column.slice(0, 0);
    let mut start = 0;
    for length in [1, 0, 2, 1].into_iter().cycle() {
        if start >= column.len() {
            break;
        }
        chunked.append(&column.slice(i64::try_from(start).expect("few rows"), length)).expect("of one type");
        start += length;
    }
    chunked
}

/// The same values as a slice of more.
fn sliced(column: &Series) -> Series {
    let mut more = column.clone();
    more.append(column).expect("of one type");
    more.append(column).expect("of one type");
    more.rechunk().slice(i64::try_from(column.len()).expect("few rows"), column.len())
}

fn assert_same(left: &Converted, right: &Converted, context: &str) {
    assert_eq!(left.misfits, right.misfits, "{context}");
    assert!(left.values.equals_missing(&right.values), "{context}: {:?} is not {:?}", left.values, right.values);
}

#[test]
fn a_value_converts_or_does_not_whichever_rows_and_chunks_it_comes_in() {
    let columns = columns();
    let mut cases = 0;
    for column in &columns {
        for wanted in columns.iter().map(|column| column.dtype()) {
            let context = format!("{} to {wanted}", column.dtype());
            let all = by_row(column, wanted).expect(&context);
            assert_eq!(all.values.dtype(), wanted, "{context}");
            assert_eq!(all.values.name(), column.name(), "{context}");
            assert_same(&all, &by_row(&in_chunks(column), wanted).expect(&context), &context);
            assert_same(&all, &by_row(&sliced(column), wanted).expect(&context), &context);
            assert_eq!(by_row(&column.slice(0, 0), wanted).expect(&context).values.len(), 0, "{context}");
            for row in 0..column.len() {
                let at = i64::try_from(row).expect("few rows");
                let one = by_row(&column.slice(at, 1), wanted).expect(&context);
                let is_misfit = all.misfits.contains(&row);
                assert_eq!(one.misfits, if is_misfit { vec![0] } else { vec![] }, "row {row} of {context}");
                assert!(one.values.equals_missing(&all.values.slice(at, 1)), "row {row} of {context}");
                cases += 1;
            }
        }
    }
    assert!(cases > 10_000, "{cases}");
}

#[test]
fn what_is_exact_takes_every_value_what_is_refused_none_and_what_is_checked_some() {
    let columns = columns();
    for column in &columns {
        for wanted in columns.iter().map(|column| column.dtype()) {
            let context = format!("{} to {wanted}", column.dtype());
            let Converted { values, misfits } = by_row(column, wanted).expect(&context);
            let there = column.len() - column.null_count();
            match conversion(column.dtype(), wanted) {
                Conversion::Exact => assert!(misfits.is_empty(), "{context}: {misfits:?}"),
                Conversion::Refused => assert_eq!(misfits.len(), there, "{context}"),
                Conversion::Checked(_) => assert!(misfits.len() <= there, "{context}"),
            }
            if !wanted.is_nested() {
                assert_eq!(values.null_count(), column.null_count() + misfits.len(), "{context}");
            }
            assert_eq!(convert(column, wanted).is_ok(), misfits.is_empty(), "{context}");
            for row in misfits {
                assert!(reason(column, row, wanted).contains("does not fit in"), "{context}");
            }
        }
    }
}

#[test]
fn what_converts_converts_back_to_the_same() {
    let columns = columns();
    for column in columns.iter().filter(|column| !column.dtype().is_nested() && !column.dtype().is_string()) {
        for wanted in columns.iter().map(|column| column.dtype()) {
            // 0.1 is a number of both floats, though not the same float.
            let are_floats = column.dtype().is_float() && wanted.is_float();
            if are_floats || conversion(wanted, column.dtype()) == Conversion::Refused {
                continue;
            }
            let context = format!("{} to {wanted} and back", column.dtype());
            let there = by_row(column, wanted).expect(&context);
            let back = by_row(&there.values, column.dtype()).expect(&context);
            assert!(back.misfits.is_empty(), "{context}: {:?}", back.misfits);
            for row in (0..column.len()).filter(|row| !there.misfits.contains(row)) {
                let (before, after) = (column.get(row).expect("a row"), back.values.get(row).expect("a row"));
                assert!(before.eq_missing(&after, true), "row {row} of {context}");
            }
        }
    }
}

/// Whether each value becomes that one, or nothing.
fn assert_converts<const N: usize>(
    from: [&str; N],
    from_type: &DataType,
    to_type: &DataType,
    expected: [Option<&str>; N],
) {
    let from = by_row(&Series::new("value".into(), from), from_type).expect("text");
    assert!(from.misfits.is_empty(), "{from_type}: {:?}", from.misfits);
    let converted = by_row(&from.values, to_type).expect("a column");
    let texts = by_row(&converted.values, &DataType::String).expect("text").values;
    let texts: Vec<Option<&str>> = texts.str().expect("text").iter().collect();
    assert_eq!(texts, expected, "{from_type} to {to_type}");
}

#[test]
fn numbers_become_the_same_numbers_or_none() {
    use DataType::{Boolean, Decimal, Float32, Float64, Int8, Int64, String, UInt64, UInt128};
    let beyond = "9007199254740993";
    assert_converts(
        [beyond, "9007199254740992", "-1"],
        &Int64,
        &Float64,
        [None, Some("9007199254740992.0"), Some("-1.0")],
    );
    assert_converts(["16777217", "16777216"], &Int64, &Float32, [None, Some("16777216.0")]);
    assert_converts(["18446744073709551615", "0"], &UInt64, &Float64, [None, Some("0.0")]);
    assert_converts(["340282366920938463463374607431768211455", "1"], &UInt128, &Float64, [None, Some("1.0")]);
    assert_converts(
        ["1e300", "0.1", "0.123456789012", "inf"],
        &Float64,
        &Float32,
        [None, Some("0.1"), None, Some("inf")],
    );
    assert_converts(["1.0", "1.5", "NaN", "300.0"], &Float64, &Int8, [Some("1"), None, None, None]);
    assert_converts(
        ["9223372036854775808", "-9223372036854775808"],
        &Float64,
        &Int64,
        [None, Some("-9223372036854775808")],
    );
    assert_converts(["0.1", "1e300", "inf", "0.125"], &Float64, &Decimal(12, 2), [Some("0.10"), None, None, None]);
    assert_converts(["0.10", "1234567.25"], &Decimal(12, 2), &Float64, [Some("0.1"), Some("1234567.25")]);
    let decimals = ["9007199254740993", "0.1234567890123456789", "0.5"];
    assert_converts(decimals, &Decimal(38, 19), &Float64, [None, None, Some("0.5")]);
    assert_converts(["1.50", "1.55"], &Decimal(12, 2), &Decimal(12, 1), [Some("1.5"), None]);
    assert_converts(["2.00", "2.50", "-300.00"], &Decimal(12, 2), &Int8, [Some("2"), None, None]);
    assert_converts(["0", "1", "2"], &Int64, &Boolean, [Some("false"), Some("true"), None]);
    assert_converts(["25", "25.0", "x", ""], &String, &Int64, [Some("25"), Some("25"), None, None]);
    assert_converts(["1e400", "-0.0", "1e-400", "NaN"], &String, &Float64, [None, Some("-0.0"), None, Some("NaN")]);
    assert_converts(["1.23", "1.234"], &String, &Decimal(12, 2), [Some("1.23"), None]);
}

#[test]
fn dates_and_times_become_the_same_or_none() {
    use DataType::{Date, Datetime, String, Time};
    let (ms, us, ns) = (TimeUnit::Milliseconds, TimeUnit::Microseconds, TimeUnit::Nanoseconds);
    let utc = || Some(TimeZone::UTC);
    let texts = ["2024-01-01T12:00:00Z", "2024-01-01T12:00:00+02:00", "2024-01-01", "2024-01-01 00:00:00.1234567"];
    let noon = Some("2024-01-01 12:00:00");
    assert_converts(texts, &String, &Datetime(us, None), [noon, None, Some("2024-01-01 00:00:00"), None]);
    let expected = ["2024-01-01 12:00:00+00:00", "2024-01-01 10:00:00+00:00", "2024-01-01 00:00:00+00:00"].map(Some);
    assert_converts([texts[0], texts[1], texts[2]], &String, &Datetime(us, utc()), expected);
    assert_converts(["12:00:00", "24:00", "12:30"], &String, &Time, [Some("12:00:00"), None, Some("12:30:00")]);
    let days = ["-0044-03-15", "+12024-01-01", "2023-02-29"];
    assert_converts(days, &String, &Date, [Some("-0044-03-15"), Some("+12024-01-01"), None]);
    let moments = ["2024-01-01 00:00:00.001", "2024-01-01 00:00:00.000001", "2024-01-01"];
    assert_converts(
        moments,
        &Datetime(us, None),
        &Datetime(ms, None),
        [Some(moments[0]), None, Some("2024-01-01 00:00:00")],
    );
    assert_converts(moments, &Datetime(us, None), &Date, [None, None, Some("2024-01-01")]);
    assert_converts(["2500-01-01", "2024-01-01"], &Date, &Datetime(ns, None), [None, Some("2024-01-01 00:00:00")]);
    assert_converts(["+292278994-08-17 07:12:55.807"], &Datetime(ms, None), &Datetime(us, None), [None]);
}

#[test]
fn a_moment_with_a_zone_is_none_without_one() {
    let berlin = TimeZone::opt_try_new(Some("Europe/Berlin")).expect("a zone");
    let (with, without) =
        (DataType::Datetime(TimeUnit::Microseconds, berlin), DataType::Datetime(TimeUnit::Microseconds, None));
    assert_eq!(conversion(&with, &without), Conversion::Refused);
    assert_eq!(conversion(&without, &with), Conversion::Refused);
    let text = Series::new("value".into(), ["2024-01-01 12:00:00", "2024-01-01 12:00:00Z"]);
    assert_eq!(by_row(&text, &with).expect("a column").misfits, [0]);
}

#[test]
fn a_reason_names_the_value_within_a_nested_one() {
    let [structs, .., words] = <[Series; 6]>::try_from(nested_columns()).expect("six columns");
    let wanted = DataType::Struct(vec![Field::new("a".into(), DataType::UInt8)]);
    let converted = by_row(&structs, &wanted).expect("a column");
    assert_eq!(converted.misfits, [1]);
    assert_eq!(reason(&structs, 1, &wanted), "a: 300 does not fit in u8, which takes integers within its range");
    let wanted = DataType::List(Box::new(DataType::Int64));
    assert_eq!(by_row(&words, &wanted).expect("a column").misfits, [1, 3]);
    let reason = reason(&words, 3, &wanted);
    assert_eq!(reason, "\"2024-01-01\" does not fit in i64, which takes whole numbers within its range");
}

#[test]
fn values_beyond_the_calendar_are_shown_and_convert() {
    let infinity = Int64Chunked::from_vec("value".into(), vec![i64::MAX]).into_datetime(TimeUnit::Microseconds, None);
    let infinity = infinity.into_series();
    let reason = reason(&infinity, 0, &DataType::Date);
    assert!(reason.starts_with("+294247-01-10 04:00:54.775807 does not fit in date"), "{reason}");
}
