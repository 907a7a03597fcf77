//! Lock files that are removed or replaced while they are held and read: nothing is lost, nothing is stale.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

use dbcache::faults::{Call, Faults, Safeguard};
use dbcache_tests::counts::{is_full, report};
use dbcache_tests::disturbance::LockFile;
use dbcache_tests::versioned::{FILE, Versions, all, open, put, some};

use crate::{Scratch, files_below};

const LOCK: &str = "test_versions.lock";

/// A folder with rows after so many commits, and its lock file after the first of them.
fn prepared(scratch: Scratch, commits: i64) -> (Scratch, Vec<u8>) {
    put(&open(&scratch.cache()), &[1, 2, 3], 0).expect("a commit");
    let older = fs::read(scratch.cache().join(LOCK)).expect("the lock file");
    for _ in 1..commits {
        put(&open(&scratch.cache()), &[1, 2, 3], 0).expect("a commit");
    }
    (scratch, older)
}

/// Before the step of this number of one writer, does something; then another writer commits, as far as it can while
/// the first one waits.
fn interrupt(faults: &Faults, folder: &Path, step: usize, disturb: impl Fn() + Send + Sync + 'static) -> Interruption {
    let first = thread::current().id();
    let (base, cache) = (folder.join(FILE), folder.to_owned());
    let interruption = Interruption::default();
    let (steps, holds_base) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (second, waits) = (Arc::clone(&interruption.second), Mutex::new(None::<(ThreadId, Sender<()>)>));
    let waits = Arc::new(waits);
    faults.before_each(move |made| {
        let locks_base = made.call == Call::Lock && made.path == base;
        if thread::current().id() != first {
            let waits = waits.lock().expect("no panic");
            if let Some((waiting, told)) = &*waits
                && locks_base
                && *waiting == thread::current().id()
            {
                // Nobody listens any more where the first writer did not wait for this.
                let _ = told.send(());
            }
            return;
        }
        holds_base.fetch_or(locks_base, Ordering::Relaxed);
        if made.call == Call::SyncFolder {
            holds_base.store(false, Ordering::Relaxed);
        }
        if steps.fetch_add(1, Ordering::Relaxed) != step {
            return;
        }
        disturb();
        let (told, hears) = channel();
        let (cache, waits, ends) = (cache.clone(), Arc::clone(&waits), told.clone());
        let holds_base = holds_base.load(Ordering::Relaxed);
        let writer = thread::spawn(move || {
            if holds_base {
                *waits.lock().expect("no panic") = Some((thread::current().id(), told));
            }
            let done = put(&open(&cache), &[3, 4], 2).map(drop).map_err(|cause| cause.to_string());
            let _ = ends.send(());
            done
        });
        *second.lock().expect("no panic") = Some(writer);
        hears.recv().expect("the other writer ends or waits");
    });
    interruption
}

type Writer = thread::JoinHandle<Result<(), String>>;

/// The second writer, once it was started.
#[derive(Default)]
struct Interruption {
    second: Arc<Mutex<Option<Writer>>>,
}

impl Interruption {
    /// Whether there was one; it has ended well.
    fn end(self, name: &str) -> bool {
        let Some(writer) = self.second.lock().expect("no panic").take() else { return false };
        writer.join().expect("no panic").unwrap_or_else(|cause| panic!("{name}: the second writer: {cause}"));
        true
    }
}

/// What two writers left whose lock file was replaced before this step of the first; `None` where there is no such step.
fn interrupted(
    (kind, commits): Prepared,
    disturbance: LockFile,
    step: usize,
    left_out: Option<Safeguard>,
) -> Option<Vec<Versions>> {
    let name = format!("{commits} commits, {disturbance:?} before step {step}");
    let (scratch, older) = prepared(kind(), commits);
    let reader = open(&scratch.cache());
    some(&reader, &[1]).expect("rows");
    let table = open(&scratch.cache());
    let faults = Faults::watch(scratch.around());
    left_out.into_iter().for_each(|safeguard| faults.leave_out(safeguard));
    let lock = scratch.cache().join(LOCK);
    let interruption = interrupt(&faults, &scratch.cache(), step, move || disturbance.strike(&lock, &older));
    put(&table, &[1, 2], 1).unwrap_or_else(|cause| panic!("{name}: the first writer: {cause:?}"));
    let was_interrupted = interruption.end(&name);
    drop(faults);
    if !was_interrupted {
        return None;
    }
    let mut found: Vec<Versions> = [&reader, &table, &open(&scratch.cache())]
        .map(|table| some(table, &[1, 2, 3, 4]).expect("rows"))
        .into_iter()
        .collect();
    table.compact().expect("a compaction");
    found.push(all(&open(&scratch.cache())).expect("rows"));
    let left = files_below(&scratch.cache()).into_iter().find(|file| file.to_string_lossy().contains(".writing-"));
    assert_eq!(left, None, "{name}");
    Some(found)
}

