//! Where ids stand in a file: found by the first id of each page, and the page that may hold them.

use std::ops::Range;

use polars::prelude::*;
use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use super::page_bytes::PageBytes;
use super::page_choice::PAGES_WORTH_ALL;
use super::{PAGES_A_THREAD, PAGES_AT_ONCE, RowFile};
use crate::error::Result;
use crate::key::{FENCES_PER_TOP, IdSet, Matches};
use crate::storage::file::{fences, writer};
use crate::storage::memory::{Chunk, ChunkKey};

/// The pages of ids of all row groups.
#[derive(Debug)]
pub(super) struct IdPages {
    /// The first id of each.
    pub(super) fences: IdSet,
    /// Every so many-th of these.
    top: IdSet,
    /// How many pages come before those of each row group.
    before: Vec<usize>,
}

/// Where a page of ids is.
#[derive(Clone, Copy, Debug)]
pub(super) struct IdPage {
    pub(super) group: usize,
    pub(super) page: usize,
    pub(super) first_row: usize,
}

/// The pages of a row group that may hold wanted ids: single ones, or all of one run.
struct GroupRuns {
    group: usize,
    pages: Vec<Range<usize>>,
    /// The first row of each page, or of the run.
    first_rows: Vec<usize>,
    /// The places of these ids among the wanted ones; those between them are nowhere.
    places: Range<usize>,
}

impl GroupRuns {
    fn of(page: IdPage, places: Range<usize>) -> Self {
        let end = places.end;
        let mut runs = Self { group: page.group, pages: Vec::new(), first_rows: Vec::new(), places };
        runs.push(page, end);
        runs
    }

    fn push(&mut self, IdPage { page, first_row, .. }: IdPage, end: usize) {
        self.pages.push(page..page + 1);
        self.first_rows.push(first_row);
        self.places.end = end;
    }
}

impl IdPages {
    /// The pages that may hold wanted ids, each with the places of these ids.
    fn runs(&self, wanted: &IdSet) -> Vec<(usize, Range<usize>)> {
        let mut runs: Vec<(usize, Range<usize>)> = Vec::new();
        for (place, floor) in self.fences.floor(wanted).into_iter().enumerate() {
            // What is below the first id of all is nowhere.
            let Some(page) = floor else { continue };
            match runs.last_mut().filter(|run| run.0 == page) {
                Some(run) => run.1.end = place + 1,
                None => runs.push((page, place..place + 1)),
            }
        }
        runs
    }
}

