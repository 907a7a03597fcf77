//! The cache folder: tables of rows, durable and shared between threads and processes.
//!
//! This file is the whole interface: open a folder, take a table, look at its [`Snapshot`], commit rows to it.

mod file;
mod listing;
mod memory;
mod place;
mod read;
mod rows;
mod table;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::memory::Memory;
use self::table::{Siblings, Tables};
use crate::locked::locked;
use crate::name::TableName;

pub use self::file::UnreadableColumn;
pub(crate) use self::file::is_column_name;
pub(crate) use self::listing::{Listed, Owner};
#[cfg(feature = "__fault-injection")]
pub use self::place::disk::faults;
pub(crate) use self::place::disk::identity;
#[cfg(feature = "lazy")]
pub(crate) use self::read::Parts;
pub(crate) use self::read::{LookUp, Reading, Snapshot, StoredColumn};
pub(crate) use self::rows::keys::{entries, has_keys, innermost, shown_path};
pub(crate) use self::rows::merge::{extended, merge_all};
pub(crate) use self::rows::{ColumnSet, Need, Presence, Replace, Rows};
pub(crate) use self::table::{AbsentIds, Asked, Attempts, Table, Update, Updated, settle};

/// A cache folder.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    memory: Arc<Memory>,
    tables: Arc<Tables>,
}

impl Store {
    /// Names a folder, which is created with the first row that is stored, and how many bytes of decoded columns to
    /// keep in memory.
    pub(crate) fn new(folder: PathBuf, memory: usize) -> Self {
        Self { folder, memory: Arc::new(Memory::new(memory)), tables: Arc::default() }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// How many bytes of decoded columns are in memory.
    pub(crate) fn memory(&self) -> usize {
        self.memory.size()
    }

    /// A table of the folder, whether it has rows yet or not.
    pub(crate) fn table(&self, name: &TableName, id_column: &str) -> Arc<Table> {
        let mut tables = locked(&self.tables);
        let table = tables.entry((name.clone(), id_column.to_owned())).or_insert_with(|| {
            let siblings = Siblings::of(&self.tables);
            Arc::new(Table::new(&self.folder, name, id_column, &self.memory, siblings))
        });
        Arc::clone(table)
    }
}
