//! Storing rows: what a commit writes, and in which order.

use std::io;
use std::sync::Arc;

use polars::prelude::*;

use super::attempts::Attempts;
use super::publish::WriteLock;
use super::update::{Remaining, Update, Updated};
use super::{Known, LOOKS, Opened, Table, compaction};
use crate::error::{Error, Result};
use crate::storage::file::{FileColumn, GROUP, Header, Writer};
use crate::storage::place::disk::{self, Writing};
use crate::storage::place::{Commits, Place, SegmentName};
use crate::storage::read::{InOrder, LeftOut, Located, Segment, SetsInOrder, Snapshot, StoredColumn};
use crate::storage::rows::merge::{self, Replace, merge};
use crate::storage::rows::{ColumnSet, Rows};

impl Table {
    /// Stores rows, durably: when this returns, they survive any crash.
    ///
    /// # Errors
    ///
    /// [`Error::TypeConflict`] or an I/O error; the table is then as it was, or has the rows all the same.
    pub(crate) fn commit(&self, update: &Update<'_>) -> Result<Updated> {
        self.written(|lock| self.try_commit(lock, update))
    }

    /// Folds all files of the table into one.
    pub(crate) fn compact(&self) -> Result<Arc<Snapshot>> {
        self.written(|lock| self.try_compact(lock))
    }

    /// Writes as the table's only writer: again where another one was first, which is only where the lock file was
    /// replaced, and after a file that turned out damaged was set aside.
    pub(super) fn written<R>(&self, write: impl Fn(&mut WriteLock) -> Result<Option<R>>) -> Result<R> {
        self.with_files(|| {
            let mut lock = self.lock()?;
            let mut attempts = Attempts::default();
            for _ in 0..LOOKS {
                match write(&mut lock) {
                    Ok(Some(written)) => return Ok(written),
                    Ok(None) => {}
                    Err(cause) => {
                        attempts.after(cause, |suspect| self.repaired_in_full(&mut lock, suspect).map(drop))?;
                    }
                }
            }
            let source = io::Error::other("its lock file is replaced again and again");
            Err(Error::Io { action: "commit to", path: self.base.clone(), source })
        })
    }

    fn try_commit(&self, lock: &mut WriteLock, update: &Update<'_>) -> Result<Option<Updated>> {
        // Not what this process knows: a writer that died may have left more.
        let stored = self.repaired(lock)?;
        let Remaining { rows, fetched, overtaken } = update.against(&self.name, &stored)?;
        let is_nothing_left = rows.ids().is_empty();
        let stored = if is_nothing_left { Some(stored) } else { self.store_any(lock, &stored, &rows, update.replace)? };
        Ok(stored.map(|stored| Updated { stored, rows: fetched, overtaken }))
    }

    /// Stores rows; a column of which no stored row keeps a value takes the type that they bring.
    fn store_any(
        &self,
        lock: &mut WriteLock,
        stored: &Snapshot,
        fetched: &Rows,
        replace: Replace,
    ) -> Result<Option<Arc<Snapshot>>> {
        match self.store(lock, stored, fetched, replace) {
            Err(conflict @ Error::TypeConflict { .. }) => {
                let retyped = stored.retyped(fetched, replace)?;
                if retyped.is_empty() {
                    return Err(conflict);
                }
                self.store_row_by_row(lock, stored, fetched, replace, &retyped)
            }
            done => done,
        }
    }

    fn store(
        &self,
        lock: &mut WriteLock,
        stored: &Snapshot,
        fetched: &Rows,
        replace: Replace,
    ) -> Result<Option<Arc<Snapshot>>> {
        let (older_ids, older) = stored.present(&fetched.ids)?;
        let replaces = !older_ids.is_empty();
        let rows = if replaces && replace == Replace::CarryOver {
            merge(&self.name, &carried_over(stored, fetched, older_ids, &older)?, fetched, replace)?
        } else {
            fetched.clone()
        };
        let number = lock.last + 1;
        let Some(rows) = self.in_types_of(stored, rows)? else {
            return self.store_row_by_row(lock, stored, fetched, replace, &ColumnSet::new());
        };
        let new = Arc::new(Segment::of_rows(rows, None)?);
        let first = self.first_folded(stored, &new);
        let inputs = stored.segments.iter().skip(first).cloned().chain([new]).collect();
        self.fold(lock, stored, Fold::of(first, inputs, number, replaces))
    }

