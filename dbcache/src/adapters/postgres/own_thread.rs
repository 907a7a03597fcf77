//! Work of the blocking driver, on a thread of its own and within its time.
//!
//! Each connection of the driver waits on a runtime of its own. On a thread of another runtime that is a panic, even
//! when a connection is merely dropped. And it waits for as long as the server takes.

use std::io;
use std::panic::resume_unwind;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};

use tracing::dispatcher;

use super::PostgresError;
use crate::adapters::time_limit::TimeLimit;

/// How many threads may wait for a server at the same time although nobody waits for them.
const MOST_LEFT: usize = 256;

pub(super) fn timed_out(limit: TimeLimit) -> PostgresError {
    PostgresError::TimedOut { after: limit.after() }
}

/// Threads for work, of which some may still be at it although nobody waits for them any more.
#[derive(Debug, Default)]
pub(super) struct Threads {
    /// One for each thread that was left alone, which dies with it.
    left: Mutex<Vec<Weak<()>>>,
}

impl Threads {
    /// Does work on a new thread and waits for it as long as the limit says. The thread goes on then until the work is
    /// done.
    ///
    /// # Errors
    ///
    /// [`PostgresError::TimedOut`], or [`PostgresError::Connection`] where the system has no thread to give, or too many
    /// were left alone before.
    pub(super) fn run<R: Send + 'static>(
        &self,
        limit: Option<TimeLimit>,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, PostgresError> {
        self.check()?;
        let subscriber = dispatcher::get_default(Clone::clone);
        // Nothing is ever sent: the channel closes when the work ends, be it by a panic.
        let (running, ended) = mpsc::channel::<()>();
        let alive = Arc::new(());
        let is_alive = Arc::downgrade(&alive);
        let work = move || {
            let _ends_with_the_work = (running, alive);
            dispatcher::with_default(&subscriber, work)
        };
        let thread = spawn(work).map_err(|cause| PostgresError::Connection(Box::new(cause)))?;
        if let Some(limit) = limit
            && ended.recv_timeout(limit.left()) == Err(RecvTimeoutError::Timeout)
        {
            self.left().push(is_alive);
            return Err(timed_out(limit));
        }
        thread.join().or_else(|panic| resume_unwind(panic))
    }

    /// A server that is gone must not fill the program with threads.
    fn check(&self) -> Result<(), PostgresError> {
        let mut left = self.left();
        left.retain(|thread| thread.strong_count() > 0);
        if left.len() < MOST_LEFT {
            return Ok(());
        }
        let cause = format!("it has not answered {MOST_LEFT} earlier batches yet");
        Err(PostgresError::Connection(cause.into()))
    }

    fn left(&self) -> MutexGuard<'_, Vec<Weak<()>>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins work on a new thread.
pub(super) fn spawn<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> io::Result<JoinHandle<R>> {
    thread::Builder::new().name("dbcache-postgres".to_owned()).spawn(work)
}

#[cfg(test)]
mod tests {
    use std::sync::RwLock;
    use std::time::Duration;

    use super::*;

    #[test]
    fn work_within_its_time_gives_its_result() {
        for limit in [None, Some(TimeLimit::from_now(Duration::MAX))] {
            assert_eq!(Threads::default().run(limit, || 7).expect("a result"), 7);
        }
    }

    #[test]
    fn work_beyond_its_time_is_left_alone_up_to_a_number_of_threads() {
        let (threads, gate) = (Threads::default(), Arc::new(RwLock::new(())));
        let closed = gate.write().expect("a gate");
        for _ in 0..MOST_LEFT {
            let gate = Arc::clone(&gate);
            let left = threads.run(Some(TimeLimit::from_now(Duration::ZERO)), move || drop(gate.read()));
            assert!(matches!(left, Err(PostgresError::TimedOut { after: Duration::ZERO })));
        }
        assert!(matches!(threads.run(None, || ()), Err(PostgresError::Connection(_))));
        drop(closed);
        // Each thread lets go of the gate before it ends.
        while Arc::strong_count(&gate) > 1 || threads.check().is_err() {
            thread::yield_now();
        }
        assert_eq!(threads.run(None, || 7).expect("a result"), 7);
    }

    #[test]
    #[should_panic(expected = "as it may happen")]
    fn a_panic_goes_on_where_the_work_is_waited_for() {
        let _ = Threads::default().run(None, || panic!("as it may happen"));
    }
}
