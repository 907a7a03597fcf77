//! Values that are stored as JSON text: anything that serde can write and read.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;
use std::marker::PhantomData;

use polars::prelude::*;
use polars_arrow::array::Utf8ViewArray;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::chunks::Chunks;
use super::{
    ColumnBuilder, ColumnReader, ColumnValue, Fault, ListBuilder, ListReader, PlainValue, leaf_handle, opaque_debug,
};

/// A type that serde writes as JSON text and reads back.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is stored as JSON text, and serde cannot write and read it",
    label = "not for serde",
    note = "derive `serde::Serialize` and `serde::Deserialize` for it"
)]
pub trait JsonText: Serialize + DeserializeOwned + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<V: Serialize + DeserializeOwned + Send + Sync + 'static> JsonText for V {}

#[doc(hidden)]
pub struct JsonTextBuilder {
    cells: StringChunkedBuilder,
    buffer: Vec<u8>,
    fault: Option<String>,
}

opaque_debug!(JsonTextBuilder);

impl<V: JsonText> ColumnBuilder<V> for JsonTextBuilder {
    fn data_type() -> DataType {
        DataType::String
    }

    fn with_capacity(rows: usize) -> Self {
        Self { cells: StringChunkedBuilder::new(PlSmallStr::EMPTY, rows), buffer: Vec::new(), fault: None }
    }

    fn push(&mut self, value: &V) {
        self.buffer.clear();
        let written = serde_json::to_writer(&mut self.buffer, value).map_err(|error| error.to_string());
        let text = written.and_then(|()| std::str::from_utf8(&self.buffer).map_err(|error| error.to_string()));
        match text {
            Ok(text) => self.cells.append_value(text),
            Err(reason) => {
                self.fault.get_or_insert(reason);
                self.cells.append_null();
            }
        }
    }

    fn push_null(&mut self) {
        self.cells.append_null();
    }

    fn finish(self, name: PlSmallStr) -> PolarsResult<Series> {
        if let Some(reason) = self.fault {
            polars_bail!(ComputeError: "a value of {name:?} cannot be written as JSON: {reason}");
        }
        Ok(self.cells.finish().with_name(name).into_series())
    }
}

#[doc(hidden)]
pub struct JsonTextReader<V: JsonText> {
    cells: Chunks<Utf8ViewArray>,
    value: PhantomData<fn() -> V>,
}

opaque_debug!(JsonTextReader<V: JsonText>);

impl<V: JsonText> ColumnReader<V> for JsonTextReader<V> {
    fn new(column: &Series) -> Result<Self, Fault> {
        let cells = column.str().map_err(|error| Fault::value(error.to_string()))?;
        Ok(Self { cells: Chunks::of(cells), value: PhantomData })
    }

    fn read(&self, row: usize) -> Result<Option<V>, Fault> {
        let Some(text) = self.cells.get(row) else { return Ok(None) };
        serde_json::from_str(text).map(Some).map_err(|error| Fault::value(error.to_string()))
    }
}

macro_rules! json_text_value {
    ($value:ty $(, $($generics:tt)*)?) => {
        impl $(<$($generics)*>)? ColumnValue for $value {
            type Nullable = Option<Self>;
            type Builder = JsonTextBuilder;
            type Reader = JsonTextReader<Self>;
            type ListBuilder = ListBuilder<Self>;
            type ListReader = ListReader<Self>;

            leaf_handle!();
        }

        impl $(<$($generics)*>)? PlainValue for $value {}
    };
}

json_text_value!(serde_json::Value);
json_text_value!(serde_json::Map<String, serde_json::Value>);
json_text_value!(BTreeMap<String, V>, V: JsonText);
json_text_value!(HashMap<String, V, S>, V: JsonText, S: BuildHasher + Default + Send + Sync + 'static);
