//! Work of the blocking driver, on a thread of its own and within its time.
//!
//! Each connection of the driver waits on a runtime of its own. On a thread of another runtime that is a panic, even
//! when a connection is merely dropped. And it waits for as long as the server takes.

use std::io;
use std::panic::resume_unwind;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tracing::dispatcher;

use super::PostgresError;

/// How long work may take, and since when.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeLimit {
    begun: Instant,
    after: Duration,
}

impl TimeLimit {
    pub(super) fn from_now(after: Duration) -> Self {
        Self { begun: Instant::now(), after }
    }

    pub(super) fn left(self) -> Duration {
        self.after.saturating_sub(self.begun.elapsed())
    }

    pub(super) fn error(self) -> PostgresError {
        PostgresError::TimedOut { after: self.after }
    }
}

/// Does work on a new thread and waits for it as long as the limit says. The thread goes on then until the work is
/// done.
///
/// # Errors
///
/// [`PostgresError::TimedOut`], or [`PostgresError::Connection`] where the system has no thread to give.
pub(super) fn on_own_thread<R: Send + 'static>(
    limit: Option<TimeLimit>,
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<R, PostgresError> {
    let subscriber = dispatcher::get_default(Clone::clone);
    // Nothing is ever sent: the channel closes when the work ends, be it by a panic.
    let (running, ended) = mpsc::channel::<()>();
    let work = move || {
        let _running = running;
        dispatcher::with_default(&subscriber, work)
    };
    let thread = spawn(work).map_err(|cause| PostgresError::Connection(Box::new(cause)))?;
    if let Some(limit) = limit
        && ended.recv_timeout(limit.left()) == Err(RecvTimeoutError::Timeout)
    {
        return Err(limit.error());
    }
    thread.join().or_else(|panic| resume_unwind(panic))
}

/// Begins work on a new thread.
pub(super) fn spawn<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> io::Result<JoinHandle<R>> {
    thread::Builder::new().name("dbcache-postgres".to_owned()).spawn(work)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_within_its_time_gives_its_result() {
        for limit in [None, Some(TimeLimit::from_now(Duration::MAX))] {
            assert_eq!(on_own_thread(limit, || 7).expect("a result"), 7);
        }
    }

    #[test]
    fn work_beyond_its_time_is_left_alone() {
        let (end, ended) = mpsc::channel::<()>();
        let limit = TimeLimit::from_now(Duration::ZERO);
        let left = on_own_thread(Some(limit), move || ended.recv());
        assert!(matches!(left, Err(PostgresError::TimedOut { after: Duration::ZERO })));
        drop(end);
    }

    #[test]
    #[should_panic(expected = "as it may happen")]
    fn a_panic_goes_on_where_the_work_is_waited_for() {
        let _ = on_own_thread(None, || panic!("as it may happen"));
    }
}
