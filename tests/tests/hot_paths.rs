//! What hot paths allocate and read, which is the same on every machine however busy it is.
//!
//! The bounds leave room for harmless changes; work that is done again for every row, or for every row of the table
//! instead of every row asked, breaks them.

use std::alloc::System;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use dbcache::error::BoxError;
use dbcache::polars::prelude::*;
use dbcache::{BatchPolicy, Cache, Cached, DynamicCache, Progress};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tempfile::TempDir;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How often a part of a column is asked before it surely stays in memory.
const WARM: usize = 20;

/// Counts are of the whole process, so one test counts at a time.
static COUNTING: Mutex<()> = Mutex::new(());

#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "public.users")]
struct User {
    #[cached(id)]
    id: i64,
    name: String,
    age: Option<i64>,
    profile: String,
}

impl User {
    fn of(id: i64) -> Self {
        // Different enough for no codec to make it small.
        let note = (id.cast_unsigned()).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_string().repeat(2);
        let profile = format!(r#"{{"address":{{"city":"City {}","zip":"{id:05}"}},"note":"{note}"}}"#, id % 50);
        Self {
            id,
            name: format!("a name that no view holds within it: {id}"),
            age: (id % 7 > 0).then_some(id % 90),
            profile,
        }
    }
}

/// A folder in which the users 0 to `rows` are cached.
struct Stored {
    folder: TempDir,
    rows: i64,
    _alone: MutexGuard<'static, ()>,
}

impl Stored {
    fn users(rows: i64) -> Self {
        let alone = COUNTING.lock().unwrap_or_else(PoisonError::into_inner);
        let stored = Self { folder: tempfile::tempdir().expect("a folder"), rows, _alone: alone };
        let ids: Vec<i64> = (0..rows).collect();
        stored.cache().select(User::columns().age).frame(&ids, &database).expect("all are stored");
        stored
    }

    fn cache(&self) -> Cache<User> {
        let builder = Cache::builder().folder(self.folder.path()).batches(BatchPolicy::Fixed(100_000));
        builder.progress(Progress::Silent).open().expect("a cache")
    }

    fn dynamic(&self) -> DynamicCache {
        DynamicCache::builder().folder(self.folder.path()).progress(Progress::Silent).open().expect("a cache")
    }

    /// Some ids from all over the table.
    fn some(&self, count: i64) -> Vec<i64> {
        (0..count).map(|place| place * (self.rows / count)).collect()
    }

