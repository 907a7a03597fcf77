//! Damaged files are kept under another name, and what replaces them hides whatever they may have replaced.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use super::publish::WriteLock;
use super::{Known, LOOKS, Look, Opened, Table};
use crate::error::{Error, Result};
use crate::key::IdSet;
use crate::storage::file::{self, Content, Expected, Header};
use crate::storage::place::{Commits, Place, SegmentName, aside, disk, name_before};
use crate::storage::read::{LeftOut, Segment, Snapshot};
use crate::storage::rows::Rows;

/// How many damaged files of one table are kept; the oldest are removed.
const KEPT: usize = 8;

impl Table {
    /// Sets aside those of the table's files of which a byte is damaged, and the suspect, which was reported damaged
    /// again after such a repair. Called when reading showed damage.
    pub(crate) fn repair(&self, suspect: Option<&Path>) -> Result<()> {
        self.with_files(|| self.repaired_in_full(&mut self.lock()?, suspect).map(drop))
    }

    /// Verifies every byte, and repairs what is damaged.
    pub(super) fn repaired_in_full(&self, lock: &mut WriteLock, suspect: Option<&Path>) -> Result<Arc<Snapshot>> {
        let rows = self.repaired(lock)?;
        for segment in &rows.segments {
            // Nothing tells damage of another program's file.
            let Some(file) = segment.file() else { continue };
            let place = segment.name().map_or(Place::Base, Place::Segment);
            let path = self.path(place);
            if !file.is_sound()? {
                self.set_aside(lock, place, &path, "the checksum of a page is wrong")?;
            } else if suspect == Some(path.as_path()) {
                self.set_aside(lock, place, &path, "its checksums are right, but it cannot be read")?;
            }
        }
        self.repaired(lock)
    }

    /// The rows as they are now; what is damaged or gone is replaced by files that say so.
    pub(super) fn repaired(&self, lock: &mut WriteLock) -> Result<Arc<Snapshot>> {
        for _ in 0..LOOKS {
            self.begin(lock)?;
            match self.look(self.previous().as_deref())? {
                Look::Rows { mut known, folded } => {
                    if self.settle(&mut known, lock)? && !self.remove_left(&folded)? {
                        lock.last = known.last;
                        return Ok(self.remember(known));
                    }
                }
                Look::Again => {}
                Look::Damaged { place, path, reason } => self.set_aside(lock, place, &path, &reason)?,
                Look::Gap(commits) => self.fill(lock, commits)?,
            }
        }
        // No other writer is at work, so what is there is not to be explained.
        Err(Error::Io {
            action: "make sense of the files in",
            path: self.segments.clone(),
            source: ErrorKind::InvalidData.into(),
        })
    }

    /// Syncs what a writer had put in place that died before it noted its commit. The next commits stand on it.
    /// `false` where the lock file was replaced meanwhile.
    fn settle(&self, known: &mut Known, lock: &WriteLock) -> Result<bool> {
        if known.commit == known.last {
            return Ok(true);
        }
        self.sync_folders()?;
        if !lock.note(known.last)? {
            return Ok(false);
        }
        known.commit = known.last;
        known.mark = self.mark_of(&known.rows)?;
        Ok(true)
    }

    /// Removes folded segments that a writer left which died meanwhile. Whether there were any.
    fn remove_left(&self, folded: &[SegmentName]) -> Result<bool> {
        let is_ours = |name: &&SegmentName| matches!(self.open_segment(**name, None), Ok(Opened::Segment(_, Some(_))));
        let left: Vec<SegmentName> = folded.iter().filter(is_ours).copied().collect();
        if !left.is_empty() {
            // That writer may have died before the file that it had folded them into was sure to last.
            self.sync_folders()?;
            return Ok(self.remove_folded(left));
        }
        Ok(false)
    }

    fn sync_folders(&self) -> Result<()> {
        self.base.parent().map_or(Ok(()), disk::sync_if_there)?;
        disk::sync_if_there(&self.segments)
    }

