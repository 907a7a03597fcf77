//! Requests that may not fetch: answered from the cache, or refused with the ids that are not there.

use dbcache::key::RowId;
use dbcache::polars::prelude::*;
use dbcache::{Cache, Cached, DynamicCache, Error};
use dbcache_tests::Database;
use serde_json::json;

use crate::Folder;

#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "public.users")]
struct User {
    #[cached(id)]
    id: i64,
    name: String,
}

fn no_database(ids: &[i64]) -> Result<Vec<User>, std::io::Error> {
    panic!("{ids:?} were asked of the database");
}

/// A folder that has the users 1 and 2.
fn two_users() -> Folder {
    let folder = Folder::new();
    folder.write("public_users.parquet", df!("id" => [1_i64, 2], "name" => ["Ada", "Bob"]).unwrap());
    folder
}

fn not_cached<R: std::fmt::Debug>(answer: Result<R, Error>) -> Vec<RowId> {
    match answer {
        Err(Error::NotCached { table, ids }) if table == "public.users" => ids,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_cached_is_answered() {
    let folder = two_users();
    let table = folder.users();
    let database = Database::default();
    let frame = table.select(["name"]).unwrap().offline().frame(&[2, 1], &database).unwrap();
    assert_eq!(frame, df!("id" => [1_i64, 2], "name" => ["Ada", "Bob"]).unwrap());
    let users = Cache::<User>::open(folder.path("")).unwrap().all().offline().rows(&[2], &no_database).unwrap();
    assert_eq!(users[0].name, "Bob");
}

#[test]
fn what_is_not_cached_is_an_error_with_its_ids() {
    let folder = two_users();
    let (table, cache) = (folder.users(), Cache::<User>::open(folder.path("")).unwrap());
    let database = Database::default();
    let wanted = [RowId::Int(3), RowId::Int(7)];
    let names = table.select(["name"]).unwrap().offline();
    assert_eq!(not_cached(names.frame(&[7, 1, 3], &database)), wanted);
    assert_eq!(not_cached(names.frame_found(&[7, 1, 3], &database)), wanted);
    assert_eq!(not_cached(cache.all().offline().rows(&[7, 1, 3], &no_database)), wanted);
    assert_eq!(not_cached(cache.all().offline().rows_found(&[7, 1, 3], &no_database)), wanted);
    assert!(database.take_asked().is_empty());
}

#[test]
fn a_row_that_lacks_a_column_is_not_cached() {
    let folder = two_users();
    let database = Database::default();
    let query = folder.users().select(["name", "age"]).unwrap().offline().frame(&[1], &database);
    assert_eq!(not_cached(query), [RowId::Int(1)]);
}

#[test]
fn an_offline_cache_never_fetches_not_even_to_refresh() {
    let folder = two_users();
    let cache = DynamicCache::builder().folder(folder.path("")).offline().open().unwrap();
    let (table, database) = (cache.table("public.users").unwrap(), Database::default());
    let query = table.select(["name"]).unwrap().refresh();
    assert_eq!(query.frame(&[1], &database).unwrap().height(), 1);
    assert_eq!(not_cached(query.frame(&[3], &database)), [RowId::Int(3)]);
    let typed = Cache::<User>::builder().folder(folder.path("")).offline().open().unwrap();
    assert_eq!(not_cached(typed.rows(&[1, 3], &no_database)), [RowId::Int(3)]);
    assert!(database.take_asked().is_empty());
}

#[test]
fn the_message_counts_and_shows_ids() {
    let folder = two_users();
    let database = Database::with_rows([json!({ "id": 9, "name": "Eve" })]);
    let error = folder.users().select(["name"]).unwrap().offline().frame(&[9, 8], &database).unwrap_err();
    assert_eq!(error.to_string(), "2 ids of public.users not cached, and fetching is switched off: 8, 9");
}
