//! References to columns and to paths in them.

use crate::json_path::JsonPath;

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
    /// The name of the column that is fetched and cached.
    pub fn column(&self) -> &str {
        &self.column
    }

    /// The path in that column; empty for the column itself.
    pub fn path(&self) -> &JsonPath {
        &self.path
    }
}
