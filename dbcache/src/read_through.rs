//! Look up, plan, fetch, store, answer: the one place where a request is carried out.
//!
//! [`Request`] says what is wanted; [`Session`] is the state machine that says which batch to fetch next and takes
//! what came back; [`run`] drives it with a blocking fetcher.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use polars::prelude::*;

use crate::column::ColumnRef;
use crate::contract::{self, Expected};
use crate::error::{BatchError, BatchFailure, Error, Result, UnknownColumn};
use crate::fetch::{BatchRequest, BatchSource, Columns, FetchedFrame};
use crate::key::IdSet;
use crate::name::{TableName, near};
use crate::plan::{self, Batch, BatchPolicy};
use crate::progress::{Progress, ProgressEvent, Reporter};
use crate::record::{ColumnSchema, DefaultCell};
use crate::storage::{ColumnSet, LookUp, Need, Reading, Replace, Snapshot, Table, merge, shown_path};

/// Fetched rows wait at least this long for others to be committed with them.
const LEAST_WAIT: Duration = Duration::from_millis(250);
/// Fetched rows wait this many times longer than the last commit took, so that committing takes a fifth of the time.
const WAIT_FACTOR: u32 = 4;

/// Which of the wanted rows are fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fetch {
    /// Those that are missing or incomplete.
    #[default]
    Needed,
    /// All, again; their cached rows are replaced.
    All,
    /// None: where one is missing or incomplete, the request fails.
    Never,
}

impl Fetch {
    /// Fetch all, unless nothing may be fetched.
    pub(crate) fn refreshed(self) -> Self {
        if self == Self::Never { self } else { Self::All }
    }
}

/// How requests are carried out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) batches: BatchPolicy,
    pub(crate) progress: Progress,
}

/// What is wanted of a table.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) table: &'a Table,
    pub(crate) ids: IdSet,
    /// The columns to fetch and read, each once, at least one.
    pub(crate) columns: &'a [String],
    /// What the answer takes of them.
    pub(crate) wanted: Vec<&'a ColumnRef>,
    /// What a row must have of them.
    pub(crate) needs: &'a [Need],
    /// The types that a record declares for them.
    pub(crate) declared: &'a [ColumnSchema],
    pub(crate) fetch: Fetch,
}

/// The rows that were found: the id column, then the columns of the request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) frame: DataFrame,
    /// The ids of the frame's rows.
    pub(crate) ids: IdSet,
    /// The wanted ids that the database does not have.
    pub(crate) not_found: IdSet,
    /// The text columns that hold documents, to be given structured.
    pub(crate) documents: ColumnSet,
}

/// Carries out a request with a blocking fetcher.
///
/// # Errors
///
/// [`Error::FetchFailed`], else [`Error::ColumnsNotFound`], or a storage error; what was fetched before is stored.
pub(crate) fn run(request: &Request<'_>, source: &dyn BatchSource, options: &Options) -> Result<Answer> {
    loop {
        match run_once(request, source, options) {
            Ok(Some(answer)) => return Ok(answer),
            Ok(None) => {}
            Err(Error::Damaged { .. }) => request.table.set_aside_damaged()?,
            Err(cause) => return Err(cause),
        }
    }
}

/// `None` where cached rows vanished meanwhile, so that they must be fetched.
fn run_once(request: &Request<'_>, source: &dyn BatchSource, options: &Options) -> Result<Option<Answer>> {
    let mut session = Session::begin(request, options, source.batch_limit())?;
    while let Some(batch) = session.next_batch() {
        let fetched = source.fetch(request.batch(&batch));
        session.accept(&batch, fetched)?;
    }
    session.finish(|| source.known_columns(request.table.name()))
}

/// Answers from the cache alone. Wanted ids that would have to be fetched count as not found.
///
/// # Errors
///
/// A storage error.
pub(crate) fn cached(request: &Request<'_>) -> Result<Answer> {
    loop {
        let stored = request.table.snapshot()?;
        match request.answer(&stored, &request.find(&stored)) {
            Err(Error::Damaged { .. }) => request.table.set_aside_damaged()?,
            answer => return answer,
        }
    }
}

