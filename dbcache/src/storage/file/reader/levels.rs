//! The definition levels of a page of which no value is null.

/// Writes the levels of so many values that all are there, with which such a page begins once it is decompressed.
///
/// They are one run of the [hybrid encoding](https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE): its
/// length in four bytes, twice the number of values as a varint, and a 1.
pub(super) fn write_all_there(rows: usize, levels: &mut Vec<u8>) {
    let mut number = rows << 1;
    let bytes_of_number = (usize::BITS - number.leading_zeros()).div_ceil(7).max(1);
    levels.clear();
    levels.extend((bytes_of_number + 1).to_le_bytes());
    for later in (0..bytes_of_number).rev() {
        let [low, ..] = (number & 0x7F).to_le_bytes();
        levels.push(if later > 0 { low | 0x80 } else { low });
        number >>= 7;
    }
    levels.push(1);
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
