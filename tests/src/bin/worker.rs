//! The processes that the tests start, kill and confine. The first argument says what to do, the second in which cache
//! folder.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use dbcache::error::BatchError;
use dbcache::faults::{Faults, Safeguard};
use dbcache::{DynamicCache, Error, Progress};
use dbcache_tests::disturbance::{Damage, LockFile};
use dbcache_tests::life::live;
use dbcache_tests::versioned::{self, Board, OWNERS, Race, Random, Versions, all, ids_of, open, put};
use dbcache_tests::{Database, Row};
use serde_json::json;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["commit", folder, first] => commit(Path::new(folder), number(first)),
        ["commit", folder, first, "without-file-sync"] => unsafely(folder, first, Safeguard::FileSync),
        ["commit", folder, first, "without-folder-sync"] => unsafely(folder, first, Safeguard::FolderSync),
        ["write", folder, board, owner, seconds] => {
            write(Path::new(folder), board, number(owner), number(seconds), |_| {})
        }
        ["write", folder, board, owner, seconds, "replacing-lock-files"] => {
            let strike = replacing_lock_files(Path::new(folder), number(owner));
            write(Path::new(folder), board, number(owner), number(seconds), strike)
        }
        ["write", folder, board, owner, seconds, "damaging-files"] => {
            let strike = damaging_files(Path::new(folder), number(owner));
            write(Path::new(folder), board, number(owner), number(seconds), strike)
        }
        ["read", folder, board, seconds] => read(Path::new(folder), board, number(seconds), false),
        ["read", folder, board, seconds, "what-is-left"] => read(Path::new(folder), board, number(seconds), true),
        ["race", folder, board, racer, seconds] => race(Path::new(folder), board, number(racer), number(seconds)),
        ["take-turns", folder] => take_turns(Path::new(folder)),
        ["live", folder, samples] => {
            live(Path::new(folder), Path::new(samples));
            ExitCode::SUCCESS
        }
        ["tables", folder, count] => tables(folder, number(count)),
        ["look", folder] => look(Path::new(folder)),
        ["fetch", folder, id, version] => fetch(Path::new(folder), number(id), number(version)),
        ["store", folder] => store(Path::new(folder)),
        other => {
            tell(format!("no such work: {other:?}"));
            ExitCode::FAILURE
        }
    }
}

fn number(argument: &str) -> i64 {
    argument.parse().expect("a number")
}

/// Writes a line in one piece, so that who reads it sees all of it or nothing.
fn tell(line: impl std::fmt::Display) {
    let line = format!("{line}\n");
    std::io::stdout().write_all(line.as_bytes()).expect("somebody listens");
}

/// Commits one version after the other until it is killed or the disk fails, and tells each that is acknowledged.
fn commit(folder: &Path, first: i64) -> ExitCode {
    let table = open(folder);
    for version in first.. {
        match put(&table, &ids_of(version), version) {
            Ok(_) => tell(version),
            Err(_) => break,
        }
    }
    ExitCode::SUCCESS
}

/// Commits as ever, but for what should keep rows from being lost.
fn unsafely(folder: &str, first: &str, safeguard: Safeguard) -> ExitCode {
    let faults = Faults::watch(folder);
    faults.leave_out(safeguard);
    commit(Path::new(folder), number(first))
}

/// Commits versions of its own rows, and puts each that is acknowledged on the board. At times it folds all files. After
/// each commit the disturbance may strike.
fn write(folder: &Path, board: &str, owner: i64, seconds: i64, mut strike: impl FnMut(i64)) -> ExitCode {
    let (table, board) = (open(folder), Board::open(board));
    let until = until(seconds);
    let mut version = board.acknowledged(owner);
    while Instant::now() < until {
        version += 1;
        put(&table, &versioned::owned(owner), version).expect("a commit");
        board.acknowledge(owner, version);
        if version % 64 == 0 {
            table.compact().expect("a compaction");
        }
        strike(version);
    }
    tell(version);
    ExitCode::SUCCESS
}

/// Replaces the lock file after some commits, in one way or another.
fn replacing_lock_files(folder: &Path, owner: i64) -> impl FnMut(i64) {
    let lock = folder.join(versioned::FILE).with_extension("lock");
    let (mut random, mut older) = (Random::new(owner.unsigned_abs()), Vec::new());
    move |_| {
        if random.below(4) > 0 {
            return;
        }
        LockFile::ALL[random.place(LockFile::ALL.len())].strike(&lock, &older);
        if random.below(8) == 0
            && let Ok(bytes) = std::fs::read(&lock)
        {
            older = bytes;
        }
    }
}

