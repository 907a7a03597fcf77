//! What fuzzing feeds with arbitrary bytes: by `cargo fuzz`, and by a test that replays and mutates stored inputs.
//!
//! Each function panics where something is wrong.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use dbcache::column::ColumnRef;
use dbcache::faults::{Faults, SPLIT_EARLY};
use dbcache::json_path::Strictness;
use dbcache::polars::prelude::{Column, DataFrame, PolarsError};
use dbcache::{DynamicCache, Error, Found, Progress, RememberAbsent};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::Database;
use crate::versioned::{FILE, TABLE, Versions, all, open, put, row_of, versions};

/// A function that is fed.
pub type Target = fn(&[u8]);

/// All functions, by their names.
pub const TARGETS: [(&str, Target); 4] =
    [("files", files), ("names", names), ("json", json), ("operations", operations)];

fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    folder.expect("a folder")
}

/// Bytes in the place of one of a table's files: whatever they are, requests are answered or refused, and rows that are
/// answered are right.
pub fn files(bytes: &[u8]) {
    as_only_file(bytes);
    let sound = SOUND.get_or_init(Sound::new);
    sound.files.keys().for_each(|file| sound.with(file, bytes));
}

/// A file that may be another program's, so that its rows are what they are.
fn as_only_file(bytes: &[u8]) {
    let folder = folder();
    std::fs::write(folder.path().join(FILE), bytes).expect("a file");
    let table = open(folder.path());
    let cached = table.cached();
    let database = Database::with_rows((0..3).map(|id| Value::Object(row_of(id, 1))));
    let rows = table.select(["version", "text"]).expect("columns").frame(&[0, 1, 2], &database);
    match (cached, rows) {
        (Err(Error::ForeignTable { .. } | Error::Io { .. }), _) => {}
        // Another program's columns may be of other types.
        (Ok(_), Ok(rows)) => assert_eq!(rows.height(), 3),
        // A column that cannot be read stays in the file, and requests for it are refused.
        (Ok(_), Err(Error::FetchFailed { .. } | Error::TypeConflict { .. } | Error::UnreadableColumn { .. })) => {}
        (cached, rows) => panic!("{cached:?}, {rows:?}"),
    }
}

static SOUND: OnceLock<Sound> = OnceLock::new();

/// A table of a base and segments, and what remembers absent ids.
struct Sound {
    files: BTreeMap<PathBuf, Vec<u8>>,
    rows: Versions,
}

impl Sound {
    fn new() -> Self {
        let around = folder();
        let folder = around.path().join(SPLIT_EARLY);
        for version in 1..=3 {
            put(&open(&folder), &[0, version], version).expect("a commit");
        }
        let absent = find(&folder, &[9], &Database::default()).expect("an answer");
        assert_eq!(absent.missing, [9]);
        let mut files = BTreeMap::new();
        for file in
            std::fs::read_dir(&folder).expect("a folder").chain(std::fs::read_dir(segments(&folder)).expect("one"))
        {
            let path = file.expect("an entry").path();
            if path.is_file() {
                let name = path.strip_prefix(&folder).expect("a path in it").to_owned();
                files.insert(name, std::fs::read(path).expect("a file"));
            }
        }
        assert_eq!(files.len(), 5, "a base, two segments, the lock and the absent ids: {:?}", files.keys());
        Self { files, rows: Versions::from([(0, 3), (1, 1), (2, 2), (3, 3)]) }
    }

