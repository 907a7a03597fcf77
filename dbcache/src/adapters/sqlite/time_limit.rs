//! Time limits of batches, at which SQLite ends its own work.

use std::os::raw::c_int;

use rusqlite::{Connection, ErrorCode};

use super::SqliteError;
use crate::adapters::time_limit::TimeLimit;
use crate::error::{BatchError, BoxError};

/// Steps of SQLite's virtual machine between two looks at the clock: well below a millisecond of work.
const STEPS: c_int = 1000;

/// Does work with a connection, whose queries SQLite ends when the time is up.
pub(super) fn keep<R>(
    limit: TimeLimit,
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<R, BoxError>,
) -> Result<R, BoxError> {
    let limited = Limited::new(connection, limit).map_err(|cause| SqliteError::Connection(Box::new(cause)))?;
    let done = work(limited.0);
    match done {
        Err(cause) if is_interrupted(&*cause) && limit.is_over() => Err(timed_out(limit).into()),
        done => done,
    }
}

pub(super) fn timed_out(limit: TimeLimit) -> BatchError {
    BatchError::TimedOut { after: limit.after() }
}

/// A connection under a time limit, which ends with this value, also if the work panics.
struct Limited<'c>(&'c Connection);

impl<'c> Limited<'c> {
    fn new(connection: &'c Connection, limit: TimeLimit) -> rusqlite::Result<Self> {
        connection.progress_handler(STEPS, Some(move || limit.is_over()))?;
        Ok(Self(connection))
    }
}

impl Drop for Limited<'_> {
    fn drop(&mut self) {
        // It fails only for connections that rusqlite does not own, and those take no handler either.
        let _ = self.0.progress_handler(0, None::<fn() -> bool>);
    }
}

fn is_interrupted(cause: &(dyn std::error::Error + 'static)) -> bool {
    match cause.downcast_ref::<rusqlite::Error>() {
        Some(cause) => cause.sqlite_error_code() == Some(ErrorCode::OperationInterrupted),
        None => cause.source().is_some_and(is_interrupted),
    }
}
