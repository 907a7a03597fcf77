//! Connections to one database, as many as fetch at the same time.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::connection;
use super::time_limit::timed_out;
use crate::adapters::time_limit::TimeLimit;
use crate::error::BoxError;

/// Connections that are lent out, one at a time to whoever asks. They are opened when they are needed, and kept.
#[derive(Debug)]
pub(super) struct Pool {
    /// Where further connections lead; `None` where the first sees what no other one would.
    file: Option<PathBuf>,
    idle: Mutex<Vec<Connection>>,
    given_back: Condvar,
}

impl Pool {
    /// One connection, for which all wait in turn.
    pub(super) fn of_one(connection: Connection) -> Self {
        Self { file: None, idle: Mutex::new(vec![connection]), given_back: Condvar::new() }
    }

    /// Connections to a file, which are for reading only.
    pub(super) fn of_file(path: &Path) -> rusqlite::Result<Self> {
        let first = connection::open_for_reading(path)?;
        Ok(Self { file: reopenable(&first, path), ..Self::of_one(first) })
    }

    /// Works with a connection that nobody else uses meanwhile. A panic leaves it as usable as it was.
    pub(super) fn with<R>(&self, work: impl FnOnce(&Connection) -> R) -> R {
        let connection = self.take().unwrap_or_else(|| self.wait());
        self.lend(connection, work)
    }

    /// Works with a connection that is there before the time is up.
    pub(super) fn within<R>(
        &self,
        limit: TimeLimit,
        work: impl FnOnce(&Connection) -> Result<R, BoxError>,
    ) -> Result<R, BoxError> {
        match self.take().or_else(|| self.wait_until(limit)) {
            Some(connection) => self.lend(connection, work),
            None => Err(timed_out(limit).into()),
        }
    }

    fn lend<R>(&self, connection: Connection, work: impl FnOnce(&Connection) -> R) -> R {
        let done = catch_unwind(AssertUnwindSafe(|| work(&connection)));
        self.idle().push(connection);
        self.given_back.notify_one();
        done.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// An idle connection, or a new one if there is none; `None` if that cannot be opened.
    fn take(&self) -> Option<Connection> {
        let idle = self.idle().pop();
        idle.or_else(|| self.open())
    }

    fn open(&self) -> Option<Connection> {
        let opened = connection::open_for_reading(self.file.as_deref()?);
        if let Err(cause) = &opened {
            tracing::debug!(%cause, "no further connection to an SQLite database could be opened");
        }
        opened.ok()
    }

    /// One is always there or lent out, so that one comes.
    fn wait(&self) -> Connection {
        let mut idle = self.idle();
        loop {
            match idle.pop() {
                Some(connection) => return connection,
                None => idle = self.given_back.wait(idle).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// The next connection that is given back before the time is up.
    fn wait_until(&self, limit: TimeLimit) -> Option<Connection> {
        let none_idle = |idle: &mut Vec<Connection>| idle.is_empty();
        let waited = self.given_back.wait_timeout_while(self.idle(), limit.left(), none_idle);
        waited.unwrap_or_else(PoisonError::into_inner).0.pop()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name under which the database can be opened again, wherever the process has gone meanwhile. A database in memory
/// has none.
fn reopenable(connection: &Connection, name: &Path) -> Option<PathBuf> {
    let file = connection.path().filter(|file| !file.is_empty())?;
    let is_uri = name.as_os_str().as_encoded_bytes().starts_with(b"file:");
    Some(if is_uri { name.to_owned() } else { file.into() })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn database() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("test.db");
        Connection::open(&path).and_then(|new| new.execute_batch("CREATE TABLE t (id)")).expect("a database");
        (folder, path)
    }

    fn idle(pool: &Pool) -> usize {
        pool.idle().len()
    }

    #[test]
    fn a_file_is_read_by_as_many_as_ask_and_connections_are_kept() {
        let (_folder, path) = database();
        let pool = Pool::of_file(&path).expect("a pool");
        pool.with(|_| pool.with(|_| pool.with(|_| assert_eq!(idle(&pool), 0))));
        assert_eq!(idle(&pool), 3);
        pool.with(|_| pool.with(|_| assert_eq!(idle(&pool), 1)));
    }

    #[test]
    fn where_no_further_connection_opens_all_wait_for_the_first() {
        let (_folder, path) = database();
        let pool = Pool::of_file(&path).expect("a pool");
        let (lent, is_lent) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            pool.with(|_| {
                std::fs::remove_file(&path).expect("a file to remove");
                scope.spawn(|| pool.with(|_| lent.send(()).expect("somebody listens")));
                assert!(is_lent.try_recv().is_err());
            });
            is_lent.recv().expect("the connection is lent again");
        });
        assert_eq!(idle(&pool), 1);
    }

    #[test]
    fn a_batch_waits_for_a_connection_no_longer_than_its_limit() {
        let pool = Pool::of_one(Connection::open_in_memory().expect("a database"));
        let within = || pool.within(TimeLimit::from_now(Duration::from_millis(1)), |_| Ok(()));
        pool.with(|_| assert!(within().is_err()));
        assert!(within().is_ok());
    }

    #[test]
    fn a_panic_gives_the_connection_back() {
        let pool = Pool::of_one(Connection::open_in_memory().expect("a database"));
        let panicked = catch_unwind(AssertUnwindSafe(|| pool.with(|_| panic!("as it may happen"))));
        assert!(panicked.is_err());
        assert_eq!(idle(&pool), 1);
    }

    #[test]
    fn databases_in_memory_are_read_by_one() {
        let pool = Pool::of_file(Path::new(":memory:")).expect("a database");
        assert_eq!(pool.file, None);
    }
}
