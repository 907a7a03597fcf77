//! JSON rows to columns.

use std::borrow::Cow;

use polars::prelude::*;
use serde_json::{Map, Value};

use super::batch::{FetchedBatch, FetchedFrame, narrower_mark};
use super::request::RequestedColumn;
use crate::error::BatchError;
use crate::key::{Key, RowId};
use crate::storage::ColumnSet;

type Row = Map<String, Value>;

/// The column that holds the ids.
#[derive(Clone, Debug)]
pub(super) struct IdColumn<'a> {
    name: &'a str,
    /// The type of the keys.
    keys: DataType,
    /// The one spelling of an id that came in another.
    respelled: fn(&str) -> Option<String>,
}

impl<'a> IdColumn<'a> {
    pub(super) fn of<K: Key>(name: &'a str) -> Self {
        Self { name, keys: K::DATA_TYPE, respelled: K::respelled }
    }

    /// Gives each id of a frame its one spelling.
    pub(super) fn respell(&self, frame: &mut DataFrame) -> Result<(), BatchError> {
        let failed = |cause: PolarsError| BatchError::Fetcher(Box::new(cause));
        let Some(place) = frame.get_column_index(self.name) else { return Ok(()) };
        let Ok(ids) = frame.column(self.name).map_err(failed)?.str() else { return Ok(()) };
        if ids.iter().flatten().any(|id| (self.respelled)(id).is_some()) {
            let respelled = ids.apply_values(|id| (self.respelled)(id).map_or(Cow::Borrowed(id), Cow::Owned));
            frame.replace_column(place, respelled.into_column()).map_err(failed)?;
        }
        Ok(())
    }

    /// Whether text of digits is an integer in this column: JSON numbers end at 64 bits, keys may have 128.
    fn reads_digits(&self, column: &str) -> bool {
        column == self.name && matches!(self.keys, DataType::Int128 | DataType::UInt128)
    }
}

/// What is known of the columns before any value of theirs.
#[derive(Clone, Copy, Debug)]
struct Known<'a> {
    id_column: &'a IdColumn<'a>,
    requested: &'a [RequestedColumn],
}

impl Known<'_> {
    /// What a value is in its column.
    fn held(self, column: &str, value: &Value) -> Held {
        let is_wide = || self.id_column.reads_digits(column) && value.as_str().and_then(RowId::integer).is_some();
        match Held::of(value) {
            held if held.kind.is_scalar() && self.keeps_text(column) => Held { kind: Kind::Text, ..held },
            held if held.kind == Kind::Text && is_wide() => Held { kind: Kind::WideInteger, ..held },
            held => held,
        }
    }

    /// Whether the numbers of a column are kept as they are written.
    fn keeps_text(self, column: &str) -> bool {
        let requested = self.requested.iter().find(|requested| requested.name == column);
        let pinned = requested.and_then(|requested| requested.pinned.as_ref());
        pinned.is_some_and(|pinned| matches!(pinned, DataType::String | DataType::Decimal(..)))
    }
}

/// Columns in the order in which their names first appear.
///
/// Objects and arrays become JSON text, so that the type of a column does not depend on which rows come together.
pub(super) fn to_batch(
    rows: &[Row],
    id_column: &IdColumn<'_>,
    requested: &[RequestedColumn],
) -> Result<FetchedBatch, BatchError> {
    let known = Known { id_column, requested };
    if let Ok(columns) = gather(rows.iter(), known, Vec::new()) {
        return Ok(frame(rows.len(), columns)?.into());
    }
    let mut batch = FetchedBatch { parts: Vec::new(), rejected: Vec::new() };
    let names = names(rows);
    for part in apart(rows, known) {
        let columns = names.iter().map(|name| Gathered::new(name, part.len())).collect();
        let columns = gather(part.iter().copied(), known, columns).map_err(|misfit| misfit.error())?;
        batch.parts.push(frame(part.len(), columns)?);
    }
    Ok(batch)
}

fn frame(rows: usize, gathered: Vec<Gathered<'_>>) -> Result<FetchedFrame, BatchError> {
    let documents = gathered.iter().filter(|column| column.held.kind == Kind::Document);
    let documents: ColumnSet = documents.map(|column| column.name.to_owned()).collect();
    let loose = gathered.iter().map(|column| column.name.to_owned()).collect();
    let marks: Vec<Column> = gathered.iter().filter_map(Gathered::mark).collect();
    let columns: Result<Vec<Column>, BatchError> = gathered.into_iter().map(Gathered::into_column).collect();
    let frame = DataFrame::new(rows, columns?).map_err(|cause| BatchError::Fetcher(Box::new(cause)))?;
    Ok(FetchedFrame { frame, documents, loose, marks })
}

fn names(rows: &[Row]) -> Vec<&str> {
    let mut seen = PlHashSet::new();
    rows.iter().flat_map(Map::keys).map(String::as_str).filter(|name| seen.insert(*name)).collect()
}

/// The rows in parts whose columns each have a type, in the order of their ids: a row begins a part where it does not
/// fit beside the row before it. So all rows before it are in the same part or in earlier ones, whatever comes with it.
fn apart<'a>(rows: &'a [Row], known: Known<'_>) -> Vec<Vec<&'a Row>> {
    let mut rows: Vec<&Row> = rows.iter().collect();
    rows.sort_by_cached_key(|row| row.get(known.id_column.name).and_then(row_id));
    let mut parts: Vec<Part<'_>> = Vec::new();
    for row in rows {
        if !parts.last_mut().is_some_and(|part| part.takes(row, known)) {
            let mut part = Part::default();
            part.takes(row, known);
            parts.push(part);
        }
    }
    parts.into_iter().map(|part| part.rows).collect()
}

