//! Every item that generated code may name. Do not use this module yourself: it may change in any release.

use std::any::Any;
use std::sync::OnceLock;

#[cfg(feature = "derive")]
pub use dbcache_derive::without_bounds;
pub use polars::prelude::{Column as FrameColumn, DataFrame, DataType, PlSmallStr, PolarsResult, Series};
pub use serde::de::DeserializeOwned;

pub use crate::column::{Column, ColumnSpec, Nullness, Optional, Required};
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

/// The columns of a record, created on first use.
///
/// The type of the columns is erased because, if a field cannot be stored, a static of that type would cause a second
/// compiler message.
#[derive(Debug, Default)]
pub struct StaticColumns(OnceLock<Box<dyn Any + Send + Sync>>);

impl StaticColumns {
    /// Creates an empty cell.
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Returns the columns, which `make` creates on the first call. All calls must use the same type `C`.
    pub fn get<C: Any + Copy + Send + Sync>(&self, make: impl Fn() -> C) -> C {
        let columns = self.0.get_or_init(|| Box::new(make()));
        columns.downcast_ref().copied().unwrap_or_else(make)
    }
}

/// The schema of a record, created on first use.
#[derive(Debug, Default)]
pub struct StaticSchema(OnceLock<Schema>);

impl StaticSchema {
    /// Creates an empty cell.
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Returns the schema, which `make` creates on the first call.
    pub fn get(&self, make: impl FnOnce() -> Schema) -> &Schema {
        self.0.get_or_init(make)
    }
}
