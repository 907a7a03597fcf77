//! The SQLite fetcher: any table, its declared types, and whatever can be wrong with it.
#![expect(clippy::unwrap_used, reason = "a test that unwraps in vain has failed")]

mod adapter;
mod differential;
mod loose_types;
mod spellings;
#[cfg(feature = "databases")]
mod sqlx_pool;
mod time_limits;
mod within_tokio;

use std::error::Error as _;
use std::path::Path;

use dbcache::error::{BatchError, BoxError, Error, RejectedRow};
use dbcache::fetch::{Dynamic, FetchRequest, Fetcher};
use dbcache::key::{Key, RowId};
use dbcache::polars::prelude::*;
use dbcache::rusqlite::Connection;
use dbcache::{
    Cache, Cached, CachedJson, DynamicCache, Progress, SqliteError, SqliteFetcher, SqliteKey, TableError, TableName,
};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

fn database(sql: &str) -> SqliteFetcher {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(sql).unwrap();
    SqliteFetcher::new(connection).unwrap()
}

fn table(name: &str) -> TableName {
    TableName::new(name).unwrap()
}

fn fetch<K: Key>(fetcher: &SqliteFetcher, table: &str, id_column: &str, ids: &[K]) -> Result<DataFrame, BoxError> {
    let table = TableName::new(table)?;
    let request = FetchRequest::new(ids, &table, id_column);
    let rows = Fetcher::<Dynamic<K>>::fetch(fetcher, &request)?.into_frame(id_column)?;
    Ok(rows.sort([id_column], SortMultipleOptions::default())?)
}

fn all<K: Key>(fetcher: &SqliteFetcher, table: &str, ids: &[K]) -> DataFrame {
    fetch(fetcher, table, "id", ids).unwrap()
}

/// What a fetch of some ids from `main.t` is refused with.
fn refusal<K: Key>(fetcher: &SqliteFetcher, ids: &[K]) -> BoxError {
    fetch(fetcher, "main.t", "id", ids).unwrap_err()
}

fn rejected(cause: BoxError) -> RejectedRow {
    match *cause.downcast::<BatchError>().unwrap() {
        BatchError::Rejected(row) => row,
        other => panic!("{other}"),
    }
}

mod contract {
    dbcache_tests::fetcher_contract!(crate::adapter::Sqlite);
    crate::spellings::spelling_contract!(crate::adapter::Sqlite);
}

#[test]
fn rows_come_with_the_declared_types() {
    let fetcher = database(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name VARCHAR(20), age INT, score DOUBLE, active BOOLEAN, doc JSON, photo BLOB);
         INSERT INTO users VALUES (1, 'Ada', 36, 1, TRUE, '{\"a\":1}', x'00ff'), (2, NULL, NULL, NULL, NULL, NULL, NULL);",
    );
    let expected = df![
        "id" => [1_i64, 2],
        "name" => [Some("Ada"), None],
        "age" => [Some(36_i64), None],
        "score" => [Some(1.0), None],
        "active" => [Some(true), None],
        "doc" => [Some("{\"a\":1}"), None],
        "photo" => [Some(&b"\x00\xff"[..]), None],
    ];
    assert!(all(&fetcher, "main.users", &[1_i64, 2]).equals_missing(&expected.unwrap()));
}

#[test]
fn columns_of_nothing_but_nulls_keep_their_declared_types() {
    let fetcher = database("CREATE TABLE t (id INTEGER PRIMARY KEY, a REAL, b TEXT, c); INSERT INTO t (id) VALUES (1)");
    let types = all(&fetcher, "main.t", &[1_i64]).dtypes();
    assert_eq!(types, [DataType::Int64, DataType::Float64, DataType::String, DataType::Null]);
}

#[test]
fn columns_of_no_declared_type_have_the_type_of_their_values() {
    let fetcher = database(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a, b NUMERIC, c DATE, d, e);
         INSERT INTO t VALUES (1, NULL, 1, '2013-01-01', x'01', NULL), (2, 7, 2.5, NULL, NULL, NULL), (3, 8, 3, '2013-01-02', x'02', NULL);",
    );
    let expected = df![
        "id" => [1_i64, 2, 3],
        "a" => [None, Some(7_i64), Some(8)],
        "b" => [1.0, 2.5, 3.0],
        "c" => [Some("2013-01-01"), None, Some("2013-01-02")],
        "d" => [Some(&b"\x01"[..]), None, Some(&b"\x02"[..])],
        "e" => Series::full_null("".into(), 3, &DataType::Null),
    ];
    assert!(all(&fetcher, "main.t", &[1_i64, 2, 3]).equals_missing(&expected.unwrap()));
}

