//! Extraction agrees with reading the whole document and walking it.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn walk<'a>(value: &'a Value, steps: &[String]) -> Option<&'a Value> {
    steps.iter().try_fold(value, |value, step| match value {
        Value::Object(members) => members.get(step),
        Value::Array(elements) => {
            let place: usize = step.parse().ok()?;
            if place.to_string() == *step { elements.get(place) } else { None }
        }
        _ => None,
    })
}

/// A cell as the JSON value it stands for. Fields that are null are left out, since a missing key is one.
fn json(value: &AnyValue<'_>) -> Value {
    match value {
        AnyValue::Boolean(value) => (*value).into(),
        AnyValue::Int64(value) => (*value).into(),
        AnyValue::Float64(value) => (*value).into(),
        AnyValue::String(value) => (*value).into(),
        AnyValue::List(elements) => {
            (0..elements.len()).map(|place| json(&elements.get(place).expect("the element is there"))).collect()
        }
        AnyValue::Struct(_, _, fields) => {
            let members = fields.iter().zip(value._iter_struct_av());
            let members = members.map(|(field, value)| (field.name().to_string(), json(&value)));
            Value::Object(members.filter(|(_, value)| !value.is_null()).collect())
        }
        _ => Value::Null,
    }
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.iter().filter(|(_, value)| !value.is_null());
            Value::Object(members.map(|(key, value)| (key.clone(), without_nulls(value))).collect())
        }
        Value::Array(elements) => elements.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

/// Whether a cell says the same as the value that walking gave, if it may be text.
fn same(cell: &AnyValue<'_>, expected: &Value) -> bool {
    let expected = &without_nulls(expected);
    let alike = |found: &Value| found == expected || numbers_alike(found) == numbers_alike(expected);
    match cell {
        AnyValue::String(text) => {
            expected.as_str() == Some(*text) || serde_json::from_str(text).is_ok_and(|found| alike(&found))
        }
        _ => alike(&json(cell)),
    }
}

/// The same with all numbers as floats, up to the last digits: beside floats integers become such, and `serde_json`
/// does not always read the nearest.
fn numbers_alike(value: &Value) -> Value {
    match value {
        Value::Number(number) => format!("{:.13e}", number.as_f64().unwrap_or(f64::NAN)).into(),
        Value::Array(elements) => elements.iter().map(numbers_alike).collect(),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(key, value)| (key.clone(), numbers_alike(value))).collect())
        }
        other => other.clone(),
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-100_i64..100).prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no others", |float| float.is_finite()).prop_map(Value::from),
        "[ -~é😀\\n\\x00\"\\\\]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[abc01]|\"|é|longer key", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn steps() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[abc01]|\"|é|longer key|00", 1..4)
}

/// The value as text with spaces, or without.
fn text(value: &Value, pretty: bool) -> String {
    let text = if pretty { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
    text.expect("the value has a text")
}

proptest! {
    #[test]
    fn paths_give_what_walking_gives(
        rows in prop::collection::vec((value(), any::<bool>()), 1..4),
        paths in prop::collection::vec(steps(), 1..4),
    ) {
        let texts: Vec<String> = rows.iter().map(|(value, pretty)| text(value, *pretty)).collect();
        let column = Series::new(PlSmallStr::EMPTY, &texts);
        let paths: Vec<JsonPath> = paths.into_iter().map(JsonPath::of).collect();
        let wanted: Vec<_> = paths.iter().map(|path| Extraction { path, pinned: None }).collect();
        let columns = extract(&column, &wanted, Strictness::Lenient).expect("lenient extraction has no errors");
        for (path, column) in paths.iter().zip(&columns) {
            for (row, text) in texts.iter().enumerate() {
                let document: Value = serde_json::from_str(text).expect("it was written as JSON");
                let expected = walk(&document, path.steps()).unwrap_or(&Value::Null);
                let found = column.get(row).expect("the row is there");
                prop_assert!(same(&found, expected), "{path:?} in {text} gave {found:?} of {}", column.dtype());
            }
        }
    }

    #[test]
    fn what_serde_json_reads_is_json(text in r#"([\[\]{}:, \n]|"(a|\\n|\\u00e9|\\x|\\u12|é)*"|-?0?[0-9]{0,9}(\.[0-9]{0,2})?([eE][+-]?[0-9]?)?|true|fals|null|"a":){0,12}"#) {
        let column = documents(&[&text]);
        let strict = try_one(&column, &dotted("missing"), None, Strictness::Strict);
        let is_json = strict.is_ok() || strict.is_err_and(|error| error.reason.contains("steps into"));
        prop_assert_eq!(is_json, serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok());
    }

    #[test]
    fn damaged_documents_are_read_as_serde_json_reads_them(document in value(), place in any::<prop::sample::Index>(), byte in 0_u8..128) {
        let mut bytes = text(&document, false).into_bytes();
        *place.get_mut(&mut bytes) = byte;
        if let Ok(text) = String::from_utf8(bytes) {
            let column = documents(&[&text]);
            let strict = try_one(&column, &dotted("a"), Some(&DataType::Null), Strictness::Strict);
            let is_json = !strict.is_err_and(|error| error.reason.contains("not JSON"));
            prop_assert_eq!(is_json, serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok());
        }
    }
}
