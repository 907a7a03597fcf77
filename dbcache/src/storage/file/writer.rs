//! Writes rows, one row group after the other, without holding more than one.

use std::io::Write;
use std::sync::{Arc, Mutex};

use polars::prelude::*;
use polars_arrow::array::{Array, ArrayRef};
use polars_parquet::parquet::write::compress;
use polars_parquet::write::{
    CompressedPage, CompressionOptions, DynIter, DynStreamingIterator, Encoding, FallibleStreamingIterator, FileWriter,
    KeyValue, Page, ParquetType, StatisticsOptions, Version, WriteOptions, array_to_columns, get_dtype_encoding,
};
use rayon::prelude::*;

use super::header::{self, Header};
use super::pages::{self, PagedChunk};
use super::schema::{self, FileColumn};
use super::{PRESENCE_COLUMN, fences, footer_start, seal};
use crate::error::{Error, Result};
use crate::key::IdSet;
use crate::locked::locked;
use crate::storage::place::disk::Writing;

/// How many rows a row group has.
pub(in crate::storage) const GROUP: usize = 256 * 1024;
/// About how many bytes of values a page has, so that reading one row reads little more.
const PAGE: usize = 4096;
/// The same of narrow values, of which few are worth reading beside the one that is wanted.
const NARROW_PAGE: usize = 2048;
/// How many ids a page has.
pub(in crate::storage) const IDS_A_PAGE: usize = 256;
/// Pages of at most this many rows, so that tiny values don't make one page of everything.
const MOST_ROWS_A_PAGE: usize = 4096;
/// What compression must save, in hundredths, to be worth decompressing.
const WORTH_COMPRESSING: usize = 85;
/// Rows of fewer bytes are not compressed: to read one of them, a page of many others would be decompressed.
const WIDE: usize = 32;
/// How many pages of a chunk are compressed to see whether it is worth it.
const SAMPLE: usize = 8;

/// Writes a file of a table.
pub(in crate::storage) struct Writer {
    out: Writing,
    sink: Sink,
    /// What the columns are when they are read.
    own: ArrowSchema,
    parquet: FileWriter<Sink>,
    columns: Vec<Target>,
    chunks: Vec<WrittenChunk>,
}

/// A column of the file.
struct Target {
    column: FileColumn,
    field: ArrowField,
    parquet: ParquetType,
    is_id: bool,
}

/// The page table of a column chunk that was written, with what stands behind it.
struct WrittenChunk {
    rows_a_page: usize,
    pages: usize,
    table: Vec<u8>,
    /// The first ids of its pages, if it is one of ids.
    fences: Vec<u8>,
}

impl Writer {
    /// Begins a file with these columns; `has_sets` says that each row's column set is written too.
    pub(in crate::storage) fn new(
        out: Writing,
        id: (&str, &DataType),
        columns: Vec<FileColumn>,
        has_sets: bool,
    ) -> Result<Self> {
        let mut columns: Vec<FileColumn> = std::iter::once(FileColumn::new(id.0, id.1)).chain(columns).collect();
        if has_sets {
            columns.push(FileColumn::new(PRESENCE_COLUMN, &DataType::UInt32));
        }
        let schema = |field: fn(&FileColumn) -> ArrowField| -> ArrowSchema {
            let fields = columns.iter().enumerate().map(|(place, column)| {
                let field = field(column);
                let is_nullable = place > 0 && field.is_nullable;
                (field.name.clone(), ArrowField { is_nullable, ..field })
            });
            fields.collect()
        };
        let (own, schema) = (schema(FileColumn::field), schema(FileColumn::written_field));
        let fields: Vec<ArrowField> = schema.iter_values().cloned().collect();
        let sink = Sink::default();
        let parquet =
            FileWriter::try_new(sink.clone(), schema, options(false)).map_err(Error::frame("lay out a file"))?;
        let types = parquet.parquet_schema().fields().to_vec();
        let columns = columns.into_iter().zip(fields).zip(types).enumerate();
        let target = |(place, ((column, field), parquet))| Target { column, field, parquet, is_id: place == 0 };
        Ok(Self { out, sink, own, parquet, columns: columns.map(target).collect(), chunks: Vec::new() })
    }