/// Damages a file after some commits.
fn damaging_files(folder: &Path, owner: i64) -> impl FnMut(i64) {
    let (mut damage, mut random) = (Damage::new(folder, owner.unsigned_abs()), Random::new(owner.unsigned_abs()));
    move |_| {
        if random.below(16) == 0 {
            damage.strike();
        }
    }
}

/// Reads all rows again and again: never an older version than one that was acknowledged or seen before. Where files are
/// damaged, rows may be gone.
fn read(folder: &Path, board: &str, seconds: i64, may_be_gone: bool) -> ExitCode {
    let board = Board::open(board);
    let ids: Vec<i64> = (0..OWNERS).flat_map(versioned::owned).collect();
    let (mut reads, mut stale) = (0_u64, 0_u64);
    let until = until(seconds);
    let mut table = open(folder);
    let mut seen = Versions::new();
    while Instant::now() < until {
        if reads % 64 == 63 {
            table = open(folder);
        }
        let acknowledged: Vec<i64> = (0..OWNERS).map(|owner| board.acknowledged(owner)).collect();
        let found = versioned::some(&table, &ids).expect("rows");
        for owner in 0..OWNERS {
            let versions: Vec<i64> = versioned::owned(owner)
                .iter()
                .map(|id| found.get(id).copied().unwrap_or(0))
                .filter(|version| !may_be_gone || *version > 0)
                .collect();
            let least = acknowledged.get(usize::try_from(owner).expect("small")).copied().unwrap_or(0);
            let is_one = versions.iter().all(|version| Some(version) == versions.first());
            let is_new = versions.iter().all(|version| *version >= least.max(seen.get(&owner).copied().unwrap_or(0)));
            if !is_one || !is_new {
                stale += 1;
                tell(format!("owner {owner}: {versions:?}, and {least} was acknowledged, {seen:?} seen"));
            }
            if let Some(version) = versions.first() {
                seen.insert(owner, *version);
            }
        }
        reads += 1;
    }
    tell(format!("reads {reads} stale {stale}"));
    ExitCode::SUCCESS
}

/// Fetches and refreshes rows that others fetch and refresh at the same time. Each time that the database is asked it has
/// newer versions than ever before. Never is a version answered that is older than one that was answered before the
/// request began, to whichever process.
fn race(folder: &Path, board: &str, racer: i64, seconds: i64) -> ExitCode {
    let (table, board) = (open(folder), Race::open(board));
    let mut random = Random::new(racer.unsigned_abs());
    let (mut requests, mut refreshes, mut overtaken, mut stale) = (0, 0, 0, 0);
    let until = until(seconds);
    while Instant::now() < until {
        let first = board.last_version() / 32;
        let ids: Vec<i64> = (first..first + 6).filter(|_| random.below(2) > 0).collect();
        let is_refresh = random.below(3) == 0;
        let before: Vec<i64> = ids.iter().map(|id| board.answered(*id)).collect();
        let fetcher = |ids: &[i64], _: &str| -> Result<Vec<Row>, std::io::Error> {
            let version = board.next_version();
            std::thread::yield_now();
            Ok(ids.iter().map(|id| versioned::row_of(*id, version)).collect())
        };
        let query = table.select(["version", "text"]).expect("columns");
        let query = if is_refresh { query.refresh() } else { query };
        match query.frame(&ids, &fetcher) {
            Ok(rows) => {
                let rows = versioned::versions(&rows);
                let is_new =
                    ids.iter().zip(&before).all(|(id, least)| rows.get(id).is_some_and(|found| found >= least));
                if !is_new {
                    stale += 1;
                    tell(format!("{ids:?}: {rows:?}, and {before:?} were answered before"));
                }
                rows.into_iter().for_each(|(id, version)| board.answer(racer, id, version));
            }
            // Others were faster again and again.
            Err(Error::FetchFailed { failures, rejected, .. })
                if rejected.is_empty()
                    && failures.iter().all(|failure| matches!(failure.cause, BatchError::Overtaken { .. })) =>
            {
                overtaken += 1;
            }
            Err(cause) => panic!("{cause:?}"),
        }
        requests += 1;
        refreshes += i64::from(is_refresh);
    }
    tell(format!("{requests} {refreshes} {overtaken} {stale}"));
    ExitCode::SUCCESS
}

