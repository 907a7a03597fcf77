//! Fetched rows that were not stored, since a value of theirs does not fit.

use crate::key::RowId;

/// A fetched row that was not stored, since one of its values does not fit in its column. The other rows of its batch
/// are stored, and the next request that wants the row fetches it again.
///
/// ```
/// use dbcache::{Cache, Cached, Error};
/// use dbcache::polars::prelude::*;
///
/// #[derive(Debug, Cached)]
/// #[cached(table = "public.users")]
/// struct User {
///     #[cached(id)]
///     id: i64,
///     age: i8,
/// }
///
/// # let folder = tempfile::tempdir()?;
/// let cache = Cache::<User>::open(folder.path())?;
/// let fetcher = |_: &[i64]| -> Result<DataFrame, PolarsError> { df!["id" => [16_i64, 17], "age" => [20, 300]] };
/// let Err(Error::FetchFailed { rejected, stored, .. }) = cache.rows(&[16, 17], &fetcher) else { panic!() };
/// assert!(rejected[0].to_string().starts_with("id 17, column \"age\": 300 does not fit in i8"));
/// assert_eq!(stored, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("id {id}, column {column:?}: {reason}")]
#[non_exhaustive]
pub struct RejectedRow {
    /// The row.
    pub id: RowId,
    /// The column whose value does not fit, the first one where there are several.
    pub column: String,
    /// The value, as text; long ones are cut short.
    pub value: String,
    /// Why it does not fit, with the value where that helps.
    pub reason: String,
}

impl RejectedRow {
    /// A row that a fetcher cannot bring, since a value does not fit. The reason is shown as it is.
    ///
    /// ```
    /// use dbcache::error::RejectedRow;
    ///
    /// let row = RejectedRow::new(17_i64, "age", "old", "the text \"old\" is no number");
    /// assert_eq!(row.to_string(), "id 17, column \"age\": the text \"old\" is no number");
    /// ```
    pub fn new(
        id: impl Into<RowId>,
        column: impl Into<String>,
        value: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        Self { id: id.into(), column: column.into(), value: value.into(), reason: reason.into() }
    }
}