    /// Writes rows as one row group: their ids, their columns, and the place of each row's column set.
    ///
    /// Each column is asked for when it is encoded, so that no more of them are in memory than are encoded at a time.
    pub(in crate::storage) fn write_group(
        &mut self,
        ids: &IdSet,
        column: &(dyn Fn(usize) -> Result<Column> + Sync),
        sets: Option<&[u32]>,
    ) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let last = self.columns.len() - 1;
        let values = |place: usize| match (place, sets) {
            (0, _) => Ok(ids.to_column("")),
            (place, Some(sets)) if place == last => Ok(Column::new(PRESENCE_COLUMN.into(), sets)),
            (place, _) => column(place - 1),
        };
        let targets = self.columns.par_iter().enumerate().with_max_len(1);
        let encoded: Result<Vec<Vec<Leaf>>> = targets.map(|(place, target)| encode(&values(place)?, target)).collect();
        self.write_leaves(ids, encoded?.into_iter().flatten().collect())
    }

    fn write_leaves(&mut self, ids: &IdSet, leaves: Vec<Leaf>) -> Result<()> {
        let start = self.sink.start();
        let plans: Vec<(usize, Vec<u32>)> = leaves.iter().map(|leaf| (leaf.rows_a_page, leaf.values.clone())).collect();
        let bounds: Vec<Bounds> = leaves.iter().map(|_| Bounds::default()).collect();
        let pages: Vec<_> = leaves
            .into_iter()
            .zip(&bounds)
            .map(|(leaf, bounds)| Ok(DynStreamingIterator::new(Pages::new(leaf.pages, &self.sink, bounds))))
            .collect();
        let rows = ids.len() as u64;
        self.parquet.write(rows, DynIter::new(pages.into_iter())).map_err(Error::frame("write Parquet"))?;
        let bytes = self.sink.take();
        for (place, ((rows_a_page, values), bounds)) in plans.into_iter().zip(bounds).enumerate() {
            let bounds = std::mem::take(&mut *locked(&bounds));
            let table = pages::written(self.chunks.len(), &bounds, &values, start, &bytes).ok_or_else(unwritten)?;
            let fences = if place == 0 { fences::to_bytes(ids, IDS_A_PAGE).ok_or_else(unwritten)? } else { Vec::new() };
            self.chunks.push(WrittenChunk { rows_a_page, pages: values.len(), table, fences });
        }
        self.out.write(&bytes)
    }

    /// Writes what follows the rows. The file is whole then, and has yet to be put in its place.
    pub(in crate::storage) fn finish(mut self, header: &Header) -> Result<Writing> {
        let described = serde_json::to_string(header)
            .map_err(|source| Error::Frame { action: "describe the table", source: source.into() })?;
        let mut pairs = schema::pairs(self.parquet.schema(), &self.own);
        pairs.push(KeyValue { key: header::KEY.to_owned(), value: Some(described) });
        pairs.push(KeyValue { key: seal::KEY.to_owned(), value: Some(seal::unsealed()) });
        self.parquet.end(Some(pairs)).map_err(Error::frame("write Parquet"))?;
        let mut place = self.sink.start();
        let mut bytes = self.sink.take();
        let length = bytes.len() as u64;
        let footer = bytes.last_chunk().and_then(|trailer| footer_start(*trailer, length)).ok_or_else(unwritten)?;
        let footer = bytes.split_off(usize::try_from(footer).map_err(|_| unwritten())?);
        place += bytes.len() as u64;
        let mut directory = Vec::new();
        for chunk in &self.chunks {
            directory.extend(chunk.entry(place).to_bytes());
            for part in [&chunk.table, &chunk.fences] {
                place += part.len() as u64;
                bytes.extend_from_slice(part);
            }
        }
        self.out.write(&bytes)?;
        let mut tail = directory;
        tail.extend((tail.len() as u64).to_le_bytes());
        tail.extend(footer);
        seal::seal(&mut tail).ok_or_else(unwritten)?;
        self.out.write(&tail)?;
        Ok(self.out)
    }
}

impl WrittenChunk {
    /// The entry of the directory, where the page table stands at this place.
    fn entry(&self, place: u64) -> PagedChunk {
        PagedChunk {
            table: place,
            fences: place + self.table.len() as u64,
            fences_length: self.fences.len() as u64,
            fences_sum: xxhash_rust::xxh3::xxh3_64(&self.fences),
            rows_a_page: self.rows_a_page as u64,
            pages: self.pages as u64,
        }
    }
}

