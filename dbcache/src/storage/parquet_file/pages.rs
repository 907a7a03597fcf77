//! Where the pages of each column chunk are, and their checksums: fine enough that reading a row verifies and decodes
//! little more than that row.
//!
//! A page table has 16 bytes a page, and a directory has 48 bytes a column chunk, saying where its page table is. All
//! numbers are little-endian.

use std::ops::Range;

use xxhash_rust::xxh3::xxh3_64;

const ENTRY: usize = 16;
const CHUNK: usize = 48;

/// The pages of one column chunk.
#[derive(Debug, Default)]
pub(super) struct PageTable {
    /// Where each page begins in the file, and where the last one ends.
    bounds: Vec<u64>,
    /// How many values each page holds, those below lists each counted.
    values: Vec<u32>,
    sums: Vec<u64>,
}

impl PageTable {
    fn with_capacity(pages: usize) -> Self {
        let bounds = Vec::with_capacity(pages.saturating_add(1));
        Self { bounds, values: Vec::with_capacity(pages), sums: Vec::with_capacity(pages) }
    }

    /// Adds the page that begins where the last one ended.
    fn push(&mut self, length: u32, values: u32, sum: u64) {
        self.bounds.push(self.bounds.last().copied().unwrap_or_default() + u64::from(length));
        self.values.push(values);
        self.sums.push(sum);
    }

    pub(super) fn len(&self) -> usize {
        self.sums.len()
    }

    /// Where some consecutive pages are in the file.
    pub(super) fn bytes(&self, pages: &Range<usize>) -> Option<Range<u64>> {
        Some(*self.bounds.get(pages.start)?..*self.bounds.get(pages.end)?)
    }

    pub(super) fn values(&self, pages: &Range<usize>) -> Option<i64> {
        Some(self.values.get(pages.clone())?.iter().map(|values| i64::from(*values)).sum())
    }

    /// Whether the bytes of some consecutive pages are as they were written.
    pub(super) fn are_sound(&self, pages: &Range<usize>, bytes: &[u8]) -> bool {
        let start = self.bounds.get(pages.start).copied().unwrap_or_default();
        pages.clone().all(|page| self.is_sound(page, start, bytes).unwrap_or(false))
    }

    fn is_sound(&self, page: usize, start: u64, bytes: &[u8]) -> Option<bool> {
        let place = self.bytes(&(page..page + 1))?;
        let place = usize::try_from(place.start - start).ok()?..usize::try_from(place.end - start).ok()?;
        Some(xxh3_64(bytes.get(place)?) == *self.sums.get(page)?)
    }

    /// The table of pages that begin at `bounds`, whose bytes are `bytes` of the file from `start` on.
    pub(super) fn of(bounds: &[u64], values: &[u32], start: u64, bytes: &[u8]) -> Option<Self> {
        let mut table = Self { bounds: vec![*bounds.first()?], ..Self::default() };
        for (page, values) in bounds.windows(2).zip(values) {
            let [from, to] = page else { return None };
            let place = usize::try_from(from - start).ok()?..usize::try_from(to - start).ok()?;
            table.push(u32::try_from(to - from).ok()?, *values, xxh3_64(bytes.get(place)?));
        }
        Some(table)
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let lengths = self.bounds.windows(2).map(|page| page.iter().rev().copied().reduce(|to, from| to - from));
        let entries = lengths.zip(&self.values).zip(&self.sums);
        entries
            .flat_map(|((length, values), sum)| {
                let length = u32::try_from(length.unwrap_or_default()).unwrap_or(u32::MAX);
                [&length.to_le_bytes()[..], &values.to_le_bytes(), &sum.to_le_bytes()].concat()
            })
            .collect()
    }

    /// Reads the table of a chunk, and what stands behind it.
    pub(super) fn from_bytes<'b>(chunk: &PagedChunk, bytes: &'b [u8]) -> Option<(Self, &'b [u8])> {
        let count = usize::try_from(chunk.pages).ok()?;
        let (table, rest) = bytes.split_at_checked(ENTRY.checked_mul(count)?)?;
        let mut pages = Self::with_capacity(count);
        pages.bounds.push(chunk.start);
        for entry in table.as_chunks::<ENTRY>().0 {
            let (length, entry) = entry.split_first_chunk()?;
            let (values, entry) = entry.split_first_chunk()?;
            let sum = entry.first_chunk()?;
            pages.push(u32::from_le_bytes(*length), u32::from_le_bytes(*values), u64::from_le_bytes(*sum));
        }
        Some((pages, rest))
    }
}

/// One column chunk in the directory.
#[derive(Clone, Copy, Debug)]
pub(super) struct PagedChunk {
    /// Where the first page begins.
    pub(super) start: u64,
    /// Where the page table is.
    pub(super) table: u64,
    /// How long it is, with what stands behind it.
    pub(super) table_length: u64,
    /// The XXH3-64 of it, with what stands behind it.
    pub(super) table_sum: u64,
    /// How many rows each page but the last has; 0 where pages cannot be read one by one.
    pub(super) rows_a_page: u64,
    pub(super) pages: u64,
}

impl PagedChunk {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let Self { start, table, table_length, table_sum, rows_a_page, pages } = self;
        [start, table, table_length, table_sum, rows_a_page, pages].map(u64::to_le_bytes).concat()
    }

    /// Reads a directory.
    pub(super) fn all_from_bytes(bytes: &[u8]) -> Option<Vec<Self>> {
        let (chunks, rest) = bytes.as_chunks::<CHUNK>();
        let chunks = chunks.iter().map(|chunk| {
            let words: Vec<u64> = chunk.as_chunks().0.iter().copied().map(u64::from_le_bytes).collect();
            let [start, table, table_length, table_sum, rows_a_page, pages] = *words.as_slice() else { return None };
            Some(Self { start, table, table_length, table_sum, rows_a_page, pages })
        });
        if rest.is_empty() { chunks.collect() } else { None }
    }
}
