//! JSON rows to columns.

use std::borrow::Cow;

use polars::prelude::*;
use serde_json::{Map, Value};

use super::FetchedFrame;
use crate::error::BatchError;
use crate::key::{Key, RowId};
use crate::storage::ColumnSet;

type Row = Map<String, Value>;

/// The column that holds the ids.
#[derive(Clone, Debug)]
pub(super) struct IdColumn<'a> {
    pub(super) name: &'a str,
    /// The type of the keys, where it is known.
    pub(super) keys: Option<DataType>,
    /// The one spelling of an id that came in another.
    pub(super) respelled: fn(&str) -> Option<String>,
}

impl<'a> IdColumn<'a> {
    pub(super) fn of<K: Key>(name: &'a str) -> Self {
        Self { name, keys: Some(K::DATA_TYPE), respelled: K::respelled }
    }

    /// The columns with each id in its one spelling.
    pub(super) fn respell(&self, mut fetched: FetchedFrame) -> Result<FetchedFrame, BatchError> {
        let failed = |cause: PolarsError| BatchError::Fetcher(Box::new(cause));
        let Some(place) = fetched.frame.get_column_index(self.name) else { return Ok(fetched) };
        let ids = fetched.frame.column(self.name).map_err(failed)?;
        let Ok(ids) = ids.str() else { return Ok(fetched) };
        if ids.iter().flatten().any(|id| (self.respelled)(id).is_some()) {
            let respelled = ids.apply_values(|id| (self.respelled)(id).map_or(Cow::Borrowed(id), Cow::Owned));
            fetched.frame.replace_column(place, respelled.into_column()).map_err(failed)?;
        }
        Ok(fetched)
    }

    /// Whether text of digits is an integer in this column: JSON numbers end at 64 bits, keys may have 128.
    fn reads_digits(&self, column: &str) -> bool {
        column == self.name && matches!(self.keys, Some(DataType::Int128 | DataType::UInt128))
    }
}

/// Columns in the order in which their names first appear.
///
/// Objects and arrays become JSON text, so that the type of a column does not depend on which rows come together.
pub(super) fn to_frame(rows: &[Row], id_column: &IdColumn<'_>) -> Result<FetchedFrame, BatchError> {
    let mut documents = ColumnSet::new();
    let mut columns = Vec::new();
    for gathered in gather(rows, id_column)? {
        if gathered.kind == Kind::Document {
            documents.insert(gathered.name.to_owned());
        }
        columns.push(gathered.into_column()?);
    }
    let frame = DataFrame::new(rows.len(), columns).map_err(|cause| BatchError::Fetcher(Box::new(cause)))?;
    Ok(FetchedFrame { frame, documents })
}

/// A column of the rows, as far as they were gone through.
struct Gathered<'a> {
    name: &'a str,
    kind: Kind,
    reads_digits: bool,
    /// `None` for null.
    cells: Vec<Option<&'a Value>>,
}

/// Sorts the cells of all rows into columns. Most rows have the keys of the row before, in the same order, so the
/// next column is guessed before it is looked for.
fn gather<'a>(rows: &'a [Row], id_column: &IdColumn<'_>) -> Result<Vec<Gathered<'a>>, BatchError> {
    let mut columns: Vec<Gathered<'a>> = Vec::new();
    let mut places: PlHashMap<&str, usize> = PlHashMap::new();
    for (number, row) in rows.iter().enumerate() {
        let mut guess = 0;
        for (name, value) in row {
            if columns.get(guess).is_none_or(|column| column.name != name) {
                guess = *places.entry(name).or_insert(columns.len());
            }
            if guess == columns.len() {
                let (reads_digits, cells) = (id_column.reads_digits(name), Vec::with_capacity(rows.len()));
                columns.push(Gathered { name, kind: Kind::Null, reads_digits, cells });
            }
            if let Some(column) = columns.get_mut(guess) {
                column.push(number, value).map_err(|misfit| misfit.error(row, id_column.name))?;
            }
            guess += 1;
        }
    }
    for column in &mut columns {
        column.cells.resize(rows.len(), None);
    }
    Ok(columns)
}

/// A value that has no type in common with those before it in its column.
struct Misfit<'a> {
    column: &'a str,
    expected: Kind,
    found: Kind,
}

