//! Locking of mutexes whose contents stay consistent if a panic occurs.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex, whether or not it is poisoned. A panic cannot have left its contents inconsistent, because each
/// change is one assignment or one call of a collection's method.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
