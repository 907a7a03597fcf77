//! Carries out requests with async fetchers, on the runtime of the caller.
//!
//! What may block, or takes long, is done on the runtime's threads for blocking work: looking up, checking what came,
//! committing, reading. The fetches run where the request is polled.

use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};
use std::time::Instant;

use futures_util::future::join_all;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tracing::Instrument;

use super::batch::FetchJob;
use super::ending::{Ending, Purpose, is_mended};
use super::group::Commit;
use super::request::Request;
use super::session::{Begun, Session, Step};
use crate::error::{BatchError, Result};
use crate::fetch::{AsyncBatchSource, Convert};
use crate::runtime::off_runtime;

/// Carries out a request.
///
/// # Errors
///
/// As a blocking one.
pub(super) async fn run<P: Purpose>(request: &Arc<Request>, source: &dyn AsyncBatchSource) -> Result<P::Outcome> {
    loop {
        match run_once::<P>(request, source).await {
            Ok(Some(outcome)) => return Ok(outcome),
            Ok(None) => {}
            Err(cause) => {
                let request = Arc::clone(request);
                off_runtime(move || is_mended(&request, cause)).await?;
            }
        }
    }
}

/// `None` where the request has to start over.
async fn run_once<P: Purpose>(request: &Arc<Request>, source: &dyn AsyncBatchSource) -> Result<Option<P::Outcome>> {
    let ending = fetch(request, source).await?;
    let known = if ending.lacks_columns() { source.known_columns(request.table().name()).await } else { None };
    off_runtime(move || ending.outcome::<P>(known)).await
}

async fn fetch(request: &Arc<Request>, source: &dyn AsyncBatchSource) -> Result<Ending> {
    let bell = Arc::<Bell>::default();
    let begun = {
        let (request, limit, bell) = (Arc::clone(request), source.batch_limit(), Waker::from(Arc::clone(&bell)));
        off_runtime(move || Session::begin(&request, limit, bell, now())).await?
    };
    let session = match begun {
        Begun::Ended(ending) => return Ok(ending),
        Begun::Fetching(session) => *session,
    };
    let span = session.span().clone();
    // One worker more than there are fetches at a time, so that commits go on beside them.
    let workers = if session.batches() > 1 { session.concurrency().min(session.batches()) + 1 } else { 1 };
    let work = Work { session: Shared::new(session), bell, source };
    join_all((0..workers).map(|_| work.do_steps())).instrument(span).await;
    work.session.close().await
}

/// A session that is dropped with what came committed, if it is dropped before it was closed.
struct Shared {
    session: Option<Arc<Mutex<Session>>>,
    runtime: Handle,
}

impl Shared {
    fn new(session: Session) -> Self {
        Self { session: Some(Arc::new(Mutex::new(session))), runtime: Handle::current() }
    }

    /// Works on the session where that may take its time.
    async fn with<R: Send + 'static>(&self, work: impl FnOnce(&Mutex<Session>) -> R + Send + 'static) -> Option<R> {
        let session = Arc::clone(self.session.as_ref()?);
        Some(off_runtime(move || work(&session)).await)
    }

    async fn close(mut self) -> Result<Ending> {
        let session = self.session.take().and_then(Arc::into_inner);
        match session {
            Some(session) => off_runtime(|| session.into_inner().unwrap_or_else(PoisonError::into_inner).close()).await,
            // The workers have ended, and each has let go of the session before.
            None => Ok(Ending::Vanished),
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            let commit_rest = move || drop(locked(&session).rest().map(Commit::run));
            drop(self.runtime.spawn_blocking(commit_rest));
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
            match self.session.with(move |session| locked(session).next(now)).await {
                Some(Step::Fetch(job)) => self.fetch(*job).await,
                Some(Step::Commit(commit)) => self.commit(commit).await,
                Some(Step::Wait(until)) => wait(rung, until).await,
                Some(Step::Done) | None => return,
            }
        }
    }

    async fn fetch(&self, job: FetchJob) {
        let fetched = self.ask(&job).await;
        let now = now();
        let accept = move |session: &Mutex<Session>| {
            let received = job.receive(fetched.and_then(|convert| convert()));
            locked(session).accept(received, now);
        };
        self.session.with(accept).await;
        self.bell.0.notify_waiters();
    }

    async fn ask(&self, job: &FetchJob) -> Result<Convert, BatchError> {
        let fetched = self.source.fetch(job.asks()).instrument(job.span.clone());
        match job.request.options.batch_timeout {
            None => fetched.await,
            Some(after) => tokio::time::timeout(after, fetched).await.unwrap_or(Err(BatchError::TimedOut { after })),
        }
    }

    async fn commit(&self, commit: Commit) {
        let began = now();
        let run = move |session: &Mutex<Session>| {
            let committed = commit.run();
            let now = began + committed.took();
            locked(session).committed(committed, now);
        };
        self.session.with(run).await;
        self.bell.0.notify_waiters();
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

fn locked(session: &Mutex<Session>) -> MutexGuard<'_, Session> {
    session.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Wakes the workers of a request.
#[derive(Debug, Default)]
struct Bell(Notify);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.notify_waiters();
    }
}
