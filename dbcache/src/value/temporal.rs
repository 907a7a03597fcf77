//! Dates and times, feature `chrono`.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Utc};
use polars::prelude::*;

use super::primitive::{Native, Primitive, PrimitiveBuilder, PrimitiveReader, primitive_value};
use super::{ColumnValue, Fault, ListBuilder, ListReader, PlainValue, leaf_handle};

/// The day that chrono counts as 1970-01-01.
const EPOCH: i32 = 719_163;
const NANOS: u32 = 1_000_000_000;

impl Primitive for NaiveDate {
    type Physical = Int32Type;

    fn data_type() -> DataType {
        DataType::Date
    }

    fn to_physical(&self) -> Option<Native<Self>> {
        self.num_days_from_ce().checked_sub(EPOCH)
    }

    fn from_physical(days: Native<Self>) -> Result<Self, Fault> {
        let date = days.checked_add(EPOCH).and_then(Self::from_num_days_from_ce_opt);
        date.ok_or_else(|| Fault::value(format!("day {days} after 1970-01-01 is out of range")))
    }

    fn logical(days: ChunkedArray<Int32Type>) -> PolarsResult<Series> {
        Ok(days.into_date().into_series())
    }
}

/// A leap second does not fit: a column counts from midnight.
impl Primitive for NaiveTime {
    type Physical = Int64Type;

    fn data_type() -> DataType {
        DataType::Time
    }

    fn to_physical(&self) -> Option<Native<Self>> {
        let nanos = Some(self.nanosecond()).filter(|nanos| *nanos < NANOS)?;
        Some(i64::from(self.num_seconds_from_midnight()) * i64::from(NANOS) + i64::from(nanos))
    }

    fn from_physical(nanos: Native<Self>) -> Result<Self, Fault> {
        let seconds = u32::try_from(nanos.div_euclid(i64::from(NANOS))).ok();
        let rest = u32::try_from(nanos.rem_euclid(i64::from(NANOS))).ok();
        let time =
            seconds.zip(rest).and_then(|(seconds, rest)| Self::from_num_seconds_from_midnight_opt(seconds, rest));
        time.ok_or_else(|| Fault::value(format!("{nanos} ns after midnight is no time of day")))
    }

    fn logical(nanos: ChunkedArray<Int64Type>) -> PolarsResult<Series> {
        Ok(nanos.into_time().into_series())
    }
}

/// Leap seconds and fractions of a microsecond do not fit.
impl Primitive for DateTime<Utc> {
    type Physical = Int64Type;

    fn data_type() -> DataType {
        DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC))
    }

    fn to_physical(&self) -> Option<Native<Self>> {
        let nanos = self.timestamp_subsec_nanos();
        (nanos < NANOS && nanos.is_multiple_of(1000)).then(|| self.timestamp_micros())
    }

    fn from_physical(micros: Native<Self>) -> Result<Self, Fault> {
        Self::from_timestamp_micros(micros)
            .ok_or_else(|| Fault::value(format!("{micros} µs after 1970-01-01 is out of range")))
    }

    fn logical(micros: ChunkedArray<Int64Type>) -> PolarsResult<Series> {
        Ok(micros.into_datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)).into_series())
    }
}

/// As with a zone, and without one.
impl Primitive for NaiveDateTime {
    type Physical = Int64Type;

    fn data_type() -> DataType {
        DataType::Datetime(TimeUnit::Microseconds, None)
    }

    fn to_physical(&self) -> Option<Native<Self>> {
        self.and_utc().to_physical()
    }

    fn from_physical(micros: Native<Self>) -> Result<Self, Fault> {
        DateTime::<Utc>::from_physical(micros).map(|time| time.naive_utc())
    }

    fn logical(micros: ChunkedArray<Int64Type>) -> PolarsResult<Series> {
        Ok(micros.into_datetime(TimeUnit::Microseconds, None).into_series())
    }
}

primitive_value!(NaiveDate);
primitive_value!(NaiveTime);
primitive_value!(NaiveDateTime);
primitive_value!(DateTime<Utc>);
