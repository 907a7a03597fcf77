//! `serde_arrow`, and the conversion of its arrays to a Polars frame, which copies only texts, into views.

use dbcache::polars::prelude::*;
use polars_arrow::array::{Array, BooleanArray, ListArray, PrimitiveArray, StructArray, Utf8Array};
use polars_arrow::bitmap::Bitmap;
use polars_arrow::datatypes::{ArrowDataType, Field};
use polars_arrow::offset::OffsetsBuffer;
use polars_arrow::types::NativeType;
use serde_arrow::marrow::array as marrow;
use serde_arrow::marrow::datatypes::Field as MarrowField;
use serde_arrow::schema::{SchemaLike, TracingOptions};

use crate::measure::Result;
use crate::people::Person;

type BoxArray = Box<dyn Array>;

/// The traced fields. A program traces them once, too.
pub(crate) struct Tracing(Vec<MarrowField>);

impl Tracing {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self(Vec::from_type::<Person>(TracingOptions::default())?))
    }

    pub(crate) fn to_frame(&self, people: &[Person]) -> Result<DataFrame> {
        let arrays = serde_arrow::to_marrow(&self.0, people)?;
        let mut columns = Vec::with_capacity(arrays.len());
        for (field, values) in self.0.iter().zip(arrays) {
            let name = PlSmallStr::from_str(&field.name);
            columns.push(Series::try_from((name, array(values)?))?.into_column());
        }
        Ok(DataFrame::new(people.len(), columns)?)
    }
}

fn array(values: marrow::Array) -> Result<BoxArray> {
    match values {
        marrow::Array::Boolean(values) => booleans(values),
        marrow::Array::Int32(values) => numbers(values),
        marrow::Array::Int64(values) => numbers(values),
        marrow::Array::Float64(values) => numbers(values),
        marrow::Array::LargeUtf8(values) => texts(values),
        marrow::Array::LargeList(values) => lists(values),
        marrow::Array::Struct(values) => structs(values),
        _ => Err("the struct has no field of this type".into()),
    }
}

fn validity(bits: Option<Vec<u8>>, len: usize) -> Result<Option<Bitmap>> {
    Ok(bits.map(|bits| Bitmap::try_new(bits, len)).transpose()?)
}

fn booleans(values: marrow::BooleanArray) -> Result<BoxArray> {
    let validity = validity(values.validity, values.len)?;
    let bits = Bitmap::try_new(values.values, values.len)?;
    Ok(BooleanArray::try_new(ArrowDataType::Boolean, bits, validity)?.boxed())
}

fn numbers<T: NativeType>(values: marrow::PrimitiveArray<T>) -> Result<BoxArray> {
    let validity = validity(values.validity, values.values.len())?;
    Ok(PrimitiveArray::try_new(T::PRIMITIVE.into(), values.values.into(), validity)?.boxed())
}

fn texts(values: marrow::BytesArray<i64>) -> Result<BoxArray> {
    let offsets = OffsetsBuffer::try_from(values.offsets)?;
    let validity = validity(values.validity, offsets.len_proxy())?;
    Ok(Utf8Array::try_new(ArrowDataType::LargeUtf8, offsets, values.data.into(), validity)?.boxed())
}

fn lists(values: marrow::ListArray<i64>) -> Result<BoxArray> {
    let offsets = OffsetsBuffer::try_from(values.offsets)?;
    let validity = validity(values.validity, offsets.len_proxy())?;
    let elements = array(*values.elements)?;
    let data_type = ListArray::<i64>::default_datatype(elements.dtype().clone());
    Ok(ListArray::try_new(data_type, offsets, elements, validity)?.boxed())
}

fn structs(values: marrow::StructArray) -> Result<BoxArray> {
    let validity = validity(values.validity, values.len)?;
    let (mut fields, mut arrays) = (Vec::new(), Vec::new());
    for (meta, values) in values.fields {
        let values = array(values)?;
        fields.push(Field::new(meta.name.into(), values.dtype().clone(), meta.nullable));
        arrays.push(values);
    }
    Ok(StructArray::try_new(ArrowDataType::Struct(fields), values.len, arrays, validity)?.boxed())
}
