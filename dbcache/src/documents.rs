//! Columns of whole JSON documents: from text to structure and back.

use polars::prelude::*;

use crate::data_type::widen;
use crate::json_path::{Extraction, JsonPath, Strictness, common_structure, extract, to_json, whole};

/// Whether JSON text is an object or array, as far as its beginning tells.
pub(crate) fn is_document(json: &[u8]) -> bool {
    matches!(json.trim_ascii_start().first(), Some(b'{' | b'['))
}

/// The documents as an answer has them: structs or lists where they agree, and as they are where they do not.
pub(crate) fn presented(documents: &StringChunked) -> Series {
    structured(documents).unwrap_or_else(|| documents.clone().into_series())
}

/// The documents as structs or lists where they agree; `None` where they do not, or are no JSON.
pub(crate) fn structured(documents: &StringChunked) -> Option<Series> {
    let found = whole(documents, Strictness::Strict).ok()?;
    let is_complete = found.null_count() == documents.null_count();
    (is_complete && !found.dtype().is_string()).then(|| found.with_name(documents.name().clone()))
}

/// The documents in the nested type that holds both them and what is stored; `None` where there is none.
pub(crate) fn beside(documents: &StringChunked, stored: &DataType) -> Option<Series> {
    let read = read_as(documents, &joined(stored, &common_structure(documents)?))?;
    (read.null_count() == documents.null_count()).then_some(read)
}

/// The documents in a nested type, without the keys that it lacks; `None` if one does not fit it.
pub(crate) fn read_as(documents: &StringChunked, data_type: &DataType) -> Option<Series> {
    let paths = [Extraction { path: &JsonPath::default(), pinned: Some(data_type) }];
    let columns = extract(&documents.clone().into_series(), &paths, Strictness::Strict).ok()?;
    Some(columns.into_iter().next()?.with_name(documents.name().clone()))
}

/// Structs and lists as JSON text.
pub(crate) fn text(nested: &Series) -> Option<Series> {
    Some(to_json(nested).ok()?.into_series().with_name(nested.name().clone()))
}

/// The stored type with the keys that documents have beside it. Text in a document reads as the date that is stored.
fn joined(stored: &DataType, found: &DataType) -> DataType {
    match (stored, found) {
        (DataType::Struct(stored), DataType::Struct(found)) => DataType::Struct(joined_fields(stored, found)),
        (DataType::List(stored), DataType::List(found)) => DataType::List(Box::new(joined(stored, found))),
        // What does not widen keeps the type that was found, so that it is refused and never becomes text.
        (stored, found) => {
            let is_date_or_time = found.is_string() && stored.is_temporal();
            widen(stored, found).unwrap_or_else(|| if is_date_or_time { stored } else { found }.clone())
        }
    }
}

fn joined_fields(stored: &[Field], found: &[Field]) -> Vec<Field> {
    let named = |fields: &[Field], name: &PlSmallStr| fields.iter().find(|field| field.name() == name).cloned();
    let kept = stored.iter().map(|field| match named(found, field.name()) {
        Some(other) => Field::new(field.name().clone(), joined(field.dtype(), other.dtype())),
        None => field.clone(),
    });
    // A key that is null in every document says nothing that its absence does not.
    let new = found.iter().filter(|field| named(stored, field.name()).is_none() && !field.dtype().is_null());
    kept.chain(new.cloned()).collect()
}
