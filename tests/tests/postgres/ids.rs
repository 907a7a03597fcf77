//! Keys that are PostgreSQL's own, and tables in more than one schema.

use dbcache::polars::prelude::*;
use dbcache_tests::contract::{all, fetch};
use uuid::Uuid;

use crate::PostgresAdapter;

pub(crate) fn uuid_columns_are_asked_by_uuids_and_by_text(database: &impl PostgresAdapter) {
    database.execute(
        "CREATE TABLE main.t (id UUID PRIMARY KEY, n INT4);
         INSERT INTO main.t VALUES ('00000000-0000-0000-0000-00000000000a', 1), ('ffffffff-ffff-ffff-ffff-ffffffffffff', 2)",
    );
    let expected =
        df!["id" => ["00000000-0000-0000-0000-00000000000a", "ffffffff-ffff-ffff-ffff-ffffffffffff"], "n" => [1, 2]];
    let expected = expected.unwrap();
    assert_eq!(all(database, "main.t", &[Uuid::from_u128(10), Uuid::max(), Uuid::nil()]), expected);
    let texts = ["00000000-0000-0000-0000-00000000000a", "ffffffff-ffff-ffff-ffff-ffffffffffff", "no uuid"];
    assert_eq!(all(database, "main.t", &texts.map(str::to_owned)), expected);
}

pub(crate) fn numeric_columns_are_asked_by_huge_integers(database: &impl PostgresAdapter) {
    database.execute(
        "CREATE TABLE main.t (id NUMERIC(20, 0) PRIMARY KEY); INSERT INTO main.t VALUES (7), (18446744073709551615)",
    );
    assert_eq!(all(database, "main.t", &[7, 8, u64::MAX]), df!["id" => [7, u64::MAX]].unwrap());
    assert_eq!(all(database, "main.t", &[7_i64, -1]), df!["id" => [7_i64]].unwrap());
}

pub(crate) fn numeric_columns_are_asked_by_integers_of_128_bits(database: &impl PostgresAdapter) {
    let (least, most, last) = (i128::MIN, i128::MAX, u128::MAX);
    database.execute(&format!(
        "CREATE TABLE main.a (id NUMERIC PRIMARY KEY); INSERT INTO main.a VALUES ({least}), (-7), ({most});
         CREATE TABLE main.b (id NUMERIC(39, 0) PRIMARY KEY, n NUMERIC); INSERT INTO main.b VALUES (7, 1), ({last}, {last});
         CREATE TABLE main.c (id INT8 PRIMARY KEY); INSERT INTO main.c VALUES (7)",
    ));
    assert_eq!(all(database, "main.a", &[least, -7, 7, most]), df!["id" => [least, -7, most]].unwrap());
    let rows = all(database, "main.b", &[0, 7, last]);
    assert_eq!(rows, df!["id" => [7, last], "n" => ["1".to_owned(), last.to_string()]].unwrap());
    assert_eq!(all(database, "main.c", &[7, most, least]), df!["id" => [7_i64]].unwrap());
}

pub(crate) fn small_integer_columns_are_asked_by_any_integer(database: &impl PostgresAdapter) {
    database.execute(
        "CREATE TABLE main.a (id INT2 PRIMARY KEY); INSERT INTO main.a VALUES (-5), (5);
         CREATE TABLE main.b (id OID PRIMARY KEY); INSERT INTO main.b VALUES (5), (4294967295)",
    );
    assert_eq!(all(database, "main.a", &[-5, 5, i64::MAX]), df!["id" => [-5_i16, 5]].unwrap());
    assert_eq!(all(database, "main.b", &[-5, 5, 4_294_967_295, i64::MAX]), df!["id" => [5, u32::MAX]].unwrap());
}

pub(crate) fn enums_and_padded_text_are_keys(database: &impl PostgresAdapter) {
    database.execute(
        "CREATE TYPE main.mood AS ENUM ('sad', 'happy');
         CREATE TABLE main.a (id main.mood PRIMARY KEY); INSERT INTO main.a VALUES ('sad'), ('happy');
         CREATE TABLE main.b (id CHAR(4) PRIMARY KEY); INSERT INTO main.b VALUES ('ab'), ('abcd')",
    );
    let moods = ["happy", "no mood", "sad"].map(str::to_owned);
    assert_eq!(all(database, "main.a", &moods), df!["id" => ["happy", "sad"]].unwrap());
    let codes = ["ab  ", "abcd"].map(str::to_owned);
    assert_eq!(all(database, "main.b", &codes), df!["id" => codes].unwrap());
}

pub(crate) fn the_database_may_stand_before_the_schema(database: &impl PostgresAdapter) {
    database.execute(
        r#"CREATE SCHEMA "Other One"; CREATE TABLE "Other One".t (id INT8 PRIMARY KEY); INSERT INTO "Other One".t VALUES (4);
           CREATE TABLE main.t (id INT8 PRIMARY KEY); INSERT INTO main.t VALUES (5);
           CREATE TABLE main.names AS SELECT 1::INT8 AS id, current_database()::TEXT AS name"#,
    );
    assert_eq!(all(database, "Other One.t", &[4_i64, 5]), df!["id" => [4_i64]].unwrap());
    assert_eq!(all(database, "main.t", &[4_i64, 5]), df!["id" => [5_i64]].unwrap());
    let names = all(database, "main.names", &[1_i64]);
    let name = names.column("name").unwrap().str().unwrap().get(0).unwrap();
    let rows = fetch(database, &format!("{name}.main.t"), "id", &[4_i64, 5], None).unwrap();
    assert_eq!(rows, df!["id" => [5_i64]].unwrap());
}

/// Without its index, each batch would read a table of a thousand million rows.
pub(crate) fn the_index_of_the_key_is_used(database: &impl PostgresAdapter) {
    database.execute(
        "CREATE TABLE main.a (id INT4 PRIMARY KEY, n INT4); CREATE TABLE main.b (id UUID PRIMARY KEY, n INT4);
         CREATE TABLE main.c (id VARCHAR(9) PRIMARY KEY, n INT4); CREATE TABLE main.d (id NUMERIC PRIMARY KEY, n INT4);
         INSERT INTO main.a SELECT i, i FROM generate_series(1, 1000) i;
         INSERT INTO main.b SELECT gen_random_uuid(), i FROM generate_series(1, 1000) i;
         INSERT INTO main.c SELECT i, i FROM generate_series(1, 1000) i;
         INSERT INTO main.d SELECT i, i FROM generate_series(1, 1000) i;
         ANALYZE",
    );
    all(database, "main.a", &[1_i64, i64::MAX]);
    all(database, "main.b", &[Uuid::nil()]);
    all(database, "main.c", &["1".to_owned()]);
    all(database, "main.d", &[1_i64]);
    database.execute("CREATE TABLE main.scans AS SELECT 1::INT8 AS id, 0::INT8 AS sequential");
    let scans =
        "UPDATE main.scans SET sequential = (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname < 'e')";
    database.execute(&format!("SELECT pg_stat_force_next_flush(); {scans}"));
    let scans = all(database, "main.scans", &[1_i64]);
    assert_eq!(scans.column("sequential").unwrap().i64().unwrap().get(0), Some(0));
}
