//! A process that dies, or a machine that loses power, after any step leaves the rows of before or those of after.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use dbcache::faults::{Call, Faults, Made, Safeguard};
use dbcache_tests::Database;
use dbcache_tests::counts::report;
use dbcache_tests::versioned::{FILE, Versions, all, open, put, row_of};
use serde_json::Value;

use crate::power_model::{Disk, Kept, Torn};
use crate::{Scratch, files_below};

/// A run of commits, recorded step by step.
struct Run {
    scratch: Scratch,
    before: Disk,
    steps: Vec<Made>,
    /// After how many steps each commit was acknowledged, and the rows that are stored then.
    states: Vec<(usize, Versions)>,
    left_out: Vec<Safeguard>,
}

impl Run {
    /// Prepares a folder, then records what `work` does, which tells of each commit.
    fn record(
        scratch: Scratch,
        prepare: impl FnOnce(&Path),
        left_out: &[Safeguard],
        work: impl FnOnce(&mut Recorder<'_>),
    ) -> Self {
        prepare(&scratch.cache());
        let before = Disk::of(scratch.around());
        // Looking may repair, which is to be recorded.
        let copy = scratch.another();
        before.outcome(&Kept::Everything).write(copy.around());
        let stored = all(&open(&copy.cache())).expect("the prepared rows");
        let faults = Faults::watch(scratch.around());
        left_out.iter().for_each(|safeguard| faults.leave_out(*safeguard));
        let folder = scratch.cache();
        let mut recorder = Recorder { folder: &folder, faults: &faults, states: vec![(0, stored)] };
        work(&mut recorder);
        let (states, steps) = (recorder.states, faults.made());
        Self { scratch, before, steps, states, left_out: left_out.to_vec() }
    }

    /// The first outcome after which something is lost or wrong, if there is one, and how many were looked at.
    fn fault(&self) -> (Option<String>, usize) {
        let mut disk = self.before.clone();
        let mut outcomes = 0;
        // Many steps leave the same; what a process that died leaves may also last or not.
        let mut seen = HashSet::new();
        for made in 0..=self.steps.len() {
            if let Some(step) = made.checked_sub(1).and_then(|last| self.steps.get(last)) {
                disk.make(step, self.scratch.around());
                if !changes(step) && made < self.steps.len() {
                    continue;
                }
            }
            for kept in disk.outcomes() {
                let outcome = disk.outcome(&kept);
                if !matches!(kept, Kept::Everything) && !seen.insert((self.acknowledged(made), outcome.clone())) {
                    continue;
                }
                outcomes += 1;
                let after = self.scratch.another();
                outcome.write(after.around());
                if let Err(fault) = self.check(made, &after, &disk, &kept) {
                    return (Some(format!("after {made} steps, with {kept:?}: {fault}")), outcomes);
                }
            }
        }
        (None, outcomes)
    }

    /// The place of the last state that was acknowledged after so many steps.
    fn acknowledged(&self, made: usize) -> usize {
        self.states.partition_point(|(steps, _)| *steps <= made) - 1
    }

    /// What is found after this outcome, and after the next commit and another power cut.
    fn check(&self, made: usize, after: &Scratch, disk: &Disk, kept: &Kept) -> Result<(), String> {
        let faults = Faults::watch(after.around());
        self.left_out.iter().filter(|safeguard| is_for_readers(**safeguard)).for_each(|one| faults.leave_out(*one));
        let found = all(&open(&after.cache())).map_err(|cause| format!("{cause:?}"))?;
        let allowed: Vec<&Versions> =
            self.states[self.acknowledged(made)..].iter().take(2).map(|(_, rows)| rows).collect();
        if !allowed.contains(&&found) {
            return Err(format!("{found:?} is there, not one of {allowed:?}"));
        }
        // After the death of a process what it had not synced is still not synced.
        let is_death = matches!(kept, Kept::Everything);
        let mut disk = if is_death { disk.clone() } else { disk.after(kept) };
        put(&open(&after.cache()), &[7], 1_000).map_err(|cause| format!("the next commit: {cause:?}"))?;
        faults.made().iter().for_each(|step| disk.make(step, after.around()));
        let again = after.another();
        disk.outcome(&Kept::First(0, Torn::Lost)).write(again.around());
        let expected: Versions = found.into_iter().chain([(7, 1_000)]).collect();
        let found = all(&open(&again.cache())).map_err(|cause| format!("{cause:?}"))?;
        if found != expected {
            return Err(format!("after the next commit {found:?} lasts"));
        }
        let rows = open(&again.cache()).compact().map_err(|cause| format!("compaction: {cause:?}"));
        match rows.map(|()| segments(&again.cache()))?.as_slice() {
            [] => Ok(()),
            left => Err(format!("{left:?} are left")),
        }
    }

    fn assert_sound(&self, name: &str) {
        let (fault, outcomes) = self.fault();
        assert_eq!(fault, None, "{name}");
        let (steps, commits) = (self.steps.len(), self.states.len() - 1);
        report("crash at every step", format!("{name}: {commits} commits, {steps} steps, {outcomes} outcomes, 0 lost"));
    }
}

/// Whether it is readers that a safeguard is for.
fn is_for_readers(safeguard: Safeguard) -> bool {
    matches!(safeguard, Safeguard::Mark | Safeguard::Watermark)
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let is_segment = |file: &PathBuf| {
        file.parent() != Some(Path::new("")) && file.extension().is_some_and(|extension| extension == "parquet")
    };
    files_below(folder).into_iter().filter(is_segment).collect()
}

/// Whether a step changes what may be on the disk.
fn changes(step: &Made) -> bool {
    !matches!(step.call, Call::Look | Call::Open | Call::Read(_) | Call::List | Call::Lock | Call::Create)
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

    fn compact(&mut self) {
        open(self.folder).compact().expect("a compaction");
        self.acknowledged();
    }

    fn forget(&mut self, ids: &[i64]) {
        open(self.folder).forget(ids).expect("forgotten");
        self.acknowledged();
    }

    fn clear(&mut self) {
        open(self.folder).clear().expect("cleared");
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

/// Enough of them that segments are folded into one another and into the base.
fn many_commits(recorder: &mut Recorder<'_>) {
    for version in 1..=8 {
        recorder.put(&[version % 5, version % 7 + 3], version);
    }
    recorder.put(&(0..60).collect::<Vec<i64>>(), 20);
    for version in 21..=28 {
        recorder.put(&[version % 5, version % 7 + 30], version);
    }
}

fn commits_and_a_compaction(recorder: &mut Recorder<'_>) {
    for version in 1..=4 {
        recorder.put(&[version % 3, version + 10], version);
    }
    recorder.compact();
    recorder.put(&[2], 5);
}

fn nothing(_: &Path) {}

pub fn foreign_file(folder: &Path) {
    std::fs::create_dir_all(folder).expect("a folder");
    let other = Scratch::new();
    put(&open(&other.cache()), &[1, 2, 3], 1).expect("a commit");
    let mut rows = open(&other.cache()).cached().expect("the rows");
    let file = std::fs::File::create(folder.join(FILE)).expect("a file");
    dbcache::polars::prelude::ParquetWriter::new(file).finish(&mut rows).expect("a Parquet file");
}

fn damage(file: &Path) {
    let mut bytes = std::fs::read(file).expect("the file");
    let place = bytes.len() - 40;
    bytes[place] ^= 1;
    std::fs::write(file, bytes).expect("the file");
}

fn damaged_file(folder: &Path) {
    put(&open(folder), &[1, 2, 3], 1).expect("a commit");
    damage(&folder.join(FILE));
}

/// A table of a base and segments, one of these damaged.
fn damaged_segment(folder: &Path) {
    for version in [1, 1, 1, 2] {
        put(&open(folder), &[1, 2, 3], version).expect("a commit");
    }
    let files = files_below(folder).into_iter().filter(|file| file.parent() != Some(Path::new("")));
    damage(&folder.join(files.max().expect("a segment")));
}

#[test]
fn the_recorded_steps_are_all_that_was_done() {
    let run = Run::record(Scratch::split_early(), nothing, &[], many_commits);
    let mut disk = run.before.clone();
    run.steps.iter().for_each(|step| disk.make(step, run.scratch.around()));
    let rebuilt = run.scratch.another();
    disk.outcome(&Kept::Everything).write(rebuilt.around());
    let files = |folder: &Path| -> Vec<(PathBuf, Vec<u8>)> {
        let read = |file: PathBuf| (file.clone(), std::fs::read(folder.join(file)).expect("a file"));
        files_below(folder).into_iter().map(read).collect()
    };
    assert_eq!(files(&rebuilt.cache()), files(&run.scratch.cache()));
}

#[test]
fn a_crash_at_any_step_of_a_commit_leaves_the_rows_of_before_or_after() {
    Run::record(Scratch::new(), nothing, &[], commits).assert_sound("commit");
}

#[test]
fn a_crash_at_any_step_of_commits_that_fold_segments_leaves_the_rows_of_before_or_after() {
    Run::record(Scratch::split_early(), nothing, &[], many_commits).assert_sound("compaction");
}

/// A base and three segments.
fn put_segments(folder: &Path) {
    for version in 1..=4 {
        put(&open(folder), &[version, 10, 11], version).expect("a commit");
    }
}

#[test]
fn a_crash_at_any_step_of_a_compaction_that_was_asked_for_leaves_the_rows() {
    let run = Run::record(Scratch::split_early(), put_segments, &[], |recorder| recorder.compact());
    assert!(run.steps.iter().any(|step| step.call == Call::Remove), "segments are folded");
    run.assert_sound("asked compaction");
}

#[test]
fn a_crash_at_any_step_of_folding_all_segments_leaves_the_rows_and_no_segment_for_ever() {
    Run::record(Scratch::split_early(), nothing, &[], commits_and_a_compaction).assert_sound("compaction on request");
}

#[test]
fn a_crash_at_any_step_of_taking_in_a_foreign_file_leaves_the_rows_of_before_or_after() {
    for scratch in Scratch::both() {
        Run::record(scratch, foreign_file, &[], |recorder| recorder.put(&[3, 4], 2)).assert_sound("adoption");
    }
}

#[test]
fn a_crash_at_any_step_of_forgetting_leaves_the_rows_of_before_or_after() {
    let of_files_and_of_none = |recorder: &mut Recorder<'_>| {
        recorder.forget(&[3]);
        recorder.forget(&[1, 10]);
        recorder.forget(&[99]);
        recorder.put(&[10], 9);
    };
    Run::record(Scratch::split_early(), put_segments, &[], of_files_and_of_none).assert_sound("forgotten rows");
    Run::record(Scratch::new(), damaged_file, &[], |recorder| recorder.forget(&[2])).assert_sound("a damaged file");
    Run::record(Scratch::split_early(), put_segments, &[], |recorder| recorder.clear()).assert_sound("cleared");
}

fn fetch_again(recorder: &mut Recorder<'_>) {
    let database = Database::with_rows((1..=3).map(|id| Value::Object(row_of(id, 2))));
    let table = open(recorder.folder);
    table.select(["version", "text"]).expect("columns").frame(&[1, 2, 3], &database).expect("the rows");
    recorder.acknowledged();
}

#[test]
fn a_crash_at_any_step_of_setting_a_damaged_file_aside_brings_no_wrong_row() {
    Run::record(Scratch::new(), damaged_file, &[], fetch_again).assert_sound("quarantine of a base");
    Run::record(Scratch::split_early(), damaged_segment, &[], fetch_again).assert_sound("quarantine of a segment");
}

#[test]
fn without_a_safeguard_a_crash_loses_rows() {
    for (safeguard, scratch) in [
        (Safeguard::FileSync, Scratch::new()),
        (Safeguard::FolderSync, Scratch::new()),
        (Safeguard::Watermark, Scratch::split_early()),
    ] {
        let work = if safeguard == Safeguard::Watermark { many_commits } else { commits };
        let (fault, outcomes) = Run::record(scratch, nothing, &[safeguard], work).fault();
        let fault = fault.unwrap_or_else(|| panic!("nothing is lost without {safeguard:?}"));
        report("proof of the tests", format!("without {safeguard:?} outcome {outcomes} fails: {fault:.100}"));
    }
}

#[test]
fn without_the_mark_a_reader_misses_commits() {
    for (left_out, is_stale) in [(None, false), (Some(Safeguard::Mark), true)] {
        let scratch = Scratch::split_early();
        // A reader that finds no mark at all waits for the writer.
        put(&open(&scratch.cache()), &[1], 0).expect("a commit");
        let faults = Faults::watch(scratch.around());
        left_out.into_iter().for_each(|safeguard| faults.leave_out(safeguard));
        let (writer, reader) = (open(&scratch.cache()), open(&scratch.cache()));
        let seen = (1..=4).map(|version| {
            put(&writer, &[1], version).expect("a commit");
            (version, all(&reader).expect("rows").get(&1).copied())
        });
        let misses: Vec<_> = seen.filter(|(version, seen)| *seen != Some(*version)).collect();
        assert_eq!(!misses.is_empty(), is_stale, "{left_out:?}: {misses:?}");
    }
    report("proof of the tests", "without Mark a reader misses commits");
}

#[test]
fn without_any_one_sync_a_crash_loses_rows() {
    let more_segments = |recorder: &mut Recorder<'_>| (5..=7).for_each(|version| recorder.put(&[version, 10], version));
    let runs = [
        Run::record(Scratch::new(), nothing, &[], commits),
        Run::record(Scratch::split_early(), put_segments, &[], more_segments),
        Run::record(Scratch::split_early(), put_segments, &[], |recorder| recorder.compact()),
    ];
    let mut left_out = 0;
    for mut run in runs {
        let steps = run.steps.clone();
        let syncs = steps.iter().enumerate().filter(|(_, step)| matches!(step.call, Call::Sync | Call::SyncFolder));
        for (place, sync) in syncs {
            run.steps.clone_from(&steps);
            // What is left in its place changes nothing, so that the count of steps stays right.
            run.steps[place].call = Call::Look;
            assert!(run.fault().0.is_some(), "nothing is lost without step {place}, {:?}", sync.path);
            left_out += 1;
        }
    }
    report("proof of the tests", format!("{left_out} syncs taken out one by one, each loses rows"));
}
