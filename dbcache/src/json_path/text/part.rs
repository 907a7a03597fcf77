//! Some rows of a column of JSON text: where the values of each path stand in them, and the columns made of these.

use std::borrow::Cow;
use std::ops::Range;

use polars::prelude::*;

use super::draft::Draft;
use super::fault;
use crate::json_path::build::{Builder, Misfit};
use crate::json_path::infer::{Disagree, Kinds, Shape, Target};
use crate::json_path::scan::{self, Slot};
use crate::json_path::tree::Node;
use crate::json_path::value::{Kind, Value};
use crate::json_path::{PathError, Strictness, Wanted, refused};
use crate::key::row_number;

/// How many rows are scanned before their values are read. Their documents are then still in the processor's cache.
const BLOCK: usize = 256;

/// Rows whose documents are scanned.
pub(super) struct Part {
    documents: StringChunked,
    first_row: usize,
    /// How many rows have been scanned.
    scanned: usize,
    paths: Vec<Found>,
    strictness: Strictness,
}

/// What was found for one path.
struct Found {
    kinds: Kinds,
    draft: Option<Draft>,
    is_pinned: bool,
    /// Where the values of the block that was scanned last stand.
    block: Vec<Slot>,
    /// Where the values of all rows stand, as long as these can be one structure, whose type only the last row tells.
    slots: Option<Vec<Slot>>,
}

impl Part {
    /// Scans these rows.
    pub(super) fn scan(
        documents: &StringChunked,
        rows: &Range<usize>,
        wanted: &[Wanted<'_>],
        strictness: Strictness,
    ) -> Result<Self, PathError> {
        let documents = documents.slice(row_number(rows.start).into(), rows.len());
        let paths = wanted.iter().map(|wanted| Found::new(wanted.pinned, rows.len(), strictness)).collect();
        let mut part =
            Self { documents: StringChunked::default(), first_row: rows.start, scanned: 0, paths, strictness };
        let root = Node::of(wanted);
        let mut slots = vec![Slot::default(); wanted.len()];
        let mut block = Vec::with_capacity(BLOCK);
        let mut documents_left = documents.iter();
        loop {
            block.clear();
            block.extend(documents_left.by_ref().take(BLOCK));
            if block.is_empty() {
                break;
            }
            part.scan_block(&block, &root, &mut slots)?;
        }
        drop(documents_left);
        Ok(Self { documents, ..part })
    }

    fn scan_block(&mut self, block: &[Option<&str>], root: &Node, slots: &mut [Slot]) -> Result<(), PathError> {
        for (place, document) in block.iter().enumerate() {
            let json = document.and_then(|document| scan::document(document, root, slots));
            if json.is_none() {
                slots.fill(Slot::default());
            }
            if self.strictness == Strictness::Strict {
                let fault = document.and_then(|document| fault::of_document(document, json.is_some(), slots));
                if let Some((path, reason)) = fault {
                    return Err(PathError { row: self.first_row + self.scanned + place, path, reason });
                }
            }
            for (found, slot) in self.paths.iter_mut().zip(&*slots) {
                found.kinds.add(slot.kind);
                found.block.push(*slot);
            }
        }
        for found in &mut self.paths {
            found.read_block(block, self.scanned);
        }
        self.scanned += block.len();
        Ok(())
    }

    /// The kinds that one path's values have.
    pub(super) fn kinds(&self, path: usize) -> Kinds {
        self.paths.get(path).map_or_else(Kinds::default, |found| found.kinds)
    }

    /// What one path's values, which are all arrays or all objects, have in common.
    pub(super) fn shape(&self, path: usize) -> Result<Shape, Disagree> {
        // They are gone where a value is neither an array nor an object, or of another kind than those before.
        let slots = self.paths.get(path).and_then(|found| found.slots.as_deref()).ok_or(Disagree)?;
        // A row without a value at the path says nothing of its structure.
        Shape::of(self.values(slots).flatten())
    }

    fn values<'s>(&'s self, slots: &'s [Slot]) -> impl Iterator<Item = Option<Value<'s>>> {
        self.documents.iter().zip(slots).map(|(document, slot)| read(document?, *slot))
    }

    /// The columns, one a target.
    pub(super) fn finish(mut self, wanted: &[Wanted<'_>], targets: &[Target]) -> Result<Vec<Series>, PathError> {
        let drafts: Vec<_> = self.paths.iter_mut().map(|found| found.draft.take()).collect();
        let paths = drafts.into_iter().zip(targets).zip(wanted).enumerate();
        paths
            .map(|(path, ((draft, target), wanted))| match draft {
                Some(draft) if draft.suits(target) => draft.finish(target).map_err(refused(path)),
                _ => self.build(path, *wanted, target),
            })
            .collect()
    }

    fn build(&self, path: usize, wanted: Wanted<'_>, target: &Target) -> Result<Series, PathError> {
        let known = self.paths.get(path).and_then(|found| found.slots.as_deref());
        let slots = known.map_or_else(|| Cow::Owned(self.scan_again(wanted)), Cow::Borrowed);
        let mut builder = Builder::new(target, self.documents.len(), self.strictness);
        for (row, value) in self.values(&slots).enumerate() {
            builder.push(value).map_err(|Misfit| PathError {
                row: self.first_row + row,
                path,
                reason: fault::misfit(value, &target.data_type),
            })?;
        }
        builder.finish().map_err(refused(path))
    }

    /// Where the values of one path stand. Cheaper than keeping that of every path for the few that need it.
    fn scan_again(&self, wanted: Wanted<'_>) -> Vec<Slot> {
        let root = Node::of(&[wanted]);
        let slot = |document: &str| {
            let mut slots = [Slot::default()];
            scan::document(document, &root, &mut slots)?;
            slots.first().copied()
        };
        // What is null or no JSON has no values.
        self.documents.iter().map(|document| document.and_then(slot).unwrap_or_default()).collect()
    }
}

impl Found {
    fn new(pinned: Option<&DataType>, rows: usize, strictness: Strictness) -> Self {
        Self {
            kinds: Kinds::default(),
            draft: Some(Draft::new(pinned, rows, strictness)),
            is_pinned: pinned.is_some(),
            block: Vec::with_capacity(BLOCK),
            slots: pinned.is_none().then(Vec::new),
        }
    }

    /// Reads the values of the block that was scanned last, which comes after so many rows.
    fn read_block(&mut self, block: &[Option<&str>], before: usize) {
        let draft = match self.draft.take() {
            draft if self.is_pinned => draft,
            draft => draft.and_then(|draft| draft.fitting(self.kinds, before)),
        };
        self.draft = draft.and_then(|draft| self.extended(draft, block));
        self.slots = self.slots.take().filter(|_| self.kinds.may_be_nested());
        if let Some(slots) = &mut self.slots {
            slots.extend_from_slice(&self.block);
        }
        self.block.clear();
    }

    fn extended(&self, mut draft: Draft, block: &[Option<&str>]) -> Option<Draft> {
        for (document, slot) in block.iter().zip(&self.block) {
            let value = document.and_then(|document| read(document, *slot));
            // A value that does not fit this type may fit the one that suits all rows; otherwise it will be met again.
            draft.push(value).ok()?;
        }
        Some(draft)
    }
}

fn read(document: &str, slot: Slot) -> Option<Value<'_>> {
    if matches!(slot.kind, Kind::Missing | Kind::Stepped) {
        return None;
    }
    let raw = document.get(slot.start as usize..slot.end as usize);
    // The scan that found the value ended at its last byte.
    debug_assert!(raw.is_some(), "a value stands within its document");
    Some(Value { raw: raw?, kind: slot.kind })
}
