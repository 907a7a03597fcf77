//! Carries out requests with async fetchers, on the runtime of the caller.
//!
//! What may block, or takes long, is done on threads of the library's own: looking up, checking what came, committing,
//! reading. The fetches run where the request is polled.

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
use super::ending::{Ending, Purpose};
use super::group::Commit;
use super::request::Request;
use super::session::{Begun, Session, Step};
use crate::error::{BatchError, Error, Result};
use crate::fetch::{AsyncBatchSource, Convert};
use crate::runtime::{leave_to_steps, off_runtime};
use crate::storage::Attempts;

/// Carries out a request.
///
/// # Errors
///
/// As a blocking one.
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

/// `None` where the request has to start over.
async fn run_once<P: Purpose>(request: &Arc<Request>, source: &dyn AsyncBatchSource) -> Result<Option<P::Outcome>> {
    let ending = fetch(request, source).await?;
    let known = if ending.lacks_columns() { known_columns(request, source).await } else { None };
    off_runtime(move || ending.outcome::<P>(known)).await
}

async fn fetch(request: &Arc<Request>, source: &dyn AsyncBatchSource) -> Result<Ending> {
    let bell = Arc::<Bell>::default();
    let begun = {
        let (request, limit, bell) = (Arc::clone(request), source.batch_limit(), Waker::from(Arc::clone(&bell)));
        off_runtime(move || Session::begin(&request, limit, bell, now())).await?
    };
    let mut session = match begun {
        Begun::Ended(ending) => return Ok(ending),
        Begun::Fetching(session) => session,
    };
    let known = if session.has_unseen_columns() { known_columns(request, source).await } else { None };
    let session = off_runtime(move || session.start(known).map(|()| *session)).await?;
    let span = session.span().clone();
    // One worker more than there are fetches at a time, so that commits go on beside them.
    let workers = if session.batches() > 1 { session.concurrency().min(session.batches()) + 1 } else { 1 };
    let work = Work { session: Shared::new(session), bell, source };
    join_all((0..workers).map(|_| work.do_steps())).instrument(span).await;
    work.session.close().await
}

/// The columns that the table has, where the fetcher can tell in the time that a batch may take.
async fn known_columns(request: &Request, source: &dyn AsyncBatchSource) -> Option<Vec<String>> {
    let known = source.known_columns(request.table().name());
    match request.options.batch_timeout {
        None => known.await,
        Some(limit) => tokio::time::timeout(limit, known).await.ok().flatten(),
    }
}

/// A session that its request and its steps hold. What has come is committed when the last of them lets go of it, unless
/// it was closed before.
struct Kept {
    session: Mutex<Option<Session>>,
    /// Nothing is sent: its end tells who listens that everything is committed.
    #[expect(dead_code, reason = "it is there to be dropped, after the session")]
    alive: Sender<Infallible>,
}

impl Kept {
    fn with<R>(&self, work: impl FnOnce(&mut Session) -> R) -> Option<R> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(work)
    }

    /// Does the commits that are due, and says what is to be done next. What a commit holds is in no other place, and the
    /// request may be dropped at any moment, so it is carried out here.
    fn next(&self, bell: &Bell, mut now: Instant) -> Option<Step> {
        loop {
            let committed = match self.with(|session| session.next(now))? {
                Step::Commit(commit) => commit.run(),
                step => return Some(step),
            };
            now += committed.took();
            self.with(|session| session.committed(committed, now))?;
            bell.0.notify_waiters();
        }
    }

    fn take(&self) -> Option<Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        drop(self.with(Session::rest).flatten().map(Commit::run));
    }
}

/// A request's hold on its session.
struct Shared {
    /// `None` once it was closed.
    session: Option<Arc<Kept>>,
    committed: Option<Mutex<Receiver<Infallible>>>,
    runtime: Handle,
}

impl Shared {
    fn new(session: Session) -> Self {
        let (alive, committed) = channel();
        let kept = Kept { session: Mutex::new(Some(session)), alive };
        Self { session: Some(Arc::new(kept)), committed: Some(Mutex::new(committed)), runtime: Handle::current() }
    }

    /// Works on the session where that may take its time; `None` once it was closed.
    async fn with<R: Send + 'static>(&self, work: impl FnOnce(&Kept) -> R + Send + 'static) -> Option<R> {
        let kept = Arc::clone(self.session.as_ref()?);
        Some(off_runtime(move || work(&kept)).await)
    }

    async fn close(mut self) -> Result<Ending> {
        let closed = self.with(|kept| kept.take().map(Session::close)).await.flatten();
        self.session = None;
        closed.unwrap_or(Err(Error::Internal { invariant: "only the end of a request takes its session, once" }))
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(kept) = self.session.take() {
            // Where futures are dropped nothing may take long, and the runtime's threads for blocking work may all wait
            // for the ids of this request.
            leave_to_steps(move || drop(kept));
            let committed = Committed(self.committed.take());
            drop(self.runtime.spawn_blocking(move || drop(committed)));
        }
    }
}

/// Waits when it is dropped until a cancelled request has committed what had come.
///
/// A runtime that shuts down waits for the blocking work that it has begun, and drops the rest. Either way it does not
/// end before the rows are stored.
struct Committed(Option<Mutex<Receiver<Infallible>>>);

impl Drop for Committed {
    fn drop(&mut self) {
        if let Some(committed) = self.0.take() {
            // It ends with an error, when the other side is gone.
            let _ = committed.into_inner().unwrap_or_else(PoisonError::into_inner).recv();
        }
    }
}

/// A session whose steps are carried out by several workers, all in the task of the request.
struct Work<'s> {
    session: Shared,
    bell: Arc<Bell>,
    source: &'s dyn AsyncBatchSource,
}

impl Work<'_> {
    async fn do_steps(&self) {
        loop {
            // Listens before the step is chosen, so that no ring is missed in between.
            let mut rung = pin!(self.bell.0.notified());
            rung.as_mut().enable();
            let now = now();
            let bell = Arc::clone(&self.bell);
            match self.session.with(move |kept| kept.next(&bell, now)).await.flatten() {
                Some(Step::Fetch(job)) => self.fetch(*job).await,
                Some(Step::Wait(until)) => wait(rung, until).await,
                // Commits are done by now.
                Some(Step::Commit(_) | Step::Done) | None => return,
            }
        }
    }

    async fn fetch(&self, job: FetchJob) {
        let fetched = self.ask(&job).await;
        let now = now();
        let accept = move |kept: &Kept| {
            let received = job.receive(fetched.and_then(|convert| convert()));
            kept.with(|session| session.accept(received, now))
        };
        self.session.with(accept).await;
        self.bell.0.notify_waiters();
    }

    async fn ask(&self, job: &FetchJob) -> Result<Convert, BatchError> {
        let fetched = job.nesting().instrument(self.source.fetch(job.asks())).instrument(job.span.clone());
        match job.request.options.batch_timeout {
            None => fetched.await,
            Some(after) => tokio::time::timeout(after, fetched).await.unwrap_or(Err(BatchError::TimedOut { after })),
        }
    }
}

async fn wait(rung: Pin<&mut Notified<'_>>, until: Option<Instant>) {
    match until {
        None => rung.await,
        // Whether the bell rang or the moment came, the session is asked what is next.
        Some(until) => drop(tokio::time::timeout_at(until.into(), rung).await),
    }
}

/// The time as the runtime tells it, which in tests may stand still.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Wakes the workers of a request.
#[derive(Debug, Default)]
struct Bell(Notify);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.notify_waiters();
    }
}