#[test]
fn json_numbers_come_as_json_text() {
    let fetcher = database(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, doc JSON); INSERT INTO t VALUES (1, '5'), (2, '[1]'), (3, '1.5')",
    );
    let expected = df!["id" => [1_i64, 2, 3], "doc" => ["5", "[1]", "1.5"]].unwrap();
    assert_eq!(all(&fetcher, "main.t", &[1_i64, 2, 3]), expected);
}

#[test]
fn attached_databases_are_schemas() {
    let fetcher = database(
        "ATTACH ':memory:' AS \"ware house\";
         CREATE TABLE \"ware house\".t (id INTEGER PRIMARY KEY); INSERT INTO \"ware house\".t VALUES (4);
         CREATE TABLE main.t (id INTEGER PRIMARY KEY); INSERT INTO main.t VALUES (5);",
    );
    assert_eq!(all(&fetcher, "ware house.t", &[4_i64, 5]), df!["id" => [4_i64]].unwrap());
    assert_eq!(all(&fetcher, "main.t", &[4_i64, 5]), df!["id" => [5_i64]].unwrap());
}

#[test]
fn generated_columns_and_views_come_too() {
    let fetcher = database(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, double INTEGER GENERATED ALWAYS AS (a * 2));
         INSERT INTO t (id, a) VALUES (1, 4);
         CREATE VIEW v AS SELECT id, double, a + 0.5 AS more FROM t;",
    );
    assert_eq!(all(&fetcher, "main.t", &[1_i64]), df!["id" => [1_i64], "a" => [4_i64], "double" => [8_i64]].unwrap());
    assert_eq!(all(&fetcher, "main.v", &[1_i64]), df!["id" => [1_i64], "double" => [8_i64], "more" => [4.5]].unwrap());
}

#[test]
fn one_batch_may_ask_more_ids_than_a_query_has_parameters() {
    let fetcher = database(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, half INTEGER);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) INSERT INTO t SELECT i, i / 2 FROM n",
    );
    let ids: Vec<i64> = (1..=100_000).collect();
    let halves: Vec<i64> = ids.iter().map(|id| id / 2).collect();
    assert_eq!(all(&fetcher, "main.t", &ids), df!["id" => ids, "half" => halves].unwrap());
}

#[test]
fn text_in_an_integer_column_names_column_row_and_types() {
    let fetcher =
        database("CREATE TABLE t (id INTEGER PRIMARY KEY, age INTEGER); INSERT INTO t VALUES (1, 5), (2, 'old')");
    let row = rejected(refusal(&fetcher, &[1_i64, 2]));
    assert_eq!(row.to_string(), "id 2, column \"age\": the text \"old\" does not fit in INTEGER");
    assert_eq!((row.id, row.value.as_str()), (RowId::Int(2), "old"));
}

#[test]
fn a_boolean_is_0_or_1() {
    let fetcher = database("CREATE TABLE t (id TEXT PRIMARY KEY, b BOOL); INSERT INTO t VALUES ('a', 1), ('b', 2)");
    let row = rejected(refusal(&fetcher, &["a".to_owned(), "b".to_owned()]));
    assert_eq!(row.to_string(), "id \"b\", column \"b\": the integer 2 does not fit in BOOL");
}

#[test]
fn mixed_values_of_an_undeclared_column_make_no_one_frame() {
    let fetcher = database(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a, b DATE); INSERT INTO t VALUES (1, 1, 1), (2, 'x', 1), (3, 1, 'y')",
    );
    for (ids, column) in [([1_i64, 2], "a"), ([1, 3], "b")] {
        let refused = refusal(&fetcher, &ids).to_string();
        assert_eq!(refused, format!("the column {column:?} holds i64, but the batch came with str"));
    }
}

#[test]
fn text_that_is_not_utf_8_is_refused() {
    let fetcher =
        database("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (1, CAST(x'ff' AS TEXT))");
    assert!(rejected(refusal(&fetcher, &[1_i64])).reason.starts_with("text that is not UTF-8"));
}

