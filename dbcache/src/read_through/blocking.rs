//! Carries out requests with blocking fetchers, in the calling thread and some beside it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};
use std::thread;
use std::time::Instant;

use super::ending::{Ending, Purpose};
use super::group::Commit;
use super::request::Request;
use super::session::{Begun, Session, Step};
use crate::error::Result;
use crate::fetch::BatchSource;
use crate::storage::Attempts;

/// Carries out a request.
///
/// # Errors
///
/// [`Error::FetchFailed`](crate::Error::FetchFailed), else [`Error::ColumnsNotFound`](crate::Error::ColumnsNotFound),
/// or a storage error; what was fetched before is stored.
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

/// `None` where the request has to start over.
fn run_once<P: Purpose>(request: &Arc<Request>, source: &dyn BatchSource) -> Result<Option<P::Outcome>> {
    let ending = fetch(request, source)?;
    let known = if ending.lacks_columns() { source.known_columns(request.table().name()) } else { None };
    ending.outcome::<P>(known)
}

fn fetch(request: &Arc<Request>, source: &dyn BatchSource) -> Result<Ending> {
    let bell = Arc::<Bell>::default();
    let waker = Waker::from(Arc::clone(&bell));
    let mut session = match Session::begin(request, source.batch_limit(), waker, Instant::now())? {
        Begun::Ended(ending) => return Ok(ending),
        Begun::Fetching(session) => *session,
    };
    let known = if session.has_unseen_columns() { source.known_columns(request.table().name()) } else { None };
    session.start(known)?;
    // One thread more than there are fetches at a time, so that commits go on beside them.
    let helpers = if session.batches() > 1 { session.concurrency().min(session.batches()) } else { 0 };
    let span = session.span().clone();
    let work = Work { session: Mutex::new(session), bell, source };
    span.in_scope(|| work.carry_out(helpers));
    let mut session = work.session.into_inner().unwrap_or_else(PoisonError::into_inner);
    match session.take_panic() {
        Some(panic) => {
            // What came before the panic is kept, and the panic tells more than an error of this commit would.
            let _ = session.rest().map(Commit::run);
            resume_unwind(panic)
        }
        None => session.close(),
    }
}

/// A session whose steps are carried out by several threads.
struct Work<'s> {
    session: Mutex<Session>,
    bell: Arc<Bell>,
    source: &'s dyn BatchSource,
}

impl Work<'_> {
    fn carry_out(&self, helpers: usize) {
        let subscriber = tracing::dispatcher::get_default(Clone::clone);
        thread::scope(|scope| {
            for _ in 0..helpers {
                let helper = || tracing::dispatcher::with_default(&subscriber, || self.do_steps());
                // Without this thread, the others do its share.
                let _ = thread::Builder::new().name("dbcache-fetch".to_owned()).spawn_scoped(scope, helper);
            }
            self.do_steps();
        });
    }

    fn do_steps(&self) {
        let mut chosen = self.choose();
        loop {
            // A thread that died with its step undone would leave the others waiting for it.
            chosen = match catch_unwind(AssertUnwindSafe(|| self.do_step(chosen))) {
                Ok(Some(next)) => next,
                Ok(None) => return,
                Err(panic) => {
                    self.panicked(panic);
                    self.choose()
                }
            };
        }
    }

    fn choose(&self) -> Chosen {
        // Before the step is chosen, so that no ring is missed in between.
        let rings = self.bell.rings();
        Chosen { step: self.session().next(Instant::now()), rings }
    }

    /// Does a step, and chooses the next one; `None` where none is left.
    fn do_step(&self, Chosen { step, rings }: Chosen) -> Option<Chosen> {
        match step {
            Step::Fetch(job) => {
                let fetched = job.nesting().enter(|| job.span.in_scope(|| self.source.fetch(job.asks())));
                let received = job.receive(fetched);
                Some(self.complete(|session, now| session.accept(received, now)))
            }
            Step::Commit(commit) => {
                let committed = commit.run();
                Some(self.complete(|session, now| session.committed(committed, now)))
            }
            Step::Wait(until) => {
                self.bell.wait(rings, until);
                Some(self.choose())
            }
            Step::Done => None,
        }
    }

    /// Takes in what came of a step, and chooses the next one before another thread can: what a fetcher works with is in
    /// the caches of the processor that it ran on. The others are woken only if there is something for them.
    fn complete(&self, take_in: impl FnOnce(&mut Session, Instant)) -> Chosen {
        let (rings, now) = (self.bell.rings(), Instant::now());
        let mut session = self.session();
        take_in(&mut session, now);
        let step = session.next(now);
        let is_for_all = !matches!(step, Step::Fetch(_)) || session.has_news(now);
        drop(session);
        if is_for_all {
            self.bell.ring();
        }
        Chosen { step, rings }
    }

    fn panicked(&self, panic: Box<dyn Any + Send>) {
        self.session().panicked(panic);
        self.bell.ring();
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A step, and how often the bell had rung before it was chosen.
struct Chosen {
    step: Step,
    rings: u64,
}

/// Wakes the threads of a request. It counts its rings, so that a thread that looks away misses none.
#[derive(Debug, Default)]
struct Bell {
    rings: Mutex<u64>,
    rung: Condvar,
}

impl Bell {
    fn rings(&self) -> u64 {
        *self.rings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self) {
        *self.rings.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.rung.notify_all();
    }

    /// Waits until the bell has rung more often than that, or until the moment has come.
    fn wait(&self, rings: u64, until: Option<Instant>) {
        let mut now = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        while *now == rings {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            now = match left {
                None => self.rung.wait(now).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => return,
                Some(left) => self.rung.wait_timeout(now, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }
}
