//! What cleaners, restores and failing disks do to the files of a cache while processes use them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::versioned::Random;

/// What may happen to a lock file.
#[derive(Clone, Copy, Debug)]
pub enum LockFile {
    /// It is gone.
    Removed,
    /// It has another name.
    MovedAway,
    /// A copy of it has its name.
    Replaced,
    /// An older copy has its name, as after a restore.
    ReplacedByOlder,
    /// An empty file has its name.
    ReplacedByNothing,
}

impl LockFile {
    /// All of it.
    pub const ALL: [Self; 5] =
        [Self::Removed, Self::MovedAway, Self::Replaced, Self::ReplacedByOlder, Self::ReplacedByNothing];

    /// Lets it happen to a file, of which `older` was once what it held. A file that is not there is left so.
    ///
    /// # Panics
    ///
    /// When the file system fails.
    pub fn strike(self, lock: &Path, older: &[u8]) {
        let Ok(bytes) = fs::read(lock) else { return };
        let done = match self {
            Self::Removed => fs::remove_file(lock),
            Self::MovedAway => fs::rename(lock, lock.with_extension("moved")),
            Self::Replaced => replace(lock, &bytes),
            Self::ReplacedByOlder => replace(lock, older),
            Self::ReplacedByNothing => replace(lock, &[]),
        };
        expect_done(done);
    }
}

/// Damages files of a cache, chosen at random.
#[derive(Debug)]
pub struct Damage {
    folder: PathBuf,
    random: Random,
    /// What files held at times before.
    older: BTreeMap<PathBuf, Vec<u8>>,
}

impl Damage {
    /// For the cache in a folder.
    pub fn new(folder: &Path, seed: u64) -> Self {
        Self { folder: folder.to_owned(), random: Random::new(seed), older: BTreeMap::new() }
    }

    /// Damages one file: in place, so that whoever has it open is concerned too, or by putting another one there.
    ///
    /// # Panics
    ///
    /// When the file system fails.
    pub fn strike(&mut self) {
        let files = self.files();
        let Some(path) = self.one_of(&files) else { return };
        let done = match self.random.below(8) {
            0 => fs::remove_file(&path),
            1 => File::options().write(true).open(&path).and_then(|file| {
                let place = self.random.below(file.metadata()?.len().max(1));
                file.write_all_at(&self.random.number().to_le_bytes(), place)
            }),
            2 | 3 => File::options()
                .write(true)
                .open(&path)
                .and_then(|file| file.set_len(self.random.below(file.metadata()?.len().max(1)))),
            4 => fs::read(&path).and_then(|bytes| replace(&path, &bytes)),
            5 => replace(&path, &[]),
            6 => match self.one_of(&files) {
                Some(other) => fs::read(other).and_then(|bytes| replace(&path, &bytes)),
                None => Ok(()),
            },
            _ => self.bring_back(),
        };
        expect_done(done);
        if let Ok(bytes) = fs::read(&path) {
            self.older.entry(path).or_insert(bytes);
        }
    }

    /// Puts what a file once held in its place, whether it is there now or not.
    fn bring_back(&mut self) -> io::Result<()> {
        let paths: Vec<PathBuf> = self.older.keys().cloned().collect();
        let Some(path) = self.one_of(&paths) else { return Ok(()) };
        self.older.remove(&path).map_or(Ok(()), |bytes| replace(&path, &bytes))
    }

    fn one_of(&mut self, paths: &[PathBuf]) -> Option<PathBuf> {
        let place = self.random.place(paths.len().max(1));
        paths.get(place).cloned()
    }

    fn files(&self) -> Vec<PathBuf> {
        [self.folder.clone(), self.folder.join("test_versions.segments")]
            .iter()
            .flat_map(|folder| fs::read_dir(folder).into_iter().flatten())
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "parquet"))
            .collect()
    }
}

/// Puts another file in the place of one.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let other = path.with_extension(format!("other-{}", std::process::id()));
    fs::write(&other, bytes).and_then(|()| fs::rename(&other, path))
}

/// Another process may have been first.
fn expect_done(done: io::Result<()>) {
    match done {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => panic!("{cause}"),
        _ => {}
    }
}
