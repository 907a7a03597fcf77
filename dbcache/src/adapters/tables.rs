//! The tables that a fetcher has looked up, so that a batch costs one round trip and not two.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::table::Table;
use crate::TableName;
use crate::fetch::FetchRequest;

/// What is known of tables, by their names.
#[derive(Debug)]
pub(super) struct Tables<C>(Mutex<HashMap<String, Arc<Table<C>>>>);

impl<C> Default for Tables<C> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<C> Tables<C> {
    /// The table of a request, unless a column is wanted that it did not have when it was looked up.
    pub(super) fn for_request<K>(&self, request: &FetchRequest<'_, K>) -> Option<Arc<Table<C>>> {
        let table = self.lock().get(request.table().as_str()).cloned()?;
        table.has_all(request).then_some(table)
    }

    pub(super) fn remember(&self, table: Table<C>) -> Arc<Table<C>> {
        let table = Arc::new(table);
        self.lock().insert(table.name.to_string(), Arc::clone(&table));
        table
    }

    /// Forgets a table that may have been altered.
    pub(super) fn forget(&self, table: &TableName) {
        self.lock().remove(table.as_str());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Table<C>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
