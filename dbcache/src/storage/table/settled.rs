//! Which fetched rows fit one another and what is stored, row by row in the order of their ids, before any is written.
//!
//! What a row's values may be depends on the rows before it alone, so that batches change no type, value or rejection.

use polars::prelude::*;

use crate::convert::by_row;
use crate::data_type::widen;
use crate::error::{Error, RejectedRow, Result};
use crate::key::row_number;
use crate::name::TableName;
use crate::storage::read::{Snapshot, StoredColumn};
use crate::storage::rows::merge::{merge_all, reconcile};
use crate::storage::rows::{ColumnSet, Replace, Rows};

/// Takes the rows that fit, of parts in the order of their ids.
///
/// # Errors
///
/// [`Error::TypeConflict`] where the ids of the parts have no type in common, and storage errors.
pub(crate) fn settle(
    table: &TableName,
    stored: &Snapshot,
    replace: Replace,
    parts: Vec<Rows>,
) -> Result<(Rows, Vec<RejectedRow>)> {
    let mut settled = Settled { table, stored, columns: PlHashMap::new(), retyped: ColumnSet::new() };
    for part in &parts {
        settled.retyped.extend(stored.retyped(part, replace)?);
    }
    let (mut fitting, mut rejected) = (Vec::with_capacity(parts.len()), Vec::new());
    for mut part in parts {
        rejected.extend(settled.take(&mut part)?);
        fitting.push(part);
    }
    Ok((merge_all(table, fitting)?, rejected))
}

/// What the rows so far make of each column.
struct Settled<'s> {
    table: &'s TableName,
    stored: &'s Snapshot,
    /// The type of each column, with the values that decide which types it may still take.
    columns: PlHashMap<PlSmallStr, Column>,
    /// The columns whose stored type goes with their stored values.
    retyped: ColumnSet,
}

impl Settled<'_> {
    /// Takes the rows of a part that fit, and leaves these in it. Each try but the last settles one column.
    fn take(&mut self, part: &mut Rows) -> Result<Vec<RejectedRow>> {
        let mut rejected = Vec::new();
        part.narrow()?;
        for _ in 0..=part.columns.len() {
            if part.ids.is_empty() {
                return Ok(rejected);
            }
            match self.misfit(part)? {
                None => return Ok(rejected),
                Some(column) => {
                    let (name, data_type) = (column.name().clone(), column.dtype().clone());
                    rejected.extend(part.reject_misfits(self.table, &name, &data_type)?);
                }
            }
        }
        Err(Error::Internal { invariant: "each column of a part is settled once" })
    }

    /// The first column, by name, of which the part has a value that does not fit, as it was before; `None` where all
    /// fit, which then are in the types of their columns and count for the rows that follow.
    fn misfit(&mut self, part: &mut Rows) -> Result<Option<Column>> {
        let mut columns: Vec<&mut Column> = part.columns.iter_mut().collect();
        columns.sort_unstable_by(|left, right| left.name().cmp(right.name()));
        let mut joined = Vec::with_capacity(columns.len());
        for column in &columns {
            let before = self.before(column)?;
            match reconcile(self.table, &before, column) {
                Ok(both) => joined.push(both),
                Err(Error::TypeConflict { .. }) => return Ok(Some(before)),
                Err(other) => return Err(other),
            }
        }
        for (column, (before, converted)) in columns.into_iter().zip(joined) {
            self.columns.insert(column.name().clone(), deciding(before, &converted)?);
            // A column without values leaves open whether the others hold documents.
            if !column.dtype().is_null() {
                *column = converted;
            }
        }
        Ok(None)
    }

    /// What a column was before these values of it. The stored values are read only where their type would change.
    fn before(&self, column: &Column) -> Result<Column> {
        if let Some(known) = self.columns.get(column.name()) {
            return Ok(known.clone());
        }
        let is_retyped = self.retyped.contains(column.name().as_str());
        let Some(stored) = self.stored.column(column.name()).filter(|_| !is_retyped) else {
            return Ok(Column::new_empty(column.name().clone(), &DataType::Null));
        };
        let empty = Column::new_empty(column.name().clone(), stored.data_type());
        match widen(stored.data_type(), column.dtype()) {
            Some(wider) if wider != *stored.data_type() => self.stored_values(stored, empty),
            _ => Ok(empty),
        }
    }

    fn stored_values(&self, stored: &StoredColumn, empty: Column) -> Result<Column> {
        let (_, all) = self.stored.all_located()?;
        deciding(empty, &self.stored.value_of(&all, stored)?)
    }
}

/// A column with those of more values that decide which types hold all of it: the least, the greatest, and one that is
/// no float.
fn deciding(mut column: Column, more: &Column) -> Result<Column> {
    let failed = || Error::frame("settle the type of a column");
    if !more.dtype().is_numeric() && !more.dtype().is_temporal() {
        return Ok(column);
    }
    let values = more.as_materialized_series();
    let no_float = if more.dtype().is_integer() {
        by_row(values, &DataType::Float64).map_err(failed())?.misfits.first().copied()
    } else {
        None
    };
    let rows: IdxCa =
        [values.arg_min(), values.arg_max(), no_float].into_iter().flatten().map(|row| Some(row_number(row))).collect();
    column.append(&more.take(&rows).map_err(failed())?).map_err(failed())?;
    Ok(column)
}
