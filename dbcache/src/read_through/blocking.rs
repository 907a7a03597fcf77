//! The driver of blocking requests, which works in the calling thread and in scoped threads beside it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};
use std::thread;
use std::time::Instant;

use super::commit_buffer::Commit;
use super::completion::{Completion, Purpose};
use super::request::Request;
use super::session::{Action, Session, Start};
use crate::error::Result;
use crate::fetch::BatchSource;
use crate::storage::Attempts;

/// Runs a request to completion.
///
/// # Errors
///
/// Returns [`Error::FetchFailed`](crate::Error::FetchFailed) if batches failed, else
/// [`Error::ColumnsNotFound`](crate::Error::ColumnsNotFound) if the fetcher did not return a column, or a storage
/// error. Rows that were fetched before the error are stored.
pub(super) fn run<P: Purpose>(request: &Arc<Request>, source: &dyn BatchSource) -> Result<P::Outcome> {
    let mut attempts = Attempts::default();
    loop {
        match run_once::<P>(request, source) {
            Ok(Some(outcome)) => return Ok(outcome),
            Ok(None) => attempts.after_change(request.table())?,
            Err(cause) => attempts.after_damage(request.table(), cause)?,
        }
    }
}

/// Runs a request once. Returns `None` if it has to start over.
fn run_once<P: Purpose>(request: &Arc<Request>, source: &dyn BatchSource) -> Result<Option<P::Outcome>> {
    let completion = fetch(request, source)?;
    let known = if completion.is_missing_columns() { source.table_columns(request.table().name()) } else { None };
    completion.outcome::<P>(known)
}

fn fetch(request: &Arc<Request>, source: &dyn BatchSource) -> Result<Completion> {
    let wakeup = Arc::<Wakeup>::default();
    let waker = Waker::from(Arc::clone(&wakeup));
    let mut session = match Session::begin(request, source.max_batch(), waker, Instant::now())? {
        Start::Completed(completion) => return Ok(completion),
        Start::Running(session) => *session,
    };
    let known = if session.has_unseen_columns() { source.table_columns(request.table().name()) } else { None };
    session.start(known)?;
    // One thread more than there are concurrent fetches, so that commits overlap with them.
    let helpers = if session.batches() > 1 { session.concurrency().min(session.batches()) } else { 0 };
    let span = session.span().clone();
    let driver = Driver { session: Mutex::new(session), wakeup, source };
    span.in_scope(|| driver.run(helpers));
    let mut session = driver.session.into_inner().unwrap_or_else(PoisonError::into_inner);
    match session.take_panic() {
        Some(panic) => {
            // Rows that were fetched before the panic are stored. If this commit fails, its error is dropped, because
            // the panic explains more.
            let _ = session.drain().map(Commit::run);
            resume_unwind(panic)
        }
        None => session.close(),
    }
}

/// A session whose actions several threads perform.
struct Driver<'s> {
    session: Mutex<Session>,
    wakeup: Arc<Wakeup>,
    source: &'s dyn BatchSource,
}

impl Driver<'_> {
    /// Performs all actions of the session, in this thread and in `helpers` others.
    fn run(&self, helpers: usize) {
        let subscriber = tracing::dispatcher::get_default(Clone::clone);
        thread::scope(|scope| {
            for _ in 0..helpers {
                let helper = || tracing::dispatcher::with_default(&subscriber, || self.perform_all());
                // If the thread cannot be started, the other threads do its work.
                let _ = thread::Builder::new().name("dbcache-fetch".to_owned()).spawn_scoped(scope, helper);
            }
            self.perform_all();
        });
    }

    /// Performs actions until none is left.
    fn perform_all(&self) {
        let mut chosen = self.choose_next();
        loop {
            // If a thread ended without reporting the outcome of its action, the others would wait for it forever.
            chosen = match catch_unwind(AssertUnwindSafe(|| self.perform(chosen))) {
                Ok(Some(next)) => next,
                Ok(None) => return,
                Err(panic) => {
                    self.on_panic(panic);
                    self.choose_next()
                }
            };
        }
    }

    /// Chooses the next action.
    fn choose_next(&self) -> Chosen {
        // Read before the action is chosen, so that no wakeup in between is lost.
        let wakeups = self.wakeup.count();
        Chosen { action: self.session().next(Instant::now()), wakeups }
    }

    /// Performs an action and chooses the next one. Returns `None` if there is none.
    fn perform(&self, Chosen { action, wakeups }: Chosen) -> Option<Chosen> {
        match action {
            Action::Fetch(job) => {
                let fetched = job.nesting().enter(|| job.span.in_scope(|| self.source.fetch(job.batch_request())));
                let outcome = job.validate(fetched);
                Some(self.complete(|session, now| session.on_fetched(outcome, now)))
            }
            Action::Commit(commit) => {
                let committed = commit.run();
                Some(self.complete(|session, now| session.on_committed(committed, now)))
            }
            Action::Wait(deadline) => {
                self.wakeup.wait(wakeups, deadline);
                Some(self.choose_next())
            }
            Action::Done => None,
        }
    }

    /// Reports the outcome of an action, and chooses the next one under the same lock. This thread then continues with
    /// the next batch while the fetcher's data is still in its processor's caches. Other threads are woken only if
    /// there is work for them.
    fn complete(&self, report: impl FnOnce(&mut Session, Instant)) -> Chosen {
        let (wakeups, now) = (self.wakeup.count(), Instant::now());
        let mut session = self.session();
        report(&mut session, now);
        let action = session.next(now);
        let wakes_others = !matches!(action, Action::Fetch(_)) || session.has_work_for_others(now);
        drop(session);
        if wakes_others {
            self.wakeup.notify();
        }
        Chosen { action, wakeups }
    }

    fn on_panic(&self, panic: Box<dyn Any + Send>) {
        self.session().on_panic(panic);
        self.wakeup.notify();
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An action, with the number of wakeups before it was chosen.
struct Chosen {
    action: Action,
    wakeups: u64,
}

/// Wakes the threads of a request. It counts the wakeups, so that a thread that is not waiting yet misses none.
#[derive(Debug, Default)]
struct Wakeup {
    count: Mutex<u64>,
    changed: Condvar,
}

impl Wakeup {
    fn count(&self) -> u64 {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn notify(&self) {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.changed.notify_all();
    }

    /// Waits until the number of wakeups differs from `seen`, or until the deadline.
    fn wait(&self, seen: u64, deadline: Option<Instant>) {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        while *count == seen {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            count = match left {
                None => self.changed.wait(count).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => return,
                Some(left) => self.changed.wait_timeout(count, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }
}

impl Wake for Wakeup {
    fn wake(self: Arc<Self>) {
        self.notify();
    }
}
