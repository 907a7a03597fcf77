//! Ids that the database does not have, remembered so that they are not asked each time.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::Result;
use crate::key::IdSet;
use crate::name::TableName;
use crate::storage::{AbsentIds, Table};

/// Whether ids that the database does not have are remembered, and for how long.
///
/// A remembered id counts as not found, as if the database had been asked. A row of it that is cached meanwhile, by
/// whomever, is found all the same, and [`refresh`](crate::Query::refresh) asks the database in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RememberAbsent {
    /// They are asked again by each request.
    #[default]
    Never,
    /// By this cache, for so long.
    InMemory(Duration),
    /// In the cache folder, for so long: by all caches of it that do the same, after a restart too.
    ///
    /// Each request that finds absent ids writes all that are remembered of the table, so this is for tables of which
    /// some thousands of ids are absent, not millions.
    InFolder(Duration),
}

/// What is remembered of each table, by each id column.
#[derive(Debug, Default)]
pub(crate) struct Absences {
    policy: RememberAbsent,
    tables: Mutex<HashMap<(TableName, String), AbsentIds>>,
}

impl Absences {
    pub(crate) fn new(policy: RememberAbsent) -> Self {
        Self { policy, tables: Mutex::default() }
    }

    pub(super) fn remembers(&self) -> bool {
        self.policy != RememberAbsent::Never
    }

    /// Those of these ids that are known to be absent.
    pub(super) fn known(&self, table: &Table, ids: &IdSet) -> Result<IdSet> {
        let absent = match self.policy {
            RememberAbsent::Never => return Ok(ids.none()),
            RememberAbsent::InMemory(age) => self.in_memory().get(&of(table)).map(|absent| absent.within(&last(age))),
            RememberAbsent::InFolder(age) => Some(table.absent_ids().within(&last(age))),
        };
        absent.map_or_else(|| Ok(ids.none()), |absent| ids.select(&ids.locate_among(&absent)))
    }

    /// Remembers ids that the database turned out not to have, now.
    ///
    /// Where the folder cannot take them, they are asked again: that costs a query, and no request fails for it.
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
                    tracing::warn!(table = %table.name(), cause, "absent ids cannot be remembered");
                }
            }
        }
    }

    fn in_memory(&self) -> MutexGuard<'_, HashMap<(TableName, String), AbsentIds>> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The seconds that are not longer ago than this.
fn last(age: Duration) -> RangeInclusive<u64> {
    let now = now();
    now.saturating_sub(age.as_secs())..=now
}

fn of(table: &Table) -> (TableName, String) {
    (table.name().clone(), table.id_column().to_owned())
}
