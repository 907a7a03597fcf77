//! Column types: which widen into which, and conversion that loses nothing.

use polars::chunked_array::cast::CastOptions;
use polars::prelude::*;

use crate::decimal::has_digits;
use crate::record::{CellError, CellFault};

/// The narrowest type that holds the values of both, or `None` where there is none.
///
/// Integers widen to wider integers, integers to `Float64`, `Float32` to `Float64`, decimals to those with more digits,
/// categories to text, null to anything, and lists and structs as their contents do. A signed integer beside `UInt64` becomes `UInt64`, which
/// [`convert`] refuses for negative values.
pub(crate) fn widen(left: &DataType, right: &DataType) -> Option<DataType> {
    use DataType::{Categorical, Decimal, Enum, Float32, Float64, List, Null, String, Struct};
    match (left, right) {
        (left, right) if left == right => Some(left.clone()),
        (Null, other) | (other, Null) => Some(other.clone()),
        (Float32, Float64) | (Float64, Float32) => Some(Float64),
        (int, Float32 | Float64) | (Float32 | Float64, int) if int.is_integer() => Some(Float64),
        (left, right) if left.is_integer() && right.is_integer() => Some(wider_integer(left, right)),
        (Decimal(left, left_scale), Decimal(right, right_scale)) => {
            wider_decimal([(*left, *left_scale), (*right, *right_scale)])
        }
        (Categorical(..) | Enum(..), String) | (String, Categorical(..) | Enum(..)) => Some(String),
        (List(left), List(right)) => Some(List(Box::new(widen(left, right)?))),
        (Struct(left), Struct(right)) => Some(Struct(widen_fields(left, right)?)),
        _ => None,
    }
}

fn wider_integer(left: &DataType, right: &DataType) -> DataType {
    use DataType::{Int8, Int16, Int32, Int64, Int128, UInt8, UInt16, UInt32, UInt64, UInt128};
    // Each type holds all values of those before it, but for `UInt64` and `UInt128` and the signed ones.
    let order = [UInt8, Int8, UInt16, Int16, UInt32, Int32, Int64, UInt64, Int128, UInt128];
    let rank = |data_type| order.iter().position(|other| other == data_type);
    let wider = if rank(left) < rank(right) { right } else { left };
    let mixed = left.is_signed_integer() != right.is_signed_integer();
    match wider {
        Int8 if mixed => Int16,
        UInt16 if mixed => Int32,
        Int16 if mixed && (left == &UInt16 || right == &UInt16) => Int32,
        UInt32 if mixed => Int64,
        Int32 if mixed && (left == &UInt32 || right == &UInt32) => Int64,
        other => other.clone(),
    }
}

/// The decimals that have all digits of both, before the point and after it.
fn wider_decimal(both: [(usize, usize); 2]) -> Option<DataType> {
    const MOST_DIGITS: usize = 38;
    let before = both.iter().map(|(precision, scale)| precision.saturating_sub(*scale)).max()?;
    let after = both.iter().map(|(_, scale)| *scale).max()?;
    (before + after <= MOST_DIGITS).then_some(DataType::Decimal(before + after, after))
}

/// The fields of both structs, those of the left first.
fn widen_fields(left: &[Field], right: &[Field]) -> Option<Vec<Field>> {
    let find = |fields: &[Field], name: &PlSmallStr| fields.iter().find(|field| field.name() == name).cloned();
    let mut fields = Vec::new();
    for field in left {
        let other = find(right, field.name());
        let data_type = other.map_or(Some(field.dtype().clone()), |other| widen(field.dtype(), other.dtype()))?;
        fields.push(Field::new(field.name().clone(), data_type));
    }
    fields.extend(right.iter().filter(|field| find(left, field.name()).is_none()).cloned());
    Some(fields)
}

/// Whether a file holds columns of a type.
pub(crate) fn is_storable(data_type: &DataType) -> bool {
    use DataType::{
        Array, Binary, Boolean, Categorical, Date, Datetime, Decimal, Duration, Enum, List, Null, String, Struct, Time,
    };
    match data_type {
        Boolean | Decimal(..) | String | Binary | Date | Datetime(..) | Duration(_) | Time | Null | Categorical(..)
        | Enum(..) => true,
        List(inner) => is_storable(inner),
        Array(inner, width) => *width > 0 && is_storable(inner),
        Struct(fields) => !fields.is_empty() && fields.iter().all(|field| is_storable(field.dtype())),
        other => other.is_integer() || other.is_float(),
    }
}

/// Whether a column of type `stored` can be read as `wanted`, as far as the types alone tell.
///
/// Beside widening, a reader may narrow: to smaller integers and to `Float32`, from 0 and 1 to booleans, from text to
/// dates, times and decimals. [`convert`] then refuses values that do not fit.
pub(crate) fn readable(stored: &DataType, wanted: &DataType) -> bool {
    use DataType::{Boolean, Date, Datetime, Decimal, Float32, Float64, List, String, Struct, Time};
    match (stored, wanted) {
        (Float64, Float32)
        | (String, Date | Datetime(..) | Time | Decimal(..))
        | (Datetime(..), Datetime(..))
        | (Decimal(..), Decimal(..)) => true,
        (stored, wanted) if stored.is_integer() && (wanted.is_integer() || wanted == &Boolean) => true,
        (List(stored), List(wanted)) => readable(stored, wanted),
        (Struct(stored), Struct(wanted)) => wanted.iter().all(|field| {
            let stored = stored.iter().find(|other| other.name() == field.name());
            stored.is_none_or(|stored| readable(stored.dtype(), field.dtype()))
        }),
        _ => widen(stored, wanted).as_ref() == Some(wanted),
    }
}

