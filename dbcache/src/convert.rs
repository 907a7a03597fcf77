//! Conversion of columns: one policy for what is brought, stored, declared and pinned.
#![doc = ""]
#![doc = include_str!("../CONVERSIONS.md")]

mod cell;
mod decide;
pub(crate) mod moment;
mod nested;
mod number;
mod scalar;
pub(crate) mod text;

#[cfg(test)]
mod tests;

use polars::chunked_array::cast::CastOptions;
use polars::prelude::*;

pub use self::cell::CellError;
pub(crate) use self::cell::CellFault;
pub(crate) use self::decide::{Conversion, are_other_kinds, conversion};
use crate::data_type::widen;

/// Whether a record may declare that it reads a column of one type as another, as far as the types alone tell.
///
/// A document says itself what in it is text, a number or a boolean.
pub(crate) fn is_readable(stored: &DataType, wanted: &DataType) -> bool {
    conversion(stored, wanted) != Conversion::Refused && !decide::are_other_kinds_in_structs(stored, wanted)
}

/// Whether values of one type may be stored as another without anybody having declared it, as far as the types alone
/// tell. The text `7` is not the number, and 1 is not true: nothing says that one stands for the other.
pub(crate) fn is_storable_as(brought: &DataType, stored: &DataType) -> bool {
    conversion(brought, stored) != Conversion::Refused && !are_other_kinds(brought, stored)
}

/// The first key in nested types whose types do not go together, with both; `None` where no key is to blame.
pub(crate) fn mismatch(left: &DataType, right: &DataType) -> Option<(String, DataType, DataType)> {
    match (left, right) {
        (DataType::List(left) | DataType::Array(left, _), DataType::List(right) | DataType::Array(right, _)) => {
            mismatch(left, right)
        }
        (DataType::Struct(left), DataType::Struct(right)) => right.iter().find_map(|field| {
            let other = left.iter().find(|other| other.name() == field.name())?;
            let inner = mismatch(other.dtype(), field.dtype());
            inner.map(|(key, left, right)| (format!("{}.{key}", field.name()), left, right)).or_else(|| {
                let go_together = is_storable_as(other.dtype(), field.dtype())
                    || is_storable_as(field.dtype(), other.dtype())
                    || widen(other.dtype(), field.dtype()).is_some();
                (!go_together).then(|| (field.name().to_string(), other.dtype().clone(), field.dtype().clone()))
            })
        }),
        _ => None,
    }
}

/// A column, or the key in it that is to blame, and the types that do not go together.
pub(crate) fn culprit(column: &str, left: &DataType, right: &DataType) -> (String, DataType, DataType) {
    match mismatch(left, right) {
        Some((key, left, right)) => (format!("{column}.{key}"), left, right),
        None => (column.to_owned(), left.clone(), right.clone()),
    }
}

/// A column in another type, null where a value does not fit.
pub(crate) struct Converted {
    pub(crate) values: Series,
    /// The rows whose values do not fit, in order.
    pub(crate) misfits: Vec<usize>,
}

impl Converted {
    fn all(values: Series) -> Self {
        Self { values, misfits: Vec::new() }
    }

    /// What becomes of the values in yet another type.
    fn then(self, next: impl FnOnce(&Series) -> PolarsResult<Self>) -> PolarsResult<Self> {
        let mut next = next(&self.values)?;
        if !self.misfits.is_empty() {
            // A row is here twice where an element of its list does not fit, and then the list itself.
            next.misfits.extend(self.misfits);
            next.misfits.sort_unstable();
            next.misfits.dedup();
        }
        Ok(next)
    }
}

/// Converts a column of any number of chunks, and says of each row whether its value fits.
///
/// Of a pair of types that is refused no value fits.
pub(crate) fn by_row(column: &Series, wanted: &DataType) -> PolarsResult<Converted> {
    if column.dtype() == wanted {
        return Ok(Converted::all(column.clone()));
    }
    let converted = match (column.dtype(), wanted) {
        _ if conversion(column.dtype(), wanted) == Conversion::Refused => refused(column, wanted),
        (DataType::Null, wanted) => Converted::all(Series::full_null(column.name().clone(), column.len(), wanted)),
        (DataType::Categorical(..) | DataType::Enum(..), wanted) => {
            cast(column, &DataType::String)?.then(|text| by_row(text, wanted))?
        }
        (DataType::Float16, wanted) => cast(column, &DataType::Float32)?.then(|floats| by_row(floats, wanted))?,
        (from, _) if from.is_nested() => nested::converted(column, wanted)?,
        _ => scalar::converted(column, wanted)?,
    };
    Ok(converted)
}

