//! Columns without anything nested: booleans, numbers, text, bytes, dates and times.

use std::fmt::Write;

use polars::prelude::*;

use super::moment::{self, Moment};
use super::number::{self, Float, Number};
use super::{Converted, cast, refused, text};

/// Converts a column between types of which [`conversion`](super::conversion) says that it may.
pub(super) fn converted(column: &Series, wanted: &DataType) -> PolarsResult<Converted> {
    use DataType::{
        Binary, Boolean, Categorical, Date, Datetime, Decimal, Duration, Enum, Float32, Float64, String, Time,
    };
    match (column.dtype(), wanted) {
        (String, Binary | Categorical(..) | Enum(..)) | (Float32, Float64) => cast(column, wanted),
        (Binary, String) => {
            let utf8 = |bytes| str::from_utf8(bytes).ok().map(str::to_owned);
            Ok(to_text(column, column.binary()?.iter(), utf8))
        }
        (String, _) => of_text(column, column.str()?, wanted),
        (Boolean, String) => Ok(to_text(column, column.bool()?.iter(), |value| Some(value.to_string()))),
        (Boolean, _) => cast(column, wanted),
        (from, wanted) if from.is_integer() && wanted.is_integer() => cast(column, wanted),
        (from, _) if from.is_integer() => of_integers(column, wanted),
        (Float32, _) => of_floats(column, column.f32()?.iter(), wanted),
        (Float64, _) => of_floats(column, column.f64()?.iter(), wanted),
        (Decimal(_, scale), _) => of_decimals(column, *scale, wanted),
        (Date | Time | Datetime(..) | Duration(_), _) => of_moments(column, wanted),
        _ => Ok(refused(column, wanted)),
    }
}

/// What becomes of each cell, and the rows of those of which nothing does.
fn mapped<I, V, C: FromIterator<Option<V>>>(
    cells: impl Iterator<Item = Option<I>>,
    read: impl Fn(I) -> Option<V>,
) -> (C, Vec<usize>) {
    let mut misfits = Vec::new();
    let read_each = cells.enumerate().map(|(row, cell)| {
        let value = read(cell?);
        if value.is_none() {
            misfits.push(row);
        }
        value
    });
    (read_each.collect(), misfits)
}

fn named<C: IntoSeries>(column: &Series, (values, misfits): (C, Vec<usize>)) -> Converted {
    Converted { values: values.into_series().with_name(column.name().clone()), misfits }
}

fn to_text<I>(
    column: &Series,
    cells: impl Iterator<Item = Option<I>>,
    write: impl Fn(I) -> Option<String>,
) -> Converted {
    named::<StringChunked>(column, mapped(cells, write))
}

fn to_booleans<I>(
    column: &Series,
    cells: impl Iterator<Item = Option<I>>,
    read: impl Fn(I) -> Option<bool>,
) -> Converted {
    named::<BooleanChunked>(column, mapped(cells, read))
}

/// Integers of 128 bits in the wanted type. Only text has integers that these do not hold.
fn to_integers<I>(
    column: &Series,
    cells: impl Iterator<Item = Option<I>>,
    wanted: &DataType,
    read: impl Fn(I) -> Option<i128>,
) -> PolarsResult<Converted> {
    named::<Int128Chunked>(column, mapped(cells, read)).then(|integers| cast(integers, wanted))
}

fn to_decimals<I>(
    column: &Series,
    cells: impl Iterator<Item = Option<I>>,
    (precision, scale): (usize, usize),
    read: impl Fn(I) -> Option<Number>,
) -> PolarsResult<Converted> {
    let (numbers, misfits) = mapped::<_, _, Int128Chunked>(cells, |cell| read(cell)?.in_decimal(precision, scale));
    Ok(named(column, (numbers.into_decimal(precision, scale)?, misfits)))
}

fn to_dates<I>(column: &Series, cells: impl Iterator<Item = Option<I>>, read: impl Fn(I) -> Option<i32>) -> Converted {
    let (days, misfits) = mapped::<_, _, Int32Chunked>(cells, read);
    named(column, (days.into_date(), misfits))
}

