//! The values of one column on their way from SQLite to Polars.

use std::mem;

use super::kind::Kind;
use super::value::SqliteValue;
use crate::documents;
use polars::prelude::*;

/// Collects the values of one column.
pub(super) struct ColumnCells {
    name: PlSmallStr,
    /// The declared type, for messages.
    declared: String,
    /// Whether the values may still change the type.
    by_value: bool,
    /// Whether this is a column of JSON, and all values so far are objects and arrays.
    are_documents: bool,
    capacity: usize,
    cells: Cells,
}

/// A value that does not belong in its column.
#[derive(Debug)]
pub(super) struct Misfit {
    pub(super) expected: String,
    pub(super) found: String,
}

impl ColumnCells {
    pub(super) fn new(name: &str, declared: &str, kind: Kind, capacity: usize) -> Self {
        Self {
            name: name.into(),
            declared: declared.to_owned(),
            by_value: kind == Kind::ByValue,
            are_documents: kind == Kind::Json,
            capacity,
            cells: Cells::new(kind, name, capacity),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    #[inline]
    pub(super) fn push(&mut self, value: SqliteValue<'_>) -> Result<(), Misfit> {
        if self.cells.push(value) {
            self.are_documents = self.are_documents && is_document(value);
            return Ok(());
        }
        if self.by_value {
            self.widen_for(value);
            if self.cells.push(value) {
                return Ok(());
            }
        }
        Err(self.misfit(value))
    }

    pub(super) fn are_documents(&self) -> bool {
        self.are_documents
    }

    pub(super) fn finish(self) -> Column {
        match self.cells {
            Cells::Nulls(count) => Column::full_null(self.name, count, &DataType::Null),
            Cells::Boolean(cells) => cells.finish().into_column(),
            Cells::Integer(cells) => cells.finish().into_column(),
            Cells::Float(cells) => cells.finish().into_column(),
            Cells::Text(cells) | Cells::Json(cells) => cells.finish().into_column(),
            Cells::Blob(cells) => cells.finish().into_column(),
        }
    }

    /// Takes the type of the first value that is not NULL; integers become floats when a float follows.
    fn widen_for(&mut self, value: SqliteValue<'_>) {
        self.cells = match (mem::replace(&mut self.cells, Cells::Nulls(0)), value) {
            (Cells::Nulls(count), value) => Cells::new(kind_of(value), &self.name, self.capacity).with_nulls(count),
            (Cells::Integer(cells), SqliteValue::Real(_)) => Cells::Float(to_floats(cells, &self.name, self.capacity)),
            (cells, _) => cells,
        };
    }

    fn misfit(&self, value: SqliteValue<'_>) -> Misfit {
        let kind = self.cells.kind();
        let expected = match self.declared.as_str() {
            "" => kind.name().to_owned(),
            _ if self.by_value => format!("{} (declared {})", kind.name(), self.declared),
            declared => declared.to_owned(),
        };
        Misfit { expected, found: described(value) }
    }
}

/// The values that have come so far.
enum Cells {
    /// That many NULLs, and nothing else.
    Nulls(usize),
    Boolean(BooleanChunkedBuilder),
    Integer(PrimitiveChunkedBuilder<Int64Type>),
    Float(PrimitiveChunkedBuilder<Float64Type>),
    Text(StringChunkedBuilder),
    Json(StringChunkedBuilder),
    Blob(BinaryChunkedBuilder),
}

impl Cells {
    fn new(kind: Kind, name: &str, capacity: usize) -> Self {
        let name = PlSmallStr::from(name);
        match kind {
            Kind::ByValue => Self::Nulls(0),
            Kind::Boolean => Self::Boolean(BooleanChunkedBuilder::new(name, capacity)),
            Kind::Integer => Self::Integer(PrimitiveChunkedBuilder::new(name, capacity)),
            Kind::Float => Self::Float(PrimitiveChunkedBuilder::new(name, capacity)),
            Kind::Text => Self::Text(StringChunkedBuilder::new(name, capacity)),
            Kind::Json => Self::Json(StringChunkedBuilder::new(name, capacity)),
            Kind::Blob => Self::Blob(BinaryChunkedBuilder::new(name, capacity)),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Nulls(_) => Kind::ByValue,
            Self::Boolean(_) => Kind::Boolean,
            Self::Integer(_) => Kind::Integer,
            Self::Float(_) => Kind::Float,
            Self::Text(_) => Kind::Text,
            Self::Json(_) => Kind::Json,
            Self::Blob(_) => Kind::Blob,
        }
    }

    fn with_nulls(mut self, count: usize) -> Self {
        for _ in 0..count {
            self.push_null();
        }
        self
    }

    /// Takes a value, or says that it does not belong here.
    #[inline]
    fn push(&mut self, value: SqliteValue<'_>) -> bool {
        match (self, value) {
            (cells, SqliteValue::Null) => cells.push_null(),
            (Self::Integer(cells), SqliteValue::Integer(value)) => cells.append_value(value),
            (Self::Text(cells) | Self::Json(cells), SqliteValue::Text(text)) => return push_text(cells, text),
            (Self::Float(cells), SqliteValue::Real(value)) => cells.append_value(value),
            (Self::Float(cells), SqliteValue::Integer(value)) => cells.append_value(to_float(value)),
            (Self::Boolean(cells), SqliteValue::Integer(value @ (0 | 1))) => cells.append_value(value == 1),
            (Self::Blob(cells), SqliteValue::Blob(bytes)) => cells.append_value(bytes),
            (Self::Json(cells), SqliteValue::Integer(value)) => cells.append_value(value.to_string()),
            (Self::Json(cells), SqliteValue::Real(value)) => cells.append_value(value.to_string()),
            _ => return false,
        }
        true
    }

    #[inline]
    fn push_null(&mut self) {
        match self {
            Self::Nulls(count) => *count += 1,
            Self::Boolean(cells) => cells.append_null(),
            Self::Integer(cells) => cells.append_null(),
            Self::Float(cells) => cells.append_null(),
            Self::Text(cells) | Self::Json(cells) => cells.append_null(),
            Self::Blob(cells) => cells.append_null(),
        }
    }
}

fn is_document(value: SqliteValue<'_>) -> bool {
    match value {
        SqliteValue::Null => true,
        SqliteValue::Text(json) => documents::is_document(json),
        _ => false,
    }
}

/// SQLite does not check that text is UTF-8.
#[inline]
fn push_text(cells: &mut StringChunkedBuilder, text: &[u8]) -> bool {
    let text = str::from_utf8(text);
    if let Ok(text) = text {
        cells.append_value(text);
    }
    text.is_ok()
}

fn to_floats(
    integers: PrimitiveChunkedBuilder<Int64Type>,
    name: &str,
    capacity: usize,
) -> PrimitiveChunkedBuilder<Float64Type> {
    let mut floats = PrimitiveChunkedBuilder::new(name.into(), capacity);
    for value in integers.finish().iter() {
        floats.append_option(value.map(to_float));
    }
    floats
}

#[expect(clippy::cast_precision_loss, reason = "a column of floats holds its integers as floats, as SQLite does")]
fn to_float(value: i64) -> f64 {
    value as f64
}

fn kind_of(value: SqliteValue<'_>) -> Kind {
    match value {
        SqliteValue::Null => Kind::ByValue,
        SqliteValue::Integer(_) => Kind::Integer,
        SqliteValue::Real(_) => Kind::Float,
        SqliteValue::Text(_) => Kind::Text,
        SqliteValue::Blob(_) => Kind::Blob,
    }
}

pub(super) fn described(value: SqliteValue<'_>) -> String {
    match value {
        SqliteValue::Null => "NULL".to_owned(),
        SqliteValue::Integer(value) => format!("the integer {value}"),
        SqliteValue::Real(value) => format!("the float {value}"),
        SqliteValue::Text(text) if str::from_utf8(text).is_err() => "text that is not UTF-8".to_owned(),
        SqliteValue::Text(_) => "text".to_owned(),
        SqliteValue::Blob(_) => "a blob".to_owned(),
    }
}
