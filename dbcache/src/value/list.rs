//! `Vec<V>`: a list of what `V` is stored as.

use polars::prelude::*;
use polars_arrow::array::ListArray;
use polars_arrow::bitmap::Bitmap;
use polars_arrow::offset::{Offsets, OffsetsBuffer};

use super::nested::Validity;
use super::{ColumnBuilder, ColumnReader, ColumnValue, Fault, PlainValue, leaf_handle, opaque_debug, text};

impl<V: ColumnValue> ColumnValue for Vec<V> {
    type Nullable = Option<Self>;
    type Builder = V::ListBuilder;
    type Reader = V::ListReader;
    type ListBuilder = ListBuilder<Self>;
    type ListReader = ListReader<Self>;

    leaf_handle!();
}

impl<V: PlainValue> PlainValue for Vec<V> {}

/// All elements in one column, and where the list of each row begins in it.
#[doc(hidden)]
pub struct ListBuilder<V: ColumnValue> {
    elements: V::Builder,
    lengths: Vec<usize>,
    validity: Validity,
}

opaque_debug!(ListBuilder<V: ColumnValue>);

impl<V: ColumnValue> ColumnBuilder<Vec<V>> for ListBuilder<V> {
    fn data_type() -> DataType {
        DataType::List(Box::new(V::Builder::data_type()))
    }

    fn with_capacity(rows: usize) -> Self {
        Self {
            elements: V::Builder::with_capacity(rows),
            lengths: Vec::with_capacity(rows),
            validity: Validity::default(),
        }
    }

    fn push(&mut self, value: &Vec<V>) {
        for element in value {
            self.elements.push(element);
        }
        self.validity.push_valid();
        self.lengths.push(value.len());
    }

    fn push_null(&mut self) {
        self.validity.push_null(self.lengths.len());
        self.lengths.push(0);
    }

    fn finish(self, name: PlSmallStr) -> PolarsResult<Series> {
        let elements = self.elements.finish(PlSmallStr::EMPTY)?.rechunk().to_arrow(0, CompatLevel::newest());
        let offsets: OffsetsBuffer<i64> = Offsets::try_from_lengths(self.lengths.into_iter())?.into();
        let data_type = ListArray::<i64>::default_datatype(elements.dtype().clone());
        let lists = ListArray::try_new(data_type, offsets, elements, self.validity.finish())?;
        Series::try_from((name, Box::new(lists) as ArrayRef))
    }
}

/// The elements of all rows, and where the list of each row is among them.
#[doc(hidden)]
pub struct ListReader<V: ColumnValue> {
    elements: V::Reader,
    offsets: OffsetsBuffer<i64>,
    validity: Option<Bitmap>,
}

opaque_debug!(ListReader<V: ColumnValue>);

impl<V: ColumnValue> ColumnReader<Vec<V>> for ListReader<V> {
    fn new(column: &Series) -> Result<Self, Fault> {
        text::expect_type(column, &<ListBuilder<V> as ColumnBuilder<Vec<V>>>::data_type())?;
        let lists = column.list().map_err(|error| Fault::value(error.to_string()))?.rechunk();
        let array = lists.downcast_as_array();
        Ok(Self {
            elements: V::Reader::new(&lists.get_inner())?,
            offsets: array.offsets().clone(),
            validity: array.validity().cloned(),
        })
    }

    fn read(&self, row: usize) -> Result<Option<Vec<V>>, Fault> {
        if row >= self.offsets.len_proxy() || !is_valid(self.validity.as_ref(), row) {
            return Ok(None);
        }
        let (start, end) = self.offsets.start_end(row);
        let mut list = Vec::with_capacity(end.saturating_sub(start));
        for place in start..end {
            list.push(self.elements.get(place).map_err(|fault| fault.below((place - start).to_string()))?);
        }
        Ok(Some(list))
    }
}

fn is_valid(validity: Option<&Bitmap>, row: usize) -> bool {
    validity.is_none_or(|bits| bits.get(row) == Some(true))
}