    /// Asks for everything where one of the files holds these bytes.
    fn with(&self, changed: &Path, bytes: &[u8]) {
        let around = folder();
        let folder = around.path().join(SPLIT_EARLY);
        std::fs::create_dir_all(segments(&folder)).expect("a folder");
        for (file, sound) in &self.files {
            std::fs::write(folder.join(file), if file == changed { bytes } else { sound }).expect("a file");
        }
        let ids: Vec<i64> = self.rows.keys().copied().collect();
        let database = Database::with_rows(self.rows.iter().map(|(id, version)| Value::Object(row_of(*id, *version))));
        if changed == Path::new(FILE) {
            // Another program may have written it, with what rows it likes; those of the segments stay as they are.
            match find(&folder, &ids, &database) {
                Ok(found) => assert_eq!(found.rows.height(), ids.len()),
                Err(
                    Error::ForeignTable { .. }
                    | Error::FetchFailed { .. }
                    | Error::TypeConflict { .. }
                    | Error::UnreadableColumn { .. },
                ) => {}
                Err(cause) => panic!("{cause:?}"),
            }
            return;
        }
        for (id, version) in all(&open(&folder)).expect("what is left") {
            assert_eq!(self.rows.get(&id), Some(&version), "row {id}");
        }
        let found = find(&folder, &ids, &database).expect("the rows");
        assert_eq!(versions(&found.rows), self.rows);
    }
}

fn segments(folder: &Path) -> PathBuf {
    folder.join(FILE).with_extension("segments")
}

/// Asks for rows, and keeps absent ids in a file.
fn find(folder: &Path, ids: &[i64], database: &Database) -> Result<Found<DataFrame, i64>, Error> {
    let remember = RememberAbsent::InFolder(Duration::from_secs(1 << 40));
    let builder = DynamicCache::builder().folder(folder).progress(Progress::Silent).remember_absent(remember);
    let table = builder.open().expect("a cache").table(TABLE).expect("a valid name");
    table.select(["version", "text"]).expect("columns").frame_found(ids, database)
}

/// Names of tables and columns: refused, or stored inside the folder and found again.
pub fn names(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(column) = text.parse::<ColumnRef>() {
        assert_eq!(column.to_string().parse::<ColumnRef>().expect("what is shown reads back"), column);
    }
    let around = folder();
    let folder = around.path().join("cache");
    let cache = DynamicCache::builder().folder(&folder).progress(Progress::Silent).open().expect("a cache");
    let tables: Vec<_> = text.split('\n').take(3).filter_map(|name| cache.table(name).ok()).collect();
    let names: std::collections::BTreeSet<_> = tables.iter().map(|table| table.name().as_str()).collect();
    for table in &tables {
        let name = table.name().as_str();
        let database = Database::with_rows([json!({ "id": 1, "name": name })]);
        let rows = table.select(["name"]).expect("a column").frame(&[1], &database).expect("the row");
        assert_eq!(rows.column("name").expect("the column").str().expect("text").get(0), Some(name));
    }
    let mut files = std::collections::BTreeSet::new();
    for entry in std::fs::read_dir(&folder).into_iter().flatten() {
        let file = entry.expect("an entry").file_name().into_string().expect("plain text");
        assert!(file.is_ascii() && file.len() <= 255 && !file.contains(['/', '\\', ':']), "{file}");
        if file.ends_with(".parquet") {
            assert!(files.insert(file.to_lowercase()));
        }
    }
    assert_eq!(files.len(), names.len());
    assert!(std::fs::read_dir(around.path()).expect("a folder").count() <= 1);
}

