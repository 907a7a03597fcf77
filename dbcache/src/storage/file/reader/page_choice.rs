//! Which pages of a chunk are read for some of its rows: decided from numbers alone, before anything is read.

use std::ops::Range;

use polars::prelude::*;

use crate::key::row_number;

/// Where a request needs more than one page in so many, it reads all of them.
pub(super) const PAGES_WORTH_ALL: usize = 3;

/// Rows of one row group.
#[derive(Clone, Copy)]
pub(super) struct GroupRows<'r> {
    pub(super) group: usize,
    /// The row of the file that is the group's first.
    pub(super) start: IdxSize,
    pub(super) rows: &'r [IdxSize],
}

impl GroupRows<'_> {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The rows, counted from the group's first.
    pub(super) fn places(&self) -> impl Iterator<Item = IdxSize> + '_ {
        self.rows.iter().map(|row| row - self.start)
    }
}

/// The pages of a row group that hold wanted rows.
pub(super) struct GroupPages<'r> {
    pub(super) rows: GroupRows<'r>,
    /// Runs of pages that stand side by side.
    pub(super) runs: Vec<Range<usize>>,
    rows_a_page: usize,
}

/// How a chunk is laid out.
pub(super) struct Layout {
    /// 0 where pages do not all hold the same number of rows.
    pub(super) rows_a_page: usize,
    pub(super) pages: usize,
}

impl<'r> GroupPages<'r> {
    /// The pages to read; `None` where all of the chunk is read, since pages cannot be told apart or most are needed.
    pub(super) fn of(rows: GroupRows<'r>, layout: &Layout) -> Option<Self> {
        if layout.rows_a_page == 0 {
            return None;
        }
        let runs = runs_of(rows.places(), layout.rows_a_page);
        let is_few = count(&runs) * PAGES_WORTH_ALL <= layout.pages;
        is_few.then_some(Self { rows, runs, rows_a_page: layout.rows_a_page })
    }
}

impl GroupPages<'_> {
    /// How many pages they are.
    pub(super) fn count(&self) -> usize {
        count(&self.runs)
    }

    /// Adds where the wanted rows stand among those of the pages that are decoded, of which `decoded` come before.
    /// Returns how many come before the next ones.
    pub(super) fn add_places(&self, group_rows: usize, mut decoded: usize, places: &mut Vec<IdxSize>) -> usize {
        let mut rest = self.rows.places().peekable();
        for pages in &self.runs {
            let (first, last) = (pages.start * self.rows_a_page, (pages.end * self.rows_a_page).min(group_rows));
            while let Some(row) = rest.next_if(|row| (*row as usize) < last) {
                places.push(row_number(decoded + row as usize - first));
            }
            decoded += last - first;
        }
        decoded
    }
}

/// The pages that hold the rows, those side by side together.
fn runs_of(rows: impl Iterator<Item = IdxSize>, rows_a_page: usize) -> Vec<Range<usize>> {
    let mut pages: Vec<Range<usize>> = Vec::new();
    for row in rows {
        let page = row as usize / rows_a_page;
        match pages.last_mut() {
            Some(last) if last.end > page => {}
            Some(last) if last.end == page => last.end += 1,
            _ => pages.push(page..page + 1),
        }
    }
    pages
}

fn count(pages: &[Range<usize>]) -> usize {
    pages.iter().map(ExactSizeIterator::len).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages_of<'r>(rows: &'r [IdxSize], layout: &Layout) -> Option<GroupPages<'r>> {
        GroupPages::of(GroupRows { group: 0, start: 100, rows }, layout)
    }

    #[test]
    fn pages_side_by_side_are_one_run() {
        let rows = [100, 109, 110, 150, 151];
        let pages = pages_of(&rows, &Layout { rows_a_page: 10, pages: 20 }).expect("few pages");
        assert_eq!(pages.runs, [0..2, 5..6]);
        assert_eq!(pages.count(), 3);
        let mut places = Vec::new();
        assert_eq!(pages.add_places(200, 0, &mut places), 30);
        assert_eq!(places, [0, 9, 10, 20, 21]);
    }

    #[test]
    fn all_pages_are_read_where_more_than_a_third_is_needed_or_they_cannot_be_told_apart() {
        let rows = [100, 150];
        let is_in_part = |rows_a_page, pages| pages_of(&rows, &Layout { rows_a_page, pages }).is_some();
        assert!(is_in_part(10, 6));
        assert!(!is_in_part(10, 5));
        assert!(!is_in_part(0, 60));
    }
}
