//! The typed cache: records, typed columns, and the same rows by name.

use std::sync::Mutex;

use dbcache::error::BatchError;
use dbcache::key::RowId;
use dbcache::polars::prelude::*;
use dbcache::{Cache, Cached, CachedJson, Error};
use serde::{Deserialize, Serialize};

use crate::Folder;

#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "public.users")]
struct User {
    #[cached(id)]
    id: i64,
    name: String,
    age: Option<i32>,
    #[cached(json)]
    profile: Profile,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
struct Profile {
    address: Address,
    tags: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
struct Address {
    city: String,
    zip: Option<String>,
}

fn user(id: i64) -> User {
    let zip = (id % 2 == 0).then(|| format!("{id:05}"));
    let address = Address { city: format!("city {id}"), zip };
    let profile = Profile { address, tags: vec!["a".to_owned(); usize::try_from(id).unwrap_or_default()] };
    User { id, name: format!("user {id}"), age: (id != 3).then_some(30), profile }
}

/// A database of ten users that remembers what it was asked.
struct Users {
    asked: Mutex<Vec<i64>>,
}

impl Users {
    fn new() -> Self {
        Self { asked: Mutex::default() }
    }

    fn fetcher(&self) -> impl Fn(&[i64]) -> Result<Vec<User>, std::io::Error> + '_ {
        |ids| {
            self.asked.lock().unwrap().extend(ids);
            Ok(ids.iter().filter(|id| (1..=10).contains(*id)).map(|id| user(*id)).collect())
        }
    }

