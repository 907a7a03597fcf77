//! The rules of extraction as tables of cases, and properties over random documents.

mod agreement;
mod blocks;
mod canonical;
mod hostile;
mod numbers;
mod pinned;
mod storage;
mod types;

use polars::prelude::*;

use super::{Extraction, JsonPath, PathError, Strictness, extract};

fn path(steps: &[&str]) -> JsonPath {
    JsonPath::of(steps.iter().map(|step| (*step).to_owned()))
}

/// The path that a dotted text names; no text is the document itself.
fn dotted(text: &str) -> JsonPath {
    if text.is_empty() { JsonPath::default() } else { path(&text.split('.').collect::<Vec<_>>()) }
}

fn documents(texts: &[&str]) -> Series {
    Series::new(PlSmallStr::EMPTY, texts)
}

fn try_one(
    column: &Series,
    path: &JsonPath,
    pinned: Option<&DataType>,
    strictness: Strictness,
) -> Result<Series, PathError> {
    let columns = extract(column, &[Extraction { path, pinned }], strictness)?;
    assert_eq!(columns.len(), 1);
    Ok(columns.into_iter().next().expect("there is one column"))
}

fn one(column: &Series, path: &JsonPath) -> Series {
    try_one(column, path, None, Strictness::Lenient).expect("lenient extraction has no errors")
}

/// The values of one path as Polars shows them, and their type.
fn shown(column: &Series, dotted_path: &str) -> (Vec<String>, DataType) {
    let column = one(column, &dotted(dotted_path));
    (cells(&column), column.dtype().clone())
}

fn cells(column: &Series) -> Vec<String> {
    (0..column.len()).map(|row| cell(&column.get(row).expect("the row is there"))).collect()
}

fn cell(value: &AnyValue<'_>) -> String {
    match value {
        AnyValue::List(elements) | AnyValue::Array(elements, _) => format!("[{}]", cells(elements).join(", ")),
        AnyValue::Struct(_, _, fields) => {
            let fields = fields.iter().zip(value._iter_struct_av());
            let fields: Vec<String> =
                fields.map(|(field, value)| format!("{}: {}", field.name(), cell(&value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        AnyValue::String(text) => (*text).to_owned(),
        AnyValue::Float64(float) => format!("{float:?}"),
        other => other.to_string(),
    }
}

fn list(inner: DataType) -> DataType {
    DataType::List(Box::new(inner))
}

fn record(fields: &[(&str, DataType)]) -> DataType {
    DataType::Struct(fields.iter().map(|(name, data_type)| Field::new((*name).into(), data_type.clone())).collect())
}
