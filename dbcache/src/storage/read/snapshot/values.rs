//! Reading the values of rows that were located in a snapshot.

use std::sync::Arc;

use polars::prelude::*;
use rayon::prelude::*;

use super::look_up::LookUp;
use super::{Snapshot, StoredColumn};
use crate::convert::convert;
use crate::error::{Error, Result};
use crate::key::{IdSet, row_number, shared_column};
use crate::name::TableName;
use crate::record::DefaultCell;
use crate::storage::file::Way;
use crate::storage::read::located::{Located, Part};
use crate::storage::rows::{Rows, merge};

/// Columns of fewer rows are read one after the other: another thread would not be worth waking.
const ROWS_WORTH_THREADS: usize = 64;
/// The same of columns that are in memory.
const ROWS_IN_MEMORY_WORTH_THREADS: usize = 8192;

/// What to read of one column.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) name: PlSmallStr,
    /// The paths in the column that are wanted, where it is not wanted whole.
    pub(crate) paths: Vec<Vec<String>>,
    /// What rows have that lack the column; null where this is `None`.
    pub(crate) default: Option<DefaultCell>,
}

impl Reading {
    pub(crate) fn whole(name: &PlSmallStr) -> Self {
        Self { name: name.clone(), paths: Vec::new(), default: None }
    }

    /// Whether it is read whole, and null where it is not there.
    fn is_plain(&self) -> bool {
        self.paths.is_empty() && self.default.is_none()
    }
}

impl Snapshot {
    /// The rows that were found for these ids, which are the hits: the id column, then `columns`.
    ///
    /// A row that lacks a column has its default there, or null.
    pub(crate) fn read(
        &self,
        id_column: &str,
        ids: &Arc<IdSet>,
        found: &LookUp,
        columns: &[Reading],
    ) -> Result<DataFrame> {
        let read = |reading: &Reading| self.values(reading, &found.rows, Way::ThroughMemory);
        let mut answer = Vec::with_capacity(columns.len() + 1);
        answer.push(self.id_values(id_column, ids)?);
        if let Some(cells) = self.cells(columns, &found.rows)? {
            answer.extend(cells);
        } else if self.are_worth_threads(columns, &found.rows) {
            answer.extend(columns.par_iter().map(read).collect::<Result<Vec<Column>>>()?);
        } else {
            for column in columns {
                answer.push(read(column)?);
            }
        }
        DataFrame::new(ids.len(), answer).map_err(Error::frame("build the answer"))
    }

    /// The columns of a single row, if they are in memory as they are wanted.
    fn cells(&self, columns: &[Reading], rows: &Located) -> Result<Option<Vec<Column>>> {
        let [Part { segment, rows, .. }] = rows.parts() else { return Ok(None) };
        let (Some(segment), [row]) = (self.segments.get(*segment), rows.as_slice()) else { return Ok(None) };
        let is_as_stored = |reading: &Reading| {
            let stored = self.column(&reading.name).map(StoredColumn::data_type);
            reading.is_plain() && stored.is_some() && stored == segment.data_type(&reading.name)
        };
        match segment.file() {
            Some(file) if columns.iter().all(is_as_stored) => {
                file.cells(columns.iter().map(|column| &column.name), *row)
            }
            _ => Ok(None),
        }
    }

    fn are_worth_threads(&self, columns: &[Reading], rows: &Located) -> bool {
        let is_in_memory = |column: &Reading| {
            let mut parts =
                rows.parts().iter().filter_map(|part| self.segments.get(part.segment).zip(part.rows.first()));
            parts.all(|(segment, row)| segment.is_in_memory(&column.name, *row))
        };
        let are_enough = rows.len() >= ROWS_IN_MEMORY_WORTH_THREADS
            || rows.len() >= ROWS_WORTH_THREADS && !columns.iter().all(is_in_memory);
        columns.len() > 1 && are_enough
    }

    fn id_values(&self, id_column: &str, ids: &Arc<IdSet>) -> Result<Column> {
        let column = shared_column(ids, id_column);
        let id_type = self.id_type();
        if ids.is_text() || *column.dtype() == id_type || id_type.is_string() {
            return Ok(column);
        }
        column.cast(&id_type).map_err(Error::frame("convert ids"))
    }

