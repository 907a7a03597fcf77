//! A table whose rows tell their version, so that a row that is lost, stale or garbled shows.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use dbcache::polars::prelude::DataFrame;
use dbcache::{DynamicCache, Progress, Result, Table};
use serde_json::json;

use crate::{Row, row};

/// The version of each row, by id.
pub type Versions = BTreeMap<i64, i64>;

/// The table's name.
pub const TABLE: &str = "test.versions";
/// The table's file.
pub const FILE: &str = "test_versions.parquet";

/// The table in a newly opened cache, as a new process would see it.
///
/// # Panics
///
/// When the cache does not open.
pub fn open(folder: &Path) -> Table {
    let cache = DynamicCache::builder().folder(folder).progress(Progress::Silent).open().expect("a cache");
    cache.table(TABLE).expect("a valid name")
}

/// Fetches these rows in this version, cached or not.
pub fn put(table: &Table, ids: &[i64], version: i64) -> Result<DataFrame> {
    let fetcher = |ids: &[i64], _: &str| -> Result<Vec<Row>, io::Error> {
        Ok(ids.iter().map(|id| row_of(*id, version)).collect())
    };
    table.select(["version", "text"])?.refresh().frame(ids, &fetcher)
}

/// Every row that is cached.
pub fn all(table: &Table) -> Result<Versions> {
    table.cached().map(|rows| versions(&rows))
}

/// What is cached of these rows.
pub fn some(table: &Table, ids: &[i64]) -> Result<Versions> {
    table.select(["version", "text"])?.frame_cached(ids).map(|found| versions(&found.rows))
}

/// The versions that an answer tells.
///
/// # Panics
///
/// When a row is not as it was fetched in any version, or a column is not there.
pub fn versions(rows: &DataFrame) -> Versions {
    if rows.height() == 0 {
        return Versions::new();
    }
    let column = |name: &str| rows.column(name).expect("the column is there");
    let ids = column("id").i64().expect("integers").iter();
    let numbers = column("version").i64().expect("integers").iter();
    let texts = column("text").str().expect("text").iter();
    let checked = |((id, version), found): ((Option<i64>, Option<i64>), Option<&str>)| {
        let (id, version) = (id.expect("an id"), version.expect("a version"));
        assert_eq!(found, Some(text(id, version).as_str()), "row {id} of version {version} is garbled");
        (id, version)
    };
    ids.zip(numbers).zip(texts).map(checked).collect()
}

/// A row in a version.
pub fn row_of(id: i64, version: i64) -> Row {
    row(json!({ "id": id, "version": version, "text": text(id, version) }))
}

fn text(id: i64, version: i64) -> String {
    format!("row {id} of version {version} ").repeat(usize::try_from(id.rem_euclid(5)).unwrap_or(0) + 1)
}

/// The rows that a process commits in a version: mostly a few, at times many.
pub fn ids_of(version: i64) -> Vec<i64> {
    let mut random = Random::new(version.unsigned_abs());
    let count = if random.below(8) == 0 { 60 } else { 1 + random.below(5) };
    (0..count).map(|_| i64::try_from(random.below(200)).expect("small")).collect()
}

/// How many processes write rows of their own.
pub const OWNERS: i64 = 4;

/// The rows that only this process writes, all of them in one commit.
pub fn owned(owner: i64) -> Vec<i64> {
    (0..8).map(|place| place * OWNERS + owner).collect()
}

/// A file beside the cache on which processes note what was acknowledged.
#[derive(Debug)]
pub struct Board(File);

impl Board {
    /// Opens the board, or puts one up.
    ///
    /// # Panics
    ///
    /// When the file cannot be opened.
    pub fn open(path: impl AsRef<Path>) -> Self {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path);
        Self(file.expect("a file"))
    }

    /// The last version that was acknowledged to this process.
    ///
    /// # Panics
    ///
    /// When the file cannot be read.
    pub fn acknowledged(&self, owner: i64) -> i64 {
        let mut bytes = [0; 8];
        match self.0.read_exact_at(&mut bytes, owner.unsigned_abs() * 8) {
            Err(cause) if cause.kind() != io::ErrorKind::UnexpectedEof => panic!("{cause}"),
            _ => i64::from_le_bytes(bytes),
        }
    }

    /// Notes a version.
    ///
    /// # Panics
    ///
    /// When the file cannot be written.
    pub fn acknowledge(&self, owner: i64, version: i64) {
        self.0.write_all_at(&version.to_le_bytes(), owner.unsigned_abs() * 8).expect("a file");
    }
}

/// A file beside the cache on which racing processes draw versions, and note what they were answered.
#[derive(Debug)]
pub struct Race(File);

/// How many processes race.
pub const RACERS: i64 = 4;

impl Race {
    /// Opens the board, or puts one up.
    ///
    /// # Panics
    ///
    /// When the file cannot be opened.
    pub fn open(path: impl AsRef<Path>) -> Self {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path);
        Self(file.expect("a file"))
    }

    /// The version that was drawn last; 0 before the first.
    pub fn last_version(&self) -> i64 {
        self.read(0)
    }

    /// A version that is higher than all that any process has drawn before.
    ///
    /// # Panics
    ///
    /// When the file cannot be locked or written.
    pub fn next_version(&self) -> i64 {
        self.0.lock().expect("a lock");
        let version = self.read(0) + 1;
        self.write(0, version);
        self.0.unlock().expect("an unlock");
        version
    }

    /// The newest version of a row that any process was answered; 0 where none was.
    pub fn answered(&self, id: i64) -> i64 {
        (0..RACERS).map(|racer| self.read(slot(racer, id))).fold(0, i64::max)
    }

    /// Notes what one process was answered.
    pub fn answer(&self, racer: i64, id: i64, version: i64) {
        let slot = slot(racer, id);
        self.write(slot, version.max(self.read(slot)));
    }

    fn read(&self, slot: u64) -> i64 {
        let mut bytes = [0; 8];
        match self.0.read_exact_at(&mut bytes, slot * 8) {
            Err(cause) if cause.kind() != io::ErrorKind::UnexpectedEof => panic!("{cause}"),
            _ => i64::from_le_bytes(bytes),
        }
    }

    fn write(&self, slot: u64, value: i64) {
        self.0.write_all_at(&value.to_le_bytes(), slot * 8).expect("a file");
    }
}

/// Each process notes in slots of its own.
fn slot(racer: i64, id: i64) -> u64 {
    1 + id.unsigned_abs() * RACERS.unsigned_abs() + racer.unsigned_abs()
}

/// Numbers that are random enough for tests, the same for the same seed.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Starts from a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number of 64 bits.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below a limit that is not 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.number() % limit
    }

    /// A place in something of this length, which is not 0.
    ///
    /// # Panics
    ///
    /// Never: a place in memory fits.
    pub fn place(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).expect("a place in memory")
    }
}
