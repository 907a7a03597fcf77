//! Columns of whole JSON documents: from text to structure and back.

use polars::prelude::*;

use crate::json_path::{Extraction, JsonPath, Strictness, extract};

/// The documents as structs or lists where they agree; `None` where they do not, or are no JSON.
pub(crate) fn structured(documents: &StringChunked) -> Option<Series> {
    // Text that a path ends at is handed out as it is, so the path ends one level into an array of it.
    let wrapped: StringChunked =
        documents.iter().map(|document| document.map(|document| format!("[{document}]"))).collect();
    let path = JsonPath::of(["0".to_owned()]);
    let found = one(&wrapped.into_series(), &path, None)?;
    let complete = found.null_count() == documents.null_count();
    (complete && !found.dtype().is_string()).then(|| found.with_name(documents.name().clone()))
}

fn one(column: &Series, path: &JsonPath, pinned: Option<&DataType>) -> Option<Series> {
    let paths = [Extraction { path, pinned }];
    extract(column, &paths, Strictness::Strict).ok()?.into_iter().next()
}
