//! Numbers, objects and arrays that come back as text have one form, whatever the document or storage they come from.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[test]
fn documents_have_one_text() {
    let cases = [
        (r#"{ "b" : [ 1 , 2 ] , "a" : "x y" }"#, r#"{"a":"x y","b":[1,2]}"#),
        (r#"{"a":1E2,"b":1.50,"c":-0,"d":100.0}"#, r#"{"a":100,"b":1.5,"c":-0.0,"d":100}"#),
        (r#"{"a":1e400,"b":0.10000000000000000001}"#, r#"{"a":1e400,"b":0.10000000000000000001}"#),
        (r#"{"b":1,"a":2,"b":3}"#, r#"{"a":2,"b":3}"#),
        (r#"{"a":1,"a":null,"b":[null]}"#, r#"{"b":[null]}"#),
        (r#"["\u00e9\u0041\/\u000a\u001F\b\"\\"]"#, "[\"éA/\\n\\u001f\\b\\\"\\\\\"]"),
        (r#"["\ud83d\ude00"]"#, r#"["😀"]"#),
        (r#"["\uD800\uD800\u0041"]"#, r#"["\ud800\ud800A"]"#),
        (r#"{"\ud800":1,"\\ud800":2,"\uD800":3,"z":4}"#, r#"{"\\ud800":2,"z":4,"\ud800":3}"#),
        (r#"{"\u0062":1,"b":2,"a":3,"é":4,"~":5,"":6}"#, r#"{"":6,"a":3,"b":2,"~":5,"é":4}"#),
        ("[NaN, -Infinity,Infinity]", "[NaN,-Infinity,Infinity]"),
        ("[1e99999999999]", "[1e99999999999]"),
    ];
    for (document, expected) in cases {
        let column = documents(&[&format!(r#"{{"a":{document}}}"#)]);
        let text = try_one(&column, &dotted("a"), Some(&DataType::String), Strictness::Strict).expect("all is text");
        assert_eq!(cells(&text), [expected], "{document}");
    }
}

/// A JSON value of which each number is a decimal of these digits and this exponent.
#[derive(Clone, Debug)]
enum Json {
    Null,
    Bool(bool),
    Number { negative: bool, digits: u64, exponent: i32 },
    Text(String),
    Array(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

/// Numbers below it are written by floats as documents write them.
const FLOAT_DIGITS: u64 = 1_000_000_000_000_000;

/// Which of several ways to write something is taken.
struct Choices<'a> {
    choices: std::iter::Cycle<std::slice::Iter<'a, u8>>,
    /// Whether a key whose value is null may be left out.
    drops_nulls: bool,
}

impl Choices<'_> {
    fn of(&mut self, ways: u8) -> u8 {
        self.choices.next().map_or(0, |choice| choice % ways)
    }

    fn among(&mut self, ways: &[&'static str]) -> &'static str {
        let choice = self.of(u8::try_from(ways.len()).expect("there are few ways"));
        ways.get(usize::from(choice)).copied().unwrap_or_default()
    }
}

fn canonical_number(negative: bool, digits: u64, exponent: i32) -> String {
    let sign = if negative { "-" } else { "" };
    if digits == 0 {
        return if negative { "-0.0" } else { "0" }.to_owned();
    }
    let text = digits.to_string();
    let significant = text.trim_end_matches('0');
    let exponent = exponent + i32::try_from(text.len() - significant.len()).expect("there are few digits");
    let power = exponent + i32::try_from(significant.len()).expect("there are few digits") - 1;
    let zeros = |count: i32| "0".repeat(usize::try_from(count).expect("it is no less than 0"));
    let plain = if exponent >= 0 {
        format!("{significant}{}", zeros(exponent))
    } else if power >= 0 {
        let point = usize::try_from(power + 1).expect("it is no less than 0");
        format!("{}.{}", &significant[..point], &significant[point..])
    } else {
        format!("0.{}{significant}", zeros(-power - 1))
    };
    if exponent <= 38 && power >= -38 {
        return format!("{sign}{plain}");
    }
    let (first, rest) = significant.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    format!("{sign}{first}{point}{rest}e{power}")
}

impl Json {
    fn canonical(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Number { negative, digits, exponent } => canonical_number(*negative, *digits, *exponent),
            Self::Text(text) => serde_json::Value::from(text.as_str()).to_string(),
            Self::Array(elements) => {
                format!("[{}]", elements.iter().map(Self::canonical).collect::<Vec<_>>().join(","))
            }
            Self::Object(members) => {
                let present = members.iter().filter(|(_, value)| !matches!(value, Self::Null));
                let key = |key: &String| serde_json::Value::from(key.as_str()).to_string();
                let members: Vec<_> =
                    present.map(|(name, value)| format!("{}:{}", key(name), value.canonical())).collect();
                format!("{{{}}}", members.join(","))
            }
        }
    }

    /// Writes the value in one of the many ways that JSON has.
    fn spell(&self, text: &mut String, choices: &mut Choices<'_>) {
        text.push_str(choices.among(&["", " ", "\n\t"]));
        match self {
            Self::Null => text.push_str("null"),
            Self::Bool(value) => text.push_str(&value.to_string()),
            Self::Number { negative, digits, exponent } => spell_number(text, *negative, *digits, *exponent, choices),
            Self::Text(string) => spell_string(text, string, choices),
            Self::Array(elements) => {
                text.push('[');
                for (place, element) in elements.iter().enumerate() {
                    text.push_str(if place > 0 { "," } else { "" });
                    element.spell(text, choices);
                }
                text.push(']');
            }
            Self::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                if choices.of(2) == 1 {
                    members.reverse();
                }
                let mut separator = "";
                text.push('{');
                for (key, value) in members {
                    // An equal key before the last means nothing.
                    if choices.drops_nulls && matches!(value, Self::Null) && choices.of(2) == 1 {
                        continue;
                    }
                    if choices.of(4) == 1 {
                        text.push_str(std::mem::replace(&mut separator, ","));
                        spell_string(text, key, choices);
                        text.push_str(": [{}]");
                    }
                    text.push_str(std::mem::replace(&mut separator, ","));
                    spell_string(text, key, choices);
                    text.push_str(choices.among(&[":", " : "]));
                    value.spell(text, choices);
                }
                text.push('}');
            }
        }
    }

    fn spelled(&self, choices: &[u8], drops_nulls: bool) -> String {
        let mut text = String::new();
        self.spell(&mut text, &mut Choices { choices: choices.iter().cycle(), drops_nulls });
        text
    }
}

fn spell_number(text: &mut String, negative: bool, digits: u64, exponent: i32, choices: &mut Choices<'_>) {
    text.push_str(if negative { "-" } else { "" });
    let number = match choices.of(4) {
        0 if exponent == 0 && !(negative && digits == 0) => digits.to_string(),
        1 => format!("{digits}.00E+0{exponent}").replace("E+0-", "E-0"),
        // No number but 0 begins with 0.
        2 if digits == 0 => format!("0e{}", exponent - 3),
        2 => format!("{digits}000e{}", exponent - 3),
        _ => format!("{digits}.0e{exponent}"),
    };
    text.push_str(&number);
}

fn spell_string(text: &mut String, string: &str, choices: &mut Choices<'_>) {
    text.push('"');
    for next in string.chars() {
        let mut units = [0; 2];
        if choices.of(3) == 0 {
            let units = next.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04X}"));
            text.push_str(&units.collect::<String>());
        } else {
            let quoted = serde_json::Value::from(next.to_string()).to_string();
            text.push_str(&quoted[1..quoted.len() - 1]);
        }
    }
    text.push('"');
}

/// Values whose numbers have digits below the bound.
fn json(bound: u64) -> impl Strategy<Value = Json> {
    let number = |digits: BoxedStrategy<u64>, exponent: BoxedStrategy<i32>| {
        (any::<bool>(), digits, exponent).prop_map(|(negative, digits, exponent)| Json::Number {
            negative,
            digits,
            exponent,
        })
    };
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        number((0_u64..1_000).boxed(), (-3..4).boxed()),
        number((0..bound).boxed(), Just(0).boxed()),
        number((0..bound).boxed(), (-60..60).boxed()),
        number((0_u64..100).boxed(), (-400..400).boxed()),
        "[ -~é😀\\n\\x00\"\\\\\u{7f}\u{2028}]{0,6}".prop_map(Json::Text),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::Array),
            prop::collection::btree_map("[abcé\"\\\\]{0,2}|😀|\u{ffff}", inner, 0..4).prop_map(Json::Object),
        ]
    })
}

/// The value in arrays, so that no row is a scalar.
fn in_arrays(rows: &[Json], choices: &[u8]) -> Vec<String> {
    rows.iter().map(|row| Json::Array(vec![row.clone()]).spelled(choices, false)).collect()
}

proptest! {
    #[test]
    fn the_text_does_not_tell_how_a_document_was_written(json in json(u64::MAX), choices in prop::collection::vec(any::<u8>(), 1..40)) {
        let text = format!("[{}]", json.spelled(&choices, true));
        let found = try_one(&documents(&[&text]), &dotted(""), Some(&list(DataType::String)), Strictness::Strict);
        let found = found.expect("all is text");
        let expected = match &json {
            Json::Text(text) => text.clone(),
            other => other.canonical(),
        };
        prop_assert_eq!(cells(&found), [format!("[{expected}]")], "{}", text);
    }

    #[test]
    fn types_and_values_do_not_tell_how_documents_were_written(
        rows in prop::collection::vec(json(u64::MAX), 1..4),
        choices in prop::collection::vec(any::<u8>(), 1..40),
    ) {
        // A number has a kind by how it is written, which all spellings here but the plain one share.
        let (first, second) = (in_arrays(&rows, &[3]), in_arrays(&rows, &choices.iter().map(|choice| choice % 3 + 1).collect::<Vec<_>>()));
        for path in ["0.a", "0.0", "0.b.a"] {
            let (first, second) = (one(&Series::new(PlSmallStr::EMPTY, &first), &dotted(path)), one(&Series::new(PlSmallStr::EMPTY, &second), &dotted(path)));
            if !has_plain_integer(&rows) {
                prop_assert_eq!(first.dtype(), second.dtype());
                prop_assert_eq!(cells(&first), cells(&second));
            }
        }
    }

    #[test]
    fn structures_have_the_text_of_their_documents(rows in prop::collection::vec(json(FLOAT_DIGITS), 1..4)) {
        let texts = in_arrays(&rows, &[0, 1, 2, 3]);
        let column = Series::new(PlSmallStr::EMPTY, &texts);
        let structured = super::super::whole(column.str().expect("it is text"), Strictness::Strict).expect("all is JSON");
        if structured.dtype().is_nested() {
            for path in ["0", "0.a", "0.0", "0.b.a"] {
                let of = |column| try_one(column, &dotted(path), Some(&DataType::String), Strictness::Lenient);
                let (text, structure) = (of(&column).expect("it is lenient"), of(&structured).expect("it is lenient"));
                prop_assert_eq!(cells(&text), cells(&structure), "{} of {:?}", path, &texts);
            }
        }
    }
}

/// Whether one spelling of a value makes integers of numbers, and another floats.
fn has_plain_integer(rows: &[Json]) -> bool {
    rows.iter().any(|row| match row {
        Json::Number { exponent, .. } => *exponent == 0,
        Json::Array(elements) => has_plain_integer(elements),
        Json::Object(members) => members.values().any(|value| has_plain_integer(std::slice::from_ref(value))),
        _ => false,
    })
}
