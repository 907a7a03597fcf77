//! The state machine of a request: what to do next, and what came of it.

use std::any::Any;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use tracing::Span;

use super::batch::{Batch, Brought, Came, FetchJob, Received};
use super::claims::{Claim, Visit};
use super::ending::Ending;
use super::group::{Commit, Committed, Group, Refused};
use super::overtaken::{self, Overtaken};
use super::queue::Queue;
use super::request::{Fetch, Request};
use super::split::Splits;
use super::standing::Standing;
use crate::error::{BatchError, BatchFailure, Error, RejectedRow, Result, with_causes};
use crate::key::IdSet;
use crate::nesting::{BatchId, Waiting};
use crate::plan;
use crate::progress::{ProgressEvent, Reporter};
use crate::stats::Count;
use crate::storage::{Presence, Replace, Snapshot};

/// What a session wants done.
#[derive(Debug)]
pub(super) enum Step {
    Fetch(Box<FetchJob>),
    Commit(Commit),
    /// Nothing until the bell rings or this moment comes.
    Wait(Option<Instant>),
    /// Nothing more.
    Done,
}

/// What a request begins as.
pub(super) enum Begun {
    /// All that it wants is cached.
    Ended(Ending),
    Fetching(Box<Session>),
}

/// A request under way. Whoever carries out its steps may do several at a time.
pub(super) struct Session {
    request: Arc<Request>,
    /// Rings when there may be a new step. Whoever completes a step rings it too.
    bell: Waker,
    /// How many ids a batch asks.
    size: usize,
    queue: Queue,
    /// The number of the last batch.
    last_batch: usize,
    in_flight: usize,
    splits: Splits,
    group: Group,
    /// All ids that were missing or incomplete when the request began, or are fetched again.
    to_fetch: Arc<IdSet>,
    /// Whether others had stored some of them by the time it was their turn.
    found_stored: bool,
    /// Wanted ids that are not asked, since the database is known not to have them.
    known_absent: IdSet,
    /// Ids that the database turned out not to have.
    found_absent: IdSet,
    /// What the rows of a batch had that lacked something asked for. Nothing more is fetched then.
    lacking: Option<Presence>,
    overtaken: Overtaken,
    failures: Vec<BatchFailure>,
    /// Fetched rows that do not fit.
    rejected: Vec<RejectedRow>,
    /// What ends the request early.
    stop: Option<Stop>,
    reporter: Option<Reporter>,
    /// A batch that was ready had to wait until then, for the sake of the pace.
    paced: Option<Instant>,
    /// The wait for ids that other requests are fetching, while there is nothing else to do.
    wait: Option<WaitForOthers>,
    /// Until when those who wait wait, if the bell does not ring.
    told: Option<Instant>,
    started: Instant,
    span: Span,
    // Last, so that no claim is left when the visit ends.
    visit: Visit,
}

/// Not longer than a batch of its own would be given.
struct WaitForOthers {
    until: Option<Instant>,
    #[expect(dead_code, reason = "others see it until it is dropped")]
    waiting: Option<Waiting>,
}

enum Stop {
    Failed(Error),
    Panicked(Box<dyn Any + Send>),
}

impl Session {
    /// Looks up what is wanted, and plans what to fetch.
    ///
    /// # Errors
    ///
    /// A storage error.
    pub(super) fn begin(request: &Arc<Request>, limit: Option<usize>, bell: Waker, now: Instant) -> Result<Begun> {
        let table = request.table();
        let visit = Visit::begin(request.shared.claims.table(table.name()));
        let span = request.span();
        let (stored, found) = span.in_scope(|| look_up(request))?;
        if request.fetch != Fetch::All && found.is_complete() {
            return Ok(Begun::Ended(Ending::Found { request: Arc::clone(request), stored, found, fetched: 0 }));
        }
        let known_absent = known_absent(request, &found)?;
        let to_fetch = request.to_fetch(&found, &known_absent)?;
        let size = plan::batch_size(to_fetch.len(), request.options.batches, limit);
        let replace = if request.fetch == Fetch::All { Replace::Whole } else { Replace::CarryOver };
        let group = Group::new(Arc::clone(&request.wants), stored, replace, now);
        let session = Self {
            bell,
            size,
            queue: Queue::new(Arc::clone(&to_fetch)),
            last_batch: 0,
            in_flight: 0,
            splits: Splits::default(),
            group,
            found_stored: false,
            found_absent: to_fetch.none(),
            known_absent,
            lacking: None,
            overtaken: Overtaken::default(),
            to_fetch,
            failures: Vec::new(),
            rejected: Vec::new(),
            stop: None,
            reporter: None,
            paced: None,
            wait: None,
            told: None,
            started: now,
            span,
            visit,
            request: Arc::clone(request),
        };
        Ok(Begun::Fetching(Box::new(session)))
    }

