//! The file system: the only place that touches it, each call as a [`Step`].

#[cfg(feature = "__fault-injection")]
pub mod faults;
mod lock;
mod step;

use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::SystemTime;

pub(in crate::storage) use self::lock::{Hold, Mark};
use self::step::Step;
pub(in crate::storage) use self::step::{Safeguard, is_left_out, size_to_fold};
use crate::error::{Error, Result};
use crate::locked::locked;

/// How often a new file is begun that somebody removes.
const CREATIONS: usize = 64;
/// Temporary files begin so, then comes the name of the file that they become.
pub(in crate::storage) const TEMPORARY: &str = ".writing-";

/// Tells one state of a file from another: every replacement is a new file, and writing in place changes the times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::storage) struct Stamp {
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
pub(in crate::storage) fn stamp(path: &Path) -> Result<Option<Stamp>> {
    settle(path)?;
    let metadata = found(look(path)).map_err(io_error("look at", path))?;
    Ok(metadata.as_ref().map(Stamp::of))
}

/// How many bytes a file takes; none where there is none.
pub(in crate::storage) fn length(path: &Path) -> Result<u64> {
    Ok(stamp(path)?.map_or(0, |stamp| stamp.length))
}

/// What is known of a file. Anything else of that name is an error: to open a pipe would wait for ever.
fn look(path: &Path) -> io::Result<fs::Metadata> {
    let metadata = Step::Look(path).run(|| fs::metadata(path))?;
    if metadata.is_file() { Ok(metadata) } else { Err(io::Error::other("it is no ordinary file")) }
}

/// A file open for reading at any place. It stays what it was when another one takes its name.
#[derive(Debug)]
pub(in crate::storage) struct OpenFile {
    bytes: Bytes,
    path: PathBuf,
    length: u64,
}

/// Files up to this size are read whole, so that many small tables need no open files.
const SMALL: u64 = 32 * 1024;

#[derive(Debug)]
enum Bytes {
    InFile(File),
    InMemory(Vec<u8>),
}

/// Opens a file, with the stamp of exactly what is read of it, or `None` where there is none.
pub(in crate::storage) fn open(path: &Path) -> Result<Option<(Stamp, OpenFile)>> {
    settle(path)?;
    let open = || look(path).and_then(|_| Step::Open(path).run(|| File::open(path)));
    let Some(file) = found(open()).map_err(io_error("open", path))? else {
        return Ok(None);
    };
    let metadata = file.metadata().map_err(io_error("look at", path))?;
    let mut open = OpenFile { bytes: Bytes::InFile(file), path: path.to_owned(), length: metadata.len() };
    if open.length <= SMALL {
        open.bytes = Bytes::InMemory(open.read(0..open.length)?);
    }
    Ok(Some((Stamp::of(&metadata), open)))
}

impl OpenFile {
    pub(in crate::storage) fn length(&self) -> u64 {
        self.length
    }

    /// Whether the system counts the file as open.
    pub(in crate::storage) fn is_open(&self) -> bool {
        matches!(self.bytes, Bytes::InFile(_))
    }

    /// The bytes at these places, all of them.
    pub(in crate::storage) fn read(&self, places: Range<u64>) -> Result<Vec<u8>> {
        let length = places.end.checked_sub(places.start).and_then(|length| usize::try_from(length).ok());
        let mut bytes = vec![0; length.ok_or_else(|| self.damaged("its parts are not where they should be"))?];
        self.read_to(places.start, &mut bytes)?;
        Ok(bytes)
    }

    /// Fills `bytes` with those from this place on.
    pub(in crate::storage) fn read_to(&self, place: u64, bytes: &mut [u8]) -> Result<()> {
        let read = match &self.bytes {
            Bytes::InMemory(all) => {
                let wanted = usize::try_from(place).ok().and_then(|start| all.get(start..)?.get(..bytes.len()));
                wanted.map(|wanted| bytes.copy_from_slice(wanted)).ok_or(io::ErrorKind::UnexpectedEof.into())
            }
            Bytes::InFile(file) => Step::Read(&self.path, bytes.len()).run(|| read_exact_at(file, bytes, place)),
        };
        match read {
            // The length was checked when the file was opened: somebody has cut it since.
            Err(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => Err(self.damaged("it ends too early")),
            read => read.map_err(io_error("read", &self.path)),
        }
    }

    /// The error that says that this file is not what was written.
    pub(in crate::storage) fn damaged(&self, reason: &str) -> Error {
        Error::Damaged { path: self.path.clone(), reason: reason.to_owned() }
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, bytes: &mut [u8], place: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, place)
}

#[cfg(unix)]
fn write_all_at(file: &File, bytes: &[u8], place: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, place)
}

