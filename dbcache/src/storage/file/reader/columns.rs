//! Columns of some rows of a file.

use std::ops::Range;
use std::sync::OnceLock;

use polars::prelude::*;
use polars_parquet::read::ColumnChunkMetadata;
use rayon::prelude::*;

use super::page_bytes::PageBytes;
use super::page_choice::{GroupPages, GroupRows, Layout};
use super::struct_part::{is_below, leaves, part_of};
use super::{PAGES_A_THREAD, PAGES_AT_ONCE, RowFile, numbers};
use crate::error::{Error, Result};
use crate::key::{IdSet, row_number};
use crate::storage::memory::{Chunk, ChunkKey};

impl RowFile {
    /// A column of some rows, which are ascending; of a struct only what lies at these paths, where there are any.
    pub(in crate::storage) fn take(
        &self,
        name: &str,
        paths: &[Vec<String>],
        rows: &[IdxSize],
        way: Way,
    ) -> Result<Column> {
        let whole = self.schema.get(name).ok_or_else(|| self.file.damaged("a column is gone"))?;
        let part = part_of(whole, paths);
        if part.is_none()
            && way == Way::ThroughMemory
            && let Some(column) = self.take_held(&whole.name, rows)?
        {
            return Ok(column.into_column());
        }
        let label = if part.is_some() { format!("{name} {paths:?}").into() } else { PlSmallStr::from(name) };
        let (field, leaves) = (part.as_ref().unwrap_or(whole), OnceLock::new());
        let reading = ColumnReading { file: self, field, leaves, is_part: part.is_some(), label, way };
        reading.take(self.by_group(rows)).map(IntoColumn::into_column)
    }

