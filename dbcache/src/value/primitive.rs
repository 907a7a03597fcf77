//! Numbers, and types that are stored as numbers under a logical type.

use std::marker::PhantomData;

use polars::prelude::*;
use polars_arrow::array::PrimitiveArray;

use super::chunks::Chunks;
use super::nested::Validity;
use super::{
    ColumnBuilder, ColumnReader, ColumnValue, Fault, ListBuilder, ListReader, PlainValue, leaf_handle, opaque_debug,
    text,
};

/// A type whose values are numbers in memory.
pub trait Primitive: Sized + Send + Sync + 'static {
    type Physical: PolarsNumericType;

    fn data_type() -> DataType;

    /// `None` where the column cannot hold the value.
    fn to_physical(&self) -> Option<Native<Self>>;

    fn from_physical(value: Native<Self>) -> Result<Self, Fault>;

    /// Gives the numbers their logical type.
    fn logical(numbers: ChunkedArray<Self::Physical>) -> PolarsResult<Series>;
}

/// The numbers that a [`Primitive`] is in memory.
pub(super) type Native<V> = <<V as Primitive>::Physical as PolarsNumericType>::Native;

/// Numbers, and which of them are there.
pub struct PrimitiveBuilder<V: Primitive> {
    numbers: Vec<Native<V>>,
    validity: Validity,
    has_misfit: bool,
}

opaque_debug!(PrimitiveBuilder<V: Primitive>);

impl<V: Primitive> ColumnBuilder<V> for PrimitiveBuilder<V> {
    fn data_type() -> DataType {
        V::data_type()
    }

    fn with_capacity(rows: usize) -> Self {
        Self { numbers: Vec::with_capacity(rows), validity: Validity::default(), has_misfit: false }
    }

    fn push(&mut self, value: &V) {
        let Some(number) = value.to_physical() else {
            self.has_misfit = true;
            return self.push_null();
        };
        self.validity.push_valid();
        self.numbers.push(number);
    }

    fn push_null(&mut self) {
        self.validity.push_null(self.numbers.len());
        self.numbers.push(Native::<V>::default());
    }

    fn finish(self, name: PlSmallStr) -> PolarsResult<Series> {
        if self.has_misfit {
            polars_bail!(ComputeError: "a value does not fit in {}", V::data_type());
        }
        V::logical(ChunkedArray::from_vec_validity(name, self.numbers, self.validity.finish()))
    }
}

/// The numbers of a column.
pub struct PrimitiveReader<V: Primitive> {
    numbers: Chunks<PrimitiveArray<Native<V>>>,
    value: PhantomData<fn() -> V>,
}

opaque_debug!(PrimitiveReader<V: Primitive>);

impl<V: Primitive> ColumnReader<V> for PrimitiveReader<V> {
    fn new(column: &Series) -> Result<Self, Fault> {
        text::expect_type(column, &V::data_type())?;
        let physical = column.to_physical_repr();
        let numbers: &ChunkedArray<V::Physical> = physical.as_ref().as_ref().as_ref();
        Ok(Self { numbers: Chunks::of(numbers), value: PhantomData })
    }

    fn read(&self, row: usize) -> Result<Option<V>, Fault> {
        self.numbers.get(row).map(V::from_physical).transpose()
    }
}

/// The [`ColumnValue`] of a [`Primitive`].
macro_rules! primitive_value {
    ($value:ty, $list_builder:ty, $list_reader:ty) => {
        impl ColumnValue for $value {
            type Nullable = Option<Self>;
            type Builder = PrimitiveBuilder<Self>;
            type Reader = PrimitiveReader<Self>;
            type ListBuilder = $list_builder;
            type ListReader = $list_reader;

            leaf_handle!();
        }

        impl PlainValue for $value {}
    };
    ($value:ty) => {
        primitive_value!($value, ListBuilder<Self>, ListReader<Self>);
    };
}

#[cfg(any(feature = "chrono", feature = "rust_decimal"))]
pub(super) use primitive_value;

macro_rules! numbers {
    ($($value:ident => $physical:ident $data_type:ident $(($($list:tt)*))?;)*) => {$(
        impl Primitive for $value {
            type Physical = $physical;

            fn data_type() -> DataType {
                DataType::$data_type
            }

            fn to_physical(&self) -> Option<Native<Self>> {
                Some(*self)
            }

            fn from_physical(value: Native<Self>) -> Result<Self, Fault> {
                Ok(value)
            }

            fn logical(numbers: ChunkedArray<$physical>) -> PolarsResult<Series> {
                Ok(numbers.into_series())
            }
        }

        primitive_value!($value $(, $($list)*)?);
    )*};
}

numbers! {
    i8 => Int8Type Int8;
    i16 => Int16Type Int16;
    i32 => Int32Type Int32;
    i64 => Int64Type Int64;
    i128 => Int128Type Int128;
    u8 => UInt8Type UInt8 (text::BytesBuilder, text::BytesReader);
    u16 => UInt16Type UInt16;
    u32 => UInt32Type UInt32;
    u64 => UInt64Type UInt64;
    u128 => UInt128Type UInt128;
    f32 => Float32Type Float32;
    f64 => Float64Type Float64;
}

/// The integers whose width depends on the machine are stored in 64 bits.
macro_rules! machine_integers {
    ($($value:ident => $physical:ident $data_type:ident;)*) => {$(
        impl Primitive for $value {
            type Physical = $physical;

            fn data_type() -> DataType {
                DataType::$data_type
            }

            fn to_physical(&self) -> Option<Native<Self>> {
                (*self).try_into().ok()
            }

            fn from_physical(value: Native<Self>) -> Result<Self, Fault> {
                value.try_into().map_err(|_| Fault::value(format!("{value} does not fit in {}", stringify!($value))))
            }

            fn logical(numbers: ChunkedArray<$physical>) -> PolarsResult<Series> {
                Ok(numbers.into_series())
            }
        }

        primitive_value!($value);
    )*};
}

machine_integers! {
    isize => Int64Type Int64;
    usize => UInt64Type UInt64;
}
