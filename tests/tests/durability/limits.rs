//! Processes with few open files or little memory, and clocks that jump back.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use dbcache_tests::counts::report;
use dbcache_tests::versioned::{Versions, all, open, put};

use crate::Scratch;

/// Lets a process work under a limit of the shell's `ulimit`.
fn limited(limit: &str, folder: &Path, tables: u32) -> String {
    let worker = env!("CARGO_BIN_EXE_worker");
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit {limit} && exec \"$@\""), "sh", worker, "tables"]);
    let output = command.arg(folder).arg(tables.to_string()).stderr(Stdio::piped()).output().expect("a process");
    let told = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "with ulimit {limit}: {told}");
    told
}

#[test]
fn many_tables_need_few_open_files() {
    for scratch in Scratch::both() {
        assert_eq!(limited("-n 32", &scratch.cache(), 80).trim(), "80 tables");
    }
    report("limits", "80 tables with 32 open files");
}

#[test]
fn many_tables_need_little_address_space() {
    let scratch = Scratch::new();
    assert_eq!(limited("-v 524288", &scratch.cache(), 80).trim(), "80 tables");
    report("limits", "80 tables in 512 MiB of address space");
}

fn set_clock_back(folder: &Path, time: SystemTime) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            set_clock_back(&path, time);
        } else {
            let file = std::fs::File::options().write(true).open(path).expect("a file");
            file.set_modified(time).expect("a time");
        }
    }
}

#[test]
fn a_clock_that_jumps_back_hides_no_commit() {
    // A disk gives the numbers of removed files to new ones, which memory does not.
    let scratch = Scratch::on_disk();
    let (writer, reader) = (open(&scratch.cache()), open(&scratch.cache()));
    let now = SystemTime::now();
    let versions = 200;
    for version in 1..=versions {
        // Rows of equal length, so that the files of all versions may have the same size.
        put(&writer, &[10, 15], 1_000 + version).expect("a commit");
        let back = now - Duration::from_secs(if version % 2 == 0 { 86_400 } else { version.unsigned_abs() });
        set_clock_back(&scratch.cache(), back);
        let expected = Versions::from([(10, 1_000 + version), (15, 1_000 + version)]);
        assert_eq!(all(&reader).expect("rows"), expected);
    }
    report("limits", format!("{versions} commits under a clock that jumps back, each seen"));
}
