//! A file of ours, read page by page: ids are found, and columns of some rows decoded, reading little else.

mod columns;
mod decode;
mod ids;
mod levels;
mod numbers;
#[cfg(feature = "lazy")]
mod ordered;
mod page_bytes;
mod page_choice;
mod struct_part;
mod texts;

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use polars::prelude::*;
use polars_buffer::Buffer;
use polars_parquet::parquet::read::{PageMetaData, PageReader};
use polars_parquet::read::{
    ColumnChunkMetadata, FileMetadata, ParquetTimeUnit, PrimitiveLogicalType, RowGroupMetadata,
};

use super::header::Header;
use super::pages::{self, PageEntry, PageNumber, PageTable, PagedChunk};
use super::schema;
use crate::error::{Error, Result};
use crate::storage::memory::Memory;
use crate::storage::place::disk::OpenFile;

pub(in crate::storage) use self::columns::Way;
use self::ids::IdPages;
use self::page_bytes::{PageBytes, with_bytes};

/// So many pages are decoded at a time, by one thread: few enough to lie in memory that was just used.
const PAGES_AT_ONCE: usize = 64;
/// From so many pages on, they are read by several threads.
const PAGES_A_THREAD: usize = 64;
/// How many pages are verified at once.
const PAGES_VERIFIED: usize = 64;

/// Gives every open file a number of its own.
static OPENED: AtomicU64 = AtomicU64::new(0);

/// An open file of ours.
#[derive(Debug)]
pub(in crate::storage) struct RowFile {
    number: u64,
    file: OpenFile,
    header: Header,
    metadata: FileMetadata,
    schema: ArrowSchema,
    id_column: PlSmallStr,
    /// Where each row group begins, and where the last one ends.
    groups: Vec<usize>,
    rows: usize,
    /// The column chunks of all row groups, those of the first group first.
    directory: Vec<PagedChunk>,
    tables: Vec<PageTable>,
    /// Which Parquet columns of each row group make up a column.
    leaves: OnceLock<PlHashMap<PlSmallStr, Range<usize>>>,
    id_pages: OnceLock<IdPages>,
    memory: Arc<Memory>,
}

impl Drop for RowFile {
    fn drop(&mut self) {
        self.memory.forget(self.number);
    }
}

impl RowFile {
    /// `None` where the directory does not describe the columns of the file.
    pub(super) fn new(
        file: OpenFile,
        header: Header,
        metadata: FileMetadata,
        directory: Vec<PagedChunk>,
        id_column: &str,
        memory: &Arc<Memory>,
    ) -> PolarsResult<Option<Self>> {
        let schema = schema::read(&metadata)?;
        let chunks: usize = metadata.row_groups.iter().map(|group| group.parquet_columns().len()).sum();
        let columns = metadata.row_groups.first().map_or(0, |first| first.parquet_columns().len());
        let are_alike = metadata.row_groups.iter().all(|group| group.parquet_columns().len() == columns);
        if chunks != directory.len() || !are_alike || !schema.contains(id_column) {
            return Ok(None);
        }
        let (mut rows, mut groups) = (0, vec![0]);
        for group in &metadata.row_groups {
            rows += group.num_rows();
            groups.push(rows);
        }
        let tables = directory.iter().map(PageTable::new).collect();
        let number = OPENED.fetch_add(1, Ordering::Relaxed);
        let (id_column, memory) = (id_column.into(), Arc::clone(memory));
        let id_pages = OnceLock::new();
        Ok(Some(Self {
            number,
            file,
            header,
            metadata,
            schema,
            id_column,
            groups,
            rows,
            directory,
            tables,
            leaves: OnceLock::new(),
            id_pages,
            memory,
        }))
    }

    pub(in crate::storage) fn header(&self) -> &Header {
        &self.header
    }

    /// Whether the system counts the file as open.
    pub(in crate::storage) fn is_open(&self) -> bool {
        self.file.is_open()
    }

    pub(in crate::storage) fn length(&self) -> u64 {
        self.file.length()
    }

    /// How many bytes its pages take before compression.
    pub(in crate::storage) fn plain_length(&self) -> u64 {
        let chunks = self.metadata.row_groups.iter().flat_map(RowGroupMetadata::parquet_columns);
        chunks.map(|chunk| chunk.uncompressed_size().unsigned_abs()).sum()
    }

    pub(in crate::storage) fn rows(&self) -> usize {
        self.rows
    }