    /// Whole columns of one row, as values rather than as arrays of one, which take several times as long to make; `None`
    /// unless all of them are in memory.
    pub(in crate::storage) fn cells<'n>(
        &self,
        names: impl Iterator<Item = &'n PlSmallStr>,
        row: IdxSize,
    ) -> Result<Option<Vec<Column>>> {
        let rows = [row];
        let Some(rows) = self.by_group(&rows).next().transpose()? else { return Ok(None) };
        let Some(place) = rows.places().next() else { return Ok(None) };
        let Some(chunks) = self.memory.columns(names.map(|name| self.key(name, rows.group))) else { return Ok(None) };
        if chunks.iter().any(|chunk| chunk.dtype().is_nested()) {
            return Ok(None);
        }
        // All looks at values, which as a rule are outside of the processor's cache, are under way at the same time.
        let values: PolarsResult<Vec<AnyValue<'_>>> = chunks.iter().map(|chunk| chunk.get(place as usize)).collect();
        let values = values.map_err(Error::frame("read a row"))?;
        let cell = |(chunk, value): (&Series, AnyValue<'_>)| {
            Column::new_scalar(chunk.name().clone(), Scalar::new(chunk.dtype().clone(), value.into_static()), 1)
        };
        Ok(Some(chunks.iter().zip(values).map(cell).collect()))
    }

    /// A whole column of some rows; `None` unless all of it that is needed is in memory.
    fn take_held(&self, name: &PlSmallStr, rows: &[IdxSize]) -> Result<Option<Series>> {
        let rows = self.by_group(rows).collect::<Result<Vec<GroupRows<'_>>>>()?;
        let held = self.memory.columns(rows.iter().map(|rows| self.key(name, rows.group)));
        let Some(held) = held else { return Ok(None) };
        let chunks: Vec<(Series, GroupRows<'_>)> = held.into_iter().zip(rows).collect();
        if let Some(numbers) = numbers::of_chunks(name, &chunks) {
            return Ok(Some(numbers));
        }
        let parts = chunks.iter().map(|(chunk, rows)| gather(chunk, rows.len(), rows.places()));
        parts.reduce(joined).transpose()
    }

    /// A chunk that is in memory, decoded whole.
    fn held(&self, label: &PlSmallStr, group: usize) -> Option<Series> {
        match self.memory.get(&self.key(label, group))? {
            Chunk::Column(column) => Some(column),
            Chunk::Ids(_) => None,
        }
    }

    fn key(&self, label: &PlSmallStr, group: usize) -> ChunkKey {
        ChunkKey { file: self.number, group: Some(group), column: label.clone() }
    }

    /// Keeps its rows in memory, which are at hand because they were just written, if they are few.
    pub(in crate::storage) fn keep_in_memory(&self, ids: &IdSet, columns: &[Column]) {
        let columns: Vec<&Series> = columns.iter().map(Column::as_materialized_series).collect();
        let size = ids.size() + columns.iter().map(|column| column.estimated_size()).sum::<usize>();
        if !self.memory.takes_unread(size) || self.groups.len() != 2 || ids.len() != self.rows() {
            return;
        }
        if ids.data_type() == self.no_ids().data_type() {
            self.memory.offer_ids(self.key_of_ids(), ids.clone());
        }
        let is_as_read = |column: &&&Series| {
            self.schema.get(column.name()).is_some_and(|field| DataType::from_arrow_field(field) == *column.dtype())
        };
        for column in columns.iter().filter(is_as_read) {
            self.memory.offer_column(self.key(column.name(), 0), &column.rechunk());
        }
    }

    /// Whether a column is in memory where a row of it is. That tells much of the other rows too, at little cost.
    pub(in crate::storage) fn is_in_memory(&self, name: &str, row: IdxSize) -> bool {
        let group = self.by_group(&[row]).next().and_then(Result::ok).map(|rows| rows.group);
        self.memory.holds(&ChunkKey { file: self.number, group, column: name.into() })
    }

    /// Which Parquet columns of each row group make up a column.
    fn leaves_of(&self, name: &str) -> Range<usize> {
        let all = self.leaves.get_or_init(|| {
            let mut leaves: PlHashMap<PlSmallStr, Range<usize>> = PlHashMap::new();
            for (place, chunk) in self.first_chunks().iter().enumerate() {
                // What has no name is no part of a column.
                let Some(column) = chunk.descriptor().path_in_schema.first() else { continue };
                // Those of one column stand side by side.
                leaves.entry(column.clone()).or_insert(place..place).end = place + 1;
            }
            leaves
        });
        // A file without rows has no chunks.
        all.get(name).cloned().unwrap_or(0..0)
    }

    /// Which of them are below one of these paths in the column.
    fn leaves_below(&self, name: &str, roots: &[Vec<String>]) -> Vec<usize> {
        let chunks = self.first_chunks();
        let is_wanted = |place: &usize| {
            let path = chunks.get(*place).map(|chunk| chunk.descriptor().path_in_schema.as_slice());
            path.is_some_and(|path| roots.iter().any(|root| is_below(path, root)))
        };
        self.leaves_of(name).filter(is_wanted).collect()
    }

    /// Ascending rows by row group; an error, which is the last item, where a row is in none.
    fn by_group<'r>(&self, mut rows: &'r [IdxSize]) -> impl Iterator<Item = Result<GroupRows<'r>>> {
        std::iter::from_fn(move || {
            let first = *rows.first()?;
            let group = self.groups.partition_point(|start| *start <= first as usize).saturating_sub(1);
            let (Some(start), Some(end)) = (self.groups.get(group), self.groups.get(group + 1)) else {
                rows = &[];
                return Some(Err(self.file.damaged("it has fewer rows than its ids say")));
            };
            let (here, later) = rows.split_at(rows.partition_point(|row| (*row as usize) < *end));
            rows = later;
            Some(Ok(GroupRows { group, start: row_number(*start), rows: here }))
        })
    }
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
    is_part: bool,
    /// The Parquet columns that make it up, once something is to be read.
    leaves: OnceLock<Vec<usize>>,
    label: PlSmallStr,
    way: Way,
}

