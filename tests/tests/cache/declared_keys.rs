//! A record type brings only the keys that it declares: the others count as never fetched, not as null.

use std::path::Path;

use dbcache::polars::prelude::*;
use dbcache::rusqlite::Connection;
use dbcache::{Cache, Cached, CachedJson, Error, Progress, Record, SqliteFetcher};
use dbcache_tests::Database;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Folder;

/// One row of `public.users`, of whose profile other programs use more.
#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "public.users")]
pub(crate) struct User {
    #[cached(id)]
    pub(crate) id: i64,
    #[cached(json)]
    pub(crate) profile: Profile,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
pub(crate) struct Profile {
    pub(crate) city: String,
    pub(crate) trips: Vec<Trip>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
pub(crate) struct Trip {
    pub(crate) to: String,
}

/// The same table, as a newer program sees it.
#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "public.users")]
struct NewerUser {
    #[cached(id)]
    id: i64,
    #[cached(json)]
    profile: NewerProfile,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
struct NewerProfile {
    city: String,
    zip: Option<i64>,
}

fn user(id: i64) -> User {
    User { id, profile: Profile { city: format!("city {id}"), trips: vec![Trip { to: "Rome".to_owned() }] } }
}

/// The database that the records leave parts of behind: every third user has no zip.
fn database() -> Database {
    Database::with_rows((1..=9).map(|id| {
        let zip = (id % 3 != 0).then_some(id * 1_000);
        json!({ "id": id, "profile": { "city": format!("city {id}"), "zip": zip, "trips": [{ "to": "Rome", "year": 1999 }] } })
    }))
}

pub(crate) fn fetch_users(ids: &[i64]) -> Result<Vec<User>, std::io::Error> {
    Ok(ids.iter().copied().map(user).collect())
}

fn open<T: Record>(folder: &Folder) -> Cache<T> {
    open_in(&folder.path(""))
}

pub(crate) fn open_in<T: Record>(folder: &Path) -> Cache<T> {
    Cache::builder().folder(folder).progress(Progress::Silent).open().unwrap()
}

fn never(_: &[i64]) -> Result<Vec<User>, std::io::Error> {
    Err(std::io::Error::other("nothing needs to be fetched"))
}

fn cities(folder: &Folder, ids: &[i64]) -> Vec<String> {
    let c = User::columns();
    open::<User>(folder).select(c.profile.city).rows(ids, &never).unwrap()
}

#[test]
fn a_key_that_was_never_fetched_is_fetched_and_not_null() {
    let (folder, database) = (Folder::new(), database());
    open::<User>(&folder).rows(&[1, 2, 3], &fetch_users).unwrap();
    let table = folder.users();
    let declared = table.select(["profile.city", "profile.trips.0.to"]).unwrap();
    assert_eq!(declared.frame(&[1, 2, 3], &database).unwrap().height(), 3);
    assert!(database.take_asked().is_empty());

    let zips = table.select(["profile.zip", "profile.trips.0.year"]).unwrap();
    assert_eq!(zips.look_up(&[1, 2, 3, 4]).unwrap().incomplete, [1, 2, 3]);
    let answer = zips.frame(&[2, 3], &database).unwrap();
    let expected =
        df!("id" => [2_i64, 3], "profile.zip" => [Some(2_000_i64), None], "profile.trips.0.year" => [1999_i64; 2]);
    assert!(answer.equals_missing(&expected.unwrap()), "{answer}");
    assert_eq!(database.take_asked(), [2, 3]);

    assert_eq!(folder.users().select(["profile.zip"]).unwrap().look_up(&[1, 2, 3]).unwrap().hits, [2, 3]);
    assert_eq!(cities(&folder, &[1, 2, 3]), ["city 1", "city 2", "city 3"]);
}

#[test]
fn a_whole_document_beside_fuller_ones_is_fetched_again() {
    let (folder, database) = (Folder::new(), database());
    open::<User>(&folder).rows(&[1], &fetch_users).unwrap();
    let table = folder.users();
    let profiles = table.select(["profile"]).unwrap();
    assert_eq!(profiles.look_up(&[1]).unwrap().hits, [1]);
    let answer = profiles.frame(&[1, 2], &database).unwrap();
    let zips = answer.column("profile").unwrap().struct_().unwrap().field_by_name("zip").unwrap();
    assert_eq!(zips, Series::new("zip".into(), [1_000_i64, 2_000]));
    let mut asked = database.take_asked();
    asked.sort_unstable();
    assert_eq!(asked, [1, 2]);
}

#[test]
fn a_key_that_no_fetcher_brings_is_an_error_with_a_suggestion() {
    let folder = Folder::new();
    let cache = open::<User>(&folder);
    let error = cache.select_dynamic(["profile.citty"]).unwrap().frame(&[1], &fetch_users).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("\"profile.citty\", a key that the record type does not declare"), "{message}");
    assert!(message.contains("did you mean \"profile.city\"?"), "{message}");
    let Error::ColumnsNotFound { columns, .. } = error else { panic!("{error:?}") };
    assert!(columns[0].is_undeclared_key);
    assert_eq!(cache.all().look_up(&[1]).unwrap().missing, [1]);
}

#[test]
fn a_record_type_that_declares_more_keys_fetches_them() {
    let folder = Folder::new();
    open::<User>(&folder).rows(&[1, 2, 3], &fetch_users).unwrap();
    let newer = |ids: &[i64]| -> Result<Vec<NewerUser>, std::io::Error> {
        let profile = |id: i64| NewerProfile { city: format!("city {id}"), zip: Some(id) };
        Ok(ids.iter().map(|id| NewerUser { id: *id, profile: profile(*id) }).collect())
    };
    let cache = open::<NewerUser>(&folder);
    let c = NewerUser::columns();
    assert_eq!(cache.select(c.profile.zip).rows(&[1, 2], &newer).unwrap(), [Some(1), Some(2)]);
    assert_eq!(cache.all().look_up(&[1, 2, 3]).unwrap().incomplete, [3]);
    // The newer type does not bring the trips, which stay for the older one.
    assert_eq!(open::<User>(&folder).rows(&[1, 2, 3], &never).unwrap(), [user(1), user(2), user(3)]);
}

#[test]
fn records_join_documents_that_came_first() {
    let (folder, database) = (Folder::new(), database());
    folder.users().select(["profile"]).unwrap().frame(&[1, 2], &database).unwrap();
    database.take_asked();
    assert_eq!(open::<User>(&folder).rows(&[1, 2, 4], &fetch_users).unwrap(), [user(1), user(2), user(4)]);
    let zips = folder.users().select(["profile.zip"]).unwrap().look_up(&[1, 2, 4]).unwrap();
    assert_eq!((zips.hits, zips.incomplete), (vec![1, 2], vec![4]));
    folder.users().select(["profile.zip"]).unwrap().frame(&[1, 2, 4], &database).unwrap();
    assert_eq!(database.take_asked(), [4]);
}

#[test]
fn documents_that_do_not_fit_the_stored_type_are_refused_with_their_own() {
    let folder = Folder::new();
    open::<User>(&folder).rows(&[1], &fetch_users).unwrap();
    let other = Database::with_rows([json!({ "id": 2, "profile": { "city": 7, "trips": [] } })]);
    let error = folder.users().select(["profile"]).unwrap().frame(&[2], &other).unwrap_err();
    let Error::FetchFailed { rejected, .. } = error else { panic!("{error:?}") };
    let message = rejected[0].to_string();
    assert!(message.contains("profile") && message.contains("struct"), "{message}");
    assert_eq!(cities(&folder, &[1]), ["city 1"]);
}

#[test]
fn structs_of_other_programs_have_null_for_a_key_that_they_lack() {
    let folder = Folder::new();
    let city = Column::new("city".into(), ["Oslo"]);
    let profile = StructChunked::from_columns("profile".into(), 1, &[city]).unwrap().into_column();
    folder.write("public_users.parquet", DataFrame::new(1, vec![Column::new("id".into(), [1_i64]), profile]).unwrap());
    let database = database();
    let zip = folder.users().select(["profile.zip"]).unwrap().frame(&[1], &database).unwrap();
    assert_eq!(zip.column("profile.zip").unwrap().null_count(), 1);
    assert!(database.take_asked().is_empty());
    let both = folder.users().select(["profile.zip"]).unwrap().frame(&[1, 2], &database).unwrap();
    assert_eq!(both.column("profile.zip").unwrap(), &Column::new("profile.zip".into(), [None, Some(2_000_i64)]));
}

fn sqlite() -> SqliteFetcher {
    let connection = Connection::open_in_memory().unwrap();
    let sql = r#"
        ATTACH ':memory:' AS public;
        CREATE TABLE public.users (id INTEGER PRIMARY KEY, profile JSON);
        INSERT INTO public.users VALUES
            (1, '{"city": "city 1", "trips": [{"to": "Rome"}], "zip": 1000}'),
            (2, '{"city": "city 2", "trips": [{"to": "Rome"}]}'),
            (3, '{"city": "city 3", "trips": [{"to": "Rome"}], "zip": 3000}')"#;
    connection.execute_batch(sql).unwrap();
    SqliteFetcher::new(connection).unwrap()
}

#[test]
fn typed_then_dynamic_through_the_same_adapter() {
    let (folder, database) = (Folder::new(), sqlite());
    assert_eq!(open::<User>(&folder).rows(&[1, 2], &database).unwrap(), [user(1), user(2)]);
    let table = folder.users();
    let zips = table.select(["profile.zip", "profile.city"]).unwrap().frame(&[1, 2, 3], &database).unwrap();
    let zip = Column::new("profile.zip".into(), [Some(1_000_i64), None, Some(3_000)]);
    assert_eq!(zips.column("profile.zip").unwrap(), &zip);
    assert_eq!(open::<User>(&folder).rows(&[1, 2, 3], &never).unwrap(), [user(1), user(2), user(3)]);
}

#[test]
fn dynamic_then_typed_through_the_same_adapter() {
    let (folder, database) = (Folder::new(), sqlite());
    folder.users().select(["profile.zip"]).unwrap().frame(&[1, 2], &database).unwrap();
    assert_eq!(open::<User>(&folder).rows(&[1, 2, 3], &database).unwrap(), [user(1), user(2), user(3)]);
    let table = folder.users();
    assert!(table.cached().unwrap().column("profile").unwrap().dtype().is_struct());
    assert_eq!(table.select(["profile.zip"]).unwrap().look_up(&[1, 2, 3]).unwrap().hits, [1, 2, 3]);
}
