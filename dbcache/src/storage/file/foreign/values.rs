//! The values of pages, whatever their encoding, laid out plainly.

use super::footer::Physical;
use super::{Fault, damaged, delta, runs};

/// Values of one type, side by side.
#[derive(Debug)]
pub(super) enum Values {
    /// So many bytes each; a boolean takes one.
    Fixed { width: usize, bytes: Vec<u8> },
    /// Of any length; where each ends.
    Bytes { bytes: Vec<u8>, ends: Vec<usize> },
}

/// The numbers of encodings that Parquet defines.
mod encoding {
    pub(super) const PLAIN: i64 = 0;
    pub(super) const PLAIN_DICTIONARY: i64 = 2;
    pub(super) const RLE: i64 = 3;
    pub(super) const DELTA_BINARY_PACKED: i64 = 5;
    pub(super) const DELTA_LENGTH_BYTE_ARRAY: i64 = 6;
    pub(super) const DELTA_BYTE_ARRAY: i64 = 7;
    pub(super) const RLE_DICTIONARY: i64 = 8;
    pub(super) const BYTE_STREAM_SPLIT: i64 = 9;
}

/// How many bytes a value takes; `None` where values are of any length.
fn width(physical: Physical) -> Option<usize> {
    Some(match physical {
        Physical::Boolean => 1,
        Physical::Int32 | Physical::Float => 4,
        Physical::Int64 | Physical::Double => 8,
        Physical::Int96 => 12,
        Physical::Fixed(width) => width,
        Physical::Bytes => return None,
    })
}

impl Values {
    pub(super) fn none(physical: Physical) -> Self {
        match width(physical) {
            Some(width) => Self::Fixed { width, bytes: Vec::new() },
            None => Self::Bytes { bytes: Vec::new(), ends: Vec::new() },
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            // Values of no bytes cannot be counted, and none is read.
            Self::Fixed { width, bytes } => bytes.len().checked_div(*width).unwrap_or(0),
            Self::Bytes { ends, .. } => ends.len(),
        }
    }

    /// The value at a place.
    pub(super) fn get(&self, place: usize) -> Option<&[u8]> {
        match self {
            Self::Fixed { width, bytes } => bytes.get(place * width..(place + 1) * width),
            Self::Bytes { bytes, ends } => {
                let start = place.checked_sub(1).map_or(Some(0), |before| ends.get(before).copied())?;
                bytes.get(start..*ends.get(place)?)
            }
        }
    }

    fn push(&mut self, value: &[u8]) {
        match self {
            Self::Fixed { bytes, .. } => bytes.extend_from_slice(value),
            Self::Bytes { bytes, ends } => {
                bytes.extend_from_slice(value);
                ends.push(bytes.len());
            }
        }
    }

    /// Adds `count` values of a page.
    pub(super) fn add(
        &mut self,
        physical: Physical,
        encoding: i64,
        mut page: &[u8],
        count: usize,
        dictionary: Option<&Self>,
    ) -> Result<(), Fault> {
        if count == 0 {
            return Ok(());
        }
        let before = self.len();
        let added = match (encoding, &mut *self) {
            (encoding::PLAIN, Self::Fixed { bytes, .. }) if physical == Physical::Boolean => {
                add_packed_booleans(page, count, bytes)
            }
            (encoding::PLAIN, Self::Fixed { width, bytes }) => {
                page.get(..count * *width).map(|values| bytes.extend_from_slice(values))
            }
            (encoding::PLAIN, Self::Bytes { bytes, ends }) => add_plain(page, count, bytes, ends),
            (encoding::RLE, Self::Fixed { bytes, .. }) if physical == Physical::Boolean => {
                add_runs_of_booleans(page, count, bytes)
            }
            (encoding::PLAIN_DICTIONARY | encoding::RLE_DICTIONARY, values) => {
                let dictionary = dictionary.ok_or_else(|| damaged("a dictionary is gone"))?;
                values.add_from(dictionary, page, count)
            }
            (encoding::DELTA_BINARY_PACKED, Self::Fixed { bytes, .. }) if is_integer(physical) => {
                add_differences(&mut page, count, physical, bytes)
            }
            (encoding::DELTA_LENGTH_BYTE_ARRAY, Self::Bytes { bytes, ends }) => {
                add_lengths_first(page, count, bytes, ends)
            }
            (encoding::DELTA_BYTE_ARRAY, values) => values.add_with_prefixes(page, count),
            (encoding::BYTE_STREAM_SPLIT, Self::Fixed { width, bytes }) if physical != Physical::Boolean => {
                add_streams(page, count, *width, bytes)
            }
            (other, _) => return Err(Fault::Unreadable(format!("its pages have the encoding {other}"))),
        };
        added.filter(|()| self.len() == before + count).ok_or_else(|| damaged("the values of a page are not there"))
    }

