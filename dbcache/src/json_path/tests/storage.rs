//! Text, structs, lists, and these in one another give the same.

use proptest::prelude::*;

use super::*;

/// A column, the same as JSON text, and a path.
fn both(column: &Series, texts: &[&str], path: &str) {
    let structured = shown(column, path);
    let text = shown(&documents(texts), path);
    assert_eq!(structured, text, "{path} of {}", column.dtype());
}

fn structs(fields: &[Series]) -> Series {
    let rows = fields.first().map_or(0, |field| field.len());
    StructChunked::from_series(PlSmallStr::EMPTY, rows, fields.iter()).expect("the fields are as long").into_series()
}

/// What the texts are as a structured column.
fn structure(texts: &[&str]) -> Series {
    let column = super::super::whole(documents(texts).str().expect("it is text"), Strictness::Lenient)
        .expect("lenient extraction has no errors");
    assert!(column.dtype().is_nested(), "{}", column.dtype());
    column
}

const PROFILES: &[&str] = &[
    r#"{"address":{"city":"Ulm","zip":89073},"tags":["a","b"],"scores":[[1],[2.5,3]],"pets":[{"name":"Rex"}]}"#,
    r#"{"address":{"city":null},"tags":[],"pets":[{"name":"Tom","age":3},{"age":4}]}"#,
    r#"{"address":null,"scores":[]}"#,
    r#"{"tags":["c"],"pets":[null]}"#,
];

#[test]
fn structured_columns_give_what_text_gives() {
    let column = structure(PROFILES);
    for path in [
        "address",
        "address.city",
        "address.zip",
        "address.none",
        "tags",
        "tags.0",
        "tags.1",
        "tags.x",
        "scores",
        "scores.1",
        "scores.1.0",
        "pets",
        "pets.0",
        "pets.0.name",
        "pets.1.age",
        "none",
        "none.x",
    ] {
        let structured = one(&column, &dotted(path));
        let text = one(&documents(PROFILES), &dotted(path));
        assert_eq!(cells(&structured).len(), PROFILES.len(), "{path}");
        // What the storage knows beside the rows is no difference: keys of other rows, types of nothing but nulls.
        if path != "pets.0" && path != "tags.1" {
            assert_eq!(structured.dtype(), text.dtype(), "{path}");
            assert_eq!(cells(&structured), cells(&text), "{path}");
        }
    }
}

