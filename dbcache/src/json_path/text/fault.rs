//! What strict extraction says of documents and values that it does not take.

use polars::prelude::DataType;
use serde::de::IgnoredAny;

use crate::json_path::MAX_DEPTH;
use crate::json_path::scan::Slot;
use crate::json_path::value::{Kind, Value};

/// How much of a document or value a message shows.
const SNIPPET: usize = 40;

/// The first characters of a text.
pub(in crate::json_path) fn snippet(text: &str) -> String {
    match text.char_indices().nth(SNIPPET) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The first path that has a fault in this document, and which.
pub(super) fn of_document(document: &str, json: bool, slots: &[Slot]) -> Option<(usize, String)> {
    if !json {
        return Some((0, not_json(document)));
    }
    let path = slots.iter().position(|slot| slot.kind == Kind::Stepped)?;
    let scalar = slots.get(path)?;
    let text = document.get(scalar.start as usize..scalar.end as usize)?;
    Some((path, stepped_into(text)))
}

fn not_json(document: &str) -> String {
    let snippet = snippet(document);
    // That reader would stop at NaN or an infinity, which are taken here: it gets something of the same length.
    let known = document.replace("NaN", "[ ]").replace("Infinity", "[      ]").replace("-[      ]", "[       ]");
    match serde_json::from_str::<IgnoredAny>(&known) {
        Err(error) => format!("the document is not JSON, {error}: {snippet}"),
        // That reader has no bound when it keeps nothing.
        Ok(_) => format!("the document is nested deeper than {MAX_DEPTH} levels: {snippet}"),
    }
}

pub(in crate::json_path) fn stepped_into(scalar: &str) -> String {
    format!("the path steps into a scalar: {}", snippet(scalar))
}

pub(super) fn misfit(value: Option<Value<'_>>, data_type: &DataType) -> String {
    format!("{} does not fit in {data_type}", snippet(value.map(|value| value.raw).unwrap_or_default()))
}
