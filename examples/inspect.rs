//! Lists the tables of a cache directory, with their rows, columns and files.
//!
//! `cargo run --example inspect -- ~/data/cached_data`

use std::fmt::Write as _;
use std::io::{self, ErrorKind, Write as _};

use dbcache::error::BoxError;
use dbcache::{CachedColumn, CachedTable, DynamicCache};

fn main() -> Result<(), BoxError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let cache = match arguments.as_slice() {
        [] => DynamicCache::open_default()?,
        [folder] => DynamicCache::open(folder)?,
        _ => return Err("expected a cache directory, or no argument for the default one".into()),
    };
    print(&described(&cache)?)
}

/// Prints to a reader that may close its end early, such as `head`.
fn print(text: &str) -> Result<(), BoxError> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(cause) if cause.kind() != ErrorKind::BrokenPipe => Err(cause.into()),
        _ => Ok(()),
    }
}

fn described(cache: &DynamicCache) -> Result<String, BoxError> {
    let tables = cache.tables()?;
    let rows = tables.iter().map(|table| table.rows).sum();
    let bytes = tables.iter().map(|table| table.base_bytes + table.segment_bytes + table.damaged_bytes).sum();
    let (counted, rows) = (counted(tables.len(), "table"), counted(rows, "row"));
    let mut text = format!("{}: {counted}, {rows}, {}\n", cache.folder().display(), size(bytes));
    for table in &tables {
        describe(table, &mut text)?;
    }
    Ok(text)
}

fn describe(table: &CachedTable, text: &mut String) -> Result<(), BoxError> {
    let owner = match &table.id_column {
        Some(id_column) => format!("by {id_column}"),
        None => "not written by dbcache".to_owned(),
    };
    writeln!(text, "\n{}  {} {owner}", table.name, counted(table.rows, "row"))?;
    writeln!(text, "  {}", files(table))?;
    if let Some(fault) = &table.fault {
        writeln!(text, "  cannot be read: {fault}")?;
    }
    let widest = |widths: &dyn Fn(&CachedColumn) -> usize| table.columns.iter().map(widths).max().unwrap_or(0);
    let (names, types) = (widest(&|column| column.name.chars().count()), widest(&|column| type_of(column).len()));
    for column in &table.columns {
        let (name, data_type) = (&column.name, type_of(column));
        writeln!(text, "    {name:names$}  {data_type:types$}  {}", completeness(column.rows, table.rows))?;
    }
    Ok(())
}

fn files(table: &CachedTable) -> String {
    let mut files = vec![format!("{} in the base", size(table.base_bytes))];
    if table.segments > 0 {
        files.push(format!("{} in {}", size(table.segment_bytes), counted(table.segments, "segment")));
    }
    if table.damaged_bytes > 0 {
        files.push(format!("{} damaged, in quarantine", size(table.damaged_bytes)));
    }
    files.join(", ")
}

fn type_of(column: &CachedColumn) -> String {
    let documents = if column.is_document { " (JSON)" } else { "" };
    format!("{}{documents}", column.data_type)
}

fn completeness(rows: usize, of: usize) -> String {
    if rows == of {
        return "all rows".to_owned();
    }
    let permille = rows.saturating_mul(1_000) / of.max(1);
    format!("{} of {} rows, {}.{} %", grouped(rows), grouped(of), permille / 10, permille % 10)
}

fn counted(count: usize, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// Formats a number with thousands separators.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a number of bytes in a suitable unit.
fn size(bytes: u64) -> String {
    let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match units.into_iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
        None => format!("{bytes} bytes"),
    }
}
