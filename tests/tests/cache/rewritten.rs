//! A file of ours that another program writes anew gives right rows or an error: no null for what was never fetched, and
//! no row that is gone.

use std::path::{Path, PathBuf};

use dbcache::faults::SPLIT_EARLY;
use dbcache::polars::prelude::*;
use dbcache::{DynamicCache, Error, Progress, Table};
use dbcache_tests::{Database, row};
use serde_json::{Value, json};

use crate::Folder;
use crate::declared_keys::{User, fetch_users, open_in};

const FILE: &str = "public_users.parquet";
/// Of these ids the database has all but [`GONE`].
const IDS: [i64; 8] = [1, 2, 3, 4, 5, 6, 7, 8];
const GONE: i64 = 3;
const COLUMNS: [&str; 4] = ["name", "age", "profile.city", "profile.phone"];

/// The rows of these ids with some of their columns.
fn rows(ids: &[i64], columns: &[&str]) -> Database {
    let row = |id: &i64| {
        let profile = json!({ "city": format!("city {id}"), "trips": [{ "to": "Rome" }], "phone": id });
        let age = (id % 2 == 0).then_some(id * 10);
        let mut row = row(json!({ "id": id, "name": format!("user {id}"), "age": age, "profile": profile }));
        row.retain(|name, _| name == "id" || columns.contains(&name.as_str()));
        Value::Object(row)
    };
    Database::with_rows(ids.iter().map(row))
}

fn database() -> Database {
    rows(&[1, 2, 4, 5, 6, 7, 8], &["name", "age", "profile"])
}

/// Fetches some columns of rows, and no others.
fn store(table: &Table, ids: &[i64], columns: &[&str]) {
    table.select(columns).unwrap().frame(ids, &rows(ids, columns)).unwrap();
}

/// Fetches a row again that the database no longer has.
fn remove(table: &Table) {
    table.select(["name"]).unwrap().refresh().frame(&[GONE], &Database::default()).unwrap_err();
}

fn users(folder: &Path) -> Table {
    let cache = DynamicCache::builder().folder(folder).progress(Progress::Silent).open().unwrap();
    cache.table("public.users").unwrap()
}

type Build = fn(&Path);
type Change = fn(DataFrame) -> DataFrame;

/// What may be cached when another program comes.
fn tables() -> [(&'static str, Build); 8] {
    let columns_differ = |folder: &Path| {
        store(&users(folder), &[1, 2], &["name"]);
        store(&users(folder), &[4, 5], &["name", "age"]);
    };
    let segments = |folder: &Path| {
        store(&users(folder), &IDS[..5], &["name"]);
        users(folder).compact().unwrap();
        store(&users(folder), &[6, 7], &["name", "age"]);
        store(&users(folder), &[2], &["name", "age"]);
        remove(&users(folder));
        assert_eq!(files(folder).len(), 4, "a base and a segment for each commit after it");
    };
    [
        ("rows that are alike", |folder| store(&users(folder), &[1, 2, 4], &["name"])),
        ("rows whose columns differ", columns_differ),
        ("rows of a record type", |folder| drop(open_in::<User>(folder).rows(&[1, 2, 4], &fetch_users).unwrap())),
        ("rows of a record type beside whole ones", |folder| {
            open_in::<User>(folder).rows(&[1, 2], &fetch_users).unwrap();
            store(&users(folder), &[4], &["profile"]);
        }),
        ("documents", |folder| store(&users(folder), &[1, 2, 4], &["profile"])),
        ("rows of which one is gone", |folder| {
            store(&users(folder), &[1, 2, GONE], &["name"]);
            remove(&users(folder));
        }),
        ("a row that is gone", |folder| {
            store(&users(folder), &[GONE], &["name"]);
            remove(&users(folder));
        }),
        ("segments", segments),
    ]
}

/// What another program does to the rows.
fn changes() -> [(&'static str, Change); 6] {
    [
        ("changes nothing", |frame| frame),
        ("drops a row", |frame| frame.slice(1, frame.height())),
        ("drops all rows", |frame| frame.clear()),
        ("reverses the rows", |frame| frame.reverse()),
        ("reverses the columns", |frame| {
            let names: Vec<PlSmallStr> = frame.get_column_names_owned().into_iter().rev().collect();
            frame.select(names).unwrap()
        }),
        ("drops a column", |frame| {
            let names = frame.get_column_names_owned();
            let dropped = names.get(1).filter(|name| !name.starts_with("__")).cloned();
            frame.drop_many(dropped)
        }),
    ]
}

/// What becomes of the metadata.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Metadata {
    Dropped,
    /// It no longer describes the bytes.
    Kept,
    /// The same by a program whose name shows that it wrote the file.
    KeptByAnother,
}

fn rewrite(file: &Path, change: Change, metadata: Metadata) {
    let mut reader = ParquetReader::new(std::fs::File::open(file).unwrap());
    let pairs = reader.get_metadata().unwrap().key_value_metadata().clone().unwrap_or_default();
    let ours = pairs.into_iter().filter(|pair| pair.key.starts_with("dbcache"));
    let ours: Vec<(String, String)> = ours.map(|pair| (pair.key, pair.value.unwrap())).collect();
    let mut frame = change(reader.finish().unwrap());
    let kept = (metadata != Metadata::Dropped).then(|| KeyValueMetadata::from_static(ours));
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).with_key_value_metadata(kept).finish(&mut frame).unwrap();
    if metadata == Metadata::KeptByAnother {
        let (polars, other) = (b"Polars", b"DuckDB");
        let place = bytes.windows(polars.len()).rposition(|window| window == polars).unwrap();
        bytes[place..place + other.len()].copy_from_slice(other);
    }
    std::fs::write(file, bytes).unwrap();
}

