//! Statistics of a cache, and their counters.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::name::TableName;

/// The activity of a cache since it was opened. Returned by [`Cache::stats`](crate::Cache::stats) and
/// [`DynamicCache::stats`](crate::DynamicCache::stats).
///
/// Each distinct id of a request counts once: as a hit, as incomplete or as missing. Methods that only inspect the
/// cache, such as `look_up`, count nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Number of requests for rows.
    pub requests: u64,
    /// Ids whose rows were cached with all requested columns.
    pub hits: u64,
    /// Ids whose cached rows lacked a column.
    pub incomplete: u64,
    /// Ids without a cached row.
    pub missing: u64,
    /// Ids that were not fetched because another request was fetching them or had just fetched them.
    pub shared: u64,
    /// Fetcher calls.
    pub batches: u64,
    /// Requested rows that fetchers returned.
    pub fetched_rows: u64,
    /// Estimated memory of these rows, in bytes.
    pub fetched_bytes: u64,
    /// Batches that were retried, once per retry.
    pub retries: u64,
    /// Batches that failed for good.
    pub failures: u64,
    /// Rows that were committed.
    pub committed_rows: u64,
    /// Current size of decoded ids and columns in memory, in bytes. At most the limit set by
    /// [`Builder::memory`](crate::Builder::memory).
    pub memory_bytes: u64,
}

/// One of the counters.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Count {
    Requests,
    Hits,
    Incomplete,
    Missing,
    Shared,
    Batches,
    FetchedRows,
    FetchedBytes,
    Retries,
    Failures,
    CommittedRows,
}

/// The number of variants of [`Count`].
const COUNTERS: usize = Count::CommittedRows as usize + 1;

/// The counters of a cache.
#[derive(Debug, Default)]
pub(crate) struct Counters([AtomicU64; COUNTERS]);

impl Counters {
    pub(crate) fn add(&self, table: &TableName, count: Count, number: usize) {
        let number = number as u64;
        if let Some(counter) = self.0.get(count as usize) {
            counter.fetch_add(number, Ordering::Relaxed);
        }
        publish(table, count, number);
    }

    /// Returns the current values. Fields that are not counted are 0.
    pub(crate) fn read(&self) -> Stats {
        let read = |count: Count| self.0.get(count as usize).map_or(0, |counter| counter.load(Ordering::Relaxed));
        Stats {
            requests: read(Count::Requests),
            hits: read(Count::Hits),
            incomplete: read(Count::Incomplete),
            missing: read(Count::Missing),
            shared: read(Count::Shared),
            batches: read(Count::Batches),
            fetched_rows: read(Count::FetchedRows),
            fetched_bytes: read(Count::FetchedBytes),
            retries: read(Count::Retries),
            failures: read(Count::Failures),
            committed_rows: read(Count::CommittedRows),
            ..Stats::default()
        }
    }
}

/// Adds to the application's metrics recorder too.
#[cfg(feature = "metrics")]
fn publish(table: &TableName, count: Count, number: u64) {
    let name = match count {
        Count::Requests => "dbcache_requests_total",
        Count::Hits => "dbcache_hits_total",
        Count::Incomplete => "dbcache_incomplete_total",
        Count::Missing => "dbcache_missing_total",
        Count::Shared => "dbcache_shared_total",
        Count::Batches => "dbcache_batches_total",
        Count::FetchedRows => "dbcache_fetched_rows_total",
        Count::FetchedBytes => "dbcache_fetched_bytes_total",
        Count::Retries => "dbcache_retries_total",
        Count::Failures => "dbcache_failures_total",
        Count::CommittedRows => "dbcache_committed_rows_total",
    };
    metrics::counter!(name, "table" => table.to_string()).increment(number);
}

#[cfg(not(feature = "metrics"))]
fn publish(_: &TableName, _: Count, _: u64) {}

#[cfg(all(test, feature = "metrics"))]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex, PoisonError};

    use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

    use super::*;

    /// Counters by name and labels.
    #[derive(Default)]
    struct Recorded(Mutex<BTreeMap<String, Arc<AtomicU64>>>);

    impl Recorder for Recorded {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
            let labels: Vec<String> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
            let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Counter::from_arc(Arc::clone(counters.entry(format!("{} {}", key.name(), labels.join(","))).or_default()))
        }

        fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
            Gauge::noop()
        }

        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::noop()
        }
    }

    #[test]
    fn counters_are_recorded_for_each_table() {
        let (recorded, counters) = (Recorded::default(), Counters::default());
        let table = TableName::new("public.users").expect("a valid name");
        metrics::with_local_recorder(&recorded, || {
            counters.add(&table, Count::Hits, 3);
            counters.add(&table, Count::Hits, 4);
        });
        let counts = recorded.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let counts: Vec<(String, u64)> =
            counts.into_iter().map(|(name, count)| (name, count.load(Ordering::Relaxed))).collect();
        assert_eq!(counts, [("dbcache_hits_total table=public.users".to_owned(), 7)]);
        assert_eq!(counters.read().hits, 7);
    }
}
