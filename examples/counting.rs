//! A fetcher that counts its calls and the rows that they return.

use std::sync::atomic::{AtomicUsize, Ordering};

use dbcache::error::BoxError;
use dbcache::fetch::{FetchRequest, Fetched, Fetcher, Target};
use dbcache::{SqliteFetcher, TableName};

/// Forwards calls to SQLite and counts them.
#[derive(Debug)]
pub struct Counting<'d> {
    database: &'d SqliteFetcher,
    calls: AtomicUsize,
    rows: AtomicUsize,
}

/// The number of calls, and of the rows that they returned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Number of calls.
    pub calls: usize,
    /// Number of rows that all calls returned.
    pub rows: usize,
}

impl<'d> Counting<'d> {
    /// Creates a counter at zero.
    pub fn new(database: &'d SqliteFetcher) -> Self {
        Self { database, calls: AtomicUsize::new(0), rows: AtomicUsize::new(0) }
    }

    /// Returns the counts so far.
    pub fn count(&self) -> Count {
        Count { calls: self.calls.load(Ordering::Relaxed), rows: self.rows.load(Ordering::Relaxed) }
    }
}

impl<T: Target> Fetcher<T> for Counting<'_> {
    fn fetch(&self, request: &FetchRequest<'_, T::Id>) -> Result<Fetched<T>, BoxError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let fetched: Fetched<T> = self.database.fetch(request)?;
        self.rows.fetch_add(fetched.len(), Ordering::Relaxed);
        Ok(fetched)
    }

    fn table_columns(&self, table: &TableName) -> Option<Vec<String>> {
        Fetcher::<T>::table_columns(self.database, table)
    }
}
