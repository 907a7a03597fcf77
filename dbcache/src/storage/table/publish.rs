//! The table's only writer: how it holds the lock file, and puts a file in its place only where nobody else has changed
//! the table.
//!
//! While the lock file keeps its name, the lock is enough. Where somebody removes or replaces it, another writer may
//! be at work. So a file is put in its place as by compare-and-swap: under a lock on the base, and only if the lock file
//! and the names of the table's files are what this writer found when it looked.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::{BASE_COUNTS, Table};
use crate::error::Result;
use crate::storage::place::disk::{self, Hold, Mark, Safeguard, Stamp, Writing};
use crate::storage::place::{Place, SegmentName};

/// Held by a table's only writer, in all processes.
#[derive(Debug)]
pub(super) struct WriteLock {
    mark: Mark,
    /// When the lock file was last known to have its name.
    since: Instant,
    /// The files that the table had when this writer looked.
    files: Files,
    /// The last commit in them.
    pub(super) last: u64,
}

/// Which files make up a table.
#[derive(Debug, Default, PartialEq, Eq)]
struct Files {
    base: Option<Stamp>,
    segments: Vec<SegmentName>,
}

impl WriteLock {
    /// Notes a durable commit where readers see it. `false` where they might not, since the lock file was replaced.
    pub(super) fn note(&self, commit: u64) -> Result<bool> {
        if !self.mark.has_only_name()? {
            return Ok(false);
        }
        self.mark.write(commit)?;
        if !self.mark.has_name()? {
            return Ok(false);
        }
        // A reader may trust for so long that an older lock file still has its name.
        std::thread::sleep(BASE_COUNTS.saturating_sub(self.since.elapsed()));
        Ok(true)
    }
}

impl Table {
    /// Makes this the table's only writer until the lock is dropped.
    pub(super) fn lock(&self) -> Result<WriteLock> {
        if let Some(folder) = self.base.parent() {
            disk::create_folder(folder)?;
        }
        let mark = Mark::lock(&self.lock_file())?;
        let since = Instant::now();
        if !self.is_clean.load(Ordering::Relaxed) {
            self.clean()?;
            self.is_clean.store(true, Ordering::Relaxed);
        }
        Ok(WriteLock { mark, since, files: Files::default(), last: 0 })
    }

    /// Takes the lock again if the lock file was removed, replaced or linked, and remembers which files there are. What is
    /// looked at afterwards may be written over.
    pub(super) fn begin(&self, lock: &mut WriteLock) -> Result<()> {
        if !lock.mark.has_only_name()? {
            lock.mark.unlock()?;
            *lock = self.lock()?;
        }
        lock.files = self.files()?;
        Ok(())
    }

    fn files(&self) -> Result<Files> {
        let mut segments = self.segment_names()?;
        segments.sort_unstable();
        Ok(Files { base: disk::stamp(&self.base)?, segments })
    }

    /// Puts a file in its place, durably. `false` where the table has changed since this writer looked: then nothing is
    /// done.
    pub(super) fn publish(&self, lock: &mut WriteLock, file: Writing, place: Place) -> Result<bool> {
        let path = self.path(place);
        file.sync()?;
        let hold = Hold::of(&self.base)?;
        let is_safe = !disk::is_left_out(Safeguard::Swap, &self.base);
        let is_changed = matches!(hold, Hold::Replaced) || !lock.mark.has_name()? || self.files()? != lock.files;
        if is_safe && is_changed {
            return Ok(false);
        }
        let replaces = !(is_safe && matches!(hold, Hold::Free) && place == Place::Base);
        if !file.rename(replaces)? {
            return Ok(false);
        }
        let files = self.files();
        drop(hold);
        // Whatever failed meanwhile: until this is done, nothing of the folder is answered.
        disk::sync_folder_of(&path)?;
        lock.files = files?;
        Ok(true)
    }
}
