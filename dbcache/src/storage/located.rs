//! Where the rows of an answer are: which rows of which segments.

use polars::prelude::*;

use crate::error::{Error, Result};
use crate::key::{Origin, row_number};

/// Rows in their order, each in one segment.
#[derive(Clone, Debug, Default)]
pub(super) struct Located {
    parts: Vec<Part>,
    rows: usize,
}

/// The rows that are in one segment.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// The segment's place in the snapshot.
    pub(super) segment: usize,
    /// Rows of the segment, ascending.
    pub(super) rows: Vec<IdxSize>,
    /// The place of each among all rows, ascending.
    pub(super) places: Vec<IdxSize>,
}

impl Located {
    pub(super) fn new(parts: Vec<Part>) -> Self {
        let parts: Vec<Part> = parts.into_iter().filter(|part| !part.rows.is_empty()).collect();
        let rows = parts.iter().map(|part| part.rows.len()).sum();
        Self { parts, rows }
    }

    /// All rows of a segment.
    pub(super) fn all_of(segment: usize, rows: usize) -> Self {
        let all: Vec<IdxSize> = (0..rows).map(row_number).collect();
        Self::new(vec![Part { segment, rows: all.clone(), places: all }])
    }

    /// The same parts, whose places are among so many.
    pub(super) fn set_rows(&mut self, rows: usize) {
        self.rows = rows;
    }

    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    pub(super) fn len(&self) -> usize {
        self.rows
    }

    /// These rows with all of an older segment between them, but for those that have been replaced.
    pub(super) fn beside(&self, segment: usize, origins: &[Origin]) -> Self {
        let mut sources = vec![(0, 0); self.rows];
        for (number, part) in self.parts.iter().enumerate() {
            for (row, place) in part.rows.iter().zip(&part.places) {
                if let Some(source) = sources.get_mut(*place as usize) {
                    *source = (number, *row);
                }
            }
        }
        let empty = |segment| Part { segment, rows: Vec::new(), places: Vec::new() };
        let mut parts: Vec<Part> = self.parts.iter().map(|part| empty(part.segment)).collect();
        let mut older = empty(segment);
        for (place, origin) in origins.iter().enumerate() {
            let (part, row) = match origin {
                Origin::Older(row) => (Some(&mut older), row_number(*row)),
                Origin::Newer(place) => {
                    let (number, row) = sources.get(*place).copied().unwrap_or_default();
                    (parts.get_mut(number), row)
                }
            };
            if let Some(part) = part {
                part.rows.push(row);
                part.places.push(row_number(place));
            }
        }
        parts.push(older);
        Self::new(parts)
    }

    /// The rows at these ascending places alone.
    pub(super) fn select(&self, kept: &[usize]) -> Self {
        let mut renumbered = vec![None; self.rows];
        for (place, old) in kept.iter().enumerate() {
            if let Some(slot) = renumbered.get_mut(*old) {
                *slot = Some(row_number(place));
            }
        }
        let parts = self.parts.iter().map(|part| {
            let pairs = part.rows.iter().zip(&part.places);
            let kept = pairs.filter_map(|(row, place)| Some((*row, renumbered.get(*place as usize).copied()??)));
            let (rows, places) = kept.unzip();
            Part { segment: part.segment, rows, places }
        });
        Self::new(parts.collect())
    }

    /// The same rows, those of each segment counted from so many further on.
    pub(super) fn moved(mut self, by: impl Fn(usize) -> usize) -> Self {
        for part in &mut self.parts {
            let by = row_number(by(part.segment));
            part.rows.iter_mut().for_each(|row| *row += by);
        }
        self
    }

    /// The rows from one place to another.
    pub(super) fn slice(&self, places: &std::ops::Range<usize>) -> Self {
        let parts = self.parts.iter().map(|part| {
            let at = |place: usize| part.places.partition_point(|other| (*other as usize) < place);
            let here = at(places.start)..at(places.end);
            let rows = part.rows.get(here.clone()).unwrap_or_default().to_vec();
            let start = row_number(places.start);
            let places = part.places.get(here).unwrap_or_default().iter().map(|place| place - start).collect();
            Part { segment: part.segment, rows, places }
        });
        Self::new(parts.collect())
    }

    /// The values of all parts, in the order of the parts, in the order of the rows.
    pub(super) fn in_order(&self, values: Vec<Column>) -> Result<Column> {
        let mut parts: Vec<(&Part, Column)> = self.parts.iter().zip(values).collect();
        parts.sort_by_key(|(part, _)| part.places.first().copied());
        let places: Vec<&[IdxSize]> = parts.iter().map(|(part, _)| part.places.as_slice()).collect();
        let mut values = parts.into_iter().map(|(_, values)| values);
        let Some(mut all) = values.next() else { return Ok(Column::default()) };
        for values in values {
            all.append_owned(values).map_err(Error::frame("join segments"))?;
        }
        if follow_one_another(&places) && all.len() == self.rows {
            return Ok(all);
        }
        let mut order = vec![0; self.rows];
        for (row, place) in places.into_iter().flatten().enumerate() {
            if let Some(slot) = order.get_mut(*place as usize) {
                *slot = row_number(row);
            }
        }
        all.take(&IdxCa::from_vec(PlSmallStr::EMPTY, order)).map_err(Error::frame("put rows in order"))
    }

    /// As [`in_order`](Self::in_order), of plain values.
    pub(super) fn values_in_order<V: Copy + Default>(&self, values: &[Vec<V>]) -> Vec<V> {
        let mut all = vec![V::default(); self.rows];
        for (part, values) in self.parts.iter().zip(values) {
            for (place, value) in part.places.iter().zip(values) {
                if let Some(slot) = all.get_mut(*place as usize) {
                    *slot = *value;
                }
            }
        }
        all
    }
}

/// Whether all rows of a part come before those of the next one, as where each request stored higher ids.
fn follow_one_another(places: &[&[IdxSize]]) -> bool {
    places.windows(2).all(|pair| matches!(pair, [left, right] if left.last() < right.first()))
}