    /// A column of some rows, in the table's type.
    pub(super) fn values(&self, reading: &Reading, rows: &Located, way: Way) -> Result<Column> {
        let column = match self.column(&reading.name) {
            Some(column) => self.joined(column, &reading.paths, rows, way)?,
            None => Column::full_null(reading.name.clone(), rows.len(), &DataType::Null),
        };
        match reading.default {
            Some(default) => self.with_default(&column, default, rows),
            None => Ok(column),
        }
    }

    fn joined(&self, column: &StoredColumn, paths: &[Vec<String>], rows: &Located, way: Way) -> Result<Column> {
        let read = |paths| {
            let parts = rows.parts().iter().map(move |part| self.part(column, paths, part, way));
            parts.collect::<Result<Vec<Column>>>()
        };
        match rows.parts() {
            [] => Ok(Column::new_empty(column.name.clone(), &column.data_type)),
            [part] => self.part(column, paths, part, way),
            _ => {
                let mut parts = read(paths)?;
                if parts.iter().any(|part| part.dtype() != parts.first().map_or(&DataType::Null, Column::dtype)) {
                    // Files have other fields at the paths: parts can be joined only if all of them are whole.
                    parts = read(&[])?;
                }
                rows.in_order(parts)
            }
        }
    }

    /// A column of the rows of one segment, or what lies at these paths in it.
    fn part(&self, column: &StoredColumn, paths: &[Vec<String>], part: &Part, way: Way) -> Result<Column> {
        let segment = self.segment(part)?;
        if segment.data_type(&column.name).is_none() {
            return Ok(Column::full_null(column.name.clone(), part.rows.len(), &column.data_type));
        }
        let values = segment.take(&column.name, paths, &part.rows, way)?;
        if paths.is_empty() { in_type(&self.table, values, &column.data_type) } else { Ok(values) }
    }

    /// The column with the default in the rows that lack it.
    fn with_default(&self, column: &Column, default: DefaultCell, rows: &Located) -> Result<Column> {
        if self.presence.sets().iter().all(|set| set.contains(column.name().as_str())) {
            return Ok(column.clone());
        }
        let fetched = self.fetched(column.name(), rows)?;
        let default = default().map_err(Error::frame("make a default"))?.into_column();
        let (mut both, default) = merge::reconcile(&self.table, column, &default)?;
        both.append(&default).map_err(Error::frame("fill in a default"))?;
        let default_row = column.len();
        let rows = fetched.iter().enumerate().map(|(row, fetched)| if *fetched { row } else { default_row });
        let rows = IdxCa::from_vec(PlSmallStr::EMPTY, rows.map(row_number).collect());
        both.take(&rows).map_err(Error::frame("fill in a default"))
    }

    /// Whether each row has a column.
    fn fetched(&self, column: &str, rows: &Located) -> Result<Vec<bool>> {
        self.rows_whose(rows, |set| set.contains(column))
    }

    /// Some rows with all that is known of them, but only these columns' values.
    pub(in crate::storage) fn rows(&self, ids: IdSet, rows: &Located, columns: &[&StoredColumn]) -> Result<Rows> {
        let columns: Result<Vec<Column>> = columns.par_iter().map(|column| self.value_of(rows, column)).collect();
        let presence = self.presence_of(rows)?;
        let rows = Rows::new(ids, columns?, presence);
        Ok(rows.with_documents(self.documents.clone()))
    }

    /// A column of some rows, past the memory tier.
    pub(in crate::storage) fn value_of(&self, rows: &Located, column: &StoredColumn) -> Result<Column> {
        self.joined(column, &[], rows, Way::Past)
    }
}

fn in_type(table: &TableName, values: Column, data_type: &DataType) -> Result<Column> {
    if values.dtype() == data_type {
        return Ok(values);
    }
    if let Ok(converted) = convert(values.as_materialized_series(), data_type) {
        return Ok(converted.into_column());
    }
    let (_, converted) = merge::reconcile(table, &Column::new_empty(values.name().clone(), data_type), &values)?;
    Ok(converted)
}