/// A path and a document, on two lines: a value, a null or an error, the same whether errors are asked for or not.
pub fn json(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (path, document) = text.split_once('\n').unwrap_or(("a", text));
    let fetcher = |_: &[i64], _: &str| -> Result<DataFrame, PolarsError> {
        let documents = [Some(document), None, Some(r#"{"a":1}"#)];
        DataFrame::new(3, vec![Column::new("id".into(), [0_i64, 1, 2]), Column::new("doc".into(), documents)])
    };
    let folder = folder();
    let ask = |strictness: Strictness| {
        let cache = DynamicCache::builder().folder(folder.path()).progress(Progress::Silent).json(strictness);
        let table = cache.open().expect("a cache").table("a.b").expect("a name");
        Some(table.select([format!("doc.{path}")]).ok()?.frame(&[0, 1, 2], &fetcher))
    };
    let Some(lenient) = ask(Strictness::Lenient) else { return };
    let lenient = lenient.expect("lenient extraction never fails");
    match ask(Strictness::Strict).expect("the same column") {
        Ok(strict) => assert!(strict.equals_missing(&lenient)),
        Err(Error::Value { .. }) => {}
        Err(other) => panic!("{other:?}"),
    }
}

/// Commits, faults, damage and looks, as the bytes say: never a row that is older than one that was acknowledged or
/// seen, nor one that was never sent.
pub fn operations(bytes: &[u8]) {
    let folder = folder();
    // As tables of one file, or of a base and segments.
    let cache = folder.path().join(if bytes.len().is_multiple_of(2) { "cache" } else { SPLIT_EARLY });
    let faults = Faults::watch(folder.path());
    let mut table = open(&cache);
    let mut known = Known::default();
    for step in bytes.chunks_exact(4).take(64) {
        let [what, first, second, third] = [step[0], step[1], step[2], step[3]];
        match what % 8 {
            0..=2 => {
                let ids: Vec<i64> =
                    (0..=i64::from(second % 8)).map(|place| (place * 7 + i64::from(first)) % 32).collect();
                known.put(&ids, |version| put(&table, &ids, version).is_ok());
            }
            3 => {
                let at = faults.count() + usize::from(first % 24);
                let error = [5, 28, 4][usize::from(second) % 3];
                faults.fail(at..at + if third.is_multiple_of(2) { 1 } else { 500 }, error);
            }
            4 => faults.mend(),
            5 => table = open(&cache),
            6 => known.may_lack |= damage(&cache, step),
            _ => {
                if let Ok(found) = all(&table) {
                    known.check(&found);
                }
            }
        }
    }
    faults.mend();
    known.check(&all(&open(&cache)).expect("the rows"));
}

/// Changes a byte of one of the files; whether there was one.
fn damage(folder: &Path, step: &[u8]) -> bool {
    let mut files = parquet_files(folder);
    files.extend(parquet_files(&segments(folder)));
    files.sort();
    let [_, which, place, bit] = *step else { return false };
    let Some(file) = files.get(usize::from(which) % files.len().max(1)) else { return false };
    let mut contents = std::fs::read(file).expect("a file");
    let place = (usize::from(place) * 257 + usize::from(bit) * 31) % contents.len().max(1);
    let Some(byte) = contents.get_mut(place) else { return false };
    *byte ^= 1 << (bit % 8);
    std::fs::write(file, contents).is_ok()
}

fn parquet_files(folder: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    paths.filter(|path| path.extension().is_some_and(|kind| kind == "parquet")).collect()
}

/// What is known of the rows that ought to be there.
#[derive(Debug, Default)]
struct Known {
    version: i64,
    /// No row may be older than this.
    least: Versions,
    /// No row may be newer than this.
    most: Versions,
    /// Whether rows may be missing, since a file was damaged.
    may_lack: bool,
}

impl Known {
    fn put(&mut self, ids: &[i64], put: impl FnOnce(i64) -> bool) {
        self.version += 1;
        self.most.extend(ids.iter().map(|id| (*id, self.version)));
        if put(self.version) {
            self.least.extend(ids.iter().map(|id| (*id, self.version)));
        }
    }

    fn check(&mut self, found: &Versions) {
        for (id, version) in found {
            assert!(self.most.get(id).is_some_and(|most| version <= most), "row {id} was never sent as {version}");
            let least = self.least.entry(*id).or_insert(*version);
            assert!(version >= least, "row {id} of version {version} is older than {least}");
            *least = *version;
        }
        assert!(
            self.may_lack || self.least.keys().all(|id| found.contains_key(id)),
            "{found:?} lacks rows of {self:?}"
        );
    }
}
