//! What a type with mistakes in its derive is stored as: nothing. It keeps one mistake from becoming many messages.

use polars::prelude::*;

use super::{ColumnBuilder, ColumnReader, Fault};

/// A column of NULL.
#[doc(hidden)]
#[derive(Debug)]
pub struct StubColumn(usize);

impl<V> ColumnBuilder<V> for StubColumn {
    fn data_type() -> DataType {
        DataType::Null
    }

    fn with_capacity(_rows: usize) -> Self {
        Self(0)
    }

    fn push(&mut self, _value: &V) {
        self.0 += 1;
    }

    fn push_null(&mut self) {
        self.0 += 1;
    }

    fn finish(self, name: PlSmallStr) -> PolarsResult<Series> {
        Ok(Series::full_null(name, self.0, &DataType::Null))
    }
}

impl<V> ColumnReader<V> for StubColumn {
    fn new(column: &Series) -> Result<Self, Fault> {
        Ok(Self(column.len()))
    }

    fn read(&self, _row: usize) -> Result<Option<V>, Fault> {
        Ok(None)
    }
}
