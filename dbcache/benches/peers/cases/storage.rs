//! Reading stored rows, in a warm process and in new ones, and storing many.

use std::path::Path;

use crate::baselines::{naive_polars, sqlite};
use crate::case::{Case, Outcome, Target};
use crate::ground::{Ground, Users};
use crate::measure::{Contender, Result, Round, Sample, Unit, in_turn};
use crate::ours::{self, Memory};
use crate::process::{Found, in_child, size_on_disk};
use crate::users;

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "lookup_1000",
        about: "warm, 1,000 random ids, 3 scalar columns to a frame, memory tier 1 GiB",
        targets: &[Target { name: "lookup_1000_memory", at_most: 0.1, of: "SQLite" }],
        run: |ground| look_up("lookup_1000_memory", ground, 1_000, true),
    },
    Case {
        name: "lookup_1",
        about: "the same with 1 id",
        targets: &[Target { name: "lookup_1_memory", at_most: 0.5, of: "SQLite" }],
        run: |ground| look_up("lookup_1_memory", ground, 1, false),
    },
    Case {
        name: "lookup_100000",
        about: "the same with 100,000 ids",
        targets: &[Target { name: "lookup_100000_memory", at_most: 0.05, of: "SQLite" }],
        run: |ground| look_up("lookup_100000_memory", ground, 100_000.min(ground.large().rows), false),
    },
    Case {
        name: "lookup_1000_small_memory",
        about: "warm, 1,000 random ids, 3 scalar columns, memory tier 64 MiB",
        targets: &[Target { name: "lookup_1000_file", at_most: 1.2, of: "SQLite" }],
        run: look_up_files,
    },
    Case {
        name: "open_lookup",
        about: "new process: open and 1,000 random ids, 3 scalar columns",
        targets: &[Target { name: "open_lookup_1000", at_most: 1.2, of: "SQLite opening and doing the same" }],
        run: open_and_look_up,
    },
    Case {
        name: "open_lookup_json",
        about: "new process: open and 1,000 random ids, one path of the JSON text column",
        targets: &[Target { name: "open_lookup_1000_json", at_most: 1.0, of: "SQLite with json_extract" }],
        run: open_and_look_up_path,
    },
    Case {
        name: "open_lookup_memory",
        about: "peak memory of a process that opens and looks up 1,000 ids, memory tier 64 MiB",
        targets: &[Target { name: "open_lookup_1000_peak", at_most: 1.0, of: "150 MB" }],
        run: peak_memory,
    },
    Case {
        name: "whole_table",
        about: "every column of 1 million rows to a frame, in a new process",
        targets: &[Target { name: "whole_table_1m", at_most: 1.2, of: "ParquetReader on a plain file" }],
        run: whole_table,
    },
    Case {
        name: "many_appends",
        about: "1,000 durable appends of 1,000 rows from an empty cache, in a new process",
        targets: &[
            Target { name: "appends_1000x1000", at_most: 3.0, of: "SQLite (WAL, FULL)" },
            Target { name: "appends_1000x1000_written", at_most: 8.0, of: "the final size" },
        ],
        run: many_appends,
    },
];

fn look_up(target: &'static str, ground: &Ground, count: u64, with_others: bool) -> Result<Outcome> {
    let table = ground.large();
    let mut contenders = vec![ours_in(&table, Memory::LARGE, count)?, sqlite_in(&table, count)?];
    if with_others {
        contenders.extend(others(&table, count)?);
    }
    Ok(Outcome::new(in_turn(contenders, ground.pace)?).against(target, "SQLite"))
}

fn look_up_files(ground: &Ground) -> Result<Outcome> {
    let table = ground.large();
    let contenders = vec![ours_in(&table, Memory::SMALL, 1_000)?, sqlite_in(&table, 1_000)?];
    Ok(Outcome::new(in_turn(contenders, ground.pace)?).against("lookup_1000_file", "SQLite"))
}

/// dbcache, with as many columns in memory as the budget allows.
pub(super) fn ours_in(table: &Users, memory: Memory, count: u64) -> Result<Contender<'static>> {
    let (query, rows) = (ours::scalars(&ours::open(&table.cache()?, memory)?), table.rows);
    let ask = move |count, seed| {
        let ids = users::some_ids(rows, count, seed);
        Round::of(|| ours::look_up(&query, &ids), |frame| Ok(users::digest(frame)?))
    };
    // Warms the memory tier, as in a process that has run for a while.
    ask(100_000, u64::MAX)?;
    Ok(Contender::new("dbcache", move |round| ask(count, round)))
}

pub(super) fn sqlite_in(table: &Users, count: u64) -> Result<Contender<'static>> {
    let (connection, rows) = (sqlite::open(&table.sqlite()?)?, table.rows);
    Ok(Contender::new("SQLite", move |round| {
        let ids = users::some_ids(rows, count, round);
        Round::of(|| sqlite::look_up(&connection, &ids), |found| Ok(found.digest()))
    }))
}

/// The baselines without a target.
pub(super) fn others(table: &Users, count: u64) -> Result<Vec<Contender<'static>>> {
    Ok(vec![
        naive(table, count)?,
        #[cfg(feature = "lazy")]
        scanned(table, count)?,
        #[cfg(feature = "all-peers")]
        in_redb(table, count)?,
    ])
}

