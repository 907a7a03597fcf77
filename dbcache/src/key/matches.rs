//! Which of some wanted ids a list has, and where.

use polars::prelude::IdxSize;

use super::sorted::row_number;
use crate::error::{Error, Result};

/// Ascending places in a list: the first so many, then single ones. So all places of a list take no memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places {
    first: usize,
    others: Vec<IdxSize>,
}

impl Places {
    /// All places of a list that is so long.
    pub(crate) fn all(count: usize) -> Self {
        Self { first: count, others: Vec::new() }
    }

    /// Adds a place behind all others.
    pub(crate) fn push(&mut self, place: usize) {
        if place == self.first && self.others.is_empty() {
            self.first += 1;
        } else {
            self.others.push(row_number(place));
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.first + self.others.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> + Clone + '_ {
        (0..self.first).chain(self.others.iter().map(|place| *place as usize))
    }

    pub(crate) fn get(&self, number: usize) -> Option<usize> {
        match number.checked_sub(self.first) {
            None => Some(number),
            Some(number) => self.others.get(number).map(|place| *place as usize),
        }
    }

    pub(crate) fn first(&self) -> Option<usize> {
        self.get(0)
    }

    pub(crate) fn last(&self) -> Option<usize> {
        self.len().checked_sub(1).and_then(|number| self.get(number))
    }

    /// How many of the places are below a bound.
    pub(crate) fn rank(&self, bound: usize) -> usize {
        match self.first.min(bound) {
            below if below < self.first => below,
            first => first + self.others.partition_point(|place| (*place as usize) < bound),
        }
    }

    /// The other places of a list that is so long.
    pub(crate) fn rest(&self, count: usize) -> Self {
        let mut rest = Self::default();
        let mut next = self.first;
        for place in self.others.iter().map(|place| *place as usize).chain([count]) {
            (next..place).for_each(|place| rest.push(place));
            next = place + 1;
        }
        rest
    }

    /// Those of these places that stand at some places among them.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if there is no such place: none is left out.
    pub(crate) fn at(&self, numbers: Self) -> Result<Self> {
        if self.others.is_empty() && numbers.last().is_none_or(|last| last < self.first) {
            return Ok(numbers);
        }
        numbers.iter().map(|number| self.get(number).ok_or_else(no_place)).collect()
    }

    /// Puts a value in each of these places of a list.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if the list has no such place.
    pub(crate) fn fill<V: Copy>(&self, list: &mut [V], value: V) -> Result<()> {
        self.iter().try_for_each(|place| put(list, place, value))
    }
}

impl FromIterator<usize> for Places {
    fn from_iter<I: IntoIterator<Item = usize>>(places: I) -> Self {
        let mut all = Self::default();
        places.into_iter().for_each(|place| all.push(place));
        all
    }
}

/// The rows that have wanted ids, ascending, and the places of these ids among all that are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Matches {
    pub(crate) rows: Vec<IdxSize>,
    pub(crate) places: Places,
}

impl Matches {
    /// None yet, with room for so many.
    pub(crate) fn with_capacity(count: usize) -> Self {
        Self { rows: Vec::with_capacity(count), places: Places::default() }
    }

    /// Adds the row of an id that stands behind all others.
    pub(crate) fn push(&mut self, place: usize, row: usize) {
        self.rows.push(row_number(row));
        self.places.push(place);
    }

    /// Adds what was found of ids that stand behind all others, from a place on.
    pub(crate) fn append(&mut self, from: usize, later: &Self) {
        self.rows.extend_from_slice(&later.rows);
        later.places.iter().for_each(|place| self.places.push(from + place));
    }

    /// The row of each of the wanted ids, which are so many.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if an id that was found is not among so many.
    pub(crate) fn each(&self, count: usize) -> Result<Vec<Option<IdxSize>>> {
        let mut each = vec![None; count];
        for (place, row) in self.places.iter().zip(&self.rows) {
            *each.get_mut(place).ok_or_else(no_place)? = Some(*row);
        }
        Ok(each)
    }
}

/// Puts a value in its row's place.
///
/// # Errors
///
/// [`Error::Internal`] if there is no such place.
pub(crate) fn put<V>(values: &mut [V], place: usize, value: V) -> Result<()> {
    *values.get_mut(place).ok_or_else(no_place)? = value;
    Ok(())
}

pub(crate) fn no_place() -> Error {
    Error::Internal { invariant: "the place of each row is among those of all" }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn places_are_those_that_were_put_in(places: BTreeSet<u8>, bound: u8) {
            let places: Vec<usize> = places.into_iter().map(usize::from).collect();
            let found: Places = places.iter().copied().collect();
            prop_assert_eq!(found.iter().collect::<Vec<_>>(), places.clone());
            prop_assert_eq!((found.len(), found.first(), found.last()), (places.len(), places.first().copied(), places.last().copied()));
            let below = places.iter().filter(|place| **place < usize::from(bound)).count();
            prop_assert_eq!(found.rank(usize::from(bound)), below);
        }

        #[test]
        fn the_rest_are_all_other_places(places: BTreeSet<u8>) {
            let found: Places = places.iter().copied().map(usize::from).collect();
            let rest: Places = (0..256).filter(|place| u8::try_from(*place).is_ok_and(|place| !places.contains(&place))).collect();
            prop_assert_eq!(found.rest(256), rest.clone());
            prop_assert_eq!(rest.rest(256), found);
        }

        #[test]
        fn places_are_picked_by_their_numbers(places: BTreeSet<u8>, numbers: BTreeSet<u8>) {
            let places: Vec<usize> = places.into_iter().map(usize::from).collect();
            let numbers: Vec<usize> = numbers.into_iter().map(usize::from).filter(|number| *number < places.len()).collect();
            let picked: Vec<usize> = numbers.iter().filter_map(|number| places.get(*number)).copied().collect();
            let found: Places = places.into_iter().collect();
            let at = found.at(numbers.into_iter().collect()).expect("places that are there");
            prop_assert_eq!(at, picked.into_iter().collect::<Places>());
            found.at([found.len()].into_iter().collect()).expect_err("there is no such place");
        }
    }
}
