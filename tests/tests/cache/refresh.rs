//! A refresh fetches rows again as a whole, and loses none of them but those that the database no longer has.

use std::collections::BTreeMap;
use std::sync::Mutex;

use dbcache::error::BoxError;
use dbcache::fetch::{Dynamic, FetchRequest, Fetched, Fetcher};
use dbcache::polars::prelude::*;
use dbcache::rusqlite::Connection;
use dbcache::{BatchPolicy, Cache, Cached, DynamicCache, Error, Progress, SqliteFetcher, Table};
use dbcache_tests::Database;
use serde_json::json;

use crate::Folder;

/// A database that brings the columns that it is asked for, as an adapter of a database does.
struct Projecting {
    rows: BTreeMap<i64, BTreeMap<&'static str, i64>>,
    asked: Mutex<Vec<Vec<String>>>,
}

impl Projecting {
    /// Rows with columns `a`, `b` and `c`, all of this version.
    fn of(ids: &[i64], version: i64) -> Self {
        let row = || ["a", "b", "c"].into_iter().map(|name| (name, version)).collect();
        Self { rows: ids.iter().map(|id| (*id, row())).collect(), asked: Mutex::default() }
    }

    fn asked(&self) -> Vec<Vec<String>> {
        self.asked.lock().unwrap().clone()
    }
}

impl Fetcher<Dynamic<i64>> for Projecting {
    fn fetch(&self, request: &FetchRequest<'_, i64>) -> Result<Fetched<Dynamic<i64>>, BoxError> {
        let columns = request.columns().ok_or("no columns are named")?;
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        self.asked.lock().unwrap().push(names.clone());
        let rows: Vec<_> = request.ids().iter().filter_map(|id| Some((*id, self.rows.get(id)?))).collect();
        let mut columns = vec![Column::new("id".into(), rows.iter().map(|(id, _)| *id).collect::<Vec<_>>())];
        for name in &names {
            let values: Vec<_> = rows.iter().map(|(_, row)| row.get(name.as_str()).copied()).collect();
            columns.push(Column::new(name.as_str().into(), values));
        }
        Ok(DataFrame::new(rows.len(), columns)?.into())
    }
}

fn get(folder: &Folder, columns: &[&str], ids: &[i64], database: &impl Fetcher<Dynamic<i64>>) {
    folder.users().select(columns).unwrap().frame(ids, database).unwrap();
}

fn refresh(
    folder: &Folder,
    columns: &[&str],
    ids: &[i64],
    database: &impl Fetcher<Dynamic<i64>>,
) -> Result<DataFrame, Error> {
    folder.users().select(columns)?.refresh().frame(ids, database)
}

/// What a new process finds of some ids.
fn cached(folder: &Folder, columns: &[&str], ids: &[i64]) -> DataFrame {
    folder.users().select(columns).unwrap().frame_cached(ids).unwrap().rows
}

#[test]
fn a_refresh_fetches_what_is_cached_of_a_row_beside_what_is_asked() {
    let folder = Folder::new();
    get(&folder, &["a", "b"], &[1], &Projecting::of(&[1], 1));
    get(&folder, &["c"], &[2], &Projecting::of(&[2], 1));
    let newer = Projecting::of(&[1, 2], 2);
    refresh(&folder, &["c"], &[1], &newer).unwrap();
    refresh(&folder, &["a"], &[2], &newer).unwrap();
    assert_eq!(newer.asked(), [["c", "a", "b"].as_slice(), ["a", "c"].as_slice()]);
    let all = df!("id" => [1_i64], "a" => [2_i64], "b" => [2_i64], "c" => [2_i64]).unwrap();
    assert_eq!(cached(&folder, &["a", "b", "c"], &[1, 2]), all);
    assert_eq!(cached(&folder, &["a", "c"], &[2]), df!("id" => [2_i64], "a" => [2_i64], "c" => [2_i64]).unwrap());
}

#[test]
fn an_id_that_the_database_no_longer_has_is_not_found_and_its_row_is_gone() {
    let folder = Folder::new();
    get(&folder, &["a", "b"], &[1, 2, 3], &Projecting::of(&[1, 2, 3], 1));
    let error = refresh(&folder, &["a"], &[1, 2], &Projecting::of(&[2], 2)).unwrap_err();
    assert!(matches!(&error, Error::IdsNotFound { ids, .. } if ids.len() == 1), "{error:?}");
    for _ in 0..2 {
        let seen = folder.users().select(["b"]).unwrap().look_up(&[1_i64, 2, 3]).unwrap();
        assert_eq!((seen.hits, seen.missing), (vec![2, 3], vec![1]));
        assert_eq!(folder.users().cached().unwrap().height(), 2);
        folder.users().compact().unwrap();
    }
    // It comes back with what is fetched then, and nothing of before.
    get(&folder, &["a"], &[1], &Projecting::of(&[1], 3));
    assert_eq!(cached(&folder, &["a"], &[1]), df!("id" => [1_i64], "a" => [3_i64]).unwrap());
    assert_eq!(folder.users().select(["b"]).unwrap().look_up(&[1_i64]).unwrap().incomplete, [1]);
}

