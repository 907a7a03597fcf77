//! The state machine of a running request, which decides the next action from the outcomes of earlier ones.

use std::any::Any;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use tracing::Span;

use super::batch::{Batch, BatchOutcome, BatchResult, FetchJob, ValidatedBatch};
use super::bisection::Bisections;
use super::claims::{Claim, InFlightRequest};
use super::commit_buffer::{Commit, CommitBuffer, CommitOutcome, UnfitRows};
use super::completion::Completion;
use super::coverage::Coverage;
use super::overtaken::{self, Overtaken};
use super::queue::Queue;
use super::rate_limiter::RateLimiter;
use super::request::{FetchMode, Request};
use crate::error::{BatchError, BatchFailure, Error, RejectedRow, Result, with_causes};
use crate::key::IdSet;
use crate::nesting::{BatchId, Waiting};
use crate::plan;
use crate::progress::{ProgressEvent, Reporter};
use crate::stats::Count;
use crate::storage::{Presence, Replace, Snapshot};

/// The next action of a driver.
#[derive(Debug)]
pub(super) enum Action {
    Fetch(Box<FetchJob>),
    Commit(Commit),
    /// Wait until the waker is woken or the deadline passes.
    Wait(Option<Instant>),
    /// The request has ended.
    Done,
}

/// The start of a request.
pub(super) enum Start {
    /// All requested rows are cached.
    Completed(Completion),
    Running(Box<Session>),
}

/// A running request. Its driver may perform several actions at the same time.
pub(super) struct Session {
    request: Arc<Request>,
    /// Woken when another request releases a claim. A driver also wakes its threads after each action.
    waker: Waker,
    /// Maximum number of ids in a batch.
    batch_size: usize,
    queue: Queue,
    /// The number of the last batch that was created.
    last_batch: usize,
    in_flight: usize,
    bisections: Bisections,
    buffer: CommitBuffer,
    /// All ids that the request fetches: those that were missing or incomplete when it began, or all ids of a refresh.
    to_fetch: Arc<IdSet>,
    /// Whether other requests had stored some of these ids before this request claimed them.
    others_stored: bool,
    /// Requested ids that are not fetched, because they are known to be absent.
    known_absent: IdSet,
    /// Ids that this request found to be absent from the database.
    found_absent: IdSet,
    /// The columns and keys that a fetcher returned, if they lack a required one. The request then starts no further
    /// batches.
    missing_columns: Option<Presence>,
    overtaken: Overtaken,
    failures: Vec<BatchFailure>,
    /// Fetched rows with values that do not fit their columns.
    rejected: Vec<RejectedRow>,
    /// The reason why the request ends early.
    stop: Option<Stop>,
    reporter: Option<Reporter>,
    /// If the rate limiter delayed a batch: the time at which it may start.
    rate_limited_until: Option<Instant>,
    /// The wait for the claims of other requests, while there is nothing else to do.
    wait: Option<ClaimWait>,
    /// The deadline returned with the last [`Action::Wait`]. A waiting driver calls [`next`](Self::next) again at this
    /// time, or earlier if the waker wakes it.
    last_deadline: Option<Instant>,
    started: Instant,
    span: Span,
    // Dropped last, because the claims must be released while the request is still registered.
    in_flight_request: InFlightRequest,
}

/// A wait for the claims of other requests, at most as long as a batch may take.
struct ClaimWait {
    until: Option<Instant>,
    #[expect(dead_code, reason = "others see it until it is dropped")]
    waiting: Option<Waiting>,
}

enum Stop {
    Failed(Error),
    Panicked(Box<dyn Any + Send>),
}

