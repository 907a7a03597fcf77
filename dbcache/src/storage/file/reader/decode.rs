//! Pages to columns, of those that were read.

use polars::prelude::*;
use polars_arrow::array::{ArrayRef, BinaryViewArray, Utf8ViewArray};
use polars_arrow::bitmap::{Bitmap, MutableBitmap};
use polars_parquet::parquet::read::BasicDecompressor;
use polars_parquet::read::{Filter, column_iter_to_arrays};

use super::columns::gather;
use super::page_bytes::{PageBytes, give_back};
use super::{RowFile, numbers, texts};
use crate::error::{Error, Result};

impl RowFile {
    /// Decodes pages of so many rows, and keeps those at these places.
    pub(super) fn decode_places(
        &self,
        field: &ArrowField,
        group: usize,
        leaves: Vec<PageBytes>,
        places: &[IdxSize],
        rows: usize,
    ) -> Result<Series> {
        if !is_flat(&field.dtype) {
            let decoded = self.decode(group, field, leaves, None)?;
            return gather(&decoded, places.len(), places.iter().copied());
        }
        if let Some(picked) = self.picked(field, group, &leaves, places) {
            return Ok(picked);
        }
        let mut mask = MutableBitmap::from_len_zeroed(rows);
        for place in places {
            mask.set(*place as usize, true);
        }
        self.decode(group, field, leaves, Some(mask.freeze()))
    }

    /// The values at these places without a decoder; `None` of what only one can read.
    fn picked(&self, field: &ArrowField, group: usize, leaves: &[PageBytes], places: &[IdxSize]) -> Option<Series> {
        let [pages] = leaves else { return None };
        // What cannot be described is for the decoder, which says so.
        let codec = self.described(group, pages.leaf).ok()?.compression();
        let numbers = numbers::of_pages(field, pages, codec, places);
        numbers.or_else(|| texts::of_pages(field, pages, codec, places))
    }

    /// Decodes pages of all leaves of a field; of a field without any below it, only the rows of the mask.
    pub(super) fn decode(
        &self,
        group: usize,
        field: &ArrowField,
        leaves: Vec<PageBytes>,
        mask: Option<Bitmap>,
    ) -> Result<Series> {
        let described = leaves.iter().map(|pages| self.described(group, pages.leaf));
        let types = described.map(|chunk| Ok(&chunk?.descriptor().descriptor.primitive_type));
        let types = types.collect::<Result<_>>()?;
        let (mut pages, mut memory) = (Vec::new(), Vec::new());
        for leaf in leaves {
            let (reader, bytes) = self.page_reader(group, leaf)?;
            pages.push(BasicDecompressor::new(reader, Vec::new()));
            memory.push(bytes);
        }
        let is_part = mask.is_some();
        let decoded = column_iter_to_arrays(pages, types, field.clone(), mask.map(Filter::new_masked));
        memory.into_iter().for_each(give_back);
        let arrays = decoded.map_err(Error::frame("decode a column"))?.0;
        let arrays: Vec<ArrayRef> = if is_part { arrays.into_iter().map(compact).collect() } else { arrays };
        Series::try_from((field, arrays)).map_err(Error::frame("decode a column"))
    }
}

/// Texts in memory of their own: the decoder leaves each in as much as its page took.
fn compact(array: ArrayRef) -> ArrayRef {
    let any = array.as_any();
    if let Some(texts) = any.downcast_ref::<Utf8ViewArray>() {
        texts.clone().gc().boxed()
    } else if let Some(bytes) = any.downcast_ref::<BinaryViewArray>() {
        bytes.clone().gc().boxed()
    } else {
        array
    }
}

fn is_flat(data_type: &ArrowDataType) -> bool {
    !data_type.is_nested() && !matches!(data_type, ArrowDataType::Extension(_) | ArrowDataType::Null)
}
