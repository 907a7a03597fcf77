//! Values, their types, and which columns come.

use std::sync::Arc;

use dbcache::TableName;
use dbcache::polars::prelude::*;

use super::{Adapter, ITEMS, all, fetch, named};

pub fn rows_come_with_the_types_of_their_columns(database: &Arc<impl Adapter>) {
    database.execute(
        r#"CREATE TABLE main.t (id BIGINT PRIMARY KEY, name VARCHAR(20), n BIGINT, score DOUBLE PRECISION, active BOOLEAN, doc JSON);
           INSERT INTO main.t VALUES (1, 'Ada', 36, 1, TRUE, '{"a":1}'), (2, 'naïve 名前', -1, -0.5, FALSE, '[1, "x"]')"#,
    );
    let expected = df![
        "id" => [1_i64, 2],
        "name" => ["Ada", "naïve 名前"],
        "n" => [36_i64, -1],
        "score" => [1.0, -0.5],
        "active" => [true, false],
        "doc" => [r#"{"a":1}"#, r#"[1, "x"]"#],
    ];
    assert_eq!(all(&**database, "main.t", &[1_i64, 2]), expected.expect("a frame"));
}

pub fn null_stays_null(database: &Arc<impl Adapter>) {
    database.execute(
        "CREATE TABLE main.t (id BIGINT PRIMARY KEY, name TEXT, n BIGINT, score DOUBLE PRECISION, active BOOLEAN, doc JSON);
         INSERT INTO main.t VALUES (1, '', 0, 0, FALSE, 'null'), (2, NULL, NULL, NULL, NULL, NULL)",
    );
    let expected = df![
        "id" => [1_i64, 2],
        "name" => [Some(""), None],
        "n" => [Some(0_i64), None],
        "score" => [Some(0.0), None],
        "active" => [Some(false), None],
        "doc" => [Some("null"), None],
    ];
    assert!(all(&**database, "main.t", &[1_i64, 2]).equals_missing(&expected.expect("a frame")));
}

pub fn columns_of_nothing_but_nulls_keep_their_types(database: &Arc<impl Adapter>) {
    database.execute(
        "CREATE TABLE main.t (id BIGINT PRIMARY KEY, a DOUBLE PRECISION, b TEXT); INSERT INTO main.t (id) VALUES (1)",
    );
    let types = all(&**database, "main.t", &[1_i64]).dtypes();
    assert_eq!(types, [DataType::Int64, DataType::Float64, DataType::String]);
}

pub fn an_answer_without_rows_keeps_the_types_of_its_columns(database: &Arc<impl Adapter>) {
    database.execute(ITEMS);
    let none = named(&**database, "main.items", &[77_i64], &["name", "price"]);
    assert_eq!((none.height(), none.dtypes()), (0, vec![DataType::Int64, DataType::String, DataType::Float64]));
}

pub fn only_wanted_columns_come_in_the_order_wanted(database: &Arc<impl Adapter>) {
    database.execute(
        "CREATE TABLE main.t (a TEXT, id BIGINT PRIMARY KEY, b TEXT, c TEXT); INSERT INTO main.t (id) VALUES (1)",
    );
    assert_eq!(named(&**database, "main.t", &[1_i64], &["c", "id", "a"]).get_column_names(), ["id", "c", "a"]);
    assert_eq!(named(&**database, "main.t", &[1_i64], &[]).get_column_names(), ["id"]);
    assert_eq!(all(&**database, "main.t", &[1_i64]).get_column_names(), ["id", "a", "b", "c"]);
}

pub fn a_wanted_column_that_the_table_lacks_is_left_out(database: &Arc<impl Adapter>) {
    database.execute("CREATE TABLE main.t (id BIGINT PRIMARY KEY, name TEXT); INSERT INTO main.t VALUES (1, 'Ada')");
    assert_eq!(named(&**database, "main.t", &[1_i64], &["name", "nmae"]).get_column_names(), ["id", "name"]);
    let known = database.table_columns(&TableName::new("main.t").expect("a name"));
    assert_eq!(known.expect("the columns"), ["id", "name"]);
}

pub fn a_column_that_is_added_later_comes_when_it_is_wanted(database: &Arc<impl Adapter>) {
    database.execute("CREATE TABLE main.t (id BIGINT PRIMARY KEY, a TEXT); INSERT INTO main.t VALUES (1, 'x')");
    assert_eq!(all(&**database, "main.t", &[1_i64]).width(), 2);
    database.execute("ALTER TABLE main.t ADD COLUMN b BIGINT DEFAULT 5");
    let expected = df!["id" => [1_i64], "b" => [5_i64]].expect("a frame");
    assert_eq!(named(&**database, "main.t", &[1_i64], &["b"]), expected);
}

pub fn views_are_read_like_tables(database: &Arc<impl Adapter>) {
    database.execute(
        "CREATE TABLE main.t (id BIGINT PRIMARY KEY, n BIGINT); INSERT INTO main.t VALUES (1, 4), (2, 5);
         CREATE VIEW main.v AS SELECT n, id FROM main.t WHERE n > 4",
    );
    let rows = fetch(&**database, "main.v", "id", &[1_i64, 2], None).expect("rows");
    assert_eq!(rows, df!["id" => [2_i64], "n" => [5_i64]].expect("a frame"));
}