#[test]
fn a_refresh_that_finds_nothing_removes_rows_of_large_tables_too() {
    let folder = Folder::new();
    let ids: Vec<i64> = (0..60_000).collect();
    get(&folder, &["a", "b"], &ids, &Projecting::of(&ids, 1));
    refresh(&folder, &["a"], &[7, 40_000], &Projecting::of(&[], 2)).unwrap_err();
    let seen = folder.users().select(["a"]).unwrap().look_up(&[6_i64, 7, 40_000]).unwrap();
    assert_eq!((seen.hits, seen.missing), (vec![6], vec![7, 40_000]));
}

#[test]
fn a_refresh_that_fails_leaves_the_old_rows() {
    let folder = Folder::new();
    get(&folder, &["a", "b"], &[1, 2], &Projecting::of(&[1, 2], 1));
    let before = cached(&folder, &["a", "b"], &[1, 2]);
    refresh(&folder, &["a"], &[1, 2], &Database::default().failing_on([2])).unwrap_err();
    let lacks = Database::with_rows([json!({ "id": 1, "b": 9 }), json!({ "id": 2, "b": 9 })]);
    let error = refresh(&folder, &["a"], &[1, 2], &lacks).unwrap_err();
    assert!(matches!(&error, Error::ColumnsNotFound { columns, .. } if columns[0].name == "a"), "{error:?}");
    assert_eq!(cached(&folder, &["a", "b"], &[1, 2]), before);
}

/// A column that came from elsewhere, and that this database does not have or has in another type.
#[test]
fn a_cached_column_that_a_refresh_cannot_bring_counts_as_not_fetched() {
    let folder = Folder::new();
    let other = Database::with_rows([json!({ "id": 1, "a": 1, "score": [1], "rank": 5 })]);
    get(&folder, &["a", "score", "rank"], &[1], &other);
    let newer = Database::with_rows([json!({ "id": 1, "a": 2, "rank": { "no": "number" } })]);
    refresh(&folder, &["a"], &[1], &newer).unwrap();
    assert_eq!(cached(&folder, &["a"], &[1]), df!("id" => [1_i64], "a" => [2_i64]).unwrap());
    assert_eq!(folder.users().select(["rank"]).unwrap().look_up(&[1_i64]).unwrap().incomplete, [1]);
    assert_eq!(folder.users().select(["score"]).unwrap().look_up(&[1_i64]).unwrap().incomplete, [1]);
}

#[test]
fn an_id_that_is_gone_is_not_found_though_an_older_row_lacks_a_column() {
    let folder = Folder::new();
    get(&folder, &["a"], &[1, 2], &Projecting::of(&[1, 2], 1));
    let found = folder.users().select(["a", "b"]).unwrap().frame_found(&[1, 2], &Projecting::of(&[2], 1)).unwrap();
    assert_eq!(found.missing, [1]);
}

#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "main.users")]
struct Named {
    #[cached(id)]
    id: i64,
    name: String,
}

#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "main.users")]
struct Flagged {
    #[cached(id)]
    id: i64,
    active: bool,
    #[cached(json)]
    address: Address,
}

#[derive(Clone, Debug, PartialEq, dbcache::CachedJson, serde::Serialize, serde::Deserialize)]
struct Address {
    city: String,
}

fn open<T: dbcache::Record>(folder: &Folder) -> Cache<T> {
    Cache::<T>::builder().folder(folder.path("")).progress(Progress::Silent).open().unwrap()
}

#[test]
fn a_refresh_for_one_record_type_leaves_the_row_complete_for_another() {
    let folder = Folder::new();
    let connection = Connection::open_in_memory().unwrap();
    let table = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, active INTEGER, address TEXT)";
    let row = r#"INSERT INTO users VALUES (1, 'Ada', 1, '{"city": "London", "zip": "W1"}')"#;
    connection.execute_batch(&format!("{table}; {row}")).unwrap();
    let database = SqliteFetcher::new(connection).unwrap();
    let (named, flagged) = (open::<Named>(&folder), open::<Flagged>(&folder));
    named.rows(&[1], &database).unwrap();
    let first = flagged.rows(&[1], &database).unwrap();
    assert_eq!(named.all().refresh().rows(&[1], &database).unwrap()[0].name, "Ada");
    let nobody = |_: &[i64]| -> Result<Vec<Flagged>, BoxError> { panic!("fetched again") };
    assert_eq!(open::<Flagged>(&folder).rows(&[1], &nobody).unwrap(), first);
}

