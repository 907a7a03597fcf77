//! The cache folder: tables of rows, durable and shared between threads and processes.
//!
//! This file is the whole interface: open a folder, take a table, look at its [`Snapshot`], commit rows to it.

mod absent;
mod attempts;
mod chain;
mod commit;
mod compaction;
mod disk;
mod file_name;
mod fitting;
mod foreign;
mod in_order;
mod keys;
mod listing;
mod located;
mod memory;
mod merge;
mod parquet_file;
mod presence;
mod publish;
mod repair;
mod retyped;
mod rows;
mod segment;
mod snapshot;
mod table;
mod update;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use self::memory::Memory;
use crate::name::TableName;

pub(crate) use self::absent::AbsentIds;
pub(crate) use self::attempts::Attempts;
#[cfg(feature = "fault-injection")]
pub use self::disk::faults;
pub(crate) use self::disk::identity;
pub(crate) use self::keys::{Need, entries, has_keys, innermost, shown_path};
pub(crate) use self::listing::{Listed, Owner};
pub(crate) use self::merge::{Replace, extended, merge_all};
pub(crate) use self::parquet_file::is_column_name;
pub(crate) use self::presence::{ColumnSet, Presence};
pub(crate) use self::rows::Rows;
#[cfg(feature = "lazy")]
pub(crate) use self::snapshot::Parts;
pub(crate) use self::snapshot::{LookUp, Reading, Snapshot, StoredColumn};
pub(crate) use self::table::Table;
pub(crate) use self::update::{Asked, Update, Updated};

/// A cache folder.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    memory: Arc<Memory>,
    tables: Arc<Tables>,
}

type Tables = Mutex<HashMap<(TableName, String), Arc<Table>>>;

/// All tables of a folder that this process has open, as each of them knows them.
#[derive(Debug)]
struct Siblings(Weak<Tables>);

impl Siblings {
    /// Closes the files of all that are not at work.
    fn let_go(&self) {
        let Some(tables) = self.0.upgrade() else { return };
        locked(&tables).values().for_each(|table| table.let_go());
    }
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
            let siblings = Siblings(Arc::downgrade(&self.tables));
            Arc::new(Table::new(&self.folder, name, id_column, &self.memory, siblings))
        });
        Arc::clone(table)
    }
}

/// A panic while a lock was held cannot leave what these locks guard half-changed.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
