//! References to columns and to paths in them.

mod typed;

use std::fmt;

use crate::json_path::JsonPath;

#[doc(hidden)]
pub use typed::Place;
pub use typed::{Column, Nullness, Optional, Required};

/// A column, or a path into a JSON column, by name.
///
/// The text form is the column's name, then a dot and a key or array place for each step. The split is at the
/// first dot; a name or key that contains a dot or a quote is put in double quotes, with `\"` for a quote in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ColumnRef {
    column: String,
    path: JsonPath,
}

impl ColumnRef {
    pub(crate) fn with_path(column: impl Into<String>, steps: impl IntoIterator<Item = String>) -> Self {
        Self { column: column.into(), path: JsonPath::of(steps) }
    }

    /// The name of the column that is fetched and cached.
    pub fn column(&self) -> &str {
        &self.column
    }

    /// The path in that column; empty for the column itself.
    pub fn path(&self) -> &JsonPath {
        &self.path
    }
}

impl fmt::Display for ColumnRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.column)?;
        self.path.steps().iter().try_for_each(|step| write!(f, ".{step}"))
    }
}
