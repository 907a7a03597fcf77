//! A process that dies, or a machine that loses power, after any step leaves the rows of before or those of after.

use std::path::Path;

use dbcache::faults::{Call, Faults, Made, Safeguard};
use dbcache_tests::Database;
use dbcache_tests::counts::report;
use dbcache_tests::versioned::{FILE, Versions, all, open, put, row_of};
use serde_json::Value;

use crate::Scratch;
use crate::power_model::{Disk, Kept, Torn};

/// A run of commits, recorded step by step.
struct Run {
    scratch: Scratch,
    before: Disk,
    steps: Vec<Made>,
    /// After how many steps each commit was acknowledged, and the rows that are stored then.
    states: Vec<(usize, Versions)>,
}

impl Run {
    /// Prepares a folder, then records what `work` does, which tells of each commit.
    fn record(prepare: impl FnOnce(&Path), left_out: &[Safeguard], work: impl FnOnce(&mut Recorder<'_>)) -> Self {
        let scratch = Scratch::new();
        prepare(&scratch.cache());
        let before = Disk::of(scratch.around());
        let stored = all(&open(&scratch.cache())).expect("the prepared rows");
        let faults = Faults::watch(scratch.around());
        left_out.iter().for_each(|safeguard| faults.leave_out(*safeguard));
        let folder = scratch.cache();
        let mut recorder = Recorder { folder: &folder, faults: &faults, states: vec![(0, stored)] };
        work(&mut recorder);
        let (states, steps) = (recorder.states, faults.made());
        Self { scratch, before, steps, states }
    }

    /// The first outcome after which something is lost or wrong, if there is one, and how many were looked at.
    fn fault(&self) -> (Option<String>, usize) {
        let mut disk = self.before.clone();
        let mut outcomes = 0;
        for made in 0..=self.steps.len() {
            if let Some(step) = made.checked_sub(1).and_then(|last| self.steps.get(last)) {
                disk.make(step, self.scratch.around());
                if !changes(step) && made < self.steps.len() {
                    continue;
                }
            }
            for kept in disk.outcomes() {
                outcomes += 1;
                let after = Scratch::new();
                disk.write(&kept, after.around());
                if let Err(fault) = self.check(made, &after, &disk, &kept) {
                    return (Some(format!("after {made} steps, with {kept:?}: {fault}")), outcomes);
                }
            }
        }
        (None, outcomes)
    }

    /// What is found after this outcome, and after the next commit and another power cut.
    fn check(&self, made: usize, after: &Scratch, disk: &Disk, kept: &Kept) -> Result<(), String> {
        let acknowledged = self.states.partition_point(|(steps, _)| *steps <= made) - 1;
        let found = all(&open(&after.cache())).map_err(|cause| format!("{cause:?}"))?;
        let allowed: Vec<&Versions> = self.states[acknowledged..].iter().take(2).map(|(_, rows)| rows).collect();
        if !allowed.contains(&&found) {
            return Err(format!("{found:?} is there, not one of {allowed:?}"));
        }
        // After the death of a process what it had not synced is still not synced.
        let mut disk = if matches!(kept, Kept::Everything) { disk.clone() } else { Disk::of(after.around()) };
        let faults = Faults::watch(after.around());
        put(&open(&after.cache()), &[7], 1_000).map_err(|cause| format!("the next commit: {cause:?}"))?;
        faults.made().iter().for_each(|step| disk.make(step, after.around()));
        let again = Scratch::new();
        disk.write(&Kept::First(0, Torn::Empty), again.around());
        let expected: Versions = found.into_iter().chain([(7, 1_000)]).collect();
        let found = all(&open(&again.cache())).map_err(|cause| format!("{cause:?}"))?;
        if found == expected { Ok(()) } else { Err(format!("after the next commit {found:?} lasts")) }
    }

    fn assert_sound(&self, name: &str) {
        let (fault, outcomes) = self.fault();
        assert_eq!(fault, None, "{name}");
        let (steps, commits) = (self.steps.len(), self.states.len() - 1);
        report("crash at every step", format!("{name}: {commits} commits, {steps} steps, {outcomes} outcomes, 0 lost"));
    }
}

/// Whether a step changes what may be on the disk.
fn changes(step: &Made) -> bool {
    !matches!(step.call, Call::Look | Call::Open | Call::Read | Call::List | Call::Lock | Call::Create)
}

struct Recorder<'a> {
    folder: &'a Path,
    faults: &'a Faults,
    states: Vec<(usize, Versions)>,
}

