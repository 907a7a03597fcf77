//! Columns of every type, built from values as they are written.

mod decimals;
mod nested;

use std::marker::PhantomData;
use std::str::FromStr;

use polars::prelude::*;

use super::Strictness;
use super::infer::{Reading, Target};
use super::value::Value;
use crate::convert;
use decimals::Decimals;
use nested::{Lists, Structs};

/// A value that the column's type does not hold exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Misfit;

/// A column that grows by a value a row.
pub(super) struct Builder {
    cells: Box<dyn Cells>,
    data_type: DataType,
}

impl Builder {
    pub(super) fn new(target: &Target, rows: usize, strictness: Strictness) -> Self {
        Self { cells: cells(&target.data_type, target.reading, rows, strictness), data_type: target.data_type.clone() }
    }

    /// Adds a row; `None` is null.
    ///
    /// When strict, a value that does not fit is an error, after which the builder is of no use.
    pub(super) fn push(&mut self, value: Option<Value<'_>>) -> Result<(), Misfit> {
        self.cells.push(value)
    }

    pub(super) fn finish(self) -> PolarsResult<Series> {
        let built = self.cells.finish()?;
        Ok(convert::by_row(&built, &self.data_type)?.values)
    }
}

/// The cells of a column, or of a level of a nested one.
///
/// A level may build a stand-in for its type, text for a date or a list for a fixed-size array, which is converted
/// when the whole column is there.
trait Cells: Send + Sync {
    fn push(&mut self, value: Option<Value<'_>>) -> Result<(), Misfit>;
    fn finish(self: Box<Self>) -> PolarsResult<Series>;
}

#[expect(clippy::redundant_closure_for_method_calls, reason = "the methods are of one lifetime, readers of all")]
fn cells(data_type: &DataType, reading: Reading, rows: usize, strictness: Strictness) -> Box<dyn Cells> {
    match data_type {
        DataType::Null => Box::new(Nulls { rows: 0, strictness }),
        DataType::Boolean => booleans(rows, strictness),
        DataType::Int8 => integers::<Int8Type>(rows, strictness),
        DataType::Int16 => integers::<Int16Type>(rows, strictness),
        DataType::Int32 => integers::<Int32Type>(rows, strictness),
        DataType::Int64 => integers::<Int64Type>(rows, strictness),
        DataType::Int128 => integers::<Int128Type>(rows, strictness),
        DataType::UInt8 => integers::<UInt8Type>(rows, strictness),
        DataType::UInt16 => integers::<UInt16Type>(rows, strictness),
        DataType::UInt32 => integers::<UInt32Type>(rows, strictness),
        DataType::UInt64 => integers::<UInt64Type>(rows, strictness),
        DataType::UInt128 => integers::<UInt128Type>(rows, strictness),
        DataType::Float32 => numbers::<Float32Type>(rows, |value| value.pinned_small_float(), strictness),
        DataType::Float64 if reading == Reading::Agreed => {
            numbers::<Float64Type>(rows, |value| value.float(), strictness)
        }
        DataType::Float64 => numbers::<Float64Type>(rows, |value| value.pinned_float(), strictness),
        DataType::Decimal(precision, scale) => Box::new(Decimals::new(rows, *precision, *scale, strictness)),
        DataType::List(inner) => Box::new(Lists::new(cells(inner, reading, 0, strictness), None, strictness)),
        DataType::Array(inner, width) => {
            Box::new(Lists::new(cells(inner, reading, 0, strictness), Some(*width), strictness))
        }
        DataType::Struct(fields) => {
            let fields =
                fields.iter().map(|field| (field.name().clone(), cells(field.dtype(), reading, 0, strictness)));
            Box::new(Structs::new(fields.collect(), strictness))
        }
        other => Box::new(Texts::new(rows, reading == Reading::Json, other, strictness)),
    }
}

fn misfit(strictness: Strictness) -> Result<(), Misfit> {
    match strictness {
        Strictness::Lenient => Ok(()),
        Strictness::Strict => Err(Misfit),
    }
}

struct Nulls {
    rows: usize,
    strictness: Strictness,
}

impl Cells for Nulls {
    fn push(&mut self, value: Option<Value<'_>>) -> Result<(), Misfit> {
        self.rows += 1;
        if value.is_some() { misfit(self.strictness) } else { Ok(()) }
    }

