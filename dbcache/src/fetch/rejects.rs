//! Rows that turn out not to fit while a database's answer is read.

use polars::prelude::*;

use super::batch::FetchedFrame;
use crate::documents::is_document;
use crate::error::RejectedRow;
use crate::storage::ColumnSet;

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

    /// The rows that fit. `json` are the columns of JSON text, with whether all cells of each are objects and arrays,
    /// those of rejected rows too.
    pub(super) fn take_out(
        self,
        frame: DataFrame,
        json: &[(String, bool)],
    ) -> PolarsResult<(FetchedFrame, Vec<RejectedRow>)> {
        if self.rows.is_empty() {
            let documents = json.iter().filter(|(_, are_documents)| *are_documents);
            let documents = documents.map(|(name, _)| name.clone()).collect();
            return Ok((FetchedFrame { frame, documents }, self.rows));
        }
        let frame = frame.filter(&self.fits(frame.height()).into_iter().collect())?;
        let documents = documents(&frame, json.iter().map(|(name, _)| name))?;
        Ok((FetchedFrame { frame, documents }, self.rows))
    }
}

/// The columns of JSON text whose every cell is an object or array.
pub(super) fn documents<'n>(frame: &DataFrame, json: impl IntoIterator<Item = &'n String>) -> PolarsResult<ColumnSet> {
    let mut documents = ColumnSet::new();
    for name in json {
        if frame.column(name)?.str()?.iter().flatten().all(|json| is_document(json.as_bytes())) {
            documents.insert(name.clone());
        }
    }
    Ok(documents)
}
