//! Fetching through the cache, compared with fetching without it.

#[cfg(feature = "postgres")]
pub(crate) mod postgres;

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use dbcache::Cached;
use dbcache::polars::prelude::DataFrame;
use rusqlite::Connection;

use crate::baselines::sqlite;
use crate::case::{Case, Outcome, Target};
use crate::ground::Ground;
use crate::measure::{Contender, Result, Round, Sample, Unit, in_turn};
use crate::ours::{self, Memory};
use crate::process;
use crate::users::{self, Columns, User};

#[cfg(not(feature = "postgres"))]
use without_postgres as postgres;

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "fetch_sqlite",
        about: "15,000 ids in 100 batches from SQLite, cold cache",
        targets: &[Target { name: "fetch_sqlite_15000", at_most: 1.5, of: "the bare loop that builds one frame" }],
        run: fetch_sqlite,
    },
    Case {
        name: "many_ids_memory",
        about: "peak memory of new processes that fetch 10 million ids from a closure, beyond the ids and the result",
        targets: &[],
        run: many_ids_memory,
    },
    Case {
        name: "postgres_1m",
        about: "1 million ids in batches of 10,000 from PostgreSQL on this machine, cold cache",
        targets: &[Target { name: "fetch_postgres_1m", at_most: 1.4, of: "the bare loop that builds one frame" }],
        run: postgres::one_million,
    },
    Case {
        name: "postgres_memory",
        about: "peak memory of a new process that does the same",
        targets: &[Target { name: "fetch_postgres_1m_peak", at_most: 2.0, of: "the answer, 100 MB aside" }],
        run: postgres::memory,
    },
    Case {
        name: "postgres_latency",
        about: "15,000 ids in 100 batches from PostgreSQL behind 20 ms of latency, cold cache",
        targets: &[Target { name: "fetch_postgres_concurrency_8", at_most: 0.2, of: "one batch at a time" }],
        run: postgres::latency,
    },
];

#[cfg(not(feature = "postgres"))]
mod without_postgres {
    use super::{Ground, Outcome, Result};

    #[expect(clippy::unnecessary_wraps, reason = "a case may fail")]
    pub(super) fn skipped(_: &Ground) -> Result<Outcome> {
        eprintln!("  needs the feature postgres");
        Ok(Outcome::default())
    }

    pub(super) use {skipped as latency, skipped as memory, skipped as one_million};
}

const IDS: u64 = 15_000;
const BATCH: usize = 150;

fn fetch_sqlite(ground: &Ground) -> Result<Outcome> {
    let table = ground.million();
    let database = table.sqlite()?;
    let ids = |round| users::some_ids(table.rows, IDS.min(table.rows), round);
    let digest = |frame: &DataFrame| Ok(users::digest(frame)?);
    let connection = Mutex::new(sqlite::open(&database)?);
    let contenders = vec![
        Contender::new("dbcache", |round| {
            let (ids, scratch) = (ids(round), ground.scratch()?);
            Round::of(|| through_cache(&connection, scratch.path(), &ids), digest)
        }),
        {
            let fetcher = dbcache::SqliteFetcher::open(&database)?;
            Contender::new("dbcache, SqliteFetcher", move |round| {
                let (ids, scratch) = (ids(round), ground.scratch()?);
                Round::of(|| through_adapter(&fetcher, scratch.path(), &ids), digest)
            })
        },
        Contender::new("bare loop", |round| {
            let ids = ids(round);
            Round::of(|| bare(&connection, &ids), digest)
        }),
    ];
    Ok(Outcome::new(in_turn(contenders, ground.pace)?).against("fetch_sqlite_15000", "bare loop"))
}

fn many_ids_memory(ground: &Ground) -> Result<Outcome> {
    let rows = ground.large().rows;
    let beyond = |name: &'static str, task| -> Result<Sample> {
        let peaks = (0..ground.pace.slow().fewest).map(|_| {
            let scratch = ground.scratch()?;
            let found = process::in_child(task, scratch.path(), &[rows])?;
            Ok(found.peak_bytes as f64 - found.digest as f64)
        });
        Ok(Sample::new(name, Unit::Bytes, peaks.collect::<Result<Vec<f64>>>()?))
    };
    Ok(Outcome::new(vec![beyond("frame", "fetch-many")?, beyond("warm", "warm-many")?]))
}

/// The child task of [`many_ids_memory`]. Its digest is the size of the ids and of the result.
pub(crate) fn fetch_many(folder: &Path, rows: u64) -> Result<Round> {
    let ids = users::ids(rows);
    let cache = ours::open(folder, Memory::USUAL)?;
    let size = |frame: &DataFrame| Ok(i64::try_from(frame.estimated_size() + size_of_val(&*ids))?);
    Round::of(|| Ok(cache.all().frame(&ids, &users::frame)?), size)
}

/// The same, but without returning a result.
pub(crate) fn warm_many(folder: &Path, rows: u64) -> Result<Round> {
    let ids = users::ids(rows);
    let cache = ours::open(folder, Memory::USUAL)?;
    Round::of(|| Ok(cache.all().warm(&ids, &users::frame)?), |_| Ok(i64::try_from(size_of_val(&*ids))?))
}

fn through_cache(connection: &Mutex<Connection>, folder: &Path, ids: &[i64]) -> Result<DataFrame> {
    let fetcher = |ids: &[i64]| fetch(connection, ids.chunks(BATCH));
    let cache = ours::open(folder, Memory::LARGE)?;
    Ok(cache.select(columns()).frame(ids, &fetcher)?)
}

fn through_adapter(fetcher: &dbcache::SqliteFetcher, folder: &Path, ids: &[i64]) -> Result<DataFrame> {
    let cache = ours::open_dynamic(folder, Memory::LARGE)?;
    Ok(cache.table("main.users")?.select(["name", "age", "amount", "email", "profile"])?.frame(ids, fetcher)?)
}

fn columns() -> impl dbcache::Selection<User> {
    let c = User::columns();
    (c.name, c.age, c.amount, c.email, c.profile)
}

fn bare(connection: &Mutex<Connection>, ids: &[i64]) -> Result<DataFrame> {
    fetch(connection, ids.chunks(BATCH))
}

/// Fetches all batches into one frame.
fn fetch<'i>(connection: &Mutex<Connection>, batches: impl Iterator<Item = &'i [i64]>) -> Result<DataFrame> {
    let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
    let mut columns = Columns::default();
    batches.into_iter().try_for_each(|ids| sqlite::fetch(&connection, ids, &mut columns))?;
    Ok(columns.into_frame()?)
}
