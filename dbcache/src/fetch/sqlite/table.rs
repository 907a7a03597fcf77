//! What an SQLite database says of a table.

use super::kind::Kind;
use super::{SqliteError, SqliteKey};
use crate::error::BoxError;
use crate::fetch::table_error::TableError;
use crate::name::TableName;

/// The names and declared types of the columns of the table ?2 in the schema ?1. Hidden columns of virtual tables are
/// left out, as in `SELECT *`.
pub(super) const COLUMNS: &str = "SELECT name, type FROM pragma_table_xinfo(?2, ?1) WHERE hidden <> 1 ORDER BY cid";

/// All tables and views, SQLite's own aside.
pub(super) const TABLES: &str =
    "SELECT schema || '.' || name FROM pragma_table_list WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1";

/// A table or view, and its columns in their own order.
#[derive(Debug)]
pub(super) struct Table<'a> {
    pub(super) name: &'a TableName,
    columns: Vec<DeclaredColumn>,
}

#[derive(Debug)]
pub(super) struct DeclaredColumn {
    pub(super) name: String,
    /// The type as the table's definition writes it; empty where it has none.
    pub(super) declared: String,
    pub(super) kind: Kind,
}

impl<'a> Table<'a> {
    /// A table of these columns, each a name and a declared type; `None` of none, which is no table.
    pub(super) fn of(name: &'a TableName, columns: impl IntoIterator<Item = (String, String)>) -> Option<Self> {
        let declared =
            |(name, declared): (String, String)| DeclaredColumn { name, kind: Kind::declared(&declared), declared };
        let columns: Vec<DeclaredColumn> = columns.into_iter().map(declared).collect();
        (!columns.is_empty()).then_some(Self { name, columns })
    }

    /// Tells a missing table or schema from a table that cannot be read, given all that there are.
    pub(super) fn not_readable<E: Into<BoxError>>(
        name: &TableName,
        tables: &[String],
        cause: Option<E>,
    ) -> SqliteError {
        let is_there = || tables.iter().any(|table| table.eq_ignore_ascii_case(name.as_str()));
        match cause {
            Some(cause) if is_there() => SqliteError::query(name)(cause),
            _ => TableError::not_found(name, tables).into(),
        }
    }

    pub(super) fn columns(&self) -> &[DeclaredColumn] {
        &self.columns
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }

    pub(super) fn find(&self, column: &str) -> Option<&DeclaredColumn> {
        self.columns.iter().find(|declared| declared.name == column)
    }

    /// The column that holds the ids.
    pub(super) fn id_column(&self, column: &str) -> Result<&DeclaredColumn, SqliteError> {
        let names = self.columns.iter().map(|declared| declared.name.as_str());
        self.find(column).ok_or_else(|| TableError::column_not_found(self.name, column, names).into())
    }

    /// Refuses a key type that the declared type of the id column rules out. Comparing them would find rows all the
    /// same, since SQLite takes the text `7` for the integer.
    pub(super) fn check_key(&self, id: &DeclaredColumn, wanted: SqliteKey) -> Result<(), SqliteError> {
        let fits = match id.kind {
            Kind::Integer => wanted == SqliteKey::Integer,
            Kind::Text => wanted == SqliteKey::Text,
            kind => kind == Kind::ByValue,
        };
        if fits {
            return Ok(());
        }
        let (table, column) = (self.name.to_string(), id.name.clone());
        Err(TableError::KeyType { table, column, found: id.declared.clone(), wanted: wanted.to_string() }.into())
    }
}

/// The schema's name, and the table's: what follows the first dot, since SQLite has no further level.
pub(super) fn names(table: &TableName) -> [&str; 2] {
    table.as_str().split_once('.').map_or(["main", table.as_str()], |(schema, table)| [schema, table])
}