    fn bytes(&self) -> u64 {
        size(self.folder.path())
    }
}

fn size(path: &Path) -> u64 {
    if !path.is_dir() {
        return path.metadata().expect("a file").len();
    }
    std::fs::read_dir(path).expect("a folder").map(|entry| size(&entry.expect("an entry").path())).sum()
}

fn database(ids: &[i64]) -> Result<Vec<User>, BoxError> {
    Ok(ids.iter().map(|id| User::of(*id)).collect())
}

fn look_up(cache: &Cache<User>, ids: &[i64]) -> DataFrame {
    let c = User::columns();
    let frame = cache.select((c.name, c.age)).frame(ids, &database).expect("all are cached");
    assert_eq!(frame.height(), ids.len());
    frame
}

/// What some work allocates: how often, and how many bytes.
fn allocated<R>(work: impl FnOnce() -> R) -> (usize, usize) {
    let region = Region::new(ALLOCATOR);
    let answer = work();
    let change = region.change();
    drop(answer);
    (change.allocations + change.reallocations, change.bytes_allocated)
}

/// One of the counts of bytes that the system keeps of this process.
#[cfg(target_os = "linux")]
fn count_so_far(name: &str) -> u64 {
    let counts = std::fs::read_to_string("/proc/self/io").expect("the counts of this process");
    let count = counts.lines().find_map(|line| line.strip_prefix(name)).expect("a count of this name");
    count.parse().expect("a number")
}

/// How far some work moves a count: `rchar` is what `read` calls brought, `wchar` what `write` calls were given.
#[cfg(target_os = "linux")]
fn io<R>(name: &str, work: impl FnOnce() -> R) -> u64 {
    let start = count_so_far(name);
    let counting = count_so_far(name) - start;
    let start = count_so_far(name);
    let answer = work();
    let end = count_so_far(name);
    drop(answer);
    end - start - counting
}

/// Asked often enough for all its columns to be kept in memory.
fn warmed(stored: &Stored) -> (Cache<User>, Vec<i64>) {
    let (cache, ids) = (stored.cache(), stored.some(1_000));
    for _ in 0..WARM {
        look_up(&cache, &ids);
    }
    (cache, ids)
}

#[test]
fn a_warm_lookup_does_not_allocate_for_each_row() {
    let stored = Stored::users(50_000);
    let (cache, ids) = warmed(&stored);
    let (count, _) = allocated(|| look_up(&cache, &ids));
    assert!(count < 400, "{count} allocations for 1,000 rows");
}

#[test]
fn a_warm_row_takes_few_allocations() {
    let stored = Stored::users(50_000);
    let (cache, ids) = warmed(&stored);
    let c = User::columns();
    let query = cache.select((c.name, c.age));
    let (count, _) = allocated(|| query.frame(&ids[..1], &database).expect("it is cached"));
    assert!(count < 25, "{count} allocations for one row");
}

#[test]
fn a_warm_lookup_allocates_no_more_in_a_larger_table() {
    let bytes_of = |rows| {
        let stored = Stored::users(rows);
        let (cache, ids) = warmed(&stored);
        allocated(|| look_up(&cache, &ids)).1
    };
    let (small, large) = (bytes_of(5_000), bytes_of(50_000));
    assert!(large < small * 3 / 2, "{large} bytes where a tenth of the table took {small}");
}

#[cfg(target_os = "linux")]
#[test]
fn storing_rows_writes_what_they_take_and_not_the_table() {
    let stored = Stored::users(100_000);
    let (cache, table) = (stored.cache(), stored.bytes());
    let new: Vec<i64> = (stored.rows..stored.rows + 100).collect();
    let written = io("wchar: ", || cache.select(User::columns().age).frame(&new, &database).expect("all are stored"));
    assert!(written < table / 20, "{written} bytes were written for 100 rows beside a table of {table}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_warm_lookup_reads_no_page() {
    let stored = Stored::users(5_000);
    let (cache, ids) = warmed(&stored);
    let read = io("rchar: ", || look_up(&cache, &ids));
    // Room for finding out that the files are still the same.
    assert!(read < 256, "{read} bytes were read for rows that are in memory");
}

#[cfg(target_os = "linux")]
#[test]
fn a_column_that_is_not_asked_is_not_read() {
    let stored = Stored::users(50_000);
    let (table, ids) = (stored.bytes(), stored.some(10));
    let read =
        io("rchar: ", || stored.cache().select(User::columns().age).frame(&ids, &database).expect("all are cached"));
    assert!(read < table / 2, "{read} of {table} bytes were read for one small column");
}

#[test]
fn extracting_a_path_allocates_nothing_for_each_document() {
    let stored = Stored::users(20_000);
    let cache = stored.dynamic();
    let users = cache.table("public.users").expect("a valid name");
    let ids = stored.some(20_000);
    let extract = |paths: &[&str]| {
        let database = |_: &[i64], _: &str| -> Result<DataFrame, BoxError> { Err("all are cached".into()) };
        users.select(paths).expect("paths").frame(&ids, &database).expect("all are cached")
    };
    extract(&["profile.address.city"]);
    let (count, _) = allocated(|| extract(&["profile.address.city", "profile.address.zip"]));
    assert!(count < 1_000, "{count} allocations for 20,000 documents");
}

#[test]
fn records_become_columns_without_an_allocation_for_each_row() {
    let alone = COUNTING.lock().unwrap_or_else(PoisonError::into_inner);
    let users = database(&(0..20_000).collect::<Vec<_>>()).expect("no database fails less");
    let (count, _) = allocated(|| User::to_frame(&users).expect("columns"));
    assert!(count < 300, "{count} allocations for 20,000 records");
    drop(alone);
}

#[test]
fn columns_become_records_with_one_allocation_for_each_text() {
    let alone = COUNTING.lock().unwrap_or_else(PoisonError::into_inner);
    let users = database(&(0..20_000).collect::<Vec<_>>()).expect("no database fails less");
    let frame = User::to_frame(&users).expect("columns");
    let (count, _) = allocated(|| User::from_frame(&frame).expect("records"));
    let texts = 2 * users.len();
    assert!(count < texts + 100, "{count} allocations for {texts} texts");
    drop(alone);
}

/// What storing rows of so many columns, replacing them, and reading them allocate, in bytes.
fn allocated_for_columns(columns: usize) -> usize {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = DynamicCache::builder().folder(folder.path()).progress(Progress::Silent).open().expect("a cache");
    let users = cache.table("public.users").expect("a valid name");
    let names: Vec<String> = (0..columns).map(|number| format!("column_{number}")).collect();
    let database = |ids: &[i64], _: &str| -> Result<DataFrame, BoxError> {
        let values = names.iter().map(|name| Column::new(name.as_str().into(), ids));
        Ok(DataFrame::new(ids.len(), std::iter::once(Column::new("id".into(), ids)).chain(values).collect())?)
    };
    let (_, bytes) = allocated(|| {
        let query = users.select(&names).expect("columns");
        query.frame(&[1, 2, 3], &database).expect("all are stored");
        users.select(&names).expect("columns").refresh().frame(&[2, 3, 4], &database).expect("all are stored");
        users.select(&names).expect("columns").frame(&[1, 2, 3, 4], &database).expect("all are cached");
    });
    bytes
}

#[test]
fn many_columns_cost_what_each_of_them_costs() {
    let alone = COUNTING.lock().unwrap_or_else(PoisonError::into_inner);
    allocated_for_columns(10);
    let (few, many) = (allocated_for_columns(500), allocated_for_columns(4_000));
    // Eight times as many columns: 8 to the power of 1.1.
    assert!(many * 100 < few * 985, "500 columns took {few} bytes, 4,000 took {many}");
    drop(alone);
}

/// For looking at: time is no test. `cargo test -p dbcache-tests --test hot_paths -- --ignored --nocapture`
#[test]
#[ignore = "it prints times for people, which depend on the machine"]
fn time_for_many_columns() {
    let alone = COUNTING.lock().unwrap_or_else(PoisonError::into_inner);
    allocated_for_columns(10);
    let mut before: Option<(usize, f64)> = None;
    for columns in [1_000, 2_000, 4_000, 8_000, 16_000] {
        let took = || {
            let began = std::time::Instant::now();
            allocated_for_columns(columns);
            began.elapsed().as_secs_f64()
        };
        let took = (0..3).map(|_| took()).fold(f64::INFINITY, f64::min);
        let exponent = before.map(|(fewer, less)| (took / less).ln() / (columns as f64 / fewer as f64).ln());
        println!("{columns} columns: {took:.3} s, exponent {exponent:.2?}");
        before = Some((columns, took));
    }
    drop(alone);
}