#[cfg(windows)]
fn write_all_at(file: &File, bytes: &[u8], place: u64) -> io::Result<()> {
    match std::os::windows::fs::FileExt::seek_write(file, bytes, place)? {
        written if written == bytes.len() => Ok(()),
        _ => Err(io::ErrorKind::WriteZero.into()),
    }
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut bytes: &mut [u8], mut place: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, place)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                // The system reads no more than there is room for.
                bytes = bytes.get_mut(read..).unwrap_or_default();
                place += read as u64;
            }
        }
    }
    Ok(())
}

/// A file that is being written under another name, beside the place that it is to have.
///
/// Dropped before [`finish`](Self::finish), it is removed.
#[derive(Debug)]
pub(in crate::storage) struct Writing {
    temporary: tempfile::NamedTempFile,
    path: PathBuf,
}

impl Writing {
    pub(in crate::storage) fn create(path: &Path) -> Result<Self> {
        for _ in 0..CREATIONS {
            let temporary = Step::Create(path).run(|| temporary(path));
            let temporary = temporary.map_err(io_error("create a file in", folder_of(path)))?;
            if lock::claim(temporary.as_file(), temporary.path())? {
                return Ok(Self { temporary, path: path.to_owned() });
            }
        }
        Err(io_error("create a file in", folder_of(path))(io::Error::other("what is written there is removed")))
    }

    /// Adds bytes to the file.
    pub(in crate::storage) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let (path, mut file) = (self.temporary.path(), self.temporary.as_file());
        Step::Write(path, bytes).run(|| file.write_all(bytes)).map_err(io_error("write", path))
    }

    /// Puts the file in its place, or leaves the old one as it is, whatever happens in between.
    ///
    /// The file is synced, then renamed over the old one; syncing the folder makes the rename last. Only after that
    /// does this function return.
    pub(in crate::storage) fn finish(self) -> Result<()> {
        let path = self.path.clone();
        self.sync()?;
        self.rename(true)?;
        sync_folder(folder_of(&path))
    }

    pub(in crate::storage) fn sync(&self) -> Result<()> {
        sync(self.temporary.as_file(), self.temporary.path())
    }

    /// Gives the file its name. `false` where another file has the name, and may not be replaced.
    pub(in crate::storage) fn rename(self, replaces: bool) -> Result<bool> {
        let Self { temporary, path } = self;
        let writing = temporary.path().to_owned();
        let renamed = Step::Rename(&writing, &path).run(|| {
            let temporary = if replaces {
                temporary
            } else {
                match temporary.persist_noclobber(&path) {
                    Ok(_) => return Ok(true),
                    Err(_) if found(fs::metadata(&path))?.is_some() => return Ok(false),
                    // A link to nothing has the name, or the file system cannot do that.
                    Err(refused) => refused.file,
                }
            };
            temporary.persist(&path).map(|_| true).map_err(|cause| cause.error)
        });
        renamed.map_err(io_error("rename a file to", &path))
    }
}

fn sync(file: &File, path: &Path) -> Result<()> {
    if is_left_out(Safeguard::FileSync, path) {
        return Ok(());
    }
    Step::Sync(path).run(|| file.sync_all()).map_err(io_error("sync", path))
}

/// The names of the files in a folder; none where there is no folder.
pub(in crate::storage) fn list(folder: &Path) -> Result<Vec<String>> {
    settle(folder)?;
    let entries = found(Step::List(folder).run(|| fs::read_dir(folder))).map_err(io_error("list", folder))?;
    let names = entries.into_iter().flatten().map(|entry| entry.map(|entry| entry.file_name().into_string().ok()));
    let names: io::Result<Vec<Option<String>>> = names.collect();
    // A name that is not text is none of ours.
    Ok(names.map_err(io_error("list", folder))?.into_iter().flatten().collect())
}

/// Removes a file that nothing needs any more; that it is gone already is no error.
pub(in crate::storage) fn remove(path: &Path) -> Result<()> {
    found(Step::Remove(path).run(|| fs::remove_file(path))).map_err(io_error("remove", path)).map(drop)
}

/// Keeps a file under the first free of some names too, and returns that name. The file stays where it is.
pub(in crate::storage) fn keep(path: &Path, names: impl Iterator<Item = PathBuf>) -> Result<PathBuf> {
    for name in names {
        if Step::Look(&name).run(|| name.try_exists()).map_err(io_error("look at", &name))? {
            continue;
        }
        // Not every file system has links.
        let kept =
            Step::Link(path, &name).run(|| fs::hard_link(path, &name).or_else(|_| fs::copy(path, &name).map(drop)));
        kept.map_err(io_error("set aside", path))?;
        sync_folder(folder_of(path))?;
        return Ok(name);
    }
    Err(io_error("set aside", path)(io::ErrorKind::AlreadyExists.into()))
}

