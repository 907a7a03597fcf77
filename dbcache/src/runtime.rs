//! Threads of the library for work that would block the tasks of an async program.
//!
//! The runtime's own threads for blocking work are not used. A program may fill all of them with blocking requests that
//! wait for an async one. If the async request needed such a thread too, none of them would ever finish.
//!
//! There are two kinds of work. Neither waits for a thread that may be waiting for it:
//!
//! - Cache actions, such as lookups and commits, never wait for another request. They therefore finish, however few
//!   threads perform them.
//! - Calls of blocking fetchers may do anything, including waiting for other requests. Each therefore gets a thread
//!   immediately.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tracing::{Span, dispatcher};

use crate::nesting::Nesting;

/// Maximum number of threads for cache actions. It equals the default of tokio's blocking pool, because most of these
/// threads wait for the disk or for the write lock of a table.
const MAX_CACHE_THREADS: usize = 512;
/// How long an idle thread waits for work before it ends.
const IDLE: Duration = Duration::from_secs(10);

static CACHE_POOL: Pool = Pool::new(MAX_CACHE_THREADS);
static FETCH_POOL: Pool = Pool::new(usize::MAX);

/// Runs a cache action that blocks or takes long. It runs to completion even if the future is dropped.
pub(crate) async fn off_runtime<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> R {
    CACHE_POOL.run(work).await
}

/// Calls a blocking fetcher. The call runs to completion even if the future is dropped.
pub(crate) async fn fetch_off_runtime<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> R {
    FETCH_POOL.run(work).await
}

/// Runs a cache action in the background. Nothing reports when it has ended.
pub(crate) fn spawn_detached(work: impl FnOnce() + Send + 'static) {
    // A panic must not end the pool's thread.
    CACHE_POOL.push(Box::new(|| drop(catch_unwind(AssertUnwindSafe(work)))));
}

type Job = Box<dyn FnOnce() + Send>;

/// A pool that starts threads when there is work for them, and ends them when they are idle.
struct Pool {
    max_threads: usize,
    state: Mutex<State>,
    work: Condvar,
}

struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

impl Pool {
    const fn new(max_threads: usize) -> Self {
        Self {
            max_threads,
            state: Mutex::new(State { jobs: VecDeque::new(), threads: 0, idle: 0 }),
            work: Condvar::new(),
        }
    }

    async fn run<R: Send + 'static>(&'static self, work: impl FnOnce() -> R + Send + 'static) -> R {
        let (span, subscriber) = (Span::current(), dispatcher::get_default(Clone::clone));
        let nesting = Nesting::current();
        let work = move || dispatcher::with_default(&subscriber, || nesting.enter(|| span.in_scope(work)));
        let (done, result) = oneshot::channel::<Result<R, Box<dyn Any + Send>>>();
        // If the future was dropped, the result is too.
        self.push(Box::new(move || drop(done.send(catch_unwind(AssertUnwindSafe(work))))));
        match result.await {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => resume_unwind(panic),
            // Every job sends its result, and no job is dropped before it runs unless the process ends.
            Err(_) => std::future::pending().await,
        }
    }

    fn push(&'static self, job: Job) {
        let mut state = self.state();
        state.jobs.push_back(job);
        if state.jobs.len() <= state.idle || state.threads >= self.max_threads {
            self.work.notify_one();
            return;
        }
        state.threads += 1;
        drop(state);
        if thread::Builder::new().name("dbcache".to_owned()).spawn(|| self.work()).is_err() {
            self.run_without_new_thread();
        }
    }

    /// Copes with a thread that could not be started: the existing threads do the work or, if there are none, the
    /// calling one.
    fn run_without_new_thread(&self) {
        let mut state = self.state();
        state.threads -= 1;
        let left = if state.threads == 0 { state.jobs.pop_front() } else { None };
        drop(state);
        if let Some(job) = left {
            job();
        }
    }

    fn work(&self) {
        let mut state = self.state();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                drop(state);
                job();
                state = self.state();
                continue;
            }
            state.idle += 1;
            let (woken, waited) = self.work.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            if waited.timed_out() && state.jobs.is_empty() {
                state.threads -= 1;
                return;
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
