//! Whether the counts in another program's file agree, of which each stands there in several places.
//!
//! The Parquet reader of Polars makes room for as many values as a count says, and a process that asks for too much
//! memory is ended, which nothing can catch. So a damaged count has to be noticed before that reader sees it.

use std::io::Cursor;

use polars::prelude::{PolarsResult, polars_err};
use polars_parquet::parquet::compression::DecompressionContext;
use polars_parquet::read::{
    ColumnChunkMetadata, FileMetadata, Page, PageReader, RowGroupMetadata, decompress, read_metadata,
};
use polars_parquet::write::CompressedPage;
use polars_parquet_format::FileMetaData;
use polars_parquet_format::thrift::protocol::TCompactInputProtocol;

/// What one item of a list counts for when a footer is read, of which each takes at least a byte there.
const ITEM: usize = size_of::<usize>();

/// What a footer says, if its lists have no more items than there are bytes for them. It is read twice, since the reader
/// of Polars does not count.
///
/// Whoever reads one must expect a panic.
pub(super) fn metadata(footer: &[u8]) -> PolarsResult<FileMetadata> {
    let mut protocol = TCompactInputProtocol::new(footer, ITEM.saturating_mul(footer.len()));
    let read = FileMetaData::read_from_in_protocol(&mut protocol);
    read.map_err(|cause| polars_err!(ComputeError: "its footer is unreadable: {cause}"))?;
    read_metadata(&mut Cursor::new(footer))
}

/// Whether the rows of each row group are the values of its column chunks, and these the values of their pages.
///
/// Whoever reads `bytes` with this metadata must expect a panic.
pub(super) fn agree(metadata: &FileMetadata, bytes: &[u8]) -> bool {
    metadata.row_groups.iter().all(|group| {
        group
            .parquet_columns()
            .iter()
            .all(|chunk| values(chunk, bytes).is_some_and(|count| is_count(count, group, chunk)))
    })
}

fn is_count(values: i64, group: &RowGroupMetadata, chunk: &ColumnChunkMetadata) -> bool {
    let Ok(rows) = i64::try_from(group.num_rows()) else { return false };
    // A list has a value for each of its items, and one where it has none.
    let is_list = chunk.descriptor().descriptor.max_rep_level > 0;
    values == chunk.num_values() && if is_list { values >= rows } else { values == rows }
}

/// How many values the pages of a chunk have; `None` where they are not pages.
fn values(chunk: &ColumnChunkMetadata, bytes: &[u8]) -> Option<i64> {
    let place = chunk.byte_range();
    let bytes = bytes.get(usize::try_from(place.start).ok()?..usize::try_from(place.end).ok()?)?;
    let pages = PageReader::new(Cursor::new(bytes.to_vec().into()), chunk, Vec::new(), bytes.len());
    pages.map(|page| in_page(page.ok()?)).sum()
}

fn in_page(page: CompressedPage) -> Option<i64> {
    match page {
        CompressedPage::Data(page) => i64::try_from(page.num_values()).ok(),
        dictionary @ CompressedPage::Dict(_) => {
            match decompress(dictionary, &mut Vec::new(), &mut DecompressionContext::Unset).ok()? {
                // Each value takes at least a byte.
                Page::Dict(dictionary) => (dictionary.num_values <= dictionary.buffer.len()).then_some(0),
                Page::Data(_) => None,
            }
        }
    }
}
