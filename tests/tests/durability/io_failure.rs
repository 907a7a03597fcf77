//! A file system that fails at any step: an error, never a panic, and never rows acknowledged that would not last.

use std::path::Path;

use dbcache::Table;
use dbcache::faults::Faults;
use dbcache_tests::counts::report;
use dbcache_tests::versioned::{FILE, Versions, all, open, put, some};

use crate::crash::foreign_file;
use crate::power_model::{Disk, Kept, Torn};
use crate::{Scratch, files_below, is_root, succeeds};

const EIO: i32 = 5;
const EINTR: i32 = 4;
const ENOSPC: i32 = 28;
/// For how many steps an error that stays is put in. A signal does not come for ever, or waiting would last as long.
const FOR_EVER: usize = 1_000;

const IDS: [i64; 4] = [1, 2, 3, 4];

/// A folder with three rows of version 1.
fn prepared() -> Scratch {
    let scratch = Scratch::new();
    put(&open(&scratch.cache()), &[1, 2, 3], 1).expect("a commit");
    scratch
}

fn damage(file: &Path) {
    let mut bytes = std::fs::read(file).expect("the file");
    let place = bytes.len() - 40;
    bytes[place] ^= 1;
    std::fs::write(file, bytes).expect("the file");
}

/// What is done while steps fail; whether it is acknowledged.
type Work = fn(&Table) -> bool;

const COMMIT: Work = |table| put(table, &[2, 4], 2).is_ok();
const COMPACT: Work = |table| table.compact().is_ok();

/// Does the work, then looks at the rows in the same process.
fn done(work: Work, folder: &Path) -> (bool, Option<Versions>) {
    let table = open(folder);
    let is_acknowledged = work(&table);
    (is_acknowledged, some(&table, &IDS).ok())
}

/// Whether all of the rows are found if the power goes now.
fn lasts(scratch: &Scratch, before: &Disk, faults: &Faults, rows: &Versions) -> bool {
    let mut disk = before.clone();
    faults.made().iter().for_each(|step| disk.make(step, scratch.around()));
    let after = scratch.another();
    disk.outcome(&Kept::First(0, Torn::Lost)).write(after.around());
    let found = all(&open(&after.cache())).expect("rows");
    rows.iter().all(|(id, version)| found.get(id).is_some_and(|found| found >= version))
}

fn fails_well(prepare: impl Fn() -> Scratch, work: Work, before_rows: &Versions, after_rows: &Versions) {
    let counted = prepare();
    let faults = Faults::watch(counted.around());
    done(work, &counted.cache());
    let steps = faults.count();
    drop(faults);
    let mut runs = 0;
    for (first, error, times) in (0..steps).flat_map(|first| {
        [EIO, ENOSPC, EINTR].into_iter().flat_map(move |error| [1, FOR_EVER].map(|times| (first, error, times)))
    }) {
        let name = format!("error {error} at step {first}, {times} times");
        let scratch = prepare();
        let before = Disk::of(scratch.around());
        let faults = Faults::watch(scratch.around());
        faults.fail(first..first + times, error);
        let (is_acknowledged, seen) = done(work, &scratch.cache());
        assert!(faults.failed() > 0, "{name}");
        if is_acknowledged {
            assert!(lasts(&scratch, &before, &faults, after_rows), "{name}: acknowledged, and would not last");
        }
        if let Some(seen) = seen {
            assert!(lasts(&scratch, &before, &faults, &seen), "{name}: {seen:?} is answered, and would not last");
        }
        faults.mend();
        let found = all(&open(&scratch.cache())).expect("the rows are readable");
        let allowed = if is_acknowledged { vec![after_rows] } else { vec![before_rows, after_rows] };
        assert!(allowed.contains(&&found), "{name}: {found:?}");
        put(&open(&scratch.cache()), &IDS, 9).expect("the next commit");
        let next = Versions::from(IDS.map(|id| (id, 9)));
        assert!(lasts(&scratch, &before, &faults, &next), "{name}: the next commit would not last");
        runs += 1;
    }
    report(
        "I/O failure",
        format!("{steps} steps, 3 errors, once and for ever: {runs} runs, 0 panics, 0 false acknowledgements"),
    );
}

