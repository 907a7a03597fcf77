//! What a PostgreSQL database says of a table.

use super::PostgresError;
use super::kind::Kind;
use crate::TableName;
use crate::adapters::table;
use crate::error::BoxError;

/// The tables and views of the database, PostgreSQL's own aside.
pub(super) const TABLES: &str = r"
SELECT n.nspname || '.' || c.relname
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname <> 'information_schema' AND left(n.nspname::text, 3) <> 'pg_'
ORDER BY 1";

/// The columns of the table called $1, in their own order, all values as text.
///
/// A domain is followed to the type that it restricts, an array to that of its elements.
///
/// The last column but one says whether the text of a value is the same in every session. It is where the function that writes
/// it is immutable: those of dates, intervals and money follow settings, and those of rows and arrays what is in them.
/// The labels of an enum are in the catalog, so that their function is not called immutable; a range is written as its
/// bounds are.
///
/// The last column says whether the collation takes different texts for different. Collations had no such column before
/// PostgreSQL 12, hence the JSON.
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
    SELECT a.attnum, a.attname::text AS name, a.atttypid, a.atttypmod, a.attcollation
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
    step.sent::text, step.lists::text, t.oid::text, t.typarray::text, step.modifier::text,
    pg_catalog.format('%I.%I', n.nspname, t.typname),
    (t.typtype = 'e' OR output.provolatile = 'i')::text,
    coalesce(pg_catalog.to_jsonb(c) ->> 'collisdeterministic', 'true')
FROM relation, attribute a
    JOIN step ON step.attnum = a.attnum
    JOIN pg_catalog.pg_type t ON t.oid = step.type AND t.typtype <> 'd' AND NOT (t.typcategory = 'A' AND t.typelem <> 0)
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    LEFT JOIN pg_catalog.pg_range r ON r.rngtypid = t.oid
    JOIN pg_catalog.pg_type written ON written.oid = coalesce(r.rngsubtype, t.oid)
    JOIN pg_catalog.pg_proc output ON output.oid = written.typoutput
    LEFT JOIN pg_catalog.pg_collation c ON c.oid = a.attcollation
ORDER BY a.attnum";

/// A table or view as the catalog has it.
pub(super) type Table = table::Table<ColumnType>;

pub(super) type DeclaredColumn = table::DeclaredColumn<ColumnType>;

/// The tables that were looked up.
pub(super) type Tables = crate::adapters::tables::Tables<ColumnType>;

/// What the catalog says of a column's type.
#[derive(Debug)]
pub(in crate::adapters) struct ColumnType {
    /// `None` where the cache has no type for it.
    pub(super) held: Option<Held>,
    /// How ids are compared if that takes several texts for one id.
    pub(super) loosely: Option<LooseComparison>,
}

/// A comparison that takes several texts for one: by a type such as `citext`, or by a collation.
#[derive(Debug)]
pub(super) struct LooseComparison {
    /// The type in which texts are compared.
    pub(super) as_type: String,
    /// Its `=`. The schema of an extension need not be in the search path.
    pub(super) equals: String,
}

/// How the values of a column are asked for, and what they become.
///
/// They are sent as types that PostgreSQL has built in, which every driver knows: of any other, a driver asks the
/// server on the same connection, and waits for ever where rows are still arriving on it.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) kind: Kind,
    /// The type that the values are sent as, as a query names it.
    pub(super) sent_as: String,
    /// The number of that type.
    pub(super) sent: u32,
    /// Whether a query must convert the column to that type.
    pub(super) is_cast: bool,
}

/// One row of [`COLUMNS`].
pub(super) type CatalogRow = Vec<String>;

/// Reads the rows of [`COLUMNS`]; `None` where there are none, and so no such table.
pub(super) fn read(name: &TableName, rows: &[CatalogRow]) -> Result<Option<Table>, PostgresError> {
    let Some([schema, table, ..]) = rows.first().map(Vec::as_slice) else { return Ok(None) };
    let columns: Option<Vec<DeclaredColumn>> = rows.iter().map(|row| column(row)).collect();
    let unreadable = || PostgresError::query(name)(BoxError::from("the catalog gives no table's columns"));
    Ok(Table::of(name, [schema, table], columns.ok_or_else(unreadable)?))
}

fn column(row: &[String]) -> Option<DeclaredColumn> {
    let [_, _, name, declared, sent, lists, oid, list_oid, modifier, type_name, has_one_text, is_exact] = row else {
        return None;
    };
    let element = Element {
        oid: oid.parse().ok()?,
        list_oid: list_oid.parse().ok()?,
        modifier: modifier.parse().ok()?,
        name: type_name,
        has_one_text: has_one_text == "true",
    };
    let sent = sent.parse().ok()?;
    let held = match lists.as_str() {
        "0" => element.held(sent),
        "1" => element.held_in_lists(sent),
        _ => None,
    };
    let loosely = element.loose_comparison(is_exact == "true");
    Some(DeclaredColumn { name: name.clone(), declared: declared.clone(), kind: ColumnType { held, loosely } })
}

/// The type of a column's values, or of their elements, with domains taken for what they restrict.
struct Element<'a> {
    oid: u32,
    /// The number of the type of arrays of it.
    list_oid: u32,
    modifier: i32,
    /// The name, with its schema, as a query has it.
    name: &'a str,
    /// Whether the text of a value is the same in every session.
    has_one_text: bool,
}

impl Element<'_> {
    const TEXT: Self = Element { oid: 25, list_oid: 1009, modifier: -1, name: "pg_catalog.text", has_one_text: true };

    fn held(&self, sent: u32) -> Option<Held> {
        let (kind, Self { oid, name, .. }) = self.kind()?;
        Some(Held { kind, sent_as: (*name).to_owned(), sent: *oid, is_cast: sent != *oid })
    }

    fn held_in_lists(&self, sent: u32) -> Option<Held> {
        let (items, Self { list_oid, name, .. }) = self.kind()?;
        let kind = Kind::List(Box::new(items));
        Some(Held { kind, sent_as: format!("{name}[]"), sent: *list_oid, is_cast: sent != *list_oid })
    }

    /// How ids are compared, unless each text is an id of its own.
    fn loose_comparison(&self, collation_is_exact: bool) -> Option<LooseComparison> {
        const BPCHAR: u32 = 1042;
        let (schema, as_type) = match self.name.strip_suffix(".citext") {
            Some(schema) => (schema, self.name),
            None if self.oid == BPCHAR => ("pg_catalog", "pg_catalog.bpchar"),
            None if collation_is_exact => return None,
            None => ("pg_catalog", Self::TEXT.name),
        };
        Some(LooseComparison { as_type: as_type.to_owned(), equals: format!("OPERATOR({schema}.=)") })
    }

    /// What the values become, and the type that they are sent as: their own, or text.
    fn kind(&self) -> Option<(Kind, &Self)> {
        match Kind::of(self.oid, self.modifier) {
            Some(kind) => Some((kind, self)),
            None => self.has_one_text.then_some((Kind::Text, &Self::TEXT)),
        }
    }
}
