//! Which types convert into which, and what is checked. Pure.

use polars::prelude::*;

/// How values of one type become values of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conversion {
    /// Every value does.
    Exact,
    /// Some do: what the wanted type takes.
    Checked(&'static str),
    /// None does.
    Refused,
}

use Conversion::{Checked, Exact, Refused};

const IN_RANGE: Conversion = Checked("integers within its range");
const WHOLE: Conversion = Checked("whole numbers within its range");
const DIGITS: Conversion = Checked("numbers of as many digits");
const FLOATS: Conversion = Checked("numbers that have all their digits in it");
const UNITS: Conversion = Checked("whole units within its range");
const INNER: Conversion = Checked("values that fit");

/// How values of one type become values of another; see the table of the [module above](super).
#[expect(clippy::match_same_arms, reason = "in the order of the table")]
pub(crate) fn conversion(from: &DataType, to: &DataType) -> Conversion {
    use DataType::{
        Array, Binary, Boolean, Categorical, Date, Datetime, Decimal, Duration, Enum, Float16, Float32, Float64, List,
        Null, String, Struct, Time,
    };
    match (from, to) {
        (from, to) if from == to => Exact,
        (Null, _) => Exact,
        (Float16, to) => conversion(&Float32, to),
        (Categorical(..) | Enum(..), to) => conversion(&String, to),
        (List(_) | Array(..) | Struct(_), String) => Exact,
        (List(from) | Array(from, _), List(to)) => within(conversion(from, to)),
        (Array(from, width), Array(to, wanted)) if width == wanted => within(conversion(from, to)),
        (List(from) | Array(from, _), Array(to, _)) => match conversion(from, to) {
            Refused => Refused,
            _ => Checked("lists of its length with values that fit"),
        },
        (Struct(from), Struct(to)) => of_fields(from, to),
        (Boolean, to) if to.is_integer() => Exact,
        (Boolean | Date | Time | Datetime(..) | Decimal(..), String) => Exact,
        (from, String) if from.is_integer() || from.is_float() => Exact,
        (String, Boolean) => Checked("true, false, t, f, 1 and 0"),
        (String, to) if to.is_integer() => WHOLE,
        (String, Float32 | Float64) => FLOATS,
        (String, Decimal(..)) => DIGITS,
        (String, Date) => Checked("dates like 2024-01-31 within its range"),
        (String, Time) => Checked("times of day like 12:30:00"),
        (String, Datetime(_, None)) => {
            Checked("times like 2024-01-31 12:30:00 without an offset, in whole units within its range")
        }
        (String, Datetime(..)) => {
            Checked("times like 2024-01-31T12:30:00Z with an offset, in whole units within its range")
        }
        (String, Binary | Categorical(..)) => Exact,
        (String, Enum(..)) => Checked("its categories"),
        (Binary, String) => Checked("UTF-8"),
        (from, Boolean) if from.is_integer() => Checked("0 and 1"),
        (from, to) if from.is_integer() && to.is_integer() => {
            if holds(to, from) {
                Exact
            } else {
                IN_RANGE
            }
        }
        (from, Float32) if from.is_integer() => {
            if bits(from) <= 24 {
                Exact
            } else {
                FLOATS
            }
        }
        (from, Float64) if from.is_integer() => {
            if bits(from) <= 53 {
                Exact
            } else {
                FLOATS
            }
        }
        (from, Decimal(precision, scale)) if from.is_integer() => {
            if digits(from) + scale <= *precision {
                Exact
            } else {
                DIGITS
            }
        }
        (Float32, Float64) => Exact,
        (Float64, Float32) | (Decimal(..), Float32 | Float64) => FLOATS,
        (Float32 | Float64 | Decimal(..), to) if to.is_integer() => WHOLE,
        (Float32 | Float64, Decimal(..)) => DIGITS,
        (Decimal(from, from_scale), Decimal(to, to_scale)) => {
            let has_all = to_scale >= from_scale && to - to_scale >= from - from_scale;
            if has_all { Exact } else { DIGITS }
        }
        (Date, Datetime(_, zone)) if is_utc_or_none(zone.as_ref()) => Checked("midnights within its range"),
        (Datetime(_, zone), Date) if is_utc_or_none(zone.as_ref()) => Checked("midnights"),
        (Datetime(from, from_zone), Datetime(to, to_zone)) if may_change(from_zone.as_ref(), to_zone.as_ref()) => {
            if from == to {
                Exact
            } else {
                UNITS
            }
        }
        (Duration(_), Duration(_)) => UNITS,
        _ => Refused,
    }
}

