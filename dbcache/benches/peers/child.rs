//! The tasks that run in new processes.

use std::path::Path;

use crate::baselines::{naive_polars, sqlite};
use crate::cases;
use crate::measure::{Result, Round};
use crate::ours::{self, Memory};
use crate::people;
use crate::process::Found;
use crate::users;

/// A JSON path of the users, in the syntax of dbcache and in that of SQLite.
pub(crate) const PATH: &str = "profile.address.city";
pub(crate) const SQLITE_PATH: &str = "$.address.city";

/// Runs a task and prints its result.
pub(crate) fn run(task: &str, arguments: &[String]) -> Result<()> {
    let (path, numbers) = arguments.split_first().ok_or("a task needs a path")?;
    let path = Path::new(path);
    let numbers = numbers.iter().map(|number| number.parse()).collect::<std::result::Result<Vec<u64>, _>>()?;
    let number = |index: usize| numbers.get(index).copied().ok_or("a task needs more numbers");
    let round = match task {
        "look-up" => look_up(path, number(0)?, number(1)?, number(2)?, Memory(number(3)?)),
        "look-up-sqlite" => look_up_sqlite(path, number(0)?, number(1)?, number(2)?),
        "path" => look_up_path(path, number(0)?, number(1)?, number(2)?),
        "path-sqlite" => look_up_path_sqlite(path, number(0)?, number(1)?, number(2)?),
        "append" => append(path, number(0)?, number(1)?),
        "append-sqlite" => append_sqlite(path, number(0)?, number(1)?),
        "nested-path" => people::cities_from_cache(path, number(0)?),
        "nested-path-text" => people::cities_from_text(path),
        "whole-table" => whole_table(path),
        "read-parquet" => read_parquet(path),
        "fetch-many" => cases::fetch_many(path, number(0)?),
        "warm-many" => cases::warm_many(path, number(0)?),
        #[cfg(feature = "postgres")]
        "fetch-postgres" => cases::fetch_postgres(path, number(0)?),
        _ => Err(format!("there is no task {task}").into()),
    }?;
    println!("{}", serde_json::to_string(&Found::new(round)?)?);
    Ok(())
}

fn look_up(folder: &Path, rows: u64, count: u64, seed: u64, memory: Memory) -> Result<Round> {
    let ids = users::some_ids(rows, count, seed);
    Round::of(|| ours::look_up(&ours::scalars(&ours::open(folder, memory)?), &ids), |frame| Ok(users::digest(frame)?))
}

fn look_up_sqlite(path: &Path, rows: u64, count: u64, seed: u64) -> Result<Round> {
    let ids = users::some_ids(rows, count, seed);
    Round::of(|| sqlite::look_up(&sqlite::open(path)?, &ids), |rows| Ok(rows.digest()))
}

fn look_up_path(folder: &Path, rows: u64, count: u64, seed: u64) -> Result<Round> {
    let ids = users::some_ids(rows, count, seed);
    let work = || ours::look_up_dynamic(&ours::open_dynamic(folder, Memory::LARGE)?, &[PATH], &ids);
    Round::of(work, |frame| text_digest(frame.column(PATH)?.str()?.iter()))
}

fn look_up_path_sqlite(path: &Path, rows: u64, count: u64, seed: u64) -> Result<Round> {
    let ids = users::some_ids(rows, count, seed);
    let work = || sqlite::look_up_path(&sqlite::open(path)?, SQLITE_PATH, &ids);
    Round::of(work, |rows| text_digest(rows.iter().map(|(_, text)| Some(text.as_str()))))
}

/// Appends batches of 1,000 rows to a table that does not exist yet.
fn append(folder: &Path, batches: u64, count: u64) -> Result<Round> {
    let cache = ours::open(folder, Memory::LARGE)?;
    let work = || {
        for batch in 0..batches {
            let ids = users::new_ids(0, count, batch);
            ours::append(&cache, &ids, &users::frame(&ids)?)?;
        }
        Ok(())
    };
    Round::of(work, |()| Ok(i64::try_from(batches * count)?))
}

fn append_sqlite(path: &Path, batches: u64, count: u64) -> Result<Round> {
    let mut connection = sqlite::create(path)?;
    let work = || {
        for batch in 0..batches {
            sqlite::append(&mut connection, &users::rows(&users::new_ids(0, count, batch)))?;
        }
        Ok(())
    };
    Round::of(work, |()| Ok(i64::try_from(batches * count)?))
}

fn whole_table(folder: &Path) -> Result<Round> {
    let work = || Ok(ours::open_dynamic(folder, Memory::LARGE)?.table(users::TABLE)?.cached()?);
    Round::of(work, |frame| Ok(users::digest(frame)?))
}

fn read_parquet(path: &Path) -> Result<Round> {
    Round::of(|| naive_polars::read_columns(path, &naive_polars::ALL), |frame| Ok(users::digest(frame)?))
}

/// Returns the total length of the texts in bytes.
pub(crate) fn text_digest<'t>(texts: impl Iterator<Item = Option<&'t str>>) -> Result<i64> {
    Ok(i64::try_from(texts.flatten().map(str::len).sum::<usize>())?)
}