    fn take_asked(&self) -> Vec<i64> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

fn cache<T: Cached>(folder: &Folder) -> Cache<T> {
    Cache::open(folder.path("")).unwrap()
}

#[test]
fn records_come_back_as_they_were_fetched() {
    let (folder, users) = (Folder::new(), Users::new());
    let fetched = cache::<User>(&folder).rows(&[4, 1, 3], &users.fetcher()).unwrap();
    assert_eq!(fetched, [user(1), user(3), user(4)]);
    users.take_asked();
    assert_eq!(cache::<User>(&folder).rows(&[1, 3, 4], &users.fetcher()).unwrap(), fetched);
    assert!(users.take_asked().is_empty());
}

#[test]
fn typed_columns_and_paths_are_tuples_or_frames() {
    let (folder, users) = (Folder::new(), Users::new());
    let (cache, c) = (cache::<User>(&folder), User::columns());
    let rows = cache
        .select((c.id, c.profile.address.zip, c.profile.address.city, c.age, c.age))
        .rows(&[2, 3], &users.fetcher())
        .unwrap();
    type Row = (i64, Option<String>, String, Option<i32>, Option<i32>);
    let expected: Vec<Row> = vec![
        (2, Some("00002".to_owned()), "city 2".to_owned(), Some(30), Some(30)),
        (3, None, "city 3".to_owned(), None, None),
    ];
    assert_eq!(rows, expected);
    let cities: Vec<String> = cache.select(c.profile.address.city).rows(&[3], &users.fetcher()).unwrap();
    assert_eq!(cities, ["city 3"]);
    let addresses: Vec<Address> = cache.select(c.profile.address).rows(&[2], &users.fetcher()).unwrap();
    assert_eq!(addresses, [user(2).profile.address]);
    let frame = cache.select((c.profile.address.city, c.id)).frame(&[2], &users.fetcher()).unwrap();
    assert_eq!(frame, df!("id" => [2_i64], "profile.address.city" => ["city 2"]).unwrap());
}

#[test]
fn the_same_rows_answer_typed_and_dynamic_queries() {
    let (folder, users) = (Folder::new(), Users::new());
    let typed = cache::<User>(&folder);
    typed.rows(&[1, 2], &users.fetcher()).unwrap();
    users.take_asked();
    let columns = ["name", "profile.address.city", "profile.tags.1"];
    let by_name = typed.select_dynamic(columns).unwrap().frame(&[1, 2], &users.fetcher()).unwrap();
    let dynamic = folder.users().select(columns).unwrap().frame_cached(&[1, 2]).unwrap().rows;
    let expected = df!(
        "id" => [1_i64, 2], "name" => ["user 1", "user 2"],
        "profile.address.city" => ["city 1", "city 2"], "profile.tags.1" => [None, Some("a")]
    );
    assert!(by_name.equals_missing(&expected.unwrap()), "{by_name}");
    assert!(dynamic.equals_missing(&by_name), "{dynamic}");
    assert!(users.take_asked().is_empty());
}

#[test]
fn json_text_of_a_dynamic_fetch_answers_typed_queries() {
    let (folder, users) = (Folder::new(), Users::new());
    let text = |ids: &[i64], _: &str| -> Result<DataFrame, PolarsError> {
        let users: Vec<User> = ids.iter().map(|id| user(*id)).collect();
        df!(
            "id" => ids, "name" => users.iter().map(|user| user.name.clone()).collect::<Vec<_>>(),
            "age" => users.iter().map(|user| user.age.map(i64::from)).collect::<Vec<_>>(),
            "profile" => users.iter().map(|user| serde_json::to_string(&user.profile).unwrap()).collect::<Vec<_>>()
        )
    };
    folder.users().select(["name", "age", "profile.address.city"]).unwrap().frame(&[1, 2, 3], &text).unwrap();
    let (cache, c) = (cache::<User>(&folder), User::columns());
    assert_eq!(cache.rows(&[1, 2, 3], &users.fetcher()).unwrap(), [user(1), user(2), user(3)]);
    let zips = cache.select(c.profile.address.zip).rows(&[1, 2], &users.fetcher()).unwrap();
    assert_eq!(zips, [None, Some("00002".to_owned())]);
    assert!(users.take_asked().is_empty());
}

#[test]
fn a_refresh_replaces_records() {
    let folder = Folder::new();
    let cache = cache::<User>(&folder);
    cache.rows(&[1], &Users::new().fetcher()).unwrap();
    let older = |ids: &[i64]| -> Result<Vec<User>, std::io::Error> {
        Ok(ids.iter().map(|id| User { age: Some(99), ..user(*id) }).collect())
    };
    assert_eq!(cache.all().refresh().rows(&[1], &older).unwrap()[0].age, Some(99));
    assert_eq!(cache.rows(&[1], &older).unwrap()[0].age, Some(99));
}

/// The same table after a field was added.
#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "public.users")]
struct UserWithEmail {
    #[cached(id)]
    id: i64,
    name: String,
    email: Option<String>,
}

#[test]
fn a_new_field_refetches_only_the_rows_that_are_asked_for() {
    let (folder, users) = (Folder::new(), Users::new());
    cache::<User>(&folder).rows(&[1, 2, 3], &users.fetcher()).unwrap();
    let asked = Mutex::new(Vec::<i64>::new());
    let fetcher = |ids: &[i64]| -> Result<Vec<UserWithEmail>, std::io::Error> {
        asked.lock().unwrap().extend(ids);
        Ok(ids.iter().map(|id| UserWithEmail { id: *id, name: format!("user {id}"), email: None }).collect())
    };
    let newer = cache::<UserWithEmail>(&folder);
    newer.rows(&[2], &fetcher).unwrap();
    newer.rows(&[2], &fetcher).unwrap();
    assert_eq!(*asked.lock().unwrap(), [2]);
    users.take_asked();
    assert_eq!(cache::<User>(&folder).rows(&[1, 2, 3], &users.fetcher()).unwrap(), [user(1), user(2), user(3)]);
    assert!(users.take_asked().is_empty(), "the other record's columns were carried over");
}

/// The same table with a column that older rows lack.
#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "public.users")]
struct UserWithLevel {
    #[cached(id)]
    id: i64,
    name: String,
    #[cached(default)]
    level: i32,
}

#[test]
fn a_column_with_a_default_is_not_refetched_for_older_rows() {
    let (folder, users) = (Folder::new(), Users::new());
    cache::<User>(&folder).rows(&[1, 2], &users.fetcher()).unwrap();
    let asked = Mutex::new(Vec::<i64>::new());
    let fetcher = |ids: &[i64]| -> Result<Vec<UserWithLevel>, std::io::Error> {
        asked.lock().unwrap().extend(ids);
        Ok(ids.iter().map(|id| UserWithLevel { id: *id, name: format!("user {id}"), level: 7 }).collect())
    };
    let newer = cache::<UserWithLevel>(&folder);
    let levels = newer.select(UserWithLevel::columns().level).rows(&[1, 2, 3], &fetcher).unwrap();
    assert_eq!(levels, [0, 0, 7]);
    assert_eq!(*asked.lock().unwrap(), [3]);
}

#[test]
fn a_null_for_a_field_that_is_no_option_names_table_column_and_id() {
    let folder = Folder::new();
    folder.write(
        "public_users.parquet",
        df!("id" => [1_i64, 2], "name" => [Some("Ada"), None], "email" => [Some("a@x"), None]).unwrap(),
    );
    let none = |_: &[i64]| -> Result<Vec<UserWithEmail>, std::io::Error> { Ok(Vec::new()) };
    match cache::<UserWithEmail>(&folder).rows(&[1, 2], &none) {
        Err(Error::UnexpectedNull { table, column, id }) => {
            assert_eq!((table.as_str(), column.as_str(), id), ("public.users", "name", RowId::Int(2)));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_value_too_large_for_its_field_names_table_column_and_id() {
    let folder = Folder::new();
    let rows = df!("id" => [1_i64, 2], "name" => ["Ada", "Bob"], "level" => [1, i64::MAX]).unwrap();
    folder.write("public_users.parquet", rows);
    let none = |_: &[i64]| -> Result<Vec<UserWithLevel>, std::io::Error> { Ok(Vec::new()) };
    match cache::<UserWithLevel>(&folder).rows(&[1, 2], &none) {
        Err(Error::Value { column, id, reason, .. }) => {
            assert_eq!((column.as_str(), id), ("level", RowId::Int(2)));
            assert!(reason.contains("9223372036854775807"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn stored_types_that_disagree_with_the_record_are_refused_at_open() {
    let folder = Folder::new();
    let foreign = df!("id" => [1_i64], "name" => ["Ada"], "level" => [b"high".as_slice()]).unwrap();
    folder.write("public_users.parquet", foreign.clone());
    match Cache::<UserWithLevel>::open(folder.path("")) {
        Err(Error::TypeConflict { table, column, stored, wanted }) => {
            assert_eq!((table.as_str(), column.as_str()), ("public.users", "level"));
            assert_eq!((stored, wanted), (DataType::Binary, DataType::Int32));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(folder.read("public_users.parquet"), foreign);
}

#[test]
fn a_frame_of_another_type_than_the_record_names_column_and_types() {
    let folder = Folder::new();
    struct Frames;
    impl dbcache::fetch::Fetcher<UserWithLevel> for Frames {
        fn fetch(
            &self,
            request: &dbcache::fetch::FetchRequest<'_, i64>,
        ) -> Result<dbcache::fetch::Fetched<UserWithLevel>, dbcache::error::BoxError> {
            let names: Vec<&str> = request.ids().iter().map(|_| "Ada").collect();
            let levels: Vec<&[u8]> = request.ids().iter().map(|_| b"high".as_slice()).collect();
            Ok(df!("id" => request.ids(), "name" => names, "level" => levels)?.into())
        }
    }
    match cache::<UserWithLevel>(&folder).rows(&[1], &Frames) {
        Err(Error::FetchFailed { failures, stored: 0, .. }) => match &failures[0].cause {
            BatchError::WrongType { column, expected, found, .. } => {
                assert_eq!((column.as_str(), expected.as_str(), found.as_str()), ("level", "i32", "binary"));
            }
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}
