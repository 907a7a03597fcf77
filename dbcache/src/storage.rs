//! The cache folder: tables of rows, durable and shared between threads and processes.
//!
//! This file is the whole interface: open a folder, take a table, look at its [`Snapshot`], commit rows to it.

mod disk;
mod file_name;
mod keys;
mod merge;
mod parquet_file;
mod presence;
mod snapshot;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::disk::Stamp;
use self::parquet_file::Content;
use crate::error::{Error, Result};
use crate::name::TableName;

#[cfg(feature = "fault-injection")]
pub use self::disk::faults;
pub(crate) use self::disk::identity;
pub(crate) use self::keys::{Need, entries, has_keys, innermost, shown_path};
pub(crate) use self::merge::{Replace, merge};
pub(crate) use self::parquet_file::RESERVED_PREFIX;
pub(crate) use self::presence::{ColumnSet, Presence};
pub(crate) use self::snapshot::{LookUp, Reading, Snapshot, StoredColumn};

/// A cache folder.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    tables: Mutex<HashMap<(TableName, String), Arc<Table>>>,
}

impl Store {
    /// Names a folder; it is created with the first row that is stored.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, tables: Mutex::default() }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A table of the folder, whether it has rows yet or not.
    pub(crate) fn table(&self, name: &TableName, id_column: &str) -> Arc<Table> {
        let mut tables = locked(&self.tables);
        let table = tables
            .entry((name.clone(), id_column.to_owned()))
            .or_insert_with(|| Arc::new(Table::new(&self.folder, name, id_column)));
        Arc::clone(table)
    }
}

/// One table of a folder: a Parquet file, and its rows as this process last saw them.
#[derive(Debug)]
pub(crate) struct Table {
    name: TableName,
    id_column: String,
    path: PathBuf,
    /// The file of that table which the Python predecessor would have written, if it has another name.
    predecessor: Option<PathBuf>,
    loaded: Mutex<Loaded>,
}

/// The rows of a file in one state; without a stamp, of a file that does not exist.
#[derive(Clone, Debug)]
struct Loaded {
    stamp: Option<Stamp>,
    rows: Arc<Snapshot>,
}

impl Table {
    fn new(folder: &Path, name: &TableName, id_column: &str) -> Self {
        Self {
            path: folder.join(file_name::parquet(name)),
            predecessor: file_name::predecessor(name).map(|file| folder.join(file)),
            name: name.clone(),
            id_column: id_column.to_owned(),
            loaded: Mutex::new(Loaded { stamp: None, rows: Arc::new(Snapshot::empty()) }),
        }
    }

    pub(crate) fn name(&self) -> &TableName {
        &self.name
    }

    pub(crate) fn id_column(&self) -> &str {
        &self.id_column
    }

    /// The rows as they are now, whoever stored them.
    ///
    /// Waits for no writer: a file is replaced in one step, so what is there is always whole.
    pub(crate) fn snapshot(&self) -> Result<Arc<Snapshot>> {
        if let Some(rows) = self.unchanged(disk::stamp(self.source()?)?) {
            return Ok(rows);
        }
        match self.read(Depth::Ids)? {
            Read::Rows(loaded) => Ok(self.remember(loaded)),
            Read::Damaged(_) => {
                // Only a writer moves files, so that two readers don't set aside each other's replacement.
                let lock = self.lock()?;
                let rows = self.read_or_set_aside(Depth::Ids, &lock)?;
                Ok(self.remember(rows))
            }
        }
    }

    /// Stores rows, durably: when this returns, they survive any crash.
    ///
    /// # Errors
    ///
    /// [`Error::TypeConflict`] or an I/O error; the table is then as it was.
    pub(crate) fn commit(&self, fetched: &Snapshot, replace: Replace) -> Result<Arc<Snapshot>> {
        let lock = self.lock()?;
        let stored = match self.unchanged(disk::stamp(self.source()?)?) {
            Some(rows) => rows,
            None => self.read_or_set_aside(Depth::Ids, &lock)?.rows,
        };
        let merged = match merge(&self.name, &stored, fetched, replace) {
            Err(Error::Damaged { .. }) => {
                let sound = self.read_or_set_aside(Depth::EveryByte, &lock)?.rows;
                merge(&self.name, &sound, fetched, replace)?
            }
            merged => merged?,
        };
        let bytes = parquet_file::encode(&merged, &self.name, &self.id_column)?;
        let stamp = disk::replace(&self.path, &bytes)?;
        tracing::debug!(table = %self.name, rows = fetched.ids().len(), bytes = bytes.len(), "committed");
        Ok(self.remember(Loaded { stamp: Some(stamp), rows: Arc::new(merged) }))
    }

