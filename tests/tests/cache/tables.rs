//! What a cache says of the tables in its folder.

use dbcache::polars::prelude::*;
use dbcache::{CachedTable, DynamicCache};
use dbcache_tests::Database;
use serde_json::json;

use crate::Folder;

fn tables(folder: &Folder) -> Vec<CachedTable> {
    folder.cache().tables().unwrap()
}

/// The only table of a folder.
fn table(folder: &Folder) -> CachedTable {
    let [table] = <[_; 1]>::try_from(tables(folder)).unwrap();
    table
}

fn columns(table: &CachedTable) -> Vec<(&str, usize)> {
    table.columns.iter().map(|column| (column.name.as_str(), column.rows)).collect()
}

fn length(folder: &Folder, file: &str) -> u64 {
    std::fs::metadata(folder.path(file)).unwrap().len()
}

/// Stores rows whose text compresses to little, so that their file stays one of the smallest.
fn store(folder: &Folder, ids: &[i64]) {
    let rows = ids.iter().map(|id| json!({ "id": id, "name": "Ada", "notes": "n".repeat(50_000) }));
    folder.users().select(["name", "notes"]).unwrap().refresh().frame(ids, &Database::with_rows(rows)).unwrap();
}

/// A table of a base and two segments, the first of which replaces row 1.
fn segmented() -> (Folder, Vec<String>) {
    let folder = Folder::new();
    folder.users().select(["name", "photo"]).unwrap().frame(&[1, 2], &photos()).unwrap();
    store(&folder, &[1, 3]);
    store(&folder, &[4, 5]);
    let entries = std::fs::read_dir(folder.path("public_users.segments")).unwrap();
    let mut segments: Vec<String> = entries
        .map(|entry| format!("public_users.segments/{}", entry.unwrap().file_name().into_string().unwrap()))
        .collect();
    segments.sort();
    assert_eq!(segments.len(), 2);
    (folder, segments)
}

/// Rows of which each has more bytes than a small table, and does not compress.
fn photos() -> Database {
    let noise = |id: u64| -> String {
        let words = (0..40_000_u64).map(|word| (word * 31 + id).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29));
        words.map(|word| format!("{:016x}", word.wrapping_mul(word | 1))).collect()
    };
    Database::with_rows((1..=2).map(|id| json!({ "id": id, "name": "Ada", "photo": noise(id) })))
}

fn names() -> Database {
    Database::with_rows((1..=2).map(|id| json!({ "id": id, "name": "Ada" })))
}

fn damage(folder: &Folder, file: &str, place: usize) {
    let mut bytes = std::fs::read(folder.path(file)).unwrap();
    bytes[place] ^= 1;
    std::fs::write(folder.path(file), bytes).unwrap();
}

#[test]
fn a_folder_that_is_not_there_has_no_tables() {
    let folder = Folder::new();
    let cache = DynamicCache::open(folder.path("nowhere")).unwrap();
    assert_eq!(cache.tables().unwrap(), []);
    assert!(!folder.path("nowhere").exists());
}

#[test]
fn tables_are_listed_by_their_true_names() {
    let folder = Folder::new();
    let cache = folder.cache();
    for name in ["shop.Orders", "my_schema.users", "public.users"] {
        let table = cache.table_by(name, "number").unwrap();
        let rows = Database::with_rows([json!({ "id": 1, "number": 1, "name": "x" })]);
        table.select(["name"]).unwrap().frame(&[1], &rows).unwrap();
    }
    let listed = tables(&folder);
    let names: Vec<&str> = listed.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["my_schema.users", "public.users", "shop.Orders"]);
    for table in &listed {
        assert_eq!((table.id_column.as_deref(), table.rows, table.is_foreign), (Some("number"), 1, false));
        assert_eq!(table.fault, None);
    }
    assert_eq!(listed[1].base_bytes, length(&folder, "public_users.parquet"));
}

#[test]
fn rows_columns_and_bytes_are_counted_in_all_files_of_a_table() {
    let (folder, segments) = segmented();
    let listed = table(&folder);
    assert_eq!(columns(&listed), [("id", 5), ("name", 5), ("photo", 1), ("notes", 4)]);
    assert_eq!((listed.rows, listed.segments, listed.damaged_bytes), (5, 2, 0));
    assert_eq!(listed.base_bytes, length(&folder, "public_users.parquet"));
    assert_eq!(listed.segment_bytes, segments.iter().map(|segment| length(&folder, segment)).sum::<u64>());
    assert_eq!(listed.columns, folder.users().columns().unwrap());
}

#[test]
fn files_of_other_programs_are_listed_by_their_file_names() {
    let folder = Folder::new();
    folder.write("public_users.parquet", df!("id" => [2_i64, 1], "age" => [1.5, 2.5]).unwrap());
    let listed = table(&folder);
    assert_eq!((listed.name.as_str(), listed.is_foreign, &listed.id_column), ("public_users.parquet", true, &None));
    assert_eq!((listed.rows, columns(&listed), &listed.fault), (2, vec![("id", 2), ("age", 2)], &None));
}

