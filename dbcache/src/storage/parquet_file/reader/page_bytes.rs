//! The bytes of pages on their way to a decoder, in memory that each thread uses again and again: to have the system
//! find new memory for them would take longer than to read them.

use std::cell::Cell;
use std::io::Cursor;

use polars_buffer::Buffer;

use super::super::pages::PageEntry;

/// More than so many bytes are not kept for the next pages.
const MOST_KEPT: usize = 1 << 20;

thread_local! {
    static KEPT: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Some pages of one Parquet column.
pub(super) struct PageBytes {
    pub(super) leaf: usize,
    /// The pages, then what was there before.
    bytes: Vec<u8>,
    used: usize,
    /// How many bytes each page takes, and how many values it holds.
    pub(super) sizes: Vec<(usize, usize)>,
}

impl PageBytes {
    pub(super) fn none(leaf: usize) -> Self {
        Self { leaf, bytes: KEPT.take(), used: 0, sizes: Vec::new() }
    }

    pub(super) fn values(&self) -> i64 {
        self.sizes.iter().map(|(_, values)| i64::try_from(*values).unwrap_or(i64::MAX)).sum()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.used).unwrap_or_default()
    }

    /// Makes room for so many more bytes.
    pub(super) fn reserve(&mut self, length: usize) {
        self.bytes.reserve((self.used + length).saturating_sub(self.bytes.len()));
    }

    /// The place of the next pages, which take so many bytes.
    pub(super) fn next(&mut self, length: usize) -> &mut [u8] {
        let start = self.used;
        self.used += length;
        if self.bytes.len() < self.used {
            self.bytes.resize(self.used, 0);
        }
        self.bytes.get_mut(start..self.used).unwrap_or_default()
    }

    pub(super) fn push_sizes(&mut self, pages: &[PageEntry]) {
        self.sizes.extend(pages.iter().map(|page| (page.length(), page.values())));
    }

    /// The bytes for a decoder, and their memory, to be [given back](give_back) when it is done.
    pub(super) fn take_out(&mut self) -> (Cursor<Buffer<u8>>, Buffer<u8>) {
        let memory = Buffer::from(std::mem::take(&mut self.bytes));
        (Cursor::new(memory.clone().sliced(..self.used)), memory)
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

fn keep(bytes: Vec<u8>) {
    if bytes.capacity() > 0 && bytes.capacity() <= MOST_KEPT {
        KEPT.set(bytes);
    }
}