/// Converts a column, or names the first row whose value does not fit.
///
/// The types must be [`readable`] as each other.
pub(crate) fn convert(column: &Series, wanted: &DataType) -> Result<Series, CellError> {
    match (column.dtype(), wanted) {
        (stored, wanted) if stored == wanted => Ok(column.clone()),
        (DataType::Null, wanted) => Ok(Series::full_null(column.name().clone(), column.len(), wanted)),
        (DataType::Struct(_), DataType::Struct(fields)) => convert_struct(column, fields),
        (DataType::List(_), DataType::List(inner)) => convert_list(column, inner),
        _ => convert_values(column, wanted),
    }
}

fn convert_values(column: &Series, wanted: &DataType) -> Result<Series, CellError> {
    let converted = cast(column, wanted)?;
    // Polars turns what does not fit into null.
    let unfit = (column.null_count() != converted.null_count()).then(|| first_difference(column, &converted)).flatten();
    let unfit = match unfit {
        None if rounds(column.dtype(), wanted) => first_unequal(column, &cast(&converted, column.dtype())?),
        None if wanted == &DataType::Boolean => first_unequal(column, &cast(&converted, column.dtype())?),
        None => first_rounded(column, wanted),
        found => found,
    };
    match unfit {
        None => Ok(converted),
        Some(row) => Err(fault(column, row, wanted)),
    }
}

fn cast(column: &Series, wanted: &DataType) -> Result<Series, CellError> {
    column.cast_with_options(wanted, CastOptions::NonStrict).map_err(|cause| CellError {
        column: column.name().to_string(),
        row: 0,
        fault: CellFault::Value(cause.to_string()),
    })
}

/// Whether the cast may change a value without making it null.
fn rounds(stored: &DataType, wanted: &DataType) -> bool {
    match (stored, wanted) {
        (DataType::Decimal(_, stored), DataType::Decimal(_, wanted)) => wanted < stored,
        (stored, wanted) => stored.is_integer() && wanted.is_float(),
    }
}

/// The first row that has a value in `column` and none in `converted`.
fn first_difference(column: &Series, converted: &Series) -> Option<usize> {
    let lost = converted.is_null() & column.is_not_null();
    lost.iter().position(|lost| lost == Some(true))
}

fn first_unequal(column: &Series, back: &Series) -> Option<usize> {
    let equal = column.equal_missing(back).ok()?;
    equal.iter().position(|equal| equal == Some(false))
}

/// The first text of a decimal number with more digits after its point than the wanted type has.
fn first_rounded(column: &Series, wanted: &DataType) -> Option<usize> {
    let (Ok(texts), DataType::Decimal(_, scale)) = (column.str(), wanted) else { return None };
    texts.iter().position(|text| text.is_some_and(|text| !has_digits(text, *scale)))
}

fn fault(column: &Series, row: usize, wanted: &DataType) -> CellError {
    let value = column.get(row).map_or_else(|_| "a value".to_owned(), |value| value.to_string());
    CellError {
        column: column.name().to_string(),
        row,
        fault: CellFault::Value(format!("{value} does not fit in {wanted}")),
    }
}

/// Fields that the stored struct lacks are null; those that nobody wants are left out.
fn convert_struct(column: &Series, wanted: &[Field]) -> Result<Series, CellError> {
    // The validity is that of all rows, and can be set on a single chunk only.
    let column = &column.rechunk();
    let stored = column.struct_().map_err(|cause| polars_fault(column, &cause))?;
    let fields: Result<Vec<Series>, CellError> = wanted
        .iter()
        .map(|field| match stored.field_by_name(field.name()) {
            Ok(values) => convert(&values, field.dtype()),
            Err(_) => Ok(Series::full_null(field.name().clone(), column.len(), field.dtype())),
        })
        .map(|values| values.map_err(|cause| CellError { column: column.name().to_string(), ..cause }))
        .collect();
    let converted = StructChunked::from_series(column.name().clone(), column.len(), fields?.iter())
        .map_err(|cause| polars_fault(column, &cause))?;
    let converted = converted.with_outer_validity(column.rechunk_validity());
    Ok(converted.into_series())
}

fn convert_list(column: &Series, inner: &DataType) -> Result<Series, CellError> {
    let lists = column.list().map_err(|cause| polars_fault(column, &cause))?;
    let converted = lists.apply_to_inner(&|values| {
        convert(&values, inner).map_err(|cause| match cause.fault {
            CellFault::Value(reason) => PolarsError::ComputeError(reason.into()),
            CellFault::Null => PolarsError::ComputeError("null".into()),
        })
    });
    Ok(converted.map_err(|cause| polars_fault(column, &cause))?.into_series())
}

fn polars_fault(column: &Series, cause: &PolarsError) -> CellError {
    CellError { column: column.name().to_string(), row: 0, fault: CellFault::Value(cause.to_string()) }
}
