//! Interpolation search in a long sorted list in memory, with few accesses outside the processor's caches.

use polars::prelude::IdxSize;
use rayon::prelude::*;

use super::matches::Matches;
use super::sorted::{locate, row_number};

/// Minimum number of ids that one thread searches. For fewer, waking another thread would cost more than it saves.
const MIN_IDS_PER_THREAD: usize = 4096;
/// Number of ids that are searched together. The memory that their searches touch fits in a processor's cache.
const IDS_PER_BLOCK: usize = 128;
/// A list must be this many times longer than the wanted ids before searching it is faster than walking it.
const SEARCH_FACTOR: usize = 16;

/// Number of fences for each entry of the top level.
pub(crate) const FENCES_PER_TOP: usize = 64;

/// An element of a sorted list.
pub(crate) trait Sorted: Ord + Sync {
    /// Distance from a guess at which two more elements are read. It is about the error of a guess within a page, so
    /// that most ids are found without another access outside the cache.
    const NEAR: usize;

    /// Estimates how far between `low` and `high` the id is, from 0 to 1. Returns `None` if the type does not allow an
    /// estimate.
    fn fraction(&self, low: &Self, high: &Self) -> Option<f64>;
}

macro_rules! sorted_integers {
    ($($integer:ty => $distance:ty),*) => {$(
        impl Sorted for $integer {
            const NEAR: usize = 8;

            #[expect(clippy::cast_precision_loss, reason = "it is where a search begins, not where it ends")]
            fn fraction(&self, low: &Self, high: &Self) -> Option<f64> {
                let distance = |to: &Self| <$distance>::from_ne_bytes(to.wrapping_sub(*low).to_ne_bytes()) as f64;
                Some(distance(self) / distance(high).max(1.0))
            }
        }
    )*};
}

sorted_integers!(i64 => u64, u64 => u64, i128 => u128, u128 => u128);

impl Sorted for String {
    const NEAR: usize = 0;

    fn fraction(&self, _: &Self, _: &Self) -> Option<f64> {
        None
    }
}

/// A two-level index of a long list: every `step`-th element (the fences), and every [`FENCES_PER_TOP`]-th fence.
#[derive(Debug)]
pub(crate) struct Levels<'a, T> {
    pub(crate) fences: &'a [T],
    pub(crate) step: usize,
    /// Every [`FENCES_PER_TOP`]-th fence: few enough for a processor's first-level cache.
    pub(crate) top: &'a [T],
}

/// Finds wanted ids in a sorted list as [`locate`] does, with fewer accesses outside the cache.
pub(crate) fn locate_from<T: Sorted>(ids: &[T], levels: &Levels<'_, T>, wanted: &[T]) -> Matches {
    if wanted.len().saturating_mul(SEARCH_FACTOR) >= ids.len() {
        return locate(ids, wanted);
    }
    if wanted.len() < 2 * MIN_IDS_PER_THREAD {
        return locate_chunk(ids, levels, wanted);
    }
    let size = wanted.len().div_ceil(rayon::current_num_threads()).max(MIN_IDS_PER_THREAD);
    let found: Vec<Matches> = wanted.par_chunks(size).map(|chunk| locate_chunk(ids, levels, chunk)).collect();
    let mut all = Matches::with_capacity(wanted.len());
    found.iter().enumerate().for_each(|(chunk, found)| all.append(chunk * size, found));
    all
}

fn locate_chunk<T: Sorted>(ids: &[T], levels: &Levels<'_, T>, wanted: &[T]) -> Matches {
    let Levels { fences, step, top } = *levels;
    let of_fences = if wanted.len().saturating_mul(SEARCH_FACTOR) >= fences.len() {
        ranks_by_walking(fences, wanted)
    } else {
        let of_top = wanted.iter().map(|id| row_number(top.partition_point(|fence| fence <= id))).collect();
        ranks(fences, top, FENCES_PER_TOP, of_top, wanted)
    };
    let mut found = Matches::with_capacity(wanted.len());
    for ((index, id), rank) in wanted.iter().enumerate().zip(ranks(ids, fences, step, of_fences, wanted)) {
        let row = (rank as usize).checked_sub(1);
        if let Some(row) = row.filter(|row| ids.get(*row) == Some(id)) {
            found.push(index, row);
        }
    }
    found
}

/// Returns, for each wanted id, the number of elements that are not greater. Walks the list, which is fast if the
/// wanted ids are so many that each is only a few elements after the previous one.
fn ranks_by_walking<T: Sorted>(list: &[T], wanted: &[T]) -> Vec<IdxSize> {
    let mut passed = 0;
    let rank = |id: &T| {
        // There are no elements after the last one.
        passed += leading(&list.get(passed..).unwrap_or_default().iter(), |element| element <= id);
        row_number(passed)
    };
    wanted.iter().map(rank).collect()
}

/// Returns, for each wanted id, the number of elements that are not greater. `of_fences` are the same numbers for the
/// fences, which are every `step`-th element.
///
/// Each loop does one step of the search for many ids, because their memory accesses do not depend on each other: the
/// processor then waits for them together, and the elements are still in its cache when the next loop needs them.
fn ranks<T: Sorted>(list: &[T], fences: &[T], step: usize, of_fences: Vec<IdxSize>, wanted: &[T]) -> Vec<IdxSize> {
    let guess = |(passed, id): (&IdxSize, &T)| Guess::of(id, list.len(), fences, *passed as usize, step);
    let mut guesses = Vec::with_capacity(wanted.len().min(IDS_PER_BLOCK));
    let mut ranks = of_fences;
    for (ranks, ids) in ranks.chunks_mut(IDS_PER_BLOCK).zip(wanted.chunks(IDS_PER_BLOCK)) {
        guesses.clear();
        guesses.extend(ranks.iter().zip(ids).map(guess));
        for ((rank, guess), id) in ranks.iter_mut().zip(&guesses).zip(ids) {
            // Until the next loop, this is the number of the three sampled elements that are not greater than the id.
            *rank = guess.passed(list, id);
        }
        for ((rank, guess), id) in ranks.iter_mut().zip(&guesses).zip(ids) {
            *rank = row_number(guess.rank(*rank, list, id));
        }
    }
    ranks
}

