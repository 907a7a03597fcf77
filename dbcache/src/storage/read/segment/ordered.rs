//! The rows of a segment in the order of their ids.

use polars::prelude::{Column, IdxSize};

use super::{Segment, SegmentRows};
use crate::error::Result;
use crate::key::{IdSet, RowId};
use crate::storage::file::IDS_A_PAGE;

impl Segment {
    /// The first of every so many ids.
    pub(in crate::storage) fn fences(&self) -> Result<IdSet> {
        match &self.rows {
            SegmentRows::File(file) => file.fences().cloned(),
            SegmentRows::Memory(rows) => Ok(rows.ids.every(IDS_A_PAGE)),
        }
    }

    /// How many rows have ids below `bound`, a set of one id.
    pub(in crate::storage) fn rank(&self, bound: &IdSet) -> Result<usize> {
        let is_negative = matches!(bound.get(0), Some(RowId::Int(id)) if id < 0);
        let converted = bound.in_variant_of(&self.variant).map(|(bound, _)| bound);
        let bound = converted.as_ref().unwrap_or(bound);
        match &self.rows {
            // What no id here can be is below all of them, or above.
            _ if bound.is_empty() => Ok(if is_negative { 0 } else { self.count() }),
            SegmentRows::File(file) => file.rank(bound),
            SegmentRows::Memory(rows) => Ok(rows.ids.rank(bound)),
        }
    }

    /// The ids of some rows, which are ascending, as a column.
    pub(in crate::storage) fn take_ids(&self, rows: &[IdxSize]) -> Result<Column> {
        match &self.rows {
            SegmentRows::File(file) => file.take_ids(rows),
            SegmentRows::Memory(all) => Ok(all.ids.select_as_is(rows.iter().map(|row| *row as usize))?.to_column("")),
        }
    }
}