/// The base and the segments.
fn files(folder: &Path) -> Vec<PathBuf> {
    let segments = std::fs::read_dir(folder.join("public_users.segments")).into_iter().flatten();
    let mut files: Vec<PathBuf> = segments.map(|entry| entry.unwrap().path()).collect();
    files.push(folder.join(FILE));
    files.sort();
    files
}

/// What is wrong with a table one of whose files was rewritten, given what the database has.
fn fault(folder: &Path, rewritten: &Path, expected: &DataFrame) -> Option<String> {
    let bytes = std::fs::read(rewritten).unwrap();
    let refused = |cause: &Error| {
        let is_refused = matches!(cause, Error::ForeignTable { .. }) && std::fs::read(rewritten).unwrap() == bytes;
        (!is_refused).then(|| format!("{cause:?}"))
    };
    let cached = || fault_of_cached(folder, expected, &refused);
    cached()
        .or_else(|| fault_of_fetched(folder, expected, &refused))
        .or_else(|| users(folder).compact().err().and_then(|cause| refused(&cause)).or_else(cached))
}

/// What the database has of the ids.
fn expected() -> DataFrame {
    Folder::new().users().select(COLUMNS).unwrap().frame_found(&IDS, &database()).unwrap().rows
}

type Refused<'r> = &'r dyn Fn(&Error) -> Option<String>;

/// Each cached value is that of the database.
fn fault_of_cached(folder: &Path, expected: &DataFrame, refused: Refused<'_>) -> Option<String> {
    let users = users(folder);
    COLUMNS.iter().find_map(|column| {
        let found = match users.select([column]).unwrap().frame_cached(&IDS) {
            Ok(found) => found.rows,
            Err(cause) => return refused(&cause),
        };
        let known = shown(&expected.select(["id", *column]).unwrap());
        shown(&found).into_iter().find(|row| !known.contains(row)).map(|row| format!("{column} is cached as {row}"))
    })
}

/// Each row as text.
fn shown(frame: &DataFrame) -> Vec<String> {
    let cell = |column: &Column, row| column.get(row).unwrap().to_string();
    let row = |row| frame.columns().iter().map(|column| cell(column, row)).collect::<Vec<_>>().join(" ");
    (0..frame.height()).map(row).collect()
}

/// What is fetched beside what is cached makes the answer right.
fn fault_of_fetched(folder: &Path, expected: &DataFrame, refused: Refused<'_>) -> Option<String> {
    match users(folder).select(COLUMNS).unwrap().frame_found(&IDS, &database()) {
        Ok(found) if found.missing == [GONE] && found.rows.equals_missing(expected) => None,
        Ok(found) => Some(format!("answered {} without {:?}", found.rows, found.missing)),
        Err(cause) => refused(&cause),
    }
}

/// A folder of small files, copied.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            std::fs::copy(&from, &to).unwrap();
        }
    }
}

/// Whether metadata that no longer fits is tried beside this change. Of a file of which nothing is read because of it, the
/// rows do not matter.
fn is_tried(change: &str, metadata: Metadata) -> bool {
    match metadata {
        Metadata::Dropped => true,
        Metadata::Kept => change == "changes nothing",
        Metadata::KeptByAnother => ["changes nothing", "drops a column"].contains(&change),
    }
}

