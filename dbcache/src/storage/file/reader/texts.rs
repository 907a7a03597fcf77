//! Texts of some rows out of the bytes of plain pages, without a decoder, which would go through all rows of each page.

use std::str::from_utf8;

use polars::prelude::*;
use polars_arrow::array::MutableBinaryViewArray;
use polars_parquet::parquet::compression::{Compression, DecompressionContext, decompress};
use polars_parquet_format::thrift::protocol::TCompactInputProtocol;
use polars_parquet_format::{Encoding, PageHeader};

use super::levels;
use super::page_bytes::PageBytes;

type Texts = MutableBinaryViewArray<str>;

/// The texts at some ascending places of the rows of these pages; `None` of anything else, and where there are nulls.
pub(super) fn of_pages(
    field: &ArrowField,
    pages: &PageBytes,
    codec: Compression,
    places: &[IdxSize],
) -> Option<Series> {
    if !DataType::from_arrow_field(field).is_string() {
        return None;
    }
    let mut texts = Texts::with_capacity(places.len());
    let (mut levels, mut plain) = (Vec::new(), Vec::new());
    for page in pages.wanted(places) {
        let page = page?;
        levels::write_all_there(page.rows, &mut levels);
        let body = body(page.bytes, page.rows, codec, &mut plain)?;
        pick(body.strip_prefix(levels.as_slice())?, page.places(), &mut texts)?;
    }
    Some(StringChunked::with_chunk(field.name.clone(), texts.freeze()).into_series())
}

/// The levels and values of a plain page of so many rows; of a compressed one in `plain`.
fn body<'b>(page: &'b [u8], rows: usize, codec: Compression, plain: &'b mut Vec<u8>) -> Option<&'b [u8]> {
    let mut body = page;
    let mut protocol = TCompactInputProtocol::new(&mut body, page.len());
    let header = PageHeader::read_from_in_protocol(&mut protocol).ok()?;
    let values = header.data_page_header?;
    if values.encoding != Encoding::PLAIN || usize::try_from(values.num_values) != Ok(rows) {
        return None;
    }
    if codec == Compression::Uncompressed {
        return Some(body);
    }
    plain.resize(usize::try_from(header.uncompressed_page_size).ok()?, 0);
    decompress(codec, body, plain, &mut DecompressionContext::Unset).ok()?;
    Some(plain)
}

/// Adds the texts at some ascending places of the values of a page, each of which stands behind its length.
fn pick(mut values: &[u8], places: impl Iterator<Item = usize>, texts: &mut Texts) -> Option<()> {
    let mut next = 0;
    for place in places {
        while next < place {
            values = split(values)?.1;
            next += 1;
        }
        let (text, later) = split(values)?;
        texts.push_value(from_utf8(text).ok()?);
        values = later;
        next += 1;
    }
    Some(())
}

/// The first value, and those behind it.
fn split(values: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, values) = values.split_first_chunk()?;
    values.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(values: &[u8], places: &[usize]) -> Option<Vec<String>> {
        let mut texts = Texts::with_capacity(places.len());
        pick(values, places.iter().copied(), &mut texts)?;
        Some(texts.freeze().values_iter().map(str::to_owned).collect())
    }

    #[test]
    fn texts_are_found_behind_their_lengths() {
        let values = b"\x02\0\0\0ab\0\0\0\0\x03\0\0\0\xE2\x82\xAC";
        assert_eq!(picked(values, &[0, 1, 2]), Some(vec!["ab".to_owned(), String::new(), "€".to_owned()]));
        assert_eq!(picked(values, &[2]), Some(vec!["€".to_owned()]));
        assert_eq!(picked(values, &[]), Some(Vec::new()));
    }

    #[test]
    fn what_is_no_text_is_for_the_decoder() {
        assert_eq!(picked(b"\x02\0\0\0ab", &[1]), None);
        assert_eq!(picked(b"\x03\0\0\0ab", &[0]), None);
        assert_eq!(picked(b"\x01\0\0\0\xFF", &[0]), None);
    }
}
