//! A value that cannot become what is wanted, and where it is.

use std::fmt;

use polars::prelude::PolarsError;

use crate::error::RejectedRow;
use crate::key::RowId;

/// A cell that does not fit in its field.
#[doc(hidden)]
#[derive(Debug)]
pub struct CellError {
    pub(crate) column: String,
    pub(crate) row: usize,
    pub(crate) fault: CellFault,
}

impl CellError {
    /// What Polars says of a column.
    pub(crate) fn polars(column: &str, cause: &PolarsError) -> Self {
        Self { column: column.to_owned(), row: 0, fault: CellFault::Value(cause.to_string()) }
    }

    /// The row that is not stored for it. A value is shown where the fault alone does not show it.
    pub(crate) fn reject(&self, id: RowId, value: Option<String>) -> RejectedRow {
        let reason = self.fault.to_string();
        let value = match self.fault {
            CellFault::Null => "NULL".to_owned(),
            CellFault::Value(_) => value.unwrap_or_else(|| reason.clone()),
        };
        RejectedRow { id, column: self.column.clone(), value, reason }
    }
}

impl std::error::Error for CellError {}

impl fmt::Display for CellError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the column {:?}: {}", self.column, self.fault)
    }
}

impl fmt::Display for CellFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("NULL, and the field is not an Option"),
            Self::Value(reason) => f.write_str(reason),
        }
    }
}

#[derive(Debug)]
pub(crate) enum CellFault {
    /// A NULL for a field that is not an `Option`.
    Null,
    /// A value that does not convert, and why.
    Value(String),
}
