//! Meeting points for tests of concurrency: a wait that would last for ever fails the test instead.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Long enough for any machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A number that threads raise, and wait for.
#[derive(Debug, Default)]
pub struct Gate {
    count: Mutex<usize>,
    changed: Condvar,
}

impl Gate {
    /// Raises the number by one, and returns it.
    pub fn pass(&self) -> usize {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        *count += 1;
        self.changed.notify_all();
        *count
    }

    /// How often the gate was passed.
    pub fn passed(&self) -> usize {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the gate was passed so often.
    ///
    /// # Panics
    ///
    /// When that takes too long.
    pub fn wait_for(&self, count: usize) {
        let now = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let (_count, outcome) =
            self.changed.wait_timeout_while(now, PATIENCE, |now| *now < count).unwrap_or_else(PoisonError::into_inner);
        assert!(!outcome.timed_out(), "nobody came");
    }
}

/// Does work in a thread of its own, so that work which never ends fails the test.
///
/// # Panics
///
/// When the work panics, or takes too long.
pub fn in_time<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> R {
    let (done, result) = std::sync::mpsc::channel();
    let worker = std::thread::spawn(move || {
        // Nobody listens if it took too long.
        let _ = done.send(work());
    });
    match result.recv_timeout(PATIENCE) {
        Ok(result) => result,
        Err(std::sync::mpsc::RecvTimeoutError::Timeout) => panic!("the work never ended"),
        Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => {
            std::panic::resume_unwind(worker.join().err().unwrap_or_else(|| Box::new("the work gave no result")))
        }
    }
}

/// Waits until something is so that nobody tells of.
///
/// # Panics
///
/// When that takes too long.
pub fn until(is_so: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "it never became so");
        std::thread::yield_now();
    }
}