    /// Whether something is to be fetched of columns that no cached row has. It then helps to know which columns the table
    /// has.
    pub(super) fn has_unseen_columns(&self) -> bool {
        !self.to_fetch.is_empty() && self.request.unseen_columns(self.group.stored()).next().is_some()
    }

    /// Begins to fetch, unless the table is known not to have what is asked.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnsNotFound`].
    pub(super) fn start(&mut self, known: Option<Vec<String>>) -> Result<()> {
        if let Some(known) = known {
            let (request, stored) = (&self.request, self.group.stored());
            let unknown =
                || request.unseen_columns(stored).filter(|need| !known.iter().any(|name| *name == need.column));
            if unknown().next().is_some() {
                return Err(request.columns_unknown(unknown(), &known, stored));
            }
        }
        self.report();
        Ok(())
    }

    fn report(&mut self) {
        let (table, batches, ids) = (self.request.table().name().as_str(), self.batches(), self.to_fetch.len());
        self.reporter = (batches > 0).then(|| self.request.options.progress.begin(table, batches, ids));
    }

    /// How many batches there are, if nobody else fetches any of them.
    pub(super) fn batches(&self) -> usize {
        self.to_fetch.len().div_ceil(self.size)
    }

    /// How many batches may be fetched at the same time.
    pub(super) fn concurrency(&self) -> usize {
        self.request.options.concurrency.max(1)
    }

    pub(super) fn span(&self) -> &Span {
        &self.span
    }

    /// What to do next, beside the steps that are being done.
    pub(super) fn next(&mut self, now: Instant) -> Step {
        loop {
            if self.stop.is_some() {
                return Step::Done;
            }
            if self.group.due().is_some_and(|due| due <= now)
                && let Some(commit) = self.group.begin()
            {
                return Step::Commit(commit);
            }
            match self.next_fetch(now) {
                Ok(Some(job)) => return Step::Fetch(Box::new(job)),
                Ok(None) => {}
                Err(cause) => {
                    self.stop = Some(Stop::Failed(cause));
                    return Step::Done;
                }
            }
            if !self.queue.is_done() || self.in_flight > 0 || self.group.is_committing() {
                self.told = self.next_moment();
                return Step::Wait(self.told);
            }
            if let Some(commit) = self.group.rest() {
                return Step::Commit(commit);
            }
            // Nothing is claimed any more: only now may others be waited for.
            let taken_back = match self.queue.take_back(&self.bell) {
                Ok(taken_back) => taken_back,
                Err(cause) => {
                    self.stop = Some(Stop::Failed(cause));
                    return Step::Done;
                }
            };
            if taken_back {
                self.wait = None;
            } else if !self.queue.awaits() {
                return Step::Done;
            } else if let Some(wait) = self.wait_for_others(now) {
                return wait;
            }
        }
    }

    /// To wait for others; `None` where there is no point in waiting any more.
    fn wait_for_others(&mut self, now: Instant) -> Option<Step> {
        let limit = self.request.options.batch_timeout;
        if self.wait.is_none() {
            let Ok(waiting) = Waiting::begin(&self.request.nesting, self.queue.owners()) else {
                self.stop = Some(Stop::Failed(self.circular()));
                return None;
            };
            self.wait = Some(WaitForOthers { until: limit.and_then(|limit| now.checked_add(limit)), waiting });
        }
        let until = self.wait.as_ref().and_then(|wait| wait.until);
        if let Some(after) = limit.filter(|_| until.is_some_and(|until| until <= now)) {
            let given_up = self.give_up_awaited(after);
            self.stop_on(given_up);
            return None;
        }
        Some(Step::Wait(until))
    }

    fn circular(&mut self) -> Error {
        let table = self.request.table().name().to_string();
        match self.queue.take_awaited() {
            Ok(ids) => Error::CircularRequest { table, ids: ids.map_or_else(Vec::new, |ids| ids.row_ids()) },
            Err(cause) => cause,
        }
    }