    /// Writes all rows anew, because stored values change their type, without the stored versions of some columns.
    fn store_row_by_row(
        &self,
        lock: &mut WriteLock,
        stored: &Snapshot,
        fetched: &Rows,
        replace: Replace,
        without: &ColumnSet,
    ) -> Result<Option<Arc<Snapshot>>> {
        let (ids, all) = stored.all_located()?;
        let stays = |column: &&StoredColumn| !without.contains(column.name().as_str());
        let columns: Vec<&StoredColumn> = stored.columns().iter().filter(stays).collect();
        let merged = merge(&self.name, &stored.rows(ids, &all, &columns)?, fetched, replace)?;
        let new = vec![Arc::new(Segment::of_rows(merged, None)?)];
        let kept = usize::from(stored.keeps_base());
        let number = lock.last + 1;
        self.fold(lock, stored, Fold::of(kept, new, number, kept > 0))
    }

    fn try_compact(&self, lock: &mut WriteLock) -> Result<Option<Arc<Snapshot>>> {
        let stored = self.repaired(lock)?;
        let last = lock.last;
        match stored.segments.as_slice() {
            [] => Ok(Some(stored)),
            [base] if base.commits.is_some_and(|commits| commits.first == 0) || base.is_kept() => Ok(Some(stored)),
            [base, _] if base.is_kept() => Ok(Some(stored)),
            [base, newer @ ..] if base.is_kept() => self.fold(lock, &stored, Fold::of(1, newer.to_vec(), last, false)),
            all => self.fold(lock, &stored, Fold::of(0, all.to_vec(), last, false)),
        }
    }

    /// Which segments are folded into the one that is written. Without a base of ours, all of them become it, unless
    /// another program's base has to stay.
    fn first_folded(&self, stored: &Snapshot, new: &Segment) -> usize {
        let has_base =
            stored.segments.first().is_some_and(|base| base.commits.is_some_and(|commits| commits.first == 0));
        let kept = usize::from(stored.keeps_base());
        if !has_base && kept == 0 {
            return 0;
        }
        let size = |size| disk::size_to_fold(&self.base, size);
        let sizes = stored.segments.iter().skip(kept).map(|segment| segment.size());
        let new = compaction::expected_size(new.size().plain, sizes.clone());
        kept + compaction::first_folded(&sizes.map(|file| size(file.file)).collect::<Vec<u64>>(), size(new))
    }

    /// Rows in the types that are stored; `None` where stored values would have to change theirs.
    fn in_types_of(&self, stored: &Snapshot, mut rows: Rows) -> Result<Option<Rows>> {
        let id_type = stored.id_type();
        if !stored.segments.is_empty() && !rows.ids.is_empty() && rows.ids.data_type() != id_type {
            match rows.ids.in_variant_of(&stored.no_ids()) {
                Some((ids, places)) if places.len() == rows.ids.len() => rows.ids = ids,
                _ => return Ok(None),
            }
        }
        for column in &mut rows.columns {
            // A new column comes in whatever type it has.
            let Some(known) = stored.column(column.name()) else { continue };
            if known.data_type() == column.dtype() || known.data_type().is_null() || column.dtype().is_null() {
                continue;
            }
            let empty = Column::new_empty(column.name().clone(), known.data_type());
            let (joined, converted) = merge::reconcile(&self.name, &empty, column)?;
            if joined.dtype() != known.data_type() {
                return Ok(None);
            }
            *column = converted;
        }
        let documents = std::mem::take(&mut rows.documents);
        Ok(Some(rows.with_documents(documents)))
    }

    /// Writes some of a table's segments and what is new as one file, which takes their place, and then lets go of
    /// them. `None` where another writer was first.
    pub(super) fn fold(&self, lock: &mut WriteLock, stored: &Snapshot, fold: Fold) -> Result<Option<Arc<Snapshot>>> {
        let Fold { first, inputs, number, replaces, left_out, forgets } = fold;
        let beyond = Error::Internal { invariant: "a commit folds segments that there are" };
        let (kept, folded) = stored.segments.split_at_checked(first).ok_or(beyond)?;
        let oldest = folded.iter().find_map(|segment| segment.commits).map_or(number, |commits| commits.first);
        let place = if first == 0 {
            Place::Base
        } else {
            let replaces = replaces || folded.iter().any(|segment| segment.replaces);
            Place::Segment(SegmentName { commits: Commits { first: oldest, last: number }, replaces })
        };
        let commits = match place {
            Place::Base => Commits { first: 0, last: number },
            Place::Segment(name) => name.commits,
        };
        let hides_older = first > 0 && inputs.iter().any(|segment| segment.hides_older());
        if first > 0 {
            disk::create_folder(&self.segments)?;
        }
        let new = if let [new] = inputs.as_slice() { Some(Arc::clone(new)) } else { None };
        let rows = Snapshot::new(&self.name, inputs)?;
        let forgot = if forgets { number } else { rows.forgot() };
        let mut header = Header::new(&self.name, &self.id_column, commits);
        (header.hides_older, header.forgot) = (hides_older, forgot);
        if !self.write(lock, place, header, &rows, &left_out)? {
            return Ok(None);
        }
        if !lock.note(number)? {
            // The commit lasts; it is noted in the lock file that is there now.
            return self.repaired(lock).map(Some);
        }
        self.remove_folded(folded.iter().filter_map(|segment| segment.name()));
        let Opened::Segment(_, Some(segment)) = self.open(&self.path(place), place, None)? else {
            return self.repaired(lock).map(Some);
        };
        // What was just stored is likely to be asked for next: it is what the request wants.
        if let Some(new) = new {
            segment.keep_in_memory(&new);
        }
        let base = if first == 0 { segment.stamp } else { kept.first().and_then(|base| base.stamp) };
        let segments = kept.iter().cloned().chain([segment]).collect();
        let rows = Arc::new(Snapshot::new(&self.name, segments)?);
        let mark = self.mark_of(&rows)?;
        Ok(Some(self.remember(Known { base, mark, commit: number, rows, last: number, base_seen: None })))
    }

