//! File systems that are shut down at random moments, as by a power cut, keep every row that was acknowledged.
//!
//! A file system of its own is made in a file and mounted, which only root may do. Shutting it down drops whatever had
//! not reached it; mounting it again replays its journal.

use std::path::{Path, PathBuf};
use std::time::Duration;

use dbcache::faults::SPLIT_EARLY;
use dbcache_tests::counts::{count, report};
use dbcache_tests::versioned::Random;

use crate::kill::{Acknowledged, Committing};
use crate::{Scratch, is_root, succeeds};

struct Mounted {
    image: PathBuf,
    at: PathBuf,
}

impl Mounted {
    fn make(kind: &str, scratch: &Scratch) -> Option<Self> {
        let (image, at) = (scratch.around().join("image"), scratch.around().join("mounted"));
        std::fs::create_dir(&at).ok()?;
        std::fs::File::create(&image).and_then(|file| file.set_len(320 << 20)).ok()?;
        let is_made = succeeds(&format!("mkfs.{kind}"), &["-q", &image.display().to_string()]);
        let mounted = Self { image, at };
        (is_made && mounted.mount()).then_some(mounted)
    }

    fn mount(&self) -> bool {
        succeeds("mount", &["-o", "loop", &self.image.display().to_string(), &self.at.display().to_string()])
    }

    /// Shuts the file system down without letting it write anything more.
    fn cut(&self) -> bool {
        succeeds("xfs_io", &["-x", "-c", "shutdown", &self.at.display().to_string()])
    }

    fn unmount(&self) -> bool {
        succeeds("umount", &[&self.at.display().to_string()])
    }

    fn cache(&self) -> PathBuf {
        self.at.join(SPLIT_EARLY)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        self.unmount();
    }
}

fn survives(kind: &str) {
    let cuts = count("DBCACHE_POWER_CUTS", 0, 500);
    if cuts == 0 {
        return report("power cut", format!("{kind}: not asked for; DBCACHE_POWER_CUTS=20 makes 20 of them"));
    }
    let scratch = Scratch::on_disk();
    let Some(mounted) = is_root().then(|| Mounted::make(kind, &scratch)).flatten() else {
        return report("power cut", format!("{kind}: skipped, since it needs root, loop devices and mkfs.{kind}"));
    };
    let mut acknowledged = Acknowledged::default();
    let mut random = Random::new(3);
    for cut in 0..cuts {
        let process = Committing::from(acknowledged.last + 1, &mounted.cache());
        process.take(&mut acknowledged, &mut random, Duration::from_millis(60));
        assert!(mounted.cut(), "the file system is shut down");
        process.kill(&mut acknowledged);
        assert!(mounted.unmount() && mounted.mount(), "the file system is mounted again");
        check(&mut acknowledged, &mounted.cache(), &format!("{kind}, cut {cut}"));
    }
    report("power cut", format!("{kind}: {cuts} cuts, {} acknowledged commits, 0 lost", acknowledged.commits));
}

fn check(acknowledged: &mut Acknowledged, folder: &Path, name: &str) {
    acknowledged.check(folder).unwrap_or_else(|fault| panic!("{name}: {fault}"));
}

#[test]
fn a_power_cut_on_ext4_loses_no_acknowledged_row() {
    survives("ext4");
}

#[test]
fn a_power_cut_on_xfs_loses_no_acknowledged_row() {
    survives("xfs");
}

#[test]
fn without_a_sync_a_power_cut_loses_acknowledged_rows() {
    let cuts = count("DBCACHE_POWER_CUTS", 0, 20).min(20);
    let scratch = Scratch::on_disk();
    let Some(mounted) = (cuts > 0 && is_root()).then(|| Mounted::make("ext4", &scratch)).flatten() else {
        return report("proof of the tests", "a power cut: not asked for, or needs root, loop devices and mkfs.ext4");
    };
    for left_out in ["without-file-sync", "without-folder-sync"] {
        let mut random = Random::new(6);
        let mut losses = 0;
        for _ in 0..cuts {
            let mut acknowledged = Acknowledged::default();
            let process = Committing::with(&["commit", "1", left_out], &mounted.cache());
            process.take(&mut acknowledged, &mut random, Duration::from_millis(60));
            assert!(mounted.cut(), "the file system is shut down");
            process.kill(&mut acknowledged);
            assert!(mounted.unmount() && mounted.mount(), "the file system is mounted again");
            losses += usize::from(acknowledged.check(&mounted.cache()).is_err());
            std::fs::remove_dir_all(mounted.cache()).ok();
        }
        assert!(losses > 0, "{left_out}: nothing is lost");
        report("proof of the tests", format!("{left_out}: {losses} of {cuts} power cuts lose rows"));
    }
}
