//! What was forgotten is in no file of the folder, and comes back only from the database.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dbcache::polars::prelude::*;
use dbcache::{Cache, Cached, DynamicCache, Error, Progress, RememberAbsent, Table};

use crate::Folder;

/// A text that tells its row.
fn secret(id: i64) -> String {
    format!("secret {id}.")
}

/// A database with a row for every id up to 1,000.
fn database(ids: &[i64], _: &str) -> PolarsResult<DataFrame> {
    let ids: Vec<i64> = ids.iter().copied().filter(|id| *id <= 1_000).collect();
    let secrets: Vec<String> = ids.iter().copied().map(secret).collect();
    let sizes: Vec<i64> = ids.iter().map(|id| id * 2).collect();
    df!("id" => ids, "secret" => secrets, "size" => sizes)
}

fn fetch(table: &Table, ids: impl IntoIterator<Item = i64>) -> DataFrame {
    let ids: Vec<i64> = ids.into_iter().collect();
    table.select(["secret", "size"]).unwrap().frame(&ids, &database).unwrap()
}

fn ids_of(frame: &DataFrame) -> Vec<i64> {
    frame.column("id").unwrap().i64().unwrap().iter().flatten().collect()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// The files that hold a text, in their bytes or in what these decode to, and those that cannot be searched.
fn holding(folder: &Folder, text: &str) -> Vec<PathBuf> {
    let has = |file: &PathBuf| {
        let bytes = std::fs::read(file).unwrap();
        let is_plain = bytes.windows(text.len()).any(|window| window == text.as_bytes());
        is_plain || bytes.starts_with(b"PAR1") && decoded(bytes).is_none_or(|decoded| decoded.contains(text))
    };
    files_below(&folder.path("")).into_iter().filter(has).collect()
}

/// The texts of a Parquet file; `None` where it cannot be read.
fn decoded(bytes: Vec<u8>) -> Option<String> {
    let frame = ParquetReader::new(std::io::Cursor::new(bytes)).finish().ok()?;
    let texts = frame.columns().iter().filter_map(|column| column.str().ok());
    Some(texts.flat_map(|column| column.iter().flatten()).collect())
}

fn damage(file: &Path) {
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(file, bytes).unwrap();
}

fn segments(folder: &Folder) -> Vec<PathBuf> {
    let mut files = files_below(&folder.path(""));
    files.retain(|file| file.parent().is_some_and(|folder| folder.extension().is_some_and(|end| end == "segments")));
    files.sort();
    files
}

/// A table of a base and segments.
fn with_segments(folder: &Folder) -> Table {
    let table = folder.users();
    fetch(&table, 0..1_000);
    table.compact().unwrap();
    // Beyond what is rewritten whole by every commit.
    let texts: Vec<String> = (1_000_000..1_040_000).map(secret).collect();
    let filler = |ids: &[i64], _: &str| df!("id" => ids, "secret" => &texts[..ids.len()], "size" => ids);
    let ids: Vec<i64> = (10_000..50_000).collect();
    table.select(["secret", "size"]).unwrap().frame(&ids, &filler).unwrap();
    table.compact().unwrap();
    table.select(["secret", "size"]).unwrap().refresh().frame(&[5, 6], &database).unwrap();
    table.select(["secret", "size"]).unwrap().refresh().frame(&[7], &database).unwrap();
    assert!(segments(folder).len() >= 2, "{:?}", segments(folder));
    table
}

#[test]
fn forgotten_rows_are_in_no_file_and_the_others_stay() {
    let folder = Folder::new();
    let table = with_segments(&folder);
    for id in [3, 5, 7] {
        assert!(!holding(&folder, &secret(id)).is_empty(), "the search finds what is there");
    }
    assert_eq!(table.forget(&[3, 5, 7, 2_000]).unwrap(), 3);
    for id in [3, 5, 7] {
        assert_eq!(holding(&folder, &secret(id)), [] as [PathBuf; 0]);
    }
    let found = folder.users().select(["secret", "size"]).unwrap().frame_cached(&[2, 3, 4, 5, 6, 7, 49_999]).unwrap();
    assert_eq!((ids_of(&found.rows), found.missing), (vec![2, 4, 6, 49_999], vec![3, 5, 7]));
    assert_eq!(ids_of(&fetch(&table, [3, 6])), [3, 6]);
}

#[test]
fn a_file_that_has_none_of_the_forgotten_rows_is_not_written_anew() {
    let folder = Folder::new();
    let table = with_segments(&folder);
    let base = std::fs::metadata(folder.path("public_users.parquet")).unwrap().modified().unwrap();
    let later = |ids: &[i64], _: &str| df!("id" => ids, "secret" => ["late"], "size" => [1_i64]);
    table.select(["secret", "size"]).unwrap().frame(&[60_000], &later).unwrap();
    assert_eq!(table.forget(&[60_000]).unwrap(), 1);
    assert_eq!(std::fs::metadata(folder.path("public_users.parquet")).unwrap().modified().unwrap(), base);
    assert_eq!(holding(&folder, "late"), [] as [PathBuf; 0]);
}

#[test]
fn copies_in_damaged_unfinished_and_absent_files_go_with_the_rows() {
    let folder = Folder::new();
    let remembering = DynamicCache::builder()
        .folder(folder.path(""))
        .progress(Progress::Silent)
        .remember_absent(RememberAbsent::InFolder(Duration::from_secs(3_600)))
        .open()
        .unwrap();
    let table = remembering.table("public.users").unwrap();
    fetch(&table, 0..100);
    damage(&folder.path("public_users.parquet"));
    fetch(&table, 0..100);
    table.select(["secret"]).unwrap().frame_found(&[1, 4_711], &database).unwrap();
    std::fs::write(folder.path(".writing-public_users.parquet-0"), secret(1)).unwrap();
    let before = holding(&folder, &secret(1));
    assert!(before.len() >= 2, "{before:?}");
    assert!(folder.files().iter().any(|file| file.contains("damaged")), "{:?}", folder.files());
    assert_eq!(holding(&folder, "4711").len(), 1);

    // A new process removes what writers left unfinished.
    assert_eq!(folder.users().forget(&[1, 4_711]).unwrap(), 1);
    assert_eq!(holding(&folder, &secret(1)), [] as [PathBuf; 0]);
    assert_eq!(holding(&folder, "4711"), [] as [PathBuf; 0]);
    assert_eq!(ids_of(&fetch(&table, 0..3)), [0, 1, 2]);
}

#[test]
fn rows_of_the_predecessors_file_are_forgotten_with_it() {
    let folder = Folder::new();
    folder.write("my_schema_users.parquet", database(&[1, 2], "").unwrap());
    let table = folder.cache().table("my_schema.users").unwrap();
    assert_eq!(table.forget(&[3]).unwrap(), 0);
    let both = |table: &Table| ids_of(&table.select(["size"]).unwrap().frame_cached(&[1, 2]).unwrap().rows);
    assert_eq!(both(&table), [1, 2]);
    assert_eq!(table.forget(&[1]).unwrap(), 1);
    assert_eq!(holding(&folder, &secret(1)), [] as [PathBuf; 0]);
    assert_eq!(both(&folder.cache().table("my_schema.users").unwrap()), [2]);
}

#[test]
fn a_fetch_that_was_under_way_does_not_bring_back_what_it_read_before() {
    for is_cached in [false, true] {
        let folder = Folder::new();
        let (table, elsewhere) = (folder.users(), folder.users());
        if is_cached {
            fetch(&table, [1, 2]);
        }
        let calls = AtomicUsize::new(0);
        let racing = |ids: &[i64], _: &str| {
            let call = calls.fetch_add(1, Ordering::SeqCst);
            if call == 0 {
                elsewhere.forget(&[1]).unwrap();
            }
            df!("id" => ids, "secret" => vec![format!("read {call}"); ids.len()], "size" => ids)
        };
        let columns = table.select(["secret", "size"]).unwrap();
        let answer = columns.refresh().frame(&[1], &racing).unwrap();
        assert_eq!(answer.column("secret").unwrap().str().unwrap().get(0), Some("read 1"));
        assert_eq!(calls.load(Ordering::SeqCst), 2);
        assert_eq!(holding(&folder, "read 0"), [] as [PathBuf; 0]);
    }
}

#[test]
fn forgotten_columns_are_in_no_file_and_are_fetched_when_they_are_asked_for() {
    let folder = Folder::new();
    let table = with_segments(&folder);
    table.forget_columns(["secret", "never there"]).unwrap();
    for id in [3, 5, 7] {
        assert_eq!(holding(&folder, &secret(id)), [] as [PathBuf; 0]);
    }
    let columns: Vec<String> = folder.users().columns().unwrap().into_iter().map(|column| column.name).collect();
    assert_eq!(columns, ["id", "size"]);
    let sizes = table.select(["size"]).unwrap().frame_cached(&[3, 5, 7]).unwrap();
    assert_eq!(ids_of(&sizes.rows), [3, 5, 7]);
    assert_eq!(table.select(["secret"]).unwrap().look_up(&[3, 5]).unwrap().incomplete, [3, 5]);
    let again = fetch(&table, [3]);
    assert_eq!(again.column("secret").unwrap().str().unwrap().get(0), Some(secret(3).as_str()));
}

#[test]
fn a_forgotten_column_may_come_back_in_another_type() {
    let folder = Folder::new();
    let table = folder.users();
    fetch(&table, [1, 2]);
    let as_text = |ids: &[i64], _: &str| df!("id" => ids, "size" => vec!["large"; ids.len()]);
    table.select(["size"]).unwrap().frame(&[3], &as_text).unwrap_err();
    table.forget_columns(["size"]).unwrap();
    let sizes = table.select(["size"]).unwrap().frame(&[1, 3], &as_text).unwrap();
    assert_eq!(sizes, df!("id" => [1_i64, 3], "size" => ["large", "large"]).unwrap());
}

#[test]
fn the_id_column_cannot_be_forgotten() {
    let error = Folder::new().users().forget_columns(["id"]).unwrap_err();
    assert!(matches!(error, Error::ColumnName { .. }), "{error:?}");
}

#[test]
fn a_cleared_table_has_no_rows_and_no_columns() {
    let folder = Folder::new();
    let table = with_segments(&folder);
    table.clear().unwrap();
    assert_eq!(holding(&folder, &secret(5)), [] as [PathBuf; 0]);
    assert_eq!(segments(&folder), [] as [PathBuf; 0]);
    assert_eq!(folder.users().columns().unwrap().len(), 0);
    assert_eq!(ids_of(&fetch(&table, [3])), [3]);
}

#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "public.users")]
struct User {
    #[cached(id)]
    id: i64,
    secret: String,
}

#[test]
fn a_typed_cache_forgets_rows() {
    let folder = Folder::new();
    let cache = Cache::<User>::builder().folder(folder.path("")).progress(Progress::Silent).open().unwrap();
    let database = |ids: &[i64]| -> Result<Vec<User>, std::io::Error> {
        Ok(ids.iter().map(|id| User { id: *id, secret: secret(*id) }).collect())
    };
    cache.rows(&[1, 2], &database).unwrap();
    assert_eq!(cache.forget(&[2]).unwrap(), 1);
    assert_eq!(cache.all().rows_cached(&[1, 2]).unwrap().missing, [2]);
    cache.forget_columns(["secret"]).unwrap();
    assert_eq!(cache.all().rows_cached(&[1]).unwrap().missing, [1]);
    cache.clear().unwrap();
    assert_eq!(holding(&folder, &secret(1)), [] as [PathBuf; 0]);
}

#[tokio::test]
async fn an_async_program_forgets_rows_columns_and_tables() {
    let folder = Folder::new();
    let table = folder.users();
    let fetched = fetch(&table, 0..3);
    assert_eq!(fetched.height(), 3);
    assert_eq!(table.forget_async(&[1]).await.unwrap(), 1);
    table.forget_columns_async(["size"]).await.unwrap();
    assert_eq!(holding(&folder, &secret(1)), [] as [PathBuf; 0]);
    assert_eq!(table.columns().unwrap().len(), 2);
    table.clear_async().await.unwrap();
    assert_eq!(table.columns().unwrap().len(), 0);
    let cache = Cache::<User>::builder().folder(folder.path("")).progress(Progress::Silent).open().unwrap();
    assert_eq!(cache.forget_async(&[1]).await.unwrap(), 0);
    cache.forget_columns_async(["secret"]).await.unwrap();
    cache.clear_async().await.unwrap();
}

#[test]
fn a_foreign_file_that_is_never_written_anew_is_named() {
    let folder = Folder::new();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign/duck_interval.parquet");
    std::fs::copy(sample, folder.path("public_users.parquet")).unwrap();
    let table = folder.users();
    let ids = table.cached().unwrap().column("id").unwrap().cast(&DataType::Int64).unwrap();
    let ids: Vec<i64> = ids.i64().unwrap().iter().flatten().collect();
    let error = table.forget(&ids).unwrap_err();
    assert!(matches!(error, Error::UnreadableColumn { .. }), "{error:?}");
    table.clear().unwrap();
    assert_eq!(folder.users().columns().unwrap().len(), 0);
}
