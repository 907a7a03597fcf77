//! One file of a table, open: rows that never change, sorted by id.

#[cfg(feature = "lazy")]
mod ordered;

use std::ops::Range;
use std::path::PathBuf;

use polars::prelude::*;

use crate::error::{Error, Result};
use crate::key::{IdSet, Matches};
use crate::name::TableName;
use crate::storage::file::{PRESENCE_COLUMN, RowFile, UnreadableColumn, Way, are_whole_microseconds};
use crate::storage::place::disk::Stamp;
use crate::storage::place::{Commits, SegmentName};
use crate::storage::rows::{ColumnSet, Rows, SetOfRows};

/// What files take on disk, and what their values take plainly encoded, as they do in memory.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::storage) struct Size {
    pub(in crate::storage) file: u64,
    pub(in crate::storage) plain: u64,
}

/// A base or a segment, or rows that are about to become one.
#[derive(Debug)]
pub(in crate::storage) struct Segment {
    rows: SegmentRows,
    sets: Vec<SetOfRows>,
    columns: Vec<(PlSmallStr, DataType)>,
    /// The place of each column among `columns`.
    places: PlHashMap<PlSmallStr, usize>,
    /// No ids, in the variant that the ids have.
    variant: IdSet,
    /// The commits in it; `None` of rows that another program wrote, or that are in no file.
    pub(in crate::storage) commits: Option<Commits>,
    pub(in crate::storage) replaces: bool,
    pub(in crate::storage) stamp: Option<Stamp>,
    /// What of another program's file is not among the columns.
    left_out: Option<LeftOut>,
}

/// Columns of another program's file that cannot be read.
#[derive(Debug)]
struct LeftOut {
    path: PathBuf,
    columns: Vec<UnreadableColumn>,
    /// Whether the file is the base, which is never replaced for as long as there is more in it than can be read.
    is_base: bool,
}

#[derive(Debug)]
enum SegmentRows {
    File(Box<RowFile>),
    Memory(Rows),
}

impl Segment {
    pub(in crate::storage) fn of_file(file: Box<RowFile>, id_column: &str, replaces: bool, stamp: Stamp) -> Self {
        let is_cached = |(name, _): &(PlSmallStr, DataType)| name != id_column && name != PRESENCE_COLUMN;
        let header = file.header();
        let columns: Vec<(PlSmallStr, DataType)> = file.types().filter(is_cached).collect();
        Self {
            sets: header.column_sets.clone(),
            places: places(&columns),
            columns,
            variant: file.no_ids(),
            commits: Some(header.commits()),
            replaces,
            stamp: Some(stamp),
            left_out: None,
            rows: SegmentRows::File(file),
        }
    }

    pub(in crate::storage) fn of_rows(rows: Rows, stamp: Option<Stamp>) -> Result<Self> {
        let columns: Vec<(PlSmallStr, DataType)> =
            rows.columns.iter().map(|column| (column.name().clone(), column.dtype().clone())).collect();
        Ok(Self {
            sets: rows.presence.sets_of_rows()?,
            places: places(&columns),
            columns,
            variant: rows.ids.none_as_is(),
            commits: None,
            replaces: false,
            stamp,
            left_out: None,
            rows: SegmentRows::Memory(rows),
        })
    }

    /// Another program's file, of which these columns cannot be read.
    pub(in crate::storage) fn of_foreign(
        rows: Rows,
        columns: Vec<UnreadableColumn>,
        path: PathBuf,
        is_base: bool,
        stamp: Stamp,
    ) -> Result<Self> {
        let left_out = (!columns.is_empty()).then_some(LeftOut { path, columns, is_base });
        Ok(Self { left_out, ..Self::of_rows(rows, Some(stamp))? })
    }

    /// Whether its file stays as it is, whatever is stored: new rows go beside it.
    pub(in crate::storage) fn is_kept(&self) -> bool {
        self.left_out.as_ref().is_some_and(|left_out| left_out.is_base)
    }

    /// The columns that its file has, and that cannot be read.
    pub(in crate::storage) fn unreadable(&self) -> &[UnreadableColumn] {
        self.left_out.as_ref().map_or(&[], |left_out| &left_out.columns)
    }

    /// The error of asking for a column that cannot be read.
    pub(in crate::storage) fn refusal(&self, table: &TableName, column: &str) -> Option<Error> {
        let left_out = self.left_out.as_ref()?;
        let unreadable = left_out.columns.iter().find(|unreadable| unreadable.name == column)?;
        Some(Error::UnreadableColumn {
            table: table.to_string(),
            column: unreadable.name.clone(),
            path: left_out.path.clone(),
            reason: unreadable.reason.clone(),
        })
    }

    /// Its name, if it is a segment beside the base.
    pub(in crate::storage) fn name(&self) -> Option<SegmentName> {
        let commits = self.commits.filter(|commits| commits.first > 0)?;
        Some(SegmentName { commits, replaces: self.replaces })
    }

    pub(in crate::storage) fn file(&self) -> Option<&RowFile> {
        match &self.rows {
            SegmentRows::File(file) => Some(file),
            SegmentRows::Memory(_) => None,
        }
    }

    /// How many bytes it takes; rows in memory take none on disk.
    pub(in crate::storage) fn size(&self) -> Size {
        match &self.rows {
            SegmentRows::File(file) => Size { file: file.length(), plain: file.plain_length() },
            SegmentRows::Memory(rows) => Size { file: 0, plain: rows.size() },
        }
    }

