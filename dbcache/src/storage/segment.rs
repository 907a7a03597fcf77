//! One file of a table, open: rows that never change, sorted by id.

#[cfg(feature = "lazy")]
mod ordered;

use std::ops::Range;

use polars::prelude::*;

use super::chain::{Commits, SegmentName};
use super::compaction::Size;
use super::disk::Stamp;
use super::parquet_file::{PRESENCE_COLUMN, RowFile, SetOfRows, Way};
use super::presence::ColumnSet;
use super::rows::Rows;
use crate::error::Result;
use crate::key::{IdSet, Matches};

/// A base or a segment, or rows that are about to become one.
#[derive(Debug)]
pub(super) struct Segment {
    rows: SegmentRows,
    sets: Vec<SetOfRows>,
    columns: Vec<(PlSmallStr, DataType)>,
    /// No ids, in the variant that the ids have.
    variant: IdSet,
    /// The commits in it; `None` of rows that another program wrote, or that are in no file.
    pub(super) commits: Option<Commits>,
    pub(super) replaces: bool,
    pub(super) stamp: Option<Stamp>,
}

#[derive(Debug)]
enum SegmentRows {
    File(Box<RowFile>),
    Memory(Rows),
}

impl Segment {
    pub(super) fn of_file(file: Box<RowFile>, id_column: &str, replaces: bool, stamp: Stamp) -> Self {
        let is_cached = |(name, _): &(PlSmallStr, DataType)| name != id_column && name != PRESENCE_COLUMN;
        let header = file.header();
        Self {
            sets: header.column_sets.clone(),
            columns: file.types().filter(is_cached).collect(),
            variant: file.no_ids(),
            commits: Some(header.commits()),
            replaces,
            stamp: Some(stamp),
            rows: SegmentRows::File(file),
        }
    }

    pub(super) fn of_rows(rows: Rows, stamp: Option<Stamp>) -> Self {
        Self {
            sets: rows.presence.sets_of_rows(),
            columns: rows.columns.iter().map(|column| (column.name().clone(), column.dtype().clone())).collect(),
            variant: rows.ids.slice(0..0),
            commits: None,
            replaces: false,
            stamp,
            rows: SegmentRows::Memory(rows),
        }
    }

    /// Its name, if it is a segment beside the base.
    pub(super) fn name(&self) -> Option<SegmentName> {
        let commits = self.commits.filter(|commits| commits.first > 0)?;
        Some(SegmentName { commits, replaces: self.replaces })
    }

    pub(super) fn file(&self) -> Option<&RowFile> {
        match &self.rows {
            SegmentRows::File(file) => Some(file),
            SegmentRows::Memory(_) => None,
        }
    }

    /// How many bytes it takes; rows in memory take none on disk.
    pub(super) fn size(&self) -> Size {
        match &self.rows {
            SegmentRows::File(file) => Size { file: file.length(), plain: file.plain_length() },
            SegmentRows::Memory(rows) => Size { file: 0, plain: rows.size() },
        }
    }

    pub(super) fn count(&self) -> usize {
        match &self.rows {
            SegmentRows::File(file) => file.rows(),
            SegmentRows::Memory(rows) => rows.ids.len(),
        }
    }

    /// Whether rows of older files count as gone.
    pub(super) fn hides_older(&self) -> bool {
        self.file().is_some_and(|file| file.header().hides_older)
    }

    pub(super) fn variant(&self) -> &IdSet {
        &self.variant
    }

    /// All columns but the id column, with their types.
    pub(super) fn columns(&self) -> &[(PlSmallStr, DataType)] {
        &self.columns
    }

    pub(super) fn data_type(&self, column: &str) -> Option<&DataType> {
        self.columns.iter().find(|(name, _)| name == column).map(|(_, data_type)| data_type)
    }

    /// The column sets of the rows.
    pub(super) fn sets(&self) -> &[SetOfRows] {
        &self.sets
    }

    /// The text columns that hold documents.
    pub(super) fn documents(&self) -> &ColumnSet {
        match &self.rows {
            SegmentRows::File(file) => &file.header().json_columns,
            SegmentRows::Memory(rows) => &rows.documents,
        }
    }

    /// Where these ids stand here.
    pub(super) fn locate(&self, wanted: &IdSet) -> Result<Matches> {
        let locate = |wanted: &IdSet| match &self.rows {
            SegmentRows::File(file) => file.locate(wanted),
            SegmentRows::Memory(rows) => Ok(rows.ids.locate(wanted)),
        };
        let Some((converted, places)) = wanted.in_variant_of(&self.variant) else { return locate(wanted) };
        let found = locate(&converted)?;
        Ok(Matches { places: places.at(found.places), ..found })
    }

    pub(super) fn ids(&self) -> Result<IdSet> {
        match &self.rows {
            SegmentRows::File(file) => file.ids(),
            SegmentRows::Memory(rows) => Ok(rows.ids.clone()),
        }
    }

    /// The ids of some rows that stand side by side.
    pub(super) fn ids_of(&self, rows: &Range<usize>) -> Result<IdSet> {
        match &self.rows {
            SegmentRows::File(file) => file.ids_of(rows),
            SegmentRows::Memory(all) => Ok(all.ids.slice(rows.clone())),
        }
    }

    /// The place of each row's set among [`sets`](Self::sets).
    pub(super) fn codes(&self, rows: &[IdxSize], way: Way) -> Result<Vec<usize>> {
        match &self.rows {
            SegmentRows::Memory(all) => Ok(rows.iter().map(|row| all.presence.code(*row as usize)).collect()),
            SegmentRows::File(_) if self.sets.len() < 2 => Ok(vec![0; rows.len()]),
            SegmentRows::File(file) => {
                let codes = file.take(PRESENCE_COLUMN, &[], rows, way)?;
                let codes = codes.u32().map_err(crate::error::Error::frame("read column sets"))?;
                Ok(codes.iter().map(|code| code.map_or(usize::MAX, |code| code as usize)).collect())
            }
        }
    }

    /// Keeps rows in memory that were in memory when they were written to its file, and nothing else was.
    pub(super) fn keep_in_memory(&self, written: &Self) {
        if let (SegmentRows::File(file), SegmentRows::Memory(rows)) = (&self.rows, &written.rows) {
            file.keep_in_memory(&rows.ids, &rows.columns);
        }
    }

    /// Whether reading a column, one of whose rows is this, is reading memory.
    pub(super) fn is_in_memory(&self, column: &str, row: IdxSize) -> bool {
        self.file().is_none_or(|file| file.is_in_memory(column, row))
    }

    /// A column that is here, of some rows, which are ascending; of a struct at least what lies at these paths.
    pub(super) fn take(&self, column: &str, paths: &[Vec<String>], rows: &[IdxSize], way: Way) -> Result<Column> {
        match &self.rows {
            SegmentRows::File(file) => file.take(column, paths, rows, way),
            SegmentRows::Memory(all) => match all.column(column) {
                Some(values) if rows.len() == values.len() => Ok(values.clone()),
                Some(values) => {
                    let rows = IdxCa::from_vec(PlSmallStr::EMPTY, rows.to_vec());
                    values.take(&rows).map_err(crate::error::Error::frame("gather rows"))
                }
                None => Ok(Column::full_null(column.into(), rows.len(), &DataType::Null)),
            },
        }
    }
}