/// A kind of folder, and the commits that were made there.
type Prepared = (fn() -> Scratch, i64);

/// Of the last two, the next commit adds a segment, or folds all that there are.
const PREPARED: [Prepared; 3] = [(Scratch::new, 2), (Scratch::split_early, 4), (Scratch::split_early, 5)];

#[test]
fn two_writers_whose_lock_file_was_replaced_at_any_step_lose_nothing() {
    // Of each step one disturbance, or all.
    let every = if is_full() { 1 } else { LockFile::ALL.len() };
    let expected = Versions::from([(1, 1), (2, 1), (3, 2), (4, 2)]);
    let mut runs = 0;
    for (first, disturbance) in LockFile::ALL.into_iter().enumerate() {
        for prepared in PREPARED {
            for step in (first..).step_by(every) {
                let Some(found) = interrupted(prepared, disturbance, step, None) else { break };
                for found in found {
                    assert_eq!(found, expected, "{} commits, {disturbance:?} before step {step}", prepared.1);
                }
                runs += 1;
            }
        }
    }
    report("lock file", format!("two writers, the lock file replaced before each step of one: {runs} runs, 0 lost"));
}

/// Whether a commit is made whose lock file is replaced each time that it waits for the lock, but no more than so often.
fn commits_after(replacements: usize) -> bool {
    let (scratch, _) = prepared(Scratch::new(), 2);
    let (table, lock) = (open(&scratch.cache()), scratch.cache().join(LOCK));
    let (faults, waits) = (Faults::watch(scratch.around()), AtomicUsize::new(0));
    faults.before_each(move |made| {
        if made.call == Call::Lock && made.path == lock && waits.fetch_add(1, Ordering::Relaxed) < replacements {
            LockFile::Replaced.strike(&lock, &[]);
        }
    });
    let outcome = put(&table, &[1, 2], 1);
    drop(faults);
    let version = i64::from(outcome.is_ok());
    let expected = Versions::from([(1, version), (2, version), (3, 0)]);
    assert_eq!(all(&open(&scratch.cache())).expect("rows"), expected, "{outcome:?}");
    outcome.is_ok()
}

#[test]
fn a_lock_file_that_is_replaced_hundreds_of_times_in_a_row_delays_a_commit_and_an_endless_series_ends_it() {
    assert!(commits_after(0) && commits_after(500));
    assert!(!commits_after(usize::MAX));
}

#[test]
fn without_looking_again_before_a_file_is_replaced_rows_would_be_lost() {
    for prepared in PREPARED {
        let expected = Versions::from([(1, 1), (2, 1), (3, 2), (4, 2)]);
        let loses = |step| {
            let found = interrupted(prepared, LockFile::Removed, step, Some(Safeguard::Swap))?;
            Some(found.iter().any(|found| *found != expected))
        };
        assert!((0..).map_while(loses).any(|loses| loses), "{} commits", prepared.1);
    }
}

/// A copy whose files are links to those of the folder.
fn linked(from: &Path, to: &Path) {
    for file in files_below(from) {
        let copy = to.join(&file);
        fs::create_dir_all(copy.parent().expect("a folder")).expect("a folder");
        fs::hard_link(from.join(&file), copy).expect("a link");
    }
}

