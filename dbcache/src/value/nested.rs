//! Documents: a struct of columns, and which rows have one at all.

use polars::prelude::*;
use polars_arrow::bitmap::{Bitmap, BitmapBuilder};

use super::{ColumnBuilder, ColumnReader, ColumnValue, Fault, opaque_debug};

/// Which rows are not NULL. Costs nothing until the first NULL.
#[doc(hidden)]
#[derive(Default)]
pub struct Validity(Option<BitmapBuilder>);

impl Validity {
    /// Notes a row that is there.
    pub fn push_valid(&mut self) {
        if let Some(bits) = &mut self.0 {
            bits.push(true);
        }
    }

    /// Notes a NULL after `before` rows.
    pub fn push_null(&mut self, before: usize) {
        self.0
            .get_or_insert_with(|| {
                let mut bits = BitmapBuilder::with_capacity(before + 1);
                bits.extend_constant(before, true);
                bits
            })
            .push(false);
    }

    /// One bit a row, or `None` where no row is NULL.
    pub fn finish(self) -> Option<Bitmap> {
        self.0.map(BitmapBuilder::freeze)
    }
}

/// The type of a column of documents.
#[doc(hidden)]
pub fn struct_type<const N: usize>(fields: [(&str, DataType); N]) -> DataType {
    DataType::Struct(fields.into_iter().map(|(name, data_type)| Field::new(name.into(), data_type)).collect())
}

opaque_debug!(Validity);

/// A column of documents, from the columns of their fields.
#[doc(hidden)]
pub fn finish_struct(name: PlSmallStr, rows: usize, fields: &[Series], validity: Validity) -> PolarsResult<Series> {
    let documents = StructChunked::from_series(name, rows, fields.iter())?;
    Ok(match validity.finish() {
        Some(bits) => documents.with_outer_validity(Some(bits)),
        None => documents,
    }
    .into_series())
}

/// The column of one field of a document, while it is collected.
#[doc(hidden)]
pub struct FieldBuilder<V: ColumnValue>(V::Builder);

opaque_debug!(FieldBuilder<V: ColumnValue>);

impl<V: ColumnValue> FieldBuilder<V> {
    pub fn data_type() -> DataType {
        V::Builder::data_type()
    }

    pub fn with_capacity(rows: usize) -> Self {
        Self(V::Builder::with_capacity(rows))
    }

    pub fn push(&mut self, value: &V) {
        self.0.push(value);
    }

    pub fn push_null(&mut self) {
        self.0.push_null();
    }

    pub fn finish(self, key: &'static str) -> PolarsResult<Series> {
        self.0.finish(PlSmallStr::from_static(key))
    }
}

/// Which rows of a column of documents are NULL.
#[doc(hidden)]
#[derive(Debug)]
pub struct Documents {
    validity: Option<Bitmap>,
}

impl Documents {
    /// Splits a column of documents into its fields.
    pub fn open(column: &Series) -> Result<(Self, Fields), Fault> {
        let column = column.rechunk();
        let documents = column.struct_().map_err(|error| Fault::value(error.to_string()))?;
        let fields = documents.fields_as_series().into_iter();
        Ok((Self { validity: column.rechunk_validity() }, Fields(fields)))
    }

    /// Whether the row has no document.
    pub fn is_null(&self, row: usize) -> bool {
        self.validity.as_ref().is_some_and(|bits| bits.get(row) != Some(true))
    }
}

/// The fields of a column of documents, in order.
#[doc(hidden)]
#[derive(Debug)]
pub struct Fields(std::vec::IntoIter<Series>);

/// The column of one field of a document, while it is read.
#[doc(hidden)]
pub struct FieldReader<V: ColumnValue> {
    reader: V::Reader,
    key: &'static str,
}

opaque_debug!(FieldReader<V: ColumnValue>);

impl<V: ColumnValue> FieldReader<V> {
    /// Reads the next field, which must have this name.
    pub fn open(fields: &mut Fields, key: &'static str) -> Result<Self, Fault> {
        match fields.0.next() {
            Some(field) if field.name() == key => {
                let reader = V::Reader::new(&field).map_err(|fault| fault.below(key.to_owned()))?;
                Ok(Self { reader, key })
            }
            _ => Err(Fault::value(format!("the stored documents have no {key:?} in this place"))),
        }
    }

    pub fn get(&self, row: usize) -> Result<V, Fault> {
        self.reader.get(row).map_err(|fault| fault.below(self.key.to_owned()))
    }
}
