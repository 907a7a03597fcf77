//! Finding ids in a long sorted list that lies in memory, with few looks outside of a processor's cache.

use polars::prelude::IdxSize;
use rayon::prelude::*;

use super::matches::Matches;
use super::sorted::{locate, row_number};

/// So many ids are searched by one thread: for fewer, another one would not be worth waking.
const IDS_A_THREAD: usize = 4096;
/// How many times longer the list must be before searching it beats walking it.
const SEARCH_FACTOR: usize = 16;

/// What a list is sorted by.
pub(super) trait Sorted: Ord + Sync {
    /// About which part of the way from `low` to `high` the id is, where that can be told.
    fn part(&self, low: &Self, high: &Self) -> Option<f64>;
}

macro_rules! sorted_integers {
    ($($integer:ty => $distance:ty),*) => {$(
        impl Sorted for $integer {
            #[expect(clippy::cast_precision_loss, reason = "it is where a search begins, not where it ends")]
            fn part(&self, low: &Self, high: &Self) -> Option<f64> {
                let distance = |to: &Self| <$distance>::from_ne_bytes(to.wrapping_sub(*low).to_ne_bytes()) as f64;
                Some(distance(self) / distance(high).max(1.0))
            }
        }
    )*};
}

sorted_integers!(i64 => u64, u64 => u64, i128 => u128, u128 => u128);

impl Sorted for String {
    fn part(&self, _: &Self, _: &Self) -> Option<f64> {
        None
    }
}

/// As [`locate`], given every so many-th id as a fence: the fences fit in a processor's cache.
pub(super) fn locate_from<T: Sorted>(ids: &[T], fences: &[T], step: usize, wanted: &[T]) -> Matches {
    if wanted.len().saturating_mul(SEARCH_FACTOR) >= ids.len() {
        return locate(ids, wanted);
    }
    if wanted.len() < 2 * IDS_A_THREAD {
        return locate_run(ids, fences, step, wanted);
    }
    let size = wanted.len().div_ceil(rayon::current_num_threads()).max(IDS_A_THREAD);
    let found: Vec<Matches> = wanted.par_chunks(size).map(|run| locate_run(ids, fences, step, run)).collect();
    let mut all = Matches::with_capacity(wanted.len());
    found.iter().enumerate().for_each(|(run, found)| all.append(run * size, found));
    all
}

/// One loop over all wanted ids after the other, so that the looks outside of the cache, which do not depend on each
/// other, are under way at the same time.
fn locate_run<T: Sorted>(ids: &[T], fences: &[T], step: usize, wanted: &[T]) -> Matches {
    let guess = |id: &T| Guess { place: row_number(guess(id, ids.len(), fences, step)), is_below: false };
    let mut guesses: Vec<Guess> = wanted.iter().map(guess).collect();
    for (guess, id) in guesses.iter_mut().zip(wanted) {
        guess.is_below = ids.get(guess.place as usize).is_some_and(|found| found < id);
    }
    let mut found = Matches::with_capacity(wanted.len());
    for (place, (guess, id)) in guesses.into_iter().zip(wanted).enumerate() {
        if let Some(row) = guess.corrected(ids, step, id) {
            found.push(place, row);
        }
    }
    found
}

/// Where an id would be among so many if those of its page were evenly spread (interpolation search).
fn guess<T: Sorted>(id: &T, ids: usize, fences: &[T], step: usize) -> usize {
    let passed = passed(fences, id);
    let Some(page) = passed.checked_sub(1) else { return 0 };
    let (start, end) = (page * step, ids.min((page + 1) * step));
    let last = (end - start).saturating_sub(1);
    // Of the last page nothing says where it ends.
    let bounds = fences.get(page).zip(fences.get(passed));
    let part = bounds.and_then(|(low, high)| id.part(low, high));
    start + part.map_or(last / 2, |part| scaled(part, last)).min(last)
}

