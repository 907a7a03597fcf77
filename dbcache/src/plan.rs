//! Which ids to fetch, in which batches. Pure.

use crate::key::IdSet;

/// The least ids that a batch of the default policy asks.
const LEAST: usize = 100;
/// The most batches that the default policy makes of a request.
const MOST_BATCHES: usize = 100;

/// How missing ids are split into batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BatchPolicy {
    /// Batches of `max(100, ceil(missing / 100))` ids, so never more than 100 batches.
    #[default]
    Adaptive,
    /// Batches of this many ids; 0 counts as 1.
    Fixed(usize),
    /// As `Adaptive`, but never more than this many ids, such as a database's bind limit; 0 counts as 1.
    AtMost(usize),
}

impl BatchPolicy {
    fn size(self, missing: usize) -> usize {
        let adaptive = missing.div_ceil(MOST_BATCHES).max(LEAST);
        match self {
            Self::Adaptive => adaptive,
            Self::Fixed(size) => size.max(1),
            Self::AtMost(limit) => adaptive.min(limit.max(1)),
        }
    }
}

/// Ids to fetch in one call.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    /// The place in the request, from 1.
    pub(crate) number: usize,
    pub(crate) ids: IdSet,
}

/// Splits missing ids by the policy, and by the fetcher's own limit where it has one.
pub(crate) fn batches(missing: &IdSet, policy: BatchPolicy, limit: Option<usize>) -> Vec<Batch> {
    let size = policy.size(missing.len()).min(limit.unwrap_or(usize::MAX));
    let ids = missing.chunks(size);
    ids.into_iter().zip(1..).map(|(ids, number)| Batch { number, ids }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Key;

    fn sizes(missing: i64, policy: BatchPolicy, limit: Option<usize>) -> Vec<usize> {
        let missing: Vec<i64> = (0..missing).collect();
        batches(&i64::to_set(&missing), policy, limit).iter().map(|batch| batch.ids.len()).collect()
    }

    #[test]
    fn the_default_makes_batches_of_100_and_at_most_100_of_them() {
        assert_eq!(sizes(0, BatchPolicy::Adaptive, None), Vec::<usize>::new());
        assert_eq!(sizes(50, BatchPolicy::Adaptive, None), [50]);
        assert_eq!(sizes(250, BatchPolicy::Adaptive, None), [100, 100, 50]);
        assert_eq!(sizes(500, BatchPolicy::Adaptive, None), [100; 5]);
        assert_eq!(sizes(15_000, BatchPolicy::Adaptive, None), [150; 100]);
        assert_eq!(sizes(15_001, BatchPolicy::Adaptive, None).len(), 100);
    }

    #[test]
    fn a_limit_is_never_exceeded() {
        assert_eq!(sizes(250, BatchPolicy::Fixed(200), None), [200, 50]);
        assert_eq!(sizes(3, BatchPolicy::Fixed(0), None), [1; 3]);
        assert_eq!(sizes(15_000, BatchPolicy::AtMost(120), None), [120; 125]);
        assert_eq!(sizes(250, BatchPolicy::Adaptive, Some(90)), [90, 90, 70]);
    }
}
