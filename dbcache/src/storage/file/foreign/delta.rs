//! The [delta encodings](https://parquet.apache.org/docs/file-format/data-pages/encodings/#DELTAENC): numbers, lengths
//! and prefixes as differences from the one before.

use super::thrift::{unzigzag, varint};

/// Takes the numbers from the front of `bytes`, of which there are at most `most`; `None` where they are not there.
pub(super) fn numbers(bytes: &mut &[u8], most: usize) -> Option<Vec<i64>> {
    let block = usize::try_from(varint(bytes)?).ok()?;
    let miniblocks = usize::try_from(varint(bytes)?).ok()?;
    let count = usize::try_from(varint(bytes)?).ok().filter(|count| *count <= most)?;
    let mut number = unzigzag(varint(bytes)?);
    let size = block.checked_div(miniblocks).filter(|size| *size > 0 && size % 8 == 0)?;
    let mut numbers = Vec::new();
    numbers.try_reserve(count).ok()?;
    if count > 0 {
        numbers.push(number);
    }
    while numbers.len() < count {
        let least = unzigzag(varint(bytes)?);
        let (widths, rest) = bytes.split_at_checked(miniblocks)?;
        *bytes = rest;
        for width in widths {
            // Behind the last number, miniblocks have no bytes, whatever width they are given.
            let wanted = size.min(count - numbers.len());
            if wanted == 0 {
                break;
            }
            let length = size.checked_mul(usize::from(*width))? / 8;
            let (packed, rest) = bytes.split_at_checked(length)?;
            *bytes = rest;
            for delta in unpacked(packed, u32::from(*width))?.take(wanted) {
                number = number.wrapping_add(least).wrapping_add(delta?.cast_signed());
                numbers.push(number);
            }
        }
    }
    Some(numbers)
}

/// Numbers of `width` bits, the low bits first; `None` behind the last.
fn unpacked(packed: &[u8], width: u32) -> Option<impl Iterator<Item = Option<u64>> + '_> {
    let mask = if width == 0 { 0 } else { u64::MAX.checked_shr(u64::BITS.checked_sub(width)?)? };
    let (mut bits, mut held, mut bytes) = (0_u128, 0, packed.iter());
    Some(std::iter::repeat_with(move || {
        while held < width {
            bits |= u128::from(*bytes.next()?) << held;
            held += 8;
        }
        #[expect(clippy::cast_possible_truncation, reason = "the mask leaves at most 64 bits")]
        let number = bits as u64 & mask;
        bits >>= width;
        held -= width;
        Some(number)
    }))
}

/// Takes `count` lengths from the front of `bytes`.
pub(super) fn lengths(bytes: &mut &[u8], count: usize) -> Option<Vec<usize>> {
    let lengths = numbers(bytes, count)?;
    if lengths.len() != count {
        return None;
    }
    lengths.into_iter().map(|length| usize::try_from(length).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], most: usize) -> Option<Vec<i64>> {
        numbers(&mut &*bytes, most)
    }

    #[test]
    fn numbers_are_sums_of_differences() {
        // 7, 5, 3, 1, 2, 3, 4, 5: an example of the specification.
        let mut bytes = vec![128, 1, 4, 8, 14, 3, 2, 0, 0, 0, 0xC0, 0x3F, 0, 0, 0, 0, 0, 0];
        assert_eq!(read(&bytes, 8), Some(vec![7, 5, 3, 1, 2, 3, 4, 5]));
        assert_eq!(read(&bytes, 7), None);
        bytes.truncate(14);
        assert_eq!(read(&bytes, 8), None);
        assert_eq!(read(&[128, 1, 4, 1, 13], 1), Some(vec![-7]));
        assert_eq!(read(&[128, 1, 4, 0, 0], 1), Some(Vec::new()));
    }

    #[test]
    fn odd_headers_are_none() {
        for bytes in [&[][..], &[128, 1, 0, 8, 14], &[0, 4, 8, 14], &[4, 4, 8, 14], &[128, 1, 4, 8, 14, 3, 65, 0, 0, 0]]
        {
            assert_eq!(read(bytes, 8), None, "{bytes:?}");
        }
    }
}
