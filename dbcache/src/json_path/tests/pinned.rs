//! Values read as a type that the caller pins.

use super::*;

struct Case {
    pinned: DataType,
    /// Values, as JSON, that fit, with what they become.
    fit: &'static [(&'static str, &'static str)],
    /// Values that do not.
    misfit: &'static [&'static str],
}

fn numbers() -> Vec<Case> {
    vec![
        Case {
            pinned: DataType::Boolean,
            fit: &[
                ("true", "true"),
                ("false", "false"),
                ("1", "true"),
                ("0", "false"),
                ("\"true\"", "true"),
                ("\"f\"", "false"),
            ],
            misfit: &["2", "1.5", "\"yes\"", "\"\"", "[]", "{}"],
        },
        Case {
            pinned: DataType::Int64,
            fit: &[
                ("7", "7"),
                ("-9223372036854775808", "-9223372036854775808"),
                ("2.0", "2"),
                ("1e3", "1000"),
                ("9007199254740993.0", "9007199254740993"),
                ("922337203685477580.7e1", "9223372036854775807"),
                ("\"25\"", "25"),
                ("\"-2.50e1\"", "-25"),
                ("\"\\u0032\"", "2"),
                ("\"007\"", "7"),
                ("\" +7 \"", "7"),
                ("true", "1"),
            ],
            misfit: &[
                "9223372036854775808",
                "9223372036854775807.5",
                "0.5",
                "1e400",
                "1e19",
                "NaN",
                "Infinity",
                "\"\"",
                "\"7 apples\"",
                "\"[7]\"",
                "\"true\"",
                "[7]",
                "{\"x\":7}",
            ],
        },
        Case { pinned: DataType::UInt8, fit: &[("255", "255"), ("-0.0", "0")], misfit: &["256", "-1"] },
        Case { pinned: DataType::Int8, fit: &[("-128", "-128"), ("1.27e2", "127")], misfit: &["128", "1.28e2"] },
        Case {
            pinned: DataType::UInt64,
            fit: &[("18446744073709551615", "18446744073709551615")],
            misfit: &["18446744073709551616", "-1"],
        },
        Case {
            pinned: DataType::Int128,
            fit: &[
                ("18446744073709551616", "18446744073709551616"),
                ("1e30", "1000000000000000000000000000000"),
                ("-170141183460469231731687303715884105728", "-170141183460469231731687303715884105728"),
            ],
            misfit: &["1e39", "170141183460469231731687303715884105728"],
        },
        Case {
            pinned: DataType::Float64,
            fit: &[
                ("1", "1.0"),
                ("0.1", "0.1"),
                ("0.1234567890123456789", "0.12345678901234568"),
                ("9007199254740992", "9007199254740992.0"),
                ("-0", "-0.0"),
                ("5e-324", "5e-324"),
                ("NaN", "NaN"),
                ("-Infinity", "-inf"),
                ("\"1\"", "1.0"),
                ("\"NaN\"", "NaN"),
            ],
            misfit: &["9007199254740993", "\"9007199254740993\"", "1e400", "-1e400", "1e-400", "\"one\"", "null0"],
        },
        Case {
            pinned: DataType::Float32,
            fit: &[("0.5", "0.5"), ("16777216", "1.6777216e7"), ("Infinity", "inf"), ("\"0.5\"", "0.5")],
            misfit: &["16777217", "9007199254740993", "1e39", "1e300", "-1e39", "1e-60", "18446744073709551615"],
        },
    ]
}