/// Removes what a writer that died left of the files of a folder whose names begin so.
pub(in crate::storage) fn remove_leftovers(folder: &Path, names: &str) -> Result<()> {
    let prefix = format!("{TEMPORARY}{names}");
    let leftovers = list(folder)?.into_iter().filter(|name| name.starts_with(&prefix)).map(|name| folder.join(name));
    // A folder of such a name is not ours.
    for leftover in leftovers.filter(|leftover| !leftover.is_dir()) {
        if lock::is_abandoned(&leftover)? {
            remove(&leftover)?;
        }
    }
    Ok(())
}

/// Creates a folder and its parents, so that they last.
///
/// Nothing is put into a folder before it is sure to last, so an empty one may be what a process that died had begun.
pub(in crate::storage) fn create_folder(folder: &Path) -> Result<()> {
    if is_root(folder) || is_in_use(folder).map_err(io_error("list", folder))? {
        return Ok(());
    }
    let parent = folder_of(folder);
    create_folder(parent)?;
    let created = Step::CreateFolder(folder).run(|| match fs::create_dir(folder) {
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        created => created,
    });
    created.map_err(io_error("create the folder", folder))?;
    sync_folder(parent)
}

/// Whether there is something in a folder; one that may not be listed is taken to be in use.
fn is_in_use(folder: &Path) -> io::Result<bool> {
    match Step::List(folder).run(|| fs::read_dir(folder)) {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(cause) if cause.kind() == io::ErrorKind::PermissionDenied => Ok(true),
        Err(cause) => Err(cause),
    }
}

/// The empty path is the parent of a relative path of one part: the current folder.
fn is_root(path: &Path) -> bool {
    path.as_os_str().is_empty()
}

/// The one path that every name of a folder leads to, whether the folder is there yet or not.
pub(crate) fn identity(folder: &Path) -> PathBuf {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let there = absolute.ancestors().find_map(|part| Some((part, fs::canonicalize(part).ok()?)));
    match there {
        Some((part, found)) => found.join(absolute.strip_prefix(part).unwrap_or(Path::new(""))),
        None => absolute,
    }
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
    // Files have names. Without one, the temporary file would still be told apart by what follows.
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    format!("{TEMPORARY}{name}-")
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

/// Makes all changes of names in a folder last.
fn sync_folder(folder: &Path) -> Result<()> {
    let folder = if is_root(folder) { Path::new(".") } else { folder };
    if is_left_out(Safeguard::FolderSync, folder) {
        return Ok(());
    }
    let synced = Step::SyncFolder(folder).run(|| sync_names(folder));
    let mut unsettled = locked(&UNSETTLED);
    match &synced {
        Ok(()) => unsettled.retain(|other| other != folder),
        Err(_) => unsettled.push(folder.to_owned()),
    }
    synced.map_err(io_error("sync the folder", folder))
}

/// Folders whose last sync failed. Rows that were renamed into place there may not last, so that they must not be
/// answered either.
static UNSETTLED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Syncs a file's folder again if its last sync failed.
fn settle(path: &Path) -> Result<()> {
    let is_unsettled = |path: &Path| {
        let unsettled = locked(&UNSETTLED);
        !unsettled.is_empty() && unsettled.iter().any(|folder| folder == folder_of(path))
    };
    if is_unsettled(path) { sync_folder(folder_of(path)) } else { Ok(()) }
}

/// Makes the changes of names last in the folder that a file is in.
pub(in crate::storage) fn sync_folder_of(path: &Path) -> Result<()> {
    sync_folder(folder_of(path))
}

/// Makes the changes of names in a folder last that another process may not have synced.
pub(in crate::storage) fn sync_if_there(folder: &Path) -> Result<()> {
    if folder.is_dir() { sync_folder(folder) } else { Ok(()) }
}

/// Whether something failed because too many files are open.
pub(in crate::storage) fn is_out_of_files(error: &Error) -> bool {
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    let Error::Io { source, .. } = error else { return false };
    cfg!(unix) && matches!(source.raw_os_error(), Some(ENFILE | EMFILE))
}

/// Whether something failed because it may not be done.
pub(in crate::storage) fn is_denied(error: &Error) -> bool {
    use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    let Error::Io { source, .. } = error else { return false };
    matches!(source.kind(), PermissionDenied | ReadOnlyFilesystem)
}

#[cfg(unix)]
fn sync_names(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Other systems have no call for it; NTFS journals its folders.
#[cfg(not(unix))]
fn sync_names(_: &Path) -> io::Result<()> {
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
    move |source| Error::Io { action, path: path.to_owned(), source }
}
