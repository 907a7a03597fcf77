//! Many threads share caches of one folder, and ask for the same rows at once.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dbcache::Table;
use dbcache_tests::Row;
use dbcache_tests::counts::{count, report};
use dbcache_tests::versioned::{Random, open, put, row_of, some, versions};

use crate::Scratch;

const THREADS: i64 = 16;
/// Each thread refreshes rows of its own; all of them ask for all rows.
const OWN_ROWS: i64 = 4;
/// Rows from here on are fetched once, in version 0, by whoever asks first.
const SHARED: i64 = 1_000;

/// The last version of each thread's rows that was acknowledged.
type Board = Vec<AtomicI64>;

fn own(thread: i64) -> Vec<i64> {
    (0..OWN_ROWS).map(|place| thread * OWN_ROWS + place).collect()
}

fn refresh(table: &Table, board: &Board, thread: i64) {
    let acknowledged = &board[usize::try_from(thread).expect("small")];
    let version = acknowledged.load(Ordering::SeqCst) + 1;
    put(table, &own(thread), version).expect("a commit");
    acknowledged.store(version, Ordering::SeqCst);
}

fn read(table: &Table, board: &Board) {
    let least: Vec<i64> = board.iter().map(|version| version.load(Ordering::SeqCst)).collect();
    let ids: Vec<i64> = (0..THREADS).flat_map(own).collect();
    let found = some(table, &ids).expect("rows");
    for (thread, least) in (0..THREADS).zip(least) {
        let seen: Vec<i64> = own(thread).iter().map(|id| found.get(id).copied().unwrap_or(0)).collect();
        assert!(
            seen.iter().all(|version| *version >= least && Some(version) == seen.first()),
            "{seen:?} after {least}"
        );
    }
}

/// Asks for rows that others may be fetching.
fn ask(table: &Table, random: &mut Random) {
    let fetcher = |ids: &[i64], _: &str| -> Result<Vec<Row>, std::io::Error> {
        Ok(ids.iter().map(|id| row_of(*id, 0)).collect())
    };
    let first = SHARED + i64::try_from(random.below(400)).expect("small");
    let ids: Vec<i64> = (first..first + 20).collect();
    let rows = table.select(["version", "text"]).expect("columns").frame(&ids, &fetcher).expect("rows");
    assert!(versions(&rows).into_iter().eq(ids.into_iter().map(|id| (id, 0))));
}

#[test]
fn threads_see_what_was_acknowledged_to_any_of_them() {
    let seconds = count("DBCACHE_THREADS_SECONDS", 5, 300);
    let scratch = Scratch::split_early();
    let caches = [open(&scratch.cache()), open(&scratch.cache())];
    let board: Board = (0..THREADS).map(|_| AtomicI64::new(0)).collect();
    let (requests, compactions) = (AtomicU64::new(0), AtomicU64::new(0));
    let until = Instant::now() + Duration::from_secs(seconds as u64);
    std::thread::scope(|scope| {
        for (thread, table) in (0..THREADS).zip(caches.iter().cycle()) {
            let (board, requests, compactions) = (&board, &requests, &compactions);
            scope.spawn(move || {
                let mut random = Random::new(thread.unsigned_abs());
                while Instant::now() < until {
                    requests.fetch_add(1, Ordering::Relaxed);
                    match random.below(64) {
                        0 => {
                            table.compact().expect("a compaction");
                            compactions.fetch_add(1, Ordering::Relaxed);
                        }
                        1..=8 => refresh(table, board, thread),
                        9..=16 => ask(table, &mut random),
                        _ => read(table, board),
                    }
                }
            });
        }
    });
    let refreshes: i64 = board.iter().map(|version| version.load(Ordering::SeqCst)).sum();
    let (requests, compactions) = (requests.into_inner(), compactions.into_inner());
    assert!(refreshes > 0 && compactions > 0);
    let done = format!("{requests} requests, {refreshes} refreshes, {compactions} compactions");
    report("threads", format!("{seconds} s, {THREADS} threads, {done}, 0 stale, 0 errors"));
}
