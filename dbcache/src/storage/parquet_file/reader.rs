//! A file of ours, read page by page: ids are found, and columns of some rows decoded, reading little else.

mod columns;
mod ids;

use std::io::Cursor;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use polars::prelude::*;
use polars_parquet::parquet::read::{PageMetaData, PageReader};
use polars_parquet::read::{ColumnChunkMetadata, FileMetadata, RowGroupMetadata, infer_schema};
use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use super::super::disk::OpenFile;
use super::super::memory::Memory;
use super::header::Header;
use super::pages::{PageTable, PagedChunk};
use crate::error::{Error, Result};

use self::columns::Pages;
pub(in crate::storage) use self::columns::Way;
use self::ids::IdPages;

/// Where a request needs more than one page in so many, it reads all of them.
const PAGES_WORTH_ALL: usize = 3;
/// From so many pages on, they are read by several threads.
const PAGES_A_THREAD: usize = 128;
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
    /// The column chunks of all row groups, those of the first group first.
    directory: Vec<PagedChunk>,
    tables: Vec<OnceLock<PageTable>>,
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
        let schema = infer_schema(&metadata)?;
        let chunks: usize = metadata.row_groups.iter().map(|group| group.parquet_columns().len()).sum();
        if chunks != directory.len() || !schema.contains(id_column) {
            return Ok(None);
        }
        let mut groups = vec![0];
        groups.extend(metadata.row_groups.iter().scan(0, |end, group| {
            *end += group.num_rows();
            Some(*end)
        }));
        let tables = directory.iter().map(|_| OnceLock::new()).collect();
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
            directory,
            tables,
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

    pub(in crate::storage) fn rows(&self) -> usize {
        self.groups.last().copied().unwrap_or_default()
    }

    /// The names and types of all columns, in order.
    pub(in crate::storage) fn types(&self) -> impl Iterator<Item = (PlSmallStr, DataType)> + '_ {
        self.schema.iter().map(|(name, field)| (name.clone(), DataType::from_arrow_field(field)))
    }

    /// Whether every byte that is ever read is as it was written.
    pub(in crate::storage) fn is_sound(&self) -> Result<bool> {
        let chunks = self.chunks(0).len();
        for place in 0..self.directory.len() {
            let (group, leaf) = (place / chunks.max(1), place % chunks.max(1));
            match self.verify(group, leaf) {
                Err(Error::Damaged { .. }) => return Ok(false),
                other => other?,
            }
        }
        Ok(true)
    }

    /// Reads all pages of a chunk, a part at a time, so that a large chunk does not have to fit in memory.
    fn verify(&self, group: usize, leaf: usize) -> Result<()> {
        let all = self.table(group, leaf)?.len();
        (0..all).step_by(PAGES_VERIFIED).try_for_each(|first| {
            let pages = first..(first + PAGES_VERIFIED).min(all);
            self.read_pages(group, std::slice::from_ref(&pages), &mut Pages::none(leaf))
        })
    }

    fn group_rows(&self, group: usize) -> usize {
        self.metadata.row_groups.get(group).map_or(0, RowGroupMetadata::num_rows)
    }

    /// The column chunks of a row group.
    fn chunks(&self, group: usize) -> &[ColumnChunkMetadata] {
        self.metadata.row_groups.get(group).map_or(&[], RowGroupMetadata::parquet_columns)
    }

    /// The place of a chunk in the directory.
    fn place(&self, group: usize, leaf: usize) -> usize {
        group * self.chunks(0).len() + leaf
    }

    fn chunk(&self, place: usize) -> Result<&PagedChunk> {
        self.directory.get(place).ok_or_else(|| self.file.damaged("its directory is too short"))
    }

    fn table(&self, group: usize, leaf: usize) -> Result<&PageTable> {
        let place = self.place(group, leaf);
        let slot = self.tables.get(place).ok_or_else(|| self.file.damaged("its directory is too short"))?;
        if let Some(table) = slot.get() {
            return Ok(table);
        }
        let (table, _) = self.read_table(place)?;
        Ok(slot.get_or_init(|| table))
    }

    /// Reads the page tables of some Parquet columns that were not read yet, by several threads where they are many.
    fn load_tables(&self, groups: impl Iterator<Item = usize>, leaves: &[usize]) -> Result<()> {
        let chunks = groups.flat_map(|group| leaves.iter().map(move |leaf| (group, *leaf)));
        let is_unread = |(group, leaf): &(usize, usize)| {
            self.tables.get(self.place(*group, *leaf)).is_some_and(|table| table.get().is_none())
        };
        let unread: Vec<(usize, usize)> = chunks.filter(is_unread).collect();
        match unread.as_slice() {
            [] => Ok(()),
            [(group, leaf)] => self.table(*group, *leaf).map(drop),
            many => many.par_iter().try_for_each(|(group, leaf)| self.table(*group, *leaf).map(drop)),
        }
    }

    fn read_table(&self, place: usize) -> Result<(PageTable, Vec<u8>)> {
        let chunk = self.chunk(place)?;
        let end = chunk.table.checked_add(chunk.table_length).filter(|end| *end <= self.file.length());
        let bytes = self.file.read(chunk.table..end.ok_or_else(|| self.file.damaged("it is too short"))?)?;
        if xxh3_64(&bytes) != chunk.table_sum {
            return Err(self.file.damaged("the checksum of a page table is wrong"));
        }
        let table = PageTable::from_bytes(chunk, &bytes).map(|(table, rest)| (table, rest.to_vec()));
        table.ok_or_else(|| self.file.damaged("a page table is unreadable"))
    }

    /// Adds some pages of a Parquet column to others of it, verified. Pages that stand side by side are read at once.
    fn read_pages(&self, group: usize, ranges: &[Range<usize>], into: &mut Pages) -> Result<()> {
        let table = self.table(group, into.leaf)?;
        for pages in ranges {
            let place = table.bytes(pages).filter(|place| place.end <= self.file.length());
            let place = place.ok_or_else(|| self.file.damaged("it is too short"))?;
            let start = into.bytes.len();
            self.file.read_to(place, &mut into.bytes)?;
            if !table.are_sound(pages, into.bytes.get(start..).unwrap_or_default()) {
                return Err(self.file.damaged("the checksum of a page is wrong"));
            }
            into.values += table.values(pages).unwrap_or_default();
        }
        Ok(())
    }

    fn page_reader(&self, group: usize, pages: Pages) -> Result<PageReader> {
        let chunk = self.chunks(group).get(pages.leaf).ok_or_else(|| self.file.damaged("a column chunk is gone"))?;
        let descriptor = chunk.descriptor().descriptor.clone();
        let meta = PageMetaData::new(0, pages.values, chunk.compression(), descriptor);
        Ok(PageReader::new_with_page_meta(Cursor::new(pages.bytes.into()), meta, Vec::new(), usize::MAX))
    }
}