    /// Keeps a damaged file under another name, and puts what is left of it in its place.
    fn set_aside(&self, lock: &mut WriteLock, place: Place, path: &Path, reason: &str) -> Result<()> {
        let kept = disk::keep(path, (1..).map(|number| aside(path, number)))?;
        Self::remove_oldest(path)?;
        let (left, hides_older) = match place {
            Place::Base => (Rows::empty(), false),
            Place::Segment(name) => match self.ids_left(path, name) {
                Some(ids) => (Rows::lost(ids), false),
                None => (Rows::empty(), name.replaces),
            },
        };
        let commits = match place {
            Place::Base => Commits { first: 0, last: self.before_segments()? },
            Place::Segment(name) => name.commits,
        };
        let left = Snapshot::of_rows(&self.name, left)?;
        let mut header = Header::new(&self.name, &self.id_column, commits);
        // It may have said that rows were forgotten.
        (header.hides_older, header.forgot) = (hides_older, commits.last);
        if !self.write(lock, place, header, &left, &LeftOut::nothing())? {
            // Another writer was first.
            return disk::remove(&kept);
        }
        tracing::warn!(
            table = %self.name, file = %path.display(), kept_as = %kept.display(), reason,
            "a damaged file was set aside; its rows will be fetched again"
        );
        Ok(())
    }

    /// Puts a file in the place of those that are gone. What they held is not known: they may have replaced any row.
    fn fill(&self, lock: &mut WriteLock, commits: Commits) -> Result<()> {
        disk::create_folder(&self.segments)?;
        let name = SegmentName { commits, replaces: true };
        let path = self.segment_file(name);
        let mut header = Header::new(&self.name, &self.id_column, commits);
        (header.hides_older, header.forgot) = (true, commits.last);
        let nothing = Snapshot::of_rows(&self.name, Rows::empty())?;
        if !self.write(lock, Place::Segment(name), header, &nothing, &LeftOut::nothing())? {
            return Ok(());
        }
        tracing::warn!(
            table = %self.name, file = %path.display(),
            "files of the table are gone; older rows that they may have replaced will be fetched again"
        );
        Ok(())
    }

    /// The ids of a damaged segment, where its index and its ids are sound.
    fn ids_left(&self, path: &Path, name: SegmentName) -> Option<IdSet> {
        let (_, file) = disk::open(path).ok()??;
        let expected = Expected { table: &self.name, id_column: &self.id_column, place: Place::Segment(name) };
        match file::open(file, expected, &self.memory).ok()? {
            Content::Own(file) if !file.header().hides_older => file.ids().ok(),
            _ => None,
        }
    }

    /// The last commit before those that segments hold.
    fn before_segments(&self) -> Result<u64> {
        match self.segment_names()?.iter().map(|name| name.commits.first).min() {
            Some(first) => Ok(first.saturating_sub(1)),
            None => self.noted(),
        }
    }

    fn remove_oldest(path: &Path) -> Result<()> {
        let Some(folder) = path.parent() else { return Ok(()) };
        let Some(file) = path.file_name().and_then(|name| name.to_str()) else { return Ok(()) };
        let names = disk::list(folder)?;
        let mut numbers: Vec<u64> = names
            .iter()
            .filter_map(|name| name_before(name))
            .filter(|(before, _)| *before == file)
            .map(|(_, number)| number)
            .collect();
        numbers.sort_unstable();
        let surplus = numbers.len().saturating_sub(KEPT);
        numbers.into_iter().take(surplus).try_for_each(|number| disk::remove(&aside(path, number)))
    }
}

impl Snapshot {
    /// A snapshot of rows that are in no file.
    pub(super) fn of_rows(table: &crate::name::TableName, rows: Rows) -> Result<Self> {
        Self::new(table, vec![Arc::new(Segment::of_rows(rows, None)?)])
    }
}
