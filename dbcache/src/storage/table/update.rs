//! Fetched rows that are to be stored, and which of them the table's newer rows stand against.
//!
//! While rows are fetched, other processes may store newer versions of them. So a fetched row replaces only the version
//! that was stored when it was asked for. If the stored row has changed since, and
//! - has all that the request needs, it stays, and the fetched one is dropped. A refresh needs what comes later than
//!   itself, so this is for other requests only;
//! - otherwise the fetched row is overtaken: it has to be fetched again, since to mix both versions would mix two moments.

use std::sync::Arc;

use polars::prelude::*;

use crate::error::{Error, Result};
use crate::key::{IdSet, Indices, set_at};
use crate::name::TableName;
use crate::storage::read::{Located, Snapshot, StoredColumn};
use crate::storage::rows::merge::{Replace, merge_all};
use crate::storage::rows::{Need, Rows, keys};

/// Rows of some batches.
#[derive(Debug)]
pub(crate) struct Update<'u> {
    pub(crate) rows: &'u Rows,
    pub(crate) replace: Replace,
    /// Ids that the database no longer has: their stored rows are removed.
    pub(crate) gone: &'u IdSet,
    /// What a row must have so that a fetched one does not replace it, unless that refreshes it.
    pub(crate) needs: &'u [Need],
    pub(crate) asked: Vec<Asked<'u>>,
}

/// The ids of a batch, and the table as it was known when they were asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'u> {
    pub(crate) ids: &'u IdSet,
    pub(crate) stored: &'u Arc<Snapshot>,
}

/// What became of an update.
#[derive(Debug)]
pub(crate) struct Updated {
    pub(crate) stored: Arc<Snapshot>,
    /// How many rows were stored.
    pub(crate) rows: usize,
    /// The ids whose stored rows changed while they were fetched, and still lack what is needed.
    pub(crate) overtaken: IdSet,
}

/// What is left of an update to be written.
pub(super) struct Remaining {
    pub(super) rows: Rows,
    /// How many of them were fetched; the others mark rows that are gone.
    pub(super) fetched: usize,
    pub(super) overtaken: IdSet,
}

impl Update<'_> {
    /// What is to be written of the update, the table being as it is now.
    ///
    /// # Errors
    ///
    /// A storage error.
    pub(super) fn against(&self, table: &TableName, stored: &Snapshot) -> Result<Remaining> {
        let (mut kept, mut overtaken) = (self.rows.ids.none(), self.rows.ids.none());
        for asked in &self.asked {
            if stored.is_same(asked.stored) {
                continue;
            }
            let there = stored.present(asked.ids)?.0;
            let complete = self.complete(&there, stored)?;
            let others = asked.ids.without(&complete)?;
            // Which rows were forgotten since is not known any more: it may be any.
            let has_forgotten = asked.stored.forgot() != stored.forgot();
            overtaken =
                overtaken.joined(if has_forgotten { others } else { changed(&others, asked.stored, stored)? })?;
            kept = kept.joined(complete)?;
        }
        let rows = self.rows.without(&kept)?.without(&overtaken)?;
        let fetched = rows.ids.len();
        let gone = stored.there(&self.gone.without(&overtaken)?)?;
        let rows = if gone.is_empty() { rows } else { merge_all(table, vec![rows, Rows::lost(gone)])? };
        Ok(Remaining { rows, fetched, overtaken })
    }

    /// Those of these ids whose stored rows are not to be replaced.
    fn complete(&self, ids: &IdSet, stored: &Snapshot) -> Result<IdSet> {
        match self.replace {
            Replace::CarryOver => ids.select(&stored.look_up(ids, self.needs)?.hits),
            Replace::Whole => Ok(ids.none()),
        }
    }
}

/// Those of some ids whose rows are not the same in two snapshots.
fn changed(ids: &IdSet, before: &Snapshot, after: &Snapshot) -> Result<IdSet> {
    match differing(ids, before, after) {
        // What cannot be read any more cannot be compared.
        Err(Error::Damaged { .. }) => Ok(ids.clone()),
        changed => changed,
    }
}

