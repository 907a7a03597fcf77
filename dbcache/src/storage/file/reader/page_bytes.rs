//! The bytes of pages on their way to a decoder, in memory that each thread uses again and again: to have the system
//! find new memory for them would take longer than to read them.

use std::cell::RefCell;
use std::io::Cursor;
use std::ops::Range;

use polars::prelude::IdxSize;
use polars_buffer::Buffer;

use crate::storage::file::pages::PageEntry;

/// More than so many bytes are not kept for the next pages.
const MOST_KEPT: usize = 1 << 20;

/// So many pieces of memory are kept: for a column that is read, and for its page table meanwhile.
const PIECES_KEPT: usize = 2;

thread_local! {
    static KEPT: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Some pages of one Parquet column.
pub(super) struct PageBytes {
    pub(super) leaf: usize,
    /// The pages, then what was there before.
    bytes: Vec<u8>,
    used: usize,
    /// How many bytes each page takes, and how many values it holds.
    pub(super) sizes: Vec<(usize, usize)>,
    /// How many values all of them hold.
    values: i64,
}

impl PageBytes {
    pub(super) fn none(leaf: usize) -> Self {
        Self { leaf, bytes: kept(), used: 0, sizes: Vec::new(), values: 0 }
    }

    pub(super) fn values(&self) -> i64 {
        self.values
    }

    pub(super) fn bytes(&self) -> &[u8] {
        // What is used is what was handed out, once there was memory for it.
        self.bytes.get(..self.used).unwrap_or_default()
    }

    /// Each page, with those of its rows that stand at these ascending places among the rows of all; `None` of one that
    /// the bytes end before.
    pub(super) fn wanted<'p>(&'p self, places: &'p [IdxSize]) -> impl Iterator<Item = Option<WantedPage<'p>>> {
        let (mut rest, mut places, mut before) = (self.bytes(), places, 0);
        self.sizes.iter().map(move |(length, rows)| {
            let (bytes, later) = rest.split_at_checked(*length)?;
            let (here, behind) = places.split_at(places.partition_point(|place| (*place as usize) < before + rows));
            let page = WantedPage { bytes, rows: *rows, before, places: here };
            (rest, places, before) = (later, behind, before + rows);
            Some(page)
        })
    }

    /// Makes room for so many more bytes.
    pub(super) fn reserve(&mut self, length: usize) {
        self.bytes.reserve((self.used + length).saturating_sub(self.bytes.len()));
    }

    /// The place of the next pages, which take so many bytes.
    pub(super) fn next(&mut self, length: usize) -> &mut [u8] {
        let start = self.used;
        self.used += length;
        part(&mut self.bytes, start..self.used)
    }

    pub(super) fn push_sizes(&mut self, pages: &[PageEntry]) {
        self.sizes.extend(pages.iter().map(|page| (page.length(), page.values())));
        self.values += pages.iter().map(|page| i64::from(page.values)).sum::<i64>();
    }

    /// The bytes for a decoder, and their memory, to be [given back](give_back) when it is done.
    pub(super) fn take_out(&mut self) -> (Cursor<Buffer<u8>>, Buffer<u8>) {
        let memory = Buffer::from(std::mem::take(&mut self.bytes));
        (Cursor::new(memory.clone().sliced(..self.used)), memory)
    }
}

/// A page, and which of its rows are wanted.
pub(super) struct WantedPage<'p> {
    pub(super) bytes: &'p [u8],
    pub(super) rows: usize,
    /// How many rows the pages before it have.
    before: usize,
    places: &'p [IdxSize],
}

impl WantedPage<'_> {
    /// The wanted rows, counted from the first of the page.
    pub(super) fn places(&self) -> impl Iterator<Item = usize> + '_ {
        self.places.iter().map(|place| *place as usize - self.before)
    }
}

impl Drop for PageBytes {
    fn drop(&mut self) {
        keep(std::mem::take(&mut self.bytes));
    }
}

/// Keeps memory for the next pages, unless what was decoded still needs it.
pub(super) fn give_back(memory: Buffer<u8>) {
    if let Some(bytes) = memory.into_mut().right() {
        keep(bytes);
    }
}

/// Does something with so many bytes of memory.
pub(super) fn with_bytes<R>(length: usize, work: impl FnOnce(&mut [u8]) -> R) -> R {
    let mut bytes = kept();
    let done = work(part(&mut bytes, 0..length));
    keep(bytes);
    done
}

/// A part of some memory, which grows where it is too small.
fn part(bytes: &mut Vec<u8>, place: Range<usize>) -> &mut [u8] {
    if bytes.len() < place.end {
        bytes.resize(place.end, 0);
    }
    // There is as much memory by now.
    bytes.get_mut(place).unwrap_or_default()
}

fn kept() -> Vec<u8> {
    KEPT.with_borrow_mut(Vec::pop).unwrap_or_default()
}

fn keep(bytes: Vec<u8>) {
    KEPT.with_borrow_mut(|kept| {
        if kept.len() < PIECES_KEPT && bytes.capacity() > 0 && bytes.capacity() <= MOST_KEPT {
            kept.push(bytes);
        }
    });
}
