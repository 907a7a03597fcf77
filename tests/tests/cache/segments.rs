//! Large tables: commits add segments, which are folded now and then, and no version of a row comes back.

use dbcache::polars::prelude::*;
use dbcache::{BatchPolicy, DynamicCache, Progress};
use dbcache_tests::Database;
use serde_json::json;

use crate::Folder;

/// A column that takes so much room that a table of a few thousand rows is no small one.
fn noise(id: i64, version: i64) -> String {
    (0..20)
        .map(|salt| {
            format!("{:016x}", (id * 31 + salt * 7_919 + version).wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed()))
        })
        .collect()
}

fn rows(ids: &[i64], version: i64) -> Vec<serde_json::Map<String, serde_json::Value>> {
    let row = |id: &i64| json!({ "id": id, "noise": noise(*id, version), "version": version });
    ids.iter().filter_map(|id| row(id).as_object().cloned()).collect()
}

/// Stores one version of these rows, in one commit.
fn store(folder: &Folder, ids: &[i64], version: i64) {
    let fetcher = |ids: &[i64], _: &str| -> Result<_, std::io::Error> { Ok(rows(ids, version)) };
    let users = folder.users();
    users.select(["noise", "version"]).unwrap().refresh().frame(ids, &fetcher).unwrap();
}

fn versions(folder: &Folder, ids: &[i64]) -> Vec<i64> {
    let stored = folder.users().select(["version"]).unwrap().frame_cached(ids).unwrap();
    assert!(stored.missing.is_empty(), "{:?}", stored.missing);
    stored.rows.column("version").unwrap().i64().unwrap().into_no_null_iter().collect()
}

fn segments(folder: &Folder) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder.path("public_users.segments")) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A table of 3,000 rows in its base.
fn large() -> Folder {
    let folder = Folder::new();
    store(&folder, &(1..=3_000).collect::<Vec<_>>(), 1);
    folder.users().compact().unwrap();
    assert!(segments(&folder).is_empty());
    folder
}

#[test]
fn a_commit_to_a_large_table_leaves_its_file_alone() {
    let folder = large();
    let before = std::fs::metadata(folder.path("public_users.parquet")).unwrap().modified().unwrap();
    store(&folder, &[3_001, 3_002], 2);
    assert_eq!(std::fs::metadata(folder.path("public_users.parquet")).unwrap().modified().unwrap(), before);
    assert_eq!(segments(&folder).len(), 1);
    assert_eq!(versions(&folder, &[1, 3_000, 3_001, 3_002]), [1, 1, 2, 2]);
}

#[test]
fn the_newest_version_of_a_row_counts_in_whatever_file_it_is() {
    let folder = large();
    for version in 2..30 {
        store(&folder, &[version, 100, 2_900], version);
        assert_eq!(versions(&folder, &[version, 100, 2_900, 2_901]), [version, version, version, 1]);
    }
    assert!(segments(&folder).len() < 20, "{:?}", segments(&folder));
    folder.users().compact().unwrap();
    assert!(segments(&folder).is_empty());
    assert_eq!(versions(&folder, &[2, 29, 100, 2_900, 2_901]), [2, 29, 29, 29, 1]);
    let file = std::fs::File::open(folder.path("public_users.parquet")).unwrap();
    assert_eq!(ParquetReader::new(file).finish().unwrap().height(), 3_000);
}

/// In memory it is as large as text that does not compress, and so its commits would be taken for ten times what they
/// are.
#[test]
fn rows_that_compress_well_are_not_folded_early() {
    let folder = Folder::new();
    let text = |id: &i64| format!("{id} {}", "the same text again ".repeat(100));
    let fetcher = |ids: &[i64], _: &str| -> Result<DataFrame, PolarsError> {
        df!("id" => ids, "text" => ids.iter().map(text).collect::<Vec<_>>())
    };
    let store = |ids: std::ops::Range<i64>| {
        let ids: Vec<i64> = ids.collect();
        folder.users().select(["text"]).unwrap().frame(&ids, &fetcher).unwrap();
    };
    store(0..20_000);
    folder.users().compact().unwrap();
    let size = std::fs::metadata(folder.path("public_users.parquet")).unwrap().len();
    assert!((512 * 1024..4 * 1024 * 1024).contains(&size), "{size}");
    for commit in 0..5 {
        store(20_000 + commit * 200..20_000 + (commit + 1) * 200);
    }
    assert_eq!(segments(&folder).len(), 5, "{:?}", segments(&folder));
    store(21_000..21_200);
    assert_eq!(segments(&folder).len(), 1, "{:?}", segments(&folder));
}

#[test]
fn two_handles_see_each_others_commits() {
    let folder = large();
    let (one, other) = (folder.users(), folder.users());
    for version in 2..20 {
        let fetcher = |ids: &[i64], _: &str| -> Result<_, std::io::Error> { Ok(rows(ids, version)) };
        let (writer, reader) = if version % 2 == 0 { (&one, &other) } else { (&other, &one) };
        writer.select(["noise", "version"]).unwrap().refresh().frame(&[7, 3_000 + version], &fetcher).unwrap();
        let seen = reader.select(["version"]).unwrap().frame_cached(&[7, 3_000 + version]).unwrap();
        assert_eq!(seen.rows.column("version").unwrap().i64().unwrap().get(0), Some(version));
        assert!(seen.missing.is_empty());
    }
}

