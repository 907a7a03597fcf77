//! What a path ends at in structured data, given the type that the same values as JSON text would have.

use std::fmt::Write;

use polars::prelude::*;

use super::Pending;
use crate::convert;
use crate::json_path::{PathError, Strictness, Wanted, canonical, refused, text};

/// Gives the column the pinned type, or the type that its values have in JSON.
pub(super) fn present(column: &Series, one: &Pending<'_>, strictness: Strictness) -> Result<Series, PathError> {
    if let Some(pinned) = one.wanted.pinned {
        return pin(column, pinned, one, strictness);
    }
    let in_json = in_json(column.dtype());
    if has_struct_without_fields(&in_json) {
        return pin(column, &DataType::String, one, strictness);
    }
    if in_json == *column.dtype() {
        return Ok(column.clone().with_name(PlSmallStr::EMPTY));
    }
    match reshape(column, &in_json) {
        Ok(reshaped) => Ok(reshaped.with_name(PlSmallStr::EMPTY)),
        // Integers that are too large: text holds them.
        Err(_) => pin(column, &DataType::String, one, strictness),
    }
}

/// Whether what is wanted of whole texts is in them as they are: text, or a date and the like, which JSON has as a
/// string. Anything else is read from them as JSON.
pub(super) fn is_plain_text(wanted: &Wanted<'_>) -> bool {
    wanted.pinned.is_none_or(|pinned| !is_in_json(pinned))
}

/// Whether what is wanted of whole texts is a structure in them.
pub(super) fn is_nested(wanted: &Wanted<'_>) -> bool {
    wanted.pinned.is_some_and(DataType::is_nested)
}

fn is_in_json(data_type: &DataType) -> bool {
    data_type.is_integer()
        || data_type.is_float()
        || data_type.is_nested()
        || matches!(data_type, DataType::Boolean | DataType::Null)
}

fn pin(column: &Series, pinned: &DataType, one: &Pending<'_>, strictness: Strictness) -> Result<Series, PathError> {
    if pinned == column.dtype() {
        return Ok(column.clone().with_name(PlSmallStr::EMPTY));
    }
    if !is_known_to_json(column.dtype()) || !is_known_to_json(pinned) {
        return converted(column, pinned, one, strictness);
    }
    if is_wider(pinned, column.dtype()) {
        let widened = column.strict_cast(pinned).map_err(refused(one.path))?;
        return Ok(widened.with_name(PlSmallStr::EMPTY));
    }
    let documents = if column.dtype().is_string() && pinned.is_nested() {
        column.str().map_err(refused(one.path))?.clone()
    } else {
        to_json(column).map_err(refused(one.path))?
    };
    let wanted = [Wanted { steps: &[], pinned: Some(pinned) }];
    let columns =
        text::extract(&documents, &wanted, strictness).map_err(|error| PathError { path: one.path, ..error })?;
    let column = columns.into_iter().next();
    column.ok_or_else(|| refused(one.path)(polars_err!(ComputeError: "no column came of one path")))
}

/// The values in the pinned type, as a record would read them.
pub(super) fn converted(
    column: &Series,
    pinned: &DataType,
    one: &Pending<'_>,
    strictness: Strictness,
) -> Result<Series, PathError> {
    let converted = convert::by_row(column, pinned).map_err(refused(one.path))?;
    match (strictness, converted.misfits.first()) {
        (Strictness::Strict, Some(row)) => {
            Err(PathError { row: *row, path: one.path, reason: convert::reason(column, *row, pinned) })
        }
        _ => Ok(converted.values.with_name(PlSmallStr::EMPTY)),
    }
}

/// Whether values of a type are in JSON as what they are, and not in strings.
fn is_known_to_json(data_type: &DataType) -> bool {
    is_in_json(data_type) || data_type.is_string() || data_type.is_decimal()
}

/// Whether a number type holds all values of another.
fn is_wider(pinned: &DataType, stored: &DataType) -> bool {
    let small = matches!(stored, DataType::Int8 | DataType::Int16 | DataType::Int32)
        || matches!(stored, DataType::UInt8 | DataType::UInt16 | DataType::UInt32);
    small && matches!(pinned, DataType::Int64 | DataType::Float64)
}

