//! The definition levels of a page of which no value is null.

/// Writes the levels of so many values that all are there, with which such a page begins once it is decompressed.
///
/// They are one run of the [hybrid encoding](https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE): its
/// length in four bytes, twice the number of values as a varint, and a 1.
pub(super) fn write_all_there(rows: usize, levels: &mut Vec<u8>) {
    levels.clear();
    levels.extend([0; 4]);
    let mut number = rows << 1;
    while number > 0x7F {
        levels.push(u8::try_from(number & 0x7F).unwrap_or_default() | 0x80);
        number >>= 7;
    }
    levels.push(u8::try_from(number).unwrap_or_default());
    levels.push(1);
    let length = u32::try_from(levels.len() - 4).unwrap_or_default();
    if let Some(place) = levels.first_chunk_mut() {
        *place = length.to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_a_run_of_ones() {
        let mut levels = Vec::new();
        for (rows, expected) in
            [(3, &[2, 0, 0, 0, 6, 1][..]), (256, &[3, 0, 0, 0, 0x80, 4, 1]), (0, &[2, 0, 0, 0, 0, 1])]
        {
            write_all_there(rows, &mut levels);
            assert_eq!(levels, expected);
        }
    }
}
