//! Scans of a record's rows: its columns in its types, of the rows that have all of them.

use dbcache::key::RowId;
use dbcache::polars::prelude::*;
use dbcache::{Cache, Cached, CachedJson, Error, Progress};
use serde::{Deserialize, Serialize};

use crate::{Folder, collected, users};

#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "public.users")]
struct User {
    #[cached(id)]
    id: u32,
    name: String,
    age: Option<u8>,
}

#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "public.users")]
struct Resident {
    #[cached(id)]
    id: i64,
    #[cached(json)]
    profile: Profile,
    #[cached(default)]
    visits: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
struct Profile {
    city: String,
    zip: Option<u32>,
}

fn cache<T: dbcache::Record>(folder: &Folder) -> Cache<T> {
    Cache::builder().folder(folder.path()).progress(Progress::Silent).open().expect("a cache")
}

#[test]
fn rows_that_lack_a_column_are_left_out() {
    let folder = Folder::new();
    folder.store(&users(1..=50, "first").select(["id", "name"]).unwrap());
    folder.store(&users((1..=60).step_by(2), "second"));
    let users = cache::<User>(&folder);
    let ids: Vec<u32> = (1..=60).collect();
    let expected = users.all().frame_cached(&ids).unwrap().rows;
    assert_eq!((expected.height(), expected.column("age").unwrap().dtype()), (30, &DataType::UInt8));
    assert_eq!(collected(users.scan().unwrap()), expected);

    let c = User::columns();
    let names = collected(users.select(c.name).scan().unwrap());
    assert_eq!(names, users.select(c.name).frame_cached(&ids).unwrap().rows);
    assert_eq!(names.height(), 55);
}

#[test]
fn a_value_that_does_not_fit_is_an_error_that_names_its_row() {
    let folder = Folder::new();
    let mut rows = users(1..=20, "first");
    rows.replace("age", Column::new("age".into(), (1..=20).map(|id| id * 15).collect::<Vec<i64>>())).unwrap();
    folder.store(&rows);
    let users = cache::<User>(&folder);
    let scan = users.scan().unwrap();
    assert_eq!(collected(scan.clone().filter(col("id").lt_eq(lit(17))).select([col("name")])).height(), 17);
    let cause = scan.collect().unwrap_err();
    assert!(matches!(Error::behind(&cause), Some(Error::Value { id: RowId::Int(18), .. })), "{cause:?}");
}

#[test]
fn nested_columns_paths_and_defaults_are_as_the_record_declares() {
    let folder = Folder::new();
    let profiles: Vec<String> =
        (1..=30).map(|id| format!(r#"{{"city": "City {id}", "zip": {id}, "more": [{id}]}}"#)).collect();
    folder.store(&df!("id" => (1..=30).collect::<Vec<i64>>(), "profile" => profiles).unwrap());
    let residents = cache::<Resident>(&folder);
    let ids: Vec<i64> = (1..=30).collect();
    let fetcher = |ids: &[i64]| -> Result<Vec<Resident>, std::io::Error> {
        let profile = |id: &i64| Profile { city: format!("Town {id}"), zip: None };
        Ok(ids.iter().map(|id| Resident { id: *id, profile: profile(id), visits: 7 }).collect())
    };
    residents.all().refresh().frame(&ids[20..], &fetcher).unwrap();

    let expected = residents.all().frame_cached(&ids).unwrap().rows;
    assert_eq!(expected.height(), 30);
    assert!(collected(residents.scan().unwrap()).equals_missing(&expected));

    let c = Resident::columns();
    let query = residents.select((c.profile.zip, c.visits));
    let expected = query.frame_cached(&ids).unwrap().rows;
    let scanned = collected(query.scan().unwrap().filter(col("profile.zip").gt(lit(10))));
    assert!(scanned.equals_missing(&expected.slice(10, 10)), "{scanned}");
}