fn others() -> Vec<Case> {
    let inner = record(&[("x", DataType::Int64), ("y", DataType::String)]);
    vec![
        Case {
            pinned: DataType::String,
            fit: &[
                ("\"x\\ny\"", "x\ny"),
                ("1.50", "1.5"),
                ("1E2", "100"),
                ("true", "true"),
                ("[1, \"a b\"]", "[1,\"a b\"]"),
                ("{ \"k\" : \"\\\" \" }", "{\"k\":\"\\\" \"}"),
            ],
            misfit: &["\"\\ud800\""],
        },
        Case {
            pinned: list(DataType::Int64),
            fit: &[("[1,null,2.0]", "[1, null, 2]"), ("[]", "[]")],
            misfit: &["1", "{}"],
        },
        Case {
            pinned: DataType::Array(Box::new(DataType::Int64), 2),
            fit: &[("[1,2]", "[1, 2]")],
            misfit: &["[1]", "[1,2,3]", "{}"],
        },
        Case {
            pinned: inner,
            fit: &[
                (r#"{"y":5,"x":1,"z":[]}"#, "{x: 1, y: 5}"),
                ("{}", "{x: null, y: null}"),
                (r#"{"x":1,"x":2}"#, "{x: 2, y: null}"),
            ],
            misfit: &["1", "[]"],
        },
        Case {
            pinned: DataType::Decimal(6, 2),
            fit: &[("1.50", "1.50"), ("-7", "-7.00"), ("\"0.1000\"", "0.10"), ("12.5e1", "125.00"), ("100e-3", "0.10")],
            misfit: &["1.234", "12345", "10000", "1e4", "1e-3", "1e-99999999999", "\"0.001\"", "NaN", "true", "[]"],
        },
        Case { pinned: DataType::Date, fit: &[("\"2024-02-29\"", "2024-02-29")], misfit: &["\"soon\"", "true"] },
        Case {
            pinned: DataType::Decimal(38, 0),
            fit: &[("99999999999999999999999999999999999999", "99999999999999999999999999999999999999")],
            misfit: &["1e38", "-1e38", "0.5"],
        },
        Case { pinned: DataType::Null, fit: &[], misfit: &["1", "[]"] },
    ]
}

fn cases() -> Vec<Case> {
    numbers().into_iter().chain(others()).collect()
}

fn document(value: &str) -> Series {
    documents(&[&format!(r#"{{"a":{value}}}"#)])
}

#[test]
fn values_that_fit_are_the_same_in_both_modes() {
    for case in cases() {
        for (value, expected) in case.fit {
            for strictness in [Strictness::Lenient, Strictness::Strict] {
                let column = try_one(&document(value), &dotted("a"), Some(&case.pinned), strictness);
                let column = column.unwrap_or_else(|error| panic!("{value} as {}: {error:?}", case.pinned));
                assert_eq!(cells(&column), [*expected], "{value} as {}", case.pinned);
                assert_eq!(*column.dtype(), case.pinned);
            }
        }
    }
}

#[test]
fn values_that_do_not_fit_are_null_or_an_error() {
    for case in cases() {
        for value in case.misfit {
            let column = try_one(&document(value), &dotted("a"), Some(&case.pinned), Strictness::Lenient);
            let column = column.expect("lenient extraction has no errors");
            assert_eq!(cells(&column), ["null"], "{value} as {}", case.pinned);
            assert_eq!(*column.dtype(), case.pinned);
            let strict = try_one(&document(value), &dotted("a"), Some(&case.pinned), Strictness::Strict);
            assert!(strict.is_err(), "{value} as {}", case.pinned);
        }
    }
}

#[test]
fn a_misfit_within_is_null_alone() {
    let pinned = record(&[("x", DataType::Int64), ("y", list(DataType::Boolean))]);
    let column = document(r#"{"x":"no","y":[true,2]}"#);
    let lenient = try_one(&column, &dotted("a"), Some(&pinned), Strictness::Lenient);
    assert_eq!(cells(&lenient.expect("lenient extraction has no errors")), ["{x: null, y: [true, null]}"]);
    assert!(try_one(&column, &dotted("a"), Some(&pinned), Strictness::Strict).is_err());
}

#[test]
fn nulls_and_missing_keys_have_the_pinned_type() {
    for pinned in cases().into_iter().map(|case| case.pinned) {
        for column in [documents(&[r#"{"a":null}"#, "{}"]), documents(&[]), Series::new_null(PlSmallStr::EMPTY, 2)] {
            let strict = try_one(&column, &dotted("a"), Some(&pinned), Strictness::Strict).expect("nulls fit anything");
            assert_eq!(*strict.dtype(), pinned);
            assert_eq!(strict.null_count(), column.len());
        }
    }
}

#[test]
fn errors_name_row_path_and_value() {
    let column = documents(&[r#"{"a":1,"b":2}"#, r#"{"a":2,"b":"two"}"#, r#"{"a":3,"b":"three"}"#]);
    let paths = ["a", "b"].map(dotted);
    let wanted: Vec<_> = paths.iter().map(|path| Extraction { path, pinned: Some(&DataType::Int64) }).collect();
    let error = extract(&column, &wanted, Strictness::Strict).expect_err("the second row has text");
    assert_eq!((error.row, error.path), (1, 1));
    assert_eq!(error.reason, "\"two\" does not fit in i64");
}

#[test]
fn a_thousand_rows_give_what_one_row_gives() {
    for case in cases() {
        let values: Vec<&str> = case.fit.iter().map(|(value, _)| *value).chain(case.misfit.iter().copied()).collect();
        let rows = values.into_iter().cycle().take(1_000).map(|value| format!(r#"{{"a":{value}}}"#));
        let rows: Vec<String> = rows.collect();
        let of = |column: &Series| try_one(column, &dotted("a"), Some(&case.pinned), Strictness::Lenient);
        let all = of(&Series::new(PlSmallStr::EMPTY, &rows)).expect("lenient extraction has no errors");
        for (row, text) in rows.iter().enumerate() {
            let alone = of(&documents(&[text])).expect("lenient extraction has no errors");
            assert_eq!(cells(&all.slice(i64::try_from(row).expect("rows are few"), 1)), cells(&alone), "{text}");
        }
    }
}
