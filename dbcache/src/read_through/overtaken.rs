//! Counts how often rows of a request were overtaken by newer versions. Pure.

use crate::error::Result;
use crate::key::IdSet;

/// Maximum number of times that an id is fetched again because its stored row changed during the fetch. Each time,
/// another process stored a version of the row while it was being fetched.
pub(super) const MAX_REFETCHES: usize = 8;

/// The ids that were overtaken, with their counts.
#[derive(Debug, Default)]
pub(super) struct Overtaken {
    /// The ids that were overtaken at least once, at least twice, and so on.
    rounds: Vec<IdSet>,
}

impl Overtaken {
    /// Counts overtaken ids. Returns those that may be fetched again, and those that have reached the limit.
    pub(super) fn count(&mut self, ids: &IdSet) -> Result<(IdSet, IdSet)> {
        let mut left = ids.clone();
        for round in &mut self.rounds {
            let again = left.select(&left.locate_among(round))?;
            *round = std::mem::replace(round, left.none()).joined(left.without(&again)?)?;
            left = again;
        }
        if self.rounds.len() == MAX_REFETCHES {
            return Ok((ids.without(&left)?, left));
        }
        let none = left.none();
        self.rounds.push(left);
        Ok((ids.clone(), none))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Key;

    #[test]
    fn overtaken_id_is_refetched_up_to_the_limit() {
        let mut overtaken = Overtaken::default();
        let ids = |ids: &[i64]| i64::to_set(ids);
        let count = |all: &mut Overtaken, of: &[i64]| all.count(&ids(of)).expect("ids of one type");
        for _ in 0..MAX_REFETCHES {
            assert_eq!(count(&mut overtaken, &[1, 2]), (ids(&[1, 2]), ids(&[])));
        }
        assert_eq!(count(&mut overtaken, &[2, 3]), (ids(&[3]), ids(&[2])));
        assert_eq!(count(&mut overtaken, &[1, 3, 4]), (ids(&[3, 4]), ids(&[1])));
    }
}
