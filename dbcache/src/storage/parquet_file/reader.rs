//! A file of ours, read page by page: ids are found, and columns of some rows decoded, reading little else.

use std::io::Cursor;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use polars::prelude::*;
use polars_arrow::array::ArrayRef;
use polars_arrow::bitmap::{Bitmap, MutableBitmap};
use polars_parquet::parquet::read::{BasicDecompressor, PageMetaData, PageReader};
use polars_parquet::read::{
    ColumnChunkMetadata, FileMetadata, Filter, RowGroupMetadata, column_iter_to_arrays, infer_schema,
};
use polars_parquet::write::CompressedPage;
use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use super::super::disk::OpenFile;
use super::super::memory::{Chunk, ChunkKey, Memory};
use super::fences;
use super::header::Header;
use super::pages::{PageTable, PagedChunk};
use crate::error::{Error, Result};
use crate::key::{IdSet, Positions, row_number};

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

/// The pages of ids of all row groups.
#[derive(Debug)]
struct IdPages {
    /// The first id of each.
    fences: IdSet,
    pages: Vec<IdPage>,
}

#[derive(Clone, Copy, Debug)]
struct IdPage {
    group: usize,
    page: usize,
    first_row: usize,
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

    /// Where each of these ids stands.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] where bytes are not what was written, as in all functions here.
    pub(in crate::storage) fn locate(&self, wanted: &IdSet) -> Result<Positions> {
        let key = ChunkKey { file: self.number, group: None, column: self.id_column.clone() };
        if let Some(Chunk::Ids(ids)) = self.memory.get(&key) {
            return Ok(ids.locate_from(&self.id_pages()?.fences, super::writer::IDS_A_PAGE, wanted));
        }
        let index = self.id_pages()?;
        let floors = index.fences.floor(wanted);
        let mut runs: Vec<(usize, Range<usize>)> = Vec::new();
        for (place, floor) in floors.iter().enumerate() {
            let Some(page) = floor else { continue };
            match runs.last_mut().filter(|run| run.0 == *page) {
                Some(run) => run.1.end = place + 1,
                None => runs.push((*page, place..place + 1)),
            }
        }
        let all = index.pages.len();
        let is_worth = self.memory.is_worth(&key, runs.len(), all, self.rows() * size_of::<u64>());
        if is_worth || runs.len() * PAGES_WORTH_ALL > all {
            let ids = Arc::new(self.ids()?);
            self.memory.offer(key, &Chunk::Ids(Arc::clone(&ids)));
            return Ok(ids.locate(wanted));
        }
        let read = |(page, places): &(usize, Range<usize>)| self.locate_in_page(*page, places, wanted);
        let found: Result<Vec<Positions>> = runs.par_iter().with_min_len(PAGES_A_THREAD).map(read).collect();
        let mut positions = vec![None; wanted.len()];
        for ((_, places), found) in runs.iter().zip(found?) {
            for (position, found) in positions.iter_mut().skip(places.start).zip(found) {
                *position = found;
            }
        }
        Ok(positions)
    }

    fn locate_in_page(&self, page: usize, places: &Range<usize>, wanted: &IdSet) -> Result<Positions> {
        let Some(page) = self.id_pages()?.pages.get(page) else { return Ok(vec![None; places.len()]) };
        let ids = self.read_ids(page.group, page.page..page.page + 1)?;
        let found = ids.locate(&wanted.slice(places.clone()));
        let first = row_number(page.first_row);
        Ok(found.into_iter().map(|row| row.map(|row| row + first)).collect())
    }

    /// All ids, in order.
    pub(in crate::storage) fn ids(&self) -> Result<IdSet> {
        let groups = 0..self.metadata.row_groups.len();
        let read = |group| self.read_ids(group, 0..self.table(group, 0)?.len());
        let groups: Result<Vec<IdSet>> = groups.into_par_iter().map(read).collect();
        let mut all = self.no_ids();
        for ids in groups? {
            all.append(ids);
        }
        Ok(all)
    }