#[test]
fn a_copy_made_of_links_is_a_table_of_its_own_whenever_it_is_made() {
    let mut runs = 0;
    for (kind, commits) in PREPARED {
        for step in (0..).step_by(if is_full() { 1 } else { 3 }) {
            let name = format!("{commits} commits, linked before step {step}");
            let (scratch, _) = prepared(kind(), commits);
            let table = open(&scratch.cache());
            let faults = Faults::watch(scratch.cache());
            let (folder, copy) = (scratch.cache(), scratch.around().join("copy"));
            let (steps, to) = (AtomicUsize::new(0), copy.clone());
            faults.before_each(move |_| {
                if steps.fetch_add(1, Ordering::Relaxed) == step {
                    linked(&folder, &to);
                }
            });
            put(&table, &[1, 2], 1).expect("a commit");
            drop(faults);
            if !copy.exists() {
                break;
            }
            // What a writer had begun is no row of the copy.
            let found = all(&open(&copy)).expect("rows");
            let (before, after) = (Versions::from([(1, 0), (2, 0), (3, 0)]), Versions::from([(1, 1), (2, 1), (3, 0)]));
            assert!(found == before || found == after, "{name}: {found:?}");
            for version in 5..8 {
                put(&open(&copy), &[2, 9], version).expect("a commit");
                for table in [&table, &open(&scratch.cache())] {
                    assert_eq!(some(table, &[1, 2, 3, 9]).expect("rows"), after, "{name}");
                }
            }
            put(&table, &[1, 2, 3], 3).expect("a commit");
            let expected = Versions::from([(1, found[&1]), (2, 7), (3, 0), (9, 7)]);
            assert_eq!(all(&open(&copy)).expect("rows"), expected, "{name}");
            runs += 1;
        }
    }
    report("lock file", format!("a folder copied by links before each step of a commit: {runs} runs, 0 lost"));
}

/// Whether an open reader always sees what is stored after the lock file was replaced.
fn sees_all(disturbance: LockFile, left_out: Option<Safeguard>) -> bool {
    let (scratch, older) = prepared(Scratch::split_early(), 4);
    // Some files stay open, since they are no small ones.
    let ids: Vec<i64> = (100..2_000).collect();
    put(&open(&scratch.cache()), &ids, 1).expect("a commit");
    let reader = open(&scratch.cache());
    let faults = Faults::watch(scratch.around());
    left_out.into_iter().for_each(|safeguard| faults.leave_out(safeguard));
    (2..12).all(|version| {
        some(&reader, &[1, 100]).expect("rows");
        disturbance.strike(&scratch.cache().join(LOCK), &older);
        put(&open(&scratch.cache()), &[1, 100], version).expect("a commit");
        some(&reader, &[1, 100]).expect("rows") == Versions::from([(1, version), (100, version)])
    })
}

#[test]
fn a_reader_sees_what_was_stored_under_another_lock_file() {
    for disturbance in LockFile::ALL {
        assert!(sees_all(disturbance, None), "{disturbance:?}");
        assert!(!sees_all(disturbance, Some(Safeguard::LockName)), "{disturbance:?} is noticed in another way");
    }
}

#[test]
fn a_folder_that_is_read_only_is_read_without_a_lock_file() {
    const EROFS: i32 = 30;
    for kind in [Scratch::new as fn() -> Scratch, Scratch::split_early] {
        let (scratch, _) = prepared(kind(), 4);
        fs::remove_file(scratch.cache().join(LOCK)).expect("the lock file");
        let faults = Faults::watch(scratch.cache());
        let opens = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&opens);
        faults.before_each(move |made| {
            if made.call == Call::OpenLock {
                seen.lock().expect("no panic").push(made.number);
            }
        });
        // The first read makes the lock file; without it, the second takes the same steps.
        some(&open(&scratch.cache()), &[1]).expect("rows");
        fs::remove_file(scratch.cache().join(LOCK)).expect("the lock file");
        let first = opens.lock().expect("no panic")[0];
        let start = faults.count();
        faults.fail(start + first..start + first + 1, EROFS);
        let table = open(&scratch.cache());
        for _ in 0..3 {
            assert_eq!(some(&table, &[1, 2, 3]).expect("rows"), Versions::from([(1, 0), (2, 0), (3, 0)]));
        }
        assert_eq!(faults.failed(), 1);
        assert!(!scratch.cache().join(LOCK).exists());
    }
}