impl<'r> Request<'r> {
    fn reading<'s>(&'s self, name: &'s str) -> Reading<'s> {
        let of_column = self.wanted.iter().filter(|wanted| wanted.column() == name);
        let paths: Vec<&[String]> = of_column.map(|wanted| wanted.path().steps()).collect();
        let is_whole = paths.iter().any(|path| path.is_empty());
        Reading { name, paths: if is_whole { Vec::new() } else { paths }, default: self.default_of(name) }
    }

    fn default_of(&self, name: &str) -> Option<DefaultCell> {
        self.declared.iter().find(|declared| declared.column().column() == name)?.default()
    }

    /// How the wanted ids stand in the cache now.
    pub(crate) fn look_up(&self) -> Result<LookUp> {
        Ok(self.find(&*self.table.snapshot()?))
    }

    fn find(&self, stored: &Snapshot) -> LookUp {
        stored.look_up(&self.ids, self.needs)
    }

    fn batch<'b>(&self, batch: &'b Batch) -> BatchRequest<'b>
    where
        'r: 'b,
    {
        BatchRequest {
            ids: &batch.ids,
            table: self.table.name(),
            id_column: self.table.id_column(),
            columns: Columns::Named(self.columns),
        }
    }

    /// The wanted ids that are fetched, given how they stand.
    fn to_fetch(&self, found: &LookUp) -> IdSet {
        match self.fetch {
            Fetch::All => self.ids.clone(),
            Fetch::Needed => self.ids.select(&found.not_hits()),
            Fetch::Never => self.ids.select(&[]),
        }
    }

    fn answer(&self, stored: &Snapshot, found: &LookUp) -> Result<Answer> {
        let ids = self.ids.select(&found.hits);
        let columns = self.columns.iter().map(|name| self.reading(name));
        let frame = stored.read(self.table, &ids, columns)?;
        let documents = stored.documents().clone();
        Ok(Answer { frame, ids, not_found: self.ids.select(&found.not_hits()), documents })
    }

    /// The columns that incomplete rows lack, with suggestions from those that are known.
    fn columns_not_found(&self, stored: &Snapshot, incomplete: &IdSet, known: Option<Vec<String>>) -> Error {
        let presence = stored.presence();
        let rows = stored.ids().locate(incomplete).into_iter().flatten();
        let sets: PlHashSet<&ColumnSet> = rows.filter_map(|row| presence.of_row(row as usize)).collect();
        let known: ColumnSet = presence.columns().into_iter().chain(known.into_iter().flatten()).collect();
        let mut columns: Vec<UnknownColumn> = Vec::new();
        for need in self.needs {
            let Some(set) = sets.iter().find(|set| presence.lacks(set, need)) else { continue };
            let unknown =
                if set.contains(&need.column) { unknown_key(need, stored) } else { unknown_column(need, &known) };
            if columns.iter().all(|other| other.name != unknown.name) {
                columns.push(unknown);
            }
        }
        Error::ColumnsNotFound { table: self.table.name().to_string(), columns }
    }
}

fn unknown_column(need: &Need, known: &ColumnSet) -> UnknownColumn {
    let name = need.column.clone();
    let suggestions = near(&name, known.iter().map(String::as_str).filter(|known| *known != name));
    UnknownColumn { name, suggestions, is_undeclared_key: false }
}

/// The column is there, with the keys that a record type declares.
fn unknown_key(need: &Need, stored: &Snapshot) -> UnknownColumn {
    let label = |path: Vec<String>| ColumnRef::with_path(need.column.clone(), path).label();
    let known: Vec<String> = stored.presence().known_paths(&need.column).into_iter().map(label).collect();
    let name = label(shown_path(&need.path));
    let suggestions = near(&name, known.iter().map(String::as_str));
    UnknownColumn { name, suggestions, is_undeclared_key: true }
}

