//! Which columns were fetched for which row; a column that was not differs from one that is NULL.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::keys::{self, Keys, Need};
use crate::error::{Error, Result};

/// The columns that were fetched together for a row, the id column aside, with the keys that a record type chose.
pub(crate) type ColumnSet = BTreeSet<String>;

/// The only entry of a row of which a damaged file has left nothing but the id: it counts as not there. No column is
/// called so, since names hold no control characters.
pub(in crate::storage) const LOST: &str = "\u{1}lost";

/// A column set, and how many rows have it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::storage) struct SetOfRows {
    pub(in crate::storage) columns: ColumnSet,
    pub(in crate::storage) rows: u64,
}

/// The column set of every row of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Presence {
    sets: Vec<ColumnSet>,
    /// The place in `sets` of each row's set; empty while all rows have the first.
    codes: Vec<u32>,
    rows: usize,
    /// Whether any set tells keys of a nested column apart, which most tables' do not.
    has_keys: bool,
}

impl Presence {
    /// All rows have the same columns.
    pub(crate) fn uniform(rows: usize, columns: ColumnSet) -> Self {
        Self::of(vec![columns], Vec::new(), rows)
    }

    /// What rows may have, without the rows.
    pub(in crate::storage) fn of_sets<'s>(sets: impl Iterator<Item = &'s ColumnSet>) -> Self {
        let mut presence = PresenceBuilder::default();
        for set in sets {
            presence.place(set.clone());
        }
        Self::of(presence.sets, Vec::new(), 0)
    }

    fn of(sets: Vec<ColumnSet>, codes: Vec<u32>, rows: usize) -> Self {
        let has_keys = sets.iter().flatten().any(|entry| !keys::is_column(entry));
        Self { sets, codes, rows, has_keys }
    }

    pub(in crate::storage) fn sets(&self) -> &[ColumnSet] {
        &self.sets
    }

    /// The sets, and how many rows have each.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if a row has another set.
    pub(in crate::storage) fn sets_of_rows(&self) -> Result<Vec<SetOfRows>> {
        let none = |columns: &ColumnSet| SetOfRows { columns: columns.clone(), rows: 0 };
        let mut sets: Vec<SetOfRows> = self.sets.iter().map(none).collect();
        match (sets.as_mut_slice(), self.codes.as_slice()) {
            ([first, ..], []) => first.rows = self.rows as u64,
            (sets, codes) => {
                for code in codes {
                    sets.get_mut(*code as usize).ok_or_else(no_set)?.rows += 1;
                }
            }
        }
        Ok(sets)
    }

    /// The columns that every row has, where all rows have the same.
    pub(in crate::storage) fn of_all(&self) -> Option<&ColumnSet> {
        if self.codes.is_empty() { self.sets.first() } else { None }
    }

    /// Answers for any row whether it has a column.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if there is no such row.
    pub(in crate::storage) fn has(&self, column: &str) -> impl Fn(usize) -> Result<bool> {
        let has: Vec<bool> = self.sets.iter().map(|set| set.contains(column)).collect();
        move |row| has.get(self.code(row)?).copied().ok_or_else(no_set)
    }

    /// Whether a row that has the columns of `set` lacks what is needed.
    pub(crate) fn lacks(&self, set: &ColumnSet, need: &Need) -> bool {
        let is_met = if self.has_keys { need.is_met(set, &self.sets) } else { need.is_met_by_columns(set) };
        !is_met
    }

    /// Whether any row has only some keys of a column.
    pub(in crate::storage) fn has_keys(&self) -> bool {
        self.has_keys
    }

    /// Whether a row of the other table may have keys of the column that a row of this one lacks.
    pub(in crate::storage) fn lacks_keys_of(&self, column: &str, other: &Self) -> bool {
        let lacks = |set: &ColumnSet| {
            let keys = Keys::of(set, column);
            other.sets.iter().any(|other| other.contains(column) && keys.lack(&Keys::of(other, column)))
        };
        self.has_keys && self.sets.iter().any(lacks)
    }

    /// Whether a row lacks what is needed, in a table that has the other rows too.
    pub(crate) fn lack(&self, need: &Need, others: &Self) -> bool {
        if !self.has_keys && !others.has_keys {
            return self.sets.iter().any(|set| !need.is_met_by_columns(set));
        }
        let all: Vec<ColumnSet> = self.sets.iter().chain(&others.sets).cloned().collect();
        self.sets.iter().any(|set| !need.is_met(set, &all))
    }

    /// The paths to the keys of a column that at least one row has, where a record type chose them.
    pub(crate) fn known_paths(&self, column: &str) -> Vec<Vec<String>> {
        self.sets.iter().flat_map(|set| keys::known_paths(set, column)).collect()
    }

    /// The columns that at least one row has.
    pub(crate) fn columns(&self) -> ColumnSet {
        self.sets.iter().flatten().filter(|entry| keys::is_column(entry)).cloned().collect()
    }

    /// The columns that a row has.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if there is no such row, as in all functions that are asked for one.
    pub(in crate::storage) fn set_of(&self, row: usize) -> Result<&ColumnSet> {
        self.sets.get(self.code(row)?).ok_or_else(no_set)
    }

    /// The column sets of some rows.
    pub(in crate::storage) fn select(&self, rows: &[usize]) -> Result<Self> {
        let codes = match self.codes.as_slice() {
            // All rows have the first set.
            [] => Vec::new(),
            codes => rows.iter().map(|row| codes.get(*row).copied().ok_or_else(no_set)).collect::<Result<_>>()?,
        };
        Ok(Self { codes, rows: rows.len(), sets: self.sets.clone(), has_keys: self.has_keys })
    }

    /// What is known of those rows that are kept.
    pub(in crate::storage) fn keep(&self, kept: &[bool]) -> Self {
        let codes = self.codes.iter().zip(kept).filter(|(_, kept)| **kept).map(|(code, _)| *code).collect();
        let rows = kept.iter().filter(|kept| **kept).count();
        Self { codes, rows, sets: self.sets.clone(), has_keys: self.has_keys }
    }

    /// The place of a row's set among the sets.
    pub(in crate::storage) fn code(&self, row: usize) -> Result<usize> {
        let code = match self.codes.as_slice() {
            [] => (row < self.rows).then_some(0),
            codes => codes.get(row).map(|code| *code as usize),
        };
        code.ok_or_else(no_set)
    }
}

