//! A file of ours that another program writes anew gives no null for a key that was never fetched.

use dbcache::{Cache, Cached, CachedJson, Error, Progress};
use dbcache_tests::Database;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Folder;

const FILE: &str = "public_users.parquet";

/// One row of `public.users`, of whose profile other programs use more.
#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "public.users")]
struct User {
    #[cached(id)]
    id: i64,
    #[cached(json)]
    profile: Profile,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
struct Profile {
    city: String,
    zip: Option<i64>,
}

fn database() -> Database {
    Database::with_rows(
        (1..=3).map(|id| json!({ "id": id, "name": "Ada", "profile": { "city": "Rome", "phone": id } })),
    )
}

/// Stores rows of a record type, which have the keys that it declares.
fn store_records(folder: &Folder, ids: &[i64]) {
    let fetch = |ids: &[i64]| {
        let user = |id: &i64| User { id: *id, profile: Profile { city: "Rome".to_owned(), zip: None } };
        Ok::<_, std::io::Error>(ids.iter().map(user).collect::<Vec<_>>())
    };
    let cache: Cache<User> = Cache::builder().folder(folder.path("")).progress(Progress::Silent).open().unwrap();
    cache.rows(ids, &fetch).unwrap();
}

/// Writes the file anew, without our metadata, and checks that it is refused and left alone.
fn check_refused(folder: &Folder, column: &str) {
    folder.users().compact().unwrap();
    folder.write(FILE, folder.read(FILE));
    let before = std::fs::read(folder.path(FILE)).unwrap();
    let answer = folder.users().select([column]).unwrap().frame_found(&[1, 2, 3], &database());
    assert!(matches!(&answer, Err(Error::ForeignTable { .. })), "{answer:?}");
    assert_eq!(std::fs::read(folder.path(FILE)).unwrap(), before);
}

#[test]
fn rows_of_one_record_type_are_refused_and_not_taken_for_whole_documents() {
    let folder = Folder::new();
    store_records(&folder, &[1, 2, 3]);
    check_refused(&folder, "profile.phone");
}

#[test]
fn rows_of_differing_columns_and_keys_are_refused() {
    let folder = Folder::new();
    store_records(&folder, &[1, 2]);
    folder.users().select(["name", "profile"]).unwrap().frame(&[3], &database()).unwrap();
    check_refused(&folder, "profile.phone");
}

#[test]
fn a_declared_key_is_read_where_nothing_was_rewritten() {
    let folder = Folder::new();
    store_records(&folder, &[1, 2, 3]);
    folder.users().compact().unwrap();
    let table = folder.users();
    assert_eq!(table.select(["profile.zip"]).unwrap().look_up(&[1, 2, 3]).unwrap().hits, [1, 2, 3]);
    assert_eq!(table.select(["profile.phone"]).unwrap().look_up(&[1, 2, 3]).unwrap().incomplete, [1, 2, 3]);
}