/// A folder with the same rows in a base and segments, after so many commits.
fn prepared_in_segments(commits: i64) -> Scratch {
    let scratch = Scratch::split_early();
    for version in (0..commits).map(|left| i64::from(left + 1 == commits)) {
        put(&open(&scratch.cache()), &[1, 2, 3], version).expect("a commit");
    }
    scratch
}

#[test]
fn a_commit_fails_well_at_any_step() {
    let before = Versions::from([(1, 1), (2, 1), (3, 1)]);
    let after = Versions::from([(1, 1), (2, 2), (3, 1), (4, 2)]);
    fails_well(prepared, COMMIT, &before, &after);
    // The next commit adds a segment, or folds all that there are.
    for commits in [4, 5] {
        fails_well(|| prepared_in_segments(commits), COMMIT, &before, &after);
    }
}

#[test]
fn a_compaction_fails_well_at_any_step() {
    let rows = Versions::from([(1, 1), (2, 1), (3, 1)]);
    fails_well(|| prepared_in_segments(4), COMPACT, &rows, &rows);
}

#[test]
fn taking_in_a_foreign_file_fails_well_at_any_step() {
    let before = Versions::from([(1, 1), (2, 1), (3, 1)]);
    let after = Versions::from([(1, 1), (2, 2), (3, 1), (4, 2)]);
    for prepare in [Scratch::new, Scratch::split_early] {
        let foreign = || {
            let scratch = prepare();
            foreign_file(&scratch.cache());
            scratch
        };
        fails_well(foreign, COMMIT, &before, &after);
    }
}

#[test]
fn the_first_commit_of_a_folder_fails_well_at_any_step() {
    fails_well(Scratch::new, COMMIT, &Versions::new(), &Versions::from([(2, 2), (4, 2)]));
}

#[test]
fn setting_a_damaged_file_aside_fails_well_at_any_step() {
    let base = || {
        let scratch = prepared();
        damage(&scratch.cache().join(FILE));
        scratch
    };
    let segment = || {
        let scratch = prepared_in_segments(4);
        let files = files_below(&scratch.cache()).into_iter().filter(|file| file.parent() != Some(Path::new("")));
        damage(&scratch.cache().join(files.max().expect("a segment")));
        scratch
    };
    fails_well(base, COMMIT, &Versions::new(), &Versions::from([(2, 2), (4, 2)]));
    fails_well(segment, COMMIT, &Versions::new(), &Versions::from([(2, 2), (4, 2)]));
}

#[test]
fn a_disk_that_fills_up_keeps_what_it_has_and_goes_on_when_there_is_room() {
    let scratch = Scratch::new();
    let folder = scratch.cache();
    std::fs::create_dir(&folder).expect("a folder");
    let at = folder.display().to_string();
    if !is_root() || !succeeds("mount", &["-t", "tmpfs", "-o", "size=256k", "none", &at]) {
        return report("I/O failure", "a full disk: skipped, since only root can mount one");
    }
    let filled = fill(&folder);
    let is_unmounted = succeeds("umount", &[&at]);
    let (commits, errors) = filled;
    assert!(is_unmounted && commits > 0 && errors > 0);
    report(
        "I/O failure",
        format!("a full disk: {commits} commits fitted, {errors} did not, 0 lost, 0 false acknowledgements"),
    );
}

/// Commits until nothing fits any more, makes room for more, and goes on, three times.
fn fill(folder: &Path) -> (usize, usize) {
    let (mut stored, mut commits, mut errors) = (Versions::new(), 0, 0);
    let ballast: Vec<_> = (0..3).map(|round| folder.join(format!("ballast-{round}"))).collect();
    ballast.iter().for_each(|file| std::fs::write(file, vec![0; 40 << 10]).expect("there is room"));
    let mut version = 0;
    for file in ballast {
        loop {
            version += 1;
            let ids: Vec<i64> = (0..40).map(|id| version * 40 + id).collect();
            if put(&open(folder), &ids, version).is_err() {
                break;
            }
            stored.extend(ids.into_iter().map(|id| (id, version)));
            commits += 1;
        }
        errors += 1;
        assert_eq!(all(&open(folder)).expect("the old rows"), stored);
        std::fs::remove_file(file).expect("the ballast");
        put(&open(folder), &[1], version).expect("there is room again");
        stored.insert(1, version);
    }
    (commits, errors)
}
