//! All that generated code may name. Nothing here is for other use, and it may change in any release.

pub use std::sync::LazyLock;

pub use polars::prelude::{Column as FrameColumn, DataFrame, DataType, PlSmallStr, PolarsResult, Series};

pub use crate::column::{Column, Nullness, Optional, Place, Required};
pub use crate::record::{
    CellError, CellReader, Cells, ColumnSchema, Record, Schema, SelectColumn, Selection, collect_rows, column,
    default_cell, parse_json, table,
};
pub use crate::value::names::{NameBuilder, NameReader, Named};
pub use crate::value::nested::{Documents, FieldBuilder, FieldReader, Fields, Validity, finish_struct, struct_type};
pub use crate::value::stub::StubColumn;
pub use crate::value::{
    ColumnBuilder, ColumnReader, ColumnValue, Fault, JsonTextBuilder, JsonTextReader, ListBuilder, ListReader,
    PlainValue,
};