#[test]
fn whatever_file_another_program_rewrites_rows_are_right_or_refused() {
    let (expected, mut faults) = (expected(), Vec::new());
    for (table, build) in tables() {
        let built = Folder::new();
        build(&built.path(SPLIT_EARLY));
        for (change, apply) in changes() {
            let metadata = [Metadata::Dropped, Metadata::Kept, Metadata::KeptByAnother];
            for metadata in metadata.into_iter().filter(|metadata| is_tried(change, *metadata)) {
                for number in 0..files(&built.path(SPLIT_EARLY)).len() {
                    let above = Folder::new();
                    let folder = above.path(SPLIT_EARLY);
                    copy(&built.path(SPLIT_EARLY), &folder);
                    let file = files(&folder).remove(number);
                    rewrite(&file, apply, metadata);
                    let name = file.file_name().unwrap().to_string_lossy().into_owned();
                    let context = format!("{table}, {name}, another program {change}, metadata {metadata:?}");
                    faults.extend(fault(&folder, &file, &expected).map(|fault| format!("{context}: {fault}")));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}:\n{}", faults.len(), faults.join("\n"));
}

/// The tables whose rows differ in what was fetched of them, or of which rows are gone.
const MIXED: [&str; 5] = [
    "rows whose columns differ",
    "rows of a record type",
    "rows of a record type beside whole ones",
    "rows of which one is gone",
    "a row that is gone",
];

/// The tables of which one null is not like another, in one file.
fn mixed() -> impl Iterator<Item = Folder> {
    tables().into_iter().filter(|(table, _)| MIXED.contains(table)).map(|(_, build)| {
        let folder = Folder::new();
        build(&folder.path(""));
        folder
    })
}

fn without_sets(frame: DataFrame) -> DataFrame {
    frame.drop("__dbcache_column_set").unwrap()
}

fn refusal(folder: &Folder) -> String {
    let file = folder.path(FILE);
    let before = std::fs::read(&file).unwrap();
    let answer = folder.users().select(["profile.phone"]).unwrap().frame_found(&IDS, &database());
    let Err(error @ Error::ForeignTable { .. }) = answer else { panic!("{answer:?}") };
    assert_eq!(std::fs::read(&file).unwrap(), before, "the file is left alone");
    error.to_string()
}

#[test]
fn a_file_that_no_longer_says_what_was_fetched_of_which_row_is_refused_whatever_is_left_of_it() {
    for folder in mixed() {
        rewrite(&folder.path(FILE), |frame| frame, Metadata::Dropped);
        refusal(&folder);
    }
    for folder in mixed() {
        rewrite(&folder.path(FILE), without_sets, Metadata::KeptByAnother);
        refusal(&folder);
        let listed = folder.cache().tables().unwrap();
        assert!(listed[0].fault.as_ref().is_some_and(|fault| fault.contains("rewrote")), "{listed:?}");
    }
}

#[test]
fn a_refused_table_works_again_after_what_the_error_says_was_done() {
    for folder in mixed() {
        rewrite(&folder.path(FILE), |frame| frame, Metadata::KeptByAnother);
        let message = refusal(&folder);
        assert!(message.contains("remove it") && message.contains("without the column"), "{message}");
        std::fs::remove_file(folder.path(FILE)).unwrap();
        assert_eq!(fault(&folder.path(""), &folder.path("public_users.lock"), &expected()), None);
    }
    for folder in mixed() {
        rewrite(&folder.path(FILE), |frame| frame, Metadata::Dropped);
        refusal(&folder);
        rewrite(&folder.path(FILE), without_sets, Metadata::Dropped);
        let rows = folder.read(FILE).height();
        assert_eq!(folder.users().cached().unwrap().height(), rows, "every value in it counts now");
    }
}

#[test]
fn rows_of_a_record_type_are_not_taken_for_whole_documents_where_nothing_was_rewritten() {
    let folder = Folder::new();
    open_in::<User>(&folder.path("")).rows(&[1, 2], &fetch_users).unwrap();
    folder.users().compact().unwrap();
    assert_eq!(folder.users().select(["profile.city"]).unwrap().look_up(&[1, 2]).unwrap().hits, [1, 2]);
    assert_eq!(folder.users().select(["profile.phone"]).unwrap().look_up(&[1, 2]).unwrap().incomplete, [1, 2]);
}
