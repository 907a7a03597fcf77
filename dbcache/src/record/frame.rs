//! Rows to columns and back, one typed builder or reader a column.

use polars::prelude::*;
use serde::de::DeserializeOwned;

use super::{CellError, CellFault, ColumnSchema, ParseJson};
use crate::column::ColumnRef;
use crate::value::{ColumnBuilder, ColumnReader, ColumnValue, Fault, opaque_debug};

/// One field of all rows, as a column.
pub fn column<T, V: ColumnValue>(rows: &[T], name: &str, field: impl Fn(&T) -> &V) -> PolarsResult<Column> {
    let mut builder = V::Builder::with_capacity(rows.len());
    for row in rows {
        builder.push(field(row));
    }
    Ok(builder.finish(name.into())?.into_column())
}

/// The columns of a record, the id column first.
pub fn table<T>(rows: &[T], columns: Vec<Column>) -> PolarsResult<DataFrame> {
    DataFrame::new(rows.len(), columns)
}

/// One value, as a column of one row.
pub fn default_cell<V: ColumnValue>(value: &V) -> PolarsResult<Series> {
    let mut builder = V::Builder::with_capacity(1);
    builder.push(value);
    builder.finish(PlSmallStr::EMPTY)
}

/// How JSON text becomes a column of `V`: nothing to do where `V` is stored as text.
pub fn parse_json<V: ColumnValue + DeserializeOwned>() -> Option<ParseJson> {
    let parse: ParseJson = parse_documents::<V>;
    (V::Builder::data_type() != DataType::String).then_some(parse)
}

fn parse_documents<V: ColumnValue + DeserializeOwned>(text: &StringChunked) -> Result<Series, CellError> {
    let mut builder = V::Builder::with_capacity(text.len());
    for (row, document) in text.iter().enumerate() {
        match document.map(serde_json::from_str::<V>) {
            None => builder.push_null(),
            Some(Ok(value)) => builder.push(&value),
            Some(Err(error)) => return Err(Fault::value(error.to_string()).in_column(text.name(), row)),
        }
    }
    builder.finish(text.name().clone()).map_err(|error| Fault::value(error.to_string()).in_column(text.name(), 0))
}

/// The columns of a frame, each named by its label.
#[derive(Debug)]
pub struct Cells<'a> {
    frame: &'a DataFrame,
}

impl<'a> Cells<'a> {
    /// All columns of an answer, or of a whole record.
    pub fn new(frame: &'a DataFrame) -> Self {
        Self { frame }
    }

    /// Reads a column, which has the type that `V` is stored as.
    pub fn reader<V: ColumnValue>(&mut self, schema: &'static ColumnSchema) -> Result<CellReader<V>, CellError> {
        let label = schema.column().label();
        self.open(&label)
            .map_err(|fault| fault.in_column(&label, 0))
            .map(|reader: V::Reader| CellReader { reader, column: schema.column() })
    }

    fn open<V: ColumnValue<Reader = R>, R: ColumnReader<V>>(&self, label: &str) -> Result<R, Fault> {
        let column = self.frame.column(label).map_err(|_| Fault::value("the frame lacks it"))?;
        R::new(column.as_materialized_series())
    }
}

/// The cells of one column.
pub struct CellReader<V: ColumnValue> {
    reader: V::Reader,
    column: &'static ColumnRef,
}

opaque_debug!(CellReader<V: ColumnValue>);

impl<V: ColumnValue> CellReader<V> {
    /// The cell of a row.
    pub fn get(&self, row: usize) -> Result<V, Fault> {
        self.reader.get(row).map_err(|fault| self.blame(fault))
    }

    #[cold]
    fn blame(&self, fault: Fault) -> Fault {
        fault.below(self.column.label())
    }
}

/// Reads all rows, and says of a fault which row it is in.
pub fn collect_rows<R>(frame: &DataFrame, read: impl Fn(usize) -> Result<R, Fault>) -> Result<Vec<R>, CellError> {
    let mut rows = Vec::with_capacity(frame.height());
    for row in 0..frame.height() {
        rows.push(read(row).map_err(|fault| fault.in_row(row))?);
    }
    Ok(rows)
}

impl Fault {
    fn in_column(self, column: &str, row: usize) -> CellError {
        self.below(column.to_owned()).in_row(row)
    }

    fn in_row(self, row: usize) -> CellError {
        let (column, reason) = self.into_parts();
        CellError { column, row, fault: reason.map_or(CellFault::Null, CellFault::Value) }
    }
}
