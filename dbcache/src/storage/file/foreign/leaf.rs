//! The values of one Parquet column as an array.

use polars::prelude::PlSmallStr;
use polars_arrow::array::{ArrayRef, BooleanArray, MutableBinaryViewArray, NullArray, PrimitiveArray, ViewType};
use polars_arrow::bitmap::Bitmap;
use polars_arrow::datatypes::{ArrowDataType, TimeUnit};
use polars_arrow::types::NativeType;

use super::footer::Physical;
use super::types::{LeafKind, LeafPlan};
use super::values::Values;
use super::{Fault, damaged};

const NANOSECONDS_A_DAY: i128 = 86_400_000_000_000;
/// The Julian day of 1 January 1970.
const EPOCH: i128 = 2_440_588;

/// An array of these values, with nulls where `validity` has them, which has a place for each value.
pub(super) fn array(
    leaf: LeafPlan,
    values: &Values,
    validity: Option<Bitmap>,
    length: usize,
) -> Result<ArrayRef, Fault> {
    let spread = Spread { values, validity, length };
    let from = |unit| ArrowDataType::Timestamp(unit, None);
    match leaf.kind {
        LeafKind::Null => Ok(NullArray::new(ArrowDataType::Null, length).boxed()),
        LeafKind::Boolean => spread.booleans(),
        LeafKind::Integer { bits, is_signed } => spread.integers(bits, is_signed),
        LeafKind::Float => match leaf.physical {
            Physical::Double => spread.numbers(ArrowDataType::Float64, |value| Ok(f64::from_le_bytes(bytes(value)?))),
            Physical::Fixed(2) => {
                spread.numbers(ArrowDataType::Float32, |value| Ok(half(u16::from_le_bytes(bytes(value)?))))
            }
            _ => spread.numbers(ArrowDataType::Float32, |value| Ok(f32::from_le_bytes(bytes(value)?))),
        },
        LeafKind::Decimal { precision, scale } => {
            let is_big_endian = matches!(leaf.physical, Physical::Bytes | Physical::Fixed(_));
            spread.numbers(ArrowDataType::Decimal(precision, scale), |value| {
                let number = if is_big_endian { from_big_endian(value) } else { from_little_endian(value) };
                number.ok_or_else(|| Fault::Unreadable("it has decimals of more than 38 digits".to_owned()))
            })
        }
        LeafKind::Date => spread.numbers(ArrowDataType::Date32, |value| Ok(i32::from_le_bytes(bytes(value)?))),
        LeafKind::Time { digits } => {
            let day = NANOSECONDS_A_DAY / i128::from(nanoseconds(digits));
            spread.numbers(ArrowDataType::Time64(TimeUnit::Nanosecond), |value| {
                let time = from_little_endian(value).filter(|time| (0..day).contains(time));
                let time = time.and_then(|time| i64::try_from(time).ok());
                let time = time.ok_or_else(|| Fault::Unreadable("it has times beyond the end of a day".to_owned()))?;
                Ok(time * nanoseconds(digits))
            })
        }
        LeafKind::Timestamp { unit, is_utc } => {
            let zone = is_utc.then(|| PlSmallStr::from_static("UTC"));
            spread.numbers(ArrowDataType::Timestamp(unit, zone), |value| Ok(i64::from_le_bytes(bytes(value)?)))
        }
        LeafKind::Duration { digits } => {
            let (unit, factor) = match digits {
                0 => (TimeUnit::Millisecond, 1_000),
                3 => (TimeUnit::Millisecond, 1),
                6 => (TimeUnit::Microsecond, 1),
                _ => (TimeUnit::Nanosecond, 1),
            };
            spread.numbers(ArrowDataType::Duration(unit), |value| {
                let duration = i64::from_le_bytes(bytes(value)?).checked_mul(factor);
                duration.ok_or_else(|| Fault::Unreadable("it has durations of too many seconds".to_owned()))
            })
        }
        LeafKind::OldTimestamp => spread
            .old_timestamps(TimeUnit::Microsecond, 1_000)
            .or_else(|_| spread.old_timestamps(TimeUnit::Nanosecond, 1))
            .map(|times| PrimitiveArray::new(from(times.0), times.1.into(), spread.validity.clone()).boxed()),
        LeafKind::Text | LeafKind::Json => spread.texts(|value, texts| {
            let text = std::str::from_utf8(value);
            texts.push_value(text.map_err(|_| Fault::Unreadable("it has text that is not UTF-8".to_owned()))?);
            Ok(())
        }),
        LeafKind::Uuid => spread.texts(|value, texts| {
            texts.push_value(uuid(u128::from_be_bytes(bytes(value)?)).as_str());
            Ok(())
        }),
        LeafKind::Binary => spread.views::<[u8]>(|value, texts| {
            texts.push_value(value);
            Ok(())
        }),
    }
}

