//! The negative cache: ids known not to exist in the database, so that requests need not query them again.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::Result;
use crate::key::IdSet;
use crate::name::TableName;
use crate::storage::{AbsentIds, Table};

/// Whether and for how long a cache remembers ids that the database does not have.
///
/// A remembered id counts as not found, as if the database had been queried. If a row with this id is cached later, by
/// any process, requests return the row. A [`refresh`](crate::Query::refresh) always queries the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RememberAbsent {
    /// Absent ids are not remembered: every request queries them again.
    #[default]
    Never,
    /// This cache remembers absent ids in memory for the given time.
    InMemory(Duration),
    /// The cache directory stores absent ids for the given time. All caches of the directory with this setting use
    /// them, also after a restart.
    ///
    /// Each request that finds absent ids rewrites all absent ids of the table. The setting therefore suits tables with
    /// some thousands of absent ids, not millions.
    InFolder(Duration),
}

/// The absent ids of each table and id column.
#[derive(Debug, Default)]
pub(crate) struct AbsentIdCache {
    policy: RememberAbsent,
    tables: Mutex<HashMap<(TableName, String), AbsentIds>>,
}

impl AbsentIdCache {
    pub(crate) fn new(policy: RememberAbsent) -> Self {
        Self { policy, tables: Mutex::default() }
    }

    pub(super) fn remembers(&self) -> bool {
        self.policy != RememberAbsent::Never
    }

    /// Returns the ids in `ids` that are known to be absent.
    pub(super) fn known_absent(&self, table: &Table, ids: &IdSet) -> Result<IdSet> {
        let absent = match self.policy {
            RememberAbsent::Never => return Ok(ids.none()),
            RememberAbsent::InMemory(age) => self.in_memory().get(&of(table)).map(|absent| absent.within(&last(age))),
            RememberAbsent::InFolder(age) => Some(table.absent_ids().within(&last(age))),
        };
        absent.map_or_else(|| Ok(ids.none()), |absent| ids.select(&ids.locate_among(&absent)))
    }

    /// Remembers ids that the database turned out not to have.
    ///
    /// If the directory cannot store them, the request does not fail: the next request queries them again.
    pub(super) fn remember(&self, table: &Table, ids: &IdSet) {
        if ids.is_empty() {
            return;
        }
        match self.policy {
            RememberAbsent::Never => {}
            RememberAbsent::InMemory(age) => {
                let mut tables = self.in_memory();
                let absent = tables.entry(of(table)).or_default();
                let seconds = last(age);
                absent.add(ids, *seconds.end());
                absent.forget_beside(&seconds);
            }
            RememberAbsent::InFolder(age) => {
                if let Err(cause) = table.remember_absent(ids, &last(age)) {
                    let cause = cause.with_causes();
                    tracing::warn!(
                        table = %table.name(), cause,
                        "failed to store absent ids; requests will query them again"
                    );
                }
            }
        }
    }

    /// Forgets the ids in `ids` that are remembered in memory, or all ids of the table if `ids` is `None`.
    pub(crate) fn forget(&self, table: &Table, ids: Option<&IdSet>) {
        match (ids, self.in_memory().get_mut(&of(table))) {
            (Some(ids), Some(absent)) => drop(absent.forget(ids)),
            (None, Some(absent)) => *absent = AbsentIds::default(),
            (_, None) => {}
        }
    }

    fn in_memory(&self) -> MutexGuard<'_, HashMap<(TableName, String), AbsentIds>> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the current time in seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Returns the range of seconds from `age` ago until now.
fn last(age: Duration) -> RangeInclusive<u64> {
    let now = now();
    now.saturating_sub(age.as_secs())..=now
}

fn of(table: &Table) -> (TableName, String) {
    (table.name().clone(), table.id_column().to_owned())
}