impl Misfit<'_> {
    fn error(self, row: &Row, id_column: &str) -> BatchError {
        BatchError::WrongType {
            column: self.column.to_owned(),
            id: row.get(id_column).and_then(row_id),
            expected: self.expected.name().to_owned(),
            found: self.found.name().to_owned(),
        }
    }
}

impl<'a> Gathered<'a> {
    /// Adds the cell of a row; the rows before it that lack the column have nulls.
    fn push(&mut self, row: usize, value: &'a Value) -> Result<(), Misfit<'a>> {
        let is_wide = self.reads_digits && value.as_str().and_then(RowId::integer).is_some();
        let found = if is_wide { Kind::WideInteger } else { Kind::of(value) };
        let (column, expected) = (self.name, self.kind);
        self.kind = expected.join(found).ok_or(Misfit { column, expected, found })?;
        self.cells.resize(row, None);
        self.cells.push(Some(value).filter(|value| !value.is_null()));
        Ok(())
    }

    fn into_column(self) -> Result<Column, BatchError> {
        let name = PlSmallStr::from(self.name);
        let cells = self.cells.iter().copied();
        Ok(match self.kind {
            Kind::Null => Column::full_null(name, self.cells.len(), &DataType::Null),
            Kind::Boolean => collect::<BooleanChunked, _>(name, cells.map(|cell| cell?.as_bool())),
            Kind::Integer => collect::<Int64Chunked, _>(name, cells.map(|cell| cell?.as_i64())),
            Kind::BigInteger => big_integers(name, cells)?,
            Kind::WideInteger => wide_integers(name, cells)?,
            Kind::Float => floats(name, cells)?,
            Kind::Text | Kind::Document => collect::<StringChunked, _>(name, cells.map(|cell| cell.map(text))),
        })
    }
}

/// What all cells of one column can be stored as, from the narrowest up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Null,
    Boolean,
    Integer,
    /// Integers of which one exceeds `i64::MAX`.
    BigInteger,
    /// Integers of which one comes as digits.
    WideInteger,
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
        use Kind::{BigInteger, Document, Float, Integer, Null, Text, WideInteger};
        match (self, other) {
            (left, right) if left == right => Some(left),
            (Null, kind) | (kind, Null) => Some(kind),
            (Integer, BigInteger) | (BigInteger, Integer) => Some(BigInteger),
            (Integer | BigInteger, WideInteger) | (WideInteger, Integer | BigInteger) => Some(WideInteger),
            (Integer | BigInteger, Float) | (Float, Integer | BigInteger) => Some(Float),
            (Text, Document) | (Document, Text) => Some(Text),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "a boolean",
            Self::Integer | Self::BigInteger | Self::WideInteger => "an integer",
            Self::Float => "a float",
            Self::Text => "text",
            Self::Document => "an object or array",
        }
    }
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

/// Integers up to 128 bits: unsigned where one exceeds `i128::MAX`, unless another is negative.
fn wide_integers<'a>(
    name: PlSmallStr,
    cells: impl Iterator<Item = Option<&'a Value>> + Clone,
) -> Result<Column, BatchError> {
    let integer = |cell: &Value| match cell {
        Value::String(digits) => RowId::integer(digits),
        number => row_id(number),
    };
    let ids = cells.map(|cell| cell.and_then(integer));
    if !ids.clone().flatten().any(|id| matches!(id, RowId::Huge(_))) {
        return Ok(collect::<Int128Chunked, _>(name, ids.map(|id| i128::from_row_id(id?))));
    }
    match ids.clone().flatten().find(|id| u128::from_row_id(id.clone()).is_none()) {
        None => Ok(collect::<UInt128Chunked, _>(name, ids.map(|id| u128::from_row_id(id?)))),
        negative => Err(BatchError::WrongType {
            column: name.to_string(),
            id: negative,
            expected: "integers of 128 bits".to_owned(),
            found: "negative integers beside integers above 2^127".to_owned(),
        }),
    }
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

fn row_id(value: &Value) -> Option<RowId> {
    match value {
        Value::Number(id) => id.as_i128().map(RowId::Int),
        Value::String(id) => Some(RowId::Text(id.clone())),
        _ => None,
    }
}
