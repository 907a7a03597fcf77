//! Ids that a database finds under another spelling than was requested.
//!
//! Collations and types such as `citext` take several spellings for one id. Only the database knows which, so it is
//! asked under which spelling it has the ids that no row came for.

use std::borrow::Cow;

use polars::prelude::*;

use super::FetchRequest;
use crate::error::BatchError;
use crate::key::{IdSet, Key, RowId};
#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
use crate::record::Record;

/// The text ids of a batch that are not among those of its rows, which `found` gives.
pub(super) fn missing<K: Key>(
    request: &FetchRequest<'_, K>,
    found: impl FnOnce() -> PolarsResult<Vec<String>>,
) -> PolarsResult<Vec<String>> {
    let IdSet::Text(mut missing) = K::to_set(request.ids()) else { return Ok(Vec::new()) };
    let found = found()?;
    let found: PlHashSet<Cow<'_, str>> = found.iter().map(|id| in_one_spelling::<K>(id)).collect();
    missing.retain(|id| !found.contains(id.as_str()));
    Ok(missing)
}

/// The ids of records by text ids.
#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
pub(super) fn record_ids<T: Record>(records: &[T]) -> Vec<String> {
    let ids: Vec<T::Id> = records.iter().map(|record| T::id_of(record).clone()).collect();
    match T::Id::to_set(&ids) {
        IdSet::Text(ids) => ids,
        _ => Vec::new(),
    }
}

/// Refuses a batch of which an id is in the database under another spelling, given pairs of a requested id and that of
/// its row.
pub(super) fn refuse<K: Key>(pairs: impl IntoIterator<Item = (String, String)>) -> Result<(), BatchError> {
    // A row that was inserted after the batch was read has the id as it was requested.
    match pairs.into_iter().find(|(asked, found)| *asked != *in_one_spelling::<K>(found)) {
        None => Ok(()),
        Some((asked, found)) => Err(BatchError::Spelling { asked: RowId::Text(asked), found: RowId::Text(found) }),
    }
}

fn in_one_spelling<K: Key>(id: &str) -> Cow<'_, str> {
    K::respelled(id).map_or(Cow::Borrowed(id), Cow::Owned)
}
