//! The file system: the only place that touches it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::error::{Error, Result};

/// Temporary files begin so, then comes the name of the file that they become.
const TEMPORARY: &str = ".writing-";

/// Tells one state of a file from another: every replacement is a new file, and writing in place changes the times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    file: u64,
    length: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    fn of(metadata: &fs::Metadata) -> Self {
        Self { file: file_number(metadata), length: metadata.len(), modified: metadata.modified().ok() }
    }
}

#[cfg(unix)]
fn file_number(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn file_number(_: &fs::Metadata) -> u64 {
    0
}

/// The stamp of a file, or `None` where there is none.
pub(super) fn stamp(path: &Path) -> Result<Option<Stamp>> {
    let metadata = found(fs::metadata(path)).map_err(io_error("look at", path))?;
    Ok(metadata.as_ref().map(Stamp::of))
}

/// A file open for reading at any place. It stays what it was when another one takes its name.
#[derive(Debug)]
pub(super) struct OpenFile {
    file: File,
    path: PathBuf,
    length: u64,
}

/// Opens a file, with the stamp of exactly what is read of it, or `None` where there is none.
pub(super) fn open(path: &Path) -> Result<Option<(Stamp, OpenFile)>> {
    let Some(file) = found(File::open(path)).map_err(io_error("open", path))? else {
        return Ok(None);
    };
    let metadata = file.metadata().map_err(io_error("look at", path))?;
    let open = OpenFile { file, path: path.to_owned(), length: metadata.len() };
    Ok(Some((Stamp::of(&metadata), open)))
}

impl OpenFile {
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The bytes at these places, all of them.
    pub(super) fn read(&self, places: Range<u64>) -> Result<Vec<u8>> {
        let length = usize::try_from(places.end.saturating_sub(places.start)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; length];
        read_exact_at(&self.file, &mut bytes, places.start).map_err(io_error("read", &self.path))?;
        Ok(bytes)
    }

    /// The error that says that this file is not what was written.
    pub(super) fn damaged(&self, reason: &str) -> Error {
        Error::Damaged { path: self.path.clone(), reason: reason.to_owned() }
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, bytes: &mut [u8], place: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, place)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut bytes: &mut [u8], mut place: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, place)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                bytes = bytes.get_mut(read..).unwrap_or_default();
                place += read as u64;
            }
        }
    }
    Ok(())
}

/// Writes a file in full, or leaves the old one as it is, whatever happens in between.
///
/// The bytes go to a temporary file, which is synced, then renamed over the old file; syncing the folder makes the
/// rename last. Only after that does this function return.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<Stamp> {
    let folder = folder_of(path);
    let mut temporary = temporary(path).map_err(io_error("create a file in", folder))?;
    temporary.write_all(bytes).map_err(io_error("write", temporary.path()))?;
    temporary.as_file().sync_all().map_err(io_error("sync", temporary.path()))?;
    let file = temporary.persist(path).map_err(|cause| io_error("rename a file to", path)(cause.error))?;
    sync_folder(folder)?;
    let metadata = file.metadata().map_err(io_error("look at", path))?;
    Ok(Stamp::of(&metadata))
}

/// Moves a file to the first free of some names, and returns that name.
pub(super) fn set_aside(path: &Path, names: impl Iterator<Item = PathBuf>) -> Result<PathBuf> {
    for name in names {
        if name.try_exists().map_err(io_error("look at", &name))? {
            continue;
        }
        fs::rename(path, &name).map_err(io_error("set aside", path))?;
        sync_folder(folder_of(path))?;
        return Ok(name);
    }
    Err(io_error("set aside", path)(io::ErrorKind::AlreadyExists.into()))
}

/// Removes what a writer that died left of `path`. The caller holds the table's lock, so no writer is alive.
pub(super) fn remove_leftovers(path: &Path) -> Result<()> {
    let folder = folder_of(path);
    let prefix = temporary_prefix(path);
    for entry in fs::read_dir(folder).map_err(io_error("list", folder))? {
        let entry = entry.map_err(io_error("list", folder))?;
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            fs::remove_file(entry.path()).map_err(io_error("remove", &entry.path()))?;
        }
    }
    Ok(())
}

/// Creates a folder and its parents, so that they last.
pub(super) fn create_folder(folder: &Path) -> Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|part| !is_root(part) && !part.is_dir()).collect();
    fs::create_dir_all(folder).map_err(io_error("create the folder", folder))?;
    missing.into_iter().rev().try_for_each(|created| sync_folder(folder_of(created)))
}

/// The empty path is the parent of a relative path of one part: the current folder.
fn is_root(path: &Path) -> bool {
    path.as_os_str().is_empty()
}

/// Opens the file that a lock is held on, which is never removed.
pub(super) fn lock(path: &Path) -> Result<File> {
    let file = File::options().create(true).truncate(false).write(true).open(path).map_err(io_error("open", path))?;
    file.lock().map_err(io_error("lock", path))?;
    Ok(file)
}

/// A new file beside `path`, as readable to others as the user's settings make any file.
fn temporary(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let prefix = temporary_prefix(path);
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder_of(path))
}

fn temporary_prefix(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    format!("{TEMPORARY}{name}-")
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> Result<()> {
    let folder = if is_root(folder) { Path::new(".") } else { folder };
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io_error("sync the folder", folder))
}

/// Other systems have no call for it; NTFS journals its folders.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> Result<()> {
    Ok(())
}

fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(cause),
    }
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { action, path, source }
}
