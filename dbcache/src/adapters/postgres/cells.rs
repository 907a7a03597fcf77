//! The values of one column on their way from PostgreSQL to Polars: a typed builder for each kind.

use std::borrow::Cow;
use std::mem;

use polars::prelude::*;
use polars_arrow::array::ListArray;
use polars_arrow::bitmap::OptBitmapBuilder;
use polars_arrow::offset::{Offsets, OffsetsBuffer};

use super::kind::{Kind, NumericAs};
use super::numeric::Numeric;
use super::values::{self, Read};

/// Collects the values of one column, of which each comes in PostgreSQL's binary format.
pub(super) trait Cells: Send {
    /// Takes a value. One that does not fit leaves the column without a cell of that row.
    fn push(&mut self, value: &[u8]) -> Read<()>;

    fn push_null(&mut self);

    fn finish(self: Box<Self>, name: PlSmallStr) -> PolarsResult<Series>;
}

/// Cells for the values of a kind.
pub(super) fn cells(kind: &Kind, capacity: usize) -> Box<dyn Cells> {
    match kind {
        Kind::Boolean => Box::new(Flags(BooleanChunkedBuilder::new(PlSmallStr::EMPTY, capacity))),
        Kind::Int16 => plain::<Int16Type>(capacity, |value| values::exact(value).map(i16::from_be_bytes)),
        Kind::Int32 => plain::<Int32Type>(capacity, |value| values::exact(value).map(i32::from_be_bytes)),
        Kind::Int64 => plain::<Int64Type>(capacity, |value| values::exact(value).map(i64::from_be_bytes)),
        Kind::Oid => plain::<UInt32Type>(capacity, |value| values::exact(value).map(u32::from_be_bytes)),
        Kind::Float32 => plain::<Float32Type>(capacity, |value| values::exact(value).map(f32::from_be_bytes)),
        Kind::Float64 => plain::<Float64Type>(capacity, |value| values::exact(value).map(f64::from_be_bytes)),
        Kind::Numeric(held) => numeric(*held, capacity),
        Kind::Text | Kind::Json => text(capacity, |value| values::text(value).map(Cow::Borrowed)),
        Kind::Uuid => text(capacity, |value| values::uuid(value).map(Cow::Owned)),
        Kind::Jsonb => text(capacity, |value| values::jsonb(value).map(Cow::Borrowed)),
        Kind::Bytes => Box::new(Bytes(BinaryChunkedBuilder::new(PlSmallStr::EMPTY, capacity))),
        Kind::Date => numbers(capacity, values::date, |days| Ok(days.into_date().into_series())),
        Kind::Time => numbers(capacity, values::time, |nanos| Ok(nanos.into_time().into_series())),
        Kind::Timestamp => numbers(capacity, values::timestamp, |micros| Ok(datetime(micros, None))),
        Kind::TimestampTz => numbers(capacity, values::timestamp, |micros| Ok(datetime(micros, Some(TimeZone::UTC)))),
        Kind::List(items) => Box::new(Lists::new(capacity, cells(items, capacity))),
    }
}

fn numeric(held: NumericAs, capacity: usize) -> Box<dyn Cells> {
    match held {
        NumericAs::Decimal { precision, scale } => numbers::<Int128Type>(
            capacity,
            move |value| Numeric::read(value)?.decimal(precision, scale),
            move |numbers| Ok(numbers.into_decimal(precision, scale)?.into_series()),
        ),
        NumericAs::Text => text(capacity, |value| Numeric::any_text(value)),
        NumericAs::Int64 => plain::<Int64Type>(capacity, |value| Numeric::read(value)?.integer()),
        NumericAs::UInt64 => plain::<UInt64Type>(capacity, |value| Numeric::read(value)?.integer()),
        NumericAs::Int128 => plain::<Int128Type>(capacity, |value| Numeric::read(value)?.integer()),
        NumericAs::UInt128 => plain::<UInt128Type>(capacity, |value| Numeric::read(value)?.unsigned()),
    }
}

fn datetime(micros: Int64Chunked, zone: Option<TimeZone>) -> Series {
    micros.into_datetime(TimeUnit::Microseconds, zone).into_series()
}

/// Numbers, and types that are numbers in memory.
struct Numbers<P: PolarsNumericType, R, L> {
    values: Vec<P::Native>,
    validity: OptBitmapBuilder,
    read: R,
    /// Gives the numbers their type.
    logical: L,
}

fn plain<P: PolarsNumericType>(
    capacity: usize,
    read: impl Fn(&[u8]) -> Read<P::Native> + Send + 'static,
) -> Box<dyn Cells>
where
    ChunkedArray<P>: IntoSeries,
{
    numbers::<P>(capacity, read, |numbers| Ok(numbers.into_series()))
}

