//! Numbers of some rows without a decoder: picked out of chunks in memory, or out of the bytes of plain pages.

use polars::prelude::*;
use polars_parquet::parquet::compression::Compression;

use super::levels;
use super::page_bytes::PageBytes;
use super::page_choice::GroupRows;

/// Does something with the Polars type that a column of numbers has in memory; `None` of anything else.
macro_rules! of_numbers {
    ($data_type:expr, $type:ident => $work:expr) => {
        match $data_type {
            DataType::Int32 => of_numbers!(@ Int32Type, $type => $work),
            DataType::Int64 => of_numbers!(@ Int64Type, $type => $work),
            DataType::UInt32 => of_numbers!(@ UInt32Type, $type => $work),
            DataType::UInt64 => of_numbers!(@ UInt64Type, $type => $work),
            DataType::Float32 => of_numbers!(@ Float32Type, $type => $work),
            DataType::Float64 => of_numbers!(@ Float64Type, $type => $work),
            _ => None,
        }
    };
    (@ $found:ident, $type:ident => $work:expr) => {{
        type $type = $found;
        $work
    }};
}

/// Numbers out of chunks that are in memory, in one piece; `None` of anything else, and where there are nulls.
pub(super) fn of_chunks(name: &PlSmallStr, chunks: &[(Series, GroupRows<'_>)]) -> Option<Series> {
    let (first, _) = chunks.first()?;
    of_numbers!(first.dtype(), T => picked::<T>(name, chunks))
}

fn picked<T: PolarsNumericType>(name: &PlSmallStr, chunks: &[(Series, GroupRows<'_>)]) -> Option<Series>
where
    ChunkedArray<T>: IntoSeries,
{
    // One loop to find where the numbers are and one to read them, so that neither waits for the other.
    let slices = chunks.iter().map(|(chunk, _)| chunk.unpack::<T>().ok()?.cont_slice().ok());
    let slices = slices.collect::<Option<Vec<_>>>()?;
    let mut all = Vec::with_capacity(chunks.iter().map(|(_, rows)| rows.len()).sum());
    for (values, (_, rows)) in slices.iter().zip(chunks) {
        for place in rows.places() {
            all.push(*values.get(place as usize)?);
        }
    }
    Some(ChunkedArray::<T>::from_vec(name.clone(), all).into_series())
}

/// The numbers at some ascending places of the rows of these pages; `None` of anything else, and where there are nulls.
pub(super) fn of_pages(
    field: &ArrowField,
    pages: &PageBytes,
    codec: Compression,
    places: &[IdxSize],
) -> Option<Series> {
    if codec != Compression::Uncompressed {
        return None;
    }
    of_numbers!(DataType::from_arrow_field(field), T => {
        let values = numbers(pages, places, |bytes| <T as PolarsNumericType>::Native::from_le_bytes(*bytes))?;
        Some(ChunkedArray::<T>::from_vec(field.name.clone(), values).into_series())
    })
}

fn numbers<const N: usize, V>(pages: &PageBytes, places: &[IdxSize], read: impl Fn(&[u8; N]) -> V) -> Option<Vec<V>> {
    let (mut numbers, mut levels) = (Vec::with_capacity(places.len()), Vec::new());
    for page in pages.wanted(places) {
        let page = page?;
        let values = plain_values(page.bytes, page.rows, N, &mut levels)?.as_chunks::<N>().0;
        for place in page.places() {
            numbers.push(read(values.get(place)?));
        }
    }
    Some(numbers)
}

/// The values of a page of so many numbers of this width, if none is null. A page ends with the values that are there,
/// before which stand the levels.
fn plain_values<'p>(page: &'p [u8], rows: usize, width: usize, levels: &mut Vec<u8>) -> Option<&'p [u8]> {
    let (front, values) = page.split_at_checked(page.len().checked_sub(rows.checked_mul(width)?)?)?;
    levels::write_all_there(rows, levels);
    front.ends_with(levels).then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(levels: &[u8], values: &[u8]) -> Vec<u8> {
        [b"header", levels, values].concat()
    }

    fn found(page: &[u8], rows: usize, width: usize) -> Option<Vec<u8>> {
        plain_values(page, rows, width, &mut Vec::new()).map(<[u8]>::to_vec)
    }

    #[test]
    fn values_are_found_behind_levels_that_say_all_are_there() {
        let values = [7; 12];
        assert_eq!(found(&page(&[2, 0, 0, 0, 6, 1], &values), 3, 4), Some(values.to_vec()));
        let values = vec![7; 256 * 8];
        assert_eq!(found(&page(&[3, 0, 0, 0, 0x80, 4, 1], &values), 256, 8), Some(values));
    }

    #[test]
    fn other_levels_are_for_the_decoder() {
        // All are null; one of three is; there are fewer; there are none.
        for (levels, values) in
            [(&[2, 0, 0, 0, 6, 0][..], 0), (&[2, 0, 0, 0, 3, 5], 8), (&[2, 0, 0, 0, 4, 1], 8), (&[], 12)]
        {
            assert_eq!(found(&page(levels, &vec![7; values]), 3, 4), None, "{levels:?}");
        }
    }
}
