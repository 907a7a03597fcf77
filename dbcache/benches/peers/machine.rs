//! The machine, the date and the versions of a run.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) memory_gib: u64,
    pub(crate) system: String,
    /// The day in UTC, `YYYY-MM-DD`.
    pub(crate) date: String,
    pub(crate) versions: Vec<(String, String)>,
}

const LOCK: &str = include_str!("../../../Cargo.lock");
const MEASURED: [&str; 7] = ["dbcache", "polars", "redb", "rusqlite", "serde_arrow", "serde_json", "tokio-postgres"];

impl Machine {
    pub(crate) fn here() -> Self {
        Self {
            processor: field("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory_gib: memory_gib(),
            system: format!("{} {}", std::env::consts::OS, first_line("/proc/sys/kernel/osrelease")),
            date: date(),
            versions: versions(),
        }
    }
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn memory_gib() -> u64 {
    let kib: u64 =
        field("/proc/meminfo", "MemTotal").and_then(|field| field.split(' ').next()?.parse().ok()).unwrap_or(0);
    (kib + (1 << 19)) >> 20
}

fn first_line(file: &str) -> String {
    std::fs::read_to_string(file).ok().and_then(|text| text.lines().next().map(str::to_owned)).unwrap_or_default()
}

fn versions() -> Vec<(String, String)> {
    let mut versions: Vec<(String, String)> =
        MEASURED.iter().filter_map(|name| Some(((*name).to_owned(), locked_version(name)?))).collect();
    versions.push(("SQLite".to_owned(), rusqlite::version().to_owned()));
    if let Ok(output) = Command::new("rustc").arg("--version").output() {
        versions.push(("rustc".to_owned(), String::from_utf8_lossy(&output.stdout).trim().replace("rustc ", "")));
    }
    versions
}

fn locked_version(name: &str) -> Option<String> {
    let (_, package) = LOCK.split_once(&format!("name = \"{name}\"\nversion = \""))?;
    Some(package.split_once('"')?.0.to_owned())
}

fn date() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (year, month, day) = civil(seconds / 86_400);
    format!("{year}-{month:02}-{day:02}")
}

/// Returns the year, month and day that is `days` days after 1 January 1970. Internally, years begin in March.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}
