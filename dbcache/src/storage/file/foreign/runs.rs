//! The [hybrid encoding](https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE) of levels, dictionary
//! indices and booleans: runs of one number, and numbers packed bit by bit.

use super::thrift::varint;

/// Reads `count` numbers of `width` bits each; `None` where the bytes end before.
pub(super) fn decode(mut bytes: &[u8], width: u32, count: usize) -> Option<Vec<u32>> {
    if width > u32::BITS {
        return None;
    }
    let mut numbers = Vec::new();
    numbers.try_reserve(count).ok()?;
    while numbers.len() < count {
        let missing = count - numbers.len();
        let header = varint(&mut bytes)?;
        let length = usize::try_from(header >> 1).ok()?;
        if header & 1 == 0 {
            let number = run_value(&mut bytes, width)?;
            numbers.resize(numbers.len() + length.min(missing), number);
        } else {
            let wanted = length.checked_mul(8)?.min(missing);
            let (packed, rest) = packed(bytes, length, width, wanted)?;
            unpack(packed, width, wanted, &mut numbers)?;
            bytes = rest;
        }
    }
    Some(numbers)
}

fn run_value(bytes: &mut &[u8], width: u32) -> Option<u32> {
    let (value, rest) = bytes.split_at_checked(width.div_ceil(8) as usize)?;
    *bytes = rest;
    Some(value.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}

/// The bytes of so many groups of eight numbers, and those behind them. Some writers cut the last group short.
fn packed(bytes: &[u8], groups: usize, width: u32, wanted: usize) -> Option<(&[u8], &[u8])> {
    let length = groups.checked_mul(width as usize)?;
    let needed = wanted.checked_mul(width as usize)?.div_ceil(8);
    bytes.split_at_checked(length).or_else(|| (bytes.len() >= needed).then_some((bytes, &[])))
}

/// Adds `count` numbers of `width` bits, the low bits first; `None` if there are fewer.
fn unpack(packed: &[u8], width: u32, count: usize, numbers: &mut Vec<u32>) -> Option<()> {
    let (mut bits, mut held, mut bytes) = (0_u64, 0, packed.iter());
    let mask = (1_u64 << width) - 1;
    for _ in 0..count {
        while held < width {
            bits |= u64::from(*bytes.next()?) << held;
            held += 8;
        }
        #[expect(clippy::cast_possible_truncation, reason = "the mask leaves at most 32 bits")]
        numbers.push((bits & mask) as u32);
        bits >>= width;
        held -= width;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_packed_numbers_follow_one_another() {
        // Five times 3, then 0 to 7 in three bits each.
        let bytes = [10, 3, 3, 0x88, 0xC6, 0xFA];
        assert_eq!(decode(&bytes, 3, 13), Some(vec![3, 3, 3, 3, 3, 0, 1, 2, 3, 4, 5, 6, 7]));
        assert_eq!(decode(&bytes, 3, 6), Some(vec![3, 3, 3, 3, 3, 0]));
        assert_eq!(decode(&[3, 0xFF], 0, 8), Some(vec![0; 8]));
        assert_eq!(decode(&[4, 0xFF, 0xFF, 0xFF, 0xFF], 32, 2), Some(vec![u32::MAX; 2]));
    }

    #[test]
    fn a_last_group_may_be_cut_short() {
        assert_eq!(decode(&[3, 0x88], 3, 2), Some(vec![0, 1]));
        assert_eq!(decode(&[3, 0x88], 3, 3), None);
    }

    #[test]
    fn bytes_that_end_before_are_none() {
        for bytes in [&[][..], &[10], &[0x80], &[3]] {
            assert_eq!(decode(bytes, 3, 1), None, "{bytes:?}");
        }
        assert_eq!(decode(&[10, 3], 33, 1), None);
        // Runs of nothing are passed over, and end.
        assert_eq!(decode(&[0, 0, 0, 0], 1, 1), None);
    }
}
