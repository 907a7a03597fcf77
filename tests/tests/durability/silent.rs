//! The library prints nothing: the whole life of a cache leaves stdout and stderr empty.

use std::path::Path;
use std::process::Stdio;

use dbcache_tests::counts::report;

use crate::{Scratch, worker};

#[test]
fn a_cache_prints_nothing_in_its_whole_life() {
    let scratch = Scratch::new();
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign").display().to_string();
    let mut process = worker(&["live", &samples], &scratch.cache());
    let output = process.stderr(Stdio::piped()).output().expect("a process");
    let [stdout, stderr] = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert_eq!((stdout.as_str(), stderr.as_str()), ("", ""));
    assert!(output.status.success(), "{}", output.status);
    report("silent", "a whole life, 0 bytes on stdout and stderr");
}