/// Values that are there, and the places of those that are not.
struct Spread<'v> {
    values: &'v Values,
    validity: Option<Bitmap>,
    length: usize,
}

impl Spread<'_> {
    /// The values in order, `None` for nulls.
    fn each(&self) -> impl Iterator<Item = Result<Option<&[u8]>, Fault>> {
        let mut next = 0;
        (0..self.length).map(move |place| {
            if self.validity.as_ref().is_some_and(|validity| validity.get(place) == Some(false)) {
                return Ok(None);
            }
            let value = self.values.get(next).ok_or_else(|| damaged("a value is not there"))?;
            next += 1;
            Ok(Some(value))
        })
    }

    fn all<T: Default>(&self, read: impl Fn(&[u8]) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
        self.each().map(|value| value?.map_or(Ok(T::default()), &read)).collect()
    }

    fn numbers<T: NativeType>(
        &self,
        data_type: ArrowDataType,
        read: impl Fn(&[u8]) -> Result<T, Fault>,
    ) -> Result<ArrayRef, Fault> {
        Ok(PrimitiveArray::new(data_type, self.all(read)?.into(), self.validity.clone()).boxed())
    }

    fn booleans(&self) -> Result<ArrayRef, Fault> {
        let values: Bitmap = self.all(|value| Ok(value.first() == Some(&1)))?.into_iter().collect();
        Ok(BooleanArray::new(ArrowDataType::Boolean, values, self.validity.clone()).boxed())
    }

    /// Narrow integers are the low bytes of what a file has.
    fn integers(&self, bits: u32, is_signed: bool) -> Result<ArrayRef, Fault> {
        use ArrowDataType as A;
        match (bits, is_signed) {
            (8, true) => self.numbers(A::Int8, |value| Ok(i8::from_le_bytes(bytes(value)?))),
            (8, false) => self.numbers(A::UInt8, |value| Ok(u8::from_le_bytes(bytes(value)?))),
            (16, true) => self.numbers(A::Int16, |value| Ok(i16::from_le_bytes(bytes(value)?))),
            (16, false) => self.numbers(A::UInt16, |value| Ok(u16::from_le_bytes(bytes(value)?))),
            (32, true) => self.numbers(A::Int32, |value| Ok(i32::from_le_bytes(bytes(value)?))),
            (32, false) => self.numbers(A::UInt32, |value| Ok(u32::from_le_bytes(bytes(value)?))),
            (128, true) => self.numbers(A::Int128, |value| Ok(i128::from_le_bytes(bytes(value)?))),
            (128, false) => self.numbers(A::UInt128, |value| Ok(u128::from_le_bytes(bytes(value)?))),
            (_, true) => self.numbers(A::Int64, |value| Ok(i64::from_le_bytes(bytes(value)?))),
            (_, false) => self.numbers(A::UInt64, |value| Ok(u64::from_le_bytes(bytes(value)?))),
        }
    }

    /// Timestamps in a unit of so many nanoseconds, if it holds all of them exactly.
    fn old_timestamps(&self, unit: TimeUnit, nanoseconds: i128) -> Result<(TimeUnit, Vec<i64>), Fault> {
        let too_fine = || Fault::Unreadable("it has timestamps that are too fine for their years".to_owned());
        let read = |value: &[u8]| {
            let (of_day, day) = value.split_first_chunk().ok_or_else(too_fine)?;
            let day = i128::from(i32::from_le_bytes(bytes(day)?));
            let time = (day - EPOCH) * NANOSECONDS_A_DAY + i128::from(i64::from_le_bytes(*of_day));
            let is_exact = time % nanoseconds == 0;
            i64::try_from(time / nanoseconds).ok().filter(|_| is_exact).ok_or_else(too_fine)
        };
        Ok((unit, self.all(read)?))
    }

    fn texts(
        &self,
        push: impl Fn(&[u8], &mut MutableBinaryViewArray<str>) -> Result<(), Fault>,
    ) -> Result<ArrayRef, Fault> {
        self.views::<str>(push)
    }

    fn views<T: ViewType + ?Sized>(
        &self,
        push: impl Fn(&[u8], &mut MutableBinaryViewArray<T>) -> Result<(), Fault>,
    ) -> Result<ArrayRef, Fault> {
        let mut texts = MutableBinaryViewArray::<T>::with_capacity(self.length);
        for value in self.each() {
            match value? {
                Some(value) => push(value, &mut texts)?,
                None => texts.push_null(),
            }
        }
        Ok(texts.freeze().boxed())
    }
}