    /// The names and types of all columns, in order.
    pub(in crate::storage) fn types(&self) -> impl Iterator<Item = (PlSmallStr, DataType)> + '_ {
        self.schema.iter().map(|(name, field)| (name.clone(), DataType::from_arrow_field(field)))
    }

    /// The error that says that this file is not what was written.
    pub(in crate::storage) fn damaged(&self, reason: &str) -> Error {
        self.file.damaged(reason)
    }

    /// Whether a column of times is written in microseconds, so that all of them are whole ones.
    pub(in crate::storage) fn is_in_microseconds(&self, name: &str) -> bool {
        let mut chunks = self.first_chunks().iter().map(ColumnChunkMetadata::descriptor);
        let column = chunks.find(|column| column.path_in_schema.first().is_some_and(|first| first == name));
        column.is_none_or(|column| {
            matches!(
                column.descriptor.primitive_type.logical_type,
                Some(
                    PrimitiveLogicalType::Time { unit: ParquetTimeUnit::Microseconds, .. }
                        | PrimitiveLogicalType::Timestamp { unit: ParquetTimeUnit::Microseconds, .. }
                )
            )
        })
    }

    /// Whether every byte that is ever read is as it was written.
    pub(in crate::storage) fn is_sound(&self) -> Result<bool> {
        match self.verify_all() {
            Err(Error::Damaged { .. }) => Ok(false),
            verified => verified.map(|()| true),
        }
    }

    fn verify_all(&self) -> Result<()> {
        self.id_pages()?;
        let chunks = self.first_chunks().len().max(1);
        (0..self.directory.len()).try_for_each(|place| self.verify(place / chunks, place % chunks))
    }

    /// Reads all pages of a chunk, a part at a time, so that a large chunk does not have to fit in memory.
    fn verify(&self, group: usize, leaf: usize) -> Result<()> {
        let all = self.table(group, leaf)?.len();
        (0..all).step_by(PAGES_VERIFIED).try_for_each(|first| {
            let pages = first..(first + PAGES_VERIFIED).min(all);
            self.read_pages(group, std::slice::from_ref(&pages), &mut PageBytes::none(leaf))
        })
    }

    fn group(&self, group: usize) -> Result<&RowGroupMetadata> {
        self.metadata.row_groups.get(group).ok_or_else(|| self.file.damaged("a row group is gone"))
    }

    /// The column chunks of the first row group, which are those of all others too; none of a file without rows.
    fn first_chunks(&self) -> &[ColumnChunkMetadata] {
        self.metadata.row_groups.first().map_or(&[], RowGroupMetadata::parquet_columns)
    }

    /// A column chunk as the footer describes it.
    fn described(&self, group: usize, leaf: usize) -> Result<&ColumnChunkMetadata> {
        let chunk = self.group(group)?.parquet_columns().get(leaf);
        chunk.ok_or_else(|| self.file.damaged("a column chunk is gone"))
    }

    /// The place of a chunk in the directory.
    fn place(&self, group: usize, leaf: usize) -> usize {
        group * self.first_chunks().len() + leaf
    }

    fn chunk(&self, place: usize) -> Result<&PagedChunk> {
        self.directory.get(place).ok_or_else(|| self.file.damaged("its directory is too short"))
    }

    fn table(&self, group: usize, leaf: usize) -> Result<&PageTable> {
        self.tables.get(self.place(group, leaf)).ok_or_else(|| self.file.damaged("its directory is too short"))
    }

    /// What the page table says of the pages of some runs. It is not verified until the pages are.
    fn entries(&self, group: usize, leaf: usize, runs: &[Range<usize>]) -> Result<Vec<PageEntry>> {
        let table = self.table(group, leaf)?;
        if table.is_worth_holding(runs.iter().map(ExactSizeIterator::len).sum()) {
            let all = 0..table.len();
            table.hold(self.read_entries(table, std::slice::from_ref(&all))?);
        }
        if let Some(held) = table.held(runs) {
            Ok(held)
        } else if table.is_read_at_once(runs.len()) {
            self.read_entries(table, runs)
        } else {
            let of_run = |pages| self.read_entries(table, std::slice::from_ref(pages));
            Ok(runs.iter().map(of_run).collect::<Result<Vec<_>>>()?.concat())
        }
    }

    /// Reads the entries of some runs of pages, and all those between them.
    fn read_entries(&self, table: &PageTable, runs: &[Range<usize>]) -> Result<Vec<PageEntry>> {
        let (Some(first), Some(last)) = (runs.first(), runs.last()) else { return Ok(Vec::new()) };
        let place = self.within(table.place(&(first.start..last.end)))?;
        with_bytes(length_of(&place), |bytes| {
            self.file.read_to(place.start, bytes)?;
            let entries = pages::entries(bytes, first.start, runs);
            entries.ok_or_else(|| self.file.damaged("a page table is unreadable"))
        })
    }

    /// A place in the file; an error where the file ends before.
    fn within(&self, place: Option<Range<u64>>) -> Result<Range<u64>> {
        let place = place.filter(|place| place.start <= place.end && place.end <= self.file.length());
        place.ok_or_else(|| self.file.damaged("its parts are not where they should be"))
    }

    /// Adds some pages of a Parquet column to others of it, verified. Pages that stand side by side are read at once.
    fn read_pages(&self, group: usize, runs: &[Range<usize>], into: &mut PageBytes) -> Result<()> {
        let entries = self.entries(group, into.leaf, runs)?;
        let chunk = self.place(group, into.leaf);
        // What the entries say is not verified yet. A file that is larger than memory is not read whole.
        let most = usize::try_from(self.file.length()).unwrap_or(usize::MAX);
        into.reserve(entries.iter().map(PageEntry::length).sum::<usize>().min(most));
        let mut rest = entries.as_slice();
        for pages in runs {
            let split = rest.split_at_checked(pages.len());
            let (entries, later) = split.ok_or_else(|| self.file.damaged("a page table is too short"))?;
            rest = later;
            let place = self.within(pages::place(entries))?;
            let bytes = into.next(length_of(&place));
            self.file.read_to(place.start, bytes)?;
            if !pages::are_sound(PageNumber { chunk, page: pages.start }, entries, bytes) {
                return Err(self.file.damaged("the checksum of a page is wrong"));
            }
            into.push_sizes(entries);
        }
        Ok(())
    }

    /// A reader of some pages, with the memory that they are in.
    fn page_reader(&self, group: usize, mut pages: PageBytes) -> Result<(PageReader, Buffer<u8>)> {
        let chunk = self.described(group, pages.leaf)?;
        let descriptor = chunk.descriptor().descriptor.clone();
        let meta = PageMetaData::new(0, pages.values(), chunk.compression(), descriptor);
        let (bytes, memory) = pages.take_out();
        Ok((PageReader::new_with_page_meta(bytes, meta, Vec::new(), usize::MAX), memory))
    }
}

/// How many bytes a place in a file has, of which there are no more than memory has.
fn length_of(place: &Range<u64>) -> usize {
    usize::try_from(place.end.saturating_sub(place.start)).unwrap_or(usize::MAX)
}