/// A guess where in its page an id is: where it would be if the elements of the page were evenly spread (interpolation
/// search). Elements at [`Sorted::NEAR`] on either side are sampled too.
#[derive(Clone, Copy, Debug)]
struct Guess {
    /// The range of the page.
    start: IdxSize,
    end: IdxSize,
    index: IdxSize,
}

impl Guess {
    /// Guesses for an id that is not less than the first `passed` fences of a list of length `length`.
    fn of<T: Sorted>(id: &T, length: usize, fences: &[T], passed: usize, step: usize) -> Self {
        let Some(page) = passed.checked_sub(1) else { return Self { start: 0, end: 0, index: 0 } };
        let (start, end) = (page * step, length.min((page + 1) * step));
        let most = (end - start).saturating_sub(1);
        // No fence marks the end of the last page.
        let bounds = fences.get(page).zip(fences.get(passed));
        let fraction = bounds.and_then(|(low, high)| id.fraction(low, high));
        let index = start + fraction.map_or(most / 2, |fraction| scaled(fraction, most)).min(most);
        Self { start: row_number(start), end: row_number(end), index: row_number(index) }
    }

    /// Returns the guessed index with the sampled indices before and after it.
    fn indices<T: Sorted>(self) -> [usize; 3] {
        let (start, end, index) = (self.start as usize, self.end as usize, self.index as usize);
        [index.saturating_sub(T::NEAR).max(start), index, (index + T::NEAR).min(end.saturating_sub(1))]
    }

    /// Returns the number of the three sampled elements that are not greater than the id.
    fn passed<T: Sorted>(self, list: &[T], id: &T) -> IdxSize {
        let is_passed = |index: usize| list.get(index).is_some_and(|element| element <= id);
        self.indices::<T>().map(|index| IdxSize::from(is_passed(index))).iter().sum()
    }

    /// Returns the number of elements that are not greater than the id. `passed` is the number of sampled elements that
    /// are not. Outside of the samples, the search doubles its steps (exponential search).
    fn rank<T: Sorted>(self, passed: IdxSize, list: &[T], id: &T) -> usize {
        if self.end == 0 {
            return 0;
        }
        let [before, index, behind] = self.indices::<T>();
        // There are no elements outside the page. An id is found only if the element at its rank equals it.
        let elements = |from: usize, to: usize| list.get(from..to).unwrap_or_default();
        match passed {
            0 => before - leading(&elements(self.start as usize, before).iter().rev(), |element| element > id),
            1 => before + elements(before, index).partition_point(|element| element <= id),
            2 => index + elements(index, behind).partition_point(|element| element <= id),
            _ => behind + leading(&elements(behind, self.end as usize).iter(), |element| element <= id),
        }
    }
}

#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a guess")]
fn scaled(fraction: f64, last: usize) -> usize {
    (fraction * last as f64) as usize
}

/// Returns the number of leading elements that pass a test, found in steps that double. The test passes for a prefix of
/// the elements and fails for the rest.
fn leading<'t, T: 't, I>(elements: &I, test: impl Fn(&T) -> bool) -> usize
where
    I: ExactSizeIterator<Item = &'t T> + Clone,
{
    let at = |index: usize| elements.clone().nth(index).is_some_and(&test);
    let (mut known, mut step) = (0, 1);
    while at(known + step - 1) {
        known += step;
        step *= 2;
    }
    // The first `known` elements pass, and the one at `known + step - 1` does not.
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

    fn every<T: Clone>(ids: &[T], step: usize) -> Vec<T> {
        ids.iter().step_by(step).cloned().collect()
    }

    fn agree<T: Sorted + Clone + std::fmt::Debug>(ids: Vec<T>, wanted: Vec<T>) {
        let (ids, wanted) = (sorted_distinct(ids), sorted_distinct(wanted));
        for step in [1, 3, 16] {
            let fences = every(&ids, step);
            let levels = Levels { fences: &fences, step, top: &every(&fences, FENCES_PER_TOP) };
            assert_eq!(locate_chunk(&ids, &levels, &wanted), locate(&ids, &wanted));
        }
    }

    proptest! {
        #[test]
        fn integers_are_found_at_every_distance_from_the_guess(ids: Vec<i64>, wanted: Vec<i64>, near in prop::collection::vec(-9_i64..9, 0..9)) {
            agree([ids.clone(), near.clone()].concat(), [ids, wanted, near].concat());
        }

        #[test]
        fn integers_above_i64_are_found(ids: Vec<u64>, wanted: Vec<u64>) {
            agree(ids.clone(), [ids, wanted].concat());
        }

        #[test]
        fn texts_are_found(ids: Vec<String>, wanted: Vec<String>) {
            agree(ids.clone(), [ids, wanted].concat());
        }
    }

    #[test]
    fn unevenly_spread_ids_are_found() {
        let ids: Vec<i64> = (0..40_000).map(|id: i64| id.pow(3)).collect();
        let wanted: Vec<i64> = (0..2_000).map(|id| id * 31_999_999).collect();
        let fences = every(&ids, 64);
        let levels = Levels { fences: &fences, step: 64, top: &every(&fences, FENCES_PER_TOP) };
        assert_eq!(locate_from(&ids, &levels, &wanted), locate(&ids, &wanted));
    }
}
