//! `Option<V>`: NULL for `None`.

use polars::prelude::{DataType, PlSmallStr, PolarsResult, Series};

use super::{ColumnBuilder, ColumnReader, ColumnValue, Fault, ListBuilder, ListReader, PlainValue};
use crate::column::{ColumnSpec, Nullness, Optional};
use crate::record::Record;

/// An `Option` of an `Option` would need two kinds of NULL, so the value may not be one itself.
impl<V: ColumnValue<Nullable = Option<V>>> ColumnValue for Option<V> {
    type Nullable = Self;
    type Builder = OptionBuilder<V::Builder>;
    type Reader = OptionReader<V::Reader>;
    type ListBuilder = ListBuilder<Self>;
    type ListReader = ListReader<Self>;
    type Handle<T: Record, N: Nullness> = V::Handle<T, Optional>;
    const NULLABLE: bool = true;

    fn handle<T: Record, N: Nullness>(spec: ColumnSpec) -> Self::Handle<T, N> {
        V::handle::<T, Optional>(spec)
    }
}

impl<V: PlainValue + ColumnValue<Nullable = Option<V>>> PlainValue for Option<V> {}

#[derive(Debug)]
pub struct OptionBuilder<B>(B);

impl<V, B: ColumnBuilder<V>> ColumnBuilder<Option<V>> for OptionBuilder<B> {
    fn data_type() -> DataType {
        B::data_type()
    }

    fn with_capacity(rows: usize) -> Self {
        Self(B::with_capacity(rows))
    }

    fn push(&mut self, value: &Option<V>) {
        match value {
            Some(value) => self.0.push(value),
            None => self.0.push_null(),
        }
    }

    fn push_null(&mut self) {
        self.0.push_null();
    }

    fn finish(self, name: PlSmallStr) -> PolarsResult<Series> {
        self.0.finish(name)
    }
}

#[derive(Debug)]
pub struct OptionReader<R>(R);

impl<V, R: ColumnReader<V>> ColumnReader<Option<V>> for OptionReader<R> {
    fn new(column: &Series) -> Result<Self, Fault> {
        R::new(column).map(Self)
    }

    fn read(&self, row: usize) -> Result<Option<Option<V>>, Fault> {
        self.0.read(row).map(Some)
    }
}