    /// No ids, in the variant that the ids have.
    pub(in crate::storage) fn no_ids(&self) -> IdSet {
        match self.schema.get(&self.id_column).map(|field| &field.dtype) {
            Some(ArrowDataType::UInt64) => IdSet::Big(Vec::new()),
            Some(ArrowDataType::Int64) => IdSet::Int(Vec::new()),
            _ => IdSet::Text(Vec::new()),
        }
    }

    fn read_ids(&self, group: usize, pages: Range<usize>) -> Result<IdSet> {
        let values = self.table(group, 0)?.values(&pages).unwrap_or_default();
        let pages = Pages { leaf: 0, bytes: self.read_pages(group, 0, &[pages])?, values };
        let mut ids = self.no_ids();
        if ids.is_text() {
            let field = self.schema.get(&self.id_column).ok_or_else(|| self.file.damaged("its ids are gone"))?;
            let column = self.decode(group, field, vec![pages], None)?;
            return IdSet::from_sorted(&column).ok_or_else(|| self.file.damaged("its ids are unreadable"));
        }
        // Pages of integers are not compressed and have no levels: what follows the header are the values.
        for page in self.page_reader(group, pages)? {
            match page {
                Ok(CompressedPage::Data(mut page)) => ids.extend_from_bytes(page.slice_mut()),
                _ => return Err(self.file.damaged("its ids are unreadable")),
            }
        }
        Ok(ids)
    }

    fn id_pages(&self) -> Result<&IdPages> {
        if let Some(pages) = self.id_pages.get() {
            return Ok(pages);
        }
        let mut found = IdPages { fences: self.no_ids(), pages: Vec::new() };
        for (group, bounds) in self.groups.windows(2).enumerate() {
            let place = self.place(group, 0);
            let (table, rest) = self.read_table(place)?;
            fences::read(&rest, &mut found.fences)
                .ok_or_else(|| self.file.damaged("its index of ids is unreadable"))?;
            let rows_a_page = self.chunk(place)?.rows_a_page;
            let rows_a_page = usize::try_from(rows_a_page).unwrap_or(usize::MAX).max(1);
            let start = bounds.first().copied().unwrap_or_default();
            let page = |page| IdPage { group, page, first_row: start + page * rows_a_page };
            found.pages.extend((0..table.len()).map(page));
            if let Some(slot) = self.tables.get(place) {
                slot.get_or_init(|| table);
            }
        }
        Ok(self.id_pages.get_or_init(|| found))
    }

    /// A column of some rows, which are ascending; of a struct only what lies at these paths, where there are any.
    pub(in crate::storage) fn take(
        &self,
        name: &str,
        paths: &[&[String]],
        rows: &[IdxSize],
        way: Way,
    ) -> Result<Column> {
        let whole = self.schema.get(name).ok_or_else(|| self.file.damaged("a column is gone"))?;
        let field = pruned(whole, paths).unwrap_or_else(|| whole.clone());
        let label = if field == *whole { PlSmallStr::from(name) } else { format!("{name} {paths:?}").into() };
        let wanted = self.by_group(rows);
        let leaves = leaves(&field, &[name]);
        let reading = ColumnReading { file: self, field: &field, leaves: &leaves, label, way };
        let parts: Result<Vec<Column>> = match wanted.as_slice() {
            [(group, rows)] => reading.take(*group, rows).map(|column| vec![column]),
            wanted => wanted.par_iter().map(|(group, rows)| reading.take(*group, rows)).collect(),
        };
        let mut parts = parts?.into_iter();
        let Some(mut column) = parts.next() else {
            return Ok(Column::new_empty(name.into(), &DataType::from_arrow_field(&field)));
        };
        for part in parts {
            column.append_owned(part).map_err(Error::frame("join row groups"))?;
        }
        Ok(column)
    }

