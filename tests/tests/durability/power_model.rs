//! What a disk holds after a power cut: only what was synced is sure to be there.
//!
//! A file's bytes last once the file was synced, its name once the folder was. Whatever else was done may be there or
//! not: names in the order in which they changed, or any of them without the others.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use dbcache::faults::{Call, Made};

/// A disk on which some steps were made. Paths are those below a folder that stands for its root.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    files: Vec<Bytes>,
    names: BTreeMap<PathBuf, usize>,
    folders: BTreeSet<PathBuf>,
    lasting: BTreeMap<PathBuf, usize>,
    lasting_folders: BTreeSet<PathBuf>,
    pending: Vec<Change>,
}

#[derive(Clone, Debug, Default)]
struct Bytes {
    written: Vec<u8>,
    /// What the last sync made last; nothing before the first.
    synced: Vec<u8>,
}

/// A change of names that no sync has made last.
#[derive(Clone, Debug)]
enum Change {
    Named(PathBuf, usize),
    Renamed { from: PathBuf, to: PathBuf, file: usize },
    Removed(PathBuf),
    Folder(PathBuf),
}

/// The files and folders that a power cut leaves.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Outcome {
    files: BTreeMap<PathBuf, Vec<u8>>,
    folders: BTreeSet<PathBuf>,
}

impl Outcome {
    /// Writes them below `root`.
    pub fn write(&self, root: &Path) {
        self.folders.iter().for_each(|folder| std::fs::create_dir_all(root.join(folder)).expect("a new folder"));
        self.files.iter().for_each(|(path, bytes)| std::fs::write(root.join(path), bytes).expect("a new file"));
    }
}

/// Which of the things that were not synced are there all the same.
#[derive(Clone, Debug)]
pub enum Kept {
    /// Everything, as after the death of the process alone.
    Everything,
    /// The first so many changes of names; contents as said.
    First(usize, Torn),
    /// The changes of names whose bits are set; contents as said.
    These(u64, Torn),
}

/// What is left of bytes that were not synced.
#[derive(Clone, Copy, Debug)]
pub enum Torn {
    /// What was synced before: of a new file nothing.
    Lost,
    Half,
    /// The right length, without the bytes.
    Zeroes,
    /// Every other page of 4 KiB, or half of the only one.
    EveryOtherPage,
}

impl Torn {
    pub const ALL: [Self; 4] = [Self::Lost, Self::Half, Self::Zeroes, Self::EveryOtherPage];

    fn of(self, Bytes { written: bytes, synced }: &Bytes) -> Vec<u8> {
        match self {
            Self::Lost => synced.clone(),
            Self::Half => bytes[..bytes.len() / 2].to_vec(),
            Self::Zeroes => vec![0; bytes.len()],
            Self::EveryOtherPage => {
                let page = 4096.min(bytes.len().div_ceil(2).max(1));
                let pages = bytes.chunks(page).enumerate();
                pages
                    .flat_map(|(place, page)| if place % 2 == 0 { page.to_vec() } else { vec![0; page.len()] })
                    .collect()
            }
        }
    }
}

impl Disk {
    /// The disk of a folder as it is now, all of it synced.
    pub fn of(root: &Path) -> Self {
        let mut disk = Self::default();
        disk.take_in(root, root);
        disk.lasting = disk.names.clone();
        disk.lasting_folders = disk.folders.clone();
        disk
    }

