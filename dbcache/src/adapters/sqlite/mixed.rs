//! Columns whose values have no type in common: their rows come in parts.

use polars::prelude::*;

use super::cells::{ColumnCells, Finished};
use super::value::OwnedValue;
use crate::error::BoxError;

/// A column whose values have no type in common.
pub(super) struct MixedColumn {
    /// The column's place among the others.
    pub(super) place: usize,
    /// The same column without any values.
    pub(super) cells: ColumnCells,
    pub(super) values: Vec<OwnedValue>,
}

/// The rows in parts whose columns each have a type, in the order of their ids, which the first column holds: a row
/// begins a part where it does not fit beside the row before it. So all rows before it are in the same part or in earlier
/// ones, whatever comes with it.
pub(super) fn apart(frame: &DataFrame, mixed: &[MixedColumn]) -> Result<Vec<DataFrame>, BoxError> {
    let Some(ids) = frame.columns().first() else { return Ok(Vec::new()) };
    let mut parts: Vec<Part> = Vec::new();
    for row in ids.as_materialized_series().arg_sort(SortOptions::default()).iter().flatten() {
        if !parts.last_mut().is_some_and(|part| part.takes(row, mixed)) {
            let mut part = Part::of(mixed);
            part.takes(row, mixed);
            parts.push(part);
        }
    }
    parts.into_iter().map(|part| part.finish(frame, mixed)).collect()
}

struct Part {
    cells: Vec<ColumnCells>,
    rows: Vec<IdxSize>,
}

impl Part {
    fn of(mixed: &[MixedColumn]) -> Self {
        Self { cells: mixed.iter().map(|column| column.cells.again()).collect(), rows: Vec::new() }
    }

    /// Takes a row, or says that a value of it has no type in common with those of its column.
    fn takes(&mut self, row: IdxSize, mixed: &[MixedColumn]) -> bool {
        let values = || mixed.iter().filter_map(|column| column.values.get(row as usize)).map(OwnedValue::as_value);
        if !self.cells.iter().zip(values()).all(|(cells, value)| cells.fits(value)) {
            return false;
        }
        for (cells, value) in self.cells.iter_mut().zip(values()) {
            cells.push_by_value(value);
        }
        self.rows.push(row);
        true
    }

    fn finish(self, frame: &DataFrame, mixed: &[MixedColumn]) -> Result<DataFrame, BoxError> {
        let mut columns = frame.take(&IdxCa::from_vec(PlSmallStr::EMPTY, self.rows))?.into_columns();
        for (cells, column) in self.cells.into_iter().zip(mixed) {
            match (columns.get_mut(column.place), cells.finish()) {
                (Some(place), Finished::Column(column, mark)) => {
                    *place = column;
                    columns.extend(mark.map(|mark| *mark));
                }
                _ => return Err("a part of a batch has values of several types in one column".into()),
            }
        }
        Ok(DataFrame::new(columns.first().map_or(0, Column::len), columns)?)
    }
}
