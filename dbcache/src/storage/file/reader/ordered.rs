//! The rows of a file in the order of their ids: how many there are before an id, and the ids of a stretch of them.

use polars::prelude::{Column, IdxSize};

use super::ids::IdPage;
use super::{RowFile, Way};
use crate::error::Result;
use crate::key::IdSet;

impl RowFile {
    /// The first id of each page of ids.
    pub(in crate::storage) fn fences(&self) -> Result<&IdSet> {
        Ok(&self.id_pages()?.fences)
    }

    /// How many rows have ids below `bound`, the one id of a set of the file's variant.
    pub(in crate::storage) fn rank(&self, bound: &IdSet) -> Result<usize> {
        let fences = self.fences()?;
        let Some(place) = fences.floor(bound).first().copied().flatten() else { return Ok(0) };
        let IdPage { group, page, first_row } = self.id_page(place)?;
        if fences.one(place).as_ref() == Some(bound) {
            return Ok(first_row);
        }
        Ok(first_row + self.read_id_run(group, page..page + 1)?.rank(bound))
    }

    /// The ids of some rows, which are ascending, as a column.
    pub(in crate::storage) fn take_ids(&self, rows: &[IdxSize]) -> Result<Column> {
        self.take(&self.id_column, &[], rows, Way::Past)
    }
}
