//! Parquet files that other programs wrote, read column by column.
//!
//! Nothing vouches for their bytes, and a sound file may have columns that have no type here. Polars' reader panics on
//! some damaged files, refuses a file for the sake of one column, and saturates old timestamps. So these files are
//! read here: whatever the bytes are, the outcome is a column, or the reason why there is none.

mod arrow_schema;
mod column;
mod delta;
mod footer;
mod leaf;
mod pages;
mod runs;
mod thrift;
mod types;
mod values;

use polars::prelude::*;
use rayon::prelude::*;

use self::footer::{Footer, Node};
use self::types::{LeafKind, LeafPlan, Plan};
use super::header::{Header, KEY as HEADER};
use super::{PRESENCE_COLUMN, UnreadableColumn, is_column_name};
use crate::documents::is_document;
use crate::key::ColumnIds;
use crate::storage::rows::{ColumnSet, Rows};

pub(super) use self::footer::written_by;

/// Up to here a double has every integer.
const MOST_WHOLE: f64 = 9_007_199_254_740_992.0;

/// Why another program's file is not a table's.
#[derive(Debug)]
pub(super) enum Refused {
    /// A sound file that is no table; the reason is for people.
    NoTable(String),
    /// No file that any program writes; the reason is for people.
    Damaged(String),
}

/// What the footer of another program's file says.
#[derive(Debug)]
pub(crate) struct Described {
    pub(crate) rows: usize,
    pub(crate) columns: Vec<(String, DataType)>,
    pub(crate) unreadable: Vec<UnreadableColumn>,
}

/// Why a column cannot be read; the reason is for people.
#[derive(Debug)]
enum Fault {
    Damaged(String),
    /// The bytes may be sound, but nothing here stands for them.
    Unreadable(String),
}

fn damaged(reason: &str) -> Fault {
    Fault::Damaged(reason.to_owned())
}

/// Reads a file, whose footer is apart: its rows may be in any order, and of two rows of one id the later counts.
///
/// Returns rows in which every column counts as fetched, and the columns that cannot be read.
pub(super) fn read(file: &[u8], footer: &[u8], id_column: &str) -> Result<(Rows, Vec<UnreadableColumn>), Refused> {
    let footer = read_footer(footer)?;
    let id_place = id_place(&footer, id_column).map_err(Refused::NoTable)?;
    let columns: Vec<(&Node, Result<Read, Fault>)> =
        footer.columns.par_iter().map(|node| (node, read_column(node, &footer, file))).collect();
    let (mut ids, mut found, mut unreadable) = (None, Vec::new(), Vec::new());
    for (place, (node, column)) in columns.into_iter().enumerate() {
        match column {
            Err(Fault::Damaged(reason)) => return Err(Refused::Damaged(reason)),
            Ok(column) if place == id_place => ids = Some(column.values),
            Err(Fault::Unreadable(reason)) if place == id_place => {
                return Err(no_ids(id_column, &reason));
            }
            Ok(column) => found.push(column),
            Err(Fault::Unreadable(reason)) => {
                let name = node.name.clone();
                // Two columns of one name are one that cannot be read.
                if unreadable.iter().all(|other: &UnreadableColumn| other.name != name) {
                    unreadable.push(UnreadableColumn { name, reason });
                }
            }
        }
    }
    let ids = ids.ok_or_else(|| no_ids(id_column, "it is gone"))?;
    let rows = rows(&whole_numbers(ids), found, id_column)?;
    Ok((rows, unreadable))
}

fn no_ids(id_column: &str, reason: &str) -> Refused {
    Refused::NoTable(format!("another program wrote it, and its id column {id_column:?} cannot be one: {reason}"))
}

/// The columns of a file, as far as its footer tells. Reads no values.
pub(super) fn describe(footer: &[u8]) -> Result<Described, Refused> {
    let footer = read_footer(footer)?;
    let mut described = Described { rows: footer.rows, columns: Vec::new(), unreadable: Vec::new() };
    for node in &footer.columns {
        // Of no rows, a column has its type.
        let empty = Footer::default();
        let typed = plan(node, &footer).and_then(|plan| column::read(&node.name, &plan, &empty, &[]));
        match typed {
            Ok(values) => described.columns.push((node.name.clone(), values.dtype().clone())),
            Err(Fault::Damaged(reason) | Fault::Unreadable(reason)) => {
                described.unreadable.push(UnreadableColumn { name: node.name.clone(), reason });
            }
        }
    }
    Ok(described)
}

fn read_footer(footer: &[u8]) -> Result<Footer, Refused> {
    let footer = Footer::read(footer).map_err(|fault| match fault {
        Fault::Damaged(reason) | Fault::Unreadable(reason) => Refused::Damaged(reason),
    })?;
    if tells_rows_apart(&footer) {
        let reason = format!(
            "another program rewrote a file of this cache and left out what says which columns were fetched of which \
             row: put the file back as it was; or remove it, so that its rows are fetched again; or, if every row and \
             every value in it counts, NULLs included, write it without the column {PRESENCE_COLUMN:?} and the \
             metadata {HEADER:?}"
        );
        return Err(Refused::NoTable(reason));
    }
    Ok(footer)
}