impl Session {
    /// Looks the requested ids up, and plans which ones to fetch.
    ///
    /// # Errors
    ///
    /// Returns a storage error if the lookup fails.
    pub(super) fn begin(request: &Arc<Request>, limit: Option<usize>, waker: Waker, now: Instant) -> Result<Start> {
        let table = request.table();
        let in_flight_request = InFlightRequest::begin(request.shared.claims.table(table.name()));
        let span = request.span();
        let (stored, coverage) = span.in_scope(|| look_up(request))?;
        if request.fetch_mode != FetchMode::Refresh && coverage.is_complete() {
            return Ok(Start::Completed(Completion::Complete {
                request: Arc::clone(request),
                stored,
                coverage,
                fetched: 0,
            }));
        }
        let known_absent = known_absent(request, &coverage)?;
        let to_fetch = request.to_fetch(&coverage, &known_absent)?;
        let batch_size = plan::batch_size(to_fetch.len(), request.options.batches, limit);
        let replace = if request.fetch_mode == FetchMode::Refresh { Replace::Whole } else { Replace::CarryOver };
        let buffer = CommitBuffer::new(Arc::clone(&request.projection), stored, replace, now);
        let session = Self {
            waker,
            batch_size,
            queue: Queue::new(Arc::clone(&to_fetch)),
            last_batch: 0,
            in_flight: 0,
            bisections: Bisections::default(),
            buffer,
            others_stored: false,
            found_absent: to_fetch.none(),
            known_absent,
            missing_columns: None,
            overtaken: Overtaken::default(),
            to_fetch,
            failures: Vec::new(),
            rejected: Vec::new(),
            stop: None,
            reporter: None,
            rate_limited_until: None,
            wait: None,
            last_deadline: None,
            started: now,
            span,
            in_flight_request,
            request: Arc::clone(request),
        };
        Ok(Start::Running(Box::new(session)))
    }

    /// Returns `true` if a column is to be fetched that no cached row has. The driver then asks the fetcher which
    /// columns the table has.
    pub(super) fn has_unseen_columns(&self) -> bool {
        !self.to_fetch.is_empty() && self.request.unseen_columns(self.buffer.stored()).next().is_some()
    }

    /// Begins to fetch. `known` are the columns of the table, if the fetcher knows them.
    ///
    /// # Errors
    ///
    /// Returns [`Error::ColumnsNotFound`] if the table is known not to have a required column.
    pub(super) fn start(&mut self, known: Option<Vec<String>>) -> Result<()> {
        if let Some(known) = known {
            let (request, stored) = (&self.request, self.buffer.stored());
            let unknown =
                || request.unseen_columns(stored).filter(|need| !known.iter().any(|name| *name == need.column));
            if unknown().next().is_some() {
                return Err(request.columns_unknown(unknown(), &known, stored));
            }
        }
        self.begin_progress();
        Ok(())
    }

    fn begin_progress(&mut self) {
        let (table, batches, ids) = (self.request.table().name().as_str(), self.batches(), self.to_fetch.len());
        self.reporter = (batches > 0).then(|| self.request.options.progress.begin(table, batches, ids));
    }

    /// Returns the number of batches, if no other request fetches some of the ids.
    pub(super) fn batches(&self) -> usize {
        self.to_fetch.len().div_ceil(self.batch_size)
    }

    /// Returns the maximum number of batches in flight.
    pub(super) fn concurrency(&self) -> usize {
        self.request.options.concurrency.max(1)
    }

    pub(super) fn span(&self) -> &Span {
        &self.span
    }

    /// Returns the next action, while earlier ones may still be running.
    pub(super) fn next(&mut self, now: Instant) -> Action {
        loop {
            if self.stop.is_some() {
                return Action::Done;
            }
            if self.buffer.due_at().is_some_and(|due| due <= now)
                && let Some(commit) = self.buffer.begin_commit()
            {
                return Action::Commit(commit);
            }
            match self.next_fetch(now) {
                Ok(Some(job)) => return Action::Fetch(Box::new(job)),
                Ok(None) => {}
                Err(cause) => {
                    self.stop = Some(Stop::Failed(cause));
                    return Action::Done;
                }
            }
            if !self.queue.is_done() || self.in_flight > 0 || self.buffer.is_committing() {
                self.last_deadline = self.next_deadline();
                return Action::Wait(self.last_deadline);
            }
            if let Some(commit) = self.buffer.drain() {
                return Action::Commit(commit);
            }
            // This request holds no claims now. Only in this state may it wait for those of others.
            let reclaimed = match self.queue.reclaim_released(&self.waker) {
                Ok(reclaimed) => reclaimed,
                Err(cause) => {
                    self.stop = Some(Stop::Failed(cause));
                    return Action::Done;
                }
            };
            if reclaimed {
                self.wait = None;
            } else if !self.queue.has_awaited() {
                return Action::Done;
            } else if let Some(wait) = self.wait_for_claims(now) {
                return wait;
            }
        }
    }

