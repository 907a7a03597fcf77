//! The tables on disk, created when a case first needs them and kept for later runs.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::measure::{Pace, Result};
use crate::{baselines, ours, people};

/// Increase this number when the generated rows, or their storage, change.
const EDITION: u32 = 3;

pub(crate) struct Ground {
    folder: PathBuf,
    rows: u64,
    pub(crate) pace: Pace,
}

impl Ground {
    /// The tables are in `target/bench-data`, beside the directory of the build profile of this program.
    pub(crate) fn new(rows: u64, quick: bool) -> Result<Self> {
        let program = std::env::current_exe()?;
        let target = program.ancestors().nth(3).ok_or("this program is not in a target directory")?;
        let folder = target.join("bench-data").join(format!("edition-{EDITION}"));
        std::fs::create_dir_all(&folder)?;
        Ok(Self { folder, rows, pace: if quick { Pace::QUICK } else { Pace::FULL } })
    }

    /// The largest table: 10 million users by default.
    pub(crate) fn large(&self) -> Users {
        self.users(self.rows)
    }

    /// A million users, or all users of the largest table if it is smaller.
    pub(crate) fn million(&self) -> Users {
        self.users(self.rows.min(1_000_000))
    }

    /// Three tables, each ten times as large as the previous one.
    pub(crate) fn growing(&self) -> [Users; 3] {
        [self.rows / 100, self.rows / 10, self.rows].map(|rows| self.users(rows))
    }

    fn users(&self, rows: u64) -> Users {
        Users { folder: self.folder.join(format!("users-{rows}")), rows }
    }

    /// The records of the typed cases.
    pub(crate) fn people(&self) -> People {
        let rows = self.rows.min(1_000_000);
        People { folder: self.folder.join(format!("people-{rows}")), rows }
    }

    /// A directory for files that are not tables.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// An empty directory on the disk of the tables.
    pub(crate) fn scratch(&self) -> Result<tempfile::TempDir> {
        Ok(tempfile::Builder::new().prefix("scratch-").tempdir_in(&self.folder)?)
    }
}

/// A table of users, in the format of each contender.
pub(crate) struct Users {
    folder: PathBuf,
    pub(crate) rows: u64,
}

impl Users {
    pub(crate) fn cache(&self) -> Result<PathBuf> {
        self.made("cache", |path| ours::fill(path, self.rows))
    }

    pub(crate) fn sqlite(&self) -> Result<PathBuf> {
        self.made("users.sqlite", |path| baselines::sqlite::fill(path, self.rows))
    }

    pub(crate) fn parquet(&self) -> Result<PathBuf> {
        self.made("users.parquet", |path| baselines::naive_polars::fill(path, self.rows))
    }

    #[cfg(feature = "all-peers")]
    pub(crate) fn redb(&self) -> Result<PathBuf> {
        self.made("users.redb", |path| baselines::redb::fill(path, self.rows))
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

/// Creates a file or directory under a temporary name first. One that exists is therefore complete.
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

/// Reads a file, or all files of a directory, into the page cache of the system.
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
