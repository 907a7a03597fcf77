//! The tables on disk: made when a case first wants them, kept for later runs.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::measure::{Pace, Result};
use crate::{ours, people, rivals};

/// Goes up when what is generated, or how it is stored, changes.
const EDITION: u32 = 3;

pub(crate) struct Ground {
    folder: PathBuf,
    rows: u64,
    pub(crate) pace: Pace,
}

impl Ground {
    /// The tables live in `target/bench-data`, beside the profile's folder that this program was built into.
    pub(crate) fn new(rows: u64, quick: bool) -> Result<Self> {
        let program = std::env::current_exe()?;
        let target = program.ancestors().nth(3).ok_or("this program is not in a target folder")?;
        let folder = target.join("bench-data").join(format!("edition-{EDITION}"));
        std::fs::create_dir_all(&folder)?;
        Ok(Self { folder, rows, pace: if quick { Pace::QUICK } else { Pace::FULL } })
    }

    /// The largest table: 10 million users unless asked otherwise.
    pub(crate) fn large(&self) -> Users {
        self.users(self.rows)
    }

    /// A million users, or as many as the largest table has.
    pub(crate) fn million(&self) -> Users {
        self.users(self.rows.min(1_000_000))
    }

    /// Three tables, each ten times as large as the one before.
    pub(crate) fn growing(&self) -> [Users; 3] {
        [self.rows / 100, self.rows / 10, self.rows].map(|rows| self.users(rows))
    }

    fn users(&self, rows: u64) -> Users {
        Users { folder: self.folder.join(format!("users-{rows}")), rows }
    }

    /// The people of the typed cases.
    pub(crate) fn people(&self) -> People {
        let rows = self.rows.min(1_000_000);
        People { folder: self.folder.join(format!("people-{rows}")), rows }
    }

    /// Where something is kept that is no table.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// An empty folder on the same disk as the tables.
    pub(crate) fn scratch(&self) -> Result<tempfile::TempDir> {
        Ok(tempfile::Builder::new().prefix("scratch-").tempdir_in(&self.folder)?)
    }
}

/// A table of users, as each contender keeps it.
pub(crate) struct Users {
    folder: PathBuf,
    pub(crate) rows: u64,
}

impl Users {
    pub(crate) fn cache(&self) -> Result<PathBuf> {
        self.made("cache", |path| ours::fill(path, self.rows))
    }

    pub(crate) fn sqlite(&self) -> Result<PathBuf> {
        self.made("users.sqlite", |path| rivals::sqlite::fill(path, self.rows))
    }

    pub(crate) fn parquet(&self) -> Result<PathBuf> {
        self.made("users.parquet", |path| rivals::naive_polars::fill(path, self.rows))
    }

    #[cfg(feature = "all-peers")]
    pub(crate) fn redb(&self) -> Result<PathBuf> {
        self.made("users.redb", |path| rivals::redb::fill(path, self.rows))
    }

    fn made(&self, name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        made(&self.folder, name, make)
    }
}

/// The records of the typed cases: in a cache with nested columns, and with the documents as text in a plain file.
pub(crate) struct People {
    folder: PathBuf,
    pub(crate) rows: u64,
}

impl People {
    pub(crate) fn cache(&self) -> Result<PathBuf> {
        made(&self.folder, "cache", |path| people::fill_cache(path, self.rows))
    }

    pub(crate) fn parquet(&self) -> Result<PathBuf> {
        made(&self.folder, "people.parquet", |path| people::fill_parquet(path, self.rows))
    }
}

/// Makes a file or folder under another name first, so that one that exists is complete.
fn made(folder: &Path, name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let path = folder.join(name);
    if path.exists() {
        read_through(&path)?;
        return Ok(path);
    }
    eprintln!("  making {}", path.display());
    let unfinished = tempfile::Builder::new().prefix("unfinished-").tempdir_in(created(folder)?)?;
    let inner = unfinished.path().join(name);
    make(&inner)?;
    std::fs::rename(inner, &path)?;
    Ok(path)
}

/// Reads a file, or all files of a folder, so that the system has them in its page cache.
fn read_through(path: &Path) -> Result<()> {
    if path.is_dir() {
        return std::fs::read_dir(path)?.try_for_each(|entry| read_through(&entry?.path()));
    }
    let mut bytes = vec![0; 1 << 20];
    let mut file = File::open(path)?;
    while file.read(&mut bytes)? > 0 {}
    Ok(())
}

fn created(folder: &Path) -> Result<&Path> {
    std::fs::create_dir_all(folder)?;
    Ok(folder)
}