    fn finish(self: Box<Self>) -> PolarsResult<Series> {
        Ok(Series::new_null(PlSmallStr::EMPTY, self.rows))
    }
}

/// Booleans and numbers.
struct Scalars<B, N, T> {
    builder: B,
    read: fn(Value<'_>) -> Option<N>,
    strictness: Strictness,
    column_type: PhantomData<T>,
}

impl<B, N, T> Cells for Scalars<B, N, T>
where
    B: ChunkedBuilder<N, T> + Send + Sync,
    T: PolarsDataType,
    ChunkedArray<T>: IntoSeries,
{
    fn push(&mut self, value: Option<Value<'_>>) -> Result<(), Misfit> {
        let read = value.and_then(self.read);
        let fits = read.is_some() || value.is_none();
        self.builder.append_option(read);
        if fits { Ok(()) } else { misfit(self.strictness) }
    }

    fn finish(self: Box<Self>) -> PolarsResult<Series> {
        Ok(self.builder.finish().into_series())
    }
}

fn booleans(rows: usize, strictness: Strictness) -> Box<dyn Cells> {
    let builder = BooleanChunkedBuilder::new(PlSmallStr::EMPTY, rows);
    Box::new(Scalars { builder, read: |value| value.boolean(), strictness, column_type: PhantomData })
}

fn numbers<T>(rows: usize, read: fn(Value<'_>) -> Option<T::Native>, strictness: Strictness) -> Box<dyn Cells>
where
    T: PolarsNumericType,
    ChunkedArray<T>: IntoSeries,
{
    let builder = PrimitiveChunkedBuilder::<T>::new(PlSmallStr::EMPTY, rows);
    Box::new(Scalars { builder, read, strictness, column_type: PhantomData })
}

#[expect(clippy::redundant_closure_for_method_calls, reason = "the method is of one lifetime, readers of all")]
fn integers<T>(rows: usize, strictness: Strictness) -> Box<dyn Cells>
where
    T: PolarsNumericType,
    T::Native: FromStr + TryFrom<i128>,
    ChunkedArray<T>: IntoSeries,
{
    numbers::<T>(rows, |value| value.integer(), strictness)
}

/// Text, and what is read from text.
struct Texts {
    builder: StringChunkedBuilder,
    /// Room for a text that a document does not have as it is, used for one row after another.
    buffer: String,
    quoted: bool,
    /// The type that the text is converted to in the end, where it is not text.
    read_as: Option<DataType>,
    strictness: Strictness,
}

impl Texts {
    fn new(rows: usize, quoted: bool, data_type: &DataType, strictness: Strictness) -> Self {
        let builder = StringChunkedBuilder::new(PlSmallStr::EMPTY, rows);
        let read_as = (!data_type.is_string()).then(|| data_type.clone());
        Self { builder, buffer: String::new(), quoted, read_as, strictness }
    }
}

impl Cells for Texts {
    fn push(&mut self, value: Option<Value<'_>>) -> Result<(), Misfit> {
        let text = match value {
            Some(value) if self.quoted => Some(value.json(&mut self.buffer)),
            Some(value) => value.text(&mut self.buffer),
            None => None,
        };
        let fits = match (text, &self.read_as, self.strictness) {
            (None, ..) => value.is_none(),
            // Casting one by one is slow, so without an error to place the whole column is cast at once.
            (Some(text), Some(data_type), Strictness::Strict) => reads_as(text, data_type),
            _ => true,
        };
        self.builder.append_option(text);
        if fits { Ok(()) } else { misfit(self.strictness) }
    }

    fn finish(self: Box<Self>) -> PolarsResult<Series> {
        Ok(self.builder.finish().into_series())
    }
}

fn reads_as(text: &str, data_type: &DataType) -> bool {
    let cell = Series::new(PlSmallStr::EMPTY, [text]);
    convert::by_row(&cell, data_type).is_ok_and(|read| read.misfits.is_empty())
}