    /// Ids that another request did not fetch in time have failed as a batch.
    fn give_up_awaited(&mut self, after: Duration) -> Result<()> {
        self.wait = None;
        let Some(ids) = self.queue.take_awaited()? else { return Ok(()) };
        self.last_batch += 1;
        let (table, batch) = (self.request.table().name(), self.last_batch);
        tracing::warn!(parent: &self.span, %table, batch, ids = ids.len(), ?after, "another request took too long");
        self.tell(&ProgressEvent::Failed { batch, ids: ids.len() });
        self.count(Count::Failures, 1);
        let cause = BatchError::WaitTimedOut { after };
        self.failures.push(BatchFailure { batch, ids: ids.row_ids(), attempts: 0, cause });
        Ok(())
    }

    /// Whether those who wait should ask again, where a fetch was just begun.
    pub(super) fn has_news(&self, now: Instant) -> bool {
        self.may_fetch() && self.queue.has_ready(now) || self.next_moment() != self.told
    }

    /// When there may be a new step though the bell did not ring.
    fn next_moment(&self) -> Option<Instant> {
        let fetch = [self.queue.next_moment(), self.paced].into_iter().flatten().min();
        [self.group.due(), fetch.filter(|_| self.may_fetch())].into_iter().flatten().min()
    }

    fn may_fetch(&self) -> bool {
        self.in_flight < self.concurrency() && !self.group.is_full()
    }

    fn next_fetch(&mut self, now: Instant) -> Result<Option<FetchJob>> {
        self.paced = None;
        if !self.may_fetch() || !self.queue.has_ready(now) {
            return Ok(None);
        }
        let shared = Arc::clone(&self.request.shared);
        if let Some(Err(next)) = shared.pace.as_ref().map(|pace| pace.reserve(now)) {
            self.paced = Some(next);
            return Ok(None);
        }
        let Some(batch) = self.next_batch(now)? else {
            shared.pace.iter().for_each(super::pace::Pace::give_back);
            return Ok(None);
        };
        let job = self.job(batch)?;
        self.in_flight += 1;
        self.count(Count::Batches, 1);
        Ok(Some(job))
    }

    fn job(&self, batch: Batch) -> Result<FetchJob> {
        let others = match self.request.fetch {
            Fetch::All => self.request.other_columns(&batch.ids, &batch.asked)?,
            Fetch::Needed | Fetch::Never => Vec::new(),
        };
        let asked = &self.request.wants.columns;
        let columns = (!others.is_empty()).then(|| asked.iter().cloned().chain(others).collect());
        let span = tracing::debug_span!(
            parent: &self.span, "batch",
            batch = batch.number, ids = batch.ids.len(), attempt = batch.attempt
        );
        let pins = self.request.wants.open_pins(&batch.asked);
        Ok(FetchJob { batch, request: Arc::clone(&self.request), columns, pins, span })
    }

    fn next_batch(&mut self, now: Instant) -> Result<Option<Batch>> {
        if let Some(batch) = self.queue.take_again(now) {
            return Ok(Some(batch));
        }
        let mut ids = self.to_fetch.none();
        let mut claims = Vec::new();
        let mut asked = Arc::clone(self.group.stored());
        let id = BatchId::new();
        while ids.len() < self.size
            && let Some(fresh) = self.queue.take_fresh(self.size - ids.len())?
        {
            let claiming = self.visit.claim(&fresh, id)?;
            self.queue.push_awaited(claiming.others);
            if let Some(claim) = claiming.mine {
                // What was claimed by others before is stored by now, and must not pass for a change while it is fetched.
                if !self.visit.is_alone() {
                    asked = self.request.table().snapshot()?;
                }
                ids = ids.joined(self.still_needed(&claim, &asked)?)?;
                claims.push(claim);
            }
        }
        if ids.is_empty() {
            return Ok(None);
        }
        self.last_batch += 1;
        Ok(Some(Batch::new(id, self.last_batch, ids, asked, claims)))
    }

    /// Those of the claimed ids that nobody has fetched since the request began.
    fn still_needed(&mut self, claim: &Claim, stored: &Snapshot) -> Result<IdSet> {
        let ids = claim.ids();
        if self.request.fetch == Fetch::All || self.visit.is_alone() {
            return Ok(ids.clone());
        }
        let lacking = self.request.lacking(ids, stored)?;
        let absent = self.visit.known_absent(&lacking)?;
        let needed = lacking.without(&absent)?;
        let shared = ids.len() - needed.len();
        self.found_stored |= lacking.len() < ids.len();
        add(&mut self.known_absent, absent)?;
        if shared > 0 {
            self.count(Count::Shared, shared);
            self.tell(&ProgressEvent::FetchedElsewhere { ids: shared });
        }
        Ok(needed)
    }

