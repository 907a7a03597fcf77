//! One table of a folder: which files it has now, and a snapshot of them, without waiting for any writer.

mod absent;
mod attempts;
mod chain;
mod commit;
mod compaction;
mod forget;
mod publish;
mod repair;
mod retyped;
mod settled;
mod siblings;
mod update;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub(crate) use self::absent::AbsentIds;
pub(crate) use self::attempts::Attempts;
use self::chain::Chain;
pub(crate) use self::settled::settle;
pub(in crate::storage) use self::siblings::{Siblings, Tables};
pub(crate) use self::update::{Asked, Update, Updated};
use crate::error::{Error, Result};
use crate::locked::locked;
use crate::name::TableName;
use crate::storage::file::{self, Content, Expected, UnreadableColumn};
use crate::storage::memory::Memory;
use crate::storage::place::disk::{self, Mark, Safeguard, Stamp};
use crate::storage::place::{Commits, Place, SegmentName, file_name};
use crate::storage::read::{Segment, Snapshot};

/// How often a reader looks again at files that change while it looks, before it waits for the writer.
const LOOKS: usize = 64;

/// For so long a base that was looked at counts as what it was, and a lock file as the one that has this name. Commits are
/// noted, so that only what another program does is noticed so late, and that a damaged base was set aside, of which no
/// damaged page is answered anyway. To look for each request would take a third to a half of the time of one for a
/// single row.
const BASE_COUNTS: Duration = Duration::from_micros(50);

/// One table of a folder: a base, segments beside it, and its rows as this process last saw them.
#[derive(Debug)]
pub(crate) struct Table {
    name: TableName,
    id_column: String,
    base: PathBuf,
    /// The folder of the segments.
    segments: PathBuf,
    memory: Arc<Memory>,
    /// The file of that table which the Python predecessor would have written, if it has another name.
    predecessor: Option<PathBuf>,
    /// Whether this process has removed what dead writers left.
    is_clean: AtomicBool,
    known: Mutex<Option<Known>>,
    siblings: Siblings,
}

/// The rows of a table in one state of its files.
#[derive(Debug)]
struct Known {
    base: Option<Stamp>,
    /// The lock file and what it was, unless the table is so small that no file of it stays open.
    mark: Option<(Mark, Stamp)>,
    /// The commit that the lock file named; 0 where it named none.
    commit: u64,
    rows: Arc<Snapshot>,
    /// The last commit in the rows, noted or not.
    last: u64,
    /// When the base and the lock file were last found to be the same files.
    base_seen: Option<Instant>,
}

/// What reading a table's files came to.
enum Look {
    Rows {
        known: Known,
        /// Segments whose rows are in other files too.
        folded: Vec<SegmentName>,
    },
    /// A file vanished meanwhile: it was folded into another one.
    Again,
    Damaged {
        place: Place,
        path: PathBuf,
        reason: String,
    },
    /// The files that hold these commits are gone.
    Gap(Commits),
}

impl Known {
    /// Whether a lock file told the last commit before the files were looked at, where there are files of ours.
    fn is_marked(&self) -> bool {
        self.commit > 0 || self.last == 0
    }
}

impl Table {
    pub(in crate::storage) fn new(
        folder: &Path,
        name: &TableName,
        id_column: &str,
        memory: &Arc<Memory>,
        siblings: Siblings,
    ) -> Self {
        let base = folder.join(file_name::parquet(name));
        Self {
            segments: base.with_extension("segments"),
            base,
            predecessor: file_name::predecessor(name).map(|file| folder.join(file)),
            name: name.clone(),
            id_column: id_column.to_owned(),
            memory: Arc::clone(memory),
            is_clean: AtomicBool::new(false),
            known: Mutex::default(),
            siblings,
        }
    }

    pub(crate) fn name(&self) -> &TableName {
        &self.name
    }

    pub(crate) fn id_column(&self) -> &str {
        &self.id_column
    }

