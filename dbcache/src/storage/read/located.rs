//! Where the rows of an answer are: which rows of which segments.

use polars::prelude::*;

use crate::error::{Error, Result};
use crate::key::{Indices, Origin, no_such_index, row_number, set_at};

/// Rows in their order, each in one segment.
#[derive(Clone, Debug, Default)]
pub(in crate::storage) struct Located {
    parts: Vec<Part>,
    rows: usize,
}

/// The rows that are in one segment.
#[derive(Clone, Debug)]
pub(in crate::storage) struct Part {
    /// The segment's place in the snapshot.
    pub(in crate::storage) segment: usize,
    /// Rows of the segment, ascending.
    pub(in crate::storage) rows: Vec<IdxSize>,
    /// The place of each among all rows.
    pub(in crate::storage) places: Indices,
}

impl Located {
    pub(in crate::storage) fn new(parts: Vec<Part>) -> Self {
        let parts: Vec<Part> = parts.into_iter().filter(|part| !part.rows.is_empty()).collect();
        let rows = parts.iter().map(|part| part.rows.len()).sum();
        Self { parts, rows }
    }

    /// All rows of a segment.
    pub(in crate::storage) fn all_of(segment: usize, rows: usize) -> Self {
        let all = (0..rows).map(row_number).collect();
        Self::new(vec![Part { segment, rows: all, places: Indices::all(rows) }])
    }

    /// The same parts, whose places are among so many.
    pub(in crate::storage) fn set_rows(&mut self, rows: usize) {
        self.rows = rows;
    }

    pub(in crate::storage) fn parts(&self) -> &[Part] {
        &self.parts
    }

    pub(in crate::storage) fn len(&self) -> usize {
        self.rows
    }

    /// These rows with all of an older segment between them, but for those that have been replaced.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if a place is not among the rows, as in all functions here: no row is left out or made up.
    pub(in crate::storage) fn beside(&self, segment: usize, origins: &[Origin]) -> Result<Self> {
        let mut sources = vec![None; self.rows];
        for (number, part) in self.parts.iter().enumerate() {
            for (row, place) in part.rows.iter().zip(part.places.iter()) {
                set_at(&mut sources, place, Some((number, *row)))?;
            }
        }
        let empty = |segment| Part { segment, rows: Vec::new(), places: Indices::default() };
        let mut parts: Vec<Part> = self.parts.iter().map(|part| empty(part.segment)).collect();
        let mut older = empty(segment);
        for (place, origin) in origins.iter().enumerate() {
            let (part, row) = match origin {
                Origin::Older(row) => (&mut older, row_number(*row)),
                Origin::Newer(place) => {
                    let (number, row) = sources.get(*place).copied().flatten().ok_or_else(no_such_index)?;
                    (parts.get_mut(number).ok_or_else(no_such_index)?, row)
                }
            };
            part.rows.push(row);
            part.places.push(place);
        }
        parts.push(older);
        Ok(Self::new(parts))
    }

    /// The rows at these places alone.
    pub(in crate::storage) fn select(&self, kept: &Indices) -> Result<Self> {
        let mut renumbered = vec![None; self.rows];
        for (place, old) in kept.iter().enumerate() {
            set_at(&mut renumbered, old, Some(place))?;
        }
        let parts = self.parts.iter().map(|part| {
            let mut kept = Part { segment: part.segment, rows: Vec::new(), places: Indices::default() };
            for (row, place) in part.rows.iter().zip(part.places.iter()) {
                if let Some(place) = renumbered.get(place).copied().ok_or_else(no_such_index)? {
                    kept.rows.push(*row);
                    kept.places.push(place);
                }
            }
            Ok(kept)
        });
        Ok(Self::new(parts.collect::<Result<_>>()?))
    }

    /// The same rows, those of each segment counted from so many further on.
    pub(in crate::storage) fn moved(mut self, by: impl Fn(usize) -> Result<usize>) -> Result<Self> {
        for part in &mut self.parts {
            let by = row_number(by(part.segment)?);
            part.rows.iter_mut().for_each(|row| *row += by);
        }
        Ok(self)
    }

    /// The rows from one place to another.
    pub(in crate::storage) fn slice(&self, places: &std::ops::Range<usize>) -> Result<Self> {
        let parts = self.parts.iter().map(|part| {
            let here = part.places.rank(places.start)..part.places.rank(places.end);
            let rows = part.rows.get(here.clone()).ok_or_else(no_such_index)?.to_vec();
            let numbers = here.map(|number| part.places.get(number).ok_or_else(no_such_index));
            let places = numbers.map(|place| Ok(place? - places.start)).collect::<Result<_>>()?;
            Ok(Part { segment: part.segment, rows, places })
        });
        Ok(Self::new(parts.collect::<Result<_>>()?))
    }

    /// The values of all parts, in the order of the parts, in the order of the rows.
    pub(in crate::storage) fn in_order(&self, values: Vec<Column>) -> Result<Column> {
        let mut parts: Vec<(&Part, Column)> = self.parts.iter().zip(values).collect();
        parts.sort_by_key(|(part, _)| part.places.first());
        let places: Vec<&Indices> = parts.iter().map(|(part, _)| &part.places).collect();
        let mut values = parts.into_iter().map(|(_, values)| values);
        let no_parts = Error::Internal { invariant: "rows that are set_at in order have at least one part" };
        let mut all = values.next().ok_or(no_parts)?;
        for values in values {
            all.append_owned(values).map_err(Error::frame("join segments"))?;
        }
        if follow_one_another(&places) && all.len() == self.rows {
            return Ok(all);
        }
        let mut order = vec![0; self.rows];
        for (row, place) in places.into_iter().flat_map(Indices::iter).enumerate() {
            set_at(&mut order, place, row_number(row))?;
        }
        all.take(&IdxCa::from_vec(PlSmallStr::EMPTY, order)).map_err(Error::frame("set_at rows in order"))
    }

    /// As [`in_order`](Self::in_order), of plain values.
    pub(in crate::storage) fn values_in_order<V: Copy + Default>(&self, values: &[Vec<V>]) -> Result<Vec<V>> {
        if values.iter().map(Vec::len).sum::<usize>() != self.rows {
            return Err(Error::Internal { invariant: "each row has one value" });
        }
        let mut all = vec![V::default(); self.rows];
        for (part, values) in self.parts.iter().zip(values) {
            for (place, value) in part.places.iter().zip(values) {
                set_at(&mut all, place, *value)?;
            }
        }
        Ok(all)
    }
}

/// Whether all rows of a part come before those of the next one, as where each request stored higher ids.
fn follow_one_another(places: &[&Indices]) -> bool {
    places.windows(2).all(|pair| matches!(pair, [left, right] if left.last() < right.first()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_without_a_place_is_an_error_and_never_another_row() {
        let rows = Located::all_of(0, 2);
        rows.beside(1, &[Origin::Newer(2)]).expect_err("there is no third row");
        rows.select(&Indices::all(3)).expect_err("there is no third row");
        rows.values_in_order(&[vec![1]]).expect_err("a row has no value");
        let mut short = rows.clone();
        short.set_rows(1);
        short.select(&Indices::all(1)).expect_err("the second row is beyond the last");
        Located::default().in_order(Vec::new()).expect_err("there is no column");
    }
}