    /// Rows by row group, each counted from the group's first.
    fn by_group(&self, rows: &[IdxSize]) -> Vec<(usize, Vec<IdxSize>)> {
        let mut rest = rows;
        let mut wanted = Vec::new();
        for (group, bounds) in self.groups.windows(2).enumerate() {
            let [start, end] = bounds else { continue };
            let (here, later) = rest.split_at(rest.partition_point(|row| (*row as usize) < *end));
            if !here.is_empty() {
                wanted.push((group, here.iter().map(|row| row - row_number(*start)).collect()));
            }
            rest = later;
        }
        wanted
    }

    /// Whether every byte that is ever read is as it was written.
    pub(in crate::storage) fn is_sound(&self) -> Result<bool> {
        let chunks = self.metadata.row_groups.first().map_or(0, |group| group.parquet_columns().len());
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
            self.read_pages(group, leaf, std::slice::from_ref(&pages)).map(drop)
        })
    }

    fn group_rows(&self, group: usize) -> usize {
        self.metadata.row_groups.get(group).map_or(0, RowGroupMetadata::num_rows)
    }

    /// The place of a chunk in the directory.
    fn place(&self, group: usize, leaf: usize) -> usize {
        group * self.metadata.row_groups.first().map_or(0, |group| group.parquet_columns().len()) + leaf
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

    /// The bytes of some pages, verified. Pages that stand side by side are read at once.
    fn read_pages(&self, group: usize, leaf: usize, pages: &[Range<usize>]) -> Result<Vec<u8>> {
        let table = self.table(group, leaf)?;
        let mut all = Vec::new();
        for pages in pages {
            let place = table.bytes(pages).filter(|place| place.end <= self.file.length());
            let place = place.ok_or_else(|| self.file.damaged("it is too short"))?;
            let start = all.len();
            self.file.read_to(place, &mut all)?;
            if !table.are_sound(pages, all.get(start..).unwrap_or_default()) {
                return Err(self.file.damaged("the checksum of a page is wrong"));
            }
        }
        Ok(all)
    }

    fn page_reader(&self, group: usize, pages: Pages) -> Result<PageReader> {
        let chunk = self.metadata.row_groups.get(group).and_then(|group| group.parquet_columns().get(pages.leaf));
        let chunk = chunk.ok_or_else(|| self.file.damaged("a column chunk is gone"))?;
        let descriptor = chunk.descriptor().descriptor.clone();
        let meta = PageMetaData::new(0, pages.values, chunk.compression(), descriptor);
        Ok(PageReader::new_with_page_meta(Cursor::new(pages.bytes.into()), meta, Vec::new(), usize::MAX))
    }

    /// Decodes pages of all leaves of a field; of a field without any below it, only the rows of the mask.
    fn decode(&self, group: usize, field: &ArrowField, leaves: Vec<Pages>, mask: Option<Bitmap>) -> Result<Series> {
        let chunks = self.metadata.row_groups.get(group).map_or(&[][..], |group| group.parquet_columns());
        let types = leaves.iter().filter_map(|pages| chunks.get(pages.leaf));
        let types = types.map(|chunk| &chunk.descriptor().descriptor.primitive_type).collect();
        let pages =
            leaves.into_iter().map(|pages| Ok(BasicDecompressor::new(self.page_reader(group, pages)?, Vec::new())));
        let decoded =
            column_iter_to_arrays(pages.collect::<Result<_>>()?, types, field.clone(), mask.map(Filter::new_masked));
        let arrays: Vec<ArrayRef> = decoded.map_err(Error::frame("decode a column"))?.0;
        Series::try_from((field, arrays)).map_err(Error::frame("decode a column"))
    }
}

/// The bytes of some pages of one Parquet column.
struct Pages {
    leaf: usize,
    bytes: Vec<u8>,
    values: i64,
}

/// Whether what is read is kept in memory for later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::storage) enum Way {
    ThroughMemory,
    /// For what is read once, as when files are folded.
    Past,
}

