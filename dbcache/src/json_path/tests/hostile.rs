//! Documents made to break a reader.

use super::*;

fn strict_reason(document: &str, path: &str) -> String {
    let column = documents(&["{}", document]);
    let lenient = one(&column, &dotted(path));
    assert_eq!(lenient.get(1).expect("there are two rows"), AnyValue::Null, "{document:.100}");
    let error = try_one(&column, &dotted(path), None, Strictness::Strict).expect_err("the document has a fault");
    assert_eq!((error.row, error.path), (1, 0), "{document:.100}");
    assert!(error.reason.len() < 200, "{}", error.reason);
    error.reason
}

#[test]
fn what_is_not_json_is_null_or_an_error() {
    let cases = [
        "",
        " ",
        "nul",
        "nulll",
        "True",
        "nan",
        "Inf",
        "+Infinity",
        "-NaN",
        "1NaN",
        "NaN0",
        "--Infinity",
        "{\"a\":Nan}",
        "-",
        "+1",
        "01",
        "1.",
        ".5",
        "1e",
        "1e+",
        "0x10",
        "1_000",
        "'a'",
        "\u{feff}{\"a\":1}",
        "{\"a\":1}}",
        "{\"a\":1} {}",
        "{\"a\":1}\0",
        "{\"a\":1",
        "{\"a\":",
        "{\"a\"",
        "{",
        "[",
        "[1",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\":1,}",
        "{,}",
        "{a:1}",
        "{1:1}",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "[1}",
        "{\"a\":1]",
        "\"",
        "\"a",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"a\nb\"",
        "\"\u{1}\"",
        "{\"a\":NaN,}",
        "{NaN:1}",
        "{\"a\":\"\t\"}",
        "// a\n{\"a\":1}",
        "{\"a\":1,\"b\":tru}",
        "\u{a0}1",
        "[1,2,3,4,5,6,7,8,9,\"longer than eight",
    ];
    for document in cases {
        let reason = strict_reason(document, "a");
        assert!(reason.starts_with("the document is not JSON"), "{document:?}: {reason}");
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |levels: usize, open: &str, core: &str, close: &str| {
        format!("{}{core}{}", open.repeat(levels), close.repeat(levels))
    };
    let deepest = format!("{{\"a\":1,\"b\":{}}}", nested(126, "[", "", "]"));
    assert_eq!(shown(&documents(&[&deepest]), "a").0, ["1"]);
    assert_eq!(shown(&documents(&[&deepest]), "b"), (vec![nested(126, "[", "", "]")], DataType::String));
    assert!(serde_json::from_str::<serde_json::Value>(&deepest).is_ok());

    for levels in [127, 1_000_000] {
        let too_deep = format!("{{\"a\":1,\"b\":{}}}", nested(levels, "[", "", "]"));
        assert!(strict_reason(&too_deep, "a").contains("127 levels"));
        assert!(strict_reason(&too_deep, "b").contains("127 levels"));
        assert!(serde_json::from_str::<serde_json::Value>(&too_deep).is_err());
    }
    strict_reason(&nested(1_000_000, "{\"a\":", "1", "}"), "a.a.a");
    strict_reason(&"[".repeat(1_000_000), "0.0");
    strict_reason(&"{\"a\":".repeat(1_000_000), "a");
}

#[test]
fn deep_paths_end_somewhere() {
    let document = format!("{}1{}", "{\"a\":".repeat(127), "}".repeat(127));
    let steps = vec!["a"; 127];
    assert_eq!(cells(&one(&documents(&[&document]), &path(&steps))), ["1"]);
    let beyond = vec!["a"; 100_000];
    assert_eq!(cells(&one(&documents(&[&document]), &path(&beyond))), ["null"]);
}

#[test]
fn large_strings_pass() {
    let long = "x".repeat(100_000_000);
    let document = format!("{{\"b\":\"{long}\",\"a\":1}}");
    let column = documents(&[&document]);
    assert_eq!(shown(&column, "a"), (vec!["1".to_owned()], DataType::Int64));
    let text = one(&column, &dotted("b"));
    assert_eq!(text.str().expect("it is text").get(0).map(str::len), Some(long.len()));
    assert!(strict_reason(&document, "b.c").starts_with("the path steps into a scalar: \"xxx"));
}

#[test]
fn many_members_pass() {
    let members: Vec<String> = (0..200_000).map(|key| format!("\"k{key}\":{key}")).collect();
    let document = format!("{{\"a\":{{{}}},\"b\":[{}]}}", members.join(","), vec!["[]"; 200_000].join(","));
    let column = documents(&[&document]);
    assert_eq!(shown(&column, "a.k199999").0, ["199999"]);
    assert!(one(&column, &dotted("a")).dtype().is_string());
    assert_eq!(
        one(&column, &dotted("b")).list().expect("it is a list").get_as_series(0).map(|list| list.len()),
        Some(200_000)
    );
}

#[test]
fn surrogates_must_come_in_pairs() {
    for half in
        [r#""\ud800""#, r#""\udc00""#, r#""\ud800x""#, r#""\ud800\u0041""#, r#""\ud800\ud800""#, r#""\udc00\ud800""#]
    {
        let document = format!("{{\"a\":{half},\"b\":1}}");
        assert!(strict_reason(&document.replace("\"b\"", "\"c\""), "a").contains("does not fit"), "{half}");
        assert_eq!(shown(&documents(&[&document]), "b").0, ["1"], "{half}");
        // Within an array or object the text is kept as it is, so nothing is lost.
        let within = format!("{{\"a\":[{half}]}}");
        assert_eq!(
            shown(&documents(&[&within]), "a"),
            (vec![format!("[{half}]").replace("\\u0041", "A")], DataType::String)
        );
    }
    assert_eq!(shown(&documents(&[r#"{"\ud800":1,"a":2}"#]), "a").0, ["2"]);
    assert_eq!(shown(&documents(&[r#"{"b":{"\ud800":1}}"#]), "b").0, [r#"{"\ud800":1}"#]);
}

#[test]
fn numbers_beyond_all_types_are_text() {
    let digits = "9".repeat(100_000);
    let fraction = format!("{digits}.5");
    for number in ["1e400", "-1e400", "1e-400", "1.7976931348623159e308", "1e99999999999", &digits, &fraction] {
        let column = documents(&[&format!("{{\"a\":{number}}}")]);
        assert_eq!(shown(&column, "a"), (vec![number.to_owned()], DataType::String), "{number:.20}");
        for pinned in [DataType::Float64, DataType::Float32, DataType::Int64, DataType::Decimal(38, 2)] {
            let of = |strictness| try_one(&column, &dotted("a"), Some(&pinned), strictness);
            assert_eq!(cells(&of(Strictness::Lenient).expect("lenient extraction has no errors")), ["null"]);
            assert!(of(Strictness::Strict).is_err(), "{number:.20} as {pinned}");
        }
    }
}

#[test]
fn a_message_points_behind_numbers_that_only_python_writes() {
    let document = r#"{"b":[NaN,-Infinity,Infinity],"a":oops}"#;
    let reason = strict_reason(document, "a");
    let column = document.find("oops").expect("it is there") + 1;
    assert!(reason.contains(&format!("column {column}")), "{reason}");
}

#[test]
fn a_snippet_ends_with_its_value() {
    for scalar in ["7", "-0.5", "true", r#""x""#, r#""\u0041 b""#, "NaN"] {
        let document = format!(r#"{{"a": {scalar} , "b": [1, 2]}}"#);
        assert_eq!(strict_reason(&document, "a.b"), format!("the path steps into a scalar: {scalar}"));
    }
}

#[test]
fn the_types_of_late_rows_count() {
    let mut texts = vec!["{\"a\":1}".to_owned(); 2000];
    for (late, data_type) in
        [("0.5", DataType::Float64), ("\"x\"", DataType::String), ("[]", DataType::String), ("null", DataType::Int64)]
    {
        texts.push(format!("{{\"a\":{late}}}"));
        let column = Series::new(PlSmallStr::EMPTY, &texts);
        let values = one(&column, &dotted("a"));
        assert_eq!((values.dtype(), values.len()), (&data_type, 2001), "{late}");
        assert_eq!(values.null_count(), usize::from(late == "null"), "{late}");
        texts.pop();
    }
    let mut late = vec!["{}".to_owned(); 2000];
    late.push("{\"a\":{\"b\":1}}".to_owned());
    let values = one(&Series::new(PlSmallStr::EMPTY, late), &dotted("a"));
    assert_eq!((values.null_count(), values.dtype()), (2000, &record(&[("b", DataType::Int64)])));
}

#[test]
fn large_columns_are_the_same_as_small_ones() {
    let texts: Vec<String> = (0..60_000)
        .map(|row| {
            let tail = "y".repeat(50);
            match row % 5 {
                0 => format!("{{\"a\":{row},\"s\":\"{row}\",\"o\":{{\"k\":{row}}},\"t\":\"{tail}\"}}"),
                1 => format!("{{\"a\":null,\"s\":\"\",\"o\":{{\"l\":[{row}]}},\"t\":\"{tail}\"}}"),
                2 => format!("oops {tail}"),
                3 => format!("{{\"a\":{row}.25,\"s\":null,\"o\":null,\"t\":\"{tail}\"}}"),
                _ => format!("{{\"o\":{{}},\"t\":\"{tail}\"}}"),
            }
        })
        .collect();
    let whole = Series::new(PlSmallStr::EMPTY, &texts);
    for path in ["a", "s", "o", "o.k", "o.l.0"] {
        let all = one(&whole, &dotted(path));
        assert_eq!(all.len(), texts.len());
        let few = one(&whole.slice(30_000, 10), &dotted(path));
        let cut = all.slice(30_000, 10);
        assert_eq!((cut.dtype(), cells(&cut)), (few.dtype(), cells(&few)), "{path}");
    }
    let error =
        try_one(&whole.slice(3, 59_000), &dotted("a"), None, Strictness::Strict).expect_err("some rows are no JSON");
    assert_eq!(error.row, 4);
}
