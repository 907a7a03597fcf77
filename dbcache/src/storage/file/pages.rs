//! Where the pages of each column chunk are, and their checksums: fine enough that reading a row verifies and decodes
//! little more than that row.
//!
//! A page table has an entry of 24 bytes a page, so that the entry of one page is read without the others. An entry
//! needs no checksum of its own: that of the page covers what the entry says, and which page it is. A directory has 48
//! bytes a column chunk, saying where its page table is. All numbers are little-endian.

use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

const ENTRY: usize = 24;
const CHUNK: usize = 48;
/// Once one entry in so many was asked for, the whole table is read, and stays in memory.
const ENTRIES_A_TABLE: usize = 16;
/// Reading so many entries that follow one another costs about as much as asking the system once more.
const ENTRIES_A_CALL: usize = 512;

/// One page, as its entry describes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct PageEntry {
    start: u64,
    length: u32,
    /// How many values it holds, those below lists each counted.
    pub(super) values: u32,
    sum: u64,
}

impl PageEntry {
    fn from_bytes(bytes: &[u8; ENTRY]) -> Option<Self> {
        let (start, rest) = bytes.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (values, rest) = rest.split_first_chunk()?;
        Some(Self {
            start: u64::from_le_bytes(*start),
            length: u32::from_le_bytes(*length),
            values: u32::from_le_bytes(*values),
            sum: u64::from_le_bytes(*rest.first_chunk()?),
        })
    }

    fn to_bytes(self) -> Vec<u8> {
        let Self { start, length, values, sum } = self;
        [&start.to_le_bytes()[..], &length.to_le_bytes(), &values.to_le_bytes(), &sum.to_le_bytes()].concat()
    }

    pub(super) fn length(&self) -> usize {
        self.length as usize
    }

    pub(super) fn values(&self) -> usize {
        self.values as usize
    }

    fn end(&self) -> Option<u64> {
        self.start.checked_add(u64::from(self.length))
    }
}

/// The entries of some runs of pages, out of the bytes of all entries from that of page `first` on.
pub(super) fn entries(bytes: &[u8], first: usize, runs: &[Range<usize>]) -> Option<Vec<PageEntry>> {
    let all = bytes.as_chunks::<ENTRY>().0;
    let mut entries = Vec::with_capacity(runs.iter().map(ExactSizeIterator::len).sum());
    for run in runs {
        for bytes in all.get(run.start.checked_sub(first)?..run.end.checked_sub(first)?)? {
            entries.push(PageEntry::from_bytes(bytes)?);
        }
    }
    Some(entries)
}

/// Where consecutive pages are in the file; `None` where they do not follow one another.
pub(super) fn place(entries: &[PageEntry]) -> Option<Range<u64>> {
    let follow = |pair: &[PageEntry]| pair.first().and_then(PageEntry::end) == pair.last().map(|page| page.start);
    let place = entries.first()?.start..entries.last()?.end()?;
    entries.windows(2).all(follow).then_some(place)
}

/// Where a chunk is in the directory, and a page in the chunk. Its checksum depends on it, so that an entry that is in
/// another one's place is noticed.
#[derive(Clone, Copy, Debug)]
pub(super) struct PageNumber {
    pub(super) chunk: usize,
    pub(super) page: usize,
}

/// The checksum of a page that is at this place and holds so many values.
fn checksum(PageNumber { chunk, page }: PageNumber, values: u32, bytes: &[u8]) -> u64 {
    let about = [chunk as u64, page as u64, u64::from(values)].map(u64::to_le_bytes);
    xxh3_64_with_seed(bytes, xxh3_64(about.as_flattened()))
}

/// Whether the bytes of consecutive pages are as they were written, of which this is the first.
pub(super) fn are_sound(first: PageNumber, entries: &[PageEntry], mut bytes: &[u8]) -> bool {
    let mut pages = entries.iter().zip(first.page..);
    pages.all(|(entry, page)| {
        let Some((here, rest)) = bytes.split_at_checked(entry.length()) else { return false };
        bytes = rest;
        checksum(PageNumber { page, ..first }, entry.values, here) == entry.sum
    })
}

/// The pages of one column chunk.
#[derive(Debug)]
pub(super) struct PageTable {
    start: u64,
    pages: usize,
    /// How many entries were read by themselves.
    read: AtomicUsize,
    entries: OnceLock<Vec<PageEntry>>,
}