    pub(in crate::storage) fn count(&self) -> usize {
        match &self.rows {
            SegmentRows::File(file) => file.rows(),
            SegmentRows::Memory(rows) => rows.ids.len(),
        }
    }

    /// Whether rows of older files count as gone.
    pub(in crate::storage) fn hides_older(&self) -> bool {
        self.file().is_some_and(|file| file.header().hides_older)
    }

    /// The last commit that forgot rows or columns, as far as its file says.
    pub(in crate::storage) fn forgot(&self) -> u64 {
        self.file().map_or(0, |file| file.header().forgot)
    }

    pub(in crate::storage) fn variant(&self) -> &IdSet {
        &self.variant
    }

    /// All columns but the id column, with their types.
    pub(in crate::storage) fn columns(&self) -> &[(PlSmallStr, DataType)] {
        &self.columns
    }

    pub(in crate::storage) fn data_type(&self, column: &str) -> Option<&DataType> {
        self.columns.get(*self.places.get(column)?).map(|(_, data_type)| data_type)
    }

    /// Whether all times of a column are known to be whole microseconds; no values of a file are read for that.
    pub(in crate::storage) fn is_whole_microseconds(&self, column: &str) -> bool {
        match (self.data_type(column), &self.rows) {
            (
                None | Some(DataType::Null | DataType::Datetime(TimeUnit::Microseconds | TimeUnit::Milliseconds, _)),
                _,
            ) => true,
            (Some(DataType::Time | DataType::Datetime(..)), SegmentRows::File(file)) => file.is_in_microseconds(column),
            (Some(DataType::Time | DataType::Datetime(..)), SegmentRows::Memory(rows)) => {
                let times = self.places.get(column).and_then(|place| rows.columns.get(*place));
                times.is_some_and(|times| are_whole_microseconds(times.as_materialized_series()))
            }
            _ => false,
        }
    }

    /// The column sets of the rows.
    pub(in crate::storage) fn sets(&self) -> &[SetOfRows] {
        &self.sets
    }

    /// The text columns that hold documents.
    pub(in crate::storage) fn documents(&self) -> &ColumnSet {
        match &self.rows {
            SegmentRows::File(file) => &file.header().json_columns,
            SegmentRows::Memory(rows) => &rows.documents,
        }
    }

    /// Where these ids stand here.
    pub(in crate::storage) fn locate(&self, wanted: &IdSet) -> Result<Matches> {
        let locate = |wanted: &IdSet| match &self.rows {
            SegmentRows::File(file) => file.locate(wanted),
            SegmentRows::Memory(rows) => Ok(rows.ids.locate(wanted)),
        };
        let Some((converted, indices)) = wanted.in_variant_of(&self.variant) else { return locate(wanted) };
        let found = locate(&converted)?;
        Ok(Matches { indices: indices.gather(found.indices)?, ..found })
    }

    pub(in crate::storage) fn ids(&self) -> Result<IdSet> {
        match &self.rows {
            SegmentRows::File(file) => file.ids(),
            SegmentRows::Memory(rows) => Ok(rows.ids.clone()),
        }
    }

    /// The ids of some rows that stand side by side.
    pub(in crate::storage) fn ids_of(&self, rows: &Range<usize>) -> Result<IdSet> {
        match &self.rows {
            SegmentRows::File(file) => file.ids_of(rows),
            SegmentRows::Memory(all) => all.ids.slice(rows.clone()),
        }
    }

    /// The place of each row's set among [`sets`](Self::sets).
    pub(in crate::storage) fn codes(&self, rows: &[IdxSize], way: Way) -> Result<Vec<usize>> {
        match &self.rows {
            SegmentRows::Memory(all) => rows.iter().map(|row| all.presence.code(*row as usize)).collect(),
            SegmentRows::File(_) if self.sets.len() < 2 => Ok(vec![0; rows.len()]),
            SegmentRows::File(file) => {
                let codes = file.take(PRESENCE_COLUMN, &[], rows, way)?;
                let codes = codes.u32().map_err(crate::error::Error::frame("read column sets"))?;
                let checked = |code: Option<u32>| code.map(|code| code as usize).filter(|code| *code < self.sets.len());
                let codes: Option<Vec<usize>> = codes.iter().map(checked).collect();
                codes.ok_or_else(|| file.damaged("a row has a column set that is not listed"))
            }
        }
    }

    /// Keeps rows in memory that were in memory when they were written to its file, and nothing else was.
    pub(in crate::storage) fn keep_in_memory(&self, written: &Self) {
        if let (SegmentRows::File(file), SegmentRows::Memory(rows)) = (&self.rows, &written.rows) {
            file.keep_in_memory(&rows.ids, &rows.columns);
        }
    }

    /// Whether reading a column, one of whose rows is this, is reading memory.
    pub(in crate::storage) fn is_in_memory(&self, column: &str, row: IdxSize) -> bool {
        self.file().is_none_or(|file| file.is_in_memory(column, row))
    }

    /// A column that is here, of some rows, which are ascending; of a struct at least what lies at these paths.
    pub(in crate::storage) fn take(
        &self,
        column: &str,
        paths: &[Vec<String>],
        rows: &[IdxSize],
        way: Way,
    ) -> Result<Column> {
        match &self.rows {
            SegmentRows::File(file) => file.take(column, paths, rows, way),
            SegmentRows::Memory(all) => match self.places.get(column).and_then(|place| all.columns.get(*place)) {
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

fn places(columns: &[(PlSmallStr, DataType)]) -> PlHashMap<PlSmallStr, usize> {
    columns.iter().enumerate().map(|(place, (name, _))| (name.clone(), place)).collect()
}
