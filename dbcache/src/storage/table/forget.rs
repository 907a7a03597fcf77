//! Forgetting: rows and columns that leave every file of a table.
//!
//! The files that have them are folded without them, and copies that cannot be written anew are removed: damaged files
//! that were set aside, files that a writer left unfinished, and the predecessor's file. The new file says at which
//! commit it forgot, so that rows which were asked for before that are not stored after it.

use std::sync::Arc;

use super::Table;
use super::commit::Fold;
use super::publish::WriteLock;
use crate::error::Result;
use crate::key::IdSet;
use crate::storage::file::{self, Content, Expected};
use crate::storage::place::{Place, SegmentName, disk, name_before};
use crate::storage::read::{LeftOut, Segment, Snapshot};
use crate::storage::rows::{ColumnSet, Rows, keys};

/// What is forgotten of a table.
enum Forgotten {
    Some(LeftOut),
    All,
}

impl Table {
    /// Forgets rows. Returns how many there were.
    ///
    /// # Errors
    ///
    /// [`Error::UnreadableColumn`](crate::Error::UnreadableColumn) if they are in another program's file that stays as it
    /// is, or an I/O error: then some copies may be left.
    pub(crate) fn forget(&self, ids: &IdSet) -> Result<usize> {
        self.written(|lock| {
            let left_out = LeftOut { ids: ids.clone(), columns: ColumnSet::new() };
            self.try_forget(lock, Forgotten::Some(left_out))
        })
    }

    /// Forgets columns of all rows.
    ///
    /// # Errors
    ///
    /// As [`forget`](Self::forget).
    pub(crate) fn forget_columns(&self, columns: &ColumnSet) -> Result<()> {
        let written = self.written(|lock| {
            let left_out = LeftOut { columns: columns.clone(), ..LeftOut::nothing() };
            self.try_forget(lock, Forgotten::Some(left_out))
        });
        written.map(drop)
    }

    /// Forgets all rows, and their columns.
    ///
    /// # Errors
    ///
    /// An I/O error: then some copies may be left.
    pub(crate) fn clear(&self) -> Result<()> {
        self.written(|lock| self.try_forget(lock, Forgotten::All)).map(drop)
    }

    fn try_forget(&self, lock: &mut WriteLock, forgotten: Forgotten) -> Result<Option<usize>> {
        let stored = self.repaired(lock)?;
        let rows = match &forgotten {
            Forgotten::Some(left_out) => stored.there(&left_out.ids)?.len(),
            Forgotten::All => 0,
        };
        self.forget_absent(match &forgotten {
            Forgotten::Some(left_out) => Some(&left_out.ids),
            Forgotten::All => None,
        })?;
        let number = lock.last + 1;
        let Some(stored) = self.fold(lock, &stored, fold_without(&stored, forgotten, number)?)? else {
            return Ok(None);
        };
        self.remove_copies(&stored)?;
        Ok(Some(rows))
    }

    /// Removes every file of the table that is not part of these rows.
    fn remove_copies(&self, stored: &Snapshot) -> Result<()> {
        self.clean()?;
        let parts: Vec<String> = stored.segments.iter().filter_map(|segment| Some(segment.name()?.file())).collect();
        let is_aside = |name: &String| name_before(name).is_some();
        for name in disk::list(&self.segments)? {
            if is_aside(&name) || SegmentName::parse(&name).is_some() && !parts.contains(&name) {
                disk::remove(&self.segments.join(name))?;
            }
        }
        if let (Some(folder), Some(base)) = (self.base.parent(), self.base.file_name()) {
            let is_of_base = |name: &String| name_before(name).is_some_and(|(before, _)| base.to_str() == Some(before));
            for name in disk::list(folder)?.into_iter().filter(is_of_base) {
                disk::remove(&folder.join(name))?;
            }
            disk::sync_if_there(folder)?;
        }
        disk::sync_if_there(&self.segments)?;
        self.remove_predecessor()
    }

    /// Removes the predecessor's file where the base has taken its rows over.
    fn remove_predecessor(&self) -> Result<()> {
        let Some(path) = &self.predecessor else { return Ok(()) };
        if disk::stamp(&self.base)?.is_none() {
            return Ok(());
        }
        let Some((_, file)) = disk::open(path)? else { return Ok(()) };
        let expected = Expected { table: &self.name, id_column: &self.id_column, place: Place::Base };
        match file::open(file, expected, &self.memory)? {
            Content::Foreign(..) => {
                disk::remove(path)?;
                path.parent().map_or(Ok(()), disk::sync_if_there)
            }
            // The predecessor's name for this table is our name for another one.
            _ => Ok(()),
        }
    }
}

/// The fold of all files that have what is forgotten, and of those after them; of none, where no file has it. What was
/// asked for before is not stored afterwards in any case.
fn fold_without(stored: &Snapshot, forgotten: Forgotten, number: u64) -> Result<Fold> {
    let nothing = || Segment::of_rows(Rows::empty(), None).map(Arc::new);
    let (first, left_out) = match forgotten {
        Forgotten::All => {
            let inputs = vec![nothing()?];
            let left_out = LeftOut::nothing();
            return Ok(Fold { first: 0, inputs, number, replaces: false, left_out, forgets: true });
        }
        Forgotten::Some(left_out) => (first_with(stored, &left_out)?, left_out),
    };
    let mut inputs: Vec<Arc<Segment>> = stored.segments.iter().skip(first).cloned().collect();
    if inputs.is_empty() {
        inputs.push(nothing()?);
    }
    Ok(Fold { first, inputs, number, replaces: false, left_out, forgets: true })
}

/// The place of the oldest segment that has anything of it; equal to the number of segments where none has.
fn first_with(stored: &Snapshot, left_out: &LeftOut) -> Result<usize> {
    for (place, segment) in stored.segments.iter().enumerate() {
        if !has_any(segment, left_out)? {
            continue;
        }
        let refusal = segment.unreadable().iter().find_map(|column| segment.refusal(stored.table(), &column.name));
        return refusal.filter(|_| segment.is_kept()).map_or(Ok(place), Err);
    }
    Ok(stored.segments.len())
}

fn has_any(segment: &Segment, left_out: &LeftOut) -> Result<bool> {
    let is_left_out = |entry: &str| left_out.columns.contains(keys::column_of(entry));
    let has_column = segment.columns().iter().any(|(name, _)| is_left_out(name))
        || segment.sets().iter().flat_map(|set| &set.columns).any(|entry| is_left_out(entry))
        || segment.unreadable().iter().any(|column| is_left_out(&column.name));
    Ok(has_column || !left_out.ids.is_empty() && !segment.locate(&left_out.ids)?.rows.is_empty())
}