fn numbers<P: PolarsNumericType>(
    capacity: usize,
    read: impl Fn(&[u8]) -> Read<P::Native> + Send + 'static,
    logical: impl FnOnce(ChunkedArray<P>) -> PolarsResult<Series> + Send + 'static,
) -> Box<dyn Cells> {
    Box::new(Numbers::<P, _, _> {
        values: Vec::with_capacity(capacity),
        validity: OptBitmapBuilder::default(),
        read,
        logical,
    })
}

impl<P, R, L> Cells for Numbers<P, R, L>
where
    P: PolarsNumericType,
    R: Fn(&[u8]) -> Read<P::Native> + Send,
    L: FnOnce(ChunkedArray<P>) -> PolarsResult<Series> + Send,
{
    fn push(&mut self, value: &[u8]) -> Read<()> {
        self.values.push((self.read)(value)?);
        self.validity.extend_constant(1, true);
        Ok(())
    }

    fn push_null(&mut self) {
        self.validity.extend_constant(1, false);
        self.values.push(P::Native::default());
    }

    fn finish(self: Box<Self>, name: PlSmallStr) -> PolarsResult<Series> {
        (self.logical)(ChunkedArray::from_vec_validity(name, self.values, self.validity.into_opt_validity()))
    }
}

struct Flags(BooleanChunkedBuilder);

impl Cells for Flags {
    fn push(&mut self, value: &[u8]) -> Read<()> {
        self.0.append_value(values::boolean(value)?);
        Ok(())
    }

    fn push_null(&mut self) {
        self.0.append_null();
    }

    fn finish(self: Box<Self>, name: PlSmallStr) -> PolarsResult<Series> {
        Ok(self.0.finish().with_name(name).into_series())
    }
}

struct Bytes(BinaryChunkedBuilder);

impl Cells for Bytes {
    fn push(&mut self, value: &[u8]) -> Read<()> {
        self.0.append_value(value);
        Ok(())
    }

    fn push_null(&mut self) {
        self.0.append_null();
    }

    fn finish(self: Box<Self>, name: PlSmallStr) -> PolarsResult<Series> {
        Ok(self.0.finish().with_name(name).into_series())
    }
}

/// Text, and types that are written as text.
struct Texts<R> {
    cells: StringChunkedBuilder,
    read: R,
}

fn text(capacity: usize, read: impl Fn(&[u8]) -> Read<Cow<'_, str>> + Send + 'static) -> Box<dyn Cells> {
    Box::new(Texts { cells: StringChunkedBuilder::new(PlSmallStr::EMPTY, capacity), read })
}

impl<R: Fn(&[u8]) -> Read<Cow<'_, str>> + Send> Cells for Texts<R> {
    fn push(&mut self, value: &[u8]) -> Read<()> {
        self.cells.append_value((self.read)(value)?);
        Ok(())
    }

    fn push_null(&mut self) {
        self.cells.append_null();
    }

    fn finish(self: Box<Self>, name: PlSmallStr) -> PolarsResult<Series> {
        Ok(self.cells.finish().with_name(name).into_series())
    }
}

/// All elements in one column, and how many of them each row has.
struct Lists {
    items: Box<dyn Cells>,
    lengths: Vec<usize>,
    validity: OptBitmapBuilder,
    /// How many elements of a list that does not fit were taken before one that does not: they go with the NULL in
    /// its place.
    spilled: usize,
}

impl Lists {
    fn new(capacity: usize, items: Box<dyn Cells>) -> Self {
        Self { items, lengths: Vec::with_capacity(capacity), validity: OptBitmapBuilder::default(), spilled: 0 }
    }
}

impl Cells for Lists {
    fn push(&mut self, value: &[u8]) -> Read<()> {
        let mut elements = values::elements(value)?;
        for _ in 0..elements.len() {
            match elements.take()? {
                Some(element) => self.items.push(element)?,
                None => self.items.push_null(),
            }
            self.spilled += 1;
        }
        self.lengths.push(mem::take(&mut self.spilled));
        self.validity.extend_constant(1, true);
        Ok(())
    }

    fn push_null(&mut self) {
        self.validity.extend_constant(1, false);
        self.lengths.push(mem::take(&mut self.spilled));
    }

    fn finish(self: Box<Self>, name: PlSmallStr) -> PolarsResult<Series> {
        let items = self.items.finish(PlSmallStr::EMPTY)?.rechunk().to_arrow(0, CompatLevel::newest());
        let offsets: OffsetsBuffer<i64> = Offsets::try_from_lengths(self.lengths.into_iter())?.into();
        let data_type = ListArray::<i64>::default_datatype(items.dtype().clone());
        let lists = ListArray::try_new(data_type, offsets, items, self.validity.into_opt_validity())?;
        Series::try_from((name, Box::new(lists) as ArrayRef))
    }
}