/// The table, which fetches batches of so many rows.
fn fixed(folder: &Folder, size: usize) -> Table {
    let builder = DynamicCache::builder().folder(folder.path("")).batches(BatchPolicy::Fixed(size));
    builder.open().unwrap().table("public.users").unwrap()
}

/// Rows whose column `a` is a number, or a text.
fn typed_rows(as_text: bool) -> impl Fn(&[i64], &str) -> Result<DataFrame, PolarsError> {
    move |ids: &[i64], _: &str| {
        let numbers = Column::new("a".into(), ids);
        let texts = Column::new("a".into(), ids.iter().map(|id| format!("number {id}")).collect::<Vec<_>>());
        let columns = vec![Column::new("id".into(), ids), if as_text { texts } else { numbers }];
        DataFrame::new(ids.len(), columns)
    }
}

fn texts_of(ids: &[i64]) -> Column {
    Column::new("a".into(), ids.iter().map(|id| format!("number {id}")).collect::<Vec<_>>())
}

#[test]
fn a_refresh_of_all_rows_that_have_a_column_may_change_its_type() {
    for width in [1, 7, 100] {
        let folder = Folder::new();
        let ids: Vec<i64> = (1..=30).collect();
        folder.users().select(["a"]).unwrap().frame(&ids, &typed_rows(false)).unwrap();
        // A row without the column is no obstacle.
        get(&folder, &["b"], &[40], &Projecting::of(&[40], 1));
        let answer = fixed(&folder, width).select(["a"]).unwrap().refresh().frame(&ids, &typed_rows(true)).unwrap();
        assert_eq!(answer.column("a").unwrap(), &texts_of(&ids));
        assert_eq!(cached(&folder, &["a"], &ids).column("a").unwrap(), &texts_of(&ids));
        assert_eq!(cached(&folder, &["b"], &[40]).height(), 1);
    }
}

#[test]
fn batches_that_are_each_enough_for_a_commit_change_a_type_together() {
    let folder = Folder::new();
    let ids: Vec<i64> = (1..=6).collect();
    folder.users().select(["a"]).unwrap().frame(&ids, &typed_rows(false)).unwrap();
    let long = |ids: &[i64]| -> Vec<String> { ids.iter().map(|id| id.to_string().repeat(7 << 20)).collect() };
    let database = |ids: &[i64], _: &str| df!("id" => ids, "a" => long(ids));
    let users = fixed(&folder, 2);
    let answer = users.select(["a"]).unwrap().refresh().frame(&ids, &database).unwrap();
    assert!(answer.column("a").unwrap() == &Column::new("a".into(), long(&ids)));
}

#[test]
fn a_refresh_of_some_rows_leaves_the_type_and_says_what_would_change_it() {
    let folder = Folder::new();
    folder.users().select(["a"]).unwrap().frame(&[1, 2, 3], &typed_rows(false)).unwrap();
    match folder.users().select(["a"]).unwrap().refresh().frame(&[1, 2], &typed_rows(true)) {
        Err(Error::FetchFailed { rejected, stored: 0, .. }) => {
            assert_eq!(rejected.iter().map(|row| row.value.as_str()).collect::<Vec<_>>(), ["number 1", "number 2"]);
            assert!(rejected[0].reason.contains("refresh all rows that have the column"), "{}", rejected[0].reason);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(cached(&folder, &["a"], &[1, 2, 3]).column("a").unwrap(), &Column::new("a".into(), [1_i64, 2, 3]));
}

#[test]
fn a_row_that_a_refresh_does_not_find_keeps_no_type() {
    let folder = Folder::new();
    folder.users().select(["a"]).unwrap().frame(&[1, 2, 3], &typed_rows(false)).unwrap();
    let without_three = |ids: &[i64], table: &str| {
        let rows = typed_rows(true)(ids, table)?;
        rows.filter(&ids.iter().map(|id| *id != 3).collect::<BooleanChunked>())
    };
    let refreshed = folder.users().select(["a"]).unwrap().refresh().frame_found(&[1, 2, 3], &without_three).unwrap();
    assert_eq!(refreshed.rows.column("a").unwrap(), &texts_of(&[1, 2]));
}
