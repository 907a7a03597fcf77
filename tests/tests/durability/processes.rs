//! Many processes write and read one table: what was acknowledged or seen is never older again.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};

use dbcache_tests::counts::{count, report};
use dbcache_tests::versioned::{self, OWNERS, Versions};

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

/// One process has fetched a row and not stored it yet, while another one stores a newer version.
#[test]
fn a_row_that_was_fetched_earlier_does_not_replace_a_newer_one_of_another_process() {
    for scratch in Scratch::both() {
        let mut child =
            worker(&["fetch", "7", "1"], &scratch.cache()).stdin(Stdio::piped()).spawn().expect("a process");
        let mut told = BufReader::new(child.stdout.take().expect("an output")).lines();
        let mut line = || told.next().expect("a line").expect("text");
        assert_eq!(line(), "asked");
        let table = versioned::open(&scratch.cache());
        versioned::put(&table, &[7, 8], 2).expect("a commit");
        child.stdin.take().expect("an input").write_all(b"\n").expect("it listens");
        assert_eq!(line(), format!("{:?}", Versions::from([(7, 2)])));
        assert!(child.wait().expect("it ends").success());
        assert_eq!(versioned::all(&table).expect("rows"), Versions::from([(7, 2), (8, 2)]));
    }
}
