//! The results of a run, as text and as JSON.

use std::fs::File;
use std::path::Path;

use serde::Serialize;

use crate::case::{Case, Outcome};
use crate::machine::Machine;
use crate::measure::{Result, Sample, Unit};

#[derive(Serialize)]
pub(crate) struct Report {
    machine: Machine,
    /// Rows of the largest table.
    rows: u64,
    cases: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    name: &'static str,
    about: &'static str,
    #[serde(flatten)]
    outcome: Outcome,
    verdicts: Vec<Verdict>,
}

#[derive(Serialize)]
struct Verdict {
    name: &'static str,
    /// `None` if a contender was not measured.
    ratio: Option<f64>,
    target: f64,
    of: &'static str,
}

impl Verdict {
    fn line(&self) -> String {
        let Self { name, ratio, target, .. } = self;
        match ratio {
            Some(ratio) if *ratio <= *target => format!("ratio {name} {} target {target} ok", short(*ratio)),
            Some(ratio) => format!("ratio {name} {} target {target} short", short(*ratio)),
            None => format!("ratio {name} - target {target} skipped"),
        }
    }
}

/// Formats a number with three significant digits.
fn short(value: f64) -> String {
    let decimals = match value {
        value if value >= 100.0 => 0,
        value if value >= 10.0 => 1,
        value if value >= 1.0 => 2,
        value if value >= 0.1 => 3,
        value if value >= 0.01 => 4,
        _ => 5,
    };
    format!("{value:.decimals$}")
}

impl Report {
    pub(crate) fn new(rows: u64) -> Self {
        Self { machine: Machine::here(), rows, cases: Vec::new() }
    }

    pub(crate) fn begin(&self, case: &Case) {
        eprintln!("[{}] {}: {}", self.cases.len() + 1, case.name, case.about);
    }

    pub(crate) fn add(&mut self, case: &Case, outcome: Outcome) {
        let ratio_of = |name| outcome.ratios.iter().find(|(target, _)| *target == name).map(|(_, ratio)| *ratio);
        let verdicts: Vec<Verdict> = case
            .targets
            .iter()
            .map(|target| Verdict {
                name: target.name,
                ratio: ratio_of(target.name),
                target: target.at_most,
                of: target.of,
            })
            .collect();
        for verdict in &verdicts {
            eprintln!("  {}", verdict.line());
        }
        self.cases.push(Entry { name: case.name, about: case.about, outcome, verdicts });
    }

    /// Prints the table, then a line for each target.
    pub(crate) fn print(&self) {
        self.print_head();
        for entry in &self.cases {
            entry.print();
        }
        println!();
        for verdict in self.cases.iter().flat_map(|entry| &entry.verdicts) {
            println!("{}", verdict.line());
        }
    }

    fn print_head(&self) {
        let Machine { processor, cores, memory_gib, system, date, versions } = &self.machine;
        let versions: Vec<String> = versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
        println!("{date}, {processor}, {cores} cores, {memory_gib} GiB, {system}");
        println!("{}; {} rows", versions.join(", "), self.rows);
    }

    pub(crate) fn write_json(&self, path: &Path) -> Result<()> {
        Ok(serde_json::to_writer_pretty(File::create(path)?, self)?)
    }
}

impl Entry {
    fn print(&self) {
        println!("\n{}: {}", self.name, self.about);
        println!("  {:<34} {:>10} {:>10} {:>10} {:>7}", "", "median", "quarter", "3 quarters", "rounds");
        for sample in &self.outcome.samples {
            let at = |part| shown(sample.quantile(part), sample.unit);
            let Sample { name, values, .. } = sample;
            println!("  {name:<34} {:>10} {:>10} {:>10} {:>7}", at(0.5), at(0.25), at(0.75), values.len());
        }
        for curve in &self.outcome.curves {
            println!("  {} grows with the {} to the power of {:.2}", curve.contender, curve.along, curve.exponent);
        }
        for verdict in &self.verdicts {
            println!("  {}, of {}", verdict.line(), verdict.of);
        }
    }
}

fn shown(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Bytes if value >= 1e9 => format!("{} GB", short(value / 1e9)),
        Unit::Bytes => format!("{} MB", short(value / 1e6)),
        Unit::Seconds if value < 1e-3 => format!("{} µs", short(value * 1e6)),
        Unit::Seconds if value < 1.0 => format!("{} ms", short(value * 1e3)),
        Unit::Seconds => format!("{} s", short(value)),
    }
}
