//! The compile time of a derive.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::case::{Case, Outcome, Target};
use crate::ground::Ground;
use crate::measure::{Contender, Result, Round, in_turn};

pub(crate) const CASES: &[Case] = &[Case {
    name: "derive_compile",
    about: "a dev build of a crate with 1 record and with 11 records of 20 columns, its dependencies built before",
    targets: &[Target { name: "derive_20_columns", at_most: 1.0, of: "0.2 s for each record" }],
    run: derive,
}];

const MORE: u64 = 10;
const LIMIT: f64 = 0.2;
const COLUMNS: usize = 20;
const TYPES: [&str; 5] = ["i64", "String", "Option<f64>", "Option<String>", "bool"];

/// Uses the features and profiles of this workspace for the dependencies, and therefore shares their builds.
const MANIFEST: &str = r#"[package]
name = "derive-cost"
version = "0.0.0"
edition = "2024"

[dependencies]
dbcache = { path = "DBCACHE" }

[profile.dev.package."*"]
debug = false

[workspace]
"#;

fn derive(ground: &Ground) -> Result<Outcome> {
    // Always in the same directory, so that each run replaces the build of the previous one.
    let package = Package::create(&ground.folder("derive-cost"))?;
    // Builds the dependencies.
    package.build(u64::MAX, 1)?;
    let contenders = vec![
        Contender::new("1 record", |round| package.timed(2 * round, 1)),
        Contender::new("11 records", |round| package.timed(2 * round + 1, 1 + MORE)),
    ];
    let outcome = Outcome::new(in_turn(contenders, ground.pace.cold().slow())?);
    let median = |place: usize| outcome.samples.get(place).map_or(f64::NAN, crate::measure::Sample::median);
    let each = (median(1) - median(0)) / MORE as f64;
    Ok(outcome.ratio("derive_20_columns", each / LIMIT))
}

struct Package {
    folder: PathBuf,
    target: PathBuf,
}

impl Package {
    fn create(folder: &Path) -> Result<Self> {
        let library =
            Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("the benchmark is not in the library's folder")?;
        let workspace = library.parent().ok_or("the library is not in a workspace")?;
        std::fs::create_dir_all(folder.join("src"))?;
        std::fs::write(folder.join("Cargo.toml"), MANIFEST.replace("DBCACHE", &library.to_string_lossy()))?;
        std::fs::copy(workspace.join("Cargo.lock"), folder.join("Cargo.lock"))?;
        let program = std::env::current_exe()?;
        let target = program.ancestors().nth(3).ok_or("this program is not in a target folder")?;
        Ok(Self { folder: folder.to_owned(), target: target.to_owned() })
    }

    fn timed(&self, edition: u64, records: u64) -> Result<Round> {
        Round::of(|| self.build(edition, records), |()| Ok(0))
    }

    /// Each edition has names of its own, so that nothing of an earlier build is reused.
    fn build(&self, edition: u64, records: u64) -> Result<()> {
        let source: String = (0..records).map(|record| source_of(edition, record)).collect();
        std::fs::write(self.folder.join("src/lib.rs"), source)?;
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["build", "--offline", "--quiet", "--target-dir"])
            .arg(&self.target)
            .current_dir(&self.folder)
            .output()?;
        if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into()) }
    }
}

fn source_of(edition: u64, record: u64) -> String {
    let mut source = format!(
        "#[derive(dbcache::Cached)]\n#[cached(table = \"bench.record\")]\npub struct Record{edition}x{record} {{\n    #[cached(id)]\n    pub id: i64,\n"
    );
    for (column, data_type) in (1..COLUMNS).zip(TYPES.iter().cycle()) {
        let _ = writeln!(source, "    pub column_{column}: {data_type},");
    }
    source + "}\n"
}
