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

/// How often some work allocates.
fn allocations<R>(work: impl FnOnce() -> R) -> usize {
    let region = Region::new(ALLOCATOR);
    let answer = work();
    let change = region.change();
    drop(answer);
    change.allocations + change.reallocations
}

/// The bytes that the process has asked of `read` calls so far.
#[cfg(target_os = "linux")]
fn read_so_far() -> u64 {
    let counts = std::fs::read_to_string("/proc/self/io").expect("the counts of this process");
    let read = counts.lines().find_map(|line| line.strip_prefix("rchar: ")).expect("bytes read");
    read.parse().expect("a number")
}

/// What some work reads, in bytes.
#[cfg(target_os = "linux")]
fn read<R>(work: impl FnOnce() -> R) -> u64 {
    let start = read_so_far();
    let counting = read_so_far() - start;
    let start = read_so_far();
    let answer = work();
    let end = read_so_far();
    drop(answer);
    end - start - counting
}

#[test]
fn a_warm_lookup_does_not_allocate_for_each_row() {
    let stored = Stored::users(50_000);
    let cache = stored.cache();
    let ids = stored.some(1_000);
    look_up(&cache, &ids);
    let count = allocations(|| look_up(&cache, &ids));
    assert!(count < 400, "{count} allocations for 1,000 rows");
}

#[cfg(target_os = "linux")]
#[test]
fn a_warm_lookup_reads_no_file() {
    let stored = Stored::users(5_000);
    let cache = stored.cache();
    let ids = stored.some(1_000);
    look_up(&cache, &ids);
    assert_eq!(read(|| look_up(&cache, &ids)), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_column_that_is_not_asked_is_not_read() {
    let stored = Stored::users(50_000);
    let (table, ids) = (stored.bytes(), stored.some(10));
    let read = read(|| stored.cache().select(User::columns().age).frame(&ids, &database).expect("all are cached"));
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
    let count = allocations(|| extract(&["profile.address.city", "profile.address.zip"]));
    assert!(count < 1_000, "{count} allocations for 20,000 documents");
}

#[test]
fn records_become_columns_without_an_allocation_for_each_row() {
    let alone = COUNTING.lock().unwrap_or_else(PoisonError::into_inner);
    let users = database(&(0..20_000).collect::<Vec<_>>()).expect("no database fails less");
    let count = allocations(|| User::to_frame(&users).expect("columns"));
    assert!(count < 300, "{count} allocations for 20,000 records");
    drop(alone);
}

#[test]
fn columns_become_records_with_one_allocation_for_each_text() {
    let alone = COUNTING.lock().unwrap_or_else(PoisonError::into_inner);
    let users = database(&(0..20_000).collect::<Vec<_>>()).expect("no database fails less");
    let frame = User::to_frame(&users).expect("columns");
    let count = allocations(|| User::from_frame(&frame).expect("records"));
    let texts = 2 * users.len();
    assert!(count < texts + 100, "{count} allocations for {texts} texts");
    drop(alone);
}
