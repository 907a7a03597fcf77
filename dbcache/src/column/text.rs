//! The dotted text form of a column and its path: parsing and writing.

use std::fmt;
use std::iter::Peekable;
use std::str::Chars;

/// Returns the name of the column and the steps of the path, or what is wrong with the text.
pub(super) fn parse(text: &str) -> Result<(String, Vec<String>), String> {
    if let Some(bad) = text.chars().find(|c| c.is_control()) {
        return Err(format!("it may not contain {bad:?}"));
    }
    let mut rest = text.chars().peekable();
    let column = name(&mut rest)?.text;
    if column.is_empty() {
        return Err("the name is empty".to_owned());
    }
    let mut steps = Vec::new();
    while rest.next().is_some() {
        let step = name(&mut rest)?;
        if step.text.is_empty() && !step.quoted {
            return Err(empty_step(rest.peek().is_none()));
        }
        steps.push(step.text);
    }
    Ok((column, steps))
}

fn empty_step(last: bool) -> String {
    if last { "nothing follows the last dot" } else { "a step between two dots is empty" }.to_owned()
}

struct Name {
    text: String,
    quoted: bool,
}

/// Reads a name, up to the next dot or the end.
fn name(rest: &mut Peekable<Chars<'_>>) -> Result<Name, String> {
    if rest.next_if_eq(&'"').is_some() { quoted(rest) } else { bare(rest) }
}

fn bare(rest: &mut Peekable<Chars<'_>>) -> Result<Name, String> {
    let mut text = String::new();
    while let Some(next) = rest.next_if(|c| *c != '.') {
        text.push(next);
    }
    if text.contains('"') {
        let hint = r#"put the whole name in quotes, with `\"` for a quote"#;
        return Err(format!("a double quote is inside {text:?}: {hint}"));
    }
    Ok(Name { text, quoted: false })
}

fn quoted(rest: &mut Peekable<Chars<'_>>) -> Result<Name, String> {
    let mut text = String::new();
    loop {
        match rest.next().ok_or("a double quote is not closed")? {
            '"' => break,
            '\\' => text.push(escaped(rest)?),
            other => text.push(other),
        }
    }
    match rest.peek() {
        None | Some('.') => Ok(Name { text, quoted: true }),
        Some(other) => Err(format!("expected a dot after the closing quote, found {other:?}")),
    }
}

fn escaped(rest: &mut Peekable<Chars<'_>>) -> Result<char, String> {
    match rest.next().ok_or("a double quote is not closed")? {
        plain @ ('"' | '\\') => Ok(plain),
        other => Err(format!(r#"the escape `\{other}` is unknown: the escapes are `\"` and `\\`"#)),
    }
}

/// Returns `true` if a name must be in quotes.
pub(super) fn is_quoted(name: &str) -> bool {
    name.is_empty() || name.contains(['.', '"'])
}

/// Writes a name such that `parse` reads it back.
pub(super) fn write_name(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    if !is_quoted(name) {
        return f.write_str(name);
    }
    f.write_str("\"")?;
    for next in name.chars() {
        if matches!(next, '"' | '\\') {
            f.write_str("\\")?;
        }
        write!(f, "{next}")?;
    }
    f.write_str("\"")
}
