//! Growth of times with the size of the table and the number of ids.

use std::cell::Cell;
use std::path::Path;

use super::storage::{cold, others, ours_in, sqlite_in};
use crate::baselines::{naive_polars, sqlite};
use crate::case::{Case, Curve, Outcome, Target};
use crate::ground::{Ground, Users};
use crate::measure::{Contender, Pace, Result, Round, Sample, in_turn};
use crate::ours::{self, Memory};
use crate::users;

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "append",
        about: "a durable append of 1,000 new rows to tables of 100 thousand, 1 million and 10 million rows",
        targets: &[
            Target { name: "append_1000", at_most: 3.0, of: "SQLite (WAL, FULL)" },
            Target { name: "append_1000_growth", at_most: 1.5, of: "our own cost at 100,000 rows" },
        ],
        run: append,
    },
    Case {
        name: "lookup_growth",
        about: "warm, 1,000 random ids in tables of 100 thousand, 1 million and 10 million rows",
        targets: &[],
        run: look_up_growth,
    },
    Case {
        name: "open_growth",
        about: "new process: open and 1 id in tables of 100 thousand, 1 million and 10 million rows",
        targets: &[],
        run: open_growth,
    },
    Case {
        name: "lookup_by_ids",
        about: "warm, 1 to 100,000 random ids of the largest table, 3 scalar columns",
        targets: &[],
        run: look_up_by_ids,
    },
];

const COUNT: u64 = 1_000;

/// Returns the samples of each size, named by contender, and those of all sizes, named by contender and size.
fn at_all_sizes(
    along: &'static str,
    sizes: impl IntoIterator<Item = u64>,
    measure: impl Fn(usize, u64) -> Result<Vec<Sample>>,
) -> Result<Outcome> {
    let mut measured = Vec::new();
    for (place, size) in sizes.into_iter().enumerate() {
        measured.push((size, measure(place, size)?));
    }
    let mut outcome = Outcome { curves: Curve::all(along, &measured), ..Outcome::default() };
    for (size, samples) in measured {
        let named = |sample: Sample| Sample { name: format!("{}, {size} {along}", sample.name), ..sample };
        outcome.samples.extend(samples.into_iter().map(named));
    }
    Ok(outcome)
}

fn look_up_growth(ground: &Ground) -> Result<Outcome> {
    at_table_sizes(ground, |table| {
        let contenders = vec![ours_in(table, Memory::LARGE, COUNT)?, sqlite_in(table, COUNT)?];
        in_turn(contenders, ground.pace)
    })
}

fn open_growth(ground: &Ground) -> Result<Outcome> {
    at_table_sizes(ground, |table| {
        let rows = table.rows;
        let contenders = vec![
            cold("dbcache", "look-up", table.cache()?, move |round| vec![rows, 1, round, Memory::LARGE.0]),
            cold("SQLite", "look-up-sqlite", table.sqlite()?, move |round| vec![rows, 1, round]),
        ];
        in_turn(contenders, ground.pace.cold())
    })
}

fn at_table_sizes(ground: &Ground, measure: impl Fn(&Users) -> Result<Vec<Sample>>) -> Result<Outcome> {
    let tables = ground.growing();
    let sizes = tables.each_ref().map(|table| table.rows);
    at_all_sizes("rows", sizes, |place, _| measure(tables.get(place).ok_or("no such table")?))
}

fn look_up_by_ids(ground: &Ground) -> Result<Outcome> {
    let table = ground.large();
    let sizes = [1, 10, 100, 1_000, 10_000, 100_000].into_iter().filter(|size| *size <= table.rows);
    at_all_sizes("ids", sizes, |_, count| {
        let mut contenders = vec![ours_in(&table, Memory::LARGE, count)?, sqlite_in(&table, count)?];
        contenders.extend(others(&table, count)?);
        in_turn(contenders, Pace { most: 21, ..ground.pace })
    })
}

fn append(ground: &Ground) -> Result<Outcome> {
    let outcome = at_table_sizes(ground, |table| append_to(ground, table))?;
    let [small, _, large] = ground.growing().map(|table| table.rows);
    let named = |contender: &str, rows: u64| format!("{contender}, {rows} rows");
    Ok(outcome.compare("append_1000", &named("dbcache", large), &named("SQLite", large)).compare(
        "append_1000_growth",
        &named("dbcache", large),
        &named("dbcache", small),
    ))
}

fn append_to(ground: &Ground, table: &Users) -> Result<Vec<Sample>> {
    let scratch = ground.scratch()?;
    let rows = table.rows;
    let folder = scratch.path().join("cache");
    ours::clone(&table.cache()?, &folder)?;
    let cache = ours::open(&folder, Memory::LARGE)?;
    let ours = Contender::new("dbcache", move |round| {
        let ids = users::new_ids(rows, COUNT, round);
        let frame = users::frame(&ids)?;
        Round::of(|| ours::append(&cache, &ids, &frame), |_| Ok(0))
    });
    let sqlite_path = table.sqlite()?;
    let rounds = Cell::new(0);
    let mut connection = sqlite::open(&sqlite_path)?;
    let sqlite = Contender::new("SQLite", |round| {
        rounds.set(round + 1);
        let new = users::rows(&users::new_ids(rows, COUNT, round));
        Round::of(|| sqlite::append(&mut connection, &new), |()| Ok(0))
    });
    let mut samples = in_turn(vec![ours, sqlite], Pace { most: 31, ..ground.pace })?;
    let connection = sqlite::open(&sqlite_path)?;
    for round in 0..rounds.get() {
        sqlite::remove(&connection, &users::new_ids(rows, COUNT, round))?;
    }
    samples.extend(append_others(ground, table, scratch.path())?);
    Ok(samples)
}

/// The baselines without a target.
fn append_others(ground: &Ground, table: &Users, scratch: &Path) -> Result<Vec<Sample>> {
    let rows = table.rows;
    let path = scratch.join("users.parquet");
    std::fs::hard_link(table.parquet()?, &path)?;
    let naive = Contender::new("naive Polars", move |round| {
        let ids = users::new_ids(rows, COUNT, round);
        let frame = users::frame(&ids)?;
        Round::of(|| naive_polars::append(&path, &ids, &frame), |()| Ok(0))
    });
    let samples = in_turn(vec![naive], ground.pace.slow())?;
    #[cfg(feature = "all-peers")]
    let samples = [samples, append_to_redb(ground, table)?].concat();
    Ok(samples)
}

#[cfg(feature = "all-peers")]
fn append_to_redb(ground: &Ground, table: &Users) -> Result<Vec<Sample>> {
    use crate::baselines::redb;

    let rows = table.rows;
    let rounds = Cell::new(0);
    let database = redb::open(&table.redb()?)?;
    let contender = Contender::new("redb", |round| {
        rounds.set(round + 1);
        let new = users::rows(&users::new_ids(rows, COUNT, round));
        Round::of(|| redb::append(&database, &new), |()| Ok(0))
    });
    let samples = in_turn(vec![contender], ground.pace)?;
    for round in 0..rounds.get() {
        redb::remove(&database, &users::new_ids(rows, COUNT, round))?;
    }
    Ok(samples)
}
