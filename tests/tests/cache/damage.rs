//! A damaged file gives no wrong rows, stops nothing, and is kept under a name that says so.

use dbcache::polars::prelude::*;
use dbcache::{BatchPolicy, DynamicCache, Progress};
use dbcache_tests::Database;
use serde_json::json;

use crate::Folder;

const FILE: &str = "public_users.parquet";

fn users() -> Database {
    Database::with_rows((1..=50).map(|id| json!({ "id": id, "name": format!("user {id}"), "age": id * 7 })))
}

fn ids() -> Vec<i64> {
    (1..=50).collect()
}

fn filled() -> (Folder, DataFrame, Vec<u8>) {
    let folder = Folder::new();
    let answer = folder.users().select(["name", "age"]).unwrap().frame(&ids(), &users()).unwrap();
    let bytes = std::fs::read(folder.path(FILE)).unwrap();
    (folder, answer, bytes)
}

/// Asks everything of a folder whose file holds `bytes`: whatever was damaged, the answer must be right.
fn answers_rightly(folder: &Folder, bytes: &[u8], expected: &DataFrame) -> usize {
    std::fs::write(folder.path(FILE), bytes).unwrap();
    let database = users();
    let answer = folder.users().select(["name", "age"]).unwrap().frame(&ids(), &database).unwrap();
    assert_eq!(&answer, expected);
    database.take_asked().len()
}

#[test]
fn no_flipped_bit_gives_a_wrong_row() {
    let (folder, expected, bytes) = filled();
    let places = (0..bytes.len()).step_by(7);
    // One bit each, which changes from byte to byte. What only other programs read is not noticed.
    let noticed = places.clone().filter(|place| {
        let mut damaged = bytes.clone();
        damaged[*place] ^= 1 << (place % 8);
        answers_rightly(&folder, &damaged, &expected) == 50
    });
    assert!(noticed.count() > places.len() * 2 / 3);
}

#[test]
fn every_truncation_is_noticed() {
    let (folder, expected, bytes) = filled();
    for length in (0..bytes.len()).step_by(41) {
        assert_eq!(answers_rightly(&folder, &bytes[..length], &expected), 50, "at {length}");
    }
}

#[test]
fn a_damaged_file_is_kept_under_another_name() {
    let (folder, expected, mut bytes) = filled();
    bytes[20] ^= 1;
    answers_rightly(&folder, &bytes, &expected);
    assert_eq!(folder.files(), ["public_users.lock", FILE, "public_users.parquet.damaged-1"]);
    assert_eq!(std::fs::read(folder.path("public_users.parquet.damaged-1")).unwrap(), bytes);
}

#[test]
fn a_file_of_another_table_is_not_taken_for_this_one() {
    let (folder, _, bytes) = filled();
    std::fs::write(folder.path("public_orders.parquet"), bytes).unwrap();
    let orders = folder.cache().table("public.orders").unwrap();
    let error = orders.select(["name"]).unwrap().frame_cached(&[1]).unwrap_err();
    assert!(error.to_string().contains("it holds public.users"), "{error}");
}

#[test]
fn what_a_writer_that_died_left_is_cleaned_up() {
    let (folder, expected, bytes) = filled();
    std::fs::write(folder.path(".writing-public_users.parquet-abc123"), &bytes[..100]).unwrap();
    let database = Database::with_rows([json!({ "id": 51, "name": "Eve", "age": 1 })]);
    let answer = folder.users().select(["name", "age"]).unwrap().frame(&[51], &database).unwrap();
    assert_eq!(answer.height(), 1);
    assert_eq!(folder.files(), ["public_users.lock", FILE]);
    let stored = folder.users().select(["name", "age"]).unwrap().frame_cached(&ids()).unwrap();
    assert_eq!(stored.rows, expected);
}