/// The type that the values of a type have when they come from JSON text. Types that JSON does not know stay.
fn in_json(data_type: &DataType) -> DataType {
    match data_type {
        integer if integer.is_integer() => DataType::Int64,
        DataType::Float16 | DataType::Float32 => DataType::Float64,
        DataType::Categorical(..) | DataType::Enum(..) => DataType::String,
        DataType::List(inner) | DataType::Array(inner, _) => DataType::List(Box::new(in_json(inner))),
        DataType::Struct(fields) => {
            let mut fields: Vec<Field> =
                fields.iter().map(|field| Field::new(field.name().clone(), in_json(field.dtype()))).collect();
            fields.sort_by(|left, right| left.name().cmp(right.name()));
            DataType::Struct(fields)
        }
        other => other.clone(),
    }
}

/// Whether a struct without fields is in it, which no Parquet file holds.
pub(in crate::json_path) fn has_struct_without_fields(data_type: &DataType) -> bool {
    match data_type {
        DataType::Struct(fields) => {
            fields.is_empty() || fields.iter().any(|field| has_struct_without_fields(field.dtype()))
        }
        DataType::List(inner) | DataType::Array(inner, _) => has_struct_without_fields(inner),
        _ => false,
    }
}

/// Casts to a type that differs in the width of numbers and the order of fields only.
fn reshape(column: &Series, data_type: &DataType) -> PolarsResult<Series> {
    column.strict_cast(data_type)
}

/// Each row as JSON text. Fields of structs that are null are left out, as a missing key is null too.
pub(in crate::json_path) fn to_json(column: &Series) -> PolarsResult<StringChunked> {
    let mut texts = StringChunkedBuilder::new(PlSmallStr::EMPTY, column.len());
    let mut text = String::new();
    for row in 0..column.len() {
        let value = column.get(row)?;
        if value.is_null() {
            texts.append_null();
            continue;
        }
        text.clear();
        write(&mut text, &value)?;
        texts.append_value(&text);
    }
    Ok(texts.finish())
}

fn write(text: &mut String, value: &AnyValue<'_>) -> PolarsResult<()> {
    match value {
        AnyValue::Null => text.push_str("null"),
        AnyValue::Boolean(value) => text.push_str(if *value { "true" } else { "false" }),
        AnyValue::Float32(value) => write_float(text, (*value).into()),
        AnyValue::Float64(value) => write_float(text, *value),
        AnyValue::List(elements) | AnyValue::Array(elements, _) => write_array(text, elements)?,
        AnyValue::Struct(..) => write_object(text, value)?,
        AnyValue::UInt128(value) => text.push_str(&value.to_string()),
        AnyValue::Decimal(unscaled, _, scale) => _ = write!(text, "{unscaled}e-{scale}"),
        value if value.is_integer() => text.push_str(&integer(value)?.to_string()),
        value => match value.get_str() {
            Some(value) => canonical::write_string(text, value),
            None => canonical::write_string(text, &convert::moment::text(value).unwrap_or_else(|| value.to_string())),
        },
    }
    Ok(())
}

/// An integer of at most 128 bits with a sign.
fn integer(value: &AnyValue<'_>) -> PolarsResult<i128> {
    value.extract().ok_or_else(|| polars_err!(ComputeError: "{value} is not an integer of 128 bits"))
}

/// Finite floats with a point or an exponent, so that they are read back as floats; others as Python writes them.
fn write_float(text: &mut String, value: f64) {
    // Writing to a `String` never fails.
    _ = match value {
        _ if value.is_nan() => write!(text, "NaN"),
        f64::INFINITY => write!(text, "Infinity"),
        f64::NEG_INFINITY => write!(text, "-Infinity"),
        _ => write!(text, "{value:?}"),
    };
}

fn write_array(text: &mut String, elements: &Series) -> PolarsResult<()> {
    text.push('[');
    for place in 0..elements.len() {
        if place > 0 {
            text.push(',');
        }
        write(text, &elements.get(place)?)?;
    }
    text.push(']');
    Ok(())
}

fn write_object(text: &mut String, value: &AnyValue<'_>) -> PolarsResult<()> {
    let AnyValue::Struct(_, _, fields) = value else {
        polars_bail!(ComputeError: "{value} is not a struct");
    };
    text.push('{');
    let mut first = true;
    for (field, value) in fields.iter().zip(value._iter_struct_av()) {
        if value.is_null() {
            continue;
        }
        if !std::mem::take(&mut first) {
            text.push(',');
        }
        canonical::write_string(text, field.name());
        text.push(':');
        write(text, &value)?;
    }
    text.push('}');
    Ok(())
}
