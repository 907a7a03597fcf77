//! What a fetcher brought of one batch, whatever its record and key types.

use polars::prelude::*;

use crate::error::{BatchError, RejectedRow};
use crate::storage::ColumnSet;

/// What a batch brought.
#[derive(Debug)]
pub(crate) struct FetchedBatch {
    /// The rows. If the values of a column have no type in common, they are in parts, those of lower ids first.
    pub(crate) parts: Vec<FetchedFrame>,
    /// The rows that the fetcher could not bring.
    pub(crate) rejected: Vec<RejectedRow>,
}

/// Rows that have the same columns, of the same types.
#[derive(Debug)]
pub(crate) struct FetchedFrame {
    pub(crate) frame: DataFrame,
    /// The text columns whose every cell was an object or array.
    pub(crate) documents: ColumnSet,
    /// The columns whose values decide their type.
    pub(crate) loose: ColumnSet,
    /// Marks of some of these, each under its column's name.
    pub(crate) marks: Vec<Column>,
}

/// Marks the cells of a column that came in a narrower type than the column's: integers beside floats, documents beside
/// text. If only such cells are left of the rows, the column has that type, as if the others had never come.
pub(super) fn narrower_mark(column: &str, is_narrower: impl IntoIterator<Item = bool>) -> Option<Column> {
    let marks: BooleanChunked = is_narrower.into_iter().map(Some).collect();
    marks.any().then(|| marks.into_series().with_name(column.into()).into_column())
}

impl FetchedBatch {
    /// About how many bytes the rows take in memory.
    pub(crate) fn size(&self) -> usize {
        self.parts.iter().map(|part| part.frame.estimated_size()).sum()
    }

    /// All rows as one frame.
    pub(super) fn into_frame(self) -> Result<DataFrame, BatchError> {
        if let Some(row) = self.rejected.into_iter().next() {
            return Err(BatchError::Rejected(row));
        }
        let mut frames = self.parts.into_iter().map(|part| part.frame);
        let first = frames.next().unwrap_or_default();
        match frames.next() {
            None => Ok(first),
            Some(other) => Err(no_common_type(&first, &other)),
        }
    }
}

/// Names the first column that has another type in another part.
fn no_common_type(first: &DataFrame, other: &DataFrame) -> BatchError {
    let differs = |column: &&Column| first.column(column.name()).is_ok_and(|first| first.dtype() != column.dtype());
    let columns = other.columns();
    let column = columns.iter().find(differs).or(columns.first());
    let name = column.map_or_else(String::new, |column| column.name().to_string());
    BatchError::WrongType {
        expected: first.column(&name).map_or_else(|_| "nothing".to_owned(), |column| column.dtype().to_string()),
        found: column.map_or_else(|| "nothing".to_owned(), |column| column.dtype().to_string()),
        column: name,
        id: None,
    }
}

impl From<FetchedFrame> for FetchedBatch {
    fn from(part: FetchedFrame) -> Self {
        Self { parts: vec![part], rejected: Vec::new() }
    }
}

impl From<DataFrame> for FetchedFrame {
    fn from(frame: DataFrame) -> Self {
        Self { frame, documents: ColumnSet::new(), loose: ColumnSet::new(), marks: Vec::new() }
    }
}

impl From<DataFrame> for FetchedBatch {
    fn from(frame: DataFrame) -> Self {
        FetchedFrame::from(frame).into()
    }
}