    /// Takes what came of a batch.
    pub(super) fn accept(&mut self, received: Received, now: Instant) {
        self.in_flight -= 1;
        let Received { batch, came } = received;
        let taken = match came {
            Came::Rows(brought) => self.take_in(&batch, brought),
            Came::Lacking(brought) => {
                self.take_lacking(&batch, brought);
                Ok(())
            }
            Came::Failed(cause) => self.take_failure(batch, cause, now),
        };
        self.stop_on(taken);
    }

    fn stop_on(&mut self, step: Result<()>) {
        if let Err(cause) = step {
            self.stop = Some(Stop::Failed(cause));
        }
    }

    /// What one batch lacks, the others would lack too.
    fn take_lacking(&mut self, batch: &Batch, brought: Presence) {
        self.tell(&ProgressEvent::Failed { batch: batch.number, ids: batch.ids.len() });
        self.lacking.get_or_insert(brought);
        self.queue = Queue::default();
    }

    fn take_in(&mut self, batch: &Batch, brought: Brought) -> Result<()> {
        let rows = brought.height();
        self.tell(&ProgressEvent::Fetched { batch: batch.number, ids: batch.ids.len(), rows });
        self.count(Count::FetchedRows, rows);
        self.count(Count::FetchedBytes, brought.bytes);
        self.splits.succeeded(batch);
        self.take_absent(batch.ids.without(&brought.ids_among(&batch.ids)?)?)?;
        self.reject(brought.rejected.clone());
        self.group.push(batch, brought)
    }

    fn reject(&mut self, rows: Vec<RejectedRow>) {
        if let Some(first) = rows.first() {
            let table = self.request.table().name();
            tracing::warn!(parent: &self.span, %table, rows = rows.len(), %first, "fetched rows do not fit");
        }
        self.rejected.extend(rows);
    }

    fn take_absent(&mut self, ids: IdSet) -> Result<()> {
        self.visit.found_absent(&ids);
        add(&mut self.found_absent, ids)
    }

    fn take_failure(&mut self, batch: Batch, cause: BatchError, now: Instant) -> Result<()> {
        let (number, ids) = (batch.number, batch.ids.len());
        let is_over = self.lacking.is_some();
        let delay =
            if batch.is_part || is_over { None } else { self.request.options.retry.delay(batch.attempt, &cause) };
        if let Some(delay) = delay {
            let cause = with_causes(&cause);
            tracing::debug!(parent: &self.span, batch = number, ?delay, %cause, "a batch will be asked again");
            self.tell(&ProgressEvent::Retrying { batch: number, ids, attempt: batch.attempt + 1, delay });
            self.count(Count::Retries, 1);
            self.queue.push_delayed(now + delay, batch.again());
        } else if self.request.options.isolates_failing_ids && !is_over && self.splits.may_split(&batch, &cause) {
            let cause = with_causes(&cause);
            tracing::debug!(parent: &self.span, batch = number, ids, %cause, "a batch is split");
            self.tell(&ProgressEvent::Split { batch: number, ids });
            self.queue.push_parts(batch.halves()?);
        } else {
            self.give_up(batch, cause)?;
        }
        Ok(())
    }

    /// A batch has failed for good, and with it its other parts, if no part of it came.
    fn give_up(&mut self, mut batch: Batch, cause: BatchError) -> Result<()> {
        if self.splits.is_hopeless(&batch) {
            for part in self.queue.take_parts(batch.number) {
                batch.ids = batch.ids.joined(part.ids)?;
            }
        }
        self.tell(&ProgressEvent::Failed { batch: batch.number, ids: batch.ids.len() });
        self.fail(batch.failure(cause));
        Ok(())
    }

    fn fail(&mut self, failure: BatchFailure) {
        let (table, cause) = (self.request.table().name(), with_causes(&failure.cause));
        let (batch, ids) = (failure.batch, failure.ids.len());
        tracing::warn!(parent: &self.span, %table, batch, ids, %cause, "a batch failed");
        self.count(Count::Failures, 1);
        self.failures.push(failure);
    }

    /// Takes what came of a commit.
    pub(super) fn committed(&mut self, committed: Committed, now: Instant) {
        let before = self.group.committed();
        match self.group.end(committed, now) {
            Ok((Refused { failures, rejected }, overtaken)) => {
                for failure in failures {
                    self.fail(failure);
                }
                self.reject(rejected);
                let again = overtaken.map_or(Ok(()), |ids| self.fetch_again(&ids));
                self.stop_on(again);
            }
            Err(cause) => self.stop = Some(Stop::Failed(cause)),
        }
        self.count(Count::CommittedRows, self.group.committed() - before);
    }

