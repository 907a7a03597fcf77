//! Which ids to fetch, in which batches. Pure.

use std::ops::Range;

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

/// How many ids a batch asks, by the policy, and by the fetcher's own limit where it has one; at least 1.
pub(crate) fn batch_size(missing: usize, policy: BatchPolicy, limit: Option<usize>) -> usize {
    policy.size(missing).min(limit.unwrap_or(usize::MAX)).max(1)
}

/// The places of wanted ids that come as one frame, for each frame: consecutive ids, at most `rows` of them, at most
/// `size` of which are to be fetched. `missing` says of each id whether it is.
pub(crate) fn frames(missing: &[bool], size: usize, rows: usize) -> Vec<Range<usize>> {
    let mut frames = Vec::new();
    let (mut begin, mut to_fetch) = (0, 0);
    for (place, is_missing) in missing.iter().enumerate() {
        if place - begin == rows.max(size) || *is_missing && to_fetch == size {
            frames.push(begin..place);
            (begin, to_fetch) = (place, 0);
        }
        to_fetch += usize::from(*is_missing);
    }
    if begin < missing.len() {
        frames.push(begin..missing.len());
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sizes of the batches that so many ids make.
    fn sizes(missing: usize, policy: BatchPolicy, limit: Option<usize>) -> Vec<usize> {
        let size = batch_size(missing, policy, limit);
        (0..missing).step_by(size).map(|begin| size.min(missing - begin)).collect()
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

    fn missing(wanted: usize, missing: &[usize]) -> Vec<bool> {
        (0..wanted).map(|place| missing.contains(&place)).collect()
    }

    #[test]
    fn frames_end_where_a_batch_is_full() {
        assert_eq!(frames(&missing(6, &[0, 1, 2, 3, 4, 5]), 2, 10), [0..2, 2..4, 4..6]);
        assert_eq!(frames(&missing(6, &[1, 4, 5]), 2, 10), [0..5, 5..6]);
        assert!(frames(&[], 2, 10).is_empty());
    }

    #[test]
    fn frames_of_cached_rows_are_bounded_too() {
        assert_eq!(frames(&missing(25, &[]), 2, 10), [0..10, 10..20, 20..25]);
        assert_eq!(frames(&missing(25, &[11, 12, 13]), 2, 10), [0..10, 10..13, 13..23, 23..25]);
    }
}