    /// The rows as they are now, whoever stored them.
    ///
    /// Waits for no writer, unless files are damaged or gone: then they are repaired as one.
    pub(crate) fn snapshot(&self) -> Result<Arc<Snapshot>> {
        self.with_files(|| self.current())
    }

    fn current(&self) -> Result<Arc<Snapshot>> {
        let mut known = locked(&self.known);
        if let Some(known) = known.as_mut()
            && self.is_current(known)?
        {
            return Ok(Arc::clone(&known.rows));
        }
        let previous = known.as_ref().map(|known| Arc::clone(&known.rows));
        let mut unmarked = None;
        for _ in 0..LOOKS {
            match self.look(previous.as_deref())? {
                Look::Rows { known: found, .. } if found.is_marked() => {
                    return Ok(Arc::clone(&known.insert(found).rows));
                }
                Look::Rows { known: found, .. } => {
                    unmarked = Some(found);
                    break;
                }
                Look::Damaged { .. } => break,
                Look::Again | Look::Gap(_) => std::thread::yield_now(),
            }
        }
        // What does not come right by itself is damaged, or a writer is faster than this reader. Without a mark nothing
        // tells whether a writer changed the files while they were looked at.
        drop(known);
        match (self.lock(), unmarked) {
            // Nor does anybody write a folder that is read-only.
            (Err(cause), Some(found)) if disk::is_denied(&cause) => Ok(self.remember(found)),
            (lock, _) => self.repaired(&mut lock?),
        }
    }

    /// Does something again that failed for too many open files, once the other tables have closed theirs.
    fn with_files<T>(&self, work: impl Fn() -> Result<T>) -> Result<T> {
        match work() {
            Err(cause) if disk::is_out_of_files(&cause) => {
                self.siblings.let_go();
                work()
            }
            done => done,
        }
    }

    /// Closes the table's files, unless they are being looked at.
    fn let_go(&self) {
        if let Ok(mut known) = self.known.try_lock() {
            known.take();
        }
    }

    /// The rows as they are now, or for people why they cannot be read. Repairs nothing.
    pub(crate) fn listed(&self) -> std::result::Result<Arc<Snapshot>, String> {
        self.as_found().unwrap_or_else(|cause| Err(cause.with_causes()))
    }

    fn as_found(&self) -> Result<std::result::Result<Arc<Snapshot>, String>> {
        let previous = self.previous();
        for _ in 0..LOOKS {
            match self.look(previous.as_deref())? {
                Look::Rows { known, .. } => return Ok(Ok(known.rows)),
                Look::Damaged { path, reason, .. } => {
                    let file = Path::new(path.file_name().unwrap_or(path.as_os_str()));
                    return Ok(Err(format!("{} is damaged: {reason}", file.display())));
                }
                Look::Again | Look::Gap(_) => std::thread::yield_now(),
            }
        }
        Ok(Err("segments are gone, or change faster than they are read".to_owned()))
    }

    /// Whether nothing was stored since: no other commit was noted, and the base is the same file.
    fn is_current(&self, known: &mut Known) -> Result<bool> {
        let noted = match &known.mark {
            Some((mark, _)) => mark.read()?,
            None => self.noted()?,
        };
        Ok(noted == known.commit && self.has_same_files(known)?)
    }

    /// Whether the base is the same file, and so is the lock file that is kept open.
    fn has_same_files(&self, known: &mut Known) -> Result<bool> {
        let now = Instant::now();
        if known.base_seen.is_some_and(|seen| now.duration_since(seen) < BASE_COUNTS) {
            return Ok(true);
        }
        let lock = known.mark.as_ref().map(|(_, lock)| *lock);
        let lock = lock.filter(|_| !disk::is_left_out(Safeguard::LockName, &self.base));
        let is_same = disk::stamp(self.source(known.commit)?)? == known.base
            && (lock.is_none() || disk::stamp(&self.lock_file())? == lock);
        known.base_seen = is_same.then_some(now);
        Ok(is_same)
    }

