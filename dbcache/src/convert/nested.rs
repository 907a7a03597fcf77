//! Structs, lists and arrays: converted field by field, and all elements of a column at once.

use std::cell::RefCell;

use polars::prelude::*;

use super::{Converted, by_row, reason};
use crate::documents;

/// Converts a nested column into a type that takes it.
pub(super) fn converted(column: &Series, wanted: &DataType) -> PolarsResult<Converted> {
    match (column.dtype(), wanted) {
        (DataType::Struct(_), DataType::Struct(fields)) => structs(column, fields),
        (DataType::List(_), DataType::List(inner)) => lists(column, inner),
        (DataType::Array(from, _), DataType::List(_) | DataType::Array(..)) => {
            by_row(&column.cast(&DataType::List(from.clone()))?, wanted)
        }
        (DataType::List(_), DataType::Array(inner, width)) => {
            by_row(column, &DataType::List(inner.clone()))?.then(|lists| arrays(lists, *width, wanted))
        }
        _ => {
            let text = documents::text(column);
            text.map(Converted::all).ok_or_else(|| polars_err!(ComputeError: "{:?} is no JSON", column.name()))
        }
    }
}

/// The column in one chunk, in which nothing is below a null: what such a row hides need not fit.
fn without_hidden(column: &Series) -> Series {
    let column = column.rechunk();
    column.propagate_nulls().unwrap_or(column)
}

/// Fields that the struct lacks are null; those that nobody wants are left out.
fn structs(column: &Series, wanted: &[Field]) -> PolarsResult<Converted> {
    let column = without_hidden(column);
    let stored = column.struct_()?;
    let mut misfits = Vec::new();
    let mut fields = Vec::with_capacity(wanted.len());
    for field in wanted {
        let Ok(values) = stored.field_by_name(field.name()) else {
            fields.push(Series::full_null(field.name().clone(), column.len(), field.dtype()));
            continue;
        };
        let converted = by_row(&values, field.dtype())?;
        fields.push(converted.values);
        misfits.extend(converted.misfits);
    }
    misfits.sort_unstable();
    misfits.dedup();
    let structs = StructChunked::from_series(column.name().clone(), column.len(), fields.iter())?;
    Ok(Converted { values: structs.with_outer_validity(column.rechunk_validity()).into_series(), misfits })
}

fn lists(column: &Series, inner: &DataType) -> PolarsResult<Converted> {
    let column = without_hidden(column);
    // A slice has the elements of the rows beside it too.
    let column = column.trim_lists_to_normalized_offsets().unwrap_or(column);
    let lists = column.list()?;
    let misfits = RefCell::new(Vec::new());
    let values = lists.apply_to_inner(&|elements| {
        let converted = by_row(&elements, inner)?;
        *misfits.borrow_mut() = converted.misfits;
        Ok(converted.values)
    })?;
    let offsets = values.downcast_as_array().offsets();
    let row_of = |element: usize| {
        let element = i64::try_from(element).unwrap_or(i64::MAX);
        offsets.as_slice().partition_point(|start| *start <= element).saturating_sub(1)
    };
    let mut misfits: Vec<usize> = misfits.into_inner().into_iter().map(row_of).collect();
    // Elements of one list are one row.
    misfits.dedup();
    Ok(Converted { values: values.into_series(), misfits })
}

/// Lists that all have the length of the array, or are misfits.
fn arrays(lists: &Series, width: usize, wanted: &DataType) -> PolarsResult<Converted> {
    let of_width = |list: Option<Series>| list.map(|list| list.len() == width);
    let lists_of_rows = lists.list()?;
    let fits: Vec<Option<bool>> = (0..lists.len()).map(|row| of_width(lists_of_rows.get_as_series(row))).collect();
    let misfits = (0..).zip(&fits).filter(|(_, fits)| **fits == Some(false)).map(|(row, _)| row).collect();
    let validity = fits.iter().map(|fits| *fits == Some(true)).collect();
    let fitting = without_hidden(&lists.rechunk().with_validity(Some(validity)));
    Ok(Converted { values: fitting.cast(wanted)?, misfits })
}

/// Why a nested value does not fit: what is said of the first value in it that does not.
pub(super) fn innermost_misfit(column: &Series, row: usize, wanted: &DataType) -> Option<String> {
    let one = column.slice(i64::try_from(row).ok()?, 1);
    match (one.dtype(), wanted) {
        (DataType::Struct(_), DataType::Struct(fields)) => {
            let one = without_hidden(&one);
            fields.iter().find_map(|field| {
                let values = one.struct_().ok()?.field_by_name(field.name()).ok()?;
                first_misfit(&values, field.dtype()).map(|reason| format!("{}: {reason}", field.name()))
            })
        }
        (DataType::List(_), DataType::List(inner)) => first_misfit(&one.list().ok()?.get_as_series(0)?, inner),
        _ => None,
    }
}

fn first_misfit(values: &Series, wanted: &DataType) -> Option<String> {
    let row = *by_row(values, wanted).ok()?.misfits.first()?;
    Some(reason(values, row, wanted))
}
