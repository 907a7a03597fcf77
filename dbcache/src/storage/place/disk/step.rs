//! One call to the file system, named before it is made, so that tests can count it, record it and let it fail.

use std::io;
use std::path::Path;

/// A call, and what it is made on. Without the feature `__fault-injection` it is nothing but its call.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "__fault-injection"), expect(dead_code, reason = "only tests look at what a call is made on"))]
pub(super) enum Step<'a> {
    /// Asks whether a file is there, and for its size and times.
    Look(&'a Path),
    Open(&'a Path),
    /// Reads so many bytes.
    Read(&'a Path, usize),
    List(&'a Path),
    /// Creates a temporary file beside this one.
    Create(&'a Path),
    /// Adds bytes to a file.
    Write(&'a Path, &'a [u8]),
    Sync(&'a Path),
    Rename(&'a Path, &'a Path),
    /// Gives a file a second name.
    Link(&'a Path, &'a Path),
    SyncFolder(&'a Path),
    Remove(&'a Path),
    CreateFolder(&'a Path),
    /// Opens a file to lock it, and creates it where there is none.
    OpenLock(&'a Path),
    Lock(&'a Path),
    /// Writes these bytes over the first ones of a lock file.
    WriteMark(&'a Path, &'a [u8]),
}

impl Step<'_> {
    #[inline]
    pub(super) fn run<T>(self, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        #[cfg(feature = "__fault-injection")]
        return super::faults::run(self, call);
        #[cfg(not(feature = "__fault-injection"))]
        return (self, call()).1;
    }
}

/// What a commit relies on so that nothing is lost. Tests leave one out to show that they would notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "__fault-injection"), expect(unreachable_pub, reason = "only tests name it"))]
pub enum Safeguard {
    /// Syncing a file before it is renamed.
    FileSync,
    /// Syncing the folder before rows are acknowledged.
    FolderSync,
    /// Noting the last commit where readers see it.
    Mark,
    /// Passing over the segments that the base has taken in.
    Watermark,
    /// Replacing files only where nobody else has changed the table.
    Swap,
    /// Asking whether a lock file still has its name.
    LockName,
}

/// Whether a test asks that this be left out in this folder, or in that of this file.
#[cfg(feature = "__fault-injection")]
pub(in crate::storage) fn is_left_out(safeguard: Safeguard, path: &Path) -> bool {
    super::faults::is_left_out(safeguard, path)
}

#[cfg(not(feature = "__fault-injection"))]
#[inline]
pub(in crate::storage) fn is_left_out(_: Safeguard, _: &Path) -> bool {
    false
}

/// How large a file counts as when files to fold are chosen: its size, but in folders where a test has tables split
/// early.
#[cfg(feature = "__fault-injection")]
pub(in crate::storage) fn size_to_fold(path: &Path, size: u64) -> u64 {
    const TIMES: u64 = 512;
    let is_split_early = path.components().any(|part| part.as_os_str() == super::faults::SPLIT_EARLY);
    if is_split_early { size.saturating_mul(TIMES) } else { size }
}

#[cfg(not(feature = "__fault-injection"))]
#[inline]
pub(in crate::storage) fn size_to_fold(_: &Path, size: u64) -> u64 {
    size
}