/// How to read a column.
struct ColumnReading<'a> {
    file: &'a RowFile,
    field: &'a ArrowField,
    leaves: &'a [Vec<String>],
    label: PlSmallStr,
    way: Way,
}

impl ColumnReading<'_> {
    /// The values of some rows of a group.
    fn take(&self, group: usize, rows: &[IdxSize]) -> Result<Column> {
        let key = ChunkKey { file: self.file.number, group: Some(group), column: self.label.clone() };
        if self.way == Way::ThroughMemory
            && let Some(Chunk::Column(column)) = self.file.memory.get(&key)
        {
            return gather(&column, rows);
        }
        let leaves = self.leaves_of(group);
        let first = leaves.first().copied().unwrap_or_default();
        let rows_a_page = self.file.chunk(self.file.place(group, first))?.rows_a_page;
        let all = self.file.table(group, first)?.len();
        let pages = usize::try_from(rows_a_page).ok().filter(|rows| *rows > 0).map(|size| (size, pages_of(rows, size)));
        match pages {
            Some((size, pages)) if !self.is_all_worth(&key, group, &leaves, count(&pages), all) => {
                self.take_pages(group, &leaves, rows, size, &pages)
            }
            _ => {
                let column = self.whole(group, &leaves)?;
                if self.way == Way::ThroughMemory {
                    self.file.memory.offer(key, &Chunk::Column(column.clone()));
                }
                gather(&column, rows)
            }
        }
    }

    /// Which Parquet columns of a group make up the column.
    fn leaves_of(&self, group: usize) -> Vec<usize> {
        let chunks = self.file.metadata.row_groups.get(group).map_or(&[][..], |group| group.parquet_columns());
        let is_wanted = |chunk: &&ColumnChunkMetadata| {
            self.leaves.iter().any(|leaf| is_below(&chunk.descriptor().path_in_schema, leaf))
        };
        chunks.iter().enumerate().filter(|(_, chunk)| is_wanted(chunk)).map(|(place, _)| place).collect()
    }

    /// Whether to read all pages rather than those that are needed.
    fn is_all_worth(&self, key: &ChunkKey, group: usize, leaves: &[usize], needed: usize, all: usize) -> bool {
        if needed * PAGES_WORTH_ALL > all {
            return true;
        }
        let chunks = self.file.metadata.row_groups.get(group).map_or(&[][..], |group| group.parquet_columns());
        let sizes = leaves.iter().filter_map(|leaf| chunks.get(*leaf)).map(ColumnChunkMetadata::uncompressed_size);
        let size = usize::try_from(sizes.sum::<i64>()).unwrap_or(usize::MAX);
        self.way == Way::ThroughMemory && self.file.memory.is_worth(key, needed, all, size)
    }

    fn whole(&self, group: usize, leaves: &[usize]) -> Result<Column> {
        let mut pages = Vec::new();
        for leaf in leaves {
            let all = 0..self.file.table(group, *leaf)?.len();
            pages.push(self.pages(group, *leaf, &[all])?);
        }
        Ok(self.file.decode(group, self.field, pages, None)?.rechunk().into_column())
    }

    /// Decodes only the pages that hold the rows.
    fn take_pages(
        &self,
        group: usize,
        leaves: &[usize],
        rows: &[IdxSize],
        rows_a_page: usize,
        pages: &[Range<usize>],
    ) -> Result<Column> {
        let mut bytes = Vec::new();
        for leaf in leaves {
            bytes.push(self.pages(group, *leaf, pages)?);
        }
        let (places, decoded) = self.places(group, rows, rows_a_page, pages);
        if is_flat(&self.field.dtype) {
            let mut mask = MutableBitmap::from_len_zeroed(decoded);
            for place in &places {
                mask.set(*place as usize, true);
            }
            return Ok(self.file.decode(group, self.field, bytes, Some(mask.freeze()))?.into_column());
        }
        gather(&self.file.decode(group, self.field, bytes, None)?.into_column(), &places)
    }

    fn pages(&self, group: usize, leaf: usize, pages: &[Range<usize>]) -> Result<Pages> {
        let table = self.file.table(group, leaf)?;
        let values = pages.iter().filter_map(|pages| table.values(pages)).sum();
        Ok(Pages { leaf, bytes: self.file.read_pages(group, leaf, pages)?, values })
    }

    /// Where rows stand among those of the pages that are decoded, and how many these are.
    fn places(
        &self,
        group: usize,
        rows: &[IdxSize],
        rows_a_page: usize,
        pages: &[Range<usize>],
    ) -> (Vec<IdxSize>, usize) {
        let end = self.file.group_rows(group);
        let mut rest = rows.iter().peekable();
        let (mut places, mut decoded) = (Vec::with_capacity(rows.len()), 0);
        for pages in pages {
            let (first, last) = (pages.start * rows_a_page, (pages.end * rows_a_page).min(end));
            while let Some(row) = rest.next_if(|row| (**row as usize) < last) {
                places.push(row_number(decoded + *row as usize - first));
            }
            decoded += last - first;
        }
        (places, decoded)
    }
}

