//! The tables that a fetcher has looked up, so that a batch costs one round trip and not two.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::catalog::Table;
use crate::fetch::FetchRequest;
use crate::name::TableName;

/// What is known of tables, by their names.
#[derive(Debug, Default)]
pub struct Tables(Mutex<HashMap<String, Arc<Table>>>);

impl Tables {
    /// The table of a request, unless a column is wanted that it did not have when it was looked up.
    pub(super) fn for_request<K>(&self, request: &FetchRequest<'_, K>) -> Option<Arc<Table>> {
        let table = self.lock().get(request.table().as_str()).cloned()?;
        let mut requested = request.columns().into_iter().flatten();
        requested.all(|column| table.find(&column.name).is_some()).then_some(table)
    }

    pub(super) fn remember(&self, table: Table) -> Arc<Table> {
        let table = Arc::new(table);
        self.lock().insert(table.name.to_string(), Arc::clone(&table));
        table
    }

    /// Forgets a table that may have been altered.
    pub(super) fn forget(&self, table: &TableName) {
        self.lock().remove(table.as_str());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Table>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
