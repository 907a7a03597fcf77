//! Rows to columns and back, one typed builder or reader a column.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use polars::prelude::*;
use rayon::prelude::*;
use serde::de::DeserializeOwned;

use super::{CellError, CellFault, ColumnSchema, ParseJson};
use crate::column::ColumnRef;
use crate::value::{ColumnBuilder, ColumnReader, ColumnValue, Fault, opaque_debug};

/// So many rows are turned into columns, or back, by one thread: for fewer, another one would not be worth waking.
const ROWS_A_THREAD: usize = 16 * 1024;

/// One field of all rows, as a column.
pub fn column<T, V: ColumnValue>(rows: &[T], name: &str, field: impl Fn(&T) -> &V) -> PolarsResult<Column> {
    let mut builder = V::Builder::with_capacity(rows.len());
    for row in rows {
        builder.push(field(row));
    }
    Ok(builder.finish(name.into())?.into_column())
}

/// The columns of a record, the id column first, of so many rows; `column` makes the one at a place.
pub fn table(
    rows: usize,
    columns: usize,
    column: &(dyn Fn(usize) -> PolarsResult<Column> + Sync),
) -> PolarsResult<DataFrame> {
    let columns: PolarsResult<Vec<Column>> = if rows < 2 * ROWS_A_THREAD {
        (0..columns).map(column).collect()
    } else {
        (0..columns).into_par_iter().with_max_len(1).map(column).collect()
    };
    DataFrame::new(rows, columns?)
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
        fault.below(self.column.label().to_string())
    }
}

/// Reads all rows, and says of a fault which row it is in.
pub fn collect_rows<R: Send>(
    frame: &DataFrame,
    read: impl Fn(usize) -> Result<R, Fault> + Sync,
) -> Result<Vec<R>, CellError> {
    let parts = parts(frame.height());
    let collect = |part: &Range<usize>| {
        // The first part becomes the whole: moving it would cost more than its memory.
        let mut rows = Vec::with_capacity(if part.start == 0 { frame.height() } else { part.len() });
        for row in part.clone() {
            rows.push(read(row).map_err(|fault| fault.in_row(row))?);
        }
        Ok(rows)
    };
    if let [all] = parts.as_slice() {
        return collect(all);
    }
    let collected: Vec<Mutex<Result<Vec<R>, CellError>>> = parts.iter().map(|_| Mutex::new(Ok(Vec::new()))).collect();
    on_threads(parts.len(), &|place| {
        if let (Some(part), Some(slot)) = (parts.get(place), collected.get(place)) {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = collect(part);
        }
    });
    let mut rows = Vec::new();
    for part in collected {
        append(&mut rows, part.into_inner().unwrap_or_else(PoisonError::into_inner)?);
    }
    Ok(rows)
}

/// The rows that each thread reads; one part where others would not be worth waking.
fn parts(rows: usize) -> Vec<Range<usize>> {
    let size = rows.div_ceil(rayon::current_num_threads()).max(ROWS_A_THREAD);
    (0..rows.max(1)).step_by(size).map(|start| start..rows.min(start + size)).collect()
}

/// Does some work for each of so many places. Not generic, so that threads cost the compiler nothing for a record.
fn on_threads(places: usize, work: &(dyn Fn(usize) + Sync)) {
    (0..places).into_par_iter().with_max_len(1).for_each(work);
}

fn append<R>(rows: &mut Vec<R>, mut part: Vec<R>) {
    if rows.is_empty() { *rows = part } else { rows.append(&mut part) }
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
