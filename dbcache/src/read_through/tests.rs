//! Model test: sessions of several processes, interleaved in random orders, against a database whose rows change.
//!
//! A session performs no actions itself, so a test can perform them one at a time and run those of another process in
//! between. Each process has its own table handle and claims.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use polars::prelude::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::batch::FetchJob;
use super::commit_buffer::Commit;
use super::completion::{Completion, Read};
use super::options::{Options, Shared};
use super::session::{Action, Session, Start};
use super::{AbsentIdCache, Answer, FetchMode, FolderClaims, ProjectedPart, Projection, RememberAbsent, Request};
use crate::error::BatchError;
use crate::fetch::FetchedBatch;
use crate::key::Key;
use crate::name::TableName;
use crate::nesting::Nesting;
use crate::plan::BatchPolicy;
use crate::progress::Progress;
use crate::stats::Counters;
use crate::storage::{Store, Table};

const PROCESSES: usize = 2;
const IDS: i64 = 5;
const COLUMNS: [&str; 3] = ["a", "b", "c"];
/// Upper bound for restarts of a request, since at most two others change its rows at the same time.
const RESTARTS: usize = 8;

#[derive(Clone, Debug)]
enum Operation {
    /// An idle process begins a request.
    Begin { process: usize, ids: u8, columns: u8, refresh: bool },
    /// The session of a process returns its next action, which is started.
    Next { process: usize },
    /// The database returns its current rows for the oldest batch in flight of a process.
    Answer { process: usize, all_columns: bool, fails: bool },
    /// The session accepts the outcome of the oldest returned batch.
    Accept { process: usize },
    /// A commit of a process runs.
    Commit { process: usize },
    /// A row changes in the database, or is deleted.
    Change { id: i64, is_there: bool },
}

fn operation(refreshes_only: bool) -> impl Strategy<Value = Operation> {
    let process = || 0..PROCESSES;
    prop_oneof![
        3 => (process(), 1_u8..32, 1_u8..8, any::<bool>()).prop_map(move |(process, ids, columns, refresh)| {
            Operation::Begin { process, ids, columns, refresh: refresh || refreshes_only }
        }),
        6 => process().prop_map(|process| Operation::Next { process }),
        4 => (process(), any::<bool>(), prop::bool::weighted(0.1))
            .prop_map(|(process, all_columns, fails)| Operation::Answer { process, all_columns, fails }),
        4 => process().prop_map(|process| Operation::Accept { process }),
        3 => process().prop_map(|process| Operation::Commit { process }),
        3 => (0..IDS, prop::bool::weighted(0.8)).prop_map(|(id, is_there)| Operation::Change { id, is_there }),
    ]
}

/// The current rows. Every value of a row is the time of its last change.
struct Database {
    now: i64,
    rows: BTreeMap<i64, (i64, bool)>,
    /// The time at which each row was last absent.
    away: BTreeMap<i64, i64>,
}

impl Database {
    fn new() -> Self {
        Self { now: 1, rows: (0..IDS).map(|id| (id, (1, true))).collect(), away: BTreeMap::new() }
    }

    fn change(&mut self, id: i64, is_there: bool) {
        self.now += 1;
        for gone in self.rows.iter().filter(|(_, (_, is_there))| !is_there).map(|(id, _)| *id) {
            self.away.insert(gone, self.now);
        }
        if !is_there {
            self.away.insert(id, self.now);
        }
        self.rows.insert(id, (self.now, is_there));
    }

    /// Returns `true` if a row has existed since then.
    fn was_there_since(&self, id: i64, then: i64) -> bool {
        self.rows.get(&id).is_some_and(|(_, is_there)| *is_there) && self.away.get(&id).is_none_or(|away| *away < then)
    }

    fn answer(&self, job: &FetchJob, all_columns: bool) -> FetchedBatch {
        let request = job.batch_request();
        let ids: Vec<i64> = request.ids.keys();
        let rows: Vec<(i64, i64)> = ids
            .into_iter()
            .filter_map(|id| self.rows.get(&id).filter(|(_, is_there)| *is_there).map(|(version, _)| (id, *version)))
            .collect();
        let named = || request.columns.iter().map(|column| column.name.as_str()).collect();
        let returned: Vec<&str> = if all_columns { COLUMNS.to_vec() } else { named() };
        let versions: Vec<i64> = rows.iter().map(|(_, version)| *version).collect();
        let mut columns = vec![Column::new("id".into(), rows.iter().map(|(id, _)| *id).collect::<Vec<_>>())];
        columns.extend(returned.iter().map(|name| Column::new((*name).into(), &versions)));
        DataFrame::new(rows.len(), columns).expect("columns of one length").into()
    }
}

