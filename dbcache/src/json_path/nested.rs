//! Extraction from columns of every storage: text, structs, lists, and these in one another.

pub(super) mod leaf;

use polars::prelude::*;

use super::tree::array_place;
use super::{PathError, Strictness, Wanted, refused, text};
use crate::convert;

/// A path that is still to be followed, and its place among all paths.
#[derive(Clone, Copy)]
struct Pending<'a> {
    path: usize,
    wanted: Wanted<'a>,
}

/// Extracts all paths from a column of any type.
pub(super) fn extract(
    column: &Series,
    wanted: &[Wanted<'_>],
    strictness: Strictness,
) -> Result<Vec<Series>, PathError> {
    let pending: Vec<_> = wanted.iter().enumerate().map(|(path, wanted)| Pending { path, wanted: *wanted }).collect();
    let mut found = match column.dtype() {
        DataType::String => documents(column, &pending, strictness)?,
        plain if !plain.is_nested() && *plain != DataType::Binary => plain_column(column, &pending, strictness)?,
        _ => follow(column, &pending, strictness)?,
    };
    found.sort_by_key(|(path, _)| *path);
    Ok(found.into_iter().map(|(_, column)| column).collect())
}

/// Columns, each with the place of its path.
type Found = Vec<(usize, Series)>;

/// Extracts from a column of JSON text. Its rows as they are need no parsing.
fn documents(column: &Series, pending: &[Pending<'_>], strictness: Strictness) -> Result<Found, PathError> {
    let (whole, inside): (Vec<Pending<'_>>, Vec<Pending<'_>>) =
        pending.iter().copied().partition(|one| one.wanted.steps.is_empty() && !leaf::is_nested(&one.wanted));
    let mut found = in_text(column, &inside, strictness)?;
    for one in whole {
        let read = if leaf::is_plain_text(&one.wanted) {
            leaf::present(column, &one, strictness)?
        } else {
            text_or_json(column, &one, strictness)?
        };
        found.push((one.path, read));
    }
    Ok(found)
}

/// Whole texts as booleans or numbers: what they write, and of those that write none so, what they are as JSON.
fn text_or_json(column: &Series, one: &Pending<'_>, strictness: Strictness) -> Result<Series, PathError> {
    let Some(pinned) = one.wanted.pinned else { return leaf::present(column, one, strictness) };
    let read = convert::by_row(column, pinned).map_err(refused(one.path))?.values;
    if read.null_count() == column.null_count() {
        return Ok(read.with_name(PlSmallStr::EMPTY));
    }
    let nothing = |data_type| Series::full_null(PlSmallStr::EMPTY, column.len(), data_type);
    let others = column.zip_with(&read.is_null(), &nothing(column.dtype())).map_err(refused(one.path))?;
    let as_json = in_text(&others, &[*one], strictness)?.into_iter().next();
    let as_json = as_json.map_or_else(|| nothing(pinned), |(_, column)| column);
    let both = read.zip_with(&read.is_not_null(), &as_json).map_err(refused(one.path))?;
    Ok(both.with_name(PlSmallStr::EMPTY))
}

/// Extracts from a column of plain values, in which there is nothing to step into.
fn plain_column(column: &Series, pending: &[Pending<'_>], strictness: Strictness) -> Result<Found, PathError> {
    let extract = |one: &Pending<'_>| {
        let values = match one.wanted.pinned {
            Some(pinned) if one.wanted.steps.is_empty() => leaf::converted(column, pinned, one, strictness)?,
            _ => return follow(column, std::slice::from_ref(one), strictness),
        };
        Ok(vec![(one.path, values)])
    };
    pending
        .iter()
        .map(extract)
        .collect::<Result<Vec<Found>, PathError>>()
        .map(|found| found.into_iter().flatten().collect())
}

/// Extracts from a column of JSON text in bytes, as some programs store it. The bytes themselves stay as they are.
fn in_bytes(column: &Series, pending: &[Pending<'_>], strictness: Strictness) -> Result<Found, PathError> {
    let (whole, inside): (Vec<Pending<'_>>, Vec<Pending<'_>>) = pending.iter().copied().partition(|one| {
        one.wanted.steps.is_empty() && one.wanted.pinned.is_none_or(|pinned| *pinned == DataType::Binary)
    });
    let mut found = Vec::with_capacity(pending.len());
    for one in whole {
        found.push((one.path, leaf::present(column, &one, strictness)?));
    }
    if let Some(first) = inside.first() {
        found.extend(documents(&decoded(column, first.path, strictness)?, &inside, strictness)?);
    }
    Ok(found)
}

/// Bytes as text. Bytes that are no Unicode text are no JSON either.
fn decoded(column: &Series, path: usize, strictness: Strictness) -> Result<Series, PathError> {
    let bytes = column.binary().map_err(refused(path))?;
    let mut texts = StringChunkedBuilder::new(PlSmallStr::EMPTY, bytes.len());
    for (row, document) in bytes.iter().enumerate() {
        let text = document.map(std::str::from_utf8).transpose();
        match (text, strictness) {
            (Ok(text), _) => texts.append_option(text),
            (Err(_), Strictness::Lenient) => texts.append_null(),
            (Err(error), Strictness::Strict) => {
                return Err(PathError { row, path, reason: format!("the document is not JSON, {error}") });
            }
        }
    }
    Ok(texts.finish().into_series())
}

fn in_text(column: &Series, pending: &[Pending<'_>], strictness: Strictness) -> Result<Found, PathError> {
    let Some(first) = pending.first() else { return Ok(Vec::new()) };
    let documents = column.str().map_err(refused(first.path))?;
    let wanted: Vec<_> = pending.iter().map(|one| one.wanted).collect();
    let columns = text::extract(documents, &wanted, strictness)
        .map_err(|error| PathError { path: pending.get(error.path).map_or(error.path, |one| one.path), ..error })?;
    Ok(pending.iter().map(|one| one.path).zip(columns).collect())
}

/// Extracts from a column that is no JSON document itself, but may hold some.
fn follow(column: &Series, pending: &[Pending<'_>], strictness: Strictness) -> Result<Found, PathError> {
    if *column.dtype() == DataType::Binary {
        return in_bytes(column, pending, strictness);
    }
    let (ending, going_on): (Vec<Pending<'_>>, Vec<Pending<'_>>) =
        pending.iter().copied().partition(|one| one.wanted.steps.is_empty());
    let mut found = Vec::with_capacity(pending.len());
    for one in ending {
        found.push((one.path, leaf::present(column, &one, strictness)?));
    }
    match column.dtype() {
        // Within structured data, text that is stepped into is a document that fitted no structure.
        DataType::String => found.extend(in_text(column, &going_on, strictness)?),
        DataType::Struct(_) | DataType::List(_) | DataType::Array(..) => {
            for (step, onward) in by_first_step(&going_on) {
                let inner = step_into(column, step).map_err(refused(onward.first().map_or(0, |one| one.path)))?;
                found.extend(follow(&inner, &onward, strictness)?);
            }
        }
        _ => {
            for one in going_on {
                found.push((one.path, scalar_stepped_into(column, &one, strictness)?));
            }
        }
    }
    Ok(found)
}

/// The paths that take the same first step, after that step.
fn by_first_step<'a>(pending: &[Pending<'a>]) -> Vec<(&'a str, Vec<Pending<'a>>)> {
    let mut groups: Vec<(&str, Vec<Pending<'_>>)> = Vec::new();
    for one in pending {
        let Some((step, steps)) = one.wanted.steps.split_first() else { continue };
        let onward = Pending { wanted: Wanted { steps, ..one.wanted }, ..*one };
        match groups.iter_mut().find(|(known, _)| known == step) {
            Some((_, group)) => group.push(onward),
            None => groups.push((step, vec![onward])),
        }
    }
    groups
}

/// One step into structs or lists; nulls where there is nothing.
fn step_into(column: &Series, step: &str) -> PolarsResult<Series> {
    match column.dtype() {
        DataType::Struct(_) => field(column.struct_()?, step),
        DataType::List(_) => element(column.list()?, step),
        DataType::Array(inner, _) => element(column.cast(&DataType::List(inner.clone()))?.list()?, step),
        _ => Ok(nulls(column.len())),
    }
}

fn field(structs: &StructChunked, name: &str) -> PolarsResult<Series> {
    let Ok(field) = structs.field_by_name(name) else { return Ok(nulls(structs.len())) };
    let present = structs.is_not_null();
    if present.all() {
        return Ok(field);
    }
    // A struct that is null may hide anything in its fields.
    field.zip_with(&present, &Series::full_null(PlSmallStr::EMPTY, field.len(), field.dtype()))
}

fn element(lists: &ListChunked, step: &str) -> PolarsResult<Series> {
    let Some(place) = array_place(step).and_then(|place| i64::try_from(place).ok()) else {
        return Ok(nulls(lists.len()));
    };
    let lists = lists.rechunk();
    let Some(array) = lists.downcast_iter().next() else {
        polars_bail!(ComputeError: "a column of lists without a chunk");
    };
    let validity = array.validity();
    let bounds = array.offsets().as_slice().windows(2);
    let rows: IdxCa = bounds
        .enumerate()
        .map(|(row, bounds)| match bounds {
            [start, end] if place < end - start && validity.is_none_or(|valid| valid.get_bit(row)) => {
                IdxSize::try_from(start + place).map(Some)
            }
            _ => Ok(None),
        })
        .collect::<Result<_, _>>()
        .map_err(|_| polars_err!(ComputeError: "lists of more than {} elements", IdxSize::MAX))?;
    lists.get_inner().take(&rows)
}

fn nulls(rows: usize) -> Series {
    Series::new_null(PlSmallStr::EMPTY, rows)
}

fn scalar_stepped_into(column: &Series, one: &Pending<'_>, strictness: Strictness) -> Result<Series, PathError> {
    let scalar = column.is_not_null().iter().position(|present| present == Some(true));
    if let (Strictness::Strict, Some(row)) = (strictness, scalar) {
        let value = column.get(row).map_err(refused(one.path))?;
        return Err(PathError { row, path: one.path, reason: text::fault::stepped_into(&value.to_string()) });
    }
    let ending = Pending { wanted: Wanted { steps: &[], ..one.wanted }, ..*one };
    leaf::present(&nulls(column.len()), &ending, strictness)
}
