//! Extraction from a column of JSON text.

use std::num::NonZero;
use std::ops::Range;
use std::thread;

use polars::prelude::*;

use super::build::Builder;
use super::infer::{Disagree, Kinds, Shape, Target};
use super::scan::{self, Slot};
use super::tree::Node;
use super::value::{Kind, Value};
use super::{MAX_DEPTH, PathError, Strictness, Wanted, refused};

/// How much text a thread must have to be worth its start.
const BYTES_A_THREAD: usize = 1 << 20;

/// Some rows, and for each path where its value stands in each of them.
struct Part {
    documents: StringChunked,
    first_row: usize,
    paths: Vec<Found>,
}

/// Where the values of one path stand.
#[derive(Default)]
struct Found {
    slots: Vec<Slot>,
    kinds: Kinds,
}

/// Extracts all paths in one pass over the documents, in parallel if they are large.
pub(super) fn extract(
    documents: &StringChunked,
    wanted: &[Wanted<'_>],
    strictness: Strictness,
) -> Result<Vec<Series>, PathError> {
    let root = Node::of(wanted);
    let ranges = ranges(documents);
    let parts = in_parallel(&ranges, |rows| Part::locate(documents, rows.clone(), &root, wanted.len(), strictness));
    let parts = parts.into_iter().collect::<Result<Vec<Part>, PathError>>()?;
    let targets: Vec<Target> = wanted.iter().enumerate().map(|(path, wanted)| target(&parts, path, wanted)).collect();
    let built = in_parallel(&parts, |part| part.build(&targets, strictness));
    let mut built = built.into_iter();
    let mut columns = built.next().unwrap_or_else(|| Ok(Vec::new()))?;
    for part in built {
        for (path, (column, more)) in columns.iter_mut().zip(part?).enumerate() {
            column.append_owned(more).map_err(refused(path))?;
        }
    }
    Ok(columns)
}

impl Part {
    fn locate(
        documents: &StringChunked,
        rows: Range<usize>,
        root: &Node,
        paths: usize,
        strictness: Strictness,
    ) -> Result<Self, PathError> {
        let documents = documents.slice(i64::try_from(rows.start).unwrap_or(i64::MAX), rows.len());
        let mut found: Vec<Found> = (0..paths).map(|_| Found::with_capacity(rows.len())).collect();
        let mut slots = vec![Slot::default(); paths];
        for (row, document) in documents.iter().enumerate() {
            match document.map(|document| (document, scan::document(document, root, &mut slots))) {
                Some((_, Some(()))) => {}
                Some((document, None)) if strictness == Strictness::Strict => {
                    return Err(PathError { row: rows.start + row, path: 0, reason: not_json(document) });
                }
                _ => slots.fill(Slot::default()),
            }
            for (path, (found, slot)) in found.iter_mut().zip(&slots).enumerate() {
                if slot.kind == Kind::Stepped && strictness == Strictness::Strict {
                    let reason = stepped_into(document.unwrap_or_default(), *slot);
                    return Err(PathError { row: rows.start + row, path, reason });
                }
                found.push(*slot);
            }
        }
        Ok(Self { documents, first_row: rows.start, paths: found })
    }

    fn values(&self, path: usize) -> impl Iterator<Item = Option<Value<'_>>> {
        let slots = self.paths.get(path).map(|found| found.slots.as_slice()).unwrap_or_default();
        self.documents.iter().zip(slots).map(|(document, slot)| read(document?, *slot))
    }

    fn build(&self, targets: &[Target], strictness: Strictness) -> Result<Vec<Series>, PathError> {
        targets.iter().enumerate().map(|(path, target)| self.build_one(path, target, strictness)).collect()
    }

    fn build_one(&self, path: usize, target: &Target, strictness: Strictness) -> Result<Series, PathError> {
        let mut builder = Builder::new(target, self.documents.len(), strictness);
        for (row, value) in self.values(path).enumerate() {
            builder.push(value).map_err(|_misfit| PathError {
                row: self.first_row + row,
                path,
                reason: misfit(value, &target.data_type),
            })?;
        }
        builder.finish().map_err(refused(path))
    }
}

impl Found {
    fn with_capacity(rows: usize) -> Self {
        Self { slots: Vec::with_capacity(rows), kinds: Kinds::default() }
    }

    fn push(&mut self, slot: Slot) {
        self.kinds.add(slot.kind);
        self.slots.push(slot);
    }
}

fn read(document: &str, slot: Slot) -> Option<Value<'_>> {
    if matches!(slot.kind, Kind::Missing | Kind::Stepped) {
        return None;
    }
    Some(Value { raw: document.get(slot.start as usize..slot.end as usize)?, kind: slot.kind })
}

/// What the values of a path become: the pinned type, or what all of them agree on.
fn target(parts: &[Part], path: usize, wanted: &Wanted<'_>) -> Target {
    if let Some(pinned) = wanted.pinned {
        return Target::pinned(pinned.clone());
    }
    let kinds = parts.iter().filter_map(|part| part.paths.get(path)).map(|found| found.kinds);
    let kinds = kinds.fold(Kinds::default(), Kinds::union);
    if !kinds.nested() {
        return kinds.target();
    }
    match structure(parts, path) {
        Ok(data_type) => Target::agreed(data_type),
        Err(Disagree) => Target::json(),
    }
}

fn structure(parts: &[Part], path: usize) -> Result<DataType, Disagree> {
    let shapes = in_parallel(parts, |part| Shape::of(part.values(path).flatten()));
    let mut union = Shape::default();
    for shape in shapes {
        union = union.union(shape?);
    }
    union.data_type()
}

/// The rows that each thread takes.
fn ranges(documents: &StringChunked) -> Vec<Range<usize>> {
    let rows = documents.len();
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let worthwhile = documents.downcast_iter().map(|chunk| chunk.total_bytes_len()).sum::<usize>() / BYTES_A_THREAD;
    let size = rows.div_ceil(threads.min(worthwhile).max(1)).max(1);
    if rows == 0 {
        return vec![0..0];
    }
    (0..rows).step_by(size).map(|start| start..rows.min(start + size)).collect()
}

/// Does the work on all items at the same time, the first on this thread; the results are in the items' order.
fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let Some((first, others)) = items.split_first() else { return Vec::new() };
    thread::scope(|scope| {
        let work = &work;
        let others: Vec<_> = others.iter().map(|item| scope.spawn(move || work(item))).collect();
        let first = work(first);
        let others = others.into_iter().map(|thread| match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        std::iter::once(first).chain(others).collect()
    })
}

/// How much of a document a message shows.
const SNIPPET: usize = 40;

pub(super) fn snippet(text: &str) -> String {
    match text.char_indices().nth(SNIPPET) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn not_json(document: &str) -> String {
    let snippet = snippet(document);
    match serde_json::from_str::<serde::de::IgnoredAny>(document) {
        Err(error) => format!("the document is not JSON, {error}: {snippet}"),
        // That reader has no bound when it keeps nothing.
        Ok(_) => format!("the document is nested deeper than {MAX_DEPTH} levels: {snippet}"),
    }
}

fn stepped_into(document: &str, slot: Slot) -> String {
    format!("the path steps into a scalar: {}", snippet(document.get(slot.start as usize..).unwrap_or_default()))
}

fn misfit(value: Option<Value<'_>>, data_type: &DataType) -> String {
    format!("{} does not fit in {data_type}", snippet(value.map(|value| value.raw).unwrap_or_default()))
}
