//! What an SQLite database says of a table.

use super::kind::Kind;
use super::{SqliteError, SqliteKey};
use crate::TableName;
use crate::adapters::table;
use crate::error::BoxError;
use crate::fetch::TableError;

/// The names and declared types of the columns of the table ?2 in the schema ?1. Hidden columns of virtual tables are
/// left out, as in `SELECT *`.
pub(super) const COLUMNS: &str = "SELECT name, type FROM pragma_table_xinfo(?2, ?1) WHERE hidden <> 1 ORDER BY cid";

/// All tables and views, SQLite's own aside.
pub(super) const TABLES: &str =
    "SELECT schema || '.' || name FROM pragma_table_list WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1";

pub(super) type Table = table::Table<Kind>;

pub(super) type DeclaredColumn = table::DeclaredColumn<Kind>;

/// A table of these columns, each a name and a declared type; `None` of none, which is no table.
pub(super) fn declared(name: &TableName, columns: impl IntoIterator<Item = (String, String)>) -> Option<Table> {
    let declared =
        |(name, declared): (String, String)| DeclaredColumn { name, kind: Kind::declared(&declared), declared };
    Table::of(name, names(name), columns.into_iter().map(declared).collect())
}

/// Tells a missing table or schema from a table that cannot be read, given all that there are.
pub(super) fn not_readable<E: Into<BoxError>>(name: &TableName, tables: &[String], cause: Option<E>) -> SqliteError {
    let is_there = || tables.iter().any(|table| table.eq_ignore_ascii_case(name.as_str()));
    match cause {
        Some(cause) if is_there() => SqliteError::query(name)(cause),
        _ => TableError::not_found(name, tables).into(),
    }
}

/// Refuses a key type that the declared type of the id column rules out. Comparing them would find rows all the same,
/// since SQLite takes the text `7` for the integer.
pub(super) fn check_key(table: &Table, id: &DeclaredColumn, wanted: SqliteKey) -> Result<(), SqliteError> {
    let fits = match id.kind {
        Kind::Integer => wanted == SqliteKey::Integer,
        Kind::Text => wanted == SqliteKey::Text,
        kind => kind == Kind::ByValue,
    };
    if fits { Ok(()) } else { Err(table.key_type(id, &id.declared, &wanted.to_string()).into()) }
}

/// The schema's name, and the table's: what follows the first dot, since SQLite has no further level.
pub(super) fn names(table: &TableName) -> [&str; 2] {
    table.as_str().split_once('.').map_or(["main", table.as_str()], |(schema, table)| [schema, table])
}