/// Whether the values of two types are of different kinds for databases and JSON, though some convert: text, bytes,
/// numbers and booleans, there or in anything nested. A decimal or a moment that text says is the same value.
pub(crate) fn are_other_kinds(left: &DataType, right: &DataType) -> bool {
    use DataType::{Array, List, Struct};
    match (left, right) {
        (List(left) | Array(left, _), List(right) | Array(right, _)) => are_other_kinds(left, right),
        (Struct(left), Struct(right)) => left.iter().any(|field| {
            let other = right.iter().find(|other| other.name() == field.name());
            other.is_some_and(|other| are_other_kinds(field.dtype(), other.dtype()))
        }),
        (left, right) => kind(left).zip(kind(right)).is_some_and(|(left, right)| left != right),
    }
}

#[derive(PartialEq, Eq)]
enum Kind {
    Text,
    Bytes,
    Boolean,
    Number,
}

fn kind(data_type: &DataType) -> Option<Kind> {
    match data_type {
        DataType::String => Some(Kind::Text),
        DataType::Binary => Some(Kind::Bytes),
        DataType::Boolean => Some(Kind::Boolean),
        number if number.is_integer() || number.is_float() => Some(Kind::Number),
        _ => None,
    }
}

/// The same of what is in structs alone.
pub(super) fn are_other_kinds_in_structs(left: &DataType, right: &DataType) -> bool {
    use DataType::{Array, List, Struct};
    match (left, right) {
        (List(left) | Array(left, _), List(right) | Array(right, _)) => are_other_kinds_in_structs(left, right),
        (Struct(_), Struct(_)) => are_other_kinds(left, right),
        _ => false,
    }
}

fn within(inner: Conversion) -> Conversion {
    if let Checked(_) = inner { INNER } else { inner }
}

fn of_fields(from: &[Field], to: &[Field]) -> Conversion {
    let of_field = |field: &Field| {
        let stored = from.iter().find(|stored| stored.name() == field.name());
        stored.map_or(Exact, |stored| conversion(stored.dtype(), field.dtype()))
    };
    to.iter().map(of_field).fold(Exact, |all, one| match (all, one) {
        (Refused, _) | (_, Refused) => Refused,
        (Exact, Exact) => Exact,
        _ => INNER,
    })
}

/// Moments keep their zone or change it, as long as one without a zone has the clock of UTC.
fn may_change(from: Option<&TimeZone>, to: Option<&TimeZone>) -> bool {
    match (from, to) {
        (None, zone) | (zone, None) => is_utc_or_none(zone),
        (Some(_), Some(_)) => true,
    }
}

pub(super) fn is_utc_or_none(zone: Option<&TimeZone>) -> bool {
    zone.is_none_or(|zone| matches!(zone.as_str(), "UTC" | "Etc/UTC" | "Z" | "+00:00"))
}

/// Whether an integer type holds every value of another.
fn holds(wide: &DataType, narrow: &DataType) -> bool {
    let sign_fits = wide.is_signed_integer() || !narrow.is_signed_integer();
    sign_fits && bits(wide) >= bits(narrow)
}

/// The bits of an integer type, its sign aside.
fn bits(integer: &DataType) -> u32 {
    match integer {
        DataType::Int8 => 7,
        DataType::UInt8 => 8,
        DataType::Int16 => 15,
        DataType::UInt16 => 16,
        DataType::Int32 => 31,
        DataType::UInt32 => 32,
        DataType::Int64 => 63,
        DataType::UInt64 => 64,
        DataType::Int128 => 127,
        _ => 128,
    }
}

/// The decimal digits of an integer type's largest value.
fn digits(integer: &DataType) -> usize {
    match bits(integer) {
        0..=8 => 3,
        9..=16 => 5,
        17..=32 => 10,
        63 => 19,
        64 => 20,
        _ => 39,
    }
}
