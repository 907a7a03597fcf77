//! Operations on sorted, distinct lists of ids of one type.

use polars::prelude::*;

use super::matches::{Indices, Matches};

/// The origin of an id in a merged set: its index in the newer or the older set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Newer(usize),
    Older(usize),
}

/// Sorts the ids and removes duplicates. Returns each with the last row that contains it.
pub(super) fn last_of_each<T: Ord>(ids: impl Iterator<Item = T>) -> (Vec<T>, Vec<IdxSize>) {
    let mut rows: Vec<(T, IdxSize)> = ids.zip(0..).collect();
    if !rows.is_sorted_by(|left, right| left.0 < right.0) {
        rows.sort_by(|left, right| left.0.cmp(&right.0).then(right.1.cmp(&left.1)));
        rows.dedup_by(|later, kept| later.0 == kept.0);
    }
    rows.into_iter().unzip()
}

pub(super) fn sorted_distinct<T: Ord>(mut ids: Vec<T>) -> Vec<T> {
    if !ids.is_sorted_by(|left, right| left < right) {
        ids.sort_unstable();
        ids.dedup();
    }
    ids
}

/// Returns the ids at `indices`, or `None` if there is no such index.
pub(super) fn gather<T: Clone>(ids: &[T], indices: impl Iterator<Item = usize>) -> Option<Vec<T>> {
    indices.map(|index| ids.get(index).cloned()).collect()
}

/// Returns the ids whose index passes a test, without spare capacity.
pub(super) fn filter<T: Clone>(ids: &[T], is_selected: impl Fn(usize) -> bool) -> Vec<T> {
    let mut kept = Vec::with_capacity((0..ids.len()).filter(|index| is_selected(*index)).count());
    kept.extend(ids.iter().enumerate().filter(|(index, _)| is_selected(*index)).map(|(_, id)| id.clone()));
    kept
}

/// Returns the ids that the type `U` can hold, each with its index.
pub(super) fn converted<T: Copy, U: TryFrom<T>>(ids: &[T]) -> (Vec<U>, Indices) {
    let (mut fitting, mut indices) = (Vec::with_capacity(ids.len()), Indices::default());
    for (index, id) in ids.iter().enumerate() {
        if let Ok(id) = U::try_from(*id) {
            fitting.push(id);
            indices.push(index);
        }
    }
    (fitting, indices)
}

/// Returns `false` if the ranges from least to greatest id show that the lists have no id in common.
pub(super) fn overlap<T: Ord>(left: &[T], right: &[T]) -> bool {
    let spans = (left.first().zip(left.last()), right.first().zip(right.last()));
    matches!(spans, (Some(left), Some(right)) if left.0 <= right.1 && right.0 <= left.1)
}

/// The stored list must be this many times longer than the wanted one before binary search is faster than walking it.
const SEARCH_FACTOR: usize = 16;

pub(super) fn locate<T: Ord>(stored: &[T], wanted: &[T]) -> Matches {
    let mut found = Matches::with_capacity(stored.len().min(wanted.len()));
    if wanted.len().saturating_mul(SEARCH_FACTOR) < stored.len() {
        for (index, id) in wanted.iter().enumerate() {
            if let Ok(row) = stored.binary_search(id) {
                found.push(index, row);
            }
        }
        return found;
    }
    let (mut row, mut index) = (0, 0);
    while let (Some(here), Some(id)) = (stored.get(row), wanted.get(index)) {
        if here == id {
            found.push(index, row);
        }
        (row, index) = (row + usize::from(here <= id), index + usize::from(id <= here));
    }
    found
}

/// Returns, for each id of `wanted`, the index of the last fence that is not greater.
pub(super) fn floor<T: Ord>(fences: &[T], wanted: &[T]) -> Vec<Option<usize>> {
    let floor = |id: &T| fences.partition_point(|fence| fence <= id).checked_sub(1);
    wanted.iter().map(floor).collect()
}

/// Returns the number of ids that are less than the only one in `bound`, or the number of all ids if `bound` is empty.
pub(super) fn rank<T: Ord>(ids: &[T], bound: &[T]) -> usize {
    bound.first().map_or(ids.len(), |bound| ids.partition_point(|id| id < bound))
}

/// Converts a row's index to Polars' type. Polars counts rows in 32 bits, and refuses to create longer frames.
#[expect(clippy::cast_possible_truncation, reason = "a frame with more rows cannot exist")]
pub(crate) fn row_number(row: usize) -> IdxSize {
    row as IdxSize
}

/// Merges two lists, and returns where each id comes from. Ids in both lists come from the newer.
pub(super) fn merged<T: Ord + Clone>(newer: &[T], older: &[T]) -> (Vec<T>, Vec<Origin>) {
    let mut ids = Vec::with_capacity(newer.len() + older.len());
    let mut origins = Vec::with_capacity(ids.capacity());
    let mut rest = older.iter().enumerate().peekable();
    for (index, id) in newer.iter().enumerate() {
        while let Some((index, id)) = rest.next_if(|(_, older)| *older < id) {
            ids.push(id.clone());
            origins.push(Origin::Older(index));
        }
        rest.next_if(|(_, older)| *older == id);
        ids.push(id.clone());
        origins.push(Origin::Newer(index));
    }
    for (index, id) in rest {
        ids.push(id.clone());
        origins.push(Origin::Older(index));
    }
    (ids, origins)
}

pub(super) fn union<T: Ord + Clone>(left: &[T], right: &[T]) -> Vec<T> {
    let both: Vec<T> = left.iter().chain(right).cloned().collect();
    sorted_distinct(both)
}
