//! The values of one column on their way from SQLite to Polars.

use std::mem;

use polars::prelude::*;

use super::kind::Kind;
use super::value::{OwnedValue, SqliteValue};
use crate::fetch::shown_text;

/// Collects the values of one column.
pub(super) struct ColumnCells {
    name: PlSmallStr,
    /// The declared type, for messages.
    declared: String,
    kind: Kind,
    /// Whether an integer is one that no float holds, so that no fraction can be beside it.
    is_inexact: bool,
    /// Which values of a column whose type they decide came as integers.
    integers: Vec<bool>,
    capacity: usize,
    cells: Cells,
}

/// A value that does not belong in its column.
#[derive(Debug)]
pub(super) struct Misfit {
    pub(super) expected: String,
    pub(super) found: String,
}

/// A column in the end.
pub(super) enum Finished {
    /// With a mark of the values that came in a narrower type, where there are such.
    Column(Column, Option<Box<Column>>),
    /// The values have no type in common.
    Mixed(Vec<OwnedValue>),
}

impl ColumnCells {
    pub(super) fn new(name: &str, declared: &str, kind: Kind, capacity: usize) -> Self {
        Self {
            name: name.into(),
            declared: declared.to_owned(),
            kind,
            is_inexact: false,
            integers: Vec::new(),
            capacity,
            cells: Cells::new(kind, name, capacity),
        }
    }

