//! Which columns were fetched for which row; a column that was not differs from one that is NULL.

use std::collections::BTreeSet;

use super::keys::{self, Need};

/// The columns that were fetched together for a row, the id column aside, with the keys that a record type chose.
pub(crate) type ColumnSet = BTreeSet<String>;

/// The column set of every row of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Presence {
    sets: Vec<ColumnSet>,
    /// The place in `sets` of each row's set; empty while all rows have the first.
    codes: Vec<u32>,
    rows: usize,
}

impl Presence {
    /// All rows have the same columns.
    pub(crate) fn uniform(rows: usize, columns: ColumnSet) -> Self {
        Self { sets: vec![columns], codes: Vec::new(), rows }
    }

    /// The sets and each row's place in them, as a file has them; `None` where a code names no set.
    pub(super) fn from_codes(sets: Vec<ColumnSet>, codes: Vec<u32>) -> Option<Self> {
        let known = codes.iter().all(|code| (*code as usize) < sets.len());
        known.then_some(Self { rows: codes.len(), sets, codes })
    }

    pub(super) fn sets(&self) -> &[ColumnSet] {
        &self.sets
    }

    /// Each row's place in the sets, unless all rows have the same.
    pub(super) fn codes(&self) -> Option<&[u32]> {
        (!self.codes.is_empty()).then_some(self.codes.as_slice())
    }

    /// The columns that every row has, where all rows have the same.
    pub(super) fn of_all(&self) -> Option<&ColumnSet> {
        if self.codes.is_empty() { self.sets.first() } else { None }
    }

    /// The columns that a row has.
    pub(crate) fn of_row(&self, row: usize) -> Option<&ColumnSet> {
        self.sets.get(self.code(row))
    }

    /// Answers for any row whether it has all that is needed.
    pub(crate) fn complete_for(&self, needs: &[Need]) -> impl Fn(usize) -> bool {
        self.rows_whose(|set| needs.iter().all(|need| need.is_met(set, &self.sets)))
    }

    /// Answers for any row whether it has a column.
    pub(super) fn has(&self, column: &str) -> impl Fn(usize) -> bool {
        self.rows_whose(|set| set.contains(column))
    }

    /// Asks once a set, not once a row.
    fn rows_whose(&self, test: impl Fn(&ColumnSet) -> bool) -> impl Fn(usize) -> bool {
        let passed: Vec<bool> = self.sets.iter().map(test).collect();
        move |row| passed.get(self.code(row)).copied().unwrap_or(false)
    }

    /// Whether a row that has the columns of `set` lacks what is needed.
    pub(crate) fn lacks(&self, set: &ColumnSet, need: &Need) -> bool {
        !need.is_met(set, &self.sets)
    }

    /// The paths to the keys of a column that at least one row has, where a record type chose them.
    pub(crate) fn known_paths(&self, column: &str) -> Vec<Vec<String>> {
        self.sets.iter().flat_map(|set| keys::known_paths(set, column)).collect()
    }

    /// The columns that at least one row has.
    pub(crate) fn columns(&self) -> ColumnSet {
        self.sets.iter().flatten().filter(|entry| keys::is_column(entry)).cloned().collect()
    }

    /// The place of a row's set among the sets.
    pub(super) fn code(&self, row: usize) -> usize {
        self.codes.get(row).map_or(0, |code| *code as usize)
    }
}

/// Collects the column sets of rows one by one, each distinct set once.
#[derive(Debug, Default)]
pub(super) struct PresenceBuilder {
    sets: Vec<ColumnSet>,
    codes: Vec<u32>,
}

impl PresenceBuilder {
    /// Registers a set and returns its code for [`push`](Self::push).
    pub(super) fn code(&mut self, set: ColumnSet) -> u32 {
        let place = self.sets.iter().position(|known| known == &set).unwrap_or_else(|| {
            self.sets.push(set);
            self.sets.len() - 1
        });
        u32::try_from(place).unwrap_or(u32::MAX)
    }

    pub(super) fn push(&mut self, code: u32) {
        self.codes.push(code);
    }

    /// Drops the sets that no row has.
    pub(super) fn finish(self) -> Presence {
        let mut used = PresenceBuilder::default();
        let renamed: Vec<Option<u32>> = used_codes(&self)
            .into_iter()
            .zip(&self.sets)
            .map(|(is_used, set)| is_used.then(|| used.code(set.clone())))
            .collect();
        let rows = self.codes.len();
        if used.sets.len() <= 1 {
            return Presence { rows, sets: used.sets, codes: Vec::new() };
        }
        let codes = self.codes.iter().filter_map(|code| renamed.get(*code as usize).copied().flatten()).collect();
        Presence { rows, sets: used.sets, codes }
    }
}

fn used_codes(builder: &PresenceBuilder) -> Vec<bool> {
    let mut used = vec![false; builder.sets.len()];
    for code in &builder.codes {
        if let Some(used) = used.get_mut(*code as usize) {
            *used = true;
        }
    }
    used
}
