//! Column types: which widen into which, and which a file holds.

use polars::prelude::*;

/// The narrowest type that holds the values of both, or `None` where there is none.
///
/// Integers widen to wider integers, integers to `Float64`, `Float32` to `Float64`, decimals to those with more digits,
/// datetimes and durations to finer units, categories to text, null to anything, and lists and structs as their contents
/// do. Where that type does not hold every value of both, [conversion](crate::convert) refuses those that it does not:
/// integers that are no floats, times beyond the range of a finer unit, and negative integers beside `UInt64`.
pub(crate) fn widen(left: &DataType, right: &DataType) -> Option<DataType> {
    use DataType::{Categorical, Datetime, Decimal, Duration, Enum, Float32, Float64, List, Null, String, Struct};
    match (left, right) {
        (left, right) if left == right => Some(left.clone()),
        (Null, other) | (other, Null) => Some(other.clone()),
        (Float32, Float64) | (Float64, Float32) => Some(Float64),
        (int, Float32 | Float64) | (Float32 | Float64, int) if int.is_integer() => Some(Float64),
        (left, right) if left.is_integer() && right.is_integer() => Some(wider_integer(left, right)),
        (Decimal(left, left_scale), Decimal(right, right_scale)) => {
            wider_decimal([(*left, *left_scale), (*right, *right_scale)])
        }
        (Datetime(left, zone), Datetime(right, other)) if zone == other => {
            Some(Datetime(finer(*left, *right), zone.clone()))
        }
        (Duration(left), Duration(right)) => Some(Duration(finer(*left, *right))),
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

fn finer(left: TimeUnit, right: TimeUnit) -> TimeUnit {
    match (left, right) {
        (TimeUnit::Nanoseconds, _) | (_, TimeUnit::Nanoseconds) => TimeUnit::Nanoseconds,
        (TimeUnit::Microseconds, _) | (_, TimeUnit::Microseconds) => TimeUnit::Microseconds,
        _ => TimeUnit::Milliseconds,
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
