//! The ids of a list that are found in another one, and where.

use polars::prelude::IdxSize;

use super::sorted::row_number;
use crate::error::{Error, Result};

/// Strictly ascending indices into a list, stored as a prefix `0..first` plus the remaining indices. The common set
/// "all indices" therefore needs no heap memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Indices {
    first: usize,
    beyond: Vec<IdxSize>,
}

impl Indices {
    /// Returns all indices of a list of length `count`.
    pub(crate) fn all(count: usize) -> Self {
        Self { first: count, beyond: Vec::new() }
    }

    /// Adds an index that is greater than all others.
    pub(crate) fn push(&mut self, index: usize) {
        if index == self.first && self.beyond.is_empty() {
            self.first += 1;
        } else {
            self.beyond.push(row_number(index));
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.first + self.beyond.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> + Clone + '_ {
        (0..self.first).chain(self.beyond.iter().map(|index| *index as usize))
    }

    pub(crate) fn get(&self, position: usize) -> Option<usize> {
        match position.checked_sub(self.first) {
            None => Some(position),
            Some(position) => self.beyond.get(position).map(|index| *index as usize),
        }
    }

    pub(crate) fn first(&self) -> Option<usize> {
        self.get(0)
    }

    pub(crate) fn last(&self) -> Option<usize> {
        self.len().checked_sub(1).and_then(|position| self.get(position))
    }

    /// Returns the number of indices that are less than `bound`.
    pub(crate) fn rank(&self, bound: usize) -> usize {
        match self.first.min(bound) {
            below if below < self.first => below,
            first => first + self.beyond.partition_point(|index| (*index as usize) < bound),
        }
    }

    /// Returns the other indices of a list of length `count`.
    pub(crate) fn complement(&self, count: usize) -> Self {
        let mut complement = Self::default();
        let mut next = self.first;
        for index in self.beyond.iter().map(|index| *index as usize).chain([count]) {
            (next..index).for_each(|index| complement.push(index));
            next = index + 1;
        }
        complement
    }

    /// Returns `self[p]` for each position `p` in `positions`.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Internal`] if there is no such position: none is left out.
    pub(crate) fn gather(&self, positions: Self) -> Result<Self> {
        if self.beyond.is_empty() && positions.last().is_none_or(|last| last < self.first) {
            return Ok(positions);
        }
        positions.iter().map(|position| self.get(position).ok_or_else(no_such_index)).collect()
    }

    /// Sets the values at these indices of a list.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Internal`] if the list has no such index.
    pub(crate) fn fill<V: Copy>(&self, list: &mut [V], value: V) -> Result<()> {
        self.iter().try_for_each(|index| set_at(list, index, value))
    }
}

impl FromIterator<usize> for Indices {
    fn from_iter<I: IntoIterator<Item = usize>>(indices: I) -> Self {
        let mut all = Self::default();
        indices.into_iter().for_each(|index| all.push(index));
        all
    }
}

/// The rows with wanted ids, ascending, and the index of each of these ids in the list of wanted ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Matches {
    pub(crate) rows: Vec<IdxSize>,
    pub(crate) indices: Indices,
}

impl Matches {
    /// Returns no matches, with capacity for `count`.
    pub(crate) fn with_capacity(count: usize) -> Self {
        Self { rows: Vec::with_capacity(count), indices: Indices::default() }
    }

    /// Adds the row of a wanted id whose index is greater than those of all others.
    pub(crate) fn push(&mut self, index: usize, row: usize) {
        self.rows.push(row_number(row));
        self.indices.push(index);
    }

    /// Adds the matches of later ids, whose indices count from `from`.
    pub(crate) fn append(&mut self, from: usize, later: &Self) {
        self.rows.extend_from_slice(&later.rows);
        later.indices.iter().for_each(|index| self.indices.push(from + index));
    }

    /// Returns the row of each of the `count` wanted ids.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Internal`] if an id that was found is not among the first `count`.
    pub(crate) fn each(&self, count: usize) -> Result<Vec<Option<IdxSize>>> {
        let mut each = vec![None; count];
        for (index, row) in self.indices.iter().zip(&self.rows) {
            *each.get_mut(index).ok_or_else(no_such_index)? = Some(*row);
        }
        Ok(each)
    }
}

/// Sets the value at `index`.
///
/// # Errors
///
/// Returns [`Error::Internal`] if there is no such index.
pub(crate) fn set_at<V>(values: &mut [V], index: usize, value: V) -> Result<()> {
    *values.get_mut(index).ok_or_else(no_such_index)? = value;
    Ok(())
}

pub(crate) fn no_such_index() -> Error {
    Error::Internal { invariant: "every row has an index in its list" }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn indices_are_those_that_were_pushed(indices: BTreeSet<u8>, bound: u8) {
            let indices: Vec<usize> = indices.into_iter().map(usize::from).collect();
            let found: Indices = indices.iter().copied().collect();
            prop_assert_eq!(found.iter().collect::<Vec<_>>(), indices.clone());
            prop_assert_eq!((found.len(), found.first(), found.last()), (indices.len(), indices.first().copied(), indices.last().copied()));
            let below = indices.iter().filter(|index| **index < usize::from(bound)).count();
            prop_assert_eq!(found.rank(usize::from(bound)), below);
        }

        #[test]
        fn complement_contains_all_other_indices(indices: BTreeSet<u8>) {
            let found: Indices = indices.iter().copied().map(usize::from).collect();
            let complement: Indices = (0..256).filter(|index| u8::try_from(*index).is_ok_and(|index| !indices.contains(&index))).collect();
            prop_assert_eq!(found.complement(256), complement.clone());
            prop_assert_eq!(complement.complement(256), found);
        }

        #[test]
        fn gather_selects_indices_by_position(indices: BTreeSet<u8>, positions: BTreeSet<u8>) {
            let indices: Vec<usize> = indices.into_iter().map(usize::from).collect();
            let positions: Vec<usize> = positions.into_iter().map(usize::from).filter(|position| *position < indices.len()).collect();
            let picked: Vec<usize> = positions.iter().filter_map(|position| indices.get(*position)).copied().collect();
            let found: Indices = indices.into_iter().collect();
            let gather = found.gather(positions.into_iter().collect()).expect("positions that exist");
            prop_assert_eq!(gather, picked.into_iter().collect::<Indices>());
            found.gather([found.len()].into_iter().collect()).expect_err("there is no such position");
        }
    }
}