/// Makes the requests that it is told to, and tells when the database is asked; then it is told the version that this has.
fn take_turns(folder: &Path) -> ExitCode {
    let table = open(folder);
    let heard = || {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).expect("a line");
        line
    };
    let fetcher = |ids: &[i64], _: &str| -> Result<Vec<Row>, std::io::Error> {
        tell("asked");
        let version = number(heard().trim());
        Ok(ids.iter().map(|id| versioned::row_of(*id, version)).collect())
    };
    loop {
        let line = heard();
        let (what, ids) = match line.trim().split_once(' ') {
            Some((what, ids)) => (what, ids.split(' ').map(number).collect::<Vec<i64>>()),
            None => return ExitCode::SUCCESS,
        };
        let query = table.select(["version", "text"]).expect("columns");
        let query = if what == "refresh" { query.refresh() } else { query };
        let rows = versioned::versions(&query.frame(&ids, &fetcher).expect("the rows"));
        let rows: Vec<String> = rows.into_iter().map(|(id, version)| format!("{id}:{version}")).collect();
        tell(rows.join(" "));
    }
}

fn until(seconds: i64) -> Instant {
    Instant::now() + Duration::from_secs(seconds.unsigned_abs())
}

/// Fills many tables of one cache, then reads them all, twice.
fn tables(folder: &str, count: i64) -> ExitCode {
    let cache =
        DynamicCache::builder().folder(PathBuf::from(folder)).progress(Progress::Silent).open().expect("a cache");
    let rows = |table: i64| (0..50).map(move |id| json!({ "id": id, "value": id * table }));
    for _ in 0..2 {
        for table in 0..count {
            let database = Database::with_rows(rows(table));
            let handle = cache.table(&format!("many.table_{table}")).expect("a valid name");
            let ids: Vec<i64> = (0..50).collect();
            let query = handle.select(["value"]).expect("a column");
            // In several commits, so that there are several files.
            ids.chunks(10).for_each(|some| drop(query.frame(some, &database).expect("the rows")));
            let frame = query.frame(&ids, &database).expect("the rows");
            let values: Vec<i64> =
                frame.column("value").expect("the column").i64().expect("integers").iter().flatten().collect();
            assert_eq!(values, ids.iter().map(|id| id * table).collect::<Vec<i64>>());
        }
    }
    tell(format!("{count} tables"));
    ExitCode::SUCCESS
}

/// Tells what is cached.
fn look(folder: &Path) -> ExitCode {
    match all(&open(folder)) {
        Ok(rows) => tell(format!("{rows:?}")),
        Err(cause) => tell(format!("error: {cause}")),
    }
    ExitCode::SUCCESS
}

/// Asks for a row, which the database gives in this version when a line comes. Tells that it was asked, and the answer.
fn fetch(folder: &Path, id: i64, version: i64) -> ExitCode {
    let fetcher = |ids: &[i64], _: &str| -> Result<Vec<Row>, std::io::Error> {
        let rows = ids.iter().map(|id| versioned::row_of(*id, version)).collect();
        tell("asked");
        std::io::stdin().read_line(&mut String::new())?;
        Ok(rows)
    };
    let answer = open(folder).select(["version", "text"]).and_then(|query| query.frame(&[id], &fetcher));
    tell(format!("{:?}", versioned::versions(&answer.expect("the row"))));
    ExitCode::SUCCESS
}

/// Asks for a row that is not cached, and tells how that went.
fn store(folder: &Path) -> ExitCode {
    let fetcher = |ids: &[i64], _: &str| -> Result<Vec<Row>, std::io::Error> {
        Ok(ids.iter().map(|id| versioned::row_of(*id, 1)).collect())
    };
    let table = open(folder);
    match table.select(["version", "text"]).and_then(|query| query.frame(&[1_000], &fetcher)) {
        Ok(rows) => tell(format!("{:?}", versioned::versions(&rows))),
        Err(cause) => tell(format!("error: {cause}")),
    }
    ExitCode::SUCCESS
}
