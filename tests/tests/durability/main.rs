//! Nothing is lost and nothing wrong is answered, whatever dies, fails or is damaged.

mod crash;
mod io_failure;
mod power_model;

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A cache folder that goes with the test, in memory where there is a file system for that.
struct Scratch(TempDir);

impl Scratch {
    fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let scratch = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        Self(scratch.expect("a folder"))
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
