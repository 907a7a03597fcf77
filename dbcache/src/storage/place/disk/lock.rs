//! The lock file of a table, which also says what the last commit is; and locks on other files.
//!
//! Anybody may remove or replace a lock file while processes use it. Then each of two processes holds a lock, on
//! different files. So whoever relies on one asks whether the file still has its name.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::{Safeguard, Stamp, Step, Writing, found, io_error, is_left_out, look, read_exact_at, stamp, write_all_at};
use crate::error::Result;

/// How often a file is opened anew that is replaced while its lock is waited for.
///
/// The processes that wait for the lock on a replaced file get it one after the other, so on a busy machine the last of
/// them may be late many times in a row. Each attempt waits for others and costs little itself.
const ATTEMPTS: usize = 1_000;

/// Tells files apart, whatever happens to their names and contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    #[cfg(unix)]
    file: (u64, u64),
    #[cfg(not(unix))]
    created: Option<std::time::SystemTime>,
}

impl Identity {
    #[cfg(unix)]
    fn of(metadata: &fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self { file: (metadata.dev(), metadata.ino()) }
    }

    #[cfg(not(unix))]
    fn of(metadata: &fs::Metadata) -> Self {
        Self { created: metadata.created().ok() }
    }
}

/// Whether a name still leads to an open file.
fn has_name(file: &File, path: &Path) -> Result<bool> {
    let open = file.metadata().map_err(io_error("look at", path))?;
    let named = found(look(path)).map_err(io_error("look at", path))?;
    Ok(named.is_some_and(|named| Identity::of(&named) == Identity::of(&open)))
}

/// Waits for the lock on a file. Waiting is broken off by any signal that the program handles.
fn wait_for(file: &File, path: &Path) -> io::Result<()> {
    loop {
        match Step::Lock(path).run(|| file.lock()) {
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            locked => return locked,
        }
    }
}

/// A lock file. It holds the number of the table's last commit, for readers to see at once.
///
/// The number is written after the commit is durable and is not synced itself. So it may fall back after a power cut,
/// but it never runs ahead of what is there.
#[derive(Debug)]
pub(in crate::storage) struct Mark {
    file: File,
    path: PathBuf,
}

const MARK: usize = 2 * size_of::<u64>();

impl Mark {
    /// Opens the mark for reading; `None` where there is none yet.
    pub(in crate::storage) fn open(path: &Path) -> Result<Option<Self>> {
        let open = || look(path).and_then(|_| Step::Open(path).run(|| File::open(path)));
        let file = found(open()).map_err(io_error("open", path))?;
        Ok(file.map(|file| Self { file, path: path.to_owned() }))
    }

    /// Takes the lock, waiting for whoever holds it. It ends when the mark is dropped.
    ///
    /// The file has its name and no other one when this returns.
    pub(in crate::storage) fn lock(path: &Path) -> Result<Self> {
        for _ in 0..ATTEMPTS {
            let mark = Self::lock_as_found(path)?;
            if !mark.has_name()? {
                continue;
            }
            if !mark.is_shared()? {
                return Ok(mark);
            }
            mark.part()?;
        }
        Err(io_error("lock", path)(io::Error::other("it is replaced again and again")))
    }