fn to_datetimes<I>(
    column: &Series,
    cells: impl Iterator<Item = Option<I>>,
    (unit, zone): (TimeUnit, Option<&TimeZone>),
    read: impl Fn(I) -> Option<i64>,
) -> Converted {
    let (counts, misfits) = mapped::<_, _, Int64Chunked>(cells, read);
    named(column, (counts.into_datetime(unit, zone.cloned()), misfits))
}

fn of_text(column: &Series, texts: &StringChunked, wanted: &DataType) -> PolarsResult<Converted> {
    let cells = texts.iter();
    Ok(match wanted {
        DataType::Boolean => to_booleans(column, cells, text::boolean),
        DataType::UInt128 => named::<UInt128Chunked>(column, mapped(cells, text::integer)),
        DataType::Float32 => named::<Float32Chunked>(column, mapped(cells, text::float)),
        DataType::Float64 => named::<Float64Chunked>(column, mapped(cells, text::float)),
        DataType::Decimal(precision, scale) => to_decimals(column, cells, (*precision, *scale), Number::read)?,
        DataType::Date => to_dates(column, cells, |text| Moment::read(text)?.date()),
        DataType::Time => {
            let (nanos, misfits) = mapped::<_, _, Int64Chunked>(cells, moment::time_of_day);
            named(column, (nanos.into_time(), misfits))
        }
        DataType::Datetime(unit, zone) => {
            let read = |text| Moment::read(text)?.of_clock(*unit, zone.as_ref());
            to_datetimes(column, cells, (*unit, zone.as_ref()), read)
        }
        integer => to_integers(column, cells, integer, text::integer)?,
    })
}

fn of_integers(column: &Series, wanted: &DataType) -> PolarsResult<Converted> {
    if let (Ok(integers), DataType::String) = (column.u128(), wanted) {
        return Ok(to_text(column, integers.iter(), |integer| Some(integer.to_string())));
    }
    if let (Ok(integers), true) = (column.u128(), wanted.is_float()) {
        let as_float = |integer: u128| i128::try_from(integer).map_or_else(|_| huge_float(integer), exact_float);
        return named::<Float64Chunked>(column, mapped(integers.iter(), as_float))
            .then(|floats| narrowed(floats, wanted));
    }
    cast(column, &DataType::Int128)?.then(|integers| {
        let cells = integers.i128()?.iter();
        Ok(match wanted {
            DataType::String => to_text(column, cells, |integer| Some(integer.to_string())),
            DataType::Boolean => to_booleans(column, cells, |integer| match integer {
                0 => Some(false),
                1 => Some(true),
                _ => None,
            }),
            DataType::Decimal(precision, scale) => {
                to_decimals(column, cells, (*precision, *scale), |integer| Some(Number::new(integer, 0)))?
            }
            DataType::Float32 | DataType::Float64 => {
                let floats = named::<Float64Chunked>(column, mapped(cells, exact_float));
                floats.then(|floats| narrowed(floats, wanted))?
            }
            _ => refused(column, wanted),
        })
    })
}

/// Floats of integers, in the smaller type where that is wanted.
fn narrowed(floats: &Series, wanted: &DataType) -> PolarsResult<Converted> {
    if wanted == floats.dtype() {
        return Ok(Converted::all(floats.clone()));
    }
    #[expect(clippy::cast_possible_truncation, reason = "what changes is refused")]
    let narrow = |float: f64| Some(float as f32).filter(|small| f64::from(*small).to_bits() == float.to_bits());
    Ok(named::<Float32Chunked>(floats, mapped(floats.f64()?.iter(), narrow)))
}

/// 2¹²⁷, the first float that no `i128` is.
const BEYOND: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;

/// The float that is the integer.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "what changes is refused")]
fn exact_float(integer: i128) -> Option<f64> {
    let float = integer as f64;
    (float < BEYOND && float as i128 == integer).then_some(float)
}

/// The float that is an integer of all 128 bits.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what changes is refused"
)]
fn huge_float(integer: u128) -> Option<f64> {
    let float = integer as f64;
    (float < 2.0 * BEYOND && float as u128 == integer).then_some(float)
}

