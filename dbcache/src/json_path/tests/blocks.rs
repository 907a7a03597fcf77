//! Values whose kind changes after more rows than are read at a time.

use super::*;

/// More than a block of rows, and no multiple of one.
const ROWS: usize = 300;

const VALUES: [&str; 19] = [
    "null",
    "true",
    "1",
    "-0",
    "9007199254740993",
    "18446744073709551615",
    "18446744073709551616",
    "1e400",
    "0.12345678901234567890",
    "NaN",
    "1E2",
    "{}",
    "0.5",
    "\"x\"",
    r#""\u00e9""#,
    "[1]",
    "[0.5, null]",
    r#"{"b":1}"#,
    r#"{"b":"x","c":[true]}"#,
];

fn column(first: &str, second: &str) -> Series {
    let document = |value: &str| format!(r#"{{"other":[1,{{}}],"a":{value}}}"#);
    let documents = [first, second].map(document);
    let rows: Vec<&str> = documents.iter().flat_map(|document| vec![document.as_str(); ROWS]).collect();
    super::documents(&rows)
}

fn pairs() -> impl Iterator<Item = (&'static str, &'static str)> {
    VALUES.into_iter().flat_map(|first| VALUES.into_iter().map(move |second| (first, second)))
}

#[test]
fn type_and_values_are_those_of_the_reverse_order() {
    for (first, second) in pairs() {
        let (forth, back) = (one(&column(first, second), &dotted("a")), one(&column(second, first), &dotted("a")));
        assert_eq!(forth.dtype(), back.dtype(), "{first} and {second}");
        assert!(forth.equals_missing(&back.reverse()), "{first} and {second}: {forth} is not {back}");
    }
}

#[test]
fn type_and_values_are_those_of_two_rows() {
    for (first, second) in pairs() {
        let two = documents(&[&format!(r#"{{"a":{first}}}"#), &format!(r#"{{"a":{second}}}"#)]);
        let (values, data_type) = shown(&two, "a");
        let (many, of_many) = shown(&column(first, second), "a");
        assert_eq!(data_type, of_many, "{first} and {second}");
        let expected = values.iter().flat_map(|value| vec![value; ROWS]);
        assert!(many.iter().eq(expected), "{first} and {second}");
    }
}

#[test]
fn a_misfit_in_a_later_block_is_placed() {
    let error = try_one(&column("1", "\"x\""), &dotted("a"), Some(&DataType::Int64), Strictness::Strict);
    assert_eq!(error.expect_err("text is no integer").row, ROWS);
    let error = try_one(&column("{}", "7"), &dotted("a.b"), None, Strictness::Strict);
    assert_eq!(error.expect_err("the path steps into 7").row, ROWS);
}
