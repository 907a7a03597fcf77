//! Conversion of columns: one policy for what is brought, stored, declared and pinned.
//!
//! A value becomes the same value of another type, or it does not fit and is named. Nothing is rounded, cut or wrapped:
//!
//! | from | to | |
//! |---|---|---|
//! | any type | the same | exact |
//! | null | any type | exact |
//! | boolean | integer | exact: 0 and 1 |
//! | integer | wider integer | exact |
//! | integer | any other integer | checked: within its range |
//! | integer | boolean | checked: 0 and 1 |
//! | integer | float | exact where every value of the type is a float, else checked: integers that are |
//! | integer | decimal | exact where it has the digits of every value, else checked: numbers of as many digits |
//! | `Float32` | `Float64` | exact |
//! | `Float64` | `Float32` | checked: numbers that have all their digits in it |
//! | float | integer | checked: whole numbers within its range; −0 is 0 |
//! | float | decimal | checked: finite numbers of as many digits, as the shortest text that reads as the float has them |
//! | decimal | decimal | exact where it has the digits of both, else checked: numbers of as many digits |
//! | decimal | integer | checked: whole numbers within its range |
//! | decimal | float | checked: numbers that have all their digits in it |
//! | boolean, number | text | exact, where that is pinned |
//! | text | decimal | checked: text that writes a number of as many digits |
//! | text | boolean, integer, float | checked: text that writes one, where that is pinned |
//! | text | date, time, datetime | checked: ISO 8601 as [`moment`] reads it, in whole units of the type |
//! | date, time, datetime | text | exact: `2024-01-01`, `12:00:00`, `2024-01-01 12:00:00`, with a zone followed by `+00:00` |
//! | date | datetime, with the zone UTC or none | checked: midnight, where that is within its range |
//! | datetime, with the zone UTC or none | date | checked: midnights |
//! | datetime | datetime in another unit or zone | checked: whole units within its range; without a zone it is UTC's, and no other zone may go |
//! | duration | duration in another unit | checked: whole units within its range |
//! | text | bytes | exact: UTF-8 |
//! | bytes | text | checked: UTF-8 |
//! | category, enum | as text | as text |
//! | text | category | exact |
//! | text | enum | checked: its categories |
//! | list, array | list | as their elements |
//! | list, array | array | checked: of its length, and as their elements |
//! | struct | struct | as their fields; those that nobody wants are left out, and those that are not there are null |
//! | list, array, struct | text | exact: JSON |
//! | any other pair | | refused |
//!
//! A float *has all digits* of a number if it reads the same when it is written with as many digits: 0.1 is a number
//! that both floats have, 9007199254740993 and 0.1234567890123456789 are none.

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

pub(crate) use self::decide::{Conversion, conversion};
use crate::record::{CellError, CellFault};

/// Whether a record may declare that it reads a column of one type as another, as far as the types alone tell.
///
/// What is text for one and a number for the other is most likely a mistake: that has to be pinned.
pub(crate) fn is_readable(stored: &DataType, wanted: &DataType) -> bool {
    conversion(stored, wanted) != Conversion::Refused && !decide::is_number_of_text(stored, wanted)
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
    if !is_readable(column.dtype(), wanted) || !is_readable(wanted, column.dtype()) {
        return None;
    }
    let converted = convert(column, wanted).ok()?;
    let back = convert(&converted, column.dtype()).ok()?;
    back.equals_missing(column).then_some(converted)
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
        AnyValue::Duration(count, unit) => format!("{count} {unit}"),
        value => match value.to_string() {
            long if long.chars().nth(MOST).is_some() => long.chars().take(MOST).chain(['…']).collect(),
            short => short,
        },
    }
}