/// The integer that the float is.
#[expect(clippy::cast_possible_truncation, reason = "it is whole and within the range")]
fn whole(float: f64) -> Option<i128> {
    (float.fract() == 0.0 && (-BEYOND..BEYOND).contains(&float)).then_some(float as i128)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is whole and within the range")]
fn unsigned_whole(float: f64) -> Option<u128> {
    (float.fract() == 0.0 && (0.0..2.0 * BEYOND).contains(&float)).then_some(float as u128)
}

fn of_floats<F: Float>(
    column: &Series,
    cells: impl Iterator<Item = Option<F>>,
    wanted: &DataType,
) -> PolarsResult<Converted> {
    Ok(match wanted {
        DataType::String => to_text(column, cells, |float| Some(float.text())),
        DataType::Decimal(precision, scale) => to_decimals(column, cells, (*precision, *scale), number::of_float)?,
        DataType::Float32 => named::<Float32Chunked>(column, mapped(cells, |float| small_float(float.widened()))),
        DataType::UInt128 => named::<UInt128Chunked>(column, mapped(cells, |float| unsigned_whole(float.widened()))),
        integer => to_integers(column, cells, integer, |float| whole(float.widened()))?,
    })
}

/// The small float that has all digits of the float, or is as infinite or no number as it.
#[expect(clippy::cast_possible_truncation, reason = "what changes is refused")]
fn small_float(float: f64) -> Option<f32> {
    let nearest = float as f32;
    if f64::from(nearest).to_bits() == float.to_bits() || float.is_nan() {
        return Some(nearest);
    }
    number::of_float(float).and_then(number::to_float)
}

fn of_decimals(column: &Series, scale: usize, wanted: &DataType) -> PolarsResult<Converted> {
    let exponent = i32::try_from(scale).map_or(0, |scale| -scale);
    let physical = column.to_physical_repr();
    let cells = physical.i128()?.iter();
    let number = |digits| Number::new(digits, exponent);
    Ok(match wanted {
        DataType::String => to_text(column, cells, |digits| Some(decimal_text(digits, scale))),
        DataType::Float32 => named::<Float32Chunked>(column, mapped(cells, |digits| number::to_float(number(digits)))),
        DataType::Float64 => named::<Float64Chunked>(column, mapped(cells, |digits| number::to_float(number(digits)))),
        DataType::Decimal(precision, scale) => {
            to_decimals(column, cells, (*precision, *scale), |digits| Some(number(digits)))?
        }
        integer => to_integers(column, cells, integer, |digits| number(digits).whole())?,
    })
}

/// All digits of the scale, as databases write decimals.
fn decimal_text(digits: i128, scale: usize) -> String {
    let sign = if digits < 0 { "-" } else { "" };
    let mut text = format!("{:0width$}", digits.unsigned_abs(), width = scale + 1);
    if scale > 0 {
        text.insert(text.len() - scale, '.');
    }
    text.insert_str(0, sign);
    text
}

fn of_moments(column: &Series, wanted: &DataType) -> PolarsResult<Converted> {
    use DataType::{Date, Datetime, Duration, String, Time};
    let physical = column.to_physical_repr();
    Ok(match (column.dtype(), wanted) {
        (Date, String) => to_text(column, physical.i32()?.iter(), |days| Some(moment::date_text(days))),
        (Time, String) => to_text(column, physical.i64()?.iter(), moment::time_text),
        (Datetime(unit, zone), String) => {
            let suffix = if zone.is_some() { "+00:00" } else { "" };
            to_text(column, physical.i64()?.iter(), |count| {
                let mut text = moment::datetime_text(count, *unit);
                text.write_str(suffix).ok()?;
                Some(text)
            })
        }
        (Date, Datetime(unit, zone)) => {
            let read = |days: i32| Moment::midnight(days).in_units(*unit);
            to_datetimes(column, physical.i32()?.iter(), (*unit, zone.as_ref()), read)
        }
        (Datetime(unit, _), Date) => to_dates(column, physical.i64()?.iter(), |count| Moment::at(count, *unit).date()),
        (Datetime(from, _), Datetime(unit, zone)) => {
            let read = |count| moment::in_other_units(count, *from, *unit);
            to_datetimes(column, physical.i64()?.iter(), (*unit, zone.as_ref()), read)
        }
        (Duration(from), Duration(unit)) => {
            let (counts, misfits) = mapped::<_, _, Int64Chunked>(physical.i64()?.iter(), |count| {
                moment::in_other_units(count, *from, *unit)
            });
            named(column, (counts.into_duration(*unit), misfits))
        }
        _ => refused(column, wanted),
    })
}
