//! Connections of the blocking driver, as many as batches are in flight.

use std::fmt;
use std::mem::{ManuallyDrop, take};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use postgres::Client;

use super::PostgresError;
use super::driver::{begin_within, is_cancelled};
use super::own_thread::{Threads, spawn, timed_out};
use crate::adapters::time_limit::TimeLimit;
use crate::error::BoxError;

/// Opens connections when they are needed, and keeps them.
pub(super) struct Connections {
    connect: Box<dyn Fn() -> Result<Client, BoxError> + Send + Sync>,
    idle: Mutex<Vec<Client>>,
    threads: Threads,
}

impl Connections {
    pub(super) fn new<E: Into<BoxError>>(connect: impl Fn() -> Result<Client, E> + Send + Sync + 'static) -> Arc<Self> {
        let connect = Box::new(move || connect().map_err(Into::into));
        Arc::new(Self { connect, idle: Mutex::default(), threads: Threads::default() })
    }

    /// Works with a connection, on a thread of its own.
    ///
    /// The server ends what takes longer than the limit. Where it does not answer any more, nobody waits for the
    /// thread, which ends when the connection is given up.
    pub(super) fn run<R: Send + 'static>(
        self: &Arc<Self>,
        limit: Option<TimeLimit>,
        work: impl Fn(&mut Client) -> Result<R, PostgresError> + Send + 'static,
    ) -> Result<R, PostgresError> {
        let connections = Arc::clone(self);
        let work = move || match limit {
            None => connections.with_connection(work),
            Some(limit) => connections.with_connection(|client| in_time(client, limit, &work)),
        };
        self.threads.run(limit, work)?
    }

    /// Works with a connection that is idle, or with a new one where there is none or where it turns out broken.
    fn with_connection<R>(&self, work: impl Fn(&mut Client) -> Result<R, PostgresError>) -> Result<R, PostgresError> {
        let idle = self.lock().pop();
        if let Some(client) = idle {
            match self.try_with(client, &work) {
                Err(Broken(_)) => {}
                Ok(done) => return done,
            }
        }
        let opened = (self.connect)().map_err(PostgresError::Connection)?;
        self.try_with(opened, &work).unwrap_or_else(|Broken(cause)| Err(cause))
    }

    /// Keeps the connection unless it broke.
    fn try_with<R>(
        &self,
        mut client: Client,
        work: impl Fn(&mut Client) -> Result<R, PostgresError>,
    ) -> Result<Result<R, PostgresError>, Broken> {
        match work(&mut client) {
            Err(cause) if client.is_closed() => Err(Broken(cause)),
            done => {
                self.lock().push(client);
                Ok(done)
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Client>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What failed because the connection broke.
struct Broken(PostgresError);

impl Drop for Connections {
    fn drop(&mut self) {
        let idle = take(&mut *self.lock());
        if idle.is_empty() {
            return;
        }
        // Without a thread they stay open until the program ends, since to close one here may be a panic.
        let idle = ManuallyDrop::new(idle);
        let _ = spawn(move || drop(ManuallyDrop::into_inner(idle)));
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").field("idle", &self.lock().len()).finish_non_exhaustive()
    }
}

/// Does work whose queries the server ends when the time is up.
fn in_time<R>(
    client: &mut Client,
    limit: TimeLimit,
    work: impl Fn(&mut Client) -> Result<R, PostgresError>,
) -> Result<R, PostgresError> {
    let failed = |cause| PostgresError::Connection(Box::new(cause));
    client.batch_execute(&begin_within(limit.left())).map_err(failed)?;
    let done = work(client);
    // After an error this rolls back.
    let ended = client.batch_execute("COMMIT");
    match done {
        Err(cause) if limit.is_over() && is_cancelled(&cause) => Err(timed_out(limit)),
        Err(cause) => Err(cause),
        Ok(done) => ended.map(|()| done).map_err(failed),
    }
}
