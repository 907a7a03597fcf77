//! Runs this program in a new process, and reads the statistics of processes.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::arguments::CHILD;
use crate::measure::{Result, Round};

/// The result of a child, which it prints as one line of JSON.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) seconds: f64,
    pub(crate) digest: i64,
    /// Peak memory of the process.
    pub(crate) peak_bytes: u64,
    /// Bytes that it passed to `write` calls.
    pub(crate) written_bytes: u64,
}

impl Found {
    /// Call this in the child, after its work.
    pub(crate) fn new(round: Round) -> Result<Self> {
        Ok(Self {
            seconds: round.took.as_secs_f64(),
            digest: round.digest,
            peak_bytes: peak_bytes()?,
            written_bytes: written_bytes()?,
        })
    }

    pub(crate) fn round(self) -> Round {
        Round { took: Duration::from_secs_f64(self.seconds), digest: self.digest }
    }
}

/// Runs a task of [`crate::child`] in a new process.
pub(crate) fn in_child(task: &str, path: &Path, numbers: &[u64]) -> Result<Found> {
    let output = Command::new(std::env::current_exe()?)
        .arg(CHILD)
        .arg(task)
        .arg(path)
        .args(numbers.iter().map(u64::to_string))
        .output()?;
    if !output.status.success() {
        return Err(format!("{task} in a new process: {}", String::from_utf8_lossy(&output.stderr).trim()).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn peak_bytes() -> Result<u64> {
    Ok(1024 * field("/proc/self/status", "VmHWM:")?)
}

fn written_bytes() -> Result<u64> {
    field("/proc/self/io", "wchar:")
}

fn field(file: &str, name: &str) -> Result<u64> {
    let text = std::fs::read_to_string(file)?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such field")?;
    Ok(line.split_whitespace().next().ok_or("an empty field")?.parse()?)
}

/// Returns the processor time of all threads of this process, to a hundredth of a second.
pub(crate) fn processor_time() -> Result<Duration> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    // The name of the program, which can contain any character, ends at the last parenthesis.
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(Duration::from_millis(ticks * 10))
}

/// Returns the size of a file, or of all files in a directory.
pub(crate) fn size_on_disk(path: &Path) -> Result<u64> {
    if !path.is_dir() {
        return Ok(path.metadata()?.len());
    }
    let mut bytes = 0;
    for entry in std::fs::read_dir(path)? {
        bytes += size_on_disk(&entry?.path())?;
    }
    Ok(bytes)
}