impl Recorder<'_> {
    fn put(&mut self, ids: &[i64], version: i64) {
        let table = open(self.folder);
        put(&table, ids, version).expect("a commit");
        self.acknowledged();
    }

    fn acknowledged(&mut self) {
        let steps = self.faults.made().len();
        self.states.push((steps, all(&open(self.folder)).expect("the rows")));
    }
}

fn commits(recorder: &mut Recorder<'_>) {
    recorder.put(&[1, 2, 3], 1);
    recorder.put(&[2], 2);
    recorder.put(&[10, 11], 3);
    recorder.put(&[1, 3, 11], 4);
}

fn nothing(_: &Path) {}

fn foreign_file(folder: &Path) {
    std::fs::create_dir_all(folder).expect("a folder");
    let other = Scratch::new();
    put(&open(&other.cache()), &[1, 2, 3], 1).expect("a commit");
    let mut rows = open(&other.cache()).cached().expect("the rows");
    let file = std::fs::File::create(folder.join(FILE)).expect("a file");
    dbcache::polars::prelude::ParquetWriter::new(file).finish(&mut rows).expect("a Parquet file");
}

fn damaged_file(folder: &Path) {
    put(&open(folder), &[1, 2, 3], 1).expect("a commit");
    let mut bytes = std::fs::read(folder.join(FILE)).expect("the file");
    let place = bytes.len() - 40;
    bytes[place] ^= 1;
    std::fs::write(folder.join(FILE), bytes).expect("the file");
}

#[test]
fn the_recorded_steps_are_all_that_was_done() {
    let run = Run::record(nothing, &[], commits);
    let mut disk = run.before.clone();
    run.steps.iter().for_each(|step| disk.make(step, run.scratch.around()));
    let rebuilt = Scratch::new();
    disk.write(&Kept::Everything, rebuilt.around());
    let files = |folder: &Path| -> Vec<(std::ffi::OsString, Vec<u8>)> {
        let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
        let mut files: Vec<_> =
            entries.map(|entry| (entry.file_name(), std::fs::read(entry.path()).expect("a file"))).collect();
        files.sort();
        files
    };
    assert_eq!(files(&rebuilt.cache()), files(&run.scratch.cache()));
}

#[test]
fn a_crash_at_any_step_of_a_commit_leaves_the_rows_of_before_or_after() {
    Run::record(nothing, &[], commits).assert_sound("commit");
}

#[test]
fn a_crash_at_any_step_of_taking_in_a_foreign_file_leaves_the_rows_of_before_or_after() {
    Run::record(foreign_file, &[], |recorder| recorder.put(&[3, 4], 2)).assert_sound("adoption");
}

#[test]
fn a_crash_at_any_step_of_setting_a_damaged_file_aside_brings_no_wrong_row() {
    let run = Run::record(damaged_file, &[], |recorder| {
        let database = Database::with_rows((1..=3).map(|id| Value::Object(row_of(id, 2))));
        let table = open(recorder.folder);
        table.select(["version", "text"]).expect("columns").frame(&[1, 2, 3], &database).expect("the rows");
        recorder.acknowledged();
    });
    run.assert_sound("quarantine");
}

#[test]
fn without_a_safeguard_a_crash_loses_rows() {
    for safeguard in [Safeguard::FileSync, Safeguard::FolderSync] {
        let (fault, outcomes) = Run::record(nothing, &[safeguard], commits).fault();
        let fault = fault.unwrap_or_else(|| panic!("nothing is lost without {safeguard:?}"));
        report("proof of the tests", format!("without {safeguard:?} outcome {outcomes} fails: {fault:.100}"));
    }
}

#[test]
fn without_any_one_sync_a_crash_loses_rows() {
    let mut run = Run::record(nothing, &[], commits);
    let steps = run.steps.clone();
    let syncs = steps.iter().enumerate().filter(|(_, step)| matches!(step.call, Call::Sync | Call::SyncFolder));
    let mut left_out = 0;
    for (place, sync) in syncs {
        run.steps = steps.clone();
        // What is left in its place changes nothing, so that the count of steps stays right.
        run.steps[place].call = Call::Look;
        assert!(run.fault().0.is_some(), "nothing is lost without step {place}, {:?}", sync.path);
        left_out += 1;
    }
    report("proof of the tests", format!("{left_out} syncs taken out one by one, each loses rows"));
}
