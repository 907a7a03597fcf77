//! Answers of many megabytes, with columns of every type that a driver has to ask the server about.
//!
//! Such a question must not be asked on a connection whose rows are still arriving.

use std::sync::Arc;

use dbcache::error::BoxError;
use dbcache::polars::prelude::*;
use dbcache::{Cache, PostgresError};
use dbcache_tests::contract::{all, fetch, named};
use dbcache_tests::gate::in_time;

use crate::PostgresAdapter;
use crate::types::{EVERYTHING, Everything, Records};

const IDS: std::ops::RangeInclusive<i64> = 1..=1000;

/// Types of the database's own, and `label`, a type as extensions make them.
const TYPES: &str = "
    CREATE TYPE main.mood AS ENUM ('sad', 'happy');
    CREATE DOMAIN main.positive AS INT4 CHECK (VALUE > 0);
    CREATE DOMAIN main.code AS main.mood;
    CREATE DOMAIN main.price AS NUMERIC(8, 2);
    CREATE TYPE main.pair AS (a INT4, b TEXT);
    CREATE TYPE main.numbers AS RANGE (subtype = NUMERIC);
    CREATE TYPE main.label;
    CREATE FUNCTION main.label_in(cstring) RETURNS main.label LANGUAGE internal IMMUTABLE STRICT AS 'textin';
    CREATE FUNCTION main.label_out(main.label) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
    CREATE TYPE main.label (INPUT = main.label_in, OUTPUT = main.label_out, LIKE = text)";

/// The type of a column, and the value of every row.
struct Held {
    sql_type: &'static str,
    value: &'static str,
    /// The value as a frame shows it.
    shown: &'static str,
}

const fn held(sql_type: &'static str, value: &'static str, shown: &'static str) -> Held {
    Held { sql_type, value, shown }
}

const HELD: [Held; 19] = [
    held("main.mood", "happy", "\"happy\""),
    held("main.mood[]", "{happy,NULL,sad}", "[\"happy\", null, \"sad\"]"),
    held("main.code", "sad", "\"sad\""),
    held("main.code[]", "{sad}", "[\"sad\"]"),
    held("main.positive", "7", "7"),
    held("main.positive[]", "{7,NULL}", "[7, null]"),
    held("main.price[]", "{2.5}", "[2.50]"),
    held("main.label", "Ada", "\"Ada\""),
    held("main.label[]", "{\"a,b\",c}", "[\"a,b\", \"c\"]"),
    held("main.numbers", "[1.5,2)", "\"[1.5,2)\""),
    held("main.numbers[]", "{\"[1.5,2)\"}", "[\"[1.5,2)\"]"),
    held("int4range", "[1,5)", "\"[1,5)\""),
    held("inet", "10.0.0.1/8", "\"10.0.0.1/8\""),
    held("macaddr", "08:00:2b:01:02:03", "\"08:00:2b:01:02:03\""),
    held("bit(3)", "101", "\"101\""),
    held("xml", "<a>1</a>", "\"<a>1</a>\""),
    held("\"char\"", "x", "\"x\""),
    held("timetz", "12:00:00+02", "\"12:00:00+02\""),
    held("tsvector", "'a':1 'b':2", "\"'a':1 'b':2\""),
];

/// Types whose text differs from session to session, or that are made of several values.
const REFUSED: [(&str, &str); 8] = [
    ("main.pair", "(1,x)"),
    ("main.pair[]", "{\"(1,x)\"}"),
    ("interval", "1 day"),
    ("interval[]", "{1 day}"),
    ("daterange", "[2024-01-01,2024-02-01)"),
    ("money", "1.5"),
    ("int4multirange", "{[1,5)}"),
    ("main.numbers_multirange", "{}"),
];

fn table_of(columns: &[(&str, &str)]) -> String {
    let define = |(place, (sql_type, _)): (usize, &(&str, &str))| format!("c{place} {sql_type}");
    let defined: Vec<String> = columns.iter().enumerate().map(define).collect();
    let value = |(sql_type, value): &(&str, &str)| format!("'{}'::{sql_type}", value.replace('\'', "''"));
    let values: Vec<String> = columns.iter().map(value).collect();
    format!(
        "{TYPES}; CREATE TABLE main.t (id INT8 PRIMARY KEY, wide TEXT, {});
         INSERT INTO main.t SELECT i, repeat('x', 5000), {} FROM generate_series(1, 1000) i",
        defined.join(", "),
        values.join(", ")
    )
}

