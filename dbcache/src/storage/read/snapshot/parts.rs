//! A snapshot part by part, so that a scan never holds all of it.
//!
//! Rows are named by numbers: the segment's place in the upper half, the row there in the lower. Whatever becomes of a
//! number, it names the same row for as long as the snapshot lives.

use std::ops::Range;

use polars::prelude::*;

use super::look_up::State;
use super::{Reading, Snapshot};
use crate::error::{Error, Result};
use crate::key::{IdSet, Indices, row_number};
use crate::storage::file::{GROUP, IDS_A_PAGE, Way};
use crate::storage::read::located::{Located, Part};
use crate::storage::read::segment::Segment;
use crate::storage::rows::Need;

/// How many bits of a number say which row of its segment it is.
const ROW_BITS: u32 = u32::BITS;

/// The ids at which the parts of a snapshot begin, but for the first, which begins with the first id.
#[derive(Debug)]
pub(crate) struct Parts(IdSet);

impl Parts {
    /// How many there are: at least one, which may be empty.
    pub(crate) fn count(&self) -> usize {
        self.0.len() + 1
    }

    /// The ids from which on a part goes, and up to which; none where there is no end.
    fn bounds(&self, part: usize) -> (Option<IdSet>, Option<IdSet>) {
        (part.checked_sub(1).and_then(|before| self.0.one(before)), self.0.one(part))
    }
}

/// Some rows of a segment that stand side by side.
struct Stretch<'s> {
    number: usize,
    segment: &'s Segment,
    rows: Range<usize>,
}

impl Snapshot {
    /// Cuts the ids into parts that have about as many rows as a row group.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`], as in all functions here.
    pub(crate) fn cut(&self) -> Result<Parts> {
        let mut fences = self.variant.clone();
        for (_, segment) in self.visible() {
            fences = fences.merged(&self.in_variant(segment.fences()?))?.0;
        }
        let step = GROUP / IDS_A_PAGE;
        fences.select_as_is((step..fences.len()).step_by(step)).map(Parts)
    }

    /// The numbers of the rows of a part that have all that is needed, in the order of their ids.
    ///
    /// Of a table of one file no ids are read.
    pub(crate) fn rows_of_part(&self, parts: &Parts, part: usize, needs: &[Need]) -> Result<Vec<u64>> {
        let (from, to) = parts.bounds(part);
        let mut stretches = Vec::new();
        for (number, segment) in self.visible() {
            let start = from.as_ref().map_or(Ok(0), |from| segment.rank(from))?;
            let end = to.as_ref().map_or(Ok(segment.count()), |to| segment.rank(to))?;
            stretches.push(Stretch { number, segment, rows: start..end });
        }
        self.numbers(&self.rows_of(&stretches)?, needs)
    }

    /// Where the rows are that count among those of some segments, the newest first.
    fn rows_of(&self, stretches: &[Stretch<'_>]) -> Result<Located> {
        let stretch = |number| {
            let stretch = stretches.iter().find(|stretch| stretch.number == number);
            stretch.ok_or(Error::Internal { invariant: "rows of a part are in its stretches" })
        };
        let rows = match stretches {
            [only] => Located::all_of(only.number, only.rows.len()),
            stretches => {
                let segments: Vec<(usize, &Segment)> =
                    stretches.iter().map(|stretch| (stretch.number, stretch.segment)).collect();
                let ids = |number, segment: &Segment| Ok(self.in_variant(segment.ids_of(&stretch(number)?.rows)?));
                self.overlaid(&segments, ids)?.1
            }
        };
        rows.moved(|number| Ok(stretch(number)?.rows.start))
    }

    /// The numbers of those rows that have all that is needed.
    fn numbers(&self, rows: &Located, needs: &[Need]) -> Result<Vec<u64>> {
        let states = self.judged(rows, needs)?.unwrap_or_else(|| vec![State::Hit; rows.len()]);
        let numbers = |part: &Part| {
            let segment = (part.segment as u64) << ROW_BITS;
            part.rows.iter().map(|row| segment | u64::from(*row)).collect()
        };
        let numbers: Vec<Vec<u64>> = rows.parts().iter().map(numbers).collect();
        let numbers = rows.values_in_order(&numbers)?.into_iter().zip(states);
        Ok(numbers.filter(|(_, state)| *state == State::Hit).map(|(number, _)| number).collect())
    }

    /// The ids of the rows with these numbers, in whatever order.
    pub(crate) fn ids_at(&self, name: &str, numbers: &[u64]) -> Result<Column> {
        let id_type = self.id_type();
        let of_part = |part: &Part| {
            let ids = self.segment(part)?.take_ids(&part.rows)?;
            ids.cast(&id_type).map_err(Error::frame("convert ids"))
        };
        at(numbers, |rows| {
            let parts: Result<Vec<Column>> = rows.parts().iter().map(of_part).collect();
            let ids = if rows.len() == 0 { Column::new_empty(name.into(), &id_type) } else { rows.in_order(parts?)? };
            Ok(ids.with_name(name.into()))
        })
    }

    /// A column of the rows with these numbers, in whatever order, past the memory tier.
    pub(crate) fn values_at(&self, reading: &Reading, numbers: &[u64]) -> Result<Column> {
        at(numbers, |rows| self.values(reading, rows, Way::Past))
    }
}

/// Reads rows by their numbers, which as a rule are in the order of the ids.
fn at(numbers: &[u64], read: impl Fn(&Located) -> Result<Column>) -> Result<Column> {
    if let Some(rows) = located(numbers) {
        return read(&rows);
    }
    let mut distinct = numbers.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let rows = located(&distinct).ok_or(Error::Internal { invariant: "distinct numbers in order are ascending" })?;
    let values = read(&rows)?;
    let places = numbers.iter().map(|number| row_number(distinct.partition_point(|other| other < number)));
    values.take(&IdxCa::from_vec(PlSmallStr::EMPTY, places.collect())).map_err(Error::frame("put rows in order"))
}

/// Where the rows with these numbers are, or `None` where those of a segment are not ascending.
fn located(numbers: &[u64]) -> Option<Located> {
    let mut parts: Vec<Part> = Vec::new();
    for (place, number) in numbers.iter().enumerate() {
        let segment = usize::try_from(number >> ROW_BITS).ok()?;
        let row = IdxSize::try_from(number & u64::from(u32::MAX)).ok()?;
        let known = parts.iter().position(|part| part.segment == segment).unwrap_or_else(|| {
            parts.push(Part { segment, rows: Vec::new(), places: Indices::default() });
            parts.len() - 1
        });
        let part = parts.get_mut(known)?;
        if part.rows.last().is_some_and(|last| *last >= row) {
            return None;
        }
        part.rows.push(row);
        part.places.push(place);
    }
    Some(Located::new(parts))
}