#[test]
fn damage_in_one_column_is_met_only_by_those_who_read_it() {
    let folder = Folder::new();
    // Text that does not compress, so that each column fills blocks of its own.
    let noise =
        |id: i64, salt: i64| format!("{:x}", (id * 7_919 + salt).wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed()));
    let row = |id: i64| json!({ "id": id, "left": noise(id, 1), "right": noise(id, 2) });
    let database = Database::with_rows((1..=20_000).map(row));
    let ids: Vec<i64> = (1..=20_000).collect();
    let expected = folder.users().select(["left", "right"]).unwrap().frame(&ids, &database).unwrap();
    let mut bytes = std::fs::read(folder.path(FILE)).unwrap();
    let place = bytes.len() * 9 / 10;
    bytes[place] ^= 1;
    std::fs::write(folder.path(FILE), bytes).unwrap();
    database.take_asked();

    let left = folder.users().select(["left"]).unwrap().frame(&ids, &database).unwrap();
    assert_eq!(left.column("left").unwrap(), expected.column("left").unwrap());
    assert!(database.take_asked().is_empty());
    let both = folder.users().select(["left", "right"]).unwrap().frame(&ids, &database).unwrap();
    assert_eq!(both, expected);
    assert!(!database.take_asked().is_empty());
}

/// Rows of several pages in a base and a segment, in a cache that holds nothing in memory; with the names of the files.
fn large() -> (Folder, dbcache::Table, [String; 2]) {
    let folder = Folder::new();
    let builder = DynamicCache::builder().folder(folder.path("")).memory(0).progress(Progress::Silent);
    // One batch a request is one commit, and so one file.
    let cache = builder.batches(BatchPolicy::Fixed(100_000)).open().unwrap();
    let users = cache.table("public.users").unwrap();
    for ids in [0..10_000, 10_000..12_000] {
        users.select(["text"]).unwrap().frame(&ids.collect::<Vec<_>>(), &texts()).unwrap();
    }
    let segment = std::fs::read_dir(folder.path("public_users.segments")).unwrap().next().expect("a segment").unwrap();
    let segment = format!("public_users.segments/{}", segment.file_name().into_string().unwrap());
    (folder, users, [FILE.to_owned(), segment])
}

/// Text that does not compress.
fn texts() -> Database {
    let word = |number: i64| format!("{:x}", number.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed()));
    let text = |id: i64| (id * 8..id * 8 + 8).map(word).collect::<String>();
    Database::with_rows((0..12_000).map(|id| json!({ "id": id, "text": text(id) })))
}

#[test]
fn a_file_that_is_cut_under_an_open_handle_costs_its_rows_and_no_error() {
    for place in 0..2 {
        let (folder, users, files) = large();
        let texts_of = users.select(["text"]).unwrap();
        let ids: Vec<i64> = (0..12_000).collect();
        let file = std::fs::File::options().write(true).open(folder.path(&files[place])).unwrap();
        file.set_len(5_000).unwrap();
        let database = texts();
        let rows = texts_of.frame(&ids, &database).unwrap();
        assert_eq!(rows.height(), ids.len());
        let lost = if place == 0 { 0..10_000 } else { 10_000..12_000 };
        assert_eq!(database.take_asked(), lost.collect::<Vec<i64>>());
        assert!(texts_of.frame_cached(&ids).unwrap().missing.is_empty());
        assert!(folder.path(&format!("{}.damaged-1", files[place])).exists());
    }
}

#[test]
fn storing_goes_on_where_a_file_was_cut_under_an_open_handle() {
    let (folder, users, files) = large();
    for file in &files {
        std::fs::File::options().write(true).open(folder.path(file)).unwrap().set_len(5_000).unwrap();
    }
    let fresh = Database::with_rows([json!({ "id": 20_000, "text": "x" })]);
    assert_eq!(users.select(["text"]).unwrap().refresh().frame(&[20_000], &fresh).unwrap().height(), 1);
    users.compact().unwrap();
    assert_eq!(users.select(["text"]).unwrap().frame_cached(&[20_000]).unwrap().rows.height(), 1);
}

#[test]
fn a_segments_bytes_in_the_bases_place_are_set_aside() {
    let (folder, users, [base, segment]) = large();
    std::fs::copy(folder.path(&segment), folder.path(&base)).unwrap();
    for table in [users, folder.users()] {
        let names = table.select(["text"]).unwrap();
        assert_eq!(names.frame(&[1, 11_000], &texts()).unwrap().height(), 2);
        assert_eq!(names.frame_cached(&[1, 2, 11_000]).unwrap().missing, [2]);
    }
    assert!(folder.path(&format!("{base}.damaged-1")).exists());
}