fn no_set() -> Error {
    Error::Internal { invariant: "each row has a column set" }
}

/// Collects the column sets of rows one by one, each distinct set once.
#[derive(Debug, Default)]
pub(in crate::storage) struct PresenceBuilder {
    sets: Vec<ColumnSet>,
    codes: Vec<u32>,
}

impl PresenceBuilder {
    /// Registers a set and returns its code for [`push`](Self::push).
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if there are more sets than a table has rows.
    pub(in crate::storage) fn code(&mut self, set: ColumnSet) -> Result<u32> {
        let too_many = |_| Error::Internal { invariant: "there are no more column sets than rows" };
        u32::try_from(self.place(set)).map_err(too_many)
    }

    /// The place of a set among the sets.
    fn place(&mut self, set: ColumnSet) -> usize {
        self.sets.iter().position(|known| known == &set).unwrap_or_else(|| {
            self.sets.push(set);
            self.sets.len() - 1
        })
    }

    pub(in crate::storage) fn push(&mut self, code: u32) {
        self.codes.push(code);
    }

    /// Drops the sets that no row has.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if a code was pushed that no set has: without it, all later rows would have the sets of others.
    pub(in crate::storage) fn finish(self) -> Result<Presence> {
        let mut used = PresenceBuilder::default();
        let renamed: Vec<Option<u32>> = used_codes(&self)
            .into_iter()
            .zip(&self.sets)
            .map(|(is_used, set)| is_used.then(|| used.code(set.clone())).transpose())
            .collect::<Result<_>>()?;
        let rows = self.codes.len();
        if used.sets.len() <= 1 && self.codes.iter().all(|code| (*code as usize) < self.sets.len()) {
            return Ok(Presence::of(used.sets, Vec::new(), rows));
        }
        let code_of = |code: &u32| renamed.get(*code as usize).copied().flatten();
        let codes: Option<Vec<u32>> = self.codes.iter().map(code_of).collect();
        let codes = codes.ok_or(Error::Internal { invariant: "the column set of each row is among those of all" })?;
        Ok(Presence::of(used.sets, codes, rows))
    }
}

fn used_codes(builder: &PresenceBuilder) -> Vec<bool> {
    let mut used = vec![false; builder.sets.len()];
    for code in &builder.codes {
        // The other codes are refused afterwards.
        if let Some(used) = used.get_mut(*code as usize) {
            *used = true;
        }
    }
    used
}
