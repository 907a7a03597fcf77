//! Which of the segments that were found make up a table. Pure.
//!
//! Every commit has a sequence number. The base says through which one it goes; a segment's name says which ones it
//! holds. A reader takes segments from the base on without a gap.

use crate::storage::place::{Commits, SegmentName};

/// What was found of a table's segments.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Chain {
    /// The segments, the oldest first, and the last commit that they hold.
    Whole { segments: Vec<SegmentName>, last: u64 },
    /// No segment holds these commits, though later ones are known.
    Gap(Commits),
}

/// Chooses the segments that follow a base, given all that are there.
///
/// `known` is a commit that is known to have been made. Without a base of ours, the oldest segment comes first.
pub(super) fn choose(folded_through: Option<u64>, found: &[SegmentName], known: u64) -> Chain {
    let oldest = found.iter().map(|name| name.commits.first).min();
    let mut last = folded_through.unwrap_or_else(|| oldest.map_or(known, |first| first.saturating_sub(1)));
    let mut segments = Vec::new();
    // Of segments that begin alike, the longest was folded from the others.
    while let Some(next) =
        found.iter().filter(|name| name.commits.first == last + 1).max_by_key(|name| name.commits.last)
    {
        segments.push(*next);
        last = next.commits.last;
    }
    let later = found.iter().map(|name| name.commits.first).filter(|first| *first > last).min();
    match later {
        Some(first) => Chain::Gap(Commits { first: last + 1, last: first - 1 }),
        None if last < known => Chain::Gap(Commits { first: last + 1, last: known }),
        None => Chain::Whole { segments, last },
    }
}

/// The segments whose rows are all in the base or in one of the chosen segments, the oldest first: what a writer left
/// that died while it removed them.
pub(super) fn folded(folded_through: Option<u64>, found: &[SegmentName], chosen: &[SegmentName]) -> Vec<SegmentName> {
    let is_in_base = |name: &SegmentName| folded_through.is_some_and(|last| name.commits.last <= last);
    let is_in = |name: &SegmentName, other: &SegmentName| {
        let (inner, outer) = (name.commits, other.commits);
        inner != outer && outer.first <= inner.first && inner.last <= outer.last
    };
    let is_folded = |name: &&SegmentName| {
        !chosen.contains(name) && (is_in_base(name) || chosen.iter().any(|other| is_in(name, other)))
    };
    let mut folded: Vec<SegmentName> = found.iter().filter(is_folded).copied().collect();
    folded.sort_unstable();
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(first: u64, last: u64) -> SegmentName {
        SegmentName { commits: Commits { first, last }, replaces: false }
    }

    fn whole(segments: &[SegmentName], last: u64) -> Chain {
        Chain::Whole { segments: segments.to_vec(), last }
    }

    #[test]
    fn a_folded_segment_is_taken_before_those_that_it_was_folded_from() {
        let found = [name(5, 5), name(6, 6), name(5, 6), name(7, 7)];
        assert_eq!(choose(Some(4), &found, 7), whole(&[name(5, 6), name(7, 7)], 7));
    }

    #[test]
    fn segments_that_the_base_has_taken_in_are_passed_over() {
        assert_eq!(choose(Some(6), &[name(5, 5), name(6, 6), name(7, 7)], 7), whole(&[name(7, 7)], 7));
        assert_eq!(choose(Some(9), &[name(5, 5)], 7), whole(&[], 9));
    }

    #[test]
    fn segments_are_folded_if_they_lie_within_the_base_or_within_one_that_was_chosen() {
        let found = [name(7, 8), name(6, 6), name(5, 6), name(5, 8), name(9, 9), name(3, 4), name(8, 9)];
        assert_eq!(
            folded(Some(4), &found, &[name(5, 8), name(9, 9)]),
            [name(3, 4), name(5, 6), name(6, 6), name(7, 8)]
        );
        assert_eq!(folded(Some(9), &found[..2], &[]), [name(6, 6), name(7, 8)]);
        assert_eq!(folded(None, &[name(5, 5), name(6, 6)], &[name(5, 5), name(6, 6)]), []);
    }

    #[test]
    fn a_gap_is_noticed_wherever_it_is() {
        assert_eq!(choose(Some(4), &[name(6, 6)], 0), Chain::Gap(Commits { first: 5, last: 5 }));
        assert_eq!(choose(Some(4), &[name(5, 5)], 7), Chain::Gap(Commits { first: 6, last: 7 }));
    }

    #[test]
    fn without_a_base_of_ours_the_oldest_segment_comes_first() {
        assert_eq!(choose(None, &[name(6, 6), name(5, 5)], 6), whole(&[name(5, 5), name(6, 6)], 6));
        assert_eq!(choose(None, &[], 3), whole(&[], 3));
    }
}