#[test]
fn narrow_types_give_the_types_of_json() {
    let column = structs(&[
        Series::new("z".into(), [Some(1_u8), None]),
        Series::new("y".into(), [1.5_f32, 2.0]),
        Series::new("x".into(), [1_u64, 2]),
    ]);
    let texts = [r#"{"z":1,"y":1.5,"x":1}"#, r#"{"y":2.0,"x":2}"#];
    for path in ["x", "y", "z"] {
        both(&column, &texts, path);
    }
    let outer = structs(&[column.with_name("o".into())]);
    both(&outer, &[r#"{"o":{"z":1,"y":1.5,"x":1}}"#, r#"{"o":{"y":2.0,"x":2}}"#], "o");
}

#[test]
fn integers_beyond_i64_become_text() {
    let column = structs(&[Series::new("a".into(), [1, u64::MAX])]);
    both(&column, &[r#"{"a":1}"#, r#"{"a":18446744073709551615}"#], "a");
    let outer = structs(&[column.with_name("o".into())]);
    both(&outer, &[r#"{"o":{"a":1}}"#, r#"{"o":{"a":18446744073709551615}}"#], "o");
}

#[test]
fn a_null_struct_hides_its_fields() {
    let fields = structs(&[Series::new("a".into(), [1_i64, 2])]);
    let hidden = fields.struct_().expect("it is a struct").clone();
    let hidden = hidden.with_outer_validity(Some([true, false].into_iter().collect())).into_series();
    both(&hidden, &[r#"{"a":1}"#, "null"], "a");
}

#[test]
fn arrays_of_fixed_size_and_slices_are_lists() {
    let lists = structure(&["[1,2]", "[3,4]", "null", "[5,6]"]);
    let arrays = lists.cast(&DataType::Array(Box::new(DataType::Int64), 2)).expect("all have two elements");
    for column in [&lists, &arrays] {
        both(&column.slice(1, 3), &["[3,4]", "null", "[5,6]"], "1");
        both(&structs(&[column.slice(1, 3).with_name("a".into())]), &[r#"{"a":[3,4]}"#, "{}", r#"{"a":[5,6]}"#], "a");
    }
}

#[test]
fn text_within_structures_is_read_when_stepped_into() {
    let column = structs(&[Series::new("a".into(), [Some(r#"{"b":[1,2]}"#), Some("oops"), Some("7"), None])]);
    let texts = [r#"{"a":{"b":[1,2]}}"#, r#"{"a":"oops"}"#, r#"{"a":7}"#, r#"{"a":null}"#];
    both(&column, &texts, "a.b");
    both(&column, &texts, "a.b.1");
    assert_eq!(cells(&one(&column, &dotted("a"))), [r#"{"b":[1,2]}"#, "oops", "7", "null"]);
    let error = try_one(&column, &dotted("a.b"), None, Strictness::Strict).expect_err("one is no JSON");
    assert_eq!((error.row, error.path), (1, 0));
}

#[test]
fn scalars_cannot_be_stepped_into() {
    let columns =
        [Series::new(PlSmallStr::EMPTY, [None, Some(5_i64)]), Series::new(PlSmallStr::EMPTY, [None, Some(true)])];
    for column in columns {
        assert_eq!(shown(&column, "a"), (vec!["null".to_owned(); 2], DataType::Null));
        let pinned = try_one(&column, &dotted("a"), Some(&DataType::Int8), Strictness::Lenient);
        assert_eq!(*pinned.expect("lenient extraction has no errors").dtype(), DataType::Int8);
        let error = try_one(&column, &dotted("a"), None, Strictness::Strict).expect_err("a scalar has no keys");
        assert_eq!(error.row, 1);
        assert!(error.reason.starts_with("the path steps into a scalar: "), "{}", error.reason);
    }
}

#[test]
fn bytes_of_json_text_are_json() {
    let texts = [Some(r#"{"a":{"b":"é"}}"#), None, Some(r#"{"a":{"b":"x","c":1}}"#)];
    let text = Series::new(PlSmallStr::EMPTY, texts);
    let bytes = Series::new(PlSmallStr::EMPTY, texts.map(|text| text.map(str::as_bytes)));
    for column in [&bytes, &structs(&[bytes.clone().with_name("o".into())])] {
        let under = |path: &str| if column.dtype().is_struct() { format!("o.{path}") } else { path.to_owned() };
        for path in ["a", "a.b", "a.c", "none"] {
            assert_eq!(shown(column, &under(path)), shown(&text, path), "{path}");
        }
    }
    assert!(one(&bytes, &dotted("")).equals_missing(&bytes));
    let as_text = try_one(&bytes, &dotted(""), Some(&DataType::String), Strictness::Strict).expect("all is text");
    assert!(as_text.equals_missing(&text));

    let broken = Series::new(PlSmallStr::EMPTY, [&b"{\"a\":1}"[..], b"{\"a\":\"\xff\"}"]);
    assert_eq!(shown(&broken, "a"), (vec!["1".to_owned(), "null".to_owned()], DataType::Int64));
    let error = try_one(&broken, &dotted("a"), None, Strictness::Strict).expect_err("one is no text");
    assert_eq!((error.row, error.path), (1, 0));
    assert!(error.reason.starts_with("the document is not JSON"), "{}", error.reason);
}

#[test]
fn floats_and_decimals_in_structures_keep_their_values_as_text() {
    let floats = Series::new("f".into(), [1.0, 1e300, f64::NAN, f64::NEG_INFINITY, -0.0]);
    let decimals = Series::new("d".into(), ["1.50", "0.25", "-3.00", "100.00", "0.00"]);
    let decimals = decimals.cast(&DataType::Decimal(10, 2)).expect("they are decimals");
    let column = structs(&[floats, decimals]);
    let text = try_one(&column, &dotted(""), Some(&DataType::String), Strictness::Strict).expect("all is text");
    let expected = [
        r#"{"d":1.5,"f":1}"#,
        r#"{"d":0.25,"f":1e300}"#,
        r#"{"d":-3,"f":NaN}"#,
        r#"{"d":100,"f":-Infinity}"#,
        r#"{"d":0,"f":-0.0}"#,
    ];
    assert_eq!(cells(&text), expected);
    let floats = try_one(&column, &dotted("d"), Some(&DataType::Float64), Strictness::Strict).expect("all are numbers");
    assert_eq!(cells(&floats), ["1.5", "0.25", "-3.0", "100.0", "0.0"]);
}

#[test]
fn structs_without_fields_are_text() {
    let empty = StructChunked::from_series("o".into(), 2, [].iter()).expect("no fields are as long").into_series();
    both(&structs(&[empty]), &[r#"{"o":{}}"#, r#"{"o":{}}"#], "o");
}

#[test]
fn an_empty_path_is_the_column() {
    let texts = documents(PROFILES);
    assert!(one(&texts, &dotted("")).equals_missing(&texts));
    let numbers = Series::new(PlSmallStr::EMPTY, [1_i64, 2]);
    assert!(one(&numbers, &dotted("")).equals_missing(&numbers));
}

#[test]
fn pinned_types_are_the_same_for_all_storages() {
    let column = structure(PROFILES);
    let pinned = [
        ("address", DataType::String),
        ("address", record(&[("zip", DataType::String)])),
        ("address.zip", DataType::UInt16),
        ("address.zip", DataType::UInt8),
        ("address.city", DataType::Int64),
        ("scores", DataType::String),
        ("scores", list(list(DataType::Int32))),
        ("pets.0.name", DataType::Boolean),
    ];
    for (path, data_type) in pinned {
        let of = |column| try_one(column, &dotted(path), Some(&data_type), Strictness::Lenient);
        let structured = of(&column).expect("lenient extraction has no errors");
        let text = of(&documents(PROFILES)).expect("lenient extraction has no errors");
        assert_eq!(structured.dtype(), &data_type, "{path}");
        assert_eq!(cells(&structured), cells(&text), "{path} as {data_type}");
    }
    let text = try_one(&column, &dotted("address"), Some(&DataType::String), Strictness::Strict);
    assert_eq!(cells(&text.expect("all is text")), [r#"{"city":"Ulm","zip":89073}"#, "{}", "null", "null"]);
}

#[test]
fn types_that_json_does_not_know_stay() {
    let days = Series::new("day".into(), [Some("2024-02-29"), None]).cast(&DataType::Date).expect("it is a date");
    let column = structs(&[days, Series::new("n".into(), [1_i32, 2])]);
    assert_eq!(*one(&column, &dotted("day")).dtype(), DataType::Date);
    let text = try_one(&column, &dotted("day"), Some(&DataType::String), Strictness::Strict).expect("all is text");
    assert_eq!(cells(&text), ["2024-02-29", "null"]);
    let outer = structs(&[column.with_name("o".into())]);
    assert_eq!(*one(&outer, &dotted("o")).dtype(), record(&[("day", DataType::Date), ("n", DataType::Int64)]));
}

fn document() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![Just("null".to_owned()), (-9_i64..9).prop_map(|number| number.to_string())];
    let list = prop::collection::vec(scalar.clone(), 0..3).prop_map(|elements| format!("[{}]", elements.join(",")));
    let text = prop_oneof![Just("null".to_owned()), "[a-z]{0,3}".prop_map(|text| format!("\"{text}\""))];
    let inner = (scalar.clone(), text, list.clone());
    let object = inner.prop_map(|(n, s, l)| format!("{{\"n\":{n},\"s\":{s},\"l\":{l}}}"));
    let objects = prop::collection::vec(object.clone(), 0..3).prop_map(|elements| format!("[{}]", elements.join(",")));
    (scalar, list, object, objects).prop_map(|(n, l, o, os)| format!("{{\"n\":{n},\"l\":{l},\"o\":{o},\"os\":{os}}}"))
}

proptest! {
    #[test]
    fn structured_and_text_give_the_same(rows in prop::collection::vec(document(), 1..5)) {
        let texts: Vec<&str> = rows.iter().map(String::as_str).collect();
        let column = structure(&texts);
        for path in ["n", "l", "l.0", "o", "o.n", "o.s", "o.l.1", "os", "os.0", "os.1.l.0", "none"] {
            let structured = one(&column, &dotted(path));
            let text = one(&documents(&texts), &dotted(path));
            prop_assert_eq!(structured.null_count() == rows.len() || cells(&structured) == cells(&text), true, "{}", path);
        }
    }
}
