//! Fetching from PostgreSQL, without and with network latency.

use std::path::Path;
use std::time::Duration;

use dbcache::deadpool_postgres::tokio_postgres::{Config, NoTls};
use dbcache::deadpool_postgres::{Manager, Pool};
use dbcache::polars::prelude::DataFrame;
use dbcache::{AsyncPostgresFetcher, BatchPolicy, Cache};
use tokio::runtime::{Builder, Runtime};

use crate::baselines::postgres;
use crate::case::Outcome;
use crate::ground::Ground;
use crate::measure::{Contender, Pace, Result, Round, Sample, Unit, in_turn};
use crate::ours::{self, Memory};
use crate::process;
use crate::users::{self, User};

const BATCH: usize = 10_000;
const LATENCY: Duration = Duration::from_millis(20);
const FAR_IDS: u64 = 15_000;
const FAR_BATCH: usize = 150;
const AT_ONCE: usize = 8;

pub(crate) fn one_million(ground: &Ground) -> Result<Outcome> {
    let rows = ground.million().rows;
    let Some(database) = postgres::filled(rows)? else { return Ok(Outcome::default()) };
    let (runtime, ids) = (runtime()?, users::ids(rows));
    let config = database.url().parse()?;
    let fetcher = fetcher(&config, 1)?;
    let client = runtime.block_on(postgres::connect(&config))?;
    let contenders = vec![
        Contender::new("dbcache", |_| {
            let scratch = ground.scratch()?;
            Round::of(|| runtime.block_on(through_cache(scratch.path(), &ids, BATCH, 1, &fetcher)), digest)
        }),
        Contender::new("bare loop", |_| {
            Round::of(|| runtime.block_on(postgres::fetch(&client, ids.chunks(BATCH))), digest)
        }),
    ];
    let pace = Pace { warm_up: 1, ..ground.pace.slow() };
    Ok(Outcome::new(in_turn(contenders, pace)?).against("fetch_postgres_1m", "bare loop"))
}

pub(crate) fn memory(ground: &Ground) -> Result<Outcome> {
    const ALLOWED: f64 = 100e6;
    let rows = ground.million().rows;
    let Some(database) = postgres::filled(rows)? else { return Ok(Outcome::default()) };
    let url = database.url();
    let (mut peaks, mut answers) = (Vec::new(), Vec::new());
    for _ in 0..ground.pace.slow().fewest {
        let found = process::in_child("fetch-postgres", Path::new(&url), &[rows])?;
        peaks.push(found.peak_bytes as f64);
        answers.push(found.digest as f64);
    }
    let (peak, answer) = (Sample::new("dbcache", Unit::Bytes, peaks), Sample::new("the answer", Unit::Bytes, answers));
    let ratio = (peak.median() - ALLOWED) / answer.median();
    Ok(Outcome::new(vec![peak, answer]).ratio("fetch_postgres_1m_peak", ratio))
}

/// The child task of [`memory`]. Its digest is the size of the result.
pub(crate) fn in_child(url: &Path, rows: u64) -> Result<Round> {
    let (runtime, ids) = (runtime()?, users::ids(rows));
    let scratch = Ground::new(rows, true)?.scratch()?;
    let fetcher = fetcher(&url.to_str().ok_or("a URL is text")?.parse()?, 1)?;
    let work = || runtime.block_on(through_cache(scratch.path(), &ids, BATCH, 1, &fetcher));
    Round::of(work, |frame| Ok(i64::try_from(frame.estimated_size())?))
}

pub(crate) fn latency(ground: &Ground) -> Result<Outcome> {
    let rows = ground.million().rows;
    let Some(database) = postgres::filled(rows)? else { return Ok(Outcome::default()) };
    let config = postgres::far_away(&database.url().parse()?, LATENCY)?;
    let (runtime, fetcher) = (runtime()?, fetcher(&config, AT_ONCE)?);
    let contender = |at_once: usize| {
        let (runtime, fetcher) = (&runtime, &fetcher);
        Contender::new(name(at_once), move |round| {
            let (ids, scratch) = (users::some_ids(rows, FAR_IDS.min(rows), round), ground.scratch()?);
            Round::of(|| runtime.block_on(through_cache(scratch.path(), &ids, FAR_BATCH, at_once, fetcher)), digest)
        })
    };
    let samples = in_turn(vec![contender(AT_ONCE), contender(1)], Pace { most: 5, ..ground.pace })?;
    Ok(Outcome::new(samples).compare("fetch_postgres_concurrency_8", &name(AT_ONCE), &name(1)))
}

fn name(at_once: usize) -> String {
    format!("dbcache, concurrency({at_once})")
}

async fn through_cache(
    folder: &Path,
    ids: &[i64],
    batch: usize,
    at_once: usize,
    fetcher: &AsyncPostgresFetcher,
) -> Result<DataFrame> {
    let builder = Cache::<User>::builder().batches(BatchPolicy::Fixed(batch)).concurrency(at_once);
    let cache = ours::settings(builder, folder, Memory::USUAL).open()?;
    Ok(cache.all().frame_async(ids, fetcher).await?)
}

fn fetcher(config: &Config, connections: usize) -> Result<AsyncPostgresFetcher> {
    let pool = Pool::builder(Manager::new(config.clone(), NoTls)).max_size(connections).build()?;
    Ok(AsyncPostgresFetcher::new(pool))
}

fn runtime() -> Result<Runtime> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

fn digest(frame: &DataFrame) -> Result<i64> {
    Ok(users::digest(frame)?)
}