fn differing(ids: &IdSet, before: &Snapshot, after: &Snapshot) -> Result<IdSet> {
    let ((old, _), (new, _)) = (before.present(ids)?, after.present(ids)?);
    let both = old.select(&old.locate_among(&new))?;
    let one = old.without(&both)?.joined(new.without(&both)?)?;
    if both.is_empty() {
        return Ok(one);
    }
    let ((_, old), (_, new)) = (before.present(&both)?, after.present(&both)?);
    let moved = Indices::from_iter(moved(&both, (before, &old), (after, &new))?);
    let (old, new) = (old.select(&moved)?, new.select(&moved)?);
    let both = both.select_as_is(moved.iter())?;
    let all = |snapshot: &Snapshot, rows: &Located| {
        let columns: Vec<&StoredColumn> = snapshot.columns().iter().collect();
        snapshot.rows(both.clone(), rows, &columns)
    };
    let (old, new) = (all(before, &old)?, all(after, &new)?);
    let (old_columns, new_columns) = (old.by_name(), new.by_name());
    let mut differing = Vec::new();
    for row in 0..both.len() {
        if !is_same_row((&old, &old_columns), (&new, &new_columns), row)? {
            differing.push(row);
        }
    }
    one.joined(both.select_as_is(differing.into_iter())?)
}

/// The indices of rows that are not in the same place of the same file.
fn moved(ids: &IdSet, before: (&Snapshot, &Located), after: (&Snapshot, &Located)) -> Result<Vec<usize>> {
    let (before, after) = (before.0.origins(before.1)?, after.0.origins(after.1)?);
    Ok((0..ids.len()).filter(|row| before.get(*row) != after.get(*row)).collect())
}

/// Rows, and their columns by name.
type Named<'r> = (&'r Rows, &'r PlHashMap<&'r str, &'r Column>);

/// Whether a row has the same columns with the same values in both, whose rows are of the same ids.
fn is_same_row(old: Named<'_>, new: Named<'_>, row: usize) -> Result<bool> {
    let (before, after) = (old.0.presence.set_of(row)?, new.0.presence.set_of(row)?);
    if before != after {
        return Ok(false);
    }
    for name in before.iter().filter(|entry| keys::is_column(entry)) {
        if !value(old.1, name, row)?.eq_missing(&value(new.1, name, row)?, true) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn value<'r>(columns: &PlHashMap<&str, &'r Column>, name: &str, row: usize) -> Result<AnyValue<'r>> {
    let no_column = || Error::Internal { invariant: "rows have the columns that are in their column sets" };
    columns.get(name).ok_or_else(no_column)?.get(row).map_err(Error::frame("compare rows"))
}

impl Snapshot {
    /// Whether both are made of the same files.
    fn is_same(&self, other: &Self) -> bool {
        let pairs = || self.segments.iter().zip(&other.segments);
        self.segments.len() == other.segments.len() && pairs().all(|(one, other)| Arc::ptr_eq(one, other))
    }

    /// Those of these ids that have a row here which counts.
    pub(super) fn there(&self, ids: &IdSet) -> Result<IdSet> {
        if ids.is_empty() { Ok(ids.none()) } else { ids.select(&self.look_up(ids, &[])?.hits) }
    }

    /// The file of each row, and its place there.
    fn origins(&self, rows: &Located) -> Result<Vec<Option<(usize, IdxSize)>>> {
        let mut origins = vec![None; rows.len()];
        for part in rows.parts() {
            // Of a file that both snapshots have open there is one segment.
            let file = std::ptr::from_ref(self.segment(part)?).addr();
            for (row, place) in part.rows.iter().zip(part.places.iter()) {
                set_at(&mut origins, place, Some((file, *row)))?;
            }
        }
        Ok(origins)
    }
}