    /// The file that holds the rows now.
    fn source(&self) -> Result<&Path> {
        match &self.predecessor {
            Some(predecessor) if disk::stamp(&self.path)?.is_none() => Ok(predecessor),
            _ => Ok(&self.path),
        }
    }

    fn read(&self, depth: Depth) -> Result<Read> {
        let path = self.source()?;
        let Some((stamp, file)) = disk::open(path)? else {
            return Ok(Read::Rows(Loaded { stamp: None, rows: Arc::new(Snapshot::empty()) }));
        };
        let content = parquet_file::open(file, &self.name, &self.id_column)?;
        if depth == Depth::EveryByte && !parquet_file::is_sound(&content)? {
            return Ok(Read::Damaged("the checksum of a block is wrong".to_owned()));
        }
        match content {
            Content::Rows(rows) => Ok(Read::Rows(Loaded { stamp: Some(stamp), rows: Arc::new(rows) })),
            Content::Damaged(reason) => Ok(Read::Damaged(reason)),
            // The predecessor's name for this table is our name for another one.
            Content::AnotherTable(_) if path != self.path => {
                Ok(Read::Rows(Loaded { stamp: Some(stamp), rows: Arc::new(Snapshot::empty()) }))
            }
            Content::AnotherTable(reason) | Content::NoTable(reason) => {
                Err(Error::ForeignTable { table: self.name.to_string(), path: path.to_owned(), reason })
            }
        }
    }

    /// Sets the table's file aside if a byte of it is damaged. Called when reading a column showed damage.
    pub(crate) fn set_aside_damaged(&self) -> Result<()> {
        let lock = self.lock()?;
        let loaded = self.read_or_set_aside(Depth::EveryByte, &lock)?;
        self.remember(loaded);
        Ok(())
    }

    /// Reads the rows; a damaged file is kept under another name, and its rows count as never fetched.
    fn read_or_set_aside(&self, depth: Depth, _: &WriteLock) -> Result<Loaded> {
        loop {
            let reason = match self.read(depth)? {
                Read::Rows(loaded) => return Ok(loaded),
                Read::Damaged(reason) => reason,
            };
            let path = self.source()?;
            let kept = disk::set_aside(path, (1..).map(|n| path.with_extension(format!("parquet.damaged-{n}"))))?;
            tracing::warn!(
                table = %self.name, file = %path.display(), kept_as = %kept.display(), reason,
                "a damaged file was set aside; its rows will be fetched again"
            );
        }
    }

    /// Makes this the table's only writer, in all processes, until the lock is dropped.
    fn lock(&self) -> Result<WriteLock> {
        if let Some(folder) = self.path.parent() {
            disk::create_folder(folder)?;
        }
        let lock = disk::lock(&self.path.with_extension("lock"))?;
        disk::remove_leftovers(&self.path)?;
        Ok(WriteLock { _file: lock })
    }

    fn unchanged(&self, stamp: Option<Stamp>) -> Option<Arc<Snapshot>> {
        let loaded = locked(&self.loaded);
        (loaded.stamp == stamp).then(|| Arc::clone(&loaded.rows))
    }

    fn remember(&self, loaded: Loaded) -> Arc<Snapshot> {
        let rows = Arc::clone(&loaded.rows);
        *locked(&self.loaded) = loaded;
        rows
    }
}

/// How much of a file is verified when it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    /// The ids and what describes the rest; columns are verified when they are decoded.
    Ids,
    EveryByte,
}

enum Read {
    Rows(Loaded),
    Damaged(String),
}

/// Held while a table's file is replaced.
#[derive(Debug)]
struct WriteLock {
    _file: std::fs::File,
}

/// A panic while a lock was held cannot leave what these locks guard half-changed.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
