//! What a PostgreSQL database says of a table.

use super::PostgresError;
use super::kind::{Kind, ScalarType};
use crate::error::BoxError;
use crate::fetch::table_error::TableError;
use crate::name::TableName;

/// The tables and views of the database, PostgreSQL's own aside.
pub(super) const TABLES: &str = r"
SELECT n.nspname || '.' || c.relname
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname <> 'information_schema' AND left(n.nspname::text, 3) <> 'pg_'
ORDER BY 1";

/// The columns of the table called $1, in their own order, all values as text.
///
/// A domain is followed to the type that it restricts, an array to that of its elements.
pub(super) const COLUMNS: &str = r"
WITH RECURSIVE relation AS (
    SELECT c.oid, n.nspname::text AS schema, c.relname::text AS name
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND $1 IN (
        n.nspname || '.' || c.relname,
        pg_catalog.current_database() || '.' || n.nspname || '.' || c.relname
    )
    ORDER BY length(n.nspname::text) LIMIT 1
), attribute AS (
    SELECT a.attnum, a.attname::text AS name, a.atttypid, a.atttypmod
    FROM pg_catalog.pg_attribute a JOIN relation ON a.attrelid = relation.oid
    WHERE a.attnum > 0 AND NOT a.attisdropped
), step AS (
    SELECT attnum, atttypid AS type, atttypmod AS modifier, 0 AS lists, atttypid AS sent FROM attribute
    UNION ALL
    SELECT step.attnum,
        CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.typelem END,
        CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE step.modifier END,
        CASE WHEN t.typtype = 'd' THEN step.lists ELSE step.lists + 1 END,
        CASE WHEN t.typtype = 'd' AND step.lists = 0 THEN t.typbasetype ELSE step.sent END
    FROM step JOIN pg_catalog.pg_type t ON t.oid = step.type
    WHERE t.typtype = 'd' OR t.typcategory = 'A' AND t.typelem <> 0
)
SELECT relation.schema, relation.name, a.name, pg_catalog.format_type(a.atttypid, a.atttypmod),
    step.sent::text, step.lists::text, t.oid::text, step.modifier::text, t.typtype::text, t.typname::text
FROM relation, attribute a
    JOIN step ON step.attnum = a.attnum
    JOIN pg_catalog.pg_type t ON t.oid = step.type AND t.typtype <> 'd' AND NOT (t.typcategory = 'A' AND t.typelem <> 0)
ORDER BY a.attnum";

/// A table or view, and its columns in their own order.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: TableName,
    /// The schema's name and the table's.
    pub(super) path: [String; 2],
    columns: Vec<DeclaredColumn>,
}

#[derive(Debug)]
pub(super) struct DeclaredColumn {
    pub(super) name: String,
    /// The type as PostgreSQL writes it.
    pub(super) declared: String,
    /// The number of the type that its values are sent as.
    pub(super) sent: u32,
    /// `None` where the cache has no type for it.
    pub(super) kind: Option<Kind>,
}

/// One row of [`COLUMNS`].
pub(super) type CatalogRow = Vec<String>;

impl Table {
    /// Reads the rows of [`COLUMNS`]; `None` where there are none, and so no such table.
    pub(super) fn read(name: &TableName, rows: &[CatalogRow]) -> Result<Option<Self>, PostgresError> {
        let Some([schema, table, ..]) = rows.first().map(Vec::as_slice) else { return Ok(None) };
        let path = [schema.clone(), table.clone()];
        let columns: Option<Vec<DeclaredColumn>> = rows.iter().map(|row| column(row)).collect();
        let unreadable = || PostgresError::query(name)(BoxError::from("the catalog gives no table's columns"));
        Ok(Some(Self { name: name.clone(), path, columns: columns.ok_or_else(unreadable)? }))
    }

    pub(super) fn columns(&self) -> &[DeclaredColumn] {
        &self.columns
    }

    pub(super) fn find(&self, column: &str) -> Option<&DeclaredColumn> {
        self.columns.iter().find(|declared| declared.name == column)
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }

    /// The column that holds the ids.
    pub(super) fn id_column(&self, column: &str) -> Result<&DeclaredColumn, PostgresError> {
        let names = self.columns.iter().map(|declared| declared.name.as_str());
        self.find(column).ok_or_else(|| TableError::column_not_found(&self.name, column, names).into())
    }
}

fn column(row: &[String]) -> Option<DeclaredColumn> {
    let [_, _, name, declared, sent, lists, oid, modifier, sort, type_name] = row else { return None };
    let scalar = ScalarType { oid: oid.parse().ok()?, modifier: modifier.parse().ok()?, sort, name: type_name };
    let kind = match lists.as_str() {
        "0" => Kind::of(&scalar),
        "1" => Kind::of(&scalar).map(|items| Kind::List(Box::new(items))),
        _ => None,
    };
    Some(DeclaredColumn { name: name.clone(), declared: declared.clone(), sent: sent.parse().ok()?, kind })
}
