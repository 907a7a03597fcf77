//! Columns of some rows of a file.

use std::ops::Range;

use polars::prelude::*;
use polars_arrow::array::ArrayRef;
use polars_arrow::bitmap::{Bitmap, MutableBitmap};
use polars_parquet::parquet::read::BasicDecompressor;
use polars_parquet::read::{ColumnChunkMetadata, Filter, column_iter_to_arrays};
use rayon::prelude::*;

use super::{PAGES_WORTH_ALL, RowFile};
use crate::error::{Error, Result};
use crate::key::row_number;
use crate::storage::memory::{Chunk, ChunkKey};

impl RowFile {
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

    /// Decodes pages of all leaves of a field; of a field without any below it, only the rows of the mask.
    pub(super) fn decode(
        &self,
        group: usize,
        field: &ArrowField,
        leaves: Vec<Pages>,
        mask: Option<Bitmap>,
    ) -> Result<Series> {
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
pub(super) struct Pages {
    pub(super) leaf: usize,
    pub(super) bytes: Vec<u8>,
    pub(super) values: i64,
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
