//! What cleaners, restores and failing disks do to the files of a cache while processes use them.

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
        let other = lock.with_extension(format!("other-{}", std::process::id()));
        let replace = |bytes: &[u8]| fs::write(&other, bytes).and_then(|()| fs::rename(&other, lock));
        let done = match self {
            Self::Removed => fs::remove_file(lock),
            Self::MovedAway => fs::rename(lock, &other),
            Self::Replaced => replace(&bytes),
            Self::ReplacedByOlder => replace(older),
            Self::ReplacedByNothing => replace(&[]),
        };
        expect_done(done);
    }
}

/// Damages one file of those below a folder, chosen at random, in place: whoever has it open is concerned too.
///
/// # Panics
///
/// When the file system fails.
pub fn damage_one(folder: &Path, random: &mut Random) {
    let files: Vec<PathBuf> = [folder.to_owned(), folder.join("test_versions.segments")]
        .iter()
        .flat_map(|folder| fs::read_dir(folder).into_iter().flatten())
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "parquet"))
        .collect();
    if files.is_empty() {
        return;
    }
    let path = &files[random.place(files.len())];
    let done = match random.below(3) {
        0 => fs::remove_file(path),
        kind => File::options().write(true).open(path).and_then(|file| {
            let place = random.below(file.metadata()?.len().max(1));
            if kind == 1 { file.set_len(place) } else { file.write_all_at(&random.number().to_le_bytes(), place) }
        }),
    };
    expect_done(done);
}

/// Another process may have been first.
fn expect_done(done: io::Result<()>) {
    match done {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => panic!("{cause}"),
        _ => {}
    }
}