/// A request under way.
struct Session<'a> {
    request: &'a Request<'a>,
    queue: VecDeque<Batch>,
    group: Group<'a>,
    failures: Vec<BatchFailure>,
    /// All ids that batches asked, in no order.
    asked: IdSet,
    reporter: Option<Reporter>,
    started: Instant,
}

impl<'a> Session<'a> {
    fn begin(request: &'a Request<'a>, options: &Options, limit: Option<usize>) -> Result<Self> {
        let stored = request.table.snapshot()?;
        let found = request.find(&stored);
        tracing::debug!(
            table = %request.table.name(), hits = found.hits.len(), incomplete = found.incomplete.len(),
            missing = found.missing.len(), "looked up"
        );
        let asked = request.to_fetch(&found);
        let queue: VecDeque<Batch> = plan::batches(&asked, options.batches, limit).into();
        let reporter = (!queue.is_empty())
            .then(|| options.progress.begin(request.table.name().as_str(), queue.len(), asked.len()));
        let replace = if request.fetch == Fetch::All { Replace::Whole } else { Replace::CarryOver };
        let group = Group::new(request.table, stored, replace);
        Ok(Self { request, queue, group, failures: Vec::new(), asked, reporter, started: Instant::now() })
    }

    /// The batch to fetch next.
    fn next_batch(&mut self) -> Option<Batch> {
        self.queue.pop_front()
    }

    /// Takes what a batch brought; commits when it is time.
    fn accept(&mut self, batch: &Batch, fetched: Result<FetchedFrame, BatchError>) -> Result<()> {
        let rows = fetched.and_then(|frame| contract::check(frame, &self.expected(batch)));
        let ids = batch.ids.len();
        let event = match &rows {
            Ok(rows) => ProgressEvent::Fetched { batch: batch.number, ids, rows: rows.ids().len() },
            Err(cause) => {
                tracing::warn!(table = %self.request.table.name(), batch = batch.number, %cause, "a batch failed");
                ProgressEvent::Failed { batch: batch.number, ids }
            }
        };
        self.tell(&event);
        match rows {
            Ok(rows) => self.group.push(batch.clone(), rows),
            Err(cause) => self.failures.push(failure(batch, cause)),
        }
        if self.group.is_due() { self.commit() } else { Ok(()) }
    }

    /// Commits what is left, and answers; `None` where cached rows vanished meanwhile, so that they must be fetched.
    ///
    /// `known` gives the names of the table's columns, where the fetcher knows them.
    fn finish(mut self, known: impl FnOnce() -> Option<Vec<String>>) -> Result<Option<Answer>> {
        self.commit()?;
        let event = ProgressEvent::Finished {
            rows: self.group.committed,
            failed: self.failures.len(),
            elapsed: self.started.elapsed(),
        };
        self.tell(&event);
        if self.failures.is_empty() { self.answer(known) } else { Err(self.fetch_failed()) }
    }

    fn expected<'s>(&'s self, batch: &'s Batch) -> Expected<'s> {
        Expected {
            ids: &batch.ids,
            id_column: self.request.table.id_column(),
            columns: self.request.declared,
            stored: &self.group.stored,
        }
    }

    fn commit(&mut self) -> Result<()> {
        let refused = self.group.commit()?;
        self.failures.extend(refused);
        Ok(())
    }

    fn tell(&mut self, event: &ProgressEvent<'_>) {
        if let Some(reporter) = &mut self.reporter {
            reporter.event(event);
        }
    }

    fn fetch_failed(mut self) -> Error {
        self.failures.sort_by_key(|failure| failure.batch);
        Error::FetchFailed {
            table: self.request.table.name().to_string(),
            failures: self.failures,
            stored: self.group.committed,
        }
    }