/// A place in the page that an id is in, if it is anywhere.
#[derive(Clone, Copy, Debug)]
struct Guess {
    place: IdxSize,
    /// Whether what is there is below the id.
    is_below: bool,
}

impl Guess {
    /// Where the id is, looked for from the guess on in steps that double (exponential search).
    fn corrected<T: Sorted>(self, ids: &[T], step: usize, id: &T) -> Option<usize> {
        let guess = self.place as usize;
        let start = guess - guess % step;
        let end = ids.len().min(start + step);
        let place = if self.is_below {
            guess + leading(&ids.get(guess..end)?.iter(), |other| other < id)
        } else {
            guess - leading(&ids.get(start..guess)?.iter().rev(), |other| other >= id)
        };
        ids.get(place).filter(|found| place < end && *found == id).map(|_| place)
    }
}

/// How many fences are not above an id, looked for from where it would be if they were evenly spread.
fn passed<T: Sorted>(fences: &[T], id: &T) -> usize {
    let (Some(first), Some(last)) = (fences.first(), fences.last()) else { return 0 };
    if id < first {
        return 0;
    }
    let part = if id < last { id.part(first, last).unwrap_or_default() } else { 1.0 };
    let place = scaled(part, fences.len() - 1).min(fences.len() - 1);
    let (before, after) = fences.split_at(place);
    match leading(&after.iter(), |fence| fence <= id) {
        0 => place - leading(&before.iter().rev(), |fence| fence > id),
        passed => place + passed,
    }
}

#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a guess")]
fn scaled(part: f64, last: usize) -> usize {
    (part * last as f64) as usize
}

/// How many of the first items pass a test that all items before the last such one pass, found in steps that double.
fn leading<'t, T: 't, I>(items: &I, test: impl Fn(&T) -> bool) -> usize
where
    I: ExactSizeIterator<Item = &'t T> + Clone,
{
    let at = |place: usize| items.clone().nth(place).is_some_and(&test);
    let (mut known, mut step) = (0, 1);
    while at(known + step - 1) {
        known += step;
        step *= 2;
    }
    // The first `known` pass, and that at `known + step - 1` does not.
    while step > 1 {
        step /= 2;
        if at(known + step - 1) {
            known += step;
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::key::sorted::sorted_distinct;

    fn fences<T: Clone>(ids: &[T], step: usize) -> Vec<T> {
        ids.iter().step_by(step).cloned().collect()
    }

    fn agree<T: Sorted + Clone + std::fmt::Debug>(ids: Vec<T>, wanted: Vec<T>) {
        let (ids, wanted) = (sorted_distinct(ids), sorted_distinct(wanted));
        for step in [1, 3, 16] {
            assert_eq!(locate_run(&ids, &fences(&ids, step), step, &wanted), locate(&ids, &wanted));
        }
    }

    proptest! {
        #[test]
        fn integers_are_found_wherever_they_are(ids: Vec<i64>, wanted: Vec<i64>, near in prop::collection::vec(-9_i64..9, 0..9)) {
            agree([ids.clone(), near.clone()].concat(), [ids, wanted, near].concat());
        }

        #[test]
        fn large_integers_are_found(ids: Vec<u64>, wanted: Vec<u64>) {
            agree(ids.clone(), [ids, wanted].concat());
        }

        #[test]
        fn texts_are_found(ids: Vec<String>, wanted: Vec<String>) {
            agree(ids.clone(), [ids, wanted].concat());
        }
    }

    #[test]
    fn unevenly_spread_ids_are_found_by_several_threads() {
        let ids: Vec<i64> = (0..40_000).map(|id: i64| id.pow(3)).collect();
        let wanted: Vec<i64> = (0..2_000).map(|id| id * 31_999_999).collect();
        assert_eq!(locate_from(&ids, &fences(&ids, 512), 512, &wanted), locate(&ids, &wanted));
    }
}
