//! Which part of a struct, and so which Parquet columns, lie at some paths.

use polars::prelude::*;

/// The part of a field that lies at some paths; `None` where that is all of it, or there are no paths.
pub(super) fn part_of(whole: &ArrowField, paths: &[Vec<String>]) -> Option<ArrowField> {
    if paths.is_empty() {
        return None;
    }
    let paths: Vec<&[String]> = paths.iter().map(Vec::as_slice).collect();
    pruned(whole, &paths).filter(|part| part != whole)
}

/// The field with only those of its own fields that lie on one of the paths.
///
/// `None` where a path leaves the structs, or none is left of it.
fn pruned(field: &ArrowField, paths: &[&[String]]) -> Option<ArrowField> {
    if paths.iter().any(|path| path.is_empty()) {
        return Some(field.clone());
    }
    let ArrowDataType::Struct(fields) = &field.dtype else { return Some(field.clone()) };
    let mut kept = Vec::new();
    for inner in fields {
        let below: Vec<&[String]> = paths.iter().filter_map(|path| after(path, &inner.name)).collect();
        if !below.is_empty() {
            kept.push(pruned(inner, &below)?);
        }
    }
    let steps = paths.iter().filter_map(|path| path.first());
    let all_there = steps.clone().all(|step| fields.iter().any(|inner| inner.name.as_str() == step));
    let dtype = ArrowDataType::Struct(kept);
    (all_there && !paths.is_empty()).then(|| ArrowField { dtype, ..field.clone() })
}

/// The rest of a path whose first step is `name`.
fn after<'p>(path: &'p [String], name: &str) -> Option<&'p [String]> {
    path.split_first().filter(|(step, _)| step.as_str() == name).map(|(_, rest)| rest)
}

/// The paths in the file below which all columns of the field are, and no others.
pub(super) fn leaves(field: &ArrowField, root: &[&str]) -> Vec<Vec<String>> {
    match &field.dtype {
        ArrowDataType::Struct(fields) => {
            let below = |inner: &ArrowField| leaves(inner, &[root, &[inner.name.as_str()]].concat());
            fields.iter().flat_map(below).collect()
        }
        _ => vec![root.iter().map(|part| (*part).to_owned()).collect()],
    }
}

pub(super) fn is_below(path: &[PlSmallStr], root: &[String]) -> bool {
    path.len() >= root.len() && path.iter().zip(root).all(|(part, root)| part.as_str() == root)
}