/// The latest version of each cell that a request has returned.
type Acknowledged = BTreeMap<(i64, &'static str), i64>;

struct Process {
    table: Arc<Table>,
    shared: Arc<Shared>,
    running: Option<Running>,
}

struct Running {
    request: Arc<Request>,
    columns: Vec<&'static str>,
    session: Box<Session>,
    jobs: Vec<FetchJob>,
    answered: Vec<(FetchJob, Result<FetchedBatch, BatchError>)>,
    commits: Vec<Commit>,
    moment: Moment,
    restarts: usize,
}

/// The state when a request began.
struct Moment {
    now: i64,
    versions: BTreeMap<i64, i64>,
    acknowledged: Acknowledged,
}

struct World {
    database: Database,
    processes: Vec<Process>,
    acknowledged: Acknowledged,
    refreshes_only: bool,
    ended: usize,
}

impl World {
    fn new(folder: &std::path::Path, refreshes_only: bool) -> Self {
        let name = TableName::new("public.users").expect("a valid name");
        let process = || Process {
            table: Store::new(folder.to_owned(), 1 << 20).table(&name, "id"),
            shared: Arc::new(Shared {
                claims: Arc::<FolderClaims>::default(),
                counters: Counters::default(),
                rate_limiter: None,
                absent_ids: AbsentIdCache::new(RememberAbsent::Never),
            }),
            running: None,
        };
        let processes = (0..PROCESSES).map(|_| process()).collect();
        let acknowledged = Acknowledged::new();
        Self { database: Database::new(), processes, acknowledged, refreshes_only, ended: 0 }
    }

    fn process(&mut self, process: usize) -> &mut Process {
        self.processes.get_mut(process).expect("a process")
    }

    fn apply(&mut self, operation: &Operation) {
        match *operation {
            Operation::Begin { process, ids, columns, refresh } => self.begin(process, ids, columns, refresh),
            Operation::Next { process } => self.next(process),
            Operation::Answer { process, all_columns, fails } => {
                let database = &self.database;
                let Some(running) = self.processes.get_mut(process).and_then(|process| process.running.as_mut()) else {
                    return;
                };
                if !running.jobs.is_empty() {
                    let job = running.jobs.remove(0);
                    let failed = || Err(BatchError::Fetcher("the connection broke".into()));
                    let rows = if fails { failed() } else { Ok(database.answer(&job, all_columns)) };
                    running.answered.push((job, rows));
                }
            }
            Operation::Accept { process } => {
                let Some(running) = self.process(process).running.as_mut() else { return };
                if !running.answered.is_empty() {
                    let (job, rows) = running.answered.remove(0);
                    running.session.on_fetched(job.validate(rows), Instant::now());
                }
            }
            Operation::Commit { process } => {
                let Some(running) = self.process(process).running.as_mut() else { return };
                if let Some(commit) = running.commits.pop() {
                    running.session.on_committed(commit.run(), Instant::now());
                    self.check_rows(process);
                }
            }
            Operation::Change { id, is_there } => self.database.change(id, is_there),
        }
    }

    fn begin(&mut self, process: usize, ids: u8, columns: u8, refresh: bool) {
        let Process { table, shared, running } = self.process(process);
        if running.is_some() {
            return;
        }
        let ids: Vec<i64> = (0..IDS).filter(|id| ids & (1 << id) != 0).collect();
        let columns: Vec<&'static str> = COLUMNS
            .iter()
            .enumerate()
            .filter(|(index, _)| columns & (1 << index) != 0)
            .map(|(_, name)| *name)
            .collect();
        let references: Vec<_> = columns.iter().map(|name| name.parse().expect("a column")).collect();
        let wanted = references.iter().map(|column| ProjectedPart { column, keys: vec![Vec::new()], is_text: false });
        let request = Arc::new(Request {
            projection: Arc::new(Projection::new(table, wanted, &[])),
            ids: Arc::new(i64::to_set(&ids)),
            fetch_mode: if refresh { FetchMode::Refresh } else { FetchMode::Needed },
            options: Options {
                batches: BatchPolicy::Fixed(2),
                concurrency: 2,
                progress: Progress::Silent,
                ..Options::default()
            },
            shared: Arc::clone(shared),
            nesting: Nesting::default(),
        });
        self.start(process, request, columns, 0);
    }

    fn start(&mut self, process: usize, request: Arc<Request>, columns: Vec<&'static str>, restarts: usize) {
        assert!(restarts < RESTARTS, "a request restarted too often");
        let versions = self.database.rows.iter().map(|(id, (version, _))| (*id, *version)).collect();
        let moment = Moment { now: self.database.now, versions, acknowledged: self.acknowledged.clone() };
        match Session::begin(&request, None, Waker::noop().clone(), Instant::now()).expect("a session") {
            Start::Completed(completion) => self.end(&columns, &request, &moment, completion),
            Start::Running(mut session) => {
                session.start(None).expect("no column is known to be unknown");
                let (jobs, answered, commits) = (Vec::new(), Vec::new(), Vec::new());
                let running = Running { request, columns, session, jobs, answered, commits, moment, restarts };
                self.process(process).running = Some(running);
            }
        }
    }

    fn next(&mut self, process: usize) {
        let Some(mut running) = self.process(process).running.take() else { return };
        match running.session.next(Instant::now()) {
            Action::Fetch(job) => running.jobs.push(*job),
            Action::Commit(commit) => running.commits.push(commit),
            Action::Wait(_) => {}
            Action::Done => return self.close(process, running),
        }
        self.process(process).running = Some(running);
    }

    fn close(&mut self, process: usize, running: Running) {
        let Running { request, columns, session, moment, restarts, .. } = running;
        match session.close() {
            Ok(Completion::Restart) => self.start(process, request, columns, restarts + 1),
            Ok(completion) => self.end(&columns, &request, &moment, completion),
            Err(crate::Error::FetchFailed { failures, .. }) => {
                assert!(failures.iter().all(|failure| matches!(failure.cause, BatchError::Fetcher(_))), "{failures:?}");
            }
            Err(cause) => panic!("{cause:?}"),
        }
    }

    fn end(&mut self, columns: &[&'static str], request: &Request, moment: &Moment, completion: Completion) {
        self.ended += 1;
        let answer = completion.outcome::<Read>(None).expect("rows").expect("no change");
        let Answer { frame, not_found, .. } = answer;
        for id in not_found.keys::<i64>() {
            assert!(!self.database.was_there_since(id, moment.now), "row {id} existed all the time");
        }
        let integers = |name: &str| -> Vec<i64> {
            // Without rows, a column has the type null.
            let column = frame.column(name).expect("the column").cast(&DataType::Int64).expect("integers");
            column.i64().expect("integers").iter().map(|value| value.expect("no value is null")).collect()
        };
        let ids = integers("id");
        for name in columns {
            for (id, version) in ids.iter().zip(integers(name)) {
                let least = moment.acknowledged.get(&(*id, *name)).copied().unwrap_or(0);
                assert!(version >= least, "{name} of {id}: {version}, after {least} was acknowledged");
                if request.fetch_mode == FetchMode::Refresh {
                    let least = moment.versions.get(id).copied().unwrap_or(0);
                    assert!(version >= least, "{name} of {id}: {version}, refreshed when it was {least}");
                }
                let known = self.acknowledged.entry((*id, *name)).or_default();
                *known = version.max(*known);
            }
        }
    }

    /// If rows are only refreshed, all values of a row have the same version.
    fn check_rows(&mut self, process: usize) {
        if !self.refreshes_only {
            return;
        }
        let table = Arc::clone(&self.process(process).table);
        let stored = table.snapshot().expect("a snapshot");
        let (ids, rows) = stored.all().expect("rows");
        let readings: Vec<_> =
            stored.columns().iter().map(|column| crate::storage::Reading::whole(column.name())).collect();
        let frame = stored.read(table.id_column(), &Arc::new(ids), &rows, &readings).expect("rows");
        for row in 0..frame.height() {
            let cells = frame.columns().iter().skip(1).map(|column| column.get(row).expect("a row"));
            let mut versions: Vec<i64> = cells.filter_map(|cell| cell.extract::<i64>()).collect();
            versions.dedup();
            assert_eq!(versions.len(), 1, "a row with several versions: {frame}");
        }
    }

    /// Runs all requests to completion.
    fn finish(&mut self) {
        for _ in 0..10_000 {
            if self.processes.iter().all(|process| process.running.is_none()) {
                return;
            }
            for process in 0..PROCESSES {
                self.apply(&Operation::Next { process });
                self.apply(&Operation::Answer { process, all_columns: false, fails: false });
                self.apply(&Operation::Accept { process });
                self.apply(&Operation::Commit { process });
            }
        }
        panic!("a request does not end");
    }
}

fn folder(is_split_early: bool) -> (tempfile::TempDir, std::path::PathBuf) {
    let memory = std::path::Path::new("/dev/shm");
    let around = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a folder");
    #[cfg(feature = "__fault-injection")]
    let name = if is_split_early { crate::faults::SPLIT_EARLY } else { "cache" };
    #[cfg(not(feature = "__fault-injection"))]
    let name = if is_split_early { "another" } else { "cache" };
    let folder = around.path().join(name);
    (around, folder)
}

fn run(refreshes_only: bool) {
    let config = Config { cases: 400, failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() };
    let ended = std::cell::Cell::new(0);
    let outcome =
        TestRunner::new(config).run(&(any::<bool>(), vec(operation(refreshes_only), 1..80)), |(split, all)| {
            let (_around, folder) = folder(split);
            let mut world = World::new(&folder, refreshes_only);
            for operation in &all {
                world.apply(operation);
            }
            world.finish();
            ended.set(ended.get() + world.ended);
            Ok(())
        });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(ended.get() > 400, "most requests return rows");
}

#[test]
fn interleaved_processes_never_return_an_older_version() {
    run(false);
}

#[test]
fn interleaved_refreshes_never_mix_versions_in_a_row() {
    run(true);
}