    fn lock_as_found(path: &Path) -> Result<Self> {
        found(look(path)).map_err(io_error("open", path))?;
        let open = || File::options().create(true).truncate(false).read(true).write(true).open(path);
        let file = Step::OpenLock(path).run(open).map_err(io_error("open", path))?;
        wait_for(&file, path).map_err(io_error("lock", path))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Ends the lock. For those who take it again: to wait for one lock while holding another may be to wait for ever.
    pub(in crate::storage) fn unlock(&self) -> Result<()> {
        self.file.unlock().map_err(io_error("unlock", &self.path))
    }

    /// Whether this is still the lock file.
    pub(in crate::storage) fn has_name(&self) -> Result<bool> {
        if is_left_out(Safeguard::LockName, &self.path) {
            return Ok(true);
        }
        has_name(&self.file, &self.path)
    }

    /// Whether this is still the lock file, and that of no other folder.
    pub(in crate::storage) fn has_only_name(&self) -> Result<bool> {
        Ok(self.has_name()? && !self.is_shared()?)
    }

    /// Whether the file has a second name, as in a copy of the folder that is made of links.
    fn is_shared(&self) -> Result<bool> {
        let metadata = self.file.metadata().map_err(io_error("look at", &self.path))?;
        #[cfg(unix)]
        let names = std::os::unix::fs::MetadataExt::nlink(&metadata);
        #[cfg(not(unix))]
        let names = u64::from(metadata.is_file());
        Ok(names > 1)
    }

    /// Puts a copy in place of a file that has a second name, so that a commit here is none there.
    fn part(&self) -> Result<()> {
        let mut copy = Writing::create(&self.path)?;
        copy.write(&Self::bytes(self.read()?))?;
        copy.rename(true).map(drop)
    }

    /// What tells one state of the open file from another.
    pub(in crate::storage) fn stamp(&self) -> Result<Stamp> {
        self.file.metadata().map(|metadata| Stamp::of(&metadata)).map_err(io_error("look at", &self.path))
    }

    /// The number of the last commit, or 0 where that is not known.
    pub(in crate::storage) fn read(&self) -> Result<u64> {
        let mut bytes = [0; MARK];
        match Step::Read(&self.path, bytes.len()).run(|| read_exact_at(&self.file, &mut bytes, 0)) {
            Ok(()) => {}
            Err(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
            Err(cause) => return Err(io_error("read", &self.path)(cause)),
        }
        let (words, _) = bytes.as_chunks();
        // A reader may see half of what is being written.
        Ok(match words {
            [commit, check] if u64::from_le_bytes(*check) == !u64::from_le_bytes(*commit) => {
                u64::from_le_bytes(*commit)
            }
            _ => 0,
        })
    }

    pub(in crate::storage) fn write(&self, commit: u64) -> Result<()> {
        if is_left_out(Safeguard::Mark, &self.path) {
            return Ok(());
        }
        let bytes = Self::bytes(commit);
        let written = Step::WriteMark(&self.path, &bytes).run(|| write_all_at(&self.file, &bytes, 0));
        written.map_err(io_error("write", &self.path))
    }

    fn bytes(commit: u64) -> [u8; MARK] {
        let mut bytes = [0; MARK];
        let words = [commit, !commit].into_iter().flat_map(u64::to_le_bytes);
        bytes.iter_mut().zip(words).for_each(|(byte, value)| *byte = value);
        bytes
    }
}

/// Keeps others from replacing a file, while they ask for this too. It ends when it is dropped.
#[derive(Debug)]
pub(in crate::storage) enum Hold {
    /// The file has its name, and a lock; which is `None` where the file system has no such locks.
    Held(#[expect(dead_code, reason = "the lock lasts as long as the file is open")] Option<File>),
    /// No file has the name.
    Free,
    /// The file was replaced meanwhile.
    Replaced,
}

impl Hold {
    pub(in crate::storage) fn of(path: &Path) -> Result<Self> {
        // Where locks are binding, this one would keep readers out.
        if !cfg!(unix) {
            return Ok(if stamp(path)?.is_some() { Self::Held(None) } else { Self::Free });
        }
        let file = match look(path).and_then(|_| Step::Open(path).run(|| File::open(path))) {
            Ok(file) => file,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Self::Free),
            // Somebody else's file, which may be replaced all the same.
            Err(cause) if cause.kind() == io::ErrorKind::PermissionDenied => return Ok(Self::Held(None)),
            Err(cause) => return Err(io_error("open", path)(cause)),
        };
        match wait_for(&file, path) {
            Ok(()) if has_name(&file, path)? => Ok(Self::Held(Some(file))),
            Ok(()) => Ok(Self::Replaced),
            Err(cause) if has_no_locks(&cause) => Ok(Self::Held(None)),
            Err(cause) => Err(io_error("lock", path)(cause)),
        }
    }
}

/// Whether a file system cannot lock a file that is open for reading, as NFS.
fn has_no_locks(cause: &io::Error) -> bool {
    const EBADF: i32 = 9;
    const EINVAL: i32 = 22;
    cause.kind() == io::ErrorKind::Unsupported || matches!(cause.raw_os_error(), Some(EBADF | EINVAL))
}

/// Marks a file that is being written as alive. `false` where somebody took it for the left-over of a writer that died.
pub(super) fn claim(file: &File, path: &Path) -> Result<bool> {
    Ok(!cfg!(unix) || try_lock(file, path)? && has_name(file, path)?)
}

/// Whether whoever began a file has died, or has finished it.
pub(super) fn is_abandoned(path: &Path) -> Result<bool> {
    let named = found(Step::Look(path).run(|| fs::symlink_metadata(path))).map_err(io_error("look at", path))?;
    // No writer begins a pipe or a link.
    if !cfg!(unix) || named.is_some_and(|named| !named.is_file()) {
        return Ok(true);
    }
    match Step::Open(path).run(|| File::open(path)) {
        Ok(file) => try_lock(&file, path),
        // Finished meanwhile, or another user's.
        Err(cause) if matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => Ok(false),
        Err(cause) => Err(io_error("open", path)(cause)),
    }
}

fn try_lock(file: &File, path: &Path) -> Result<bool> {
    let locked = Step::Lock(path).run(|| match file.try_lock() {
        Ok(()) => Ok(true),
        Err(fs::TryLockError::WouldBlock) => Ok(false),
        Err(fs::TryLockError::Error(cause)) if has_no_locks(&cause) => Ok(true),
        Err(fs::TryLockError::Error(cause)) => Err(cause),
    });
    locked.map_err(io_error("lock", path))
}
