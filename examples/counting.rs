//! A fetcher that counts its calls and the rows that they return.

use std::sync::atomic::{AtomicUsize, Ordering};

use dbcache::error::BoxError;
use dbcache::fetch::{DynamicFetcher, DynamicRows, FetchRequest, Fetched, Fetcher};
use dbcache::key::Key;
use dbcache::record::Record;
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

    fn called(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    fn returned(&self, rows: usize) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }
}

impl<T: Record> Fetcher<T> for Counting<'_> {
    fn fetch(&self, request: &FetchRequest<'_, T::Id>) -> Result<Fetched<T>, BoxError> {
        self.called();
        let rows = Fetcher::<T>::fetch(self.database, request)?.into_frame()?;
        self.returned(rows.height());
        Ok(rows.into())
    }

    fn known_columns(&self, table: &TableName) -> Option<Vec<String>> {
        Fetcher::<T>::known_columns(self.database, table)
    }
}

impl<K: Key> DynamicFetcher<K> for Counting<'_> {
    fn fetch(&self, request: &FetchRequest<'_, K>) -> Result<DynamicRows, BoxError> {
        self.called();
        let rows = DynamicFetcher::fetch(self.database, request)?.into_frame(request.id_column())?;
        self.returned(rows.height());
        Ok(rows.into())
    }

    fn known_columns(&self, table: &TableName) -> Option<Vec<String>> {
        DynamicFetcher::<K>::known_columns(self.database, table)
    }
}
