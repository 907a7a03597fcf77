//! JSON rows to columns.

use std::borrow::Cow;

use polars::prelude::*;
use serde_json::{Map, Value};

use super::FetchedFrame;
use crate::error::BatchError;
use crate::key::RowId;
use crate::storage::ColumnSet;

type Row = Map<String, Value>;

/// Columns in the order in which their names first appear.
///
/// Objects and arrays become JSON text, so that the type of a column does not depend on which rows come together.
pub(super) fn to_frame(rows: &[Row], id_column: &str) -> Result<FetchedFrame, BatchError> {
    let mut documents = ColumnSet::new();
    let mut columns = Vec::new();
    for name in names(rows) {
        let kind = kind_of(rows, name, id_column)?;
        if kind == Kind::Document {
            documents.insert(name.to_owned());
        }
        columns.push(column(rows, name, kind)?);
    }
    let frame = DataFrame::new(rows.len(), columns).map_err(|cause| BatchError::Fetcher(Box::new(cause)))?;
    Ok(FetchedFrame { frame, documents })
}

fn names(rows: &[Row]) -> Vec<&str> {
    let mut seen = PlHashSet::new();
    rows.iter().flat_map(Map::keys).map(String::as_str).filter(|name| seen.insert(*name)).collect()
}

/// What all cells of one column can be stored as, from the narrowest up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Null,
    Boolean,
    Integer,
    /// Integers of which one exceeds `i64::MAX`.
    BigInteger,
    Float,
    Text,
    /// Objects and arrays.
    Document,
}

impl Kind {
    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(number) if number.is_i64() => Self::Integer,
            Value::Number(number) if number.is_u64() => Self::BigInteger,
            Value::Number(_) => Self::Float,
            Value::String(_) => Self::Text,
            Value::Object(_) | Value::Array(_) => Self::Document,
        }
    }

    /// The kind that holds both, if one does.
    fn join(self, other: Self) -> Option<Self> {
        use Kind::{BigInteger, Document, Float, Integer, Null, Text};
        match (self, other) {
            (left, right) if left == right => Some(left),
            (Null, kind) | (kind, Null) => Some(kind),
            (Integer, BigInteger) | (BigInteger, Integer) => Some(BigInteger),
            (Integer | BigInteger, Float) | (Float, Integer | BigInteger) => Some(Float),
            (Text, Document) | (Document, Text) => Some(Text),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "a boolean",
            Self::Integer | Self::BigInteger => "an integer",
            Self::Float => "a float",
            Self::Text => "text",
            Self::Document => "an object or array",
        }
    }
}

fn column(rows: &[Row], name: &str, kind: Kind) -> Result<Column, BatchError> {
    let cells = rows.iter().map(|row| row.get(name).filter(|value| !value.is_null()));
    let name = PlSmallStr::from(name);
    Ok(match kind {
        Kind::Null => Column::full_null(name, rows.len(), &DataType::Null),
        Kind::Boolean => collect::<BooleanChunked, _>(name, cells.map(|cell| cell?.as_bool())),
        Kind::Integer => collect::<Int64Chunked, _>(name, cells.map(|cell| cell?.as_i64())),
        Kind::BigInteger => big_integers(name, cells)?,
        Kind::Float => floats(name, cells)?,
        Kind::Text | Kind::Document => collect::<StringChunked, _>(name, cells.map(|cell| cell.map(text))),
    })
}

/// Strings as they are, documents as JSON.
fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        document => Cow::Owned(document.to_string()),
    }
}

/// Integers of which one exceeds `i64::MAX`: unsigned, unless another is negative.
fn big_integers<'a>(
    name: PlSmallStr,
    cells: impl Iterator<Item = Option<&'a Value>> + Clone,
) -> Result<Column, BatchError> {
    let negative = cells.clone().flatten().any(|cell| cell.as_i64().is_some_and(i64::is_negative));
    if negative {
        return Err(BatchError::WrongType {
            column: name.to_string(),
            id: None,
            expected: "integers of 64 bits".to_owned(),
            found: "negative integers beside integers above 2^63".to_owned(),
        });
    }
    Ok(collect::<UInt64Chunked, _>(name, cells.map(|cell| cell?.as_u64())))
}

/// Fractions, and integers beside them that a float holds exactly; rows that came apart are widened by the same rule.
fn floats<'a>(name: PlSmallStr, cells: impl Iterator<Item = Option<&'a Value>> + Clone) -> Result<Column, BatchError> {
    match cells.clone().flatten().find(|cell| !is_exact_float(cell)) {
        Some(integer) => Err(BatchError::WrongType {
            column: name.to_string(),
            id: None,
            expected: "floats".to_owned(),
            found: format!("{integer}, which no float holds"),
        }),
        None => Ok(collect::<Float64Chunked, _>(name, cells.map(|cell| cell?.as_f64()))),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "floats of integers of 64 bits lie within 128")]
fn is_exact_float(number: &Value) -> bool {
    let integer = number.as_i64().map(i128::from).or(number.as_u64().map(i128::from));
    integer.is_none_or(|integer| number.as_f64().is_some_and(|float| float as i128 == integer))
}

fn collect<A, V>(name: PlSmallStr, cells: impl Iterator<Item = Option<V>>) -> Column
where
    A: FromIterator<Option<V>> + IntoSeries,
{
    cells.collect::<A>().into_series().with_name(name).into_column()
}

/// The kind of a column, or an error that names the first row that does not fit with those before it.
fn kind_of(rows: &[Row], name: &str, id_column: &str) -> Result<Kind, BatchError> {
    let mut kind = Kind::Null;
    for row in rows {
        let found = row.get(name).map_or(Kind::Null, Kind::of);
        kind = kind.join(found).ok_or_else(|| BatchError::WrongType {
            column: name.to_owned(),
            id: row.get(id_column).and_then(row_id),
            expected: kind.name().to_owned(),
            found: found.name().to_owned(),
        })?;
    }
    Ok(kind)
}

fn row_id(value: &Value) -> Option<RowId> {
    match value {
        Value::Number(id) => id.as_i128().map(RowId::Int),
        Value::String(id) => Some(RowId::Text(id.clone())),
        _ => None,
    }
}