fn refused(column: &Series, wanted: &DataType) -> Converted {
    Converted {
        values: Series::full_null(column.name().clone(), column.len(), wanted),
        misfits: rows_of(&column.is_not_null()),
    }
}

/// Casts between types of which Polars makes null what does not fit, and nothing else.
fn cast(column: &Series, wanted: &DataType) -> PolarsResult<Converted> {
    let values = column.cast_with_options(wanted, CastOptions::NonStrict)?;
    if values.null_count() == column.null_count() {
        return Ok(Converted::all(values));
    }
    let lost = values.is_null() & column.is_not_null();
    Ok(Converted { values, misfits: rows_of(&lost) })
}

fn rows_of(chosen: &BooleanChunked) -> Vec<usize> {
    chosen.iter().enumerate().filter(|(_, chosen)| *chosen == Some(true)).map(|(row, _)| row).collect()
}

/// Converts a column, or names the first row whose value does not fit.
pub(crate) fn convert(column: &Series, wanted: &DataType) -> Result<Series, CellError> {
    let fault = |row, reason| CellError { column: column.name().to_string(), row, fault: CellFault::Value(reason) };
    let converted = by_row(column, wanted).map_err(|cause| fault(0, cause.to_string()))?;
    match converted.misfits.first() {
        None => Ok(converted.values),
        Some(row) => Err(fault(*row, reason(column, *row, wanted))),
    }
}

/// Converts a column into what records can read as its own type, if that gives back the same values.
pub(crate) fn reversibly(column: &Series, wanted: &DataType) -> Option<Series> {
    if !is_storable_as(column.dtype(), wanted) || !is_storable_as(wanted, column.dtype()) {
        return None;
    }
    let converted = convert(column, wanted).ok()?;
    if column.dtype().is_string() && (wanted.is_temporal() || wanted.is_decimal()) {
        // What the text says is there, though it may be spelled in another way.
        return Some(converted);
    }
    let back = convert(&converted, column.dtype()).ok()?;
    (back.equals_missing(column) && has_same_zeros(&back, column)).then_some(converted)
}

/// Whether equal floats are the same: -0.0 equals 0.0.
fn has_same_zeros(back: &Series, column: &Series) -> bool {
    match (back.f64(), column.f64()) {
        (Ok(back), Ok(column)) => back
            .iter()
            .flatten()
            .zip(column.iter().flatten())
            .all(|(back, float)| back.is_sign_negative() == float.is_sign_negative()),
        _ => true,
    }
}

/// Why a value of a row does not fit.
pub(crate) fn reason(column: &Series, row: usize, wanted: &DataType) -> String {
    if let Some(reason) = nested::innermost_misfit(column, row, wanted) {
        return reason;
    }
    let value = match column.get(row) {
        Ok(value) if !column.dtype().is_nested() => shown(&value),
        _ => format!("a value of {}", column.dtype()),
    };
    match conversion(column.dtype(), wanted) {
        Conversion::Checked(takes) => format!("{value} does not fit in {wanted}, which takes {takes}"),
        _ => format!("{value} does not fit in {wanted}"),
    }
}

/// A value as messages show it, not of a nested type. Polars panics where a date or time is beyond its calendar.
pub(crate) fn shown(value: &AnyValue<'_>) -> String {
    const MOST: usize = 100;
    if let Some(text) = moment::text(value) {
        return text;
    }
    match value {
        AnyValue::Float32(float) => text::Float::text(*float),
        AnyValue::Float64(float) => text::Float::text(*float),
        AnyValue::Duration(count, unit) => format!("{count} {unit}"),
        value => match value.to_string() {
            long if long.chars().nth(MOST).is_some() => long.chars().take(MOST).chain(['…']).collect(),
            short => short,
        },
    }
}