#[derive(Default)]
struct Part<'a> {
    held: PlHashMap<&'a str, Held>,
    rows: Vec<&'a Row>,
}

impl<'a> Part<'a> {
    /// Takes a row, or says that a value of it has no type in common with those of its column.
    fn takes(&mut self, row: &'a Row, known: Known<'_>) -> bool {
        let joined: Option<Vec<(&str, Held)>> = row
            .iter()
            .map(|(name, value)| {
                let held = known.held(name, value);
                let joined = self.held.get(name.as_str()).map_or(Some(held), |before| before.join(held));
                Some((name.as_str(), joined?))
            })
            .collect();
        let fits = joined.is_some();
        if let Some(joined) = joined {
            self.held.extend(joined);
            self.rows.push(row);
        }
        fits
    }
}

/// A column of the rows, as far as they were gone through.
struct Gathered<'a> {
    name: &'a str,
    held: Held,
    /// `None` for null.
    cells: Vec<Option<&'a Value>>,
}

/// Sorts the cells of all rows into columns. Most rows have the keys of the row before, in the same order, so the
/// next column is guessed before it is looked for.
fn gather<'a>(
    rows: impl ExactSizeIterator<Item = &'a Row>,
    known: Known<'_>,
    mut columns: Vec<Gathered<'a>>,
) -> Result<Vec<Gathered<'a>>, Misfit<'a>> {
    let count = rows.len();
    let mut places: PlHashMap<&str, usize> = (0..).zip(&columns).map(|(place, column)| (column.name, place)).collect();
    for (number, row) in rows.enumerate() {
        let mut guess = 0;
        for (name, value) in row {
            if columns.get(guess).is_none_or(|column| column.name != name) {
                guess = *places.entry(name).or_insert(columns.len());
            }
            if guess == columns.len() {
                columns.push(Gathered::new(name, count));
            }
            if let Some(column) = columns.get_mut(guess) {
                column.push(number, value, known.held(name, value))?;
            }
            guess += 1;
        }
    }
    for column in &mut columns {
        column.cells.resize(count, None);
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
    fn error(&self) -> BatchError {
        BatchError::WrongType {
            column: self.column.to_owned(),
            id: None,
            expected: self.expected.name().to_owned(),
            found: self.found.name().to_owned(),
        }
    }
}

impl<'a> Gathered<'a> {
    fn new(name: &'a str, rows: usize) -> Self {
        Self { name, held: Held::default(), cells: Vec::with_capacity(rows) }
    }

    /// Adds the cell of a row; the rows before it that lack the column have nulls.
    fn push(&mut self, row: usize, value: &'a Value, found: Held) -> Result<(), Misfit<'a>> {
        let misfit = Misfit { column: self.name, expected: self.held.kind, found: found.kind };
        self.held = self.held.join(found).ok_or(misfit)?;
        self.cells.resize(row, None);
        self.cells.push(Some(value).filter(|value| !value.is_null()));
        Ok(())
    }

    /// Marks the cells that are narrower than the column.
    fn mark(&self) -> Option<Column> {
        let is_narrower: fn(&Value) -> bool = match self.held.kind {
            Kind::BigInteger => Value::is_i64,
            Kind::Float => |value| value.is_i64() || value.is_u64(),
            Kind::Text => |value| value.is_object() || value.is_array(),
            _ => return None,
        };
        narrower_mark(self.name, self.cells.iter().map(|cell| cell.is_some_and(is_narrower)))
    }

    fn into_column(self) -> Result<Column, BatchError> {
        let name = PlSmallStr::from(self.name);
        let cells = self.cells.iter().copied();
        Ok(match self.held.kind {
            Kind::Null => Column::full_null(name, self.cells.len(), &DataType::Null),
            Kind::Boolean => collect::<BooleanChunked, _>(name, cells.map(|cell| cell?.as_bool())),
            Kind::Integer => collect::<Int64Chunked, _>(name, cells.map(|cell| cell?.as_i64())),
            Kind::BigInteger => collect::<UInt64Chunked, _>(name, cells.map(|cell| cell?.as_u64())),
            Kind::WideInteger => wide_integers(name, cells)?,
            Kind::Float => collect::<Float64Chunked, _>(name, cells.map(|cell| cell?.as_f64())),
            Kind::Text | Kind::Document => collect::<StringChunked, _>(name, cells.map(|cell| cell.map(text))),
        })
    }
}

/// What the cells of one column are so far.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    kind: Kind,
    /// Whether a number is negative, so that none beside it can exceed `i64::MAX`.
    is_negative: bool,
    /// Whether an integer is one that no float holds, so that no fraction can be beside it.
    is_inexact: bool,
}

impl Held {
    fn of(value: &Value) -> Self {
        Self {
            kind: Kind::of(value),
            is_negative: value.as_i64().is_some_and(i64::is_negative),
            is_inexact: !is_exact_float(value),
        }
    }

    /// What holds both, if anything does.
    fn join(self, other: Self) -> Option<Self> {
        let kind = self.kind.join(other.kind)?;
        let is_negative = self.is_negative || other.is_negative;
        let is_inexact = self.is_inexact || other.is_inexact;
        match kind {
            Kind::BigInteger if is_negative => None,
            Kind::Float if is_inexact => None,
            kind => Some(Self { kind, is_negative, is_inexact }),
        }
    }
}

/// What all cells of one column can be stored as, from the narrowest up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
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

    fn is_scalar(self) -> bool {
        !matches!(self, Self::Null | Self::Document)
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

/// Whether a float holds the value, if it is an integer.
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
