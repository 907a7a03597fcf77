//! dbcache, as the cases use it.

use std::path::Path;

use dbcache::error::BoxError;
use dbcache::polars::prelude::{DataFrame, PolarsError};
use dbcache::{BatchPolicy, Builder, Cache, Cached, DynamicCache, Progress, Query, Selection};

use crate::measure::Result;
use crate::users::{self, User};

/// Number of rows that are generated and stored at a time.
const CHUNK: usize = 500_000;

/// The budget of the memory tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory(pub(crate) u64);

impl Memory {
    /// The default of a cache.
    pub(crate) const USUAL: Self = Self(256 << 20);
    pub(crate) const LARGE: Self = Self(1 << 30);
    pub(crate) const SMALL: Self = Self(64 << 20);
}

pub(crate) fn open(folder: &Path, memory: Memory) -> Result<Cache<User>> {
    Ok(settings(Cache::builder(), folder, memory).open()?)
}

pub(crate) fn open_dynamic(folder: &Path, memory: Memory) -> Result<DynamicCache> {
    Ok(settings(DynamicCache::builder(), folder, memory).open()?)
}

pub(crate) fn settings<C>(builder: Builder<C>, folder: &Path, memory: Memory) -> Builder<C> {
    builder.folder(folder).memory(usize::try_from(memory.0).unwrap_or(usize::MAX)).progress(Progress::Silent)
}

/// Stores the first `rows` users.
pub(crate) fn fill(folder: &Path, rows: u64) -> Result<()> {
    let builder = Cache::<User>::builder().batches(BatchPolicy::Fixed(CHUNK));
    let cache = settings(builder, folder, Memory::SMALL).open()?;
    let fetcher = |ids: &[i64]| -> std::result::Result<DataFrame, PolarsError> { users::frame(ids) };
    for ids in users::ids(rows).chunks(CHUNK) {
        cache.all().warm(ids, &fetcher)?;
    }
    Ok(cache.compact()?)
}

/// A query for three scalar columns.
pub(crate) fn scalars(cache: &Cache<User>) -> Query<User, impl Selection<User> + use<>> {
    let c = User::columns();
    cache.select((c.name, c.age, c.amount))
}

/// Returns the rows of these ids, all of which are cached.
pub(crate) fn look_up(query: &Query<User, impl Selection<User>>, ids: &[i64]) -> Result<DataFrame> {
    Ok(query.frame(ids, &nothing_to_fetch)?)
}

/// Returns columns and paths of these ids, all of which are cached.
pub(crate) fn look_up_dynamic(cache: &DynamicCache, columns: &[&str], ids: &[i64]) -> Result<DataFrame> {
    let fetcher = |ids: &[i64], _: &str| nothing_to_fetch(ids);
    Ok(cache.table(users::TABLE)?.select(columns)?.frame(ids, &fetcher)?)
}

/// Stores new rows durably.
pub(crate) fn append(cache: &Cache<User>, ids: &[i64], rows: &DataFrame) -> Result<DataFrame> {
    let fetcher = |_: &[i64]| -> std::result::Result<DataFrame, BoxError> { Ok(rows.clone()) };
    Ok(cache.select(User::columns().age).frame(ids, &fetcher)?)
}

fn nothing_to_fetch(ids: &[i64]) -> std::result::Result<DataFrame, BoxError> {
    Err(format!("{} ids are not cached, although all were stored", ids.len()).into())
}

/// Copies a cache into another directory. Links suffice, because its files never change once they are written.
pub(crate) fn clone(folder: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let copy = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            clone(&entry.path(), &copy)?;
        } else if entry.path().extension().is_none_or(|extension| extension != "lock") {
            std::fs::hard_link(entry.path(), copy)?;
        }
    }
    Ok(())
}
