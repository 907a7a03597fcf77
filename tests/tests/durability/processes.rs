//! Many processes write and read one table: what was acknowledged or seen is never older again.

use std::process::Child;

use dbcache_tests::counts::{count, report};
use dbcache_tests::versioned::OWNERS;

use crate::{Scratch, worker};

const READERS: usize = 4;

fn output(child: Child) -> String {
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    text
}

/// Lets processes write and read for some time, and tells how many commits and reads there were.
fn work(writing: &[&str], reading: &[&str]) -> String {
    let seconds = count("DBCACHE_PROCESSES_SECONDS", 10, 600).to_string();
    let scratch = Scratch::split_early();
    let board = scratch.around().join("board").display().to_string();
    let start = |work: &[&str]| worker(work, &scratch.cache()).spawn().expect("a process");
    let write = |owner: i64| start(&[&["write", &board, &owner.to_string(), &seconds], writing].concat());
    let writers: Vec<Child> = (0..OWNERS).map(write).collect();
    let readers: Vec<Child> = (0..READERS).map(|_| start(&[&["read", &board, &seconds], reading].concat())).collect();
    let commits: i64 = writers.into_iter().map(|child| output(child).trim().parse::<i64>().expect("a number")).sum();
    let mut reads = 0;
    for told in readers.into_iter().map(output) {
        let last = told.lines().last().expect("a line");
        assert!(last.ends_with(" stale 0"), "{told}");
        reads += last.split(' ').nth(1).and_then(|reads| reads.parse::<u64>().ok()).expect("a number");
    }
    assert!(commits > 0 && reads > 0);
    format!("{seconds} s, {commits} commits, {reads} reads, 0 stale, 0 errors")
}

#[test]
fn versions_only_go_up_for_readers_in_other_processes() {
    report("processes", work(&[], &[]));
}

#[test]
fn processes_whose_lock_file_is_removed_and_replaced_lose_nothing() {
    report("processes, lock files replaced", work(&["replacing-lock-files"], &[]));
}

#[test]
fn processes_whose_files_are_damaged_under_open_handles_read_no_older_version() {
    report("processes, files damaged", work(&["damaging-files"], &["what-is-left"]));
}