    /// A column of the same name, without any values, whose type they decide.
    pub(super) fn again(&self) -> Self {
        Self::new(&self.name, &self.declared, Kind::ByValue, 0)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether the values may still change the type.
    pub(super) fn is_by_value(&self) -> bool {
        self.kind == Kind::ByValue
    }

    /// Whether this is a column of JSON text.
    pub(super) fn is_json(&self) -> bool {
        matches!(self.cells, Cells::Text(_, Kind::Json))
    }

    /// Whether a column whose type the values decide can take the value at all.
    #[inline]
    pub(super) fn check(&self, value: SqliteValue<'_>) -> Result<(), Misfit> {
        match value {
            SqliteValue::Text(text) if str::from_utf8(text).is_err() => Err(self.misfit(value)),
            _ => Ok(()),
        }
    }

    #[inline]
    pub(super) fn push(&mut self, value: SqliteValue<'_>) -> Result<(), Misfit> {
        if self.cells.push(value.read_as(self.kind)) { Ok(()) } else { Err(self.misfit(value)) }
    }

    /// Takes a value that passed its check, and the type that holds it beside those before it.
    #[inline]
    pub(super) fn push_by_value(&mut self, value: SqliteValue<'_>) {
        if !self.fits(value) {
            self.cells = Cells::Mixed(mem::replace(&mut self.cells, Cells::Nulls(0)).into_values());
        } else if !self.cells.takes(value) {
            self.cells = mem::replace(&mut self.cells, Cells::Nulls(0)).widened_for(value, &self.name, self.capacity);
        }
        self.is_inexact |= matches!(value, SqliteValue::Integer(value) if !is_exact_float(value));
        self.integers.push(matches!(value, SqliteValue::Integer(_)));
        self.cells.push(value);
    }

    /// Whether the value and those before it have a type in common.
    pub(super) fn fits(&self, value: SqliteValue<'_>) -> bool {
        match (&self.cells, value) {
            (Cells::Integer(_), SqliteValue::Real(_)) => !self.is_inexact,
            (Cells::Nulls(_), _) => true,
            (cells, value) => cells.takes(value),
        }
    }

    pub(super) fn push_null(&mut self) {
        if self.is_by_value() {
            self.integers.push(false);
        }
        self.cells.push_null();
    }

    pub(super) fn finish(self) -> Finished {
        let mark = match self.cells {
            Cells::Float(_) => integers_mark(&self.name, self.integers).map(Box::new),
            _ => None,
        };
        let column = match self.cells {
            Cells::Nulls(count) => Column::full_null(self.name, count, &DataType::Null),
            Cells::Boolean(cells) => cells.finish().into_column(),
            Cells::Integer(cells) => cells.finish().into_column(),
            Cells::Float(cells) => cells.finish().into_column(),
            Cells::Text(cells, _) => cells.finish().into_column(),
            Cells::Blob(cells) => cells.finish().into_column(),
            Cells::Mixed(values) => return Finished::Mixed(values),
        };
        Finished::Column(column, mark)
    }

    fn misfit(&self, value: SqliteValue<'_>) -> Misfit {
        let kind = self.cells.kind();
        let expected = match self.declared.as_str() {
            "" => kind.name().to_owned(),
            declared if kind == Kind::declared(declared) => declared.to_owned(),
            declared => format!("{} (declared {declared})", kind.name()),
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
    /// With the kind, which says whether numbers are taken too.
    Text(StringChunkedBuilder, Kind),
    Blob(BinaryChunkedBuilder),
    /// Values that have no type in common.
    Mixed(Vec<OwnedValue>),
}

impl Cells {
    fn new(kind: Kind, name: &str, capacity: usize) -> Self {
        let name = PlSmallStr::from(name);
        match kind {
            Kind::ByValue => Self::Nulls(0),
            Kind::Boolean | Kind::AnyBoolean => Self::Boolean(BooleanChunkedBuilder::new(name, capacity)),
            Kind::Integer | Kind::AnyInteger => Self::Integer(PrimitiveChunkedBuilder::new(name, capacity)),
            Kind::Float | Kind::AnyFloat => Self::Float(PrimitiveChunkedBuilder::new(name, capacity)),
            Kind::Text | Kind::AnyText | Kind::Json => Self::Text(StringChunkedBuilder::new(name, capacity), kind),
            Kind::Blob => Self::Blob(BinaryChunkedBuilder::new(name, capacity)),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Nulls(_) | Self::Mixed(_) => Kind::ByValue,
            Self::Boolean(_) => Kind::Boolean,
            Self::Integer(_) => Kind::Integer,
            Self::Float(_) => Kind::Float,
            Self::Text(_, kind) => *kind,
            Self::Blob(_) => Kind::Blob,
        }
    }

    /// Whether the value belongs here, text that is not UTF-8 aside.
    #[inline]
    fn takes(&self, value: SqliteValue<'_>) -> bool {
        match (self, value) {
            (Self::Mixed(_), _)
            | (_, SqliteValue::Null)
            | (Self::Integer(_), SqliteValue::Integer(_))
            | (Self::Float(_), SqliteValue::Real(_))
            | (Self::Text(..), SqliteValue::Text(_))
            | (Self::Blob(_), SqliteValue::Blob(_)) => true,
            (Self::Float(_), SqliteValue::Integer(value)) => is_exact_float(value),
            (Self::Boolean(_), SqliteValue::Integer(value)) => matches!(value, 0 | 1),
            (Self::Text(_, kind), SqliteValue::Integer(_) | SqliteValue::Real(_)) => *kind != Kind::Text,
            _ => false,
        }
    }

    /// Takes a value, or says that it does not belong here.
    #[inline]
    fn push(&mut self, value: SqliteValue<'_>) -> bool {
        if !self.takes(value) {
            return false;
        }
        match (self, value) {
            (cells, SqliteValue::Null) => cells.push_null(),
            (Self::Integer(cells), SqliteValue::Integer(value)) => cells.append_value(value),
            (Self::Text(cells, _), SqliteValue::Text(text)) => return push_text(cells, text),
            (Self::Float(cells), SqliteValue::Real(value)) => cells.append_value(value),
            (Self::Float(cells), SqliteValue::Integer(value)) => cells.append_value(to_float(value)),
            (Self::Boolean(cells), SqliteValue::Integer(value)) => cells.append_value(value == 1),
            (Self::Blob(cells), SqliteValue::Blob(bytes)) => cells.append_value(bytes),
            (Self::Text(cells, _), SqliteValue::Integer(value)) => cells.append_value(value.to_string()),
            (Self::Text(cells, _), SqliteValue::Real(value)) => cells.append_value(format!("{value:?}")),
            (Self::Mixed(values), value) => return push_owned(values, value),
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
            Self::Text(cells, _) => cells.append_null(),
            Self::Blob(cells) => cells.append_null(),
            Self::Mixed(values) => values.push(OwnedValue::Null),
        }
    }

    /// The same values in the type that holds this one too: that of the first value that is not NULL, or floats where
    /// a float follows integers.
    fn widened_for(self, value: SqliteValue<'_>, name: &str, capacity: usize) -> Self {
        let kind = match value {
            SqliteValue::Null => Kind::ByValue,
            SqliteValue::Integer(_) => Kind::Integer,
            SqliteValue::Real(_) => Kind::Float,
            SqliteValue::Text(_) => Kind::Text,
            SqliteValue::Blob(_) => Kind::Blob,
        };
        let mut widened = Self::new(kind, name, capacity);
        for value in self.into_values() {
            widened.push(value.as_value());
        }
        widened
    }

    fn into_values(self) -> Vec<OwnedValue> {
        fn owned<V>(values: impl Iterator<Item = Option<V>>, own: impl Fn(V) -> OwnedValue) -> Vec<OwnedValue> {
            values.map(|value| value.map_or(OwnedValue::Null, &own)).collect()
        }
        match self {
            Self::Nulls(count) => vec![OwnedValue::Null; count],
            Self::Boolean(cells) => owned(cells.finish().iter(), |value| OwnedValue::Integer(value.into())),
            Self::Integer(cells) => owned(cells.finish().iter(), OwnedValue::Integer),
            Self::Float(cells) => owned(cells.finish().iter(), OwnedValue::Real),
            Self::Text(cells, _) => owned(cells.finish().iter(), |text| OwnedValue::Text(text.to_owned())),
            Self::Blob(cells) => owned(cells.finish().iter(), |bytes| OwnedValue::Blob(bytes.to_vec())),
            Self::Mixed(values) => values,
        }
    }
}

/// The name of the column that marks integers among the floats of a column.
pub(super) fn mark_name(column: &str) -> String {
    // No column that a cache takes has a name like that.
    format!("\u{1}{column}")
}

fn integers_mark(column: &str, are_integers: Vec<bool>) -> Option<Column> {
    are_integers.contains(&true).then(|| Column::new(mark_name(column).into(), are_integers))
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

fn push_owned(values: &mut Vec<OwnedValue>, value: SqliteValue<'_>) -> bool {
    values.push(match value {
        SqliteValue::Null => OwnedValue::Null,
        SqliteValue::Integer(value) => OwnedValue::Integer(value),
        SqliteValue::Real(value) => OwnedValue::Real(value),
        SqliteValue::Text(text) => match str::from_utf8(text) {
            Ok(text) => OwnedValue::Text(text.to_owned()),
            Err(_) => return false,
        },
        SqliteValue::Blob(bytes) => OwnedValue::Blob(bytes.to_vec()),
    });
    true
}

#[expect(clippy::cast_possible_truncation, reason = "floats of integers of 64 bits lie within 128")]
fn is_exact_float(value: i64) -> bool {
    to_float(value) as i128 == i128::from(value)
}

#[expect(clippy::cast_precision_loss, reason = "only integers that a float holds become one")]
fn to_float(value: i64) -> f64 {
    value as f64
}

pub(super) fn described(value: SqliteValue<'_>) -> String {
    match value {
        SqliteValue::Null => "NULL".to_owned(),
        SqliteValue::Integer(value) => format!("the integer {value}"),
        SqliteValue::Real(value) => format!("the float {value:?}"),
        SqliteValue::Text(text) => match str::from_utf8(text) {
            Ok(text) => format!("the text {:?}", shown_text(text)),
            Err(_) => "text that is not UTF-8".to_owned(),
        },
        SqliteValue::Blob(_) => "a blob".to_owned(),
    }
}
