//! Finding ids in a long sorted list that lies in memory, with few looks outside of a processor's cache.

use polars::prelude::IdxSize;
use rayon::prelude::*;

use super::matches::Matches;
use super::sorted::{locate, row_number};

/// So many ids are searched by one thread: for fewer, another one would not be worth waking.
const IDS_A_THREAD: usize = 4096;
/// So many ids are looked for at the same time: what is looked at for them fits in a processor's cache.
const IDS_AT_ONCE: usize = 128;
/// How many times longer the list must be before searching it beats walking it.
const SEARCH_FACTOR: usize = 16;

/// How many fences there are for each that stands on top of them.
pub(crate) const FENCES_A_TOP: usize = 64;

/// What a list is sorted by.
pub(crate) trait Sorted: Ord + Sync {
    /// How far from a guess is looked too: about as far as guesses in a page are off, so that most ids are found without
    /// another look outside of the cache.
    const NEAR: usize;

    /// About which part of the way from `low` to `high` the id is, where that can be told.
    fn part(&self, low: &Self, high: &Self) -> Option<f64>;
}

macro_rules! sorted_integers {
    ($($integer:ty => $distance:ty),*) => {$(
        impl Sorted for $integer {
            const NEAR: usize = 8;

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
    const NEAR: usize = 0;

    fn part(&self, _: &Self, _: &Self) -> Option<f64> {
        None
    }
}

/// What tells where to look in a long list: every so many-th id of it, and every so many-th of these.
#[derive(Debug)]
pub(crate) struct Levels<'a, T> {
    pub(crate) fences: &'a [T],
    pub(crate) step: usize,
    /// Every [`FENCES_A_TOP`]-th fence: few enough for the innermost of a processor's caches.
    pub(crate) top: &'a [T],
}

/// Where wanted ids stand among sorted ones: as [`locate`], with fewer looks outside of the cache.
pub(crate) fn locate_from<T: Sorted>(ids: &[T], levels: &Levels<'_, T>, wanted: &[T]) -> Matches {
    if wanted.len().saturating_mul(SEARCH_FACTOR) >= ids.len() {
        return locate(ids, wanted);
    }
    if wanted.len() < 2 * IDS_A_THREAD {
        return locate_run(ids, levels, wanted);
    }
    let size = wanted.len().div_ceil(rayon::current_num_threads()).max(IDS_A_THREAD);
    let found: Vec<Matches> = wanted.par_chunks(size).map(|run| locate_run(ids, levels, run)).collect();
    let mut all = Matches::with_capacity(wanted.len());
    found.iter().enumerate().for_each(|(run, found)| all.append(run * size, found));
    all
}

fn locate_run<T: Sorted>(ids: &[T], levels: &Levels<'_, T>, wanted: &[T]) -> Matches {
    let Levels { fences, step, top } = *levels;
    let of_fences = if wanted.len().saturating_mul(SEARCH_FACTOR) >= fences.len() {
        ranks_in_passing(fences, wanted)
    } else {
        let of_top = wanted.iter().map(|id| row_number(top.partition_point(|fence| fence <= id))).collect();
        ranks(fences, top, FENCES_A_TOP, of_top, wanted)
    };
    let mut found = Matches::with_capacity(wanted.len());
    for ((place, id), rank) in wanted.iter().enumerate().zip(ranks(ids, fences, step, of_fences, wanted)) {
        let row = (rank as usize).checked_sub(1);
        if let Some(row) = row.filter(|row| ids.get(*row) == Some(id)) {
            found.push(place, row);
        }
    }
    found
}

/// How many items of a list are not above each of some ids, of which there are so many that going from one to the next is
/// but a few steps.
fn ranks_in_passing<T: Sorted>(list: &[T], wanted: &[T]) -> Vec<IdxSize> {
    let mut passed = 0;
    let rank = |id: &T| {
        // Behind the last item there are none.
        passed += leading(&list.get(passed..).unwrap_or_default().iter(), |item| item <= id);
        row_number(passed)
    };
    wanted.iter().map(rank).collect()
}

/// How many items of a list are not above each of some ids, given how many of its fences, which are every `step`-th, are
/// not.
///
/// One loop over some ids after the other, so that the looks outside of the cache, which do not depend on each other, are
/// under way at the same time, and are still in the cache when they are needed again.
fn ranks<T: Sorted>(list: &[T], fences: &[T], step: usize, of_fences: Vec<IdxSize>, wanted: &[T]) -> Vec<IdxSize> {
    let guess = |(passed, id): (&IdxSize, &T)| Guess::of(id, list.len(), fences, *passed as usize, step);
    let mut guesses = Vec::with_capacity(wanted.len().min(IDS_AT_ONCE));
    let mut ranks = of_fences;
    for (ranks, ids) in ranks.chunks_mut(IDS_AT_ONCE).zip(wanted.chunks(IDS_AT_ONCE)) {
        guesses.clear();
        guesses.extend(ranks.iter().zip(ids).map(guess));
        for ((rank, guess), id) in ranks.iter_mut().zip(&guesses).zip(ids) {
            // Until the next loop, how many of three items are not above the id.
            *rank = guess.passed(list, id);
        }
        for ((rank, guess), id) in ranks.iter_mut().zip(&guesses).zip(ids) {
            *rank = row_number(guess.rank(*rank, list, id));
        }
    }
    ranks
}

/// Places in the page of a list that an id is in, if it is anywhere: where it would be if the items of the page were
/// evenly spread (interpolation search), and some before and behind.
#[derive(Clone, Copy, Debug)]
struct Guess {
    /// Where the page begins, and where it ends.
    start: IdxSize,
    end: IdxSize,
    place: IdxSize,
}

impl Guess {
    /// For an id above which are all but `passed` fences of a list that is so long.
    fn of<T: Sorted>(id: &T, length: usize, fences: &[T], passed: usize, step: usize) -> Self {
        let Some(page) = passed.checked_sub(1) else { return Self { start: 0, end: 0, place: 0 } };
        let (start, end) = (page * step, length.min((page + 1) * step));
        let most = (end - start).saturating_sub(1);
        // Of the last page nothing says where it ends.
        let bounds = fences.get(page).zip(fences.get(passed));
        let part = bounds.and_then(|(low, high)| id.part(low, high));
        let place = start + part.map_or(most / 2, |part| scaled(part, most)).min(most);
        Self { start: row_number(start), end: row_number(end), place: row_number(place) }
    }

    /// The place, and those before and behind it.
    fn places<T: Sorted>(self) -> [usize; 3] {
        let (start, end, place) = (self.start as usize, self.end as usize, self.place as usize);
        [place.saturating_sub(T::NEAR).max(start), place, (place + T::NEAR).min(end.saturating_sub(1))]
    }

    /// Of the items at the three places, how many are not above the id.
    fn passed<T: Sorted>(self, list: &[T], id: &T) -> IdxSize {
        let is_passed = |place: usize| list.get(place).is_some_and(|item| item <= id);
        self.places::<T>().map(|place| IdxSize::from(is_passed(place))).iter().sum()
    }

    /// How many items are not above the id, given how many of those at the three places are not; beyond these, found in
    /// steps that double (exponential search).
    fn rank<T: Sorted>(self, passed: IdxSize, list: &[T], id: &T) -> usize {
        if self.end == 0 {
            return 0;
        }
        let [before, place, behind] = self.places::<T>();
        // Before the page and behind it there are no items. An id is found only if the item at its rank is the id.
        let items = |from: usize, to: usize| list.get(from..to).unwrap_or_default();
        match passed {
            0 => before - leading(&items(self.start as usize, before).iter().rev(), |item| item > id),
            1 => before + items(before, place).partition_point(|item| item <= id),
            2 => place + items(place, behind).partition_point(|item| item <= id),
            _ => behind + leading(&items(behind, self.end as usize).iter(), |item| item <= id),
        }
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

    fn every<T: Clone>(ids: &[T], step: usize) -> Vec<T> {
        ids.iter().step_by(step).cloned().collect()
    }

    fn agree<T: Sorted + Clone + std::fmt::Debug>(ids: Vec<T>, wanted: Vec<T>) {
        let (ids, wanted) = (sorted_distinct(ids), sorted_distinct(wanted));
        for step in [1, 3, 16] {
            let fences = every(&ids, step);
            let levels = Levels { fences: &fences, step, top: &every(&fences, FENCES_A_TOP) };
            assert_eq!(locate_run(&ids, &levels, &wanted), locate(&ids, &wanted));
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
        let fences = every(&ids, 64);
        let levels = Levels { fences: &fences, step: 64, top: &every(&fences, FENCES_A_TOP) };
        assert_eq!(locate_from(&ids, &levels, &wanted), locate(&ids, &wanted));
    }
}
