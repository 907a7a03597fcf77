//! Extraction from a column of JSON text.

mod draft;
pub(super) mod fault;
mod part;

use std::num::NonZero;
use std::ops::Range;
use std::thread;

use polars::prelude::*;

use self::part::Part;
use super::infer::{Disagree, Kinds, Shape, Target};
use super::nested::leaf::has_struct_without_fields;
use super::{PathError, Strictness, Wanted, refused};

/// How much text a thread must have to be worth its start.
const BYTES_A_THREAD: usize = 1 << 20;

/// Extracts all paths in one pass over the documents, in parallel if they are large.
pub(super) fn extract(
    documents: &StringChunked,
    wanted: &[Wanted<'_>],
    strictness: Strictness,
) -> Result<Vec<Series>, PathError> {
    let parts = in_parallel(ranges(documents), |rows| Part::scan(documents, &rows, wanted, strictness));
    let parts = parts.into_iter().collect::<Result<Vec<Part>, PathError>>()?;
    let targets: Vec<Target> = wanted.iter().enumerate().map(|(path, wanted)| target(&parts, path, wanted)).collect();
    let mut finished = in_parallel(parts, |part| part.finish(wanted, &targets)).into_iter();
    let no_part = || refused(0)(polars_err!(ComputeError: "the documents are in no part"));
    let mut columns = finished.next().ok_or_else(no_part)??;
    for more in finished {
        for (path, (column, more)) in columns.iter_mut().zip(more?).enumerate() {
            column.append_owned(more).map_err(refused(path))?;
        }
    }
    Ok(columns)
}

/// What the values of a path become: the pinned type, or what all of them agree on.
fn target(parts: &[Part], path: usize, wanted: &Wanted<'_>) -> Target {
    if let Some(pinned) = wanted.pinned {
        return Target::pinned(pinned.clone());
    }
    let kinds = parts.iter().map(|part| part.kinds(path)).fold(Kinds::default(), Kinds::union);
    if !kinds.nested() {
        return kinds.target();
    }
    match structure(parts, path) {
        Ok(data_type) if !has_struct_without_fields(&data_type) => Target::agreed(data_type),
        _ => Target::json(),
    }
}

/// The structure that whole documents agree on; objects without keys are structs without fields.
pub(super) fn common_structure(documents: &StringChunked) -> Option<DataType> {
    let whole = [Wanted { steps: &[], pinned: None }];
    let parts = in_parallel(ranges(documents), |rows| Part::scan(documents, &rows, &whole, Strictness::Strict));
    let parts = parts.into_iter().collect::<Result<Vec<Part>, PathError>>().ok()?;
    let kinds = parts.iter().map(|part| part.kinds(0)).fold(Kinds::default(), Kinds::union);
    if kinds.nested() { structure(&parts, 0).ok() } else { None }
}

fn structure(parts: &[Part], path: usize) -> Result<DataType, Disagree> {
    let mut union = Shape::default();
    for shape in in_parallel(parts.iter().collect(), |part| part.shape(path)) {
        union = union.union(shape?);
    }
    union.data_type()
}

/// The rows that each thread takes.
fn ranges(documents: &StringChunked) -> Vec<Range<usize>> {
    let rows = documents.len();
    let bytes = documents.downcast_iter().fold(0, |bytes, chunk| bytes + chunk.total_bytes_len());
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let size = rows.div_ceil(threads.min(bytes / BYTES_A_THREAD).max(1)).max(1);
    (0..rows.max(1)).step_by(size).map(|start| start..rows.min(start + size)).collect()
}

/// Does the work on all items at the same time, the first on this thread; the results are in the items' order.
fn in_parallel<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let mut items = items.into_iter();
    let Some(first) = items.next() else { return Vec::new() };
    thread::scope(|scope| {
        let work = &work;
        let others: Vec<_> = items.map(|item| scope.spawn(move || work(item))).collect();
        let first = work(first);
        let others = others.into_iter().map(|thread| match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        std::iter::once(first).chain(others).collect()
    })
}