impl PageTable {
    pub(super) fn new(chunk: &PagedChunk) -> Self {
        // More than can be counted are more than the file has room for, which is noticed when one is read.
        let pages = usize::try_from(chunk.pages).unwrap_or(usize::MAX);
        Self { start: chunk.table, pages, read: AtomicUsize::new(0), entries: OnceLock::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.pages
    }

    /// The entries of some runs of pages, if they are in memory.
    pub(super) fn held(&self, runs: &[Range<usize>]) -> Option<Vec<PageEntry>> {
        let all = self.entries.get()?;
        let held: Option<Vec<&[PageEntry]>> = runs.iter().map(|pages| all.get(pages.clone())).collect();
        held.map(|held| held.concat())
    }

    /// Whether to read those between them too for want of entries in so many places.
    pub(super) fn is_read_at_once(&self, places: usize) -> bool {
        places.saturating_mul(ENTRIES_A_CALL) > self.pages
    }

    /// Whether to read all entries and keep them, for want of so many.
    pub(super) fn is_worth_holding(&self, wanted: usize) -> bool {
        if self.entries.get().is_some() {
            return false;
        }
        let read = self.read.fetch_add(wanted, Ordering::Relaxed).saturating_add(wanted);
        read.saturating_mul(ENTRIES_A_TABLE) > self.pages
    }

    /// Keeps all entries in memory.
    pub(super) fn hold(&self, entries: Vec<PageEntry>) {
        self.entries.get_or_init(|| entries);
    }

    /// Where the entries of some pages are in the file.
    pub(super) fn place(&self, pages: &Range<usize>) -> Option<Range<u64>> {
        let at = |page: usize| self.start.checked_add(u64::try_from(page.checked_mul(ENTRY)?).ok()?);
        if pages.end > self.pages { None } else { Some(at(pages.start)?..at(pages.end)?) }
    }
}

/// The page table of the chunk of this number, as it is written: of pages that begin at `bounds`, of which the last is
/// where they end. Their bytes are `bytes` of the file from `start` on.
pub(super) fn written(chunk: usize, bounds: &[u64], values: &[u32], start: u64, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut table = Vec::with_capacity(values.len() * ENTRY);
    for (page, (bounds, values)) in bounds.windows(2).zip(values).enumerate() {
        let [from, to] = *bounds else { return None };
        let here = bytes.get(usize::try_from(from - start).ok()?..usize::try_from(to - start).ok()?)?;
        let sum = checksum(PageNumber { chunk, page }, *values, here);
        let entry = PageEntry { start: from, length: u32::try_from(to - from).ok()?, values: *values, sum };
        table.extend(entry.to_bytes());
    }
    Some(table)
}

/// One column chunk in the directory.
#[derive(Clone, Copy, Debug)]
pub(super) struct PagedChunk {
    /// Where its page table is.
    pub(super) table: u64,
    /// Where the first ids of its pages are, if it is one of ids.
    pub(super) fences: u64,
    /// How long they are.
    pub(super) fences_length: u64,
    /// The XXH3-64 of them.
    pub(super) fences_sum: u64,
    /// How many rows each page but the last has; 0 where pages cannot be read one by one.
    pub(super) rows_a_page: u64,
    pub(super) pages: u64,
}

impl PagedChunk {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let Self { table, fences, fences_length, fences_sum, rows_a_page, pages } = self;
        [table, fences, fences_length, fences_sum, rows_a_page, pages].map(u64::to_le_bytes).concat()
    }

    /// Reads a directory.
    pub(super) fn all_from_bytes(bytes: &[u8]) -> Option<Vec<Self>> {
        let (chunks, rest) = bytes.as_chunks::<CHUNK>();
        let chunks = chunks.iter().map(|chunk| {
            let words: Vec<u64> = chunk.as_chunks().0.iter().copied().map(u64::from_le_bytes).collect();
            let [table, fences, fences_length, fences_sum, rows_a_page, pages] = *words.as_slice() else { return None };
            Some(Self { table, fences, fences_length, fences_sum, rows_a_page, pages })
        });
        if rest.is_empty() { chunks.collect() } else { None }
    }
}
