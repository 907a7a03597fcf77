//! What PostgreSQL has and a cache cannot hold.

use dbcache::PostgresError;
use dbcache::error::{BatchError, BoxError};
use dbcache::key::RowId;
use dbcache::polars::prelude::*;
use dbcache_tests::contract::{all, named, refusal};

use crate::PostgresAdapter;

fn rejected(cause: BoxError) -> (String, RowId, String) {
    match *cause.downcast::<BatchError>().unwrap() {
        BatchError::Rejected(row) => (row.column, row.id, row.reason),
        other => panic!("{other}"),
    }
}

pub(crate) fn a_type_that_cannot_be_cached_is_named_with_its_column(database: &impl PostgresAdapter) {
    database.execute(
        "CREATE TYPE main.pair AS (a INT4, b INT4);
         CREATE TABLE main.t (id INT8 PRIMARY KEY, name TEXT, span INTERVAL, pair main.pair, spans INTERVAL[]);
         INSERT INTO main.t VALUES (1, 'x', '1 day', ROW(1, 2), NULL)",
    );
    let refused = refusal(database, "main.t", "id", &[1_i64]);
    let text = "the column \"span\" of main.t is of type interval, which cannot be cached: ask a view that casts it";
    assert_eq!(refused.to_string(), text);
    let Ok(refused) = refused.downcast::<PostgresError>() else { panic!("another error") };
    assert!(matches!(*refused, PostgresError::ColumnType { column, .. } if column == "span"));
    assert_eq!(named(database, "main.t", &[1_i64], &["name"]).height(), 1);
}

pub(crate) fn a_value_that_its_column_cannot_hold_is_named_with_its_row(database: &impl PostgresAdapter) {
    database.execute(
        "CREATE TABLE main.price (id INT8 PRIMARY KEY, v NUMERIC(6, 2)); INSERT INTO main.price VALUES (1, 1), (2, 'NaN');
         CREATE TABLE main.day (id TEXT PRIMARY KEY, v DATE); INSERT INTO main.day VALUES ('x', 'infinity');
         CREATE TABLE main.moment (id UUID PRIMARY KEY, v TIMESTAMPTZ);
         INSERT INTO main.moment VALUES ('00000000-0000-0000-0000-000000000001', '-infinity');
         CREATE TABLE main.hour (id INT8 PRIMARY KEY, v TIME); INSERT INTO main.hour VALUES (1, '24:00');
         CREATE TABLE main.grid (id INT8 PRIMARY KEY, v INT4[]); INSERT INTO main.grid VALUES (1, '{{1, 2}, {3, 4}}')",
    );
    let expected = |id, reason: &str| ("v".to_owned(), id, reason.to_owned());
    let price = rejected(refusal(database, "main.price", "id", &[1_i64, 2]));
    assert_eq!(price, expected(RowId::Int(2), "NaN does not fit in numeric(6,2) as decimal(6,2)"));
    let day = rejected(refusal(database, "main.day", "id", &["x".to_owned()]));
    assert_eq!(day, expected(RowId::Text("x".to_owned()), "the date infinity does not fit in date"));
    let id = "00000000-0000-0000-0000-000000000001";
    let moment = rejected(refusal(database, "main.moment", "id", &[id.to_owned()]));
    let reason = "the timestamp -infinity does not fit in timestamp with time zone";
    assert_eq!(moment, expected(RowId::Text(id.to_owned()), reason));
    let hour = rejected(refusal(database, "main.hour", "id", &[1_i64]));
    assert_eq!(hour, expected(RowId::Int(1), "the time 24:00:00 does not fit in time without time zone"));
    let grid = rejected(refusal(database, "main.grid", "id", &[1_i64]));
    assert_eq!(grid, expected(RowId::Int(1), "an array of 2 dimensions does not fit in integer[]"));
}

/// An error, and never the bytes of one type taken for those of another.
pub(crate) fn an_altered_column_is_read_anew(database: &impl PostgresAdapter) {
    database.execute("CREATE TABLE main.t (id INT8 PRIMARY KEY, n INT8); INSERT INTO main.t VALUES (1, 5)");
    assert_eq!(all(database, "main.t", &[1_i64]), df!["id" => [1_i64], "n" => [5_i64]].unwrap());
    database.execute("ALTER TABLE main.t ALTER COLUMN n TYPE FLOAT8");
    let refused = refusal(database, "main.t", "id", &[1_i64]);
    assert_eq!(refused.to_string(), "the column \"n\" of main.t was altered meanwhile");
    assert_eq!(all(database, "main.t", &[1_i64]), df!["id" => [1_i64], "n" => [5.0]].unwrap());
    database.execute("ALTER TABLE main.t DROP COLUMN n");
    assert_eq!(refusal(database, "main.t", "id", &[1_i64]).to_string(), "cannot read main.t");
    assert_eq!(all(database, "main.t", &[1_i64]), df!["id" => [1_i64]].unwrap());
}

pub(crate) fn a_table_that_may_not_be_read_is_an_error_of_the_server(database: &impl PostgresAdapter) {
    database.execute(
        "CREATE TABLE main.t (id INT8 PRIMARY KEY, n INT8); INSERT INTO main.t VALUES (1, 0);
         CREATE VIEW main.v AS SELECT id, 1 / n AS broken FROM main.t",
    );
    let refused = refusal(database, "main.v", "id", &[1_i64]);
    assert_eq!(refused.to_string(), "cannot read main.v");
    let mut cause = refused.source();
    while let Some(above) = cause.filter(|cause| !cause.to_string().contains("division by zero")) {
        cause = above.source();
    }
    assert!(cause.is_some());
}