    /// Adds the values of a dictionary whose places a page has.
    fn add_from(&mut self, dictionary: &Self, page: &[u8], count: usize) -> Option<()> {
        let (width, places) = page.split_first()?;
        for place in runs::decode(places, u32::from(*width), count)? {
            self.push(dictionary.get(usize::try_from(place).ok()?)?);
        }
        Some(())
    }

    /// Values of which each repeats the beginning of the one before.
    fn add_with_prefixes(&mut self, mut page: &[u8], count: usize) -> Option<()> {
        let prefixes = delta::lengths(&mut page, count)?;
        let suffixes = delta::lengths(&mut page, count)?;
        let mut value: Vec<u8> = Vec::new();
        for (prefix, suffix) in prefixes.into_iter().zip(suffixes) {
            let (suffix, rest) = page.split_at_checked(suffix)?;
            page = rest;
            if prefix > value.len() {
                return None;
            }
            value.truncate(prefix);
            value.extend_from_slice(suffix);
            if matches!(self, Self::Fixed { width, .. } if *width != value.len()) {
                return None;
            }
            self.push(&value);
        }
        Some(())
    }
}

fn is_integer(physical: Physical) -> bool {
    matches!(physical, Physical::Int32 | Physical::Int64)
}

fn add_packed_booleans(page: &[u8], count: usize, bytes: &mut Vec<u8>) -> Option<()> {
    let page = page.get(..count.div_ceil(8))?;
    bytes.extend(page.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1)).take(count));
    Some(())
}

fn add_runs_of_booleans(page: &[u8], count: usize, bytes: &mut Vec<u8>) -> Option<()> {
    let (length, page) = page.split_first_chunk()?;
    let page = page.get(..usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    bytes.extend(runs::decode(page, 1, count)?.into_iter().map(|value| u8::from(value == 1)));
    Some(())
}

/// Each value stands behind its length.
fn add_plain(mut page: &[u8], count: usize, bytes: &mut Vec<u8>, ends: &mut Vec<usize>) -> Option<()> {
    for _ in 0..count {
        let (length, rest) = page.split_first_chunk()?;
        let (value, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        page = rest;
        bytes.extend_from_slice(value);
        ends.push(bytes.len());
    }
    Some(())
}

fn add_differences(page: &mut &[u8], count: usize, physical: Physical, bytes: &mut Vec<u8>) -> Option<()> {
    for number in delta::numbers(page, count)? {
        let number = number.to_le_bytes();
        // Numbers of 32 bits are summed without regard to the bits above.
        let length = if physical == Physical::Int32 { 4 } else { 8 };
        bytes.extend(number.iter().take(length));
    }
    Some(())
}

fn add_lengths_first(mut page: &[u8], count: usize, bytes: &mut Vec<u8>, ends: &mut Vec<usize>) -> Option<()> {
    for length in delta::lengths(&mut page, count)? {
        let (value, rest) = page.split_at_checked(length)?;
        page = rest;
        bytes.extend_from_slice(value);
        ends.push(bytes.len());
    }
    Some(())
}

/// First come the first bytes of all values, then the second.
fn add_streams(page: &[u8], count: usize, width: usize, bytes: &mut Vec<u8>) -> Option<()> {
    if page.len() != count.checked_mul(width)? {
        return None;
    }
    for value in 0..count {
        bytes.extend(page.iter().skip(value).step_by(count));
    }
    Some(())
}
