//! Work that must not hold up the tasks of an async program, on threads of the library's own.
//!
//! They are not the runtime's threads for blocking work, because a program may fill those with blocking requests that
//! wait for an async one. If that one needed such a thread in its turn, nobody would ever finish.
//!
//! There are two kinds of work, and neither waits for a thread that may wait for it:
//! - Steps of the cache never wait for another request, so they finish, however few threads do them.
//! - Calls of fetchers may do anything, and so also wait for other requests. Each has a thread at once.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tracing::{Span, dispatcher};

use crate::nesting::Nesting;

/// Maximum number of threads for steps of the cache: as many as tokio has for blocking work. Most of them wait for the
/// disk, or for the turn to write a table.
const MOST_STEPS: usize = 512;
/// How long a thread waits for more work before it ends.
const IDLE: Duration = Duration::from_secs(10);

static STEPS: Pool = Pool::new(MOST_STEPS);
static FETCHES: Pool = Pool::new(usize::MAX);

/// Does a step of the cache that blocks or takes long. It ends, even if the future is dropped before.
pub(crate) async fn off_runtime<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> R {
    STEPS.carry_out(work).await
}

/// Calls a blocking fetcher. The call ends, even if the future is dropped before.
pub(crate) async fn fetch_off_runtime<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> R {
    FETCHES.carry_out(work).await
}

/// Does a step of the cache without telling anybody when it is done.
pub(crate) fn leave_to_steps(work: impl FnOnce() + Send + 'static) {
    // A thread of the pool outlives whatever it does.
    STEPS.push(Box::new(|| drop(catch_unwind(AssertUnwindSafe(work)))));
}

type Job = Box<dyn FnOnce() + Send>;

/// Threads that begin when there is work for them, and end when there is none for a while.
struct Pool {
    most: usize,
    state: Mutex<State>,
    work: Condvar,
}

struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

impl Pool {
    const fn new(most: usize) -> Self {
        Self { most, state: Mutex::new(State { jobs: VecDeque::new(), threads: 0, idle: 0 }), work: Condvar::new() }
    }

    async fn carry_out<R: Send + 'static>(&'static self, work: impl FnOnce() -> R + Send + 'static) -> R {
        let (span, subscriber) = (Span::current(), dispatcher::get_default(Clone::clone));
        let nesting = Nesting::current();
        let work = move || dispatcher::with_default(&subscriber, || nesting.enter(|| span.in_scope(work)));
        let (done, result) = oneshot::channel::<Result<R, Box<dyn Any + Send>>>();
        // A result that nobody waits for any more is dropped.
        self.push(Box::new(move || drop(done.send(catch_unwind(AssertUnwindSafe(work))))));
        match result.await {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => resume_unwind(panic),
            // Every job sends its result, and none is dropped undone before the process ends.
            Err(_) => std::future::pending().await,
        }
    }

    fn push(&'static self, job: Job) {
        let mut state = self.state();
        state.jobs.push_back(job);
        if state.jobs.len() <= state.idle || state.threads >= self.most {
            self.work.notify_one();
            return;
        }
        state.threads += 1;
        drop(state);
        if thread::Builder::new().name("dbcache".to_owned()).spawn(|| self.work()).is_err() {
            self.without_another_thread();
        }
    }

    /// The system gives no more threads: those that there are do the work, or else this one.
    fn without_another_thread(&self) {
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