#[test]
fn a_table_says_what_its_ids_are() {
    let fetcher = database(
        "CREATE TABLE a (id INTEGER PRIMARY KEY); INSERT INTO a VALUES (3), (1);
         CREATE TABLE b (id TEXT PRIMARY KEY); INSERT INTO b VALUES ('y'), ('x');
         CREATE TABLE c (id); INSERT INTO c VALUES (NULL), ('z');
         CREATE TABLE d (id BLOB);",
    );
    let key = |name| fetcher.key(&table(name), "id");
    assert_eq!(key("main.a").unwrap(), SqliteKey::Integer);
    assert_eq!(key("main.b").unwrap(), SqliteKey::Text);
    assert_eq!(key("main.c").unwrap(), SqliteKey::Text);
    assert!(matches!(key("main.d"), Err(SqliteError::Table(TableError::KeyType { found, .. })) if found == "BLOB"));
    assert_eq!(fetcher.ids::<u8>(&table("main.a"), "id").unwrap(), [1, 3]);
    assert_eq!(fetcher.ids::<String>(&table("main.b"), "id").unwrap(), ["x", "y"]);
    assert_eq!(fetcher.ids::<String>(&table("main.c"), "id").unwrap(), ["z"]);
}

#[test]
fn ids_that_the_key_type_cannot_hold_are_refused() {
    let fetcher = database("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (300)");
    let refused = fetcher.ids::<u8>(&table("main.t"), "id").unwrap_err();
    assert_eq!(refused.to_string(), "the id column \"id\" of main.t holds the integer 300, not u8 keys");
}

#[test]
fn opening_a_missing_file_fails_and_makes_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing.db");
    let refused = SqliteFetcher::open(&path).unwrap_err();
    assert_eq!(refused.to_string(), format!("cannot open the SQLite database {}", path.display()));
    assert!(refused.source().unwrap().to_string().contains("unable to open database file"));
    assert!(!path.exists());
}

#[test]
fn opening_a_file_that_is_no_database_fails() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "not a database ".repeat(100)).unwrap();
    let refused = SqliteFetcher::open(&path).unwrap_err();
    assert!(refused.source().unwrap().to_string().contains("file is not a database"));
}

#[test]
fn an_opened_file_is_only_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.db");
    Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)")
        .unwrap();
    make_read_only(&path);
    let before = std::fs::read(&path).unwrap();
    let fetcher = SqliteFetcher::open(&path).unwrap();
    assert_eq!(all(&fetcher, "main.t", &[1_i64]).height(), 1);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

fn make_read_only(path: &Path) {
    let mut permissions = std::fs::metadata(path).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(path, permissions).unwrap();
}

/// What the declared types leave open, the record decides: `active` and `price` here.
#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "main.items")]
struct Item {
    #[cached(id)]
    id: u32,
    name: Option<String>,
    active: bool,
    price: f64,
    #[cached(json)]
    size: Size,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
struct Size {
    width: i64,
    tags: Vec<String>,
}

const ITEMS: &str = r#"
    CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, active INTEGER, price NUMERIC, size JSON, secret TEXT);
    INSERT INTO items VALUES (1, 'lamp', 1, 5, '{"width": 3, "tags": ["new"]}', 'x'), (2, NULL, 0, 7, '{"width": 4, "tags": []}', 'y');
"#;

fn items() -> Vec<Item> {
    let size = |width, tags: &[&str]| Size { width, tags: tags.iter().map(ToString::to_string).collect() };
    vec![
        Item { id: 1, name: Some("lamp".to_owned()), active: true, price: 5.0, size: size(3, &["new"]) },
        Item { id: 2, name: None, active: false, price: 7.0, size: size(4, &[]) },
    ]
}

#[test]
fn a_record_decides_what_the_declared_types_leave_open() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::<Item>::open(folder.path()).unwrap();
    assert_eq!(cache.rows(&[1, 2], &database(ITEMS)).unwrap(), items());
}

fn dynamic_cache() -> (TempDir, DynamicCache) {
    let folder = tempfile::tempdir().unwrap();
    let cache = DynamicCache::builder().folder(folder.path()).progress(Progress::Silent).open().unwrap();
    (folder, cache)
}

#[test]
fn a_wrong_type_costs_its_row_and_keeps_the_others() {
    let (_folder, cache) = dynamic_cache();
    let fetcher = database(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER);
         WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 250) INSERT INTO t SELECT i, i FROM c;
         UPDATE t SET n = 'many' WHERE id = 150;",
    );
    let ids: Vec<i64> = (1..=250).collect();
    let t = cache.table("main.t").unwrap();
    let query = t.select(["n"]).unwrap();
    let refused = query.frame(&ids, &fetcher).unwrap_err();
    let Error::FetchFailed { failures, rejected, stored, .. } = refused else { panic!("{refused}") };
    assert_eq!((failures.len(), rejected.len(), stored), (0, 1, 249));
    assert_eq!((&rejected[0].id, rejected[0].value.as_str()), (&RowId::Int(150), "many"));
    assert_eq!(query.look_up(&ids).unwrap().missing, [150]);
}