    /// Removes segments whose rows are in another file, the oldest first, so that what is left never hides newer rows.
    /// Whether all were removed.
    pub(super) fn remove_folded(&self, folded: impl IntoIterator<Item = SegmentName>) -> bool {
        for name in folded {
            let path = self.segment_file(name);
            if let Err(cause) = disk::remove(&path) {
                // The rows are stored, readers pass over what is left, and the next writer tries again.
                tracing::warn!(table = %self.name, file = %path.display(), %cause, "a folded file could not be removed");
                return false;
            }
        }
        true
    }

    /// Writes the rows of a snapshot as one file, but for what is left out, and puts it in its place, durably. `false`
    /// where another writer was first.
    pub(super) fn write(
        &self,
        lock: &mut WriteLock,
        place: Place,
        mut header: Header,
        rows: &Snapshot,
        left_out: &LeftOut,
    ) -> Result<bool> {
        let mut sets = SetsInOrder::of(rows, GROUP, left_out)?;
        let known = sets.columns();
        let columns: Vec<&StoredColumn> =
            rows.columns().iter().filter(|column| known.contains(column.name().as_str())).collect();
        let in_file = |column: &&StoredColumn| FileColumn {
            name: column.name().clone(),
            data_type: column.data_type().clone(),
            is_in_microseconds: rows.is_whole_microseconds(column),
        };
        let in_file = columns.iter().map(in_file).collect();
        let out = Writing::create(&self.path(place))?;
        let mut writer = Writer::new(out, (&self.id_column, &rows.id_type()), in_file, sets.are_written())?;
        let mut count = 0;
        for group in InOrder::new(rows, GROUP, left_out) {
            let (ids, located) = group?;
            let no_column =
                || Error::Internal { invariant: "a file is written with the columns that it was begun with" };
            let column = |place: usize| rows.value_of(&located, columns.get(place).ok_or_else(no_column)?);
            writer.write_group(&ids, &column, sets.count(rows, &located)?.as_deref())?;
            count += ids.len();
        }
        header.column_sets = sets.into_sets();
        header.json_columns = rows.documents().intersection(&known).cloned().collect();
        let is_written = self.publish(lock, writer.finish(&header)?, place)?;
        tracing::debug!(table = %self.name, rows = count, file = %self.path(place).display(), is_written, "written");
        Ok(is_written)
    }
}

/// Segments that are written as one file.
pub(super) struct Fold {
    /// The place of the oldest of the table's segments that the file replaces: it replaces all from there on.
    pub(super) first: usize,
    /// What is written: these segments, and new rows behind them.
    pub(super) inputs: Vec<Arc<Segment>>,
    pub(super) number: u64,
    /// Whether the new rows may replace rows of older files.
    pub(super) replaces: bool,
    pub(super) left_out: LeftOut,
    /// Whether nothing that was asked for before may be stored afterwards.
    pub(super) forgets: bool,
}

impl Fold {
    fn of(first: usize, inputs: Vec<Arc<Segment>>, number: u64, replaces: bool) -> Self {
        Self { first, inputs, number, replaces, left_out: LeftOut::nothing(), forgets: false }
    }
}

/// The stored versions of rows, with those of their columns that the new versions do not bring, or not with all keys.
fn carried_over(stored: &Snapshot, fetched: &Rows, ids: crate::key::IdSet, rows: &Located) -> Result<Rows> {
    let is_replaced = |column: &str| {
        let is_brought = fetched.presence.of_all().is_some_and(|set| set.contains(column));
        is_brought && !fetched.presence.lacks_keys_of(column, stored.presence())
    };
    let is_kept = |column: &&StoredColumn| !is_replaced(column.name());
    let kept: Vec<&StoredColumn> = stored.columns().iter().filter(is_kept).collect();
    stored.rows(ids, rows, &kept)
}