fn unwritten() -> Error {
    Error::Frame { action: "write Parquet", source: "the file is not laid out as expected".into() }
}

impl Target {
    /// Ids alone have statistics, by which other programs pass over row groups. For those of 128 bits Parquet has no
    /// order: other programs would compare their bytes.
    fn has_statistics(&self) -> bool {
        self.is_id && !matches!(self.field.dtype, ArrowDataType::Int128 | ArrowDataType::UInt128)
    }
}

fn options(has_statistics: bool) -> WriteOptions {
    let statistics = if has_statistics { StatisticsOptions::default() } else { StatisticsOptions::empty() };
    // Each page is cut by us.
    WriteOptions {
        statistics,
        version: Version::V1,
        compression: CompressionOptions::Uncompressed,
        data_page_size: Some(usize::MAX),
    }
}

/// The pages of one Parquet column, compressed.
struct Leaf {
    rows_a_page: usize,
    /// How many values each page holds.
    values: Vec<u32>,
    pages: Vec<CompressedPage>,
}

fn encode(column: &Column, target: &Target) -> Result<Vec<Leaf>> {
    let series = column.as_materialized_series().rechunk();
    let array = series.to_arrow(0, CompatLevel::newest());
    let array = target.column.written_values(array).ok_or_else(unwritten)?;
    let leaves = pages(&*array, target).map_err(Error::frame("write Parquet"))?;
    let is_narrow = bytes_a_row(&*array, leaves.len()) < WIDE;
    let compression = if is_narrow { Compress::Never } else { Compress::IfWorth };
    leaves.into_iter().map(|leaf| leaf.compressed(compression).map_err(Error::frame("compress a page"))).collect()
}

/// The pages of one Parquet column, as they are encoded.
struct PlainLeaf {
    rows_a_page: usize,
    pages: Vec<Page>,
}

/// The pages of all Parquet columns of a column.
fn pages(array: &dyn Array, target: &Target) -> PolarsResult<Vec<PlainLeaf>> {
    let mut encodings = get_dtype_encoding(&target.field.dtype);
    if !has_dictionary(&target.field.dtype) {
        // One dictionary for all pages would have to be read with each of them.
        encodings.fill(Encoding::Plain);
        let rows = if target.is_id { IDS_A_PAGE } else { rows_a_page(array, encodings.len()) };
        if let Some(leaves) = sliced(array, rows, target, &encodings)? {
            return Ok(leaves);
        }
    }
    let columns =
        array_to_columns(array.to_boxed(), target.parquet.clone(), options(target.has_statistics()), &encodings)?;
    let whole = |pages: DynIter<'static, PolarsResult<Page>>| {
        Ok(PlainLeaf { rows_a_page: 0, pages: pages.collect::<PolarsResult<_>>()? })
    };
    columns.into_iter().map(whole).collect()
}

/// Pages of so many rows each; `None` where rows are so large that Polars cuts them otherwise.
fn sliced(
    array: &dyn Array,
    rows: usize,
    target: &Target,
    encodings: &[Encoding],
) -> PolarsResult<Option<Vec<PlainLeaf>>> {
    let mut leaves: Vec<PlainLeaf> =
        encodings.iter().map(|_| PlainLeaf { rows_a_page: rows, pages: Vec::new() }).collect();
    for start in (0..array.len()).step_by(rows) {
        let slice: ArrayRef = array.sliced(start, rows.min(array.len() - start));
        let columns = array_to_columns(slice, target.parquet.clone(), options(target.has_statistics()), encodings)?;
        for (leaf, mut pages) in leaves.iter_mut().zip(columns) {
            leaf.pages.extend(pages.next().transpose()?);
            if pages.next().is_some() {
                return Ok(None);
            }
        }
    }
    Ok(Some(leaves))
}

fn rows_a_page(array: &dyn Array, leaves: usize) -> usize {
    let row = bytes_a_row(array, leaves).max(1);
    let page = if row < WIDE { NARROW_PAGE } else { PAGE };
    let rows = (page / row).clamp(1, MOST_ROWS_A_PAGE);
    1 << rows.ilog2()
}

