//! Keys of every kind, found or not.

use std::sync::Arc;

use dbcache::polars::prelude::*;

use super::{Adapter, all, fetch};

pub fn unknown_ids_are_left_out(database: &Arc<impl Adapter>) {
    database.execute("CREATE TABLE main.t (id BIGINT PRIMARY KEY); INSERT INTO main.t VALUES (-1), (2)");
    let expected = df!["id" => [-1_i64, 2]].expect("a frame");
    assert_eq!(all(&**database, "main.t", &[-1_i64, 0, 2, 3]), expected);
    assert_eq!(all(&**database, "main.t", &[77_i64]).height(), 0);
}

pub fn negative_ids_and_the_ends_of_64_bits_are_found(database: &Arc<impl Adapter>) {
    database.execute(
        "CREATE TABLE main.t (id BIGINT PRIMARY KEY);
         INSERT INTO main.t VALUES (-9223372036854775807 - 1), (-5), (0), (9223372036854775807)",
    );
    let ids = [i64::MIN, -5, 0, i64::MAX];
    assert_eq!(all(&**database, "main.t", &ids), df!["id" => ids].expect("a frame"));
    assert_eq!(all(&**database, "main.t", &[-5_i8, 0]), df!["id" => [-5_i64, 0]].expect("a frame"));
}

pub fn ids_above_the_integers_of_the_column_are_not_there(database: &Arc<impl Adapter>) {
    database.execute("CREATE TABLE main.t (id INTEGER PRIMARY KEY); INSERT INTO main.t VALUES (1), (-1)");
    assert_eq!(all(&**database, "main.t", &[1, u64::MAX]).height(), 1);
    assert_eq!(all(&**database, "main.t", &[1, i64::MAX]).height(), 1);
}

pub fn one_batch_may_ask_ten_thousand_ids(database: &Arc<impl Adapter>) {
    database.execute(
        "CREATE TABLE main.t (id BIGINT PRIMARY KEY, half BIGINT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
         INSERT INTO main.t SELECT i * 3, i / 2 FROM n",
    );
    let ids: Vec<i64> = (1..=10_000).map(|id| id * 3).collect();
    let halves: Vec<i64> = (1..=10_000).map(|id| id / 2).collect();
    assert_eq!(all(&**database, "main.t", &ids), df!["id" => ids, "half" => halves].expect("a frame"));
}

pub fn text_ids_are_bound_and_never_pasted(database: &Arc<impl Adapter>) {
    database.execute(
        r#"CREATE TABLE main.t (id TEXT PRIMARY KEY, n BIGINT);
           INSERT INTO main.t VALUES ('a', 1), ('x'' OR 1', 2), ('', 3), ('é', 4), ('{"q\,', 5)"#,
    );
    let ids = ["a", "x' OR 1", "", "é", "{\"q\\,", "' OR 1 --"].map(str::to_owned);
    let expected = df!["id" => ["", "a", "x' OR 1", "{\"q\\,", "é"], "n" => [3_i64, 1, 2, 5, 4]];
    assert_eq!(all(&**database, "main.t", &ids), expected.expect("a frame"));
}

pub fn text_ids_differ_by_case(database: &Arc<impl Adapter>) {
    database.execute("CREATE TABLE main.t (id TEXT PRIMARY KEY); INSERT INTO main.t VALUES ('Ada'), ('bob')");
    let ids = ["ada".to_owned(), "bob".to_owned()];
    assert_eq!(all(&**database, "main.t", &ids), df!["id" => ["bob"]].expect("a frame"));
}

pub fn the_id_column_has_the_name_that_is_asked_for(database: &Arc<impl Adapter>) {
    database.execute("CREATE TABLE main.t (key BIGINT PRIMARY KEY, id BIGINT); INSERT INTO main.t VALUES (1, 9)");
    let rows = fetch(&**database, "main.t", "key", &[1_i64], None).expect("rows");
    assert_eq!(rows, df!["key" => [1_i64], "id" => [9_i64]].expect("a frame"));
}
