//! Requests of every kind side by side, however few threads the runtime has for blocking work: all end, and none is
//! answered an older version than one that was answered before it began.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use dbcache::Table;
use dbcache::error::BoxError;
use dbcache::fetch::Blocking;
use dbcache::polars::prelude::DataFrame;
use dbcache_tests::Row;
use dbcache_tests::counts::{count, report};
use dbcache_tests::gate::in_time;
use dbcache_tests::versioned::{Random, Versions, open, row_of, some, versions};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use crate::Scratch;

/// How many threads a runtime has for blocking work.
const POOLS: [usize; 3] = [1, 4, 512];
const IDS: usize = 24;
const REQUESTS: usize = 64;

/// A database that has newer versions each time it is asked, and what was answered of each row.
#[derive(Default)]
struct World {
    version: AtomicI64,
    answered: [AtomicI64; IDS],
}

impl World {
    fn rows(&self, ids: &[i64]) -> Vec<Row> {
        let version = self.version.fetch_add(1, Ordering::SeqCst) + 1;
        ids.iter().map(|id| row_of(*id, version)).collect()
    }

    fn answered(&self, ids: &[i64]) -> Versions {
        ids.iter().map(|id| (*id, self.of(*id).load(Ordering::SeqCst))).collect()
    }

    fn check(&self, least: &Versions, rows: &DataFrame) {
        let rows = versions(rows);
        assert!(rows.keys().eq(least.keys()), "{rows:?}");
        for ((id, version), least) in rows.iter().zip(least.values()) {
            assert!(version >= least, "row {id} is of version {version}, and {least} was answered before");
            self.of(*id).fetch_max(*version, Ordering::SeqCst);
        }
    }

    fn of(&self, id: i64) -> &AtomicI64 {
        &self.answered[usize::try_from(id).expect("small")]
    }
}

/// Starts a request of some kind; the last kind does not end by itself.
fn spawn(runtime: &Runtime, table: &Table, world: &Arc<World>, random: &mut Random) -> (JoinHandle<()>, bool) {
    let first = i64::try_from(random.below(IDS as u64 - 6)).expect("small");
    let ids: Vec<i64> = (first..first + 6).collect();
    let query = table.select(["version", "text"]).expect("columns");
    let query = if random.below(3) == 0 { query.refresh() } else { query };
    let (table, world, kind) = (table.clone(), Arc::clone(world), random.below(6));
    let source = Arc::clone(&world);
    let blocking = move |ids: &[i64], _: &str| Ok::<_, BoxError>(source.rows(ids));
    let task = match kind {
        0 | 1 => runtime.spawn_blocking(move || {
            let least = world.answered(&ids);
            world.check(&least, &query.frame(&ids, &blocking).expect("rows"));
        }),
        2 => runtime.spawn(async move {
            let least = world.answered(&ids);
            world.check(&least, &query.frame_async(&ids, &Blocking::new(blocking)).await.expect("rows"));
        }),
        3 => runtime.spawn(async move {
            let least = world.answered(&ids);
            let fetcher = async |ids: Vec<i64>, _: String| {
                tokio::task::yield_now().await;
                Ok::<_, BoxError>(world.rows(&ids))
            };
            world.check(&least, &query.frame_async(&ids, &fetcher).await.expect("rows"));
        }),
        4 => runtime.spawn_blocking(move || table.compact().expect("a compaction")),
        _ => runtime.spawn(async move {
            let fetcher = async |_: Vec<i64>, _: String| std::future::pending::<Result<Vec<Row>, BoxError>>().await;
            drop(query.refresh().frame_async(&ids, &fetcher).await);
        }),
    };
    (task, kind == 5)
}

fn round(threads: usize, seed: u64) {
    let builder = &mut Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).max_blocking_threads(threads).enable_all().build().expect("a runtime");
    let scratch = Scratch::split_early();
    // Two caches, as of two programs.
    let tables = [open(&scratch.cache()), open(&scratch.cache())];
    let (world, mut random) = (Arc::new(World::default()), Random::new(seed));
    let tasks = (0..REQUESTS).map(|number| spawn(&runtime, &tables[number % 2], &world, &mut random));
    let (endless, others): (Vec<_>, Vec<_>) =
        tasks.collect::<Vec<_>>().into_iter().partition(|(_, is_endless)| *is_endless);
    for (task, _) in endless {
        task.abort();
        let ended = runtime.block_on(task);
        assert!(ended.is_err_and(|cause| cause.is_cancelled()));
    }
    for (task, _) in others {
        runtime.block_on(task).expect("no panic");
    }
    drop(runtime);
    let ids: Vec<i64> = (0..).take(IDS).collect();
    for table in [&tables[0], &tables[1], &open(&scratch.cache())] {
        let found = some(table, &ids).expect("rows");
        for (id, least) in world.answered(&ids) {
            assert!(found.get(&id).copied().unwrap_or(0) >= least, "row {id}: {found:?}, and {least} was answered");
        }
    }
}

#[test]
fn requests_of_every_kind_end_and_see_what_was_answered_however_few_threads_there_are() {
    let rounds = count("DBCACHE_POOL_ROUNDS", 6, 1_500);
    for threads in POOLS {
        for seed in 0..rounds {
            in_time(move || round(threads, seed as u64));
        }
    }
    let requests = REQUESTS * rounds;
    report("pools", format!("{requests} requests with each of {POOLS:?} blocking threads, 0 hangs, 0 older versions"));
}
