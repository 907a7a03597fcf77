//! The state that all handles of an open cache share.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::json_path::Strictness;
use crate::key::IdSet;
use crate::read_through::{FetchMode, Options, Shared};
use crate::stats::Stats;
use crate::storage::{Store, Table, is_column_name};

/// The store of a cache directory, and the settings of its requests.
#[derive(Debug)]
pub struct Engine {
    pub(crate) store: Store,
    pub(crate) options: Options,
    pub(crate) shared: Arc<Shared>,
    pub(crate) strictness: Strictness,
    /// The fetch mode of queries that do not set one.
    pub(crate) fetch_mode: FetchMode,
}

impl Engine {
    /// Forgets rows of a table. Returns how many there were.
    pub(crate) fn forget(&self, table: &Table, ids: &IdSet) -> Result<usize> {
        self.shared.absent_ids.forget(table, Some(ids));
        table.forget(ids)
    }

    /// Forgets columns of a table.
    pub(crate) fn forget_columns(table: &Table, names: Vec<String>) -> Result<()> {
        match names.iter().find(|name| *name == table.id_column() || !is_column_name(name)) {
            Some(name) => {
                let reason = if name == table.id_column() { "it is the id column" } else { "no column is called so" };
                Err(Error::ColumnName { name: name.clone(), reason: reason.to_owned() })
            }
            None => table.forget_columns(&names.into_iter().collect()),
        }
    }

    /// Forgets all of a table.
    pub(crate) fn clear(&self, table: &Table) -> Result<()> {
        self.shared.absent_ids.forget(table, None);
        table.clear()
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats { memory_bytes: self.store.memory() as u64, ..self.shared.counters.read() }
    }
}
