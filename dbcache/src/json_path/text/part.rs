//! Some rows of a column of JSON text: where the values of each path stand in them, and the columns made of these.

use std::ops::Range;

use polars::prelude::*;

use super::fault;
use crate::json_path::build::{Builder, Misfit};
use crate::json_path::infer::{Disagree, Kinds, Shape, Target};
use crate::json_path::scan::{self, Slot};
use crate::json_path::tree::Node;
use crate::json_path::value::{Kind, Value};
use crate::json_path::{PathError, Strictness, Wanted, refused};

/// How many rows are scanned before their values are read. Their documents are then still in the processor's cache.
const BLOCK: usize = 256;

/// Rows whose documents are scanned.
pub(super) struct Part {
    documents: StringChunked,
    first_row: usize,
    paths: Vec<Found>,
    strictness: Strictness,
}

/// What was found for one path.
struct Found {
    slots: Vec<Slot>,
    kinds: Kinds,
    draft: Option<Draft>,
}

/// A column of the type that fits the rows so far. It is of use if that also fits all rows of all parts.
struct Draft {
    target: Target,
    builder: Builder,
}

impl Part {
    /// Scans these rows.
    pub(super) fn scan(
        documents: &StringChunked,
        rows: &Range<usize>,
        wanted: &[Wanted<'_>],
        strictness: Strictness,
    ) -> Result<Self, PathError> {
        let documents = documents.slice(i64::try_from(rows.start).unwrap_or(i64::MAX), rows.len());
        let paths = wanted.iter().map(|_| Found::with_capacity(rows.len())).collect();
        let mut part = Self { documents: StringChunked::default(), first_row: rows.start, paths, strictness };
        let root = Node::of(wanted);
        let mut block = Vec::with_capacity(BLOCK);
        let mut documents_left = documents.iter();
        loop {
            block.clear();
            block.extend(documents_left.by_ref().take(BLOCK));
            if block.is_empty() {
                break;
            }
            part.scan_block(&block, &root)?;
            for (found, wanted) in part.paths.iter_mut().zip(wanted) {
                found.draft(&block, wanted.pinned, strictness);
            }
        }
        drop(documents_left);
        Ok(Self { documents, ..part })
    }

    fn scan_block(&mut self, block: &[Option<&str>], root: &Node) -> Result<(), PathError> {
        let first_row = self.first_row + self.paths.first().map_or(0, |found| found.slots.len());
        let mut slots = vec![Slot::default(); self.paths.len()];
        for (place, document) in block.iter().enumerate() {
            let json = document.and_then(|document| scan::document(document, root, &mut slots));
            if json.is_none() {
                slots.fill(Slot::default());
            }
            if self.strictness == Strictness::Strict {
                let fault = document.and_then(|document| fault::of_document(document, json.is_some(), &slots));
                if let Some((path, reason)) = fault {
                    return Err(PathError { row: first_row + place, path, reason });
                }
            }
            for (found, slot) in self.paths.iter_mut().zip(&slots) {
                found.kinds.add(slot.kind);
                found.slots.push(*slot);
            }
        }
        Ok(())
    }

    /// The kinds that one path's values have.
    pub(super) fn kinds(&self, path: usize) -> Kinds {
        self.paths.get(path).map_or_else(Kinds::default, |found| found.kinds)
    }

    /// What one path's values have in common.
    pub(super) fn shape(&self, path: usize) -> Result<Shape, Disagree> {
        Shape::of(self.values(path).flatten())
    }

    fn values(&self, path: usize) -> impl Iterator<Item = Option<Value<'_>>> {
        let slots = self.paths.get(path).map(|found| found.slots.as_slice()).unwrap_or_default();
        self.documents.iter().zip(slots).map(|(document, slot)| read(document?, *slot))
    }

    /// The columns, one a target.
    pub(super) fn finish(mut self, targets: &[Target]) -> Result<Vec<Series>, PathError> {
        let drafts: Vec<_> = self.paths.iter_mut().map(|found| found.draft.take()).collect();
        let paths = drafts.into_iter().zip(targets).enumerate();
        paths
            .map(|(path, (draft, target))| match draft {
                Some(draft) if draft.target == *target => draft.builder.finish().map_err(refused(path)),
                _ => self.build(path, target),
            })
            .collect()
    }

    fn build(&self, path: usize, target: &Target) -> Result<Series, PathError> {
        let mut builder = Builder::new(target, self.documents.len(), self.strictness);
        for (row, value) in self.values(path).enumerate() {
            builder.push(value).map_err(|Misfit| PathError {
                row: self.first_row + row,
                path,
                reason: fault::misfit(value, &target.data_type),
            })?;
        }
        builder.finish().map_err(refused(path))
    }
}

impl Found {
    fn with_capacity(rows: usize) -> Self {
        Self { slots: Vec::with_capacity(rows), kinds: Kinds::default(), draft: None }
    }

    /// Adds the block that was scanned last to the draft, as long as its type fits.
    fn draft(&mut self, block: &[Option<&str>], pinned: Option<&DataType>, strictness: Strictness) {
        let before = self.slots.len() - block.len();
        let draft = match (pinned, self.draft.take()) {
            (Some(_), draft @ Some(_)) => draft,
            (Some(pinned), None) if before == 0 => self.new_draft(Target::pinned(pinned.clone()), before, strictness),
            (Some(_), None) => None,
            (None, _) if self.kinds.nested() => None,
            (None, draft) => self.fitting_draft(draft, before, strictness),
        };
        self.draft = draft.and_then(|draft| self.extended(draft, block, before));
    }

    fn fitting_draft(&self, draft: Option<Draft>, before: usize, strictness: Strictness) -> Option<Draft> {
        let target = self.kinds.target();
        match draft {
            Some(draft) if draft.target == target => Some(draft),
            // What came so far was null, so there is nothing to read again.
            Some(draft) if draft.target.data_type == DataType::Null => self.new_draft(target, before, strictness),
            None if before == 0 => self.new_draft(target, before, strictness),
            _ => None,
        }
    }

    fn new_draft(&self, target: Target, nulls: usize, strictness: Strictness) -> Option<Draft> {
        let mut builder = Builder::new(&target, self.slots.capacity(), strictness);
        (0..nulls).try_for_each(|_| builder.push(None)).ok()?;
        Some(Draft { target, builder })
    }

    fn extended(&self, mut draft: Draft, block: &[Option<&str>], before: usize) -> Option<Draft> {
        for (document, slot) in block.iter().zip(self.slots.get(before..)?) {
            let value = document.and_then(|document| read(document, *slot));
            // A value that does not fit this type may fit the one that suits all rows; otherwise it will be met again.
            draft.builder.push(value).ok()?;
        }
        Some(draft)
    }
}

fn read(document: &str, slot: Slot) -> Option<Value<'_>> {
    if matches!(slot.kind, Kind::Missing | Kind::Stepped) {
        return None;
    }
    Some(Value { raw: document.get(slot.start as usize..slot.end as usize)?, kind: slot.kind })
}
