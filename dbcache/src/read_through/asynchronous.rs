//! The driver of async requests, which works on the caller's runtime.
//!
//! The fetches run where the request is polled. Everything that may block or take long runs on the library's own
//! threads: lookups, validation, commits and reads.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};
use std::time::Instant;

use futures_util::future::join_all;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tracing::Instrument;

use super::batch::FetchJob;
use super::commit_buffer::Commit;
use super::completion::{Completion, Purpose};
use super::request::Request;
use super::session::{Action, Session, Start};
use crate::error::{BatchError, Error, Result};
use crate::fetch::{AsyncBatchSource, Convert};
use crate::runtime::{off_runtime, spawn_detached};
use crate::storage::Attempts;

/// Runs a request to completion.
///
/// # Errors
///
/// Returns the errors of a blocking request.
pub(super) async fn run<P: Purpose>(request: &Arc<Request>, source: &dyn AsyncBatchSource) -> Result<P::Outcome> {
    let mut attempts = Attempts::default();
    loop {
        let ended = run_once::<P>(request, source).await;
        if let Ok(Some(outcome)) = ended {
            return Ok(outcome);
        }
        let request = Arc::clone(request);
        attempts = off_runtime(move || {
            match ended {
                Err(cause) => attempts.after_damage(request.table(), cause)?,
                Ok(_) => attempts.after_change(request.table())?,
            }
            Ok::<_, Error>(attempts)
        })
        .await?;
    }
}

/// Runs a request once. Returns `None` if it has to start over.
async fn run_once<P: Purpose>(request: &Arc<Request>, source: &dyn AsyncBatchSource) -> Result<Option<P::Outcome>> {
    let completion = fetch(request, source).await?;
    let known = if completion.is_missing_columns() { table_columns(request, source).await } else { None };
    off_runtime(move || completion.outcome::<P>(known)).await
}

async fn fetch(request: &Arc<Request>, source: &dyn AsyncBatchSource) -> Result<Completion> {
    let wakeup = Arc::<Wakeup>::default();
    let begun = {
        let (request, limit, wakeup) = (Arc::clone(request), source.max_batch(), Waker::from(Arc::clone(&wakeup)));
        off_runtime(move || Session::begin(&request, limit, wakeup, now())).await?
    };
    let mut session = match begun {
        Start::Completed(completion) => return Ok(completion),
        Start::Running(session) => session,
    };
    let known = if session.has_unseen_columns() { table_columns(request, source).await } else { None };
    let session = off_runtime(move || session.start(known).map(|()| *session)).await?;
    let span = session.span().clone();
    // One worker more than there are concurrent fetches, so that commits overlap with them.
    let workers = if session.batches() > 1 { session.concurrency().min(session.batches()) + 1 } else { 1 };
    let driver = Driver { session: SessionHandle::new(session), wakeup, source };
    join_all((0..workers).map(|_| driver.perform_all())).instrument(span).await;
    driver.session.close().await
}

/// Returns the columns of the table if the fetcher knows them and returns them within the time limit of a batch.
async fn table_columns(request: &Request, source: &dyn AsyncBatchSource) -> Option<Vec<String>> {
    let known = source.table_columns(request.table().name());
    match request.options.batch_timeout {
        None => known.await,
        Some(limit) => tokio::time::timeout(limit, known).await.ok().flatten(),
    }
}

/// A session that its request and its running actions share. Unless it was closed before, the last owner commits the
/// fetched rows when it drops the session.
struct SharedSession {
    session: Mutex<Option<Session>>,
    /// Never sends: the receiver learns from its drop that everything is committed.
    #[expect(dead_code, reason = "it is there to be dropped, after the session")]
    alive: Sender<Infallible>,
}

impl SharedSession {
    fn with<R>(&self, work: impl FnOnce(&mut Session) -> R) -> Option<R> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(work)
    }

    /// Performs the commits that are due, and returns the next other action. A commit owns its rows, and the request
    /// may be dropped at any await point, so it runs to its end here.
    fn next(&self, wakeup: &Wakeup, mut now: Instant) -> Option<Action> {
        loop {
            let committed = match self.with(|session| session.next(now))? {
                Action::Commit(commit) => commit.run(),
                action => return Some(action),
            };
            now += committed.took();
            self.with(|session| session.on_committed(committed, now))?;
            wakeup.0.notify_waiters();
        }
    }

    fn take(&self) -> Option<Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for SharedSession {
    fn drop(&mut self) {
        drop(self.with(Session::drain).flatten().map(Commit::run));
    }
}

