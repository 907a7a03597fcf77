//! Where the rows of an answer are: which rows of which segments.

use polars::prelude::*;

use crate::error::{Error, Result};
use crate::key::{Origin, Places, row_number};

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
    /// The place of each among all rows.
    pub(super) places: Places,
}

impl Located {
    pub(super) fn new(parts: Vec<Part>) -> Self {
        let parts: Vec<Part> = parts.into_iter().filter(|part| !part.rows.is_empty()).collect();
        let rows = parts.iter().map(|part| part.rows.len()).sum();
        Self { parts, rows }
    }

    /// All rows of a segment.
    pub(super) fn all_of(segment: usize, rows: usize) -> Self {
        let all = (0..rows).map(row_number).collect();
        Self::new(vec![Part { segment, rows: all, places: Places::all(rows) }])
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
            for (row, place) in part.rows.iter().zip(part.places.iter()) {
                if let Some(source) = sources.get_mut(place) {
                    *source = (number, *row);
                }
            }
        }
        let empty = |segment| Part { segment, rows: Vec::new(), places: Places::default() };
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
                part.places.push(place);
            }
        }
        parts.push(older);
        Self::new(parts)
    }

    /// The rows at these places alone.
    pub(super) fn select(&self, kept: &Places) -> Self {
        let mut renumbered = vec![None; self.rows];
        for (place, old) in kept.iter().enumerate() {
            if let Some(slot) = renumbered.get_mut(old) {
                *slot = Some(place);
            }
        }
        let parts = self.parts.iter().map(|part| {
            let mut kept = Part { segment: part.segment, rows: Vec::new(), places: Places::default() };
            for (row, place) in part.rows.iter().zip(part.places.iter()) {
                if let Some(Some(place)) = renumbered.get(place) {
                    kept.rows.push(*row);
                    kept.places.push(*place);
                }
            }
            kept
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
            let here = part.places.rank(places.start)..part.places.rank(places.end);
            let rows = part.rows.get(here.clone()).unwrap_or_default().to_vec();
            let numbers = here.filter_map(|number| part.places.get(number));
            let places = numbers.map(|place| place - places.start).collect();
            Part { segment: part.segment, rows, places }
        });
        Self::new(parts.collect())
    }

    /// The values of all parts, in the order of the parts, in the order of the rows.
    pub(super) fn in_order(&self, values: Vec<Column>) -> Result<Column> {
        let mut parts: Vec<(&Part, Column)> = self.parts.iter().zip(values).collect();
        parts.sort_by_key(|(part, _)| part.places.first());
        let places: Vec<&Places> = parts.iter().map(|(part, _)| &part.places).collect();
        let mut values = parts.into_iter().map(|(_, values)| values);
        let Some(mut all) = values.next() else { return Ok(Column::default()) };
        for values in values {
            all.append_owned(values).map_err(Error::frame("join segments"))?;
        }
        if follow_one_another(&places) && all.len() == self.rows {
            return Ok(all);
        }
        let mut order = vec![0; self.rows];
        for (row, place) in places.into_iter().flat_map(Places::iter).enumerate() {
            if let Some(slot) = order.get_mut(place) {
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
                if let Some(slot) = all.get_mut(place) {
                    *slot = *value;
                }
            }
        }
        all
    }
}

/// Whether all rows of a part come before those of the next one, as where each request stored higher ids.
fn follow_one_another(places: &[&Places]) -> bool {
    places.windows(2).all(|pair| matches!(pair, [left, right] if left.last() < right.first()))
}
