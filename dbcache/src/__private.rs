//! All that generated code may name. Nothing here is for other use, and it may change in any release.

use std::any::Any;
use std::sync::OnceLock;

pub use polars::prelude::{Column as FrameColumn, DataFrame, DataType, PlSmallStr, PolarsResult, Series};

pub use serde::de::DeserializeOwned;

pub use crate::column::{Column, Nullness, Optional, Place, Required};
pub use crate::record::{
    CellError, CellReader, Cells, ColumnSchema, Record, Schema, SelectColumn, Selection, collect_rows, column,
    default_cell, parse_json, table,
};
pub use crate::value::names::{NameBuilder, NameReader, Named};
pub use crate::value::nested::{Documents, FieldBuilder, FieldReader, Fields, Validity, finish_struct, struct_type};
pub use crate::value::stub::StubColumn;
pub use crate::value::{
    ColumnBuilder, ColumnReader, ColumnValue, Fault, JsonText, JsonTextBuilder, JsonTextReader, ListBuilder,
    ListReader, PlainValue,
};

/// The columns of one record, made when they are first asked for.
///
/// A static of the columns' own type would repeat, in its own words, the compiler's message about a field that cannot
/// be stored.
#[derive(Debug, Default)]
pub struct Shared(OnceLock<Box<dyn Any + Send + Sync>>);

impl Shared {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// The value, which is always of the same type.
    pub fn get<C: Any + Copy + Send + Sync>(&self, make: impl Fn() -> C) -> C {
        let columns = self.0.get_or_init(|| Box::new(make()));
        columns.downcast_ref().copied().unwrap_or_else(make)
    }
}

/// The schema of one record, made when it is first asked for.
#[derive(Debug, Default)]
pub struct SharedSchema(OnceLock<Schema>);

impl SharedSchema {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// The schema.
    pub fn get(&self, make: impl FnOnce() -> Schema) -> &Schema {
        self.0.get_or_init(make)
    }
}
