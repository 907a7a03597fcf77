//! The one text of a JSON value, whatever it was read from: see [`json_path`](super).

use std::borrow::Cow;
use std::fmt::Write;

use super::number::Number;
use super::scan::{self, Key};
use super::value::{Kind, Value, resolve, within_quotes};

/// Writes a value.
pub(super) fn write(text: &mut String, value: Value<'_>) {
    match value.kind {
        Kind::Array => write_array(text, value.raw),
        Kind::Object => write_object(text, value.raw),
        Kind::Escaped => write_escaped(text, within_quotes(value.raw)),
        _ if value.is_number() => write_number(text, value.raw),
        // Literals, and strings without escapes, which have one form only.
        _ => text.push_str(value.raw),
    }
}

/// Writes a string, given as its characters.
pub(super) fn write_string(text: &mut String, string: &str) {
    text.push('"');
    string.chars().for_each(|next| write_char(text, next));
    text.push('"');
}

fn write_char(text: &mut String, next: char) {
    match next {
        '"' => text.push_str("\\\""),
        '\\' => text.push_str("\\\\"),
        '\u{8}' => text.push_str("\\b"),
        '\u{c}' => text.push_str("\\f"),
        '\n' => text.push_str("\\n"),
        '\r' => text.push_str("\\r"),
        '\t' => text.push_str("\\t"),
        // Writing to a `String` never fails.
        '\0'..' ' => _ = write!(text, "\\u{:04x}", u32::from(next)),
        _ => text.push(next),
    }
}

/// Writes a string, given as a checked document has it.
fn write_escaped(text: &mut String, raw: &str) {
    text.push('"');
    let mut rest = raw;
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain);
        rest = match resolve(escape) {
            Some((resolved, after)) => {
                write_char(text, resolved);
                after
            }
            None => write_half_pair(text, escape),
        };
    }
    text.push_str(rest);
    text.push('"');
}

/// Writes half of a surrogate pair, which is no character, and returns what follows it.
fn write_half_pair<'a>(text: &mut String, escape: &'a str) -> &'a str {
    // A checked escape of this kind has a `u` and four digits.
    let (digits, after) = escape.split_at_checked(5).unwrap_or((escape, ""));
    text.push('\\');
    text.push_str(&digits.to_ascii_lowercase());
    after
}

fn write_number(text: &mut String, raw: &str) {
    match Number::of(raw) {
        Some(number) => number.write(text),
        None => text.push_str(raw),
    }
}

fn write_array(text: &mut String, array: &str) {
    text.push('[');
    for (place, element) in scan::elements(array).enumerate() {
        if place > 0 {
            text.push(',');
        }
        match element {
            Some(value) => write(text, value),
            None => text.push_str("null"),
        }
    }
    text.push(']');
}

/// Of equal keys the last counts, and a key whose value is null counts as missing.
fn write_object(text: &mut String, object: &str) {
    let mut members: Vec<_> = scan::members(object).map(|(key, value)| (order(key), key, value)).collect();
    // Equal keys stay in their order.
    members.sort_by(|(left, ..), (right, ..)| left.cmp(right));
    let last = members.chunk_by(|(left, ..), (right, ..)| left == right).filter_map(<[_]>::last);
    let present = last.filter_map(|(_, key, value)| Some((key, (*value)?)));
    text.push('{');
    for (place, (key, value)) in present.enumerate() {
        if place > 0 {
            text.push(',');
        }
        write_escaped(text, key.raw());
        text.push(':');
        write(text, value);
    }
    text.push('}');
}

/// What keys are sorted and told apart by: their names, and after these the keys that are no Unicode text.
fn order(key: Key<'_>) -> (bool, Cow<'_, str>) {
    key.name().map_or_else(
        || {
            let mut written = String::new();
            write_escaped(&mut written, key.raw());
            (true, Cow::Owned(written))
        },
        |name| (false, name),
    )
}
