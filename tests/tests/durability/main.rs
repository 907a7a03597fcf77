//! Nothing is lost and nothing wrong is answered, whatever dies, fails or is damaged.

mod crash;
mod damage;
mod fuzz;
mod io_failure;
mod kill;
mod limits;
mod model;
mod places;
mod power_cut;
mod power_model;
mod processes;
mod threads;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A cache folder that goes with the test, in memory where there is a file system for that.
struct Scratch(TempDir);

impl Scratch {
    fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let scratch = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        Self(scratch.expect("a folder"))
    }

    /// On a disk, for what memory cannot hold or be.
    fn on_disk() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    /// The folder around the cache folder.
    fn around(&self) -> &Path {
        self.0.path()
    }

    /// The cache folder, which the first row creates.
    fn cache(&self) -> PathBuf {
        self.0.path().join("cache")
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
