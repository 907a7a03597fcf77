//! The five types of values that SQLite has.

use super::kind::Kind;
use crate::fetch::{exact_boolean, exact_float, exact_integer, shown_text};

/// A value as a driver gives it.
#[derive(Clone, Copy, Debug)]
pub(super) enum SqliteValue<'a> {
    Null,
    Integer(i64),
    Real(f64),
    /// Text, of which SQLite does not check that it is UTF-8.
    Text(&'a [u8]),
    Blob(&'a [u8]),
}

impl SqliteValue<'_> {
    /// The value as a kind of column takes it that takes what reads as its own.
    pub(super) fn read_as(self, kind: Kind) -> Self {
        let read = match (kind, self) {
            (Kind::AnyBoolean, Self::Text(text)) => {
                utf8(text).and_then(exact_boolean).map(|value| Self::Integer(value.into()))
            }
            (Kind::AnyBoolean | Kind::AnyInteger, Self::Real(value)) => {
                exact_integer(&format!("{value:?}")).map(Self::Integer)
            }
            (Kind::AnyInteger, Self::Text(text)) => utf8(text).and_then(exact_integer).map(Self::Integer),
            (Kind::AnyFloat, Self::Text(text)) => utf8(text).and_then(exact_float).map(Self::Real),
            _ => None,
        };
        read.unwrap_or(self)
    }

    /// The value as text, for an error.
    pub(super) fn shown(self) -> String {
        match self {
            Self::Null => "NULL".to_owned(),
            Self::Integer(value) => value.to_string(),
            Self::Real(value) => format!("{value:?}"),
            Self::Text(text) => shown_text(&String::from_utf8_lossy(text)),
            Self::Blob(bytes) => {
                let digit = |half: u8| char::from_digit(half.into(), 16);
                let digits: String =
                    bytes.iter().take(64).flat_map(|byte| [byte >> 4, byte & 0xf]).filter_map(digit).collect();
                shown_text(&format!("x'{digits}'"))
            }
        }
    }
}

fn utf8(text: &[u8]) -> Option<&str> {
    str::from_utf8(text).ok()
}

/// A value that outlives its row.
#[derive(Clone, Debug)]
pub(super) enum OwnedValue {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

impl OwnedValue {
    pub(super) fn as_value(&self) -> SqliteValue<'_> {
        match self {
            Self::Null => SqliteValue::Null,
            Self::Integer(value) => SqliteValue::Integer(*value),
            Self::Real(value) => SqliteValue::Real(*value),
            Self::Text(text) => SqliteValue::Text(text.as_bytes()),
            Self::Blob(bytes) => SqliteValue::Blob(bytes),
        }
    }
}

#[cfg(feature = "sqlite")]
impl<'a> From<rusqlite::types::ValueRef<'a>> for SqliteValue<'a> {
    #[inline]
    fn from(value: rusqlite::types::ValueRef<'a>) -> Self {
        use rusqlite::types::ValueRef;
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(value) => Self::Integer(value),
            ValueRef::Real(value) => Self::Real(value),
            ValueRef::Text(text) => Self::Text(text),
            ValueRef::Blob(bytes) => Self::Blob(bytes),
        }
    }
}
