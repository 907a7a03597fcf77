//! Enums without values: text, by the names of their variants.

use std::marker::PhantomData;

use polars::prelude::*;
use polars_arrow::array::Utf8ViewArray;

use super::chunks::Chunks;
use super::{ColumnBuilder, ColumnReader, Fault, opaque_debug};

/// An enum whose variants have names and no values.
#[doc(hidden)]
pub trait Named: Sized + Send + Sync + 'static {
    const NAMES: &'static [&'static str];

    fn name(&self) -> &'static str;

    fn from_name(name: &str) -> Option<Self>;
}

/// The names of the values of all rows.
#[doc(hidden)]
pub struct NameBuilder(StringChunkedBuilder);

opaque_debug!(NameBuilder);

impl<V: Named> ColumnBuilder<V> for NameBuilder {
    fn data_type() -> DataType {
        DataType::String
    }

    fn with_capacity(rows: usize) -> Self {
        Self(StringChunkedBuilder::new(PlSmallStr::EMPTY, rows))
    }

    fn push(&mut self, value: &V) {
        self.0.append_value(value.name());
    }

    fn push_null(&mut self) {
        self.0.append_null();
    }

    fn finish(self, name: PlSmallStr) -> PolarsResult<Series> {
        Ok(self.0.finish().with_name(name).into_series())
    }
}

/// Finds the variants again by their names.
#[doc(hidden)]
pub struct NameReader<V: Named> {
    names: Chunks<Utf8ViewArray>,
    value: PhantomData<fn() -> V>,
}

opaque_debug!(NameReader<V: Named>);

impl<V: Named> ColumnReader<V> for NameReader<V> {
    fn new(column: &Series) -> Result<Self, Fault> {
        let names = column.str().map_err(|error| Fault::value(error.to_string()))?;
        Ok(Self { names: Chunks::of(names), value: PhantomData })
    }

    fn read(&self, row: usize) -> Result<Option<V>, Fault> {
        let Some(name) = self.names.get(row) else { return Ok(None) };
        V::from_name(name).map(Some).ok_or_else(|| unknown::<V>(name))
    }
}

#[cold]
fn unknown<V: Named>(name: &str) -> Fault {
    Fault::value(format!("{name:?} is none of {}", V::NAMES.join(", ")))
}