    fn answer(self, known: impl FnOnce() -> Option<Vec<String>>) -> Result<Option<Answer>> {
        let Self { request, group, asked, .. } = self;
        let stored = group.stored;
        let found = request.find(&stored);
        let lacking = request.ids.select(&found.not_hits());
        if request.fetch == Fetch::Never && !lacking.is_empty() {
            return Err(Error::NotCached { table: request.table.name().to_string(), ids: lacking.row_ids() });
        }
        if lacking.locate_among(&asked).len() < lacking.len() {
            return Ok(None);
        }
        if !found.incomplete.is_empty() {
            return Err(request.columns_not_found(&stored, &request.ids.select(&found.incomplete), known()));
        }
        request.answer(&stored, &found).map(Some)
    }
}

fn failure(batch: &Batch, cause: BatchError) -> BatchFailure {
    BatchFailure { batch: batch.number, ids: batch.ids.row_ids(), cause }
}

/// Batches that are committed together, so that many small ones don't each pay for a commit.
struct Group<'a> {
    table: &'a Table,
    replace: Replace,
    /// The table as of the last commit.
    stored: Arc<Snapshot>,
    pending: Vec<(Batch, Snapshot)>,
    /// How many rows were committed.
    committed: usize,
    last_commit: Instant,
    /// How long fetched rows wait for others before they are committed.
    wait: Duration,
}

impl<'a> Group<'a> {
    fn new(table: &'a Table, stored: Arc<Snapshot>, replace: Replace) -> Self {
        let pending = Vec::new();
        Self { table, replace, stored, pending, committed: 0, last_commit: Instant::now(), wait: LEAST_WAIT }
    }

    fn push(&mut self, batch: Batch, rows: Snapshot) {
        if !rows.ids().is_empty() {
            self.pending.push((batch, rows));
        }
    }

    fn is_due(&self) -> bool {
        self.last_commit.elapsed() >= self.wait
    }

    /// Commits all pending batches, and returns those whose types do not fit with what is stored.
    fn commit(&mut self) -> Result<Vec<BatchFailure>> {
        let pending = std::mem::take(&mut self.pending);
        let began = Instant::now();
        let refused = match self.commit_together(&pending) {
            Err(Error::TypeConflict { .. }) => self.commit_apart(&pending),
            committed => committed.map(|()| Vec::new()),
        };
        self.wait = LEAST_WAIT.max(began.elapsed() * WAIT_FACTOR);
        self.last_commit = Instant::now();
        refused
    }

    fn commit_together(&mut self, pending: &[(Batch, Snapshot)]) -> Result<()> {
        let mut rows: Vec<Snapshot> = pending.iter().map(|(_, rows)| rows.clone()).collect();
        while rows.len() > 1 {
            rows = merge_pairs(self.table.name(), &rows)?;
        }
        match rows.first() {
            Some(rows) => self.store(rows),
            None => Ok(()),
        }
    }

    fn commit_apart(&mut self, pending: &[(Batch, Snapshot)]) -> Result<Vec<BatchFailure>> {
        let mut refused = Vec::new();
        for (batch, rows) in pending {
            match self.store(rows) {
                Ok(()) => {}
                Err(cause @ Error::TypeConflict { .. }) => {
                    refused.push(failure(batch, BatchError::Store(Box::new(cause))));
                }
                Err(cause) => return Err(cause),
            }
        }
        Ok(refused)
    }

    fn store(&mut self, rows: &Snapshot) -> Result<()> {
        self.stored = self.table.commit(rows, self.replace)?;
        self.committed += rows.ids().len();
        Ok(())
    }
}

/// Half as many snapshots: the batches of a request have different ids, so the order does not matter.
fn merge_pairs(table: &TableName, rows: &[Snapshot]) -> Result<Vec<Snapshot>> {
    rows.chunks(2)
        .map(|pair| match pair {
            [left, right] => merge(table, left, right, Replace::CarryOver),
            rest => Ok(rest.first().cloned().unwrap_or_else(Snapshot::empty)),
        })
        .collect()
}
