//! Which fetched rows fit in the types that a table has.

use std::ops::Range;

use polars::prelude::*;

use super::merge::reconcile;
use super::{ColumnSet, Rows};
use crate::convert::{convert, mismatch, reversibly};
use crate::error::{Error, RejectedRow, Result};
use crate::key::{IdSet, row_number};
use crate::misfits::{misfits, shown};
use crate::name::TableName;
use crate::record::{CellError, CellFault};

impl Rows {
    /// The same rows, of which the values of these columns decided the type, with marks of some columns' cells that came
    /// in a narrower type.
    pub(crate) fn with_loose(mut self, loose: ColumnSet, marks: &Self) -> Result<Self> {
        if !marks.columns.is_empty() {
            let rows: IdxCa = marks.ids.locate_among(&self.ids).iter().map(row_number).map(Some).collect();
            let marks: PolarsResult<Vec<Column>> = marks.columns.iter().map(|mark| mark.take(&rows)).collect();
            self.narrower = marks.map_err(Error::frame("leave rows out"))?;
        }
        self.loose = loose;
        Ok(self)
    }

    /// The first column that has another type in other rows.
    pub(crate) fn first_difference(&self, others: &Self) -> Option<String> {
        let differs =
            |column: &&Column| others.column(column.name()).is_some_and(|other| other.dtype() != column.dtype());
        self.columns.iter().find(differs).map(|column| column.name().to_string())
    }

    /// Takes out the rows of these ids.
    pub(crate) fn leave_out(&mut self, ids: &IdSet) -> Result<()> {
        let left_out = self.ids.locate_among(ids);
        if left_out.is_empty() {
            return Ok(());
        }
        let mut stay = vec![true; self.ids.len()];
        left_out.fill(&mut stay, false)?;
        self.keep(&stay)
    }

    /// Takes out the rows whose values in a column do not fit in its stored type, and gives the others that type.
    pub(in crate::storage) fn reject_misfits(
        &mut self,
        table: &TableName,
        name: &str,
        stored: &DataType,
    ) -> Result<Vec<RejectedRow>> {
        let Some(column) = self.column(name).map(|column| column.as_materialized_series().clone()) else {
            return Ok(Vec::new());
        };
        let fit = |rows: Range<usize>| exactly(table, &part(&column, rows), stored).map(drop);
        let misfits = misfits(0..column.len(), &fit);
        let mut fits = vec![true; column.len()];
        let mut rejected = Vec::with_capacity(misfits.len());
        for misfit in misfits {
            let (Some(fits), Some(id)) = (fits.get_mut(misfit.row), self.ids.get(misfit.row)) else {
                return Err(Error::Internal { invariant: "each row of a column has an id" });
            };
            *fits = false;
            rejected.push(misfit.reject(id, shown(&column, misfit.row)));
        }
        self.keep(&fits)?;
        for column in self.columns.iter_mut().filter(|column| column.name() == name) {
            let fitting = exactly(table, column.as_materialized_series(), stored);
            *column = fitting.map_err(|cause| Error::Frame {
                action: "convert rows to the types that are stored",
                source: cause.fault.to_string().into(),
            })?;
        }
        self.narrow()?;
        Ok(rejected)
    }

    /// Gives columns whose values decide their type the one that they would have if no other rows had come with these:
    /// none where there is no value, a narrower one where all cells came in it.
    pub(in crate::storage) fn narrow(&mut self) -> Result<()> {
        let is_empty =
            |column: &&mut Column| column.null_count() == column.len() && self.loose.contains(column.name().as_str());
        for column in self.columns.iter_mut().filter(is_empty) {
            *column = Column::full_null(column.name().clone(), column.len(), &DataType::Null);
        }
        for mark in std::mem::take(&mut self.narrower) {
            let Some(column) = self.columns.iter_mut().find(|column| column.name() == mark.name()) else { continue };
            let marked = mark.bool().map_err(Error::frame("read which cells are narrower"))?;
            if (column.is_not_null() & !marked).any() {
                self.narrower.push(mark);
            } else if column.dtype().is_string() {
                self.documents.insert(column.name().to_string());
            } else if matches!(column.dtype(), DataType::Float64 | DataType::UInt64) {
                let values = column.as_materialized_series();
                let integers = convert(values, &DataType::Int64).or_else(|_| convert(values, &DataType::UInt64));
                *column = integers.map_or_else(|_| column.clone(), IntoColumn::into_column);
            }
        }
        Ok(())
    }

    /// Keeps only some rows.
    fn keep(&mut self, kept: &[bool]) -> Result<()> {
        let mask: BooleanChunked = kept.iter().copied().collect();
        let columns: PolarsResult<Vec<Column>> = self.columns.iter().map(|column| column.filter(&mask)).collect();
        self.columns = columns.map_err(Error::frame("leave rows out"))?;
        let narrower: PolarsResult<Vec<Column>> = self.narrower.iter().map(|mark| mark.filter(&mask)).collect();
        self.narrower = narrower.map_err(Error::frame("leave rows out"))?;
        self.ids = self.ids.filter(|row| kept.get(row) == Some(&true));
        self.presence = self.presence.keep(kept);
        Ok(())
    }
}

fn part(column: &Series, rows: Range<usize>) -> Series {
    column.slice(row_number(rows.start).into(), rows.len())
}

/// The column in the stored type, if that holds all its values.
fn exactly(table: &TableName, column: &Series, stored: &DataType) -> Result<Column, CellError> {
    if column.null_count() == column.len() {
        return Ok(Column::full_null(column.name().clone(), column.len(), stored));
    }
    let empty = Column::new_empty(column.name().clone(), stored);
    match reconcile(table, &empty, &column.clone().into_column()) {
        Ok((joined, converted)) if joined.dtype() == stored => Ok(converted),
        _ => reversibly(column, stored).map(IntoColumn::into_column).ok_or_else(|| unfit(column, stored)),
    }
}

fn unfit(column: &Series, stored: &DataType) -> CellError {
    let value = shown(column, 0).unwrap_or_else(|| "a value".to_owned());
    let (key, found, stored) = match mismatch(column.dtype(), stored) {
        Some((key, found, stored)) => (format!(", at {key:?}"), found, stored),
        None => (String::new(), column.dtype().clone(), stored.clone()),
    };
    let reason = format!(
        "{value} ({found}{key}) does not fit beside {stored}, the type of the column in the cache; where it holds values of several kinds, pin it or declare it as text before it is cached, and where the stored type is wrong, refresh all rows that have the column"
    );
    CellError { column: column.name().to_string(), row: 0, fault: CellFault::Value(reason) }
}