/// About how many bytes a row takes in each of the Parquet columns of a column.
fn bytes_a_row(array: &dyn Array, leaves: usize) -> usize {
    polars_arrow::compute::aggregate::estimated_bytes_size(array) / leaves.max(1) / array.len().max(1)
}

fn has_dictionary(data_type: &ArrowDataType) -> bool {
    match data_type {
        ArrowDataType::Dictionary(..) => true,
        ArrowDataType::Struct(fields) => fields.iter().any(|field| has_dictionary(&field.dtype)),
        ArrowDataType::List(inner) | ArrowDataType::LargeList(inner) | ArrowDataType::FixedSizeList(inner, _) => {
            has_dictionary(&inner.dtype)
        }
        _ => false,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Compress {
    /// So that ids are found in the bytes of a page as they are.
    Never,
    IfWorth,
}

impl PlainLeaf {
    fn compressed(self, choice: Compress) -> PolarsResult<Leaf> {
        let is_worth = choice == Compress::IfWorth && self.is_worth_compressing()?;
        let codec = if is_worth { CompressionOptions::Lz4Raw } else { CompressionOptions::Uncompressed };
        let rows_a_page = self.rows_a_page;
        let pages = self.pages.into_iter().map(|page| Ok(compress(page, Vec::new(), codec)?));
        let pages: Vec<CompressedPage> = pages.collect::<PolarsResult<_>>()?;
        let values = pages.iter().map(values).collect::<PolarsResult<_>>()?;
        Ok(Leaf { rows_a_page, values, pages })
    }

    fn is_worth_compressing(&self) -> PolarsResult<bool> {
        let (mut plain, mut compressed) = (0, 0);
        for page in self.pages.iter().step_by(self.pages.len().div_ceil(SAMPLE).max(1)) {
            // A dictionary is one page of many.
            let Page::Data(page) = page else { continue };
            plain += page.buffer().len();
            match compress(Page::Data(page.clone()), Vec::new(), CompressionOptions::Lz4Raw)? {
                CompressedPage::Data(page) => compressed += page.compressed_size(),
                CompressedPage::Dict(_) => {}
            }
        }
        Ok(compressed * 100 < plain * WORTH_COMPRESSING)
    }
}

fn values(page: &CompressedPage) -> PolarsResult<u32> {
    match page {
        CompressedPage::Data(page) => {
            u32::try_from(page.num_values()).map_err(|_| polars_err!(ComputeError: "a page has too many values"))
        }
        CompressedPage::Dict(_) => Ok(0),
    }
}

/// What the Parquet writer has written of the current row group.
#[derive(Clone, Debug, Default)]
struct Sink(Arc<Mutex<Written>>);

#[derive(Debug, Default)]
struct Written {
    /// Where the bytes begin in the file.
    start: u64,
    bytes: Vec<u8>,
}

impl Sink {
    fn start(&self) -> u64 {
        locked(&self.0).start
    }

    fn end(&self) -> u64 {
        let written = locked(&self.0);
        written.start + written.bytes.len() as u64
    }

    fn take(&self) -> Vec<u8> {
        let mut written = locked(&self.0);
        written.start += written.bytes.len() as u64;
        std::mem::take(&mut written.bytes)
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        locked(&self.0).bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Where each page of a chunk begins, and where the last one ends.
type Bounds = Arc<Mutex<Vec<u64>>>;

/// Gives pages to the Parquet writer and notes where each begins: when it asks for the next, the last is written.
struct Pages {
    later: std::vec::IntoIter<CompressedPage>,
    current: Option<CompressedPage>,
    sink: Sink,
    bounds: Bounds,
}

impl Pages {
    fn new(pages: Vec<CompressedPage>, sink: &Sink, bounds: &Bounds) -> Self {
        Self { later: pages.into_iter(), current: None, sink: sink.clone(), bounds: Arc::clone(bounds) }
    }
}

impl FallibleStreamingIterator for Pages {
    type Item = CompressedPage;
    type Error = PolarsError;

    fn advance(&mut self) -> Result<(), PolarsError> {
        locked(&self.bounds).push(self.sink.end());
        self.current = self.later.next();
        Ok(())
    }

    fn get(&self) -> Option<&CompressedPage> {
        self.current.as_ref()
    }
}
