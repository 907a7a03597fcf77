//! A cache in front of the fetcher: everything is fetched once.

use std::sync::Arc;

use dbcache::polars::prelude::*;
use dbcache::{Cache, Cached, DynamicCache, Error, Progress};
use tempfile::TempDir;

use super::{Adapter, ITEMS, Item, Of, all, items};

fn open_dynamic() -> (TempDir, DynamicCache) {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = DynamicCache::builder().folder(folder.path()).progress(Progress::Silent).open().expect("a cache");
    (folder, cache)
}

pub fn records_are_fetched_once(database: &Arc<impl Adapter>) {
    database.execute(ITEMS);
    let folder = tempfile::tempdir().expect("a folder");
    let cache = Cache::<Item>::open(folder.path()).expect("a cache");
    assert_eq!(cache.rows(&[1, 2], &Of(&**database)).expect("rows"), items());
    database.execute("DROP TABLE main.items");
    assert_eq!(cache.rows(&[1, 2], &Of(&**database)).expect("cached rows"), items());
    assert!(matches!(cache.rows(&[3], &Of(&**database)), Err(Error::FetchFailed { .. })));
}

pub fn typed_columns_are_fetched_once(database: &Arc<impl Adapter>) {
    database.execute(ITEMS);
    let folder = tempfile::tempdir().expect("a folder");
    let cache = Cache::<Item>::open(folder.path()).expect("a cache");
    let c = Item::columns();
    let query = cache.select((c.price, c.size.width));
    assert_eq!(query.rows(&[1, 2], &Of(&**database)).expect("rows"), [(5.5, 3), (7.0, 4)]);
    database.execute("DROP TABLE main.items");
    assert_eq!(query.rows(&[1, 2], &Of(&**database)).expect("cached rows"), [(5.5, 3), (7.0, 4)]);
}

pub fn json_paths_are_fetched_once(database: &Arc<impl Adapter>) {
    database.execute(ITEMS);
    let (_folder, cache) = open_dynamic();
    let items = cache.table("main.items").expect("a table");
    let query = items.select(["name", "size.width", "size.tags.0"]).expect("columns");
    let expected = df![
        "id" => [1_i64, 2],
        "name" => [Some("lamp"), None],
        "size.width" => [3_i64, 4],
        "size.tags.0" => [Some("new"), None],
    ];
    let expected = expected.expect("a frame");
    assert!(query.frame(&[1, 2], &Of(&**database)).expect("rows").equals_missing(&expected));
    database.execute("DROP TABLE main.items");
    assert!(query.frame(&[1, 2], &Of(&**database)).expect("cached rows").equals_missing(&expected));
}

pub fn json_documents_come_structured(database: &Arc<impl Adapter>) {
    database.execute(
        r#"CREATE TABLE main.t (id BIGINT PRIMARY KEY, doc JSON, word JSON);
           INSERT INTO main.t VALUES (1, '{"a": 1}', '"x"'), (2, NULL, NULL), (3, ' {"a": 2}', '{"a": 1}')"#,
    );
    let (_folder, cache) = open_dynamic();
    let t = cache.table("main.t").expect("a table");
    let rows = t.select(["doc", "word"]).expect("columns").frame(&[1, 2, 3], &Of(&**database)).expect("rows");
    let field = Field::new("a".into(), DataType::Int64);
    assert_eq!(rows.dtypes(), [DataType::Int64, DataType::Struct(vec![field]), DataType::String]);
    let words: Vec<Option<&str>> = rows.column("word").expect("a column").str().expect("text").iter().collect();
    assert_eq!(words, [Some("\"x\""), None, Some("{\"a\": 1}")]);
}

pub fn nulls_are_hits(database: &Arc<impl Adapter>) {
    database
        .execute("CREATE TABLE main.t (id BIGINT PRIMARY KEY, a TEXT, b BIGINT); INSERT INTO main.t (id) VALUES (1)");
    let (_folder, cache) = open_dynamic();
    let t = cache.table("main.t").expect("a table");
    let query = t.select(["a", "b"]).expect("columns");
    assert_eq!(query.frame(&[1], &Of(&**database)).expect("rows").height(), 1);
    assert_eq!(query.look_up(&[1]).expect("a look").hits, [1]);
}

pub fn text_keys_are_cached_like_integers(database: &Arc<impl Adapter>) {
    database.execute(
        "CREATE TABLE main.cities (name TEXT PRIMARY KEY, people BIGINT);
         INSERT INTO main.cities VALUES ('Oslo', 7), ('Bern', 1)",
    );
    let (_folder, cache) = open_dynamic();
    let cities = cache.table_by("main.cities", "name").expect("a table");
    let ids = ["Oslo", "Atlantis", "Bern"].map(str::to_owned);
    let query = cities.select(["people"]).expect("columns");
    let found = query.frame_found(&ids, &Of(&**database)).expect("rows");
    assert_eq!(found.rows, df!["name" => ["Bern", "Oslo"], "people" => [1_i64, 7]].expect("a frame"));
    assert_eq!(found.missing, ["Atlantis"]);
}

pub fn a_missing_column_is_reported_beside_one_of_the_table(database: &Arc<impl Adapter>) {
    database.execute(ITEMS);
    let (_folder, cache) = open_dynamic();
    let items = cache.table("main.items").expect("a table");
    let refused = items.select(["sceret"]).expect("columns").frame(&[1], &Of(&**database)).expect_err("no column");
    let Error::ColumnsNotFound { columns, .. } = refused else { panic!("{refused}") };
    let [missing] = columns.as_slice() else { panic!("{columns:?}") };
    assert_eq!(missing.suggestions, ["secret"]);
}

pub fn many_threads_share_one_fetcher(database: &Arc<impl Adapter>) {
    database.execute("CREATE TABLE main.t (id BIGINT PRIMARY KEY); INSERT INTO main.t VALUES (1), (2), (3), (4)");
    std::thread::scope(|scope| {
        for id in 1..=4_i64 {
            scope.spawn(move || {
                for _ in 0..5 {
                    assert_eq!(all(&**database, "main.t", &[id]).height(), 1);
                }
            });
        }
    });
}