/// The first bytes of a value.
fn bytes<const N: usize>(value: &[u8]) -> Result<[u8; N], Fault> {
    value.first_chunk().copied().ok_or_else(|| damaged("a value is too short"))
}

fn from_little_endian(value: &[u8]) -> Option<i128> {
    match value.len() {
        4 => value.first_chunk().map(|value| i32::from_le_bytes(*value).into()),
        8 => value.first_chunk().map(|value| i64::from_le_bytes(*value).into()),
        _ => None,
    }
}

/// A number of any length, whose first bit is its sign.
fn from_big_endian(value: &[u8]) -> Option<i128> {
    let fill = if value.first().is_some_and(|first| first & 0x80 != 0) { 0xFF } else { 0 };
    let (front, number) = value.split_at(value.len().saturating_sub(16));
    let mut whole = [fill; 16];
    whole.get_mut(16 - number.len()..)?.copy_from_slice(number);
    let number = i128::from_be_bytes(whole);
    let is_whole = front.iter().all(|byte| *byte == fill) && (number < 0) == (fill == 0xFF);
    is_whole.then_some(number)
}

fn nanoseconds(digits: u32) -> i64 {
    10_i64.pow(9 - digits)
}

/// A number of 16 bits, all of which a number of 32 bits holds.
fn half(bits: u16) -> f32 {
    let fraction = bits & 0x3FF;
    // Below the least normal number: so many times 2 to the power of -24.
    let tiny = (f32::from(fraction) * 2_f32.powi(-24)).to_bits();
    let (bits, fraction) = (u32::from(bits), u32::from(fraction));
    let (sign, exponent) = (bits >> 15 << 31, bits >> 10 & 0x1F);
    let magnitude = match exponent {
        0 => tiny,
        0x1F => 0xFF << 23 | fraction << 13,
        exponent => (exponent + 127 - 15) << 23 | fraction << 13,
    };
    f32::from_bits(sign | magnitude)
}

fn uuid(number: u128) -> String {
    let part = |shift: u32, bits: u32| number >> shift & ((1 << bits) - 1);
    format!("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", part(96, 32), part(80, 16), part(64, 16), part(48, 16), part(0, 48))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_16_bits_are_exact() {
        let cases = [
            (0x0000, 0.0),
            (0x8000, -0.0),
            (0x3C00, 1.0),
            (0xC000, -2.0),
            (0x7BFF, 65_504.0),
            (0x0400, 6.103_515_6e-5),
            (0x0001, 5.960_464_5e-8),
            (0x83FF, -6.097_555e-5),
            (0x7C00, f32::INFINITY),
            (0xFC00, f32::NEG_INFINITY),
        ];
        for (bits, expected) in cases {
            assert_eq!(half(bits).to_bits(), expected.to_bits(), "{bits:x}");
        }
        assert!(half(0x7E00).is_nan());
    }

    #[test]
    fn decimals_of_any_length_are_read() {
        assert_eq!(from_big_endian(&[]), Some(0));
        assert_eq!(from_big_endian(&[0xFF]), Some(-1));
        assert_eq!(from_big_endian(&[0, 0x80]), Some(128));
        assert_eq!(from_big_endian(&[0xFF; 32]), Some(-1));
        assert_eq!(from_big_endian(&[&[0; 16][..], &[0x7F; 16]].concat()), Some(i128::from_be_bytes([0x7F; 16])));
        assert_eq!(from_big_endian(&[&[0; 16][..], &[0x80; 16]].concat()), None);
        assert_eq!(from_big_endian(&[1; 17]), None);
    }

    #[test]
    fn uuids_are_written_with_hyphens() {
        assert_eq!(uuid(0x0123_4567_89AB_CDEF_0123_4567_89AB_CDEF), "01234567-89ab-cdef-0123-456789abcdef");
    }
}
