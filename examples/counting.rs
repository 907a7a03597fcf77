//! A fetcher that counts what is asked of the database.

use std::sync::atomic::{AtomicUsize, Ordering};

use dbcache::error::BoxError;
use dbcache::fetch::{DynamicFetcher, DynamicRows, FetchRequest, Fetched, Fetcher};
use dbcache::key::Key;
use dbcache::record::Record;
use dbcache::{SqliteFetcher, TableName};

/// Passes requests on to SQLite, and counts them.
#[derive(Debug)]
pub struct Counting<'d> {
    database: &'d SqliteFetcher,
    calls: AtomicUsize,
    rows: AtomicUsize,
}

/// How often the database was asked, and how many rows it gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// The calls.
    pub calls: usize,
    /// The rows of all calls.
    pub rows: usize,
}

impl<'d> Counting<'d> {
    /// Counts from zero.
    pub fn new(database: &'d SqliteFetcher) -> Self {
        Self { database, calls: AtomicUsize::new(0), rows: AtomicUsize::new(0) }
    }

    /// The calls and rows so far.
    pub fn count(&self) -> Count {
        Count { calls: self.calls.load(Ordering::Relaxed), rows: self.rows.load(Ordering::Relaxed) }
    }

    fn called(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    fn brought(&self, rows: usize) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }
}

impl<T: Record> Fetcher<T> for Counting<'_> {
    fn fetch(&self, request: &FetchRequest<'_, T::Id>) -> Result<Fetched<T>, BoxError> {
        self.called();
        let rows = Fetcher::<T>::fetch(self.database, request)?.into_frame()?;
        self.brought(rows.height());
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
        self.brought(rows.height());
        Ok(rows.into())
    }

    fn known_columns(&self, table: &TableName) -> Option<Vec<String>> {
        DynamicFetcher::<K>::known_columns(self.database, table)
    }
}