    /// Reads which files there are, and opens those that are not open yet.
    ///
    /// The noted commit is read first. Whatever was acknowledged before is in the files that are read after it, or
    /// else the look is taken again: so no look gives rows that are older than its beginning.
    fn look(&self, previous: Option<&Snapshot>) -> Result<Look> {
        let mark = self.mark()?;
        let commit = mark.as_ref().map_or(Ok(0), |(mark, _)| mark.read())?;
        let (stamp, base) = match self.open(self.source(commit)?, Place::Base, previous)? {
            Opened::Segment(stamp, base) => (stamp, base),
            Opened::Gone => (None, None),
            Opened::Damaged(path, reason) => return Ok(Look::Damaged { place: Place::Base, path, reason }),
        };
        let names = self.segment_names()?;
        let folded = base.as_ref().and_then(|base| base.commits).map(|commits| commits.last);
        let folded = folded.filter(|_| !disk::is_left_out(Safeguard::Watermark, &self.base));
        // Without any file of ours there is nothing that could be gone.
        let expected = if folded.is_none() && names.is_empty() { 0 } else { commit };
        let (chosen, last) = match chain::choose(folded, &names, expected) {
            Chain::Whole { segments, last } => (segments, last.max(commit)),
            Chain::Gap(commits) => return Ok(Look::Gap(commits)),
        };
        let mut segments: Vec<Arc<Segment>> = base.into_iter().collect();
        for name in &chosen {
            match self.open_segment(*name, previous)? {
                Opened::Segment(_, Some(segment)) => segments.push(segment),
                Opened::Segment(_, None) | Opened::Gone => return Ok(Look::Again),
                Opened::Damaged(path, reason) => {
                    return Ok(Look::Damaged { place: Place::Segment(*name), path, reason });
                }
            }
        }
        // Files are removed only after the commit that folded them was noted. Where the noted one lags behind, as after a
        // power cut, no gap shows that some were.
        if commit < last && self.noted()? != commit {
            return Ok(Look::Again);
        }
        let rows = Arc::new(Snapshot::new(&self.name, segments)?);
        let known = Known { base: stamp, mark: mark.filter(|_| rows.is_open()), commit, rows, last, base_seen: None };
        Ok(Look::Rows { known, folded: chain::folded(folded, &names, &chosen) })
    }

    fn open_segment(&self, name: SegmentName, previous: Option<&Snapshot>) -> Result<Opened> {
        self.open(&self.segment_file(name), Place::Segment(name), previous)
    }

    fn open(&self, path: &Path, place: Place, previous: Option<&Snapshot>) -> Result<Opened> {
        match self.open_as_found(path, place, previous) {
            // It was cut between two reads.
            Err(Error::Damaged { path, reason }) => Ok(Opened::Damaged(path, reason)),
            opened => opened,
        }
    }

    fn open_as_found(&self, path: &Path, place: Place, previous: Option<&Snapshot>) -> Result<Opened> {
        let Some((stamp, file)) = disk::open(path)? else { return Ok(Opened::Gone) };
        let mut open = previous.into_iter().flat_map(|previous| &previous.segments);
        if let Some(segment) = open.find(|segment| segment.stamp == Some(stamp)) {
            return Ok(Opened::Segment(Some(stamp), Some(Arc::clone(segment))));
        }
        let expected = Expected { table: &self.name, id_column: &self.id_column, place };
        let segment = match file::open(file, expected, &self.memory)? {
            Content::Own(file) => {
                let replaces = matches!(place, Place::Segment(name) if name.replaces);
                Segment::of_file(file, &self.id_column, replaces, stamp)
            }
            Content::Foreign(rows, unreadable) if place == Place::Base => {
                self.warn_of(&unreadable, path);
                Segment::of_foreign(rows, unreadable, path.to_owned(), path == self.base, stamp)?
            }
            Content::Damaged(reason) => return Ok(Opened::Damaged(path.to_owned(), reason)),
            // The predecessor's name for this table is our name for another one.
            Content::AnotherTable(_) if place == Place::Base && path != self.base => {
                return Ok(Opened::Segment(Some(stamp), None));
            }
            // No other program writes files with the names of segments.
            Content::AnotherTable(reason) | Content::NoTable(reason) if place != Place::Base => {
                return Ok(Opened::Damaged(path.to_owned(), reason));
            }
            Content::Foreign(..) => return Ok(Opened::Damaged(path.to_owned(), "its header is gone".to_owned())),
            Content::AnotherTable(reason) | Content::NoTable(reason) | Content::TooNew(reason) => {
                return Err(Error::ForeignTable { table: self.name.to_string(), path: path.to_owned(), reason });
            }
        };
        Ok(Opened::Segment(Some(stamp), Some(Arc::new(segment))))
    }

