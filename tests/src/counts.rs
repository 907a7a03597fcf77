//! How often the long tests repeat: a few times as a rule, many times where the environment says so.

use std::fmt::Display;
use std::io::Write;

/// A count that a test runs with: `normal`, or `full` where `DBCACHE_FULL` is set, or what the variable of that name
/// says.
///
/// # Panics
///
/// When the variable holds no number.
pub fn count(variable: &str, normal: usize, full: usize) -> usize {
    match std::env::var(variable) {
        Ok(count) => count.parse().expect("a number"),
        Err(_) if is_full() => full,
        Err(_) => normal,
    }
}

/// Whether the long tests run in full.
pub fn is_full() -> bool {
    std::env::var_os("DBCACHE_FULL").is_some()
}

/// Tells what a test went through, also where the harness hides the output of tests that pass.
pub fn report(test: &str, what: impl Display) {
    // Nobody may be listening, which is no reason to fail.
    let _ = writeln!(std::io::stderr(), "{test}: {what}");
}
