//! Which files of a table a commit folds into the one that it writes. Pure.
//!
//! Size-tiered: files whose sizes are within a factor of [`FAN_OUT`] of one another are of one tier. When a tier has
//! `FAN_OUT` files, they become one file of the next tier. So there are at most `FAN_OUT - 1` files a tier, and every
//! row is written once a tier.

use crate::storage::read::Size;

/// A table of at most this many bytes is rewritten whole by every commit, and so is always in one file.
pub(super) const SMALL_TABLE: u64 = 512 * 1024;
/// How many files of one tier are folded.
const FAN_OUT: usize = 6;
/// Files up to this size are of the lowest tier.
const LOWEST_TIER: u64 = 128 * 1024;

/// The place of the first file to fold into the new one, given the sizes of all files, the oldest first: the new file
/// takes in that file and all after it. Equal to the number of files where none is folded.
pub(super) fn first_folded(sizes: &[u64], new: u64) -> usize {
    if sizes.iter().sum::<u64>().saturating_add(new) <= SMALL_TABLE {
        return 0;
    }
    let (mut first, mut size) = (sizes.len(), new);
    let (mut place, mut limit, mut is_folding) = (sizes.len(), LOWEST_TIER, true);
    while place > 0 {
        let newer = sizes.len() - place;
        let of_tier = sizes.iter().rev().skip(newer).take_while(|size| **size <= limit).count();
        place -= of_tier;
        // What is folded so far counts as one file; one of a higher tier takes in what is smaller. A tier that has too
        // many files without it is due too: new files may turn out larger than expected, and so above their tier.
        is_folding = of_tier + usize::from(is_folding) >= FAN_OUT || is_folding && size > limit;
        if is_folding {
            first = place;
            size = sizes.iter().skip(first).sum::<u64>().saturating_add(new);
        }
        limit = limit.saturating_mul(FAN_OUT as u64);
    }
    first
}

/// How large a file of new rows will be, which take so many bytes in memory: it will shrink as the other files of the
/// table did.
pub(super) fn expected_size(plain: u64, files: impl Iterator<Item = Size>) -> u64 {
    let sum = |sum: Size, file: Size| Size {
        file: sum.file.saturating_add(file.file),
        plain: sum.plain.saturating_add(file.plain),
    };
    let all = files.fold(Size::default(), sum);
    // Small files take more than their values, for what stands beside these.
    if all.file >= all.plain {
        return plain;
    }
    let shrunk = u128::from(plain) * u128::from(all.file) / u128::from(all.plain.max(1));
    // What has shrunk is less than it was.
    u64::try_from(shrunk).unwrap_or(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_rows_are_expected_to_shrink_as_the_table_did() {
        let size = |file, plain| Size { file, plain };
        assert_eq!(expected_size(1_000, [size(100, 1_000), size(300, 3_000)].into_iter()), 100);
        assert_eq!(expected_size(1_000, [size(3_000, 100)].into_iter()), 1_000);
        assert_eq!(expected_size(1_000, std::iter::empty()), 1_000);
        assert_eq!(expected_size(u64::MAX, [size(1, u64::MAX), size(0, u64::MAX)].into_iter()), 1);
    }

    /// Commits of equal size, each folded as due: the sizes of the files left, and the bytes written in all.
    fn committed(commits: u64, size: u64) -> (Vec<u64>, u64) {
        committed_as_expected(commits, size, size)
    }

    /// The same where commits are expected to be of another size than they turn out to be.
    fn committed_as_expected(commits: u64, size: u64, expected: u64) -> (Vec<u64>, u64) {
        let (mut files, mut written) = (Vec::new(), 0);
        for _ in 0..commits {
            let first = first_folded(&files, expected);
            let folded: u64 = files.drain(first..).sum();
            files.push(folded + size);
            written += folded + size;
        }
        (files, written)
    }

    #[test]
    fn a_small_table_is_one_file() {
        assert_eq!(committed(8, 60_000).0, [480_000]);
    }

    #[test]
    fn the_files_of_a_table_stay_few_and_writing_stays_bounded() {
        for size in [10_000, 60_000, 1_000_000] {
            let (files, written) = committed(1_000, size);
            assert_eq!(files.iter().sum::<u64>(), 1_000 * size);
            assert!(files.len() <= 25, "{} files of commits of {size}", files.len());
            assert!(written <= 8 * 1_000 * size, "{} times", written / (1_000 * size));
        }
    }

    #[test]
    fn files_that_turn_out_larger_or_smaller_than_expected_stay_few_too() {
        for (size, expected) in [(136_000, 120_000), (800_000, 700_000), (120_000, 140_000), (60_000, 1_000)] {
            let (files, written) = committed_as_expected(1_000, size, expected);
            assert!(files.len() <= 30, "{} files of commits of {size}, expected to be {expected}", files.len());
            assert!(written <= 8 * 1_000 * size, "{} times", written / (1_000 * size));
        }
    }

    #[test]
    fn a_large_file_is_left_alone_by_small_commits() {
        assert_eq!(first_folded(&[1 << 30], 60_000), 1);
        assert_eq!(first_folded(&[1 << 30, 60_000, 60_000, 60_000, 60_000, 60_000], 60_000), 1);
    }
}