/// Where the wanted rows of one row group come from.
enum Source<'r> {
    /// A chunk that is decoded whole.
    Chunk(Series, GroupRows<'r>),
    /// A chunk that is to be decoded whole.
    All(GroupRows<'r>),
    /// Some pages that are to be decoded.
    Some(GroupPages<'r>),
}

impl ColumnReading<'_> {
    fn leaves(&self) -> &[usize] {
        let (file, name) = (self.file, self.field.name.as_str());
        self.leaves.get_or_init(|| {
            if self.is_part {
                file.leaves_below(name, &leaves(self.field, &[name]))
            } else {
                file.leaves_of(name).collect()
            }
        })
    }

    /// The values of some rows of some groups, in order.
    fn take<'r>(&self, wanted: impl Iterator<Item = Result<GroupRows<'r>>>) -> Result<Series> {
        let source = |rows: Result<GroupRows<'r>>| {
            let rows = rows?;
            match self.held(rows.group) {
                Some(column) => Ok(Source::Chunk(column, rows)),
                None => self.source(rows),
            }
        };
        let sources = wanted.map(source).collect::<Result<Vec<_>>>()?;
        let mut pages = self.decode_pages(&sources)?.into_iter();
        let parts = self.decode_chunks(sources)?.into_iter().map(|source| match source {
            Source::Chunk(column, rows) => gather(&column, rows.len(), rows.places()),
            Source::All(_) | Source::Some(_) => {
                pages.next().ok_or(Error::Internal { invariant: "each source of pages is decoded" })
            }
        });
        let none = || Series::new_empty(self.field.name.clone(), &DataType::from_arrow_field(self.field));
        Ok(parts.reduce(joined).transpose()?.unwrap_or_else(none))
    }

    fn held(&self, group: usize) -> Option<Series> {
        if self.way == Way::ThroughMemory { self.file.held(&self.label, group) } else { None }
    }

    /// Where rows of a chunk come from that is not in memory.
    fn source<'r>(&self, rows: GroupRows<'r>) -> Result<Source<'r>> {
        if rows.len() == self.file.group(rows.group)?.num_rows() {
            return Ok(Source::All(rows));
        }
        let layout = self.layout(rows.group)?;
        Ok(match GroupPages::of(rows, &layout) {
            Some(pages) if !self.counts_as_whole(&pages, layout.pages)? => Source::Some(pages),
            _ => Source::All(rows),
        })
    }

    /// All Parquet columns of a column have their pages at the same rows.
    fn layout(&self, group: usize) -> Result<Layout> {
        let first = self.leaves().first().copied().ok_or_else(|| self.file.damaged("a column chunk is gone"))?;
        let rows_a_page = self.file.chunk(self.file.place(group, first))?.rows_a_page;
        let rows_a_page = usize::try_from(rows_a_page).map_err(|_| self.file.damaged("its pages are too long"))?;
        Ok(Layout { rows_a_page, pages: self.file.table(group, first)?.len() })
    }

    /// Counts pages that are read one by one, and tells whether to read the whole chunk instead, to hold it.
    fn counts_as_whole(&self, pages: &GroupPages<'_>, all: usize) -> Result<bool> {
        if self.way == Way::Past {
            return Ok(false);
        }
        let group = pages.rows.group;
        let sizes = self.leaves().iter().map(|leaf| Ok(self.file.described(group, *leaf)?.uncompressed_size()));
        // What does not fit in memory is not held there.
        let size = usize::try_from(sizes.sum::<Result<i64>>()?).unwrap_or(usize::MAX);
        Ok(self.file.memory.admits_after_pages(&self.key(group), pages.count(), all, size))
    }

    fn key(&self, group: usize) -> ChunkKey {
        self.file.key(&self.label, group)
    }

    /// Keeps a chunk in memory of which these rows are wanted, if it is worth that. Returns it as it then is.
    fn kept(&self, chunk: Series, rows: GroupRows<'_>) -> Series {
        let (memory, key) = (&self.file.memory, self.key(rows.group));
        if self.way == Way::Past {
            return chunk;
        }
        if rows.len() * 2 < chunk.len() {
            return memory.offer_laid_out(key, chunk);
        }
        let size = chunk.estimated_size();
        if memory.takes_unread(size) || memory.admits_on_reread(&key, size) {
            memory.offer_column(key, &chunk);
        }
        chunk
    }

    /// The same sources, with the chunks that are to be read whole.
    fn decode_chunks<'r>(&self, sources: Vec<Source<'r>>) -> Result<Vec<Source<'r>>> {
        let decode = |source| match source {
            Source::All(rows) => Ok(Source::Chunk(self.whole(rows)?, rows)),
            other => Ok(other),
        };
        match sources.iter().filter(|source| matches!(source, Source::All(_))).count() {
            0 | 1 => sources.into_iter().map(decode).collect(),
            _ => sources.into_par_iter().map(decode).collect(),
        }
    }

    /// The chunk that these rows are in.
    fn whole(&self, rows: GroupRows<'_>) -> Result<Series> {
        let group = rows.group;
        let mut pages = Vec::new();
        for leaf in self.leaves() {
            let all = 0..self.file.table(group, *leaf)?.len();
            let mut leaf = PageBytes::none(*leaf);
            self.file.read_pages(group, &[all], &mut leaf)?;
            pages.push(leaf);
        }
        let chunk = self.file.decode(group, self.field, pages, None)?.rechunk();
        if chunk.len() != self.file.group(group)?.num_rows() {
            return Err(self.file.damaged("a column has another number of rows than the others"));
        }
        Ok(self.kept(chunk, rows))
    }

    /// The wanted rows of the sources of which some pages are read, a column for each.
    ///
    /// Pages of different row groups are decoded as if they were of one, as far as they are compressed alike: so a
    /// request for few rows of a large table does not pay for a decoder in each group.
    fn decode_pages(&self, sources: &[Source<'_>]) -> Result<Vec<Series>> {
        let parts: Vec<&GroupPages<'_>> = sources
            .iter()
            .filter_map(|source| if let Source::Some(pages) = source { Some(pages) } else { None })
            .collect();
        let mut pages = 0;
        let together: Vec<&[&GroupPages<'_>]> = parts
            .chunk_by(|part, next| {
                pages += part.count();
                let is_joined = pages < PAGES_AT_ONCE && self.are_compressed_alike(part.rows.group, next.rows.group);
                pages = if is_joined { pages } else { 0 };
                is_joined
            })
            .collect();
        let all: usize = parts.iter().map(|part| part.count()).sum();
        let decode = |parts: &&[&GroupPages<'_>]| self.decode_together(parts);
        let decoded: Result<Vec<Vec<Series>>> = if all < 2 * PAGES_A_THREAD {
            together.iter().map(decode).collect()
        } else {
            together.par_iter().map(decode).collect()
        };
        Ok(decoded?.into_iter().flatten().collect())
    }

    fn are_compressed_alike(&self, group: usize, other: usize) -> bool {
        let codec = |group, leaf| self.file.described(group, leaf).map(ColumnChunkMetadata::compression);
        let alike =
            |leaf: &usize| matches!((codec(group, *leaf), codec(other, *leaf)), (Ok(one), Ok(other)) if one == other);
        self.leaves().iter().all(alike)
    }

    fn decode_together(&self, parts: &[&GroupPages<'_>]) -> Result<Vec<Series>> {
        let Some(first) = parts.first() else { return Ok(Vec::new()) };
        let mut leaves: Vec<PageBytes> = self.leaves().iter().copied().map(PageBytes::none).collect();
        let (mut places, mut decoded) = (Vec::new(), 0);
        for part in parts {
            for leaf in &mut leaves {
                self.file.read_pages(part.rows.group, &part.runs, leaf)?;
            }
            decoded = part.add_places(self.file.group(part.rows.group)?.num_rows(), decoded, &mut places);
        }
        let column = self.file.decode_places(self.field, first.rows.group, leaves, &places, decoded)?;
        let ends = parts.iter().scan(0, |end, part| {
            *end += part.rows.len();
            Some(*end)
        });
        Ok(ends.zip(parts).map(|(end, part)| slice(&column, end - part.rows.len(), part.rows.len())).collect())
    }
}

fn slice(column: &Series, first: usize, rows: usize) -> Series {
    if rows == column.len() { column.clone() } else { column.slice(row_number(first).into(), rows) }
}

/// The rows of a column at so many ascending places.
pub(super) fn gather(column: &Series, count: usize, places: impl Iterator<Item = IdxSize>) -> Result<Series> {
    if count == column.len() {
        return Ok(column.clone());
    }
    let places = IdxCa::from_vec(PlSmallStr::EMPTY, places.collect());
    column.take(&places).map_err(Error::frame("gather rows"))
}

fn joined(all: Result<Series>, more: Result<Series>) -> Result<Series> {
    let mut all = all?;
    all.append_owned(more?).map_err(Error::frame("join row groups"))?;
    Ok(all)
}