    /// Waits for the claims of other requests. Returns `None` if the wait has timed out or would never end.
    fn wait_for_claims(&mut self, now: Instant) -> Option<Action> {
        let limit = self.request.options.batch_timeout;
        if self.wait.is_none() {
            let Ok(waiting) = Waiting::begin(&self.request.nesting, self.queue.awaited_batches()) else {
                self.stop = Some(Stop::Failed(self.circular()));
                return None;
            };
            self.wait = Some(ClaimWait { until: limit.and_then(|limit| now.checked_add(limit)), waiting });
        }
        let until = self.wait.as_ref().and_then(|wait| wait.until);
        if let Some(after) = limit.filter(|_| until.is_some_and(|until| until <= now)) {
            let given_up = self.give_up_awaited(after);
            self.stop_on_error(given_up);
            return None;
        }
        Some(Action::Wait(until))
    }

    /// Returns the error for a wait that would never end, with the ids that it is for.
    fn circular(&mut self) -> Error {
        let table = self.request.table().name().to_string();
        match self.queue.take_awaited() {
            Ok(ids) => Error::CircularRequest { table, ids: ids.map_or_else(Vec::new, |ids| ids.row_ids()) },
            Err(cause) => cause,
        }
    }

    /// Fails the ids that another request did not fetch in time, as one batch.
    fn give_up_awaited(&mut self, after: Duration) -> Result<()> {
        self.wait = None;
        let Some(ids) = self.queue.take_awaited()? else { return Ok(()) };
        self.last_batch += 1;
        let (table, batch) = (self.request.table().name(), self.last_batch);
        tracing::warn!(
            parent: &self.span, %table, batch, ids = ids.len(), ?after,
            "timed out waiting for ids that another request is fetching"
        );
        self.report(&ProgressEvent::Failed { batch, ids: ids.len() });
        self.count(Count::Failures, 1);
        let cause = BatchError::WaitTimedOut { after };
        self.failures.push(BatchFailure { batch, ids: ids.row_ids(), attempts: 0, cause });
        Ok(())
    }

    /// Returns `true` if other threads of the driver should call [`next`](Self::next) although this one has just
    /// started a fetch.
    pub(super) fn has_work_for_others(&self, now: Instant) -> bool {
        self.may_fetch() && self.queue.has_ready(now) || self.next_deadline() != self.last_deadline
    }

    /// Returns the time at which there may be a new action although nothing woke the driver.
    fn next_deadline(&self) -> Option<Instant> {
        let fetch = [self.queue.next_deadline(), self.rate_limited_until].into_iter().flatten().min();
        [self.buffer.due_at(), fetch.filter(|_| self.may_fetch())].into_iter().flatten().min()
    }

    fn may_fetch(&self) -> bool {
        self.in_flight < self.concurrency() && !self.buffer.is_full()
    }

    /// Returns the next fetch, if one is ready and the limits on concurrency, uncommitted rows and rate allow it.
    fn next_fetch(&mut self, now: Instant) -> Result<Option<FetchJob>> {
        self.rate_limited_until = None;
        if !self.may_fetch() || !self.queue.has_ready(now) {
            return Ok(None);
        }
        let shared = Arc::clone(&self.request.shared);
        if let Some(Err(next)) = shared.rate_limiter.as_ref().map(|limiter| limiter.reserve(now)) {
            self.rate_limited_until = Some(next);
            return Ok(None);
        }
        let Some(batch) = self.next_batch(now)? else {
            shared.rate_limiter.iter().for_each(RateLimiter::cancel);
            return Ok(None);
        };
        let job = self.job(batch)?;
        self.in_flight += 1;
        self.count(Count::Batches, 1);
        Ok(Some(job))
    }

    /// Prepares the fetch of a batch. A refresh also fetches the other columns that are cached for its ids, because it
    /// replaces whole rows.
    fn job(&self, batch: Batch) -> Result<FetchJob> {
        let others = match self.request.fetch_mode {
            FetchMode::Refresh => self.request.other_columns(&batch.ids, &batch.snapshot)?,
            FetchMode::Needed | FetchMode::Offline => Vec::new(),
        };
        let has_other_columns = !others.is_empty();
        let columns = self.request.projection.requested(others, &batch.snapshot);
        let span = tracing::debug_span!(
            parent: &self.span, "batch",
            batch = batch.number, ids = batch.ids.len(), attempt = batch.attempt
        );
        Ok(FetchJob { batch, request: Arc::clone(&self.request), columns, has_other_columns, span })
    }

