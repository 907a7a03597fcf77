//! Sorted, distinct lists of ids of one type: found in, cut from and joined with one another.

use polars::prelude::*;

use super::matches::{Matches, Places};

/// Where an id of a merged set comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Newer(usize),
    Older(usize),
}

/// The distinct ids in order, each with the last row that has it.
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

/// The ids at these places; `None` if there is no such place.
pub(super) fn pick<T: Clone>(ids: &[T], places: impl Iterator<Item = usize>) -> Option<Vec<T>> {
    places.map(|place| ids.get(place).cloned()).collect()
}

/// The ids at those places that pass a test, in just as much memory as they take.
pub(super) fn keep<T: Clone>(ids: &[T], is_kept: impl Fn(usize) -> bool) -> Vec<T> {
    let mut kept = Vec::with_capacity((0..ids.len()).filter(|place| is_kept(*place)).count());
    kept.extend(ids.iter().enumerate().filter(|(place, _)| is_kept(*place)).map(|(_, id)| id.clone()));
    kept
}

/// Those ids that another type can hold, each with its place.
pub(super) fn converted<T: Copy, U: TryFrom<T>>(ids: &[T]) -> (Vec<U>, Places) {
    let (mut fitting, mut places) = (Vec::with_capacity(ids.len()), Places::default());
    for (place, id) in ids.iter().enumerate() {
        if let Ok(id) = U::try_from(*id) {
            fitting.push(id);
            places.push(place);
        }
    }
    (fitting, places)
}

/// Whether the lists may have an id in common, as far as their least and greatest ids tell.
pub(super) fn overlap<T: Ord>(left: &[T], right: &[T]) -> bool {
    let spans = (left.first().zip(left.last()), right.first().zip(right.last()));
    matches!(spans, (Some(left), Some(right)) if left.0 <= right.1 && right.0 <= left.1)
}

/// How many times longer the stored list must be before searching beats walking it.
const SEARCH_FACTOR: usize = 16;

pub(super) fn locate<T: Ord>(stored: &[T], wanted: &[T]) -> Matches {
    let mut found = Matches::with_capacity(stored.len().min(wanted.len()));
    if wanted.len().saturating_mul(SEARCH_FACTOR) < stored.len() {
        for (place, id) in wanted.iter().enumerate() {
            if let Ok(row) = stored.binary_search(id) {
                found.push(place, row);
            }
        }
        return found;
    }
    let (mut row, mut place) = (0, 0);
    while let (Some(here), Some(id)) = (stored.get(row), wanted.get(place)) {
        if here == id {
            found.push(place, row);
        }
        (row, place) = (row + usize::from(here <= id), place + usize::from(id <= here));
    }
    found
}

/// The place of the last of `fences` that is not above each of `wanted`.
pub(super) fn floor<T: Ord>(fences: &[T], wanted: &[T]) -> Vec<Option<usize>> {
    let floor = |id: &T| fences.partition_point(|fence| fence <= id).checked_sub(1);
    wanted.iter().map(floor).collect()
}

/// How many ids are below the one of `bound`; all where there is none.
pub(super) fn rank<T: Ord>(ids: &[T], bound: &[T]) -> usize {
    bound.first().map_or(ids.len(), |bound| ids.partition_point(|id| id < bound))
}

/// Polars counts rows in 32 bits, and refuses longer frames when they are made.
#[expect(clippy::cast_possible_truncation, reason = "a frame with more rows cannot exist")]
pub(crate) fn row_number(row: usize) -> IdxSize {
    row as IdxSize
}

/// All ids of both, each with where it comes from; of ids in both, the newer.
pub(super) fn merged<T: Ord + Clone>(newer: &[T], older: &[T]) -> (Vec<T>, Vec<Origin>) {
    let mut ids = Vec::with_capacity(newer.len() + older.len());
    let mut origins = Vec::with_capacity(ids.capacity());
    let mut rest = older.iter().enumerate().peekable();
    for (place, id) in newer.iter().enumerate() {
        while let Some((place, id)) = rest.next_if(|(_, older)| *older < id) {
            ids.push(id.clone());
            origins.push(Origin::Older(place));
        }
        rest.next_if(|(_, older)| *older == id);
        ids.push(id.clone());
        origins.push(Origin::Newer(place));
    }
    for (place, id) in rest {
        ids.push(id.clone());
        origins.push(Origin::Older(place));
    }
    (ids, origins)
}

pub(super) fn union<T: Ord + Clone>(left: &[T], right: &[T]) -> Vec<T> {
    let both: Vec<T> = left.iter().chain(right).cloned().collect();
    sorted_distinct(both)
}