fn fetched<A: PostgresAdapter>(database: &Arc<A>, columns: &[String]) -> Result<DataFrame, BoxError> {
    let (database, columns) = (Arc::clone(database), columns.to_vec());
    in_time(move || {
        let ids: Vec<i64> = IDS.collect();
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        fetch(&*database, "main.t", "id", &ids, Some(&columns))
    })
}

fn shown(rows: &DataFrame, column: &str) -> Vec<String> {
    let column = rows.column(column).unwrap();
    let value = |row| match column.get(row).unwrap() {
        AnyValue::List(items) => {
            format!("[{}]", items.iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", "))
        }
        value => value.to_string(),
    };
    (0..rows.height()).map(value).collect()
}

pub(crate) fn every_type_comes_beside_megabytes_of_text<A: PostgresAdapter>(database: &Arc<A>) {
    database.execute(&table_of(&HELD.map(|held| (held.sql_type, held.value))));
    let names: Vec<String> = (0..HELD.len()).map(|place| format!("c{place}")).collect();
    let wide = "wide".to_owned();
    // Each alone is the first that the connection hears of its type; all together come through a warm one.
    for asked in
        names
            .iter()
            .map(|name| vec![name.clone(), wide.clone()])
            .chain([[&names[..], std::slice::from_ref(&wide)].concat()])
    {
        let rows = fetched(database, &asked).unwrap();
        assert_eq!(rows.height(), 1000);
        for (held, name) in HELD.iter().zip(&names).filter(|(_, name)| asked.contains(name)) {
            assert_eq!(shown(&rows, name), vec![held.shown; 1000], "{}", held.sql_type);
        }
    }
}

pub(crate) fn a_type_without_a_column_type_is_refused_by_name<A: PostgresAdapter>(database: &Arc<A>) {
    database.execute(&table_of(&REFUSED));
    for (place, (sql_type, _)) in REFUSED.iter().enumerate() {
        let name = format!("c{place}");
        let refused = fetched(database, &[name.clone(), "wide".to_owned()]).unwrap_err();
        match *refused.downcast::<PostgresError>().unwrap() {
            PostgresError::ColumnType { column, found, .. } => assert_eq!((column, found.as_str()), (name, *sql_type)),
            other => panic!("{other}"),
        }
    }
}

pub(crate) fn records_with_an_enum_come_beside_megabytes_of_text<A: PostgresAdapter>(database: &Arc<A>) {
    database.execute(&EVERYTHING.replace("), (2);", ");"));
    database.execute(
        "INSERT INTO main.everything (id, mood, words) SELECT i, 'Happy', repeat('x', 5000) FROM generate_series(2, 1000) i",
    );
    let database = Arc::clone(database);
    let rows = in_time(move || {
        let (folder, ids) = (tempfile::tempdir().unwrap(), IDS.collect::<Vec<i64>>());
        let cache = Cache::<Everything>::open(folder.path()).unwrap();
        cache.rows(&ids, &Records(&*database)).unwrap()
    });
    assert_eq!(rows.len(), 1000);
}

/// The table is remembered as it was, so that the query is made for what it no longer is.
pub(crate) fn a_column_that_becomes_an_enum_is_an_error_and_then_read<A: PostgresAdapter>(database: &Arc<A>) {
    database.execute(&table_of(&[("TEXT", "happy"), ("INT4", "1")]));
    let asked = ["c0", "c1", "wide"].map(str::to_owned);
    fetched(database, &asked).unwrap();
    let alter = "ALTER TABLE main.t ALTER COLUMN c0 TYPE main.mood USING c0::main.mood";
    database.execute(alter);
    fetched(database, &asked).unwrap_err();
    assert_eq!(shown(&fetched(database, &asked).unwrap(), "c0"), vec!["\"happy\""; 1000]);
    let alter = "ALTER TABLE main.t ALTER COLUMN c1 TYPE main.positive[] USING ARRAY[c1]::main.positive[]";
    database.execute(alter);
    fetched(database, &asked).unwrap_err();
    assert_eq!(shown(&fetched(database, &asked).unwrap(), "c1"), vec!["[1]"; 1000]);
}

pub(crate) fn columns_of_one_query_may_have_different_collations<A: PostgresAdapter>(database: &Arc<A>) {
    database.execute(
        "CREATE TABLE main.t (id TEXT COLLATE \"C\" PRIMARY KEY, n TEXT COLLATE \"POSIX\", c CHAR(3));
         INSERT INTO main.t VALUES ('a', 'b', 'c')",
    );
    let rows = all(&**database, "main.t", &["a".to_owned()]);
    assert_eq!(rows, df!["id" => ["a"], "n" => ["b"], "c" => ["c  "]].unwrap());
    assert_eq!(named(&**database, "main.t", &["b".to_owned()], &["n"]).height(), 0);
}