    /// Takes a batch to retry, or claims ids for a new one. Ids that other requests hold are awaited instead.
    fn next_batch(&mut self, now: Instant) -> Result<Option<Batch>> {
        if let Some(batch) = self.queue.take_retry(now) {
            return Ok(Some(batch));
        }
        let mut ids = self.to_fetch.none();
        let mut claims = Vec::new();
        let mut snapshot = Arc::clone(self.buffer.stored());
        let id = BatchId::new();
        while ids.len() < self.batch_size
            && let Some(fresh) = self.queue.take_fresh(self.batch_size - ids.len())?
        {
            let result = self.in_flight_request.claim(&fresh, id)?;
            self.queue.push_awaited(result.awaited);
            if let Some(claim) = result.claim {
                // Rows that other requests fetched before are stored by now. Without a new snapshot, their commits
                // would look like changes during this fetch.
                if !self.in_flight_request.is_only_request() {
                    snapshot = self.request.table().snapshot()?;
                }
                ids = ids.joined(self.still_needed(&claim, &snapshot)?)?;
                claims.push(claim);
            }
        }
        if ids.is_empty() {
            return Ok(None);
        }
        self.last_batch += 1;
        Ok(Some(Batch::new(id, self.last_batch, ids, snapshot, claims)))
    }

    /// Returns the claimed ids that no other request has fetched since this one began.
    fn still_needed(&mut self, claim: &Claim, stored: &Snapshot) -> Result<IdSet> {
        let ids = claim.ids();
        if self.request.fetch_mode == FetchMode::Refresh || self.in_flight_request.is_only_request() {
            return Ok(ids.clone());
        }
        let non_hits = self.request.non_hits(ids, stored)?;
        let absent = self.in_flight_request.known_absent(&non_hits)?;
        let needed = non_hits.without(&absent)?;
        let shared = ids.len() - needed.len();
        self.others_stored |= non_hits.len() < ids.len();
        add(&mut self.known_absent, absent)?;
        if shared > 0 {
            self.count(Count::Shared, shared);
            self.report(&ProgressEvent::FetchedElsewhere { ids: shared });
        }
        Ok(needed)
    }

    /// Accepts the outcome of a batch.
    pub(super) fn on_fetched(&mut self, outcome: BatchOutcome, now: Instant) {
        self.in_flight -= 1;
        let BatchOutcome { batch, result } = outcome;
        let handled = match result {
            BatchResult::Rows(returned) => self.on_rows(&batch, returned),
            BatchResult::MissingColumns(returned) => {
                self.on_missing_columns(&batch, returned);
                Ok(())
            }
            BatchResult::Failed(cause) => self.on_failure(batch, cause, now),
        };
        self.stop_on_error(handled);
    }

    fn stop_on_error(&mut self, result: Result<()>) {
        if let Err(cause) = result {
            self.stop = Some(Stop::Failed(cause));
        }
    }

    /// Stops fetching, because the other batches would lack the same columns.
    fn on_missing_columns(&mut self, batch: &Batch, returned: Presence) {
        self.report(&ProgressEvent::Failed { batch: batch.number, ids: batch.ids.len() });
        self.missing_columns.get_or_insert(returned);
        self.queue = Queue::default();
    }

    /// Buffers the returned rows. The ids without a row are absent from the database.
    fn on_rows(&mut self, batch: &Batch, returned: ValidatedBatch) -> Result<()> {
        let rows = returned.height();
        self.report(&ProgressEvent::Fetched { batch: batch.number, ids: batch.ids.len(), rows });
        self.count(Count::FetchedRows, rows);
        self.count(Count::FetchedBytes, returned.bytes);
        self.bisections.count_success(batch);
        self.record_absent(batch.ids.without(&returned.existing_ids(&batch.ids)?)?)?;
        self.reject(returned.rejected.clone());
        self.buffer.push(batch, returned)
    }

    fn reject(&mut self, rows: Vec<RejectedRow>) {
        if let Some(first) = rows.first() {
            let table = self.request.table().name();
            tracing::warn!(
                parent: &self.span, %table, rows = rows.len(), %first,
                "rejected fetched rows whose values do not fit their columns"
            );
        }
        self.rejected.extend(rows);
    }