/// The pages that hold the rows, those side by side together.
fn pages_of(rows: &[IdxSize], rows_a_page: usize) -> Vec<Range<usize>> {
    let mut pages: Vec<Range<usize>> = Vec::new();
    for row in rows {
        let page = *row as usize / rows_a_page;
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

/// The rows of a column at these ascending places.
fn gather(column: &Column, places: &[IdxSize]) -> Result<Column> {
    if places.len() == column.len() {
        return Ok(column.clone());
    }
    let places = IdxCa::from_vec(PlSmallStr::EMPTY, places.to_vec());
    column.take(&places).map_err(Error::frame("gather rows"))
}

fn is_flat(data_type: &ArrowDataType) -> bool {
    !data_type.is_nested() && !matches!(data_type, ArrowDataType::Extension(_) | ArrowDataType::Null)
}

/// The field with only those of its own fields that lie on one of the paths.
///
/// `None` where a path leaves the structs, or none is left of it.
fn pruned(field: &ArrowField, paths: &[&[String]]) -> Option<ArrowField> {
    if paths.iter().any(|path| path.is_empty()) {
        return Some(field.clone());
    }
    let ArrowDataType::Struct(fields) = &field.dtype else { return Some(field.clone()) };
    let mut kept = Vec::new();
    for inner in fields {
        let below: Vec<&[String]> = paths.iter().filter_map(|path| after(path, &inner.name)).collect();
        if !below.is_empty() {
            kept.push(pruned(inner, &below)?);
        }
    }
    let steps = paths.iter().filter_map(|path| path.first());
    let all_there = steps.clone().all(|step| fields.iter().any(|inner| inner.name.as_str() == step));
    let dtype = ArrowDataType::Struct(kept);
    (all_there && !paths.is_empty()).then(|| ArrowField { dtype, ..field.clone() })
}

/// The rest of a path whose first step is `name`.
fn after<'p>(path: &'p [String], name: &str) -> Option<&'p [String]> {
    path.split_first().filter(|(step, _)| step.as_str() == name).map(|(_, rest)| rest)
}

/// The paths in the file below which all columns of the field are, and no others.
fn leaves(field: &ArrowField, root: &[&str]) -> Vec<Vec<String>> {
    match &field.dtype {
        ArrowDataType::Struct(fields) => {
            let below = |inner: &ArrowField| leaves(inner, &[root, &[inner.name.as_str()]].concat());
            fields.iter().flat_map(below).collect()
        }
        _ => vec![root.iter().map(|part| (*part).to_owned()).collect()],
    }
}

fn is_below(path: &[PlSmallStr], root: &[String]) -> bool {
    path.len() >= root.len() && path.iter().zip(root).all(|(part, root)| part.as_str() == root)
}