#[test]
fn a_damaged_file_is_told_and_left_alone() {
    let (folder, segments) = segmented();
    for file in ["public_users.parquet", &segments[0]] {
        let sound = std::fs::read(folder.path(file)).unwrap();
        damage(&folder, file, sound.len() - 20);
        let damaged = std::fs::read(folder.path(file)).unwrap();
        let listed = table(&folder);
        assert_eq!((listed.name.as_str(), listed.rows, listed.segments), ("public.users", 0, 2));
        let fault = listed.fault.unwrap();
        assert!(fault.contains("checksum is") && fault.contains(file.rsplit('/').next().unwrap()), "{fault}");
        assert_eq!(std::fs::read(folder.path(file)).unwrap(), damaged);
        std::fs::write(folder.path(file), sound).unwrap();
    }
    assert_eq!(table(&folder).rows, 5);
}

#[test]
fn no_garbage_stops_a_listing() {
    let folder = Folder::new();
    folder.users().select(["name"]).unwrap().frame(&[1], &names()).unwrap();
    std::fs::copy(folder.path("public_users.parquet"), folder.path("copy.parquet")).unwrap();
    std::fs::write(folder.path("empty.parquet"), "").unwrap();
    std::fs::write(folder.path("page.parquet"), "<html>".repeat(1_000)).unwrap();
    std::fs::write(folder.path("short.parquet"), b"PAR1\x04\0\0\0\xff\xff\xff\xffPAR1").unwrap();
    std::fs::write(folder.path(".writing-public_users.parquet-x.parquet"), "PAR1").unwrap();
    std::fs::write(folder.path("file.segments"), "").unwrap();
    std::fs::write(folder.path("notes.txt"), "").unwrap();
    std::fs::create_dir(folder.path("spark.parquet")).unwrap();
    std::fs::create_dir(folder.path("none.segments")).unwrap();
    let listed = tables(&folder);
    let faulty: Vec<&str> = listed.iter().filter(|table| table.fault.is_some()).map(|table| &*table.name).collect();
    let expected = ["copy.parquet", "empty.parquet", "file.parquet", "page.parquet", "short.parquet", "spark.parquet"];
    assert_eq!(faulty, expected, "{listed:?}");
    let sound: Vec<&CachedTable> = listed.iter().filter(|table| table.fault.is_none()).collect();
    assert_eq!((sound.len(), sound[0].name.as_str(), sound[0].rows), (1, "public.users", 1));
    assert!(listed[0].fault.as_ref().unwrap().contains("it holds public.users"));
}

#[test]
fn what_was_set_aside_counts_apart() {
    let (folder, segments) = segmented();
    // In the values of a column: the ids and their index stay sound.
    damage(&folder, &segments[0], 300);
    let stored = folder.users().select(["name", "notes"]).unwrap().frame_cached(&[1, 2, 3, 4]).unwrap();
    assert_eq!(stored.missing, [1, 2, 3]);
    let listed = table(&folder);
    assert_eq!(listed.damaged_bytes, length(&folder, &format!("{}.damaged-1", segments[0])));
    assert_eq!((listed.fault, listed.segments), (None, 2));
}

#[test]
fn rows_that_damage_took_are_neither_counted_nor_answered() {
    let (folder, segments) = segmented();
    damage(&folder, &segments[0], 300);
    folder.users().select(["name", "notes"]).unwrap().frame_cached(&[1, 3]).unwrap();
    assert_eq!(columns(&table(&folder)), [("id", 3), ("name", 3), ("photo", 1), ("notes", 2)]);
    let cached = folder.users().cached().unwrap();
    assert_eq!(cached.column("id").unwrap().i64().unwrap().to_vec(), [Some(2), Some(4), Some(5)]);
    folder.users().compact().unwrap();
    assert_eq!(folder.users().cached().unwrap(), cached);
    assert_eq!(columns(&table(&folder)), [("id", 3), ("name", 3), ("photo", 1), ("notes", 2)]);
}

#[test]
fn the_memory_of_a_cache_is_told_in_bytes() {
    let (folder, _) = segmented();
    for (budget, least) in [(0, 0), (64 << 20, 200_000)] {
        let cache = DynamicCache::builder().folder(folder.0.path()).memory(budget).open().unwrap();
        let users = cache.table("public.users").unwrap();
        assert_eq!(cache.stats().memory_bytes, 0);
        users.select(["notes"]).unwrap().frame_cached(&[1, 3, 4, 5]).unwrap();
        let held = cache.stats().memory_bytes;
        assert!((least..=budget as u64).contains(&held), "{held}");
        assert_eq!(users.stats().memory_bytes, held);
    }
}

#[test]
fn few_rows_are_in_memory_once_they_are_stored() {
    let database = Database::with_rows((1..=100).map(|id| json!({ "id": id, "name": "x".repeat(100) })));
    let ids: Vec<i64> = (1..=100).collect();
    for (budget, least) in [(0, 0), (64 << 20, 10_000)] {
        let folder = Folder::new();
        let cache = DynamicCache::builder().folder(folder.0.path()).memory(budget).open().unwrap();
        cache.table("public.users").unwrap().select(["name"]).unwrap().warm(&ids, &database).unwrap();
        let held = cache.stats().memory_bytes;
        assert!((least..=budget as u64).contains(&held), "{held}");
    }
}