    fn record_absent(&mut self, ids: IdSet) -> Result<()> {
        self.in_flight_request.found_absent(&ids);
        add(&mut self.found_absent, ids)
    }

    /// Retries, bisects or gives up a failed batch.
    fn on_failure(&mut self, batch: Batch, cause: BatchError, now: Instant) -> Result<()> {
        let (number, ids) = (batch.number, batch.ids.len());
        let is_ending = self.missing_columns.is_some();
        let delay =
            if batch.is_half || is_ending { None } else { self.request.options.retry.delay(batch.attempt, &cause) };
        if let Some(delay) = delay {
            let cause = with_causes(&cause);
            tracing::debug!(parent: &self.span, batch = number, ?delay, %cause, "retrying a failed batch");
            self.report(&ProgressEvent::Retrying { batch: number, ids, attempt: batch.attempt + 1, delay });
            self.count(Count::Retries, 1);
            self.queue.push_delayed(now + delay, batch.next_attempt());
        } else if self.request.options.isolates_failing_ids
            && !is_ending
            && self.bisections.count_failure(&batch, &cause)
        {
            let cause = with_causes(&cause);
            tracing::debug!(parent: &self.span, batch = number, ids, %cause, "bisecting a failed batch");
            self.report(&ProgressEvent::Split { batch: number, ids });
            self.queue.push_halves(batch.halves()?);
        } else {
            self.give_up(batch, cause)?;
        }
        Ok(())
    }

    /// Records a batch that failed for good. If bisection is exhausted, its other halves fail with it.
    fn give_up(&mut self, mut batch: Batch, cause: BatchError) -> Result<()> {
        if self.bisections.is_exhausted(&batch) {
            for half in self.queue.take_halves(batch.number) {
                batch.ids = batch.ids.joined(half.ids)?;
            }
        }
        self.report(&ProgressEvent::Failed { batch: batch.number, ids: batch.ids.len() });
        self.record_failure(batch.failure(cause));
        Ok(())
    }

    fn record_failure(&mut self, failure: BatchFailure) {
        let (table, cause) = (self.request.table().name(), with_causes(&failure.cause));
        let (batch, ids) = (failure.batch, failure.ids.len());
        tracing::warn!(parent: &self.span, %table, batch, ids, %cause, "batch failed; its rows are not stored");
        self.count(Count::Failures, 1);
        self.failures.push(failure);
    }

    /// Accepts the outcome of a commit.
    pub(super) fn on_committed(&mut self, committed: CommitOutcome, now: Instant) {
        let before = self.buffer.committed_rows();
        match self.buffer.finish_commit(committed, now) {
            Ok((UnfitRows { failures, rejected }, overtaken)) => {
                for failure in failures {
                    self.record_failure(failure);
                }
                self.reject(rejected);
                let again = overtaken.map_or(Ok(()), |ids| self.refetch(&ids));
                self.stop_on_error(again);
            }
            Err(cause) => self.stop = Some(Stop::Failed(cause)),
        }
        self.count(Count::CommittedRows, self.buffer.committed_rows() - before);
    }

    /// Queues rows of which other processes have stored newer versions during the fetch.
    fn refetch(&mut self, ids: &IdSet) -> Result<()> {
        if self.missing_columns.is_some() {
            return Ok(());
        }
        let (again, too_often) = self.overtaken.count(ids)?;
        tracing::debug!(
            parent: &self.span, ids = again.len(),
            "refetching rows that another process changed during the fetch"
        );
        self.queue.push_fresh(Arc::new(again));
        if !too_often.is_empty() {
            self.last_batch += 1;
            let attempts = overtaken::MAX_REFETCHES + 1;
            let cause = BatchError::Overtaken { attempts };
            self.failures.push(BatchFailure { batch: self.last_batch, ids: too_often.row_ids(), attempts, cause });
            self.count(Count::Failures, 1);
        }
        Ok(())
    }

    /// Ends the request after an action panicked. The driver resumes the panic once all actions have ended.
    pub(super) fn on_panic(&mut self, panic: Box<dyn Any + Send>) {
        self.stop = Some(Stop::Panicked(panic));
    }

    /// Returns the commit of the rows that were fetched before the request ended early.
    pub(super) fn drain(&mut self) -> Option<Commit> {
        self.buffer.drain()
    }

