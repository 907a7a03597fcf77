//! Columns of a file of ours, decoded one by one when they are asked for.

use std::io::Cursor;

use polars::prelude::*;
use polars_parquet::parquet::read::{BasicDecompressor, PageReader};
use polars_parquet::read::{FileMetadata, RowGroupMetadata, column_iter_to_arrays, infer_schema};

use super::super::disk::OpenFile;
use super::blocks::Blocks;
use crate::error::{Error, Result};

/// The columns of an open file.
#[derive(Debug)]
pub(super) struct FileColumns {
    pub(super) file: OpenFile,
    pub(super) blocks: Blocks,
    metadata: FileMetadata,
    schema: ArrowSchema,
}

impl FileColumns {
    pub(super) fn new(file: OpenFile, blocks: Blocks, metadata: FileMetadata) -> PolarsResult<Self> {
        let schema = infer_schema(&metadata)?;
        Ok(Self { file, blocks, metadata, schema })
    }

    pub(super) fn rows(&self) -> usize {
        self.metadata.num_rows
    }

    /// The names and types of all columns, in order.
    pub(super) fn types(&self) -> impl Iterator<Item = (PlSmallStr, DataType)> + '_ {
        self.schema.iter().map(|(name, field)| (name.clone(), DataType::from_arrow_field(field)))
    }

    /// Decodes a column.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] where its bytes are not what was written.
    pub(super) fn whole(&self, name: &str) -> Result<Column> {
        match self.schema.get(name) {
            Some(field) => self.decode(field, &[name]),
            None => Err(self.file.damaged("a column is gone")),
        }
    }

    /// Decodes of a struct column only what lies at these paths in it, as a struct of only these fields.
    ///
    /// `None` where the column is no struct with all these fields.
    pub(super) fn at_paths(&self, name: &str, paths: &[&[String]]) -> Result<Option<Column>> {
        let field = self.schema.get(name).filter(|field| matches!(field.dtype, ArrowDataType::Struct(_)));
        let Some(field) = field.and_then(|field| pruned(field, paths)) else { return Ok(None) };
        self.decode(&field, &[name]).map(Some)
    }

    /// Decodes the leaves of a field whose columns stand below `root` in the file.
    fn decode(&self, field: &ArrowField, root: &[&str]) -> Result<Column> {
        let leaves = leaves(field, root);
        let mut arrays = Vec::new();
        for group in &self.metadata.row_groups {
            arrays.extend(self.decode_group(group, field, &leaves)?);
        }
        let column = if arrays.is_empty() {
            Ok(Series::new_empty(field.name.clone(), &DataType::from_arrow_field(field)))
        } else {
            Series::try_from((field, arrays))
        };
        column.map(|column| column.rechunk().into_column()).map_err(Error::frame("decode a column"))
    }

    fn decode_group(
        &self,
        group: &RowGroupMetadata,
        field: &ArrowField,
        leaves: &[Vec<String>],
    ) -> Result<Vec<Box<dyn polars_arrow::array::Array>>> {
        let mut pages = Vec::new();
        let mut types = Vec::new();
        for chunk in group.parquet_columns() {
            if !leaves.iter().any(|leaf| is_below(&chunk.descriptor().path_in_schema, leaf)) {
                continue;
            }
            let bytes = self.blocks.read(&self.file, chunk.byte_range())?;
            let bytes = bytes.ok_or_else(|| self.file.damaged("the checksum of a block is wrong"))?;
            let reader = PageReader::new(Cursor::new(bytes.into()), chunk, Vec::new(), usize::MAX);
            pages.push(BasicDecompressor::new(reader, Vec::new()));
            types.push(&chunk.descriptor().descriptor.primitive_type);
        }
        let decoded = column_iter_to_arrays(pages, types, field.clone(), None);
        decoded.map(|(arrays, _)| arrays).map_err(Error::frame("decode a column"))
    }
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
    all_there.then(|| ArrowField { dtype, ..field.clone() })
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