/// Whether it was a file of ours whose nulls do not all count, nor all of its rows. A program that keeps the header may
/// have left out the column, and one that keeps the column the header.
fn tells_rows_apart(footer: &Footer) -> bool {
    let by_header =
        |header: &String| serde_json::from_str(header).map_or(true, |header: Header| header.tells_rows_apart());
    footer.columns.iter().any(|node| node.name == PRESENCE_COLUMN) || footer.own_header.as_ref().is_some_and(by_header)
}

/// The place of the id column: the one of that name or, where there is none, of that name in other letters.
fn id_place(footer: &Footer, id_column: &str) -> Result<usize, String> {
    let places = |is_id: &dyn Fn(&str) -> bool| -> Vec<(usize, &str)> {
        let named = footer.columns.iter().enumerate().map(|(place, node)| (place, node.name.as_str()));
        named.filter(|(_, name)| is_id(name)).collect()
    };
    let exact = places(&|name| name == id_column);
    let found = if exact.is_empty() { places(&|name| name.to_lowercase() == id_column.to_lowercase()) } else { exact };
    match found.as_slice() {
        [(place, _)] => Ok(*place),
        [] => Err(format!("another program wrote it, without an id column {id_column:?}")),
        several => {
            let names: Vec<&str> = several.iter().map(|(_, name)| *name).collect();
            Err(format!("another program wrote it, with several columns that may be the id column: {names:?}"))
        }
    }
}

/// A column as it was read.
struct Read {
    values: Series,
    is_json: bool,
}

fn read_column(node: &Node, footer: &Footer, file: &[u8]) -> Result<Read, Fault> {
    let plan = plan(node, footer)?;
    let is_json = matches!(plan, Plan::Leaf(LeafPlan { kind: LeafKind::Json, .. }));
    Ok(Read { values: column::read(&node.name, &plan, footer, file)?, is_json })
}

fn plan(node: &Node, footer: &Footer) -> Result<Plan, Fault> {
    let name = node.name.as_str();
    if !is_column_name(name) {
        return Err(Fault::Unreadable("no column can be asked for by this name".to_owned()));
    }
    if footer.columns.iter().filter(|other| other.name == name).count() > 1 {
        return Err(Fault::Unreadable("there are several columns of this name".to_owned()));
    }
    let hint = footer.hints.iter().find(|hint| hint.name == name);
    Plan::of(node, hint).map_err(|found| Fault::Unreadable(format!("its type is {found}")))
}

/// The column as integers, where it has nothing but whole numbers in another type: pandas has integers beside NULLs as
/// doubles, and some databases have them as decimals.
fn whole_numbers(ids: Series) -> Series {
    let whole = match ids.dtype() {
        DataType::Decimal(_, 0) => Some(ids.to_physical_repr().into_owned()),
        DataType::Float32 | DataType::Float64 => {
            let is_whole = |value: f64| value.fract() == 0.0 && value.abs() <= MOST_WHOLE;
            let doubles = ids.cast(&DataType::Float64).ok();
            let doubles = doubles.as_ref().and_then(|doubles| doubles.f64().ok());
            let are_whole = doubles.is_some_and(|doubles| doubles.iter().flatten().all(is_whole));
            if are_whole { ids.cast(&DataType::Int64).ok() } else { None }
        }
        _ => None,
    };
    whole.unwrap_or(ids)
}

fn rows(ids: &Series, found: Vec<Read>, id_column: &str) -> Result<Rows, Refused> {
    let refused = |cause: PolarsError| Refused::NoTable(cause.to_string());
    let (set, rows) = match ColumnIds::read(ids).map_err(refused)? {
        ColumnIds::Ids { set, rows } => (set, rows),
        ColumnIds::Null { row } => return Err(no_ids(id_column, &format!("row {row} has no id"))),
        ColumnIds::NotAKey => return Err(no_ids(id_column, &format!("its type is {}", ids.dtype()))),
    };
    let rows = IdxCa::from_vec(PlSmallStr::EMPTY, rows);
    let mut documents = ColumnSet::new();
    let mut in_order = Vec::new();
    for Read { values, is_json } in found {
        if is_json && values.str().is_ok_and(are_documents) {
            documents.insert(values.name().to_string());
        }
        in_order.push(values.take(&rows).map_err(refused)?.into_column());
    }
    Ok(Rows::uniform(set, in_order).with_documents(documents))
}

/// Whether all values are JSON objects or arrays, as far as their beginnings tell.
fn are_documents(values: &StringChunked) -> bool {
    values.null_count() < values.len() && values.iter().flatten().all(|value| is_document(value.as_bytes()))
}