    /// Takes the panic that ended the request, if there is one.
    pub(super) fn take_panic(&mut self) -> Option<Box<dyn Any + Send>> {
        match self.stop.take()? {
            Stop::Panicked(panic) => Some(panic),
            failed @ Stop::Failed(_) => {
                self.stop = Some(failed);
                None
            }
        }
    }

    /// Returns how the request ended. Called after its last action.
    ///
    /// # Errors
    ///
    /// Returns [`Error::FetchFailed`] if batches failed or rows were rejected, [`Error::NotCached`] if an offline
    /// request has ids that are not cached, or a storage error.
    pub(super) fn close(mut self) -> Result<Completion> {
        if let Some(Stop::Failed(cause)) = self.stop.take() {
            // Rows that were fetched before the error are stored. If this commit fails too, its error is dropped,
            // because the first one explains more.
            drop(self.drain().map(Commit::run));
            return Err(cause);
        }
        let (rows, failed) = (self.buffer.committed_rows(), self.failures.len());
        self.report(&ProgressEvent::Finished { rows, failed, elapsed: self.started.elapsed() });
        self.request.shared.absent_ids.remember(self.request.table(), &self.found_absent);
        if !self.failures.is_empty() || !self.rejected.is_empty() {
            return Err(self.fetch_failed());
        }
        if let Some(returned) = self.missing_columns.take() {
            let (request, stored) = (Arc::clone(&self.request), Arc::clone(self.buffer.stored()));
            return Ok(Completion::MissingColumns { request, stored, returned });
        }
        let stored = self.final_snapshot()?;
        let coverage = self.request.coverage_in(&stored)?;
        self.completion(stored, coverage)
    }

    /// Returns a snapshot with all rows that this or other requests fetched for this one.
    fn final_snapshot(&self) -> Result<Arc<Snapshot>> {
        if self.others_stored { self.request.table().snapshot() } else { Ok(Arc::clone(self.buffer.stored())) }
    }

    /// Returns how the request ended, given the coverage of its ids after all commits.
    fn completion(&self, stored: Arc<Snapshot>, coverage: Coverage) -> Result<Completion> {
        let non_hits = coverage.non_hit_ids(&self.request.ids)?;
        if self.request.fetch_mode == FetchMode::Offline && !non_hits.is_empty() {
            let table = self.request.table().name().to_string();
            return Err(Error::NotCached { table, ids: non_hits.row_ids() });
        }
        // Every requested id was a hit, was stored, or is absent from the database. If it is not a hit now, its row was
        // changed since.
        let changed = non_hits.without(&self.known_absent)?.without(&self.found_absent)?;
        let request = Arc::clone(&self.request);
        Ok(if changed.is_empty() {
            Completion::Complete { request, stored, coverage, fetched: self.buffer.committed_rows() }
        } else {
            Completion::Restart
        })
    }

    fn fetch_failed(mut self) -> Error {
        self.failures.sort_by(|left, right| (left.batch, &left.ids).cmp(&(right.batch, &right.ids)));
        self.rejected.sort_by(|left, right| left.id.cmp(&right.id));
        Error::FetchFailed {
            table: self.request.table().name().to_string(),
            failures: self.failures,
            rejected: self.rejected,
            stored: self.buffer.committed_rows(),
        }
    }

    fn report(&mut self, event: &ProgressEvent<'_>) {
        if let Some(reporter) = &mut self.reporter {
            reporter.event(event);
        }
    }

    fn count(&self, count: Count, number: usize) {
        self.request.shared.counters.add(self.request.table().name(), count, number);
    }
}

fn add(ids: &mut IdSet, more: IdSet) -> Result<()> {
    *ids = std::mem::replace(ids, more.none()).joined(more)?;
    Ok(())
}

fn look_up(request: &Request) -> Result<(Arc<Snapshot>, Coverage)> {
    let stored = request.table().snapshot()?;
    let coverage = request.coverage_in(&stored)?;
    request.count_lookup(&coverage);
    Ok((stored, coverage))
}

fn known_absent(request: &Request, coverage: &Coverage) -> Result<IdSet> {
    let (ids, absent_ids) = (&request.ids, &request.shared.absent_ids);
    if request.fetch_mode != FetchMode::Needed || !absent_ids.remembers() || coverage.missing() == 0 {
        return Ok(ids.none());
    }
    absent_ids.known_absent(request.table(), &coverage.missing_ids(ids)?)
}
