//! Columns whose stored type may go, because no stored row that stays has a value in them.

use crate::error::Result;
use crate::storage::read::{Snapshot, StoredColumn};
use crate::storage::rows::{ColumnSet, Replace, Rows};

impl Snapshot {
    /// The columns that these rows bring in another type, and of which the stored rows have no values but those that these
    /// rows replace whole.
    pub(super) fn retyped(&self, fetched: &Rows, replace: Replace) -> Result<ColumnSet> {
        // The file of another program stays as it is, and so do the types in it.
        if self.keeps_base() {
            return Ok(ColumnSet::new());
        }
        let (all, _) = self.all_located()?;
        let staying = match replace {
            Replace::Whole => all.without(&fetched.ids)?,
            Replace::CarryOver => all,
        };
        let staying = self.present(&staying)?.1;
        let is_other = |column: &&StoredColumn| {
            fetched.column(column.name()).is_some_and(|brought| brought.dtype() != column.data_type())
        };
        let mut retyped = ColumnSet::new();
        for column in self.columns().iter().filter(is_other) {
            let values = self.value_of(&staying, column)?;
            if values.null_count() == values.len() {
                retyped.insert(column.name().to_string());
            }
        }
        Ok(retyped)
    }
}
