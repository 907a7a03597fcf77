//! Why a database has no rows of a table for anybody.

use crate::name::{TableName, similar_names};

/// Why a database has no rows of a table for anybody.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// The database has no such table or view.
    #[error("the database has no table {table:?}{}", suggestion(.suggestions))]
    NotFound {
        /// The table.
        table: String,
        /// Tables that have names near it, the nearest first.
        suggestions: Vec<String>,
    },

    /// The table has no such id column.
    #[error("the table {table} has no column {column:?}{}", suggestion(.suggestions))]
    ColumnNotFound {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// Columns that have names near it, the nearest first.
        suggestions: Vec<String>,
    },

    /// The id column holds no keys of the type that was asked for.
    #[error("the id column {column:?} of {table} holds {found}, not {wanted} keys")]
    KeyType {
        /// The table.
        table: String,
        /// The id column.
        column: String,
        /// What it holds.
        found: String,
        /// The keys that were asked for.
        wanted: String,
    },
}

impl TableError {
    /// A table that is not there, given all that are.
    ///
    /// ```
    /// use dbcache::{TableError, TableName};
    ///
    /// let missing = TableError::not_found(&TableName::new("shop.user")?, &["shop.users".to_owned()]);
    /// assert!(missing.to_string().ends_with("(did you mean \"shop.users\"?)"));
    /// # Ok::<(), dbcache::Error>(())
    /// ```
    pub fn not_found(table: &TableName, tables: &[String]) -> Self {
        let suggestions = similar_names(table.as_str(), tables.iter().map(String::as_str));
        Self::NotFound { table: table.to_string(), suggestions }
    }

    /// A column that is not there, given all that are.
    ///
    /// ```
    /// use dbcache::{TableError, TableName};
    ///
    /// let missing = TableError::column_not_found(&TableName::new("shop.users")?, "key", ["id", "keys"]);
    /// assert!(missing.to_string().ends_with("(did you mean \"keys\"?)"));
    /// # Ok::<(), dbcache::Error>(())
    /// ```
    pub fn column_not_found<'c>(table: &TableName, column: &str, columns: impl IntoIterator<Item = &'c str>) -> Self {
        let suggestions = similar_names(column, columns);
        Self::ColumnNotFound { table: table.to_string(), column: column.to_owned(), suggestions }
    }
}

/// The nearest of some names, for the end of a message.
fn suggestion(names: &[String]) -> String {
    names.first().map_or_else(String::new, |near| format!(" (did you mean {near:?}?)"))
}
