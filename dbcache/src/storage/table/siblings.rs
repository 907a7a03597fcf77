//! All tables of a folder that this process has open.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use super::Table;
use crate::locked::locked;
use crate::name::TableName;

/// By name and id column.
pub(in crate::storage) type Tables = Mutex<HashMap<(TableName, String), Arc<Table>>>;

/// The tables of a folder, as each of them knows them.
#[derive(Debug)]
pub(in crate::storage) struct Siblings(Weak<Tables>);

impl Siblings {
    pub(in crate::storage) fn of(tables: &Arc<Tables>) -> Self {
        Self(Arc::downgrade(tables))
    }

    /// Closes the files of all that are not at work.
    pub(super) fn let_go(&self) {
        let Some(tables) = self.0.upgrade() else { return };
        locked(&tables).values().for_each(|table| table.let_go());
    }
}
