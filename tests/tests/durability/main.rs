//! Nothing is lost and nothing wrong is answered, whatever dies, fails or is damaged.

mod crash;
mod damage;
mod foreign;
mod fuzz;
mod io_failure;
mod kill;
mod limits;
mod lock_file;
mod model;
mod places;
mod pools;
mod power_cut;
mod power_model;
mod processes;
mod records;
mod silent;
mod struck;
mod threads;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use dbcache::faults::SPLIT_EARLY;
use tempfile::TempDir;

/// A cache folder that goes with the test, in memory where there is a file system for that.
struct Scratch {
    folder: TempDir,
    cache: &'static str,
}

impl Scratch {
    /// A folder whose small tables are one file each.
    fn new() -> Self {
        Self::named("cache")
    }

    /// A folder whose tables have segments as large ones do.
    fn split_early() -> Self {
        Self::named(SPLIT_EARLY)
    }

    fn named(cache: &'static str) -> Self {
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        Self { folder: folder.expect("a folder"), cache }
    }

    /// Another one of the same kind.
    fn another(&self) -> Self {
        Self::named(self.cache)
    }

    /// On a disk, for what memory cannot hold or be.
    fn on_disk() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), cache: "cache" }
    }

    /// The folder around the cache folder.
    fn around(&self) -> &Path {
        self.folder.path()
    }

    /// The cache folder, which the first row creates.
    fn cache(&self) -> PathBuf {
        self.folder.path().join(self.cache)
    }

    /// One of each kind.
    fn both() -> [Self; 2] {
        [Self::new(), Self::split_early()]
    }
}

/// The process that does work for the tests.
fn worker(work: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_worker"));
    let (what, rest) = work.split_first().expect("some work");
    command.arg(what).arg(folder).args(rest).stdout(Stdio::piped());
    command
}

/// Whether this process may do what only root may.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

/// Runs a command and says whether it went well.
fn succeeds(command: &str, arguments: &[&str]) -> bool {
    let done = Command::new(command).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    done.is_ok_and(|status| status.success())
}

/// All files below a folder, by their paths in it; none where there is no folder.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(next) else { continue };
        for entry in entries {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder).expect("a path in it").to_owned());
            }
        }
    }
    found.sort();
    found
}
