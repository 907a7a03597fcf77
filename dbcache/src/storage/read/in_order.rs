//! All rows of a snapshot in the order of their ids, a group at a time, so that folding holds no more of them.

use super::located::Located;
use super::segment::Segment;
use super::snapshot::Snapshot;
use crate::error::{Error, Result};
use crate::key::IdSet;
use crate::storage::rows::{ColumnSet, Presence, SetOfRows, keys};

/// What is not written again of a snapshot.
#[derive(Debug)]
pub(in crate::storage) struct LeftOut {
    pub(in crate::storage) ids: IdSet,
    /// Columns, with all that is known of their keys.
    pub(in crate::storage) columns: ColumnSet,
}

impl LeftOut {
    pub(in crate::storage) fn nothing() -> Self {
        Self { ids: IdSet::Int(Vec::new()), columns: ColumnSet::new() }
    }

    /// What is left of a column set.
    fn rest(&self, set: &ColumnSet) -> ColumnSet {
        set.iter().filter(|entry| !self.columns.contains(keys::column_of(entry))).cloned().collect()
    }
}

/// The rows of a snapshot, in groups of so many and a last one of what is left: their ids, and where they are.
pub(in crate::storage) struct InOrder<'s> {
    snapshot: &'s Snapshot,
    /// Ids whose rows are left out, in the variant of the snapshot.
    left_out: IdSet,
    /// The newest first.
    sources: Vec<Source<'s>>,
    size: usize,
}

/// A segment as far as its rows are not done.
struct Source<'s> {
    number: usize,
    segment: &'s Segment,
    /// The first row that is not done.
    next: usize,
    /// The ids from that row on, as far as they were read.
    ids: IdSet,
}

impl<'s> InOrder<'s> {
    pub(in crate::storage) fn new(snapshot: &'s Snapshot, size: usize, left_out: &LeftOut) -> Self {
        let source = |(number, segment)| Source { number, segment, next: 0, ids: snapshot.no_ids() };
        let left_out = snapshot.in_variant(left_out.ids.clone());
        Self { snapshot, left_out, sources: snapshot.visible().into_iter().map(source).collect(), size }
    }

    /// The next rows, but for those that are left out, which may be all; `None` at the end.
    fn next_group(&mut self) -> Result<Option<(IdSet, Located)>> {
        for source in &mut self.sources {
            source.read(self.snapshot, self.size)?;
        }
        let bound = self.bound();
        let source = |number| {
            let source = self.sources.iter().find(|source| source.number == number);
            source.ok_or(Error::Internal { invariant: "rows in order are of segments that are gone through" })
        };
        let window = |number, _: &Segment| {
            let source = source(number)?;
            source.ids.slice(0..source.count_up_to(bound.as_ref()))
        };
        let segments: Vec<(usize, &Segment)> =
            self.sources.iter().map(|source| (source.number, source.segment)).collect();
        let (mut ids, mut rows) = self.snapshot.overlaid(&segments, window)?;
        if ids.len() > self.size {
            (ids, rows) = (ids.slice(0..self.size)?, rows.slice(&(0..self.size))?);
        }
        let Some(last) = ids.last() else { return Ok(None) };
        let rows = rows.moved(|number| Ok(source(number)?.next))?;
        self.sources.iter_mut().try_for_each(|source| source.pass(&last))?;
        let left_out = ids.locate_among(&self.left_out);
        if left_out.is_empty() {
            return Ok(Some((ids, rows)));
        }
        let kept = left_out.complement(ids.len());
        Ok(Some((ids.select_as_is(kept.iter())?, rows.select(&kept)?)))
    }

    /// An id up to which there is at least a group of rows, all of whose ids were read; `None` where that is so of all
    /// that are left.
    fn bound(&self) -> Option<IdSet> {
        let with_more = self.sources.iter().filter(|source| source.next + source.ids.len() < source.segment.count());
        // Of each of them ids were just read.
        let last_read = with_more.filter_map(|source| source.ids.last());
        last_read.reduce(|least, other| if other.precedes(&least) { other } else { least })
    }
}

impl Iterator for InOrder<'_> {
    type Item = Result<(IdSet, Located)>;

    fn next(&mut self) -> Option<Self::Item> {
        std::iter::from_fn(|| self.next_group().transpose())
            .find(|group| group.as_ref().map_or(true, |(ids, _)| !ids.is_empty()))
    }
}

impl Source<'_> {
    /// Reads on until the ids of a group are there, or all.
    fn read(&mut self, snapshot: &Snapshot, size: usize) -> Result<()> {
        let read = self.next + self.ids.len();
        let end = self.segment.count().min(self.next + size);
        if read < end {
            self.ids.append(snapshot.in_variant(self.segment.ids_of(&(read..end))?))?;
        }
        Ok(())
    }

    /// How many of the ids that were read are not above an id.
    fn count_up_to(&self, bound: Option<&IdSet>) -> usize {
        let Some(bound) = bound else { return self.ids.len() };
        // All ids may be above it.
        self.ids.floor(bound).first().copied().flatten().map_or(0, |last| last + 1)
    }

    /// Leaves the rows up to an id behind.
    fn pass(&mut self, last: &IdSet) -> Result<()> {
        let passed = self.count_up_to(Some(last));
        self.ids = self.ids.slice(passed..self.ids.len())?;
        self.next += passed;
        Ok(())
    }
}

/// The column sets of rows that come in groups, and how many rows of each have come.
pub(in crate::storage) struct SetsInOrder<'l> {
    sets: Vec<SetOfRows>,
    left_out: &'l LeftOut,
}