    fn warn_of(&self, unreadable: &[UnreadableColumn], path: &Path) {
        for UnreadableColumn { name, reason } in unreadable {
            tracing::warn!(
                table = %self.name, file = %path.display(), column = name, reason,
                "a column of another program's file cannot be read; requests for it fail"
            );
        }
    }

    /// The file that holds the oldest rows, where this commit was noted.
    ///
    /// The predecessor's file does so until a commit writes our own base. After that it is of the past, even if our base is
    /// gone. Where it cannot be written anew, all commits from the first on are in segments.
    fn source(&self, noted: u64) -> Result<&Path> {
        let Some(predecessor) = &self.predecessor else { return Ok(&self.base) };
        if disk::stamp(&self.base)?.is_some() {
            return Ok(&self.base);
        }
        let oldest = self.segment_names()?.iter().map(|name| name.commits.first).min();
        let is_of_now = oldest.map_or(noted == 0, |oldest| oldest == 1);
        Ok(if is_of_now { predecessor } else { &self.base })
    }

    /// The segments that there are. Other files in their folder are no part of the table.
    fn segment_names(&self) -> Result<Vec<SegmentName>> {
        Ok(disk::list(&self.segments)?.iter().filter_map(|name| SegmentName::parse(name)).collect())
    }

    fn lock_file(&self) -> PathBuf {
        self.base.with_extension("lock")
    }

    fn segment_file(&self, name: SegmentName) -> PathBuf {
        self.segments.join(name.file())
    }

    fn path(&self, place: Place) -> PathBuf {
        match place {
            Place::Base => self.base.clone(),
            Place::Segment(name) => self.segment_file(name),
        }
    }

    /// Removes what writers that died had not finished.
    fn clean(&self) -> Result<()> {
        for file in [&self.base, &self.absent_file(), &self.lock_file()] {
            if let (Some(folder), Some(name)) = (file.parent(), file.file_name()) {
                disk::remove_leftovers(folder, &format!("{}-", name.to_string_lossy()))?;
            }
        }
        disk::remove_leftovers(&self.segments, "")
    }

    fn previous(&self) -> Option<Arc<Snapshot>> {
        locked(&self.known).as_ref().map(|known| Arc::clone(&known.rows))
    }

    fn remember(&self, known: Known) -> Arc<Snapshot> {
        Arc::clone(&locked(&self.known).insert(known).rows)
    }

    /// The lock file, to be kept open with these rows.
    fn mark_of(&self, rows: &Snapshot) -> Result<Option<(Mark, Stamp)>> {
        if rows.is_open() { self.mark() } else { Ok(None) }
    }

    fn mark(&self) -> Result<Option<(Mark, Stamp)>> {
        let Some(mark) = Mark::open(&self.lock_file())? else { return Ok(None) };
        let stamp = mark.stamp()?;
        Ok(Some((mark, stamp)))
    }

    /// The last commit that was noted.
    fn noted(&self) -> Result<u64> {
        Mark::open(&self.lock_file())?.map_or(Ok(0), |mark| mark.read())
    }
}

/// A file of a table, opened.
enum Opened {
    /// `None` where the file has no rows of this table.
    Segment(Option<Stamp>, Option<Arc<Segment>>),
    Gone,
    Damaged(PathBuf, String),
}
