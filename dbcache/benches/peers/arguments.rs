//! The command line.

use std::path::PathBuf;

use lexopt::prelude::*;

use crate::case::Case;
use crate::measure::Result;

pub(crate) const HELP: &str = "\
Usage: cargo bench -p dbcache-benches [--features all-peers,postgres,lazy] -- [OPTIONS] [NAME]...

Measures dbcache and its baselines. With names, measures only the cases whose name, or the name of one of whose targets,
contains one of them.

  --rows N      rows of the largest table (default: 10 million)
  --quick       few rounds, to check that everything runs
  --json FILE   writes the measurements to FILE
  --list        lists the cases and their targets
";

/// The first argument of a process that a case starts.
pub(crate) const CHILD: &str = "--child";

const DEFAULT_ROWS: u64 = 10_000_000;
/// The smallest table of the growth cases must have as many rows as a case looks up.
const FEWEST_ROWS: u64 = 10_000;

pub(crate) enum Command {
    Measure(Arguments),
    Child { task: String, arguments: Vec<String> },
    List,
    Help,
}

pub(crate) struct Arguments {
    pub(crate) rows: u64,
    pub(crate) quick: bool,
    pub(crate) json: Option<PathBuf>,
    names: Vec<String>,
}

impl Arguments {
    pub(crate) fn wants(&self, case: &Case) -> bool {
        let mut names = std::iter::once(case.name).chain(case.targets.iter().map(|target| target.name));
        self.names.is_empty() || names.any(|name| self.names.iter().any(|wanted| name.contains(wanted)))
    }
}

pub(crate) fn parse() -> Result<Command> {
    let mut given = std::env::args().skip(1);
    if given.next().as_deref() == Some(CHILD) {
        let task = given.next().ok_or("a child needs a task")?;
        return Ok(Command::Child { task, arguments: given.collect() });
    }
    let mut parser = lexopt::Parser::from_env();
    let mut arguments = Arguments { rows: DEFAULT_ROWS, quick: false, json: None, names: Vec::new() };
    let mut by_cargo_bench = false;
    while let Some(argument) = parser.next()? {
        match argument {
            Long("bench") => by_cargo_bench = true,
            Long("rows") => arguments.rows = parser.value()?.parse::<u64>()?.max(FEWEST_ROWS),
            Long("quick") => arguments.quick = true,
            Long("json") => arguments.json = Some(parser.value()?.into()),
            Long("list") => return Ok(Command::List),
            Long("help") | Short('h') => return Ok(Command::Help),
            Value(name) => arguments.names.push(name.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    // `cargo test --benches` also runs this program, which must not measure for an hour then.
    Ok(if by_cargo_bench { Command::Measure(arguments) } else { Command::Help })
}