    fn take_in(&mut self, root: &Path, folder: &Path) {
        self.folders.insert(below(root, folder));
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                self.take_in(root, &path);
            } else {
                let written = std::fs::read(&path).expect("a file");
                self.files.push(Bytes { synced: written.clone(), written });
                self.names.insert(below(root, &path), self.files.len() - 1);
            }
        }
    }

    /// Makes a step that was made below `root`.
    pub fn make(&mut self, step: &Made, root: &Path) {
        let path = &below(root, &step.path);
        match &step.call {
            Call::Look | Call::Open | Call::Read(_) | Call::List | Call::Lock | Call::Create => {}
            Call::Write(bytes) => {
                let file = self.named(path);
                self.files[file].written.extend_from_slice(bytes);
            }
            Call::WriteMark(bytes) => {
                let file = self.named(path);
                let written = &mut self.files[file].written;
                written.resize(written.len().max(bytes.len()), 0);
                written[..bytes.len()].copy_from_slice(bytes);
            }
            Call::Sync => {
                let file = self.named(path);
                self.files[file].synced = self.files[file].written.clone();
            }
            Call::OpenLock => drop(self.named(path)),
            Call::Link(to) => {
                let (to, file) = (below(root, to), self.named(path));
                self.names.insert(to.clone(), file);
                self.pending.push(Change::Named(to, file));
            }
            Call::Rename(to) => {
                let (to, file) = (below(root, to), self.names.remove(path).expect("the file is there"));
                self.names.insert(to.clone(), file);
                self.pending.push(Change::Renamed { from: path.clone(), to: to.clone(), file });
            }
            Call::Remove => {
                self.names.remove(path);
                self.pending.push(Change::Removed(path.clone()));
            }
            Call::CreateFolder => self.create_folder(path),
            Call::SyncFolder => self.sync_folder(path),
        }
    }

    fn named(&mut self, path: &Path) -> usize {
        if let Some(file) = self.names.get(path) {
            return *file;
        }
        let file = self.files.len();
        self.files.push(Bytes::default());
        self.names.insert(path.to_owned(), file);
        self.pending.push(Change::Named(path.to_owned(), file));
        file
    }

    fn create_folder(&mut self, path: &Path) {
        if self.folders.insert(path.to_owned()) {
            self.pending.push(Change::Folder(path.to_owned()));
        }
    }

    fn sync_folder(&mut self, folder: &Path) {
        let (synced, pending) =
            std::mem::take(&mut self.pending).into_iter().partition(|change| change.folder() == folder);
        self.pending = pending;
        let synced: Vec<Change> = synced;
        for change in &synced {
            change.apply(&mut self.lasting, &mut self.lasting_folders);
        }
    }

    /// How many changes of names are not sure to last.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Everything that may be there after a power cut, or nearly: all that was not synced, each beginning of it, and
    /// each part of it without the rest, with every kind of torn contents.
    pub fn outcomes(&self) -> Vec<Kept> {
        let mut outcomes = vec![Kept::Everything];
        let pending = self.pending();
        for torn in Torn::ALL {
            outcomes.extend((0..=pending).map(|first| Kept::First(first, torn)));
            outcomes.extend((0..pending.min(64)).map(|one| Kept::These(1 << one, torn)));
            outcomes.extend((0..pending.min(64)).map(|one| Kept::These(!(1 << one), torn)));
        }
        outcomes
    }

    /// What is there after a power cut.
    pub fn outcome(&self, kept: &Kept) -> Outcome {
        let (mut names, mut folders) = (self.lasting.clone(), self.lasting_folders.clone());
        let is_kept = |place: usize| match kept {
            Kept::Everything => true,
            Kept::First(count, _) => place < *count,
            Kept::These(bits, _) => place >= 64 || bits & (1 << place) != 0,
        };
        for (_, change) in self.pending.iter().enumerate().filter(|(place, _)| is_kept(*place)) {
            change.apply(&mut names, &mut folders);
        }
        // What lies in a folder that is not there is not there either.
        let is_reached = |path: &Path| path.ancestors().skip(1).all(|part| folders.contains(part));
        let files = names.into_iter().filter(|(path, _)| is_reached(path));
        let files = files.map(|(path, file)| (path, self.bytes(file, kept))).collect();
        Outcome { files, folders: folders.iter().filter(|folder| is_reached(folder)).cloned().collect() }
    }

    /// The disk when power is back.
    pub fn after(&self, kept: &Kept) -> Self {
        let Outcome { files, folders } = self.outcome(kept);
        let mut disk = Self { folders: folders.clone(), lasting_folders: folders, ..Self::default() };
        for (path, bytes) in files {
            disk.names.insert(path, disk.files.len());
            disk.files.push(Bytes { written: bytes.clone(), synced: bytes });
        }
        disk.lasting.clone_from(&disk.names);
        disk
    }

    fn bytes(&self, file: usize, kept: &Kept) -> Vec<u8> {
        let bytes = &self.files[file];
        match kept {
            Kept::First(_, torn) | Kept::These(_, torn) if bytes.written != bytes.synced => torn.of(bytes),
            _ => bytes.written.clone(),
        }
    }
}

fn below(root: &Path, path: &Path) -> PathBuf {
    path.strip_prefix(root).expect("a path below the root").to_owned()
}

impl Change {
    /// The folder whose sync makes the change last.
    fn folder(&self) -> &Path {
        let path = match self {
            Self::Named(path, _) | Self::Renamed { to: path, .. } | Self::Removed(path) | Self::Folder(path) => path,
        };
        path.parent().expect("a path in a folder")
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>, folders: &mut BTreeSet<PathBuf>) {
        match self {
            Self::Named(path, file) => drop(names.insert(path.clone(), *file)),
            Self::Renamed { from, to, file } => {
                names.remove(from);
                names.insert(to.clone(), *file);
            }
            Self::Removed(path) => drop(names.remove(path)),
            Self::Folder(path) => drop(folders.insert(path.clone())),
        }
    }
}