    /// Fetches rows again of which others have stored newer versions meanwhile.
    fn fetch_again(&mut self, ids: &IdSet) -> Result<()> {
        if self.lacking.is_some() {
            return Ok(());
        }
        let (again, too_often) = self.overtaken.count(ids)?;
        tracing::debug!(parent: &self.span, ids = again.len(), "rows changed while they were fetched: fetching again");
        self.queue.push_fresh(Arc::new(again));
        if !too_often.is_empty() {
            self.last_batch += 1;
            let attempts = overtaken::MOST + 1;
            let cause = BatchError::Overtaken { attempts };
            self.failures.push(BatchFailure { batch: self.last_batch, ids: too_often.row_ids(), attempts, cause });
            self.count(Count::Failures, 1);
        }
        Ok(())
    }

    /// Ends the request: a step panicked, and so does the request in the end.
    pub(super) fn panicked(&mut self, panic: Box<dyn Any + Send>) {
        self.stop = Some(Stop::Panicked(panic));
    }

    /// The commit of what came before the request was ended early.
    pub(super) fn rest(&mut self) -> Option<Commit> {
        self.group.rest()
    }

    /// The panic that ended the request.
    pub(super) fn take_panic(&mut self) -> Option<Box<dyn Any + Send>> {
        match self.stop.take()? {
            Stop::Panicked(panic) => Some(panic),
            failed @ Stop::Failed(_) => {
                self.stop = Some(failed);
                None
            }
        }
    }

    /// Says how the request ended, after its last step.
    ///
    /// # Errors
    ///
    /// [`Error::FetchFailed`], or a storage error.
    pub(super) fn close(mut self) -> Result<Ending> {
        if let Some(Stop::Failed(cause)) = self.stop.take() {
            // What came before is kept, and the first error tells more than one of this commit would.
            drop(self.rest().map(Commit::run));
            return Err(cause);
        }
        let (rows, failed) = (self.group.committed(), self.failures.len());
        self.tell(&ProgressEvent::Finished { rows, failed, elapsed: self.started.elapsed() });
        self.request.shared.absences.remember(self.request.table(), &self.found_absent);
        if !self.failures.is_empty() || !self.rejected.is_empty() {
            return Err(self.fetch_failed());
        }
        if let Some(brought) = self.lacking.take() {
            let (request, stored) = (Arc::clone(&self.request), Arc::clone(self.group.stored()));
            return Ok(Ending::Lacking { request, stored, brought });
        }
        let stored = self.last_state()?;
        let found = self.request.find(&stored)?;
        self.ending(stored, found)
    }

    /// The table with everything that was fetched for this request, by whomever.
    fn last_state(&self) -> Result<Arc<Snapshot>> {
        if self.found_stored { self.request.table().snapshot() } else { Ok(Arc::clone(self.group.stored())) }
    }

    fn ending(&self, stored: Arc<Snapshot>, found: Standing) -> Result<Ending> {
        let lacking = found.lacking_ids(&self.request.ids)?;
        if self.request.fetch == Fetch::Never && !lacking.is_empty() {
            let table = self.request.table().name().to_string();
            return Err(Error::NotCached { table, ids: lacking.row_ids() });
        }
        // All wanted ids were found, stored, or not in the database: what is not here now was changed since.
        let changed = lacking.without(&self.known_absent)?.without(&self.found_absent)?;
        let request = Arc::clone(&self.request);
        Ok(if changed.is_empty() {
            Ending::Found { request, stored, found, fetched: self.group.committed() }
        } else {
            Ending::Changed
        })
    }

    fn fetch_failed(mut self) -> Error {
        self.failures.sort_by(|left, right| (left.batch, &left.ids).cmp(&(right.batch, &right.ids)));
        self.rejected.sort_by(|left, right| left.id.cmp(&right.id));
        Error::FetchFailed {
            table: self.request.table().name().to_string(),
            failures: self.failures,
            rejected: self.rejected,
            stored: self.group.committed(),
        }
    }

    fn tell(&mut self, event: &ProgressEvent<'_>) {
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

fn look_up(request: &Request) -> Result<(Arc<Snapshot>, Standing)> {
    let stored = request.table().snapshot()?;
    let found = request.find(&stored)?;
    request.count(&found);
    Ok((stored, found))
}

fn known_absent(request: &Request, found: &Standing) -> Result<IdSet> {
    let (ids, absences) = (&request.ids, &request.shared.absences);
    if request.fetch != Fetch::Needed || !absences.remembers() || found.missing() == 0 {
        return Ok(ids.none());
    }
    absences.known(request.table(), &found.missing_ids(ids)?)
}