/// The request's handle of its session.
struct SessionHandle {
    /// `None` after the session was closed.
    session: Option<Arc<SharedSession>>,
    committed: Option<Mutex<Receiver<Infallible>>>,
    runtime: Handle,
}

impl SessionHandle {
    fn new(session: Session) -> Self {
        let (alive, committed) = channel();
        let session = SharedSession { session: Mutex::new(Some(session)), alive };
        Self { session: Some(Arc::new(session)), committed: Some(Mutex::new(committed)), runtime: Handle::current() }
    }

    /// Calls `work` with the session on a thread that may block. Returns `None` after the session was closed.
    async fn with<R: Send + 'static>(&self, work: impl FnOnce(&SharedSession) -> R + Send + 'static) -> Option<R> {
        let session = Arc::clone(self.session.as_ref()?);
        Some(off_runtime(move || work(&session)).await)
    }

    /// Closes the session after its last action.
    async fn close(mut self) -> Result<Completion> {
        let closed = self.with(|session| session.take().map(Session::close)).await.flatten();
        self.session = None;
        closed.unwrap_or(Err(Error::Internal { invariant: "only the end of a request takes its session, once" }))
    }
}

impl Drop for SessionHandle {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            // Dropping a future must not block, and all of the runtime's blocking threads may be waiting for the ids of
            // this request. The commit therefore runs on a thread of the library.
            spawn_detached(move || drop(session));
            let committed = CommitBarrier(self.committed.take());
            drop(self.runtime.spawn_blocking(move || drop(committed)));
        }
    }
}

/// When dropped, waits until a cancelled request has committed the rows that it had fetched.
///
/// A runtime that shuts down waits for blocking work that has begun, and drops the rest. In both cases it does not end
/// before the rows are stored.
struct CommitBarrier(Option<Mutex<Receiver<Infallible>>>);

impl Drop for CommitBarrier {
    fn drop(&mut self) {
        if let Some(committed) = self.0.take() {
            // Returns an error as soon as the sender is dropped, which is the signal.
            let _ = committed.into_inner().unwrap_or_else(PoisonError::into_inner).recv();
        }
    }
}

/// A session whose actions several workers perform, all in the task of the request.
struct Driver<'s> {
    session: SessionHandle,
    wakeup: Arc<Wakeup>,
    source: &'s dyn AsyncBatchSource,
}

impl Driver<'_> {
    /// Performs actions until none is left.
    async fn perform_all(&self) {
        loop {
            // Registered before the action is chosen, so that no wakeup in between is lost.
            let mut notified = pin!(self.wakeup.0.notified());
            notified.as_mut().enable();
            let now = now();
            let wakeup = Arc::clone(&self.wakeup);
            match self.session.with(move |session| session.next(&wakeup, now)).await.flatten() {
                Some(Action::Fetch(job)) => self.fetch(*job).await,
                Some(Action::Wait(deadline)) => wait(notified, deadline).await,
                // `next` has already performed the commits.
                Some(Action::Commit(_) | Action::Done) | None => return,
            }
        }
    }

    /// Fetches a batch, and reports its outcome.
    async fn fetch(&self, job: FetchJob) {
        let fetched = self.call_fetcher(&job).await;
        let now = now();
        let report = move |session: &SharedSession| {
            let outcome = job.validate(fetched.and_then(|convert| convert()));
            session.with(|session| session.on_fetched(outcome, now))
        };
        self.session.with(report).await;
        self.wakeup.0.notify_waiters();
    }

    /// Calls the fetcher, within the time limit of a batch.
    async fn call_fetcher(&self, job: &FetchJob) -> Result<Convert, BatchError> {
        let fetched = job.nesting().instrument(self.source.fetch(job.batch_request())).instrument(job.span.clone());
        match job.request.options.batch_timeout {
            None => fetched.await,
            Some(after) => tokio::time::timeout(after, fetched).await.unwrap_or(Err(BatchError::TimedOut { after })),
        }
    }
}

async fn wait(notified: Pin<&mut Notified<'_>>, deadline: Option<Instant>) {
    match deadline {
        None => notified.await,
        // After a wakeup as after the deadline, the session is asked for its next action.
        Some(deadline) => drop(tokio::time::timeout_at(deadline.into(), notified).await),
    }
}

/// Returns the time of the runtime's clock, which tests may pause.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Wakes the workers of a request.
#[derive(Debug, Default)]
struct Wakeup(Notify);

impl Wake for Wakeup {
    fn wake(self: Arc<Self>) {
        self.0.notify_waiters();
    }
}
