//! Rows to columns and back, one typed builder or reader a column.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use polars::prelude::*;
use rayon::prelude::*;
use serde::de::DeserializeOwned;

use super::{CellError, CellFault, ColumnSchema, ParseJson};
use crate::column::ColumnRef;
use crate::json_path;
use crate::value::{ColumnBuilder, ColumnReader, ColumnValue, Fault, opaque_debug};

/// So many rows are turned into columns, or back, at a time: for fewer, another thread would not be worth waking.
const PART: usize = 16 * 1024;

/// One field of all rows, as a column.
pub fn column<T, V: ColumnValue>(rows: &[T], name: &str, field: impl Fn(&T) -> &V) -> Result<Column, CellError> {
    let mut builder = V::Builder::with_capacity(rows.len());
    for row in rows {
        builder.push(field(row));
    }
    let column = builder.finish(name.into());
    column.map(IntoColumn::into_column).map_err(|error| Fault::value(error.to_string()).in_column(name, 0))
}

/// The columns of a record, the id column first, of so many rows; `column` makes the one at a place.
pub fn table(
    rows: usize,
    columns: usize,
    column: &(dyn Fn(usize) -> Result<Column, CellError> + Sync),
) -> Result<DataFrame, CellError> {
    let columns: Result<Vec<Column>, CellError> = if rows < 2 * PART {
        (0..columns).map(column).collect()
    } else {
        (0..columns).into_par_iter().with_max_len(1).map(column).collect()
    };
    DataFrame::new(rows, columns?).map_err(|error| Fault::value(error.to_string()).in_column("", 0))
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

/// Of equal keys the last counts, as everywhere else, which derived `Deserialize` implementations refuse.
fn parse_document<V: DeserializeOwned>(document: &str) -> serde_json::Result<V> {
    serde_json::from_str(document).or_else(|cause| {
        let has_equal_keys = cause.is_data() && cause.to_string().starts_with("duplicate field");
        let once = has_equal_keys.then(|| json_path::canonical(document)).flatten();
        once.map_or(Err(cause), |once| serde_json::from_str(&once))
    })
}

fn parse_documents<V: ColumnValue + DeserializeOwned>(text: &StringChunked) -> Result<Series, CellError> {
    let mut builder = V::Builder::with_capacity(text.len());
    for (row, document) in text.iter().enumerate() {
        match document.map(parse_document::<V>) {
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
        let label = self.label(schema.column());
        self.open(&label)
            .map_err(|fault| fault.in_column(&label, 0))
            .map(|reader: V::Reader| CellReader { reader, column: schema.column() })
    }

    /// A column whose name is another one's text goes by its own text.
    fn label(&self, column: &ColumnRef) -> PlSmallStr {
        let text = column.is_quoted().then(|| column.text());
        text.filter(|text| self.frame.get_column_index(text).is_some()).unwrap_or_else(|| column.label())
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
    let collect = |rows: &mut Vec<R>, part: Range<usize>| {
        for row in part {
            rows.push(read(row).map_err(|fault| fault.in_row(row))?);
        }
        Ok(())
    };
    let height = frame.height();
    let mut rows = Vec::with_capacity(height);
    let parts: Vec<Range<usize>> = (0..height).step_by(PART).map(|start| start..height.min(start + PART)).collect();
    if parts.len() < 2 {
        collect(&mut rows, 0..height)?;
        return Ok(rows);
    }
    // This thread reads from the first part on, right into the list, and the others from the last part back.
    let read_by_others: Vec<Mutex<Result<Vec<R>, CellError>>> =
        parts.iter().map(|_| Mutex::new(Ok(Vec::new()))).collect();
    let mut read_here = Ok(());
    on_threads(
        parts.len(),
        &mut |place| {
            if let (Some(part), Ok(())) = (parts.get(place), &read_here) {
                read_here = collect(&mut rows, part.clone());
            }
        },
        &|place| {
            if let (Some(part), Some(slot)) = (parts.get(place), read_by_others.get(place)) {
                let mut rows = Vec::with_capacity(part.len());
                let collected = collect(&mut rows, part.clone()).map(|()| rows);
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = collected;
            }
        },
    );
    read_here?;
    for part in read_by_others {
        rows.append(&mut part.into_inner().unwrap_or_else(PoisonError::into_inner)?);
    }
    Ok(rows)
}

/// Does some work for each of so many places: in this thread from the first on, in others from the last back, until they
/// meet. Not generic, so that threads cost the compiler nothing for a record.
fn on_threads(places: usize, here: &mut dyn FnMut(usize), elsewhere: &(dyn Fn(usize) + Sync)) {
    let left = Mutex::new(0..places);
    let left = || left.lock().unwrap_or_else(PoisonError::into_inner);
    let (first, last) = (|| left().next(), || left().next_back());
    rayon::in_place_scope(|scope| {
        for _ in 1..rayon::current_num_threads().min(places) {
            scope.spawn(|_| std::iter::from_fn(last).for_each(elsewhere));
        }
        std::iter::from_fn(first).for_each(here);
    });
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
