//! How often the rows of a request were overtaken by newer ones. Pure.

use crate::error::Result;
use crate::key::IdSet;

/// How often an id is fetched again because its stored row changed meanwhile. Each time another process has stored a
/// version of the row in the time of one fetch.
pub(super) const MOST: usize = 8;

/// The ids that were overtaken, and how often.
#[derive(Debug, Default)]
pub(super) struct Overtaken {
    /// The ids that were overtaken at least once, twice, and so on.
    rounds: Vec<IdSet>,
}

impl Overtaken {
    /// Counts ids that were overtaken, and returns those which may be fetched again, and those which were too often.
    pub(super) fn count(&mut self, ids: &IdSet) -> Result<(IdSet, IdSet)> {
        let mut left = ids.clone();
        for round in &mut self.rounds {
            let again = left.select(&left.locate_among(round))?;
            *round = std::mem::replace(round, left.none()).joined(left.without(&again)?)?;
            left = again;
        }
        if self.rounds.len() == MOST {
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
    fn each_id_is_fetched_again_so_often_and_no_more() {
        let mut overtaken = Overtaken::default();
        let ids = |ids: &[i64]| i64::to_set(ids);
        let count = |all: &mut Overtaken, of: &[i64]| all.count(&ids(of)).expect("ids of one type");
        for _ in 0..MOST {
            assert_eq!(count(&mut overtaken, &[1, 2]), (ids(&[1, 2]), ids(&[])));
        }
        assert_eq!(count(&mut overtaken, &[2, 3]), (ids(&[3]), ids(&[2])));
        assert_eq!(count(&mut overtaken, &[1, 3, 4]), (ids(&[3, 4]), ids(&[1])));
    }
}
