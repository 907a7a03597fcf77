//! Rows that turn out not to fit while a database's answer is read, and the rows that do.

use polars::prelude::*;

use crate::error::RejectedRow;
use crate::fetch::{Fetched, Target};

/// Rows that turn out not to fit while a batch is read column by column. Their cells are filled up with NULLs and taken
/// out in the end.
#[derive(Debug, Default)]
pub(super) struct Rejects {
    places: Vec<usize>,
    rows: Vec<RejectedRow>,
}

impl Rejects {
    /// Rejects the row at a place among those that were read.
    pub(super) fn push(&mut self, place: usize, row: RejectedRow) {
        self.places.push(place);
        self.rows.push(row);
    }

    /// Whether each of the rows that were read fits.
    pub(super) fn fits(&self, rows: usize) -> Vec<bool> {
        let mut fits = vec![true; rows];
        for place in &self.places {
            fits.get_mut(*place).into_iter().for_each(|fits| *fits = false);
        }
        fits
    }

    /// The rows that fit, and those that do not.
    pub(super) fn take_out(self, frame: DataFrame) -> PolarsResult<(DataFrame, Vec<RejectedRow>)> {
        if self.rows.is_empty() {
            return Ok((frame, self.rows));
        }
        Ok((frame.filter(&self.fits(frame.height()).into_iter().collect())?, self.rows))
    }
}

/// The rows of a batch as columns, and those that do not fit in them.
#[derive(Debug)]
pub(super) struct ReadRows {
    pub(super) parts: Vec<DataFrame>,
    /// The columns of JSON text.
    pub(super) json_columns: Vec<String>,
    /// The columns whose values decide their type, with the name of the column that marks integers among floats.
    pub(super) loose_columns: Vec<(String, String)>,
    pub(super) rejected: Vec<RejectedRow>,
}

impl ReadRows {
    /// The ids, if they are text.
    pub(super) fn ids(&self, id_column: &str) -> PolarsResult<Vec<String>> {
        let mut ids = Vec::new();
        for part in &self.parts {
            ids.extend(part.column(id_column)?.str()?.iter().flatten().map(str::to_owned));
        }
        Ok(ids)
    }
}

impl<T: Target> From<ReadRows> for Fetched<T> {
    fn from(rows: ReadRows) -> Self {
        let fetched = rows.json_columns.into_iter().fold(Self::in_parts(rows.parts), Self::with_json_column);
        let loose = rows.loose_columns.into_iter();
        let fetched = loose.fold(fetched, |fetched, (name, integers)| fetched.with_loose_column(name, integers));
        fetched.with_rejected(rows.rejected)
    }
}