impl RowFile {
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] where bytes are not what was written, as in all functions here.
    pub(in crate::storage) fn locate(&self, wanted: &IdSet) -> Result<Matches> {
        let key = self.key_of_ids();
        if let Some(Chunk::Ids(ids)) = self.memory.get(&key) {
            let IdPages { fences, top, .. } = self.id_pages()?;
            return Ok(ids.locate(fences, writer::IDS_A_PAGE, top, wanted));
        }
        let (index, all) = (self.id_pages()?, self.id_pages()?.fences.len());
        let size = self.rows() * index.fences.width();
        if wanted.len() * 2 >= self.rows() && !self.memory.admits_on_reread(&key, size) {
            return self.locate_in_runs(&self.all_runs(wanted)?, all, wanted);
        }
        // As many ids as there are pages are in most of them.
        if wanted.len() >= all {
            return self.locate_among_all(key, wanted);
        }
        let runs = index.runs(wanted);
        let pages = runs.len();
        let is_worth = self.memory.admits_after_pages(&key, pages, all, size);
        if is_worth || pages * PAGES_WORTH_ALL > all {
            return self.locate_among_all(key, wanted);
        }
        self.locate_in_runs(&self.runs_by_group(&runs)?, pages, wanted)
    }

    pub(super) fn key_of_ids(&self) -> ChunkKey {
        ChunkKey { file: self.number, group: None, column: self.id_column.clone() }
    }

    fn locate_among_all(&self, key: ChunkKey, wanted: &IdSet) -> Result<Matches> {
        let ids = self.ids()?;
        let found = ids.locate(wanted);
        self.memory.offer_ids(key, ids);
        Ok(found)
    }

    /// Where ids are of which so many pages are read.
    fn locate_in_runs(&self, runs: &[GroupRuns], pages: usize, wanted: &IdSet) -> Result<Matches> {
        let locate = |runs: &GroupRuns| self.locate_in_pages(runs, wanted);
        let found: Result<Vec<Matches>> = if pages < 2 * PAGES_A_THREAD {
            runs.iter().map(locate).collect()
        } else {
            runs.par_iter().map(locate).collect()
        };
        let mut all = Matches::with_capacity(wanted.len());
        runs.iter().zip(found?).for_each(|(run, found)| all.append(run.places.start, &found));
        Ok(all)
    }

    /// All pages that may hold wanted ids, some at a time, for requests that want most ids.
    fn all_runs(&self, wanted: &IdSet) -> Result<Vec<GroupRuns>> {
        let index = self.id_pages()?;
        let place = |page| index.fences.one(page).map_or(wanted.len(), |fence| wanted.rank(&fence));
        let mut runs = Vec::new();
        for (group, before) in index.before.iter().enumerate() {
            let all = self.table(group, 0)?.len();
            for first in (0..all).step_by(PAGES_AT_ONCE) {
                let pages = first..(first + PAGES_AT_ONCE).min(all);
                let places = place(before + pages.start)..place(before + pages.end);
                let first_rows = vec![self.id_page(before + first)?.first_row];
                runs.push(GroupRuns { group, pages: vec![pages], first_rows, places });
            }
        }
        runs.retain(|run| !run.places.is_empty());
        Ok(runs)
    }

    /// Runs of the pages of all row groups by row group.
    fn runs_by_group(&self, runs: &[(usize, Range<usize>)]) -> Result<Vec<GroupRuns>> {
        let mut groups: Vec<GroupRuns> = Vec::new();
        for (page, places) in runs {
            let page = self.id_page(*page)?;
            match groups.last_mut().filter(|group| group.group == page.group) {
                Some(group) => group.push(page, places.end),
                None => groups.push(GroupRuns::of(page, places.clone())),
            }
        }
        Ok(groups)
    }

    /// Where the ids of a row group are that may be in some of its pages.
    fn locate_in_pages(&self, runs: &GroupRuns, wanted: &IdSet) -> Result<Matches> {
        let ids = self.read_ids(runs.group, &runs.pages)?;
        let rows_a_page = self.rows_of_ids_a_page(runs.group)?;
        let row = |found: usize| match runs.first_rows.as_slice() {
            [first] => Some(first + found),
            // All pages that are read have the same number of rows, but for the last of the row group.
            first_rows => first_rows.get(found / rows_a_page).map(|first| first + found % rows_a_page),
        };
        let in_pages = ids.locate(&wanted.slice(runs.places.clone())?);
        let mut found = Matches::with_capacity(in_pages.rows.len());
        for (in_pages, place) in in_pages.rows.iter().zip(in_pages.indices.iter()) {
            let row =
                row(*in_pages as usize).ok_or_else(|| self.file.damaged("a page has more ids than its table says"))?;
            found.push(place, row);
        }
        Ok(found)
    }

    /// Where a page of ids is, counted among those of all row groups.
    pub(super) fn id_page(&self, place: usize) -> Result<IdPage> {
        let before = &self.id_pages()?.before;
        let group = before.partition_point(|before| *before <= place).checked_sub(1);
        let found = group.and_then(|group| Some((group, *before.get(group)?, *self.groups.get(group)?)));
        let (group, before, start) = found.ok_or_else(|| self.file.damaged("a row group is gone"))?;
        let page = place - before;
        Ok(IdPage { group, page, first_row: start + page * self.rows_of_ids_a_page(group)? })
    }

    /// All ids, in order.
    pub(in crate::storage) fn ids(&self) -> Result<IdSet> {
        let groups = 0..self.metadata.row_groups.len();
        let read = |group| self.read_id_run(group, 0..self.table(group, 0)?.len());
        let groups: Result<Vec<IdSet>> = groups.into_par_iter().map(read).collect();
        let mut all = self.no_ids();
        for ids in groups? {
            all.append(ids)?;
        }
        Ok(all)
    }

    /// The ids of some rows that stand side by side.
    pub(in crate::storage) fn ids_of(&self, rows: &Range<usize>) -> Result<IdSet> {
        let mut ids = self.no_ids();
        for (group, (start, end)) in self.groups.iter().zip(self.groups.iter().skip(1)).enumerate() {
            let (start, end) = (*start, *end);
            let here = rows.start.max(start)..rows.end.min(end);
            if here.is_empty() {
                continue;
            }
            let size = self.rows_of_ids_a_page(group)?;
            let pages = (here.start - start) / size..(here.end - start).div_ceil(size);
            let before = here.start - start - pages.start * size;
            let read = self.read_id_run(group, pages)?.slice(before..before + here.len());
            ids.append(read.map_err(|_| self.file.damaged("a page has fewer ids than its table says"))?)?;
        }
        Ok(ids)
    }

    /// No ids, in the variant that the ids have.
    pub(in crate::storage) fn no_ids(&self) -> IdSet {
        match self.schema.get(&self.id_column).map(|field| &field.dtype) {
            Some(ArrowDataType::UInt64) => IdSet::Big(Vec::new()),
            Some(ArrowDataType::Int64) => IdSet::Int(Vec::new()),
            Some(ArrowDataType::Int128) => IdSet::Wide(Vec::new()),
            Some(ArrowDataType::UInt128) => IdSet::Huge(Vec::new()),
            _ => IdSet::Text(Vec::new()),
        }
    }

    /// The ids of pages that stand side by side.
    pub(super) fn read_id_run(&self, group: usize, pages: Range<usize>) -> Result<IdSet> {
        self.read_ids(group, std::slice::from_ref(&pages))
    }

    /// The ids of some runs of pages.
    pub(super) fn read_ids(&self, group: usize, pages: &[Range<usize>]) -> Result<IdSet> {
        let mut read = PageBytes::none(0);
        self.read_pages(group, pages, &mut read)?;
        let unreadable = || self.file.damaged("its ids are unreadable");
        let mut ids = self.no_ids();
        if ids.is_text() {
            let field = self.schema.get(&self.id_column).ok_or_else(|| self.file.damaged("its ids are gone"))?;
            let column = self.decode(group, field, vec![read], None)?;
            return IdSet::from_sorted_text(&column).ok_or_else(unreadable);
        }
        ids.reserve(read.sizes.iter().map(|(_, values)| values).sum());
        let mut rest = read.bytes();
        for size in &read.sizes {
            let page = integers(*size, ids.width(), &mut rest);
            page.and_then(|page| ids.extend_from_bytes(page)).ok_or_else(unreadable)?;
        }
        Ok(ids)
    }

    pub(super) fn id_pages(&self) -> Result<&IdPages> {
        if let Some(pages) = self.id_pages.get() {
            return Ok(pages);
        }
        let mut found = IdPages { fences: self.no_ids(), top: self.no_ids(), before: Vec::new() };
        for group in 0..self.metadata.row_groups.len() {
            found.before.push(found.fences.len());
            let bytes = self.read_fences(group)?;
            fences::read(&bytes, &mut found.fences)
                .ok_or_else(|| self.file.damaged("its index of ids is unreadable"))?;
        }
        found.top = found.fences.every(FENCES_PER_TOP);
        Ok(self.id_pages.get_or_init(|| found))
    }

    fn read_fences(&self, group: usize) -> Result<Vec<u8>> {
        let chunk = self.chunk(self.place(group, 0))?;
        let end = chunk.fences.checked_add(chunk.fences_length);
        let bytes = self.file.read(self.within(end.map(|end| chunk.fences..end))?)?;
        if xxh3_64(&bytes) != chunk.fences_sum {
            return Err(self.file.damaged("the checksum of its index of ids is wrong"));
        }
        Ok(bytes)
    }

    pub(super) fn rows_of_ids_a_page(&self, group: usize) -> Result<usize> {
        let rows_a_page = self.chunk(self.place(group, 0))?.rows_a_page;
        let rows_a_page = usize::try_from(rows_a_page).ok().filter(|rows| *rows > 0);
        rows_a_page.ok_or_else(|| self.file.damaged("its pages of ids cannot be read one by one"))
    }
}

/// The bytes of the values of a page of so many bytes and integers of this width, which is cut off from the front of `pages`.
///
/// Such pages are neither compressed nor have levels, so that they end with their values.
fn integers<'p>((length, values): (usize, usize), width: usize, pages: &mut &'p [u8]) -> Option<&'p [u8]> {
    let (page, rest) = pages.split_at_checked(length)?;
    *pages = rest;
    page.get(length.checked_sub(values.checked_mul(width)?)?..)
}
