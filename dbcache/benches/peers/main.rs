//! Compares dbcache with the programs that its users would otherwise choose, each pair in one run.
//!
//! `cargo bench -p dbcache-benches -- --help` lists the options, and `BENCHMARKS.md` describes the cases.
#![allow(clippy::print_stdout, reason = "a benchmark reports on stdout")]
#![allow(clippy::cast_precision_loss, reason = "measurements are printed with three digits")]

mod arguments;
mod baselines;
mod case;
mod cases;
mod child;
mod ground;
mod machine;
mod measure;
mod ours;
mod people;
mod process;
#[cfg(feature = "postgres")]
mod proxy;
mod random;
mod report;
/// The server that the tests start.
#[cfg(feature = "postgres")]
#[expect(dead_code, unreachable_pub, reason = "the tests use more of it")]
#[path = "../../../tests/src/server.rs"]
mod server;
mod users;

use std::process::ExitCode;

use arguments::{Arguments, Command};
use ground::Ground;
use measure::Result;
use report::Report;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    match arguments::parse()? {
        Command::Child { task, arguments } => child::run(&task, &arguments),
        Command::Measure(arguments) => measure(&arguments),
        Command::List => {
            list();
            Ok(())
        }
        Command::Help => {
            print!("{}", arguments::HELP);
            Ok(())
        }
    }
}

fn list() {
    for case in cases::all() {
        println!("{}: {}", case.name, case.about);
        for target in case.targets {
            println!("    {} at most {} of {}", target.name, target.at_most, target.of);
        }
    }
}

fn measure(arguments: &Arguments) -> Result<()> {
    let ground = Ground::new(arguments.rows, arguments.quick)?;
    let mut report = Report::new(arguments.rows);
    for case in cases::all().filter(|case| arguments.wants(case)) {
        report.begin(case);
        let outcome = (case.run)(&ground).map_err(|error| format!("{}: {error}", case.name))?;
        report.add(case, outcome);
    }
    report.print();
    if let Some(path) = &arguments.json {
        report.write_json(path)?;
    }
    Ok(())
}
