//! Which type and values the documents give, unpinned.

use proptest::prelude::*;

use super::*;

struct Case {
    what: &'static str,
    documents: &'static [&'static str],
    path: &'static str,
    values: &'static [&'static str],
    data_type: DataType,
}

fn case(
    what: &'static str,
    documents: &'static [&'static str],
    path: &'static str,
    values: &'static [&'static str],
    data_type: DataType,
) -> Case {
    Case { what, documents, path, values, data_type }
}

fn scalars() -> Vec<Case> {
    let (text, int, float) = (DataType::String, DataType::Int64, DataType::Float64);
    vec![
        case("integers", &[r#"{"a":1}"#, r#"{"a":-2}"#], "a", &["1", "-2"], int.clone()),
        case(
            "integers beyond 2^53",
            &[r#"{"a":9007199254740993}"#, r#"{"a":-9223372036854775808}"#],
            "a",
            &["9007199254740993", "-9223372036854775808"],
            int.clone(),
        ),
        case("floats", &[r#"{"a":1.5}"#, r#"{"a":2e3}"#], "a", &["1.5", "2000.0"], float.clone()),
        case("integers and floats", &[r#"{"a":1}"#, r#"{"a":0.5}"#], "a", &["1.0", "0.5"], float.clone()),
        case(
            "integers beyond i64",
            &[r#"{"a":1}"#, r#"{"a":9223372036854775808}"#],
            "a",
            &["1", "9223372036854775808"],
            text.clone(),
        ),
        case(
            "integers beyond i64 and floats",
            &[r#"{"a":0.5}"#, r#"{"a":18446744073709551615}"#],
            "a",
            &["0.5", "18446744073709551615"],
            text.clone(),
        ),
        case(
            "integers beyond i64 that floats hold, and floats",
            &[r#"{"a":0.5}"#, r#"{"a":18446744073709551616}"#],
            "a",
            &["0.5", "1.8446744073709552e19"],
            float.clone(),
        ),
        case(
            "integers that no float holds, and floats",
            &[r#"{"a":9007199254740993}"#, r#"{"a":0.5}"#],
            "a",
            &["9007199254740993", "0.5"],
            text.clone(),
        ),
        case("a number beyond all floats", &[r#"{"a":1e400}"#, r#"{"a":2}"#], "a", &["1e400", "2"], text.clone()),
        case(
            "more digits than a float has",
            &[r#"{"a":0.1234567890123456789}"#, r#"{"a":1.50}"#],
            "a",
            &["0.1234567890123456789", "1.5"],
            text.clone(),
        ),
        case(
            "floats as Python writes them",
            &[r#"{"a":NaN}"#, r#"{"a":-Infinity,"b":Infinity}"#, r#"{"a":1}"#],
            "a",
            &["NaN", "-inf", "1.0"],
            float.clone(),
        ),
        case("negative zero", &[r#"{"a":-0}"#, r#"{"a":-0.0}"#], "a", &["-0.0", "-0.0"], float.clone()),
        case("strings", &[r#"{"a":"x"}"#, r#"{"a":""}"#], "a", &["x", ""], text.clone()),
        case(
            "escapes",
            &[r#"{"a":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é"}"#],
            "a",
            &["\"\\/\u{8}\u{c}\n\r\té😀é"],
            text.clone(),
        ),
        case("booleans", &[r#"{"a":true}"#, r#"{"a":false}"#], "a", &["true", "false"], DataType::Boolean),
        case("nulls", &[r#"{"a":null}"#, r#"{"b":1}"#, "null", "{}"], "a", &["null"; 4], DataType::Null),
        case("nulls and values", &[r#"{"a":null}"#, r#"{"a":1}"#, "{}"], "a", &["null", "1", "null"], int.clone()),
        case(
            "no JSON",
            &["oops", "", r#"{"a":1}"#, r#"{"a":2"#, r#"{"a":3} x"#],
            "a",
            &["null", "null", "1", "null", "null"],
            int.clone(),
        ),
        case(
            "mixed scalars",
            &[r#"{"a":1.50}"#, r#"{"a":"x"}"#, r#"{"a":true}"#, r#"{"a":null}"#],
            "a",
            &["1.5", "x", "true", "null"],
            text.clone(),
        ),
    ]
}

fn structures() -> Vec<Case> {
    let (text, int, float) = (DataType::String, DataType::Int64, DataType::Float64);
    vec![
        case(
            "scalars and objects",
            &[r#"{"a":1}"#, r#"{"a":"x"}"#, r#"{"a":{ "b" : [1, "c d"] }}"#],
            "a",
            &["1", r#""x""#, r#"{"b":[1,"c d"]}"#],
            text.clone(),
        ),
        case("arrays and objects", &[r#"{"a":[1, 2]}"#, r#"{"a":{}}"#], "a", &["[1,2]", "{}"], text.clone()),
        case(
            "arrays",
            &[r#"{"a":[1,2]}"#, r#"{"a":[]}"#, r#"{"a":[null]}"#, "{}"],
            "a",
            &["[1, 2]", "[]", "[null]", "null"],
            list(int.clone()),
        ),
        case(
            "arrays of integers and floats",
            &[r#"{"a":[1]}"#, r#"{"a":[0.5]}"#],
            "a",
            &["[1.0]", "[0.5]"],
            list(float),
        ),
        case("empty arrays", &[r#"{"a":[]}"#, "{}"], "a", &["[]", "null"], list(DataType::Null)),
        case("arrays of mixed scalars", &[r#"{"a":[1,"x"]}"#, r#"{"a":[]}"#], "a", &[r#"[1,"x"]"#, "[]"], text.clone()),
        case(
            "objects",
            &[r#"{"a":{"y":1,"x":"s"}}"#, r#"{"a":{"z":null,"y":2}}"#, r#"{"a":null}"#],
            "a",
            &["{x: s, y: 1, z: null}", "{x: null, y: 2, z: null}", "null"],
            record(&[("x", text.clone()), ("y", int.clone()), ("z", DataType::Null)]),
        ),
        case(
            "objects that differ within",
            &[r#"{"a":{"x":1}}"#, r#"{"a":{"x":"1"}}"#],
            "a",
            &[r#"{"x":1}"#, r#"{"x":"1"}"#],
            text.clone(),
        ),
        case(
            "arrays of objects",
            &[r#"{"a":[{"x":1},{"y":[true]}]}"#],
            "a",
            &["[{x: 1, y: null}, {x: null, y: [true]}]"],
            list(record(&[("x", int.clone()), ("y", list(DataType::Boolean))])),
        ),
        case("empty objects", &[r#"{"a":{}}"#, "{}"], "a", &["{}", "null"], text.clone()),
        case("empty objects within", &[r#"{"a":[{"x":{}}]}"#, "{}"], "a", &[r#"[{"x":{}}]"#, "null"], text.clone()),
        case(
            "empty objects beside others",
            &[r#"{"a":{}}"#, r#"{"a":{"x":1}}"#],
            "a",
            &["{x: null}", "{x: 1}"],
            record(&[("x", int.clone())]),
        ),
        case(
            "objects of numbers that no one type holds",
            &[r#"{"a":{"x":9007199254740993}}"#, r#"{"a":{"x":0.5}}"#],
            "a",
            &[r#"{"x":9007199254740993}"#, r#"{"x":0.5}"#],
            text.clone(),
        ),
    ]
}

fn steps() -> Vec<Case> {
    let int = DataType::Int64;
    vec![
        case("deeper keys", &[r#"{"a":{"b":{"c":7}}}"#, r#"{"a":{"b":null}}"#], "a.b.c", &["7", "null"], int.clone()),
        case("array places", &[r#"{"a":[1,[2,3]]}"#, r#"{"a":[[],[4]]}"#], "a.1.0", &["2", "4"], int.clone()),
        case("places beyond the end", &[r#"{"a":[1]}"#, r#"{"a":[]}"#], "a.0", &["1", "null"], int.clone()),
        case("a number as a key", &[r#"{"a":{"0":1}}"#, r#"{"a":[2]}"#], "a.0", &["1", "2"], int.clone()),
        case(
            "a place with leading zeros is only a key",
            &[r#"{"a":[1]}"#, r#"{"a":{"00":2}}"#],
            "a.00",
            &["null", "2"],
            int.clone(),
        ),
        case("keys of arrays", &[r#"{"a":[{"b":1}]}"#], "a.b", &["null"], DataType::Null),
        case(
            "steps into scalars",
            &[r#"{"a":1}"#, r#"{"a":"{\"b\":2}"}"#, r#"{"a":{"b":3}}"#],
            "a.b",
            &["null", "null", "3"],
            int.clone(),
        ),
        case("equal keys", &[r#"{"a":1,"a":2}"#, r#"{"a":3,"a":null}"#], "a", &["2", "null"], int.clone()),
        case(
            "equal keys on the way",
            &[r#"{"a":{"b":1},"a":{"c":2}}"#, r#"{"a":{"b":3},"a":4}"#],
            "a.b",
            &["null", "null"],
            DataType::Null,
        ),
        case("equal keys within", &[r#"{"a":{"b":"x","b":1}}"#], "a", &["{b: 1}"], record(&[("b", int.clone())])),
        case("keys with escapes", &[r#"{"\u0061":1}"#, r#"{"a":2}"#], "a", &["1", "2"], int.clone()),
        case(
            "space everywhere",
            &[" \t\r\n{ \"x\" : [ ] , \"a\" : [ 1 , 2 ] } \n"],
            "a",
            &["[1, 2]"],
            list(int.clone()),
        ),
        case("scalar documents", &["5", "\"x\"", "[1]"], "a", &["null"; 3], DataType::Null),
        case("arrays at the root", &["[5]", "[6,7]"], "0", &["5", "6"], int),
    ]
}

#[test]
fn documents_give_values_and_types() {
    for case in scalars().into_iter().chain(structures()).chain(steps()) {
        let (values, data_type) = shown(&documents(case.documents), case.path);
        assert_eq!(data_type, case.data_type, "{}", case.what);
        assert_eq!(values, case.values, "{}", case.what);
    }
}

#[test]
fn no_rows_have_no_type() {
    assert_eq!(shown(&documents(&[]), "a"), (vec![], DataType::Null));
}

#[test]
fn null_documents_give_null() {
    let column = Series::new(PlSmallStr::EMPTY, [None, Some(r#"{"a":1}"#)]);
    assert_eq!(shown(&column, "a"), (vec!["null".to_owned(), "1".to_owned()], DataType::Int64));
}

#[test]
fn many_paths_come_in_their_order() {
    let column = documents(&[r#"{"a":{"b":1,"c":"x"},"d":[true]}"#]);
    let paths = ["d.0", "a.c", "a", "a.b", "a.b", "e"].map(dotted);
    let wanted: Vec<_> = paths.iter().map(|path| Extraction { path, pinned: None }).collect();
    let columns = extract(&column, &wanted, Strictness::Strict).expect("nothing is wrong");
    let values: Vec<String> = columns.iter().flat_map(cells).collect();
    assert_eq!(values, ["true", "x", "{b: 1, c: x}", "1", "1", "null"]);
}

#[test]
fn more_keys_than_a_record_has_stay_text() {
    let object = |keys: std::ops::Range<usize>| {
        let members: Vec<String> = keys.map(|key| format!("\"k{key}\":1")).collect();
        format!("{{\"a\":{{{}}}}}", members.join(","))
    };
    let within = [object(0..200), object(56..256)];
    let beyond = [object(0..200), object(57..257)];
    let columns = [within, beyond].map(|texts| one(&Series::new(PlSmallStr::EMPTY, texts), &dotted("a")));
    let types = columns.map(|column| column.dtype().is_struct());
    assert_eq!(types, [true, false]);
}

#[test]
fn what_nests_deeper_than_records_do_stays_text() {
    let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    let types = [32, 33].map(|levels| one(&documents(&["{}", &nested(levels)]), &dotted("a")).dtype().clone());
    assert!(types.first().is_some_and(DataType::is_list));
    assert_eq!(types.last(), Some(&DataType::String));
}

/// Documents of few keys and kinds, so that all kinds of agreement and disagreement come up.
fn document() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("1".to_owned()),
        Just("0.5".to_owned()),
        Just("9007199254740993".to_owned()),
        Just("9223372036854775808".to_owned()),
        Just("9223372036854775809".to_owned()),
        Just("1E400".to_owned()),
        Just("\"x\"".to_owned()),
    ];
    let value = leaf.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|elements| format!("[{}]", elements.join(","))),
            prop::collection::vec(("[bc]", inner), 0..3).prop_map(|members| {
                let members: Vec<String> = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    });
    value.prop_map(|value| format!("{{\"a\":{value}}}"))
}

proptest! {
    #[test]
    fn row_order_does_not_matter(
        rows in prop::collection::vec(document(), 1..5).prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
    ) {
        let (first, second) = rows;
        for path in ["a", "a.b", "a.0"] {
            let (mut left, left_type) = shown(&Series::new(PlSmallStr::EMPTY, &first), path);
            let (mut right, right_type) = shown(&Series::new(PlSmallStr::EMPTY, &second), path);
            left.sort();
            right.sort();
            prop_assert_eq!(left_type, right_type);
            prop_assert_eq!(left, right);
        }
    }
}
