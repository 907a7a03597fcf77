//! What an SQLite database says of a table.

use rusqlite::types::{Type, ValueRef};
use rusqlite::{Connection, OptionalExtension};

use super::{SqliteError, SqliteKey};
use crate::fetch::sql;
use crate::name::{TableName, near};

use super::kind::Kind;

/// A table or view, and its columns in their own order.
#[derive(Debug)]
pub(super) struct Table<'a> {
    name: &'a TableName,
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
    /// Reads the table's definition.
    pub(super) fn read(connection: &Connection, name: &'a TableName) -> Result<Self, SqliteError> {
        match declared_columns(connection, name) {
            Ok(columns) if !columns.is_empty() => Ok(Self { name, columns }),
            failed => Err(not_readable(connection, name, failed.err())),
        }
    }

    pub(super) fn columns(&self) -> &[DeclaredColumn] {
        &self.columns
    }

    pub(super) fn find(&self, column: &str) -> Option<&DeclaredColumn> {
        self.columns.iter().find(|declared| declared.name == column)
    }

    /// The column that holds the ids.
    pub(super) fn id_column(&self, column: &str) -> Result<&DeclaredColumn, SqliteError> {
        self.find(column).ok_or_else(|| SqliteError::ColumnNotFound {
            table: self.name.to_string(),
            column: column.to_owned(),
            suggestions: near(column, self.columns.iter().map(|declared| declared.name.as_str())),
        })
    }

    /// Whether the ids are integers or text: what the column declares, or what its first value is.
    pub(super) fn key(&self, connection: &Connection, column: &str) -> Result<SqliteKey, SqliteError> {
        let declared = self.id_column(column)?;
        match declared.kind {
            Kind::Integer => Ok(SqliteKey::Integer),
            Kind::Text => Ok(SqliteKey::Text),
            Kind::ByValue => self.key_by_value(connection, declared),
            _ => Err(self.no_key(declared, declared.declared.clone())),
        }
    }

    fn key_by_value(&self, connection: &Connection, id: &DeclaredColumn) -> Result<SqliteKey, SqliteError> {
        let column = sql::quoted(&id.name);
        let table = sql::path(&names(self.name));
        let query = format!("SELECT {column} FROM {table} WHERE {column} IS NOT NULL LIMIT 1");
        let first: Option<Type> = connection
            .query_row(&query, [], |row| row.get_ref(0).map(|id: ValueRef<'_>| id.data_type()))
            .optional()
            .map_err(SqliteError::query(self.name))?;
        match first {
            None | Some(Type::Integer) => Ok(SqliteKey::Integer),
            Some(Type::Text) => Ok(SqliteKey::Text),
            Some(other) => Err(self.no_key(id, other.to_string())),
        }
    }

    fn no_key(&self, id: &DeclaredColumn, found: String) -> SqliteError {
        SqliteError::KeyType {
            table: self.name.to_string(),
            column: id.name.clone(),
            found,
            wanted: "integer or text".to_owned(),
        }
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
        Err(SqliteError::KeyType {
            table: self.name.to_string(),
            column: id.name.clone(),
            found: id.declared.clone(),
            wanted: wanted.to_string(),
        })
    }
}

/// The schema's name, and the table's: what follows the first dot, since SQLite has no further level.
pub(super) fn names(table: &TableName) -> [&str; 2] {
    table.as_str().split_once('.').map_or(["main", table.as_str()], |(schema, table)| [schema, table])
}

/// Empty where there is no such table. Hidden columns of virtual tables are left out, as in `SELECT *`.
fn declared_columns(connection: &Connection, table: &TableName) -> rusqlite::Result<Vec<DeclaredColumn>> {
    const QUERY: &str = "SELECT name, type FROM pragma_table_xinfo(?2, ?1) WHERE hidden <> 1 ORDER BY cid";
    let mut query = connection.prepare_cached(QUERY)?;
    let columns = query.query_map(names(table), |row| {
        let declared: String = row.get(1)?;
        Ok(DeclaredColumn { name: row.get(0)?, kind: Kind::declared(&declared), declared })
    })?;
    columns.collect()
}

/// Tells a missing table or schema from a table that cannot be read.
fn not_readable(connection: &Connection, table: &TableName, cause: Option<rusqlite::Error>) -> SqliteError {
    let tables = match table_names(connection) {
        Ok(tables) => tables,
        Err(cause) => return SqliteError::query(table)(cause),
    };
    match cause {
        Some(cause) if tables.iter().any(|name| name.eq_ignore_ascii_case(table.as_str())) => {
            SqliteError::query(table)(cause)
        }
        _ => SqliteError::TableNotFound {
            table: table.to_string(),
            suggestions: near(table.as_str(), tables.iter().map(String::as_str)),
        },
    }
}

/// All tables and views, SQLite's own aside.
pub(super) fn table_names(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    const QUERY: &str =
        "SELECT schema || '.' || name FROM pragma_table_list WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1";
    connection.prepare_cached(QUERY)?.query_map([], |row| row.get(0))?.collect()
}
