//! The two kinds of keys that SQLite compares.

use std::fmt;

use polars::prelude::DataType;

use super::kind::Kind;
use crate::key::Key;

/// What the ids of a table are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SqliteKey {
    /// Integers.
    Integer,
    /// Text.
    Text,
}

impl SqliteKey {
    pub(super) fn of<K: Key>() -> Self {
        if K::DATA_TYPE == DataType::String { Self::Text } else { Self::Integer }
    }

    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Integer => Kind::Integer,
            Self::Text => Kind::Text,
        }
    }
}

impl fmt::Display for SqliteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Integer => "integer",
            Self::Text => "text",
        })
    }
}