#[test]
fn what_a_segment_does_not_bring_is_carried_over() {
    let folder = large();
    let users = folder.users();
    let mail = |ids: &[i64], _: &str| -> Result<DataFrame, PolarsError> { df!("id" => ids, "mail" => ["a", "b"]) };
    users.select(["mail"]).unwrap().frame(&[1, 3_000], &mail).unwrap();
    assert_eq!(segments(&folder).len(), 1);
    let users = folder.users();
    let stored = users.select(["mail", "version", "noise"]).unwrap().frame_cached(&[1, 2, 3_000]).unwrap();
    assert_eq!(stored.missing, [2]);
    assert_eq!(stored.rows.column("version").unwrap().i64().unwrap().to_vec(), [Some(1), Some(1)]);
    assert_eq!(stored.rows.column("noise").unwrap().str().unwrap().get(1), Some(noise(3_000, 1).as_str()));
}

#[test]
fn batches_of_one_commit_carry_over_what_each_of_them_lacks() {
    let folder = Folder::new();
    let cache =
        DynamicCache::builder().folder(folder.0.path()).batches(BatchPolicy::Fixed(1)).progress(Progress::Silent);
    let users = cache.open().unwrap().table("public.users").unwrap();
    let first =
        |ids: &[i64], _: &str| -> Result<DataFrame, PolarsError> { df!("id" => ids, "a" => ["old"], "b" => ["old"]) };
    users.select(["a", "b"]).unwrap().frame(&[1, 2], &first).unwrap();
    let second = |ids: &[i64], _: &str| -> Result<DataFrame, PolarsError> {
        if ids == [1] { df!("id" => ids, "c" => ["new"]) } else { df!("id" => ids, "b" => ["new"], "c" => ["new"]) }
    };
    let answer = users.select(["a", "b", "c"]).unwrap().frame(&[1, 2], &second).unwrap();
    let column = |name: &str| {
        answer.column(name).unwrap().str().unwrap().iter().flatten().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        (column("a"), column("b"), column("c")),
        (vec!["old".into(); 2], vec!["old".into(), "new".into()], vec!["new".into(); 2])
    );
}

#[test]
fn a_lost_segment_brings_no_older_version_back() {
    let folder = large();
    store(&folder, &[5, 6], 2);
    store(&folder, &[3_001], 3);
    let replacing = segments(&folder).remove(0);
    assert!(replacing.contains("replacing"), "{replacing}");
    std::fs::remove_file(folder.path("public_users.segments").join(&replacing)).unwrap();
    let stored = folder.users().select(["version"]).unwrap().frame_cached(&[5, 6, 3_001]).unwrap();
    assert_eq!((stored.rows.height(), stored.missing), (1, vec![5, 6]));
}

#[test]
fn a_damaged_segment_costs_its_own_rows_alone() {
    let folder = large();
    store(&folder, &[5, 6], 2);
    store(&folder, &[3_001], 3);
    let path = folder.path("public_users.segments").join(segments(&folder).remove(0));
    let mut bytes = std::fs::read(&path).unwrap();
    // In the pages of the second column, whose ids and index stay sound.
    bytes[300] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let database = Database::with_rows(rows(&[5, 6], 4).into_iter().map(serde_json::Value::Object));
    let all: Vec<i64> = (1..=3_001).collect();
    let answer = folder.users().select(["noise", "version"]).unwrap().frame(&all, &database).unwrap();
    assert_eq!(database.take_asked(), [5, 6]);
    let versions = answer.column("version").unwrap().i64().unwrap();
    assert_eq!([0, 4, 5, 6, 3_000].map(|row| versions.get(row)), [Some(1), Some(4), Some(4), Some(1), Some(3)]);
    assert!(segments(&folder).iter().any(|name| name.contains("damaged-1")));
}

#[test]
fn nothing_is_kept_in_memory_where_none_may_be() {
    let folder = large();
    let cache = DynamicCache::builder().folder(folder.0.path()).memory(0).open().unwrap();
    let users = cache.table("public.users").unwrap();
    for id in 1..=200 {
        let stored = users.select(["noise", "version"]).unwrap().frame_cached(&[id, id + 2_000]).unwrap();
        assert_eq!(stored.rows.column("noise").unwrap().str().unwrap().get(0), Some(noise(id, 1).as_str()));
        assert!(stored.missing.is_empty());
    }
}

#[test]
fn the_next_writer_removes_what_one_left_that_died_while_it_removed_folded_segments() {
    let folder = large();
    for version in 2..5 {
        store(&folder, &[version, 3_000 + version], version);
    }
    let of_segments = |name: &str| folder.path("public_users.segments").join(name);
    let before: Vec<(String, Vec<u8>)> =
        segments(&folder).into_iter().map(|name| (name.clone(), std::fs::read(of_segments(&name)).unwrap())).collect();
    assert_eq!(before.len(), 3);
    folder.users().compact().unwrap();
    before.iter().for_each(|(name, bytes)| std::fs::write(of_segments(name), bytes).unwrap());
    // Named like a folded one, and not ours.
    let foreign = "000000000001-000000000001.parquet";
    std::fs::write(of_segments(foreign), "what is this?").unwrap();
    let ids = [2, 3, 4, 3_002, 3_003, 3_004, 3_005];
    assert_eq!(versions(&folder, &ids[..6]), [2, 3, 4, 2, 3, 4]);
    assert_eq!(segments(&folder).len(), 4, "a reader removes nothing");
    store(&folder, &[3_005], 5);
    let left = segments(&folder);
    assert_eq!((left.len(), left.first().map(String::as_str)), (2, Some(foreign)), "{left:?}");
    assert_eq!(versions(&folder, &ids), [2, 3, 4, 2, 3, 4, 5]);
}
