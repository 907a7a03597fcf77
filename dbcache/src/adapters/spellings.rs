//! Ids that a database finds under another spelling than was requested.
//!
//! Collations and types such as `citext` take several spellings for one id. Only the database knows which, so it is
//! asked under which spelling it has the ids that no row came for.

use std::borrow::Cow;
use std::collections::HashSet;

#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
use crate::Record;
use crate::error::BatchError;
use crate::fetch::FetchRequest;
use crate::key::{Key, RowId};

/// The text ids of a batch that are not among those of its rows, which `found` gives.
pub(super) fn missing<K: Key, E>(
    request: &FetchRequest<'_, K>,
    found: impl FnOnce() -> Result<Vec<String>, E>,
) -> Result<Vec<String>, E> {
    let mut missing = text_ids(request.ids());
    if missing.is_empty() {
        return Ok(missing);
    }
    let found = found()?;
    let found: HashSet<Cow<'_, str>> = found.iter().map(|id| in_one_spelling::<K>(id)).collect();
    missing.retain(|id| !found.contains(id.as_str()));
    Ok(missing)
}

/// The ids that are text.
pub(super) fn text_ids<K: Key>(ids: &[K]) -> Vec<String> {
    let text = |id: &K| match id.to_row_id() {
        RowId::Text(id) => Some(id),
        _ => None,
    };
    ids.iter().filter_map(text).collect()
}

/// The ids that are integers which `I` holds.
pub(super) fn integer_ids<K: Key, I: Key>(ids: &[K]) -> Vec<I> {
    ids.iter().filter_map(|id| I::from_row_id(id.to_row_id())).collect()
}

/// The ids of records by text ids.
#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
pub(super) fn record_ids<T: Record>(records: &[T]) -> Vec<String> {
    let ids: Vec<T::Id> = records.iter().map(|record| T::id_of(record).clone()).collect();
    text_ids(&ids)
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