fn naive(table: &Users, count: u64) -> Result<Contender<'static>> {
    let (path, rows) = (table.parquet()?, table.rows);
    Ok(Contender::new("naive Polars", move |round| {
        let ids = users::some_ids(rows, count, round);
        Round::of(|| naive_polars::look_up(&path, &ids), |frame| Ok(users::digest(frame)?))
    }))
}

#[cfg(feature = "lazy")]
fn scanned(table: &Users, count: u64) -> Result<Contender<'static>> {
    use crate::baselines::scan;

    let (path, rows) = (table.parquet()?, table.rows);
    Ok(Contender::new("scan_parquet", move |round| {
        let ids = users::some_ids(rows, count, round);
        Round::of(|| scan::look_up(&path, &ids), |frame| Ok(users::digest(frame)?))
    }))
}

#[cfg(feature = "all-peers")]
fn in_redb(table: &Users, count: u64) -> Result<Contender<'static>> {
    use crate::baselines::redb;

    let (database, rows) = (redb::open(&table.redb()?)?, table.rows);
    Ok(Contender::new("redb", move |round| {
        let ids = users::some_ids(rows, count, round);
        Round::of(|| redb::look_up(&database, &ids), |found| Ok(found.digest()))
    }))
}

fn open_and_look_up(ground: &Ground) -> Result<Outcome> {
    let table = ground.large();
    let contenders = vec![
        cold("dbcache", "look-up", table.cache()?, move |round| vec![table.rows, 1_000, round, Memory::LARGE.0]),
        cold("SQLite", "look-up-sqlite", table.sqlite()?, move |round| vec![table.rows, 1_000, round]),
    ];
    Ok(Outcome::new(in_turn(contenders, ground.pace.cold())?).against("open_lookup_1000", "SQLite"))
}

fn open_and_look_up_path(ground: &Ground) -> Result<Outcome> {
    let table = ground.large();
    let contenders = vec![
        cold("dbcache", "path", table.cache()?, move |round| vec![table.rows, 1_000, round]),
        cold("SQLite", "path-sqlite", table.sqlite()?, move |round| vec![table.rows, 1_000, round]),
    ];
    Ok(Outcome::new(in_turn(contenders, ground.pace.cold())?).against("open_lookup_1000_json", "SQLite"))
}

/// Work that starts a process in each round. The process measures its own time, starting before it opens the table.
pub(super) fn cold(
    name: &str,
    task: &'static str,
    path: impl AsRef<Path> + 'static,
    numbers: impl Fn(u64) -> Vec<u64> + 'static,
) -> Contender<'static> {
    Contender::new(name, move |round| Ok(in_child(task, path.as_ref(), &numbers(round))?.round()))
}

fn peak_memory(ground: &Ground) -> Result<Outcome> {
    const LIMIT: f64 = 150e6;
    let table = ground.large();
    let (cache, sqlite) = (table.cache()?, table.sqlite()?);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..3 {
        ours.push(in_child("look-up", &cache, &[table.rows, 1_000, round, Memory::SMALL.0])?.peak_bytes as f64);
        theirs.push(in_child("look-up-sqlite", &sqlite, &[table.rows, 1_000, round])?.peak_bytes as f64);
    }
    let ours = Sample::new("dbcache", Unit::Bytes, ours);
    let ratio = ours.median() / LIMIT;
    let samples = vec![ours, Sample::new("SQLite", Unit::Bytes, theirs)];
    Ok(Outcome::new(samples).ratio("open_lookup_1000_peak", ratio))
}

fn whole_table(ground: &Ground) -> Result<Outcome> {
    let table = ground.million();
    let contenders = vec![
        cold("dbcache", "whole-table", table.cache()?, |_| Vec::new()),
        cold("ParquetReader", "read-parquet", table.parquet()?, |_| Vec::new()),
    ];
    Ok(Outcome::new(in_turn(contenders, ground.pace.cold())?).against("whole_table_1m", "ParquetReader"))
}

fn many_appends(ground: &Ground) -> Result<Outcome> {
    let batches = (ground.large().rows / 1_000).min(1_000);
    let (mut ours, mut theirs, mut written) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ground.pace.slow().fewest {
        let (found, size) = appended(ground, "append", batches)?;
        ours.push(found.seconds);
        written.push(found.written_bytes as f64 / size as f64);
        theirs.push(appended(ground, "append-sqlite", batches)?.0.seconds);
    }
    let samples = vec![Sample::new("dbcache", Unit::Seconds, ours), Sample::new("SQLite", Unit::Seconds, theirs)];
    let written = Sample::new("written", Unit::Bytes, written).median();
    Ok(Outcome::new(samples).against("appends_1000x1000", "SQLite").ratio("appends_1000x1000_written", written))
}

fn appended(ground: &Ground, task: &str, batches: u64) -> Result<(Found, u64)> {
    let scratch = ground.scratch()?;
    let path = scratch.path().join("table");
    let found = in_child(task, &path, &[batches, 1_000])?;
    Ok((found, size_on_disk(&path)?))
}