impl<'l> SetsInOrder<'l> {
    /// The sets that rows of the snapshot have. Where there is more than one, all rows are gone through, since those that
    /// had one may have been replaced.
    pub(in crate::storage) fn of(snapshot: &Snapshot, size: usize, left_out: &'l LeftOut) -> Result<Self> {
        let mut sets = Self { sets: Vec::new(), left_out };
        for columns in snapshot.presence().sets().iter().map(|set| left_out.rest(set)) {
            if sets.sets.iter().all(|set| set.columns != columns) {
                sets.sets.push(SetOfRows { columns, rows: 0 });
            }
        }
        if sets.are_mixed() || !left_out.ids.is_empty() || snapshot.segments.iter().any(|segment| segment.hides_older())
        {
            for group in InOrder::new(snapshot, size, left_out) {
                sets.count(snapshot, &group?.1)?;
            }
            sets.sets.retain(|set| set.rows > 0);
            sets.sets.iter_mut().for_each(|set| set.rows = 0);
        }
        Ok(sets)
    }

    /// Whether rows have different sets.
    fn are_mixed(&self) -> bool {
        self.sets.len() > 1
    }

    /// Whether the file says of each row which set it has. It does so where rows differ, and where a set has entries
    /// that are no columns: a program that writes the file anew leaves out the header that has them, and then this
    /// column alone shows that not every null counts, nor every row.
    pub(in crate::storage) fn are_written(&self) -> bool {
        self.are_mixed() || self.sets.iter().flat_map(|set| &set.columns).any(|entry| !keys::is_column(entry))
    }

    /// The columns that at least one row has.
    pub(in crate::storage) fn columns(&self) -> ColumnSet {
        Presence::of_sets(self.sets.iter().map(|set| &set.columns)).columns()
    }

    /// Counts the next rows, and gives the place of each row's set where that is written.
    pub(in crate::storage) fn count(&mut self, snapshot: &Snapshot, rows: &Located) -> Result<Option<Vec<u32>>> {
        let are_written = self.are_written();
        if let [all] = self.sets.as_mut_slice() {
            all.rows += rows.len() as u64;
            return Ok(are_written.then(|| vec![0; rows.len()]));
        }
        let presence = snapshot.presence_of(rows)?;
        let unknown = || Error::Internal { invariant: "the sets of all rows are known before rows are counted" };
        let mut places = Vec::new();
        for counted in presence.sets_of_rows()? {
            let mut sets = (0..).zip(&mut self.sets);
            let (place, set) =
                sets.find(|(_, set)| set.columns == self.left_out.rest(&counted.columns)).ok_or_else(unknown)?;
            set.rows += counted.rows;
            places.push(place);
        }
        let place = |row| places.get(presence.code(row)?).copied().ok_or_else(unknown);
        (0..rows.len()).map(place).collect::<Result<_>>().map(Some)
    }

    pub(in crate::storage) fn into_sets(self) -> Vec<SetOfRows> {
        self.sets
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use polars::prelude::*;
    use proptest::prelude::*;

    use super::super::segment::Segment;
    use super::*;
    use crate::key::Key;
    use crate::name::TableName;
    use crate::storage::rows::Rows;

    /// A snapshot of segments with these ids, the oldest first; every second one has another column.
    fn snapshot(segments: &[Vec<i64>]) -> Snapshot {
        let of_rows = |(number, ids): (usize, &Vec<i64>)| {
            let ids = i64::to_set(ids);
            let name = if number % 2 == 0 { "a" } else { "b" };
            let column = Column::full_null(name.into(), ids.len(), &DataType::Int64);
            Arc::new(Segment::of_rows(Rows::uniform(ids, vec![column]), None).expect("rows with their sets"))
        };
        let table = TableName::new("public.users").expect("a valid name");
        Snapshot::new(&table, segments.iter().enumerate().map(of_rows).collect()).expect("types that agree")
    }

    /// Each id with its segment and the row there.
    fn places(ids: &IdSet, located: &Located) -> Vec<(i64, usize, IdxSize)> {
        let ids: Vec<i64> = ids.keys();
        let mut places = Vec::new();
        for part in located.parts() {
            for (row, place) in part.rows.iter().zip(part.places.iter()) {
                places.push((ids.get(place).copied().unwrap_or(i64::MIN), part.segment, *row));
            }
        }
        places.sort_unstable();
        places
    }

    proptest! {
        #[test]
        fn groups_are_all_rows_in_order(
            segments in proptest::collection::vec(proptest::collection::vec(0_i64..60, 0..40), 1..6),
            size in 1_usize..20,
        ) {
            let snapshot = snapshot(&segments);
            let (ids, located) = snapshot.all_located().expect("rows in memory");
            let (mut in_order, mut sizes, mut counted) = (Vec::new(), Vec::new(), 0);
            let nothing = LeftOut::nothing();
            let mut sets = SetsInOrder::of(&snapshot, size, &nothing).expect("rows in memory");
            for group in InOrder::new(&snapshot, size, &nothing) {
                let (ids, located) = group.expect("rows in memory");
                let codes = sets.count(&snapshot, &located).expect("rows in memory");
                counted += codes.map_or(ids.len(), |codes| codes.len());
                sizes.push(ids.len());
                in_order.extend(places(&ids, &located));
            }
            prop_assert_eq!(in_order, places(&ids, &located));
            prop_assert!(sizes.iter().rev().skip(1).all(|group| *group == size));
            prop_assert_eq!(counted, ids.len());
            let expected = snapshot.presence_of(&located).and_then(|presence| presence.sets_of_rows()).expect("rows in memory");
            let sort = |sets: Vec<SetOfRows>| {
                let mut sets: Vec<_> = sets.into_iter().map(|set| (set.columns, set.rows)).collect();
                sets.sort_unstable();
                sets
            };
            prop_assert_eq!(sort(sets.into_sets()), sort(expected));
        }
    }
}
