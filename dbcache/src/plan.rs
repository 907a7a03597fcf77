//! The plan of a request: which ids are fetched in which batches. Pure.

use std::ops::Range;

/// Minimum number of ids in a batch of the default policy.
const MIN_BATCH_SIZE: usize = 100;
/// Maximum number of batches that the default policy makes of a request.
const MAX_BATCHES: usize = 100;

/// How the ids to fetch are split into batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BatchPolicy {
    /// Batches of `max(100, ceil(missing / 100))` ids, and therefore at most 100 batches.
    #[default]
    Adaptive,
    /// Batches of the given number of ids; 0 is treated as 1.
    Fixed(usize),
    /// As `Adaptive`, but at most the given number of ids, such as a database's limit of bind parameters; 0 is treated
    /// as 1.
    AtMost(usize),
}

impl BatchPolicy {
    fn size(self, missing: usize) -> usize {
        let adaptive = missing.div_ceil(MAX_BATCHES).max(MIN_BATCH_SIZE);
        match self {
            Self::Adaptive => adaptive,
            Self::Fixed(size) => size.max(1),
            Self::AtMost(limit) => adaptive.min(limit.max(1)),
        }
    }
}

/// Returns the number of ids in a batch, by the policy and by the fetcher's own limit, if it has one. It is at least 1.
pub(crate) fn batch_size(missing: usize, policy: BatchPolicy, limit: Option<usize>) -> usize {
    policy.size(missing).min(limit.unwrap_or(usize::MAX)).max(1)
}

/// Splits the requested ids into frames of consecutive ids, and returns the range of indices of each. A frame has at
/// most `rows` ids, of which at most `size` are to be fetched; `missing` says for each id whether it is.
pub(crate) fn frame_ranges(missing: &[bool], size: usize, rows: usize) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let (mut begin, mut to_fetch) = (0, 0);
    for (index, is_missing) in missing.iter().enumerate() {
        if index - begin == rows.max(size) || *is_missing && to_fetch == size {
            ranges.push(begin..index);
            (begin, to_fetch) = (index, 0);
        }
        to_fetch += usize::from(*is_missing);
    }
    if begin < missing.len() {
        ranges.push(begin..missing.len());
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the sizes of the batches for `missing` ids.
    fn sizes(missing: usize, policy: BatchPolicy, limit: Option<usize>) -> Vec<usize> {
        let size = batch_size(missing, policy, limit);
        (0..missing).step_by(size).map(|begin| size.min(missing - begin)).collect()
    }

    #[test]
    fn default_policy_makes_batches_of_100_ids_and_at_most_100_batches() {
        assert_eq!(sizes(0, BatchPolicy::Adaptive, None), Vec::<usize>::new());
        assert_eq!(sizes(50, BatchPolicy::Adaptive, None), [50]);
        assert_eq!(sizes(250, BatchPolicy::Adaptive, None), [100, 100, 50]);
        assert_eq!(sizes(500, BatchPolicy::Adaptive, None), [100; 5]);
        assert_eq!(sizes(15_000, BatchPolicy::Adaptive, None), [150; 100]);
        assert_eq!(sizes(15_001, BatchPolicy::Adaptive, None).len(), 100);
    }

    #[test]
    fn limits_are_never_exceeded() {
        assert_eq!(sizes(250, BatchPolicy::Fixed(200), None), [200, 50]);
        assert_eq!(sizes(3, BatchPolicy::Fixed(0), None), [1; 3]);
        assert_eq!(sizes(15_000, BatchPolicy::AtMost(120), None), [120; 125]);
        assert_eq!(sizes(250, BatchPolicy::Adaptive, Some(90)), [90, 90, 70]);
    }

    fn missing(wanted: usize, missing: &[usize]) -> Vec<bool> {
        (0..wanted).map(|index| missing.contains(&index)).collect()
    }

    #[test]
    fn frames_end_where_a_batch_is_full() {
        assert_eq!(frame_ranges(&missing(6, &[0, 1, 2, 3, 4, 5]), 2, 10), [0..2, 2..4, 4..6]);
        assert_eq!(frame_ranges(&missing(6, &[1, 4, 5]), 2, 10), [0..5, 5..6]);
        assert!(frame_ranges(&[], 2, 10).is_empty());
    }

    #[test]
    fn frames_of_cached_rows_are_bounded_too() {
        assert_eq!(frame_ranges(&missing(25, &[]), 2, 10), [0..10, 10..20, 20..25]);
        assert_eq!(frame_ranges(&missing(25, &[11, 12, 13]), 2, 10), [0..10, 10..13, 13..23, 23..25]);
    }
}
