//! What errors say.
//!
//! [`Error`] says itself what it shows and what its source is, since that of a failed fetch is in a list.

use std::error::Error as StdError;
use std::fmt;

use super::{BatchFailure, Error, RejectedRow, UnknownColumn, with_causes};
use crate::key::RowId;

/// How many ids or names a message shows before it only counts them.
const SHOWN: usize = 5;

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::FetchFailed { failures, rejected, .. } => match failures.first() {
                Some(failure) => Some(failure),
                None => rejected.first().map(|row| row as _),
            },
            Self::Io { source, .. } => Some(source),
            Self::Frame { source, .. } => Some(&**source),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TableName { name, reason } => write!(f, "the table name {name:?} is malformed: {reason}"),
            Self::ColumnName { name, reason } => write!(f, "the column {name:?} is malformed: {reason}"),
            Self::NoColumns { table } => write!(f, "no columns were asked of {table}: name at least one"),
            Self::IdsNotFound { table, ids } => {
                write!(f, "{} of {table} not in the database: {}", counted(ids.len(), "id"), Shown(ids))
            }
            Self::ColumnsNotFound { table, columns } => {
                let count = counted(columns.len(), "column");
                write!(f, "{count} of {table} not brought by the fetcher: {}", Shown(columns))
            }
            Self::NotCached { table, ids } => {
                let count = counted(ids.len(), "id");
                write!(f, "{count} of {table} not cached, and fetching is switched off: {}", Shown(ids))
            }
            Self::FetchFailed { table, failures, rejected, stored } => {
                fetch_failed(f, table, failures, rejected, *stored)
            }
            Self::TypeConflict { table, column, stored, wanted } => write!(
                f,
                "the column {column:?} of {table} is stored as {stored} and cannot hold or become {wanted}: pin or declare a type that the stored one can be read as, refresh all rows that have the column so that they are stored as they come, or drop it with forget_columns"
            ),
            Self::UnexpectedNull { table, column, id } => {
                write!(f, "the column {column:?} of {table} is NULL for id {id}, and the field is not an Option")
            }
            Self::Value { table, column, id, reason } => {
                write!(f, "the column {column:?} of {table} does not convert for id {id}: {reason}")
            }
            Self::ForeignTable { table, path, reason } => {
                write!(f, "{} does not belong to {table}: {reason}", path.display())
            }
            Self::UnreadableColumn { table, column, path, reason } => write!(
                f,
                "the column {column:?} of {table} cannot be read from {}: {reason}; write that file with the column in another type, or remove the file so that its rows are fetched",
                path.display()
            ),
            Self::Internal { invariant, .. } => {
                write!(f, "an invariant of the cache does not hold: {invariant}; please report this")
            }
            Self::Damaged { path, reason } => write!(f, "{} is damaged: {reason}", path.display()),
            Self::CircularRequest { table, ids } => {
                let count = counted(ids.len(), "id");
                write!(
                    f,
                    "{count} of {table} cannot be fetched, because their fetch waits for this request: {}; a fetcher must not ask the cache for what it is fetching",
                    Shown(ids)
                )
            }
            Self::Contention { table, attempts } => {
                write!(f, "the rows of {table} kept changing while they were read, {attempts} times: ask again")
            }
            Self::Io { action, path, .. } => write!(f, "cannot {action} {}", path.display()),
            Self::NoHomeFolder => {
                f.write_str("no home directory is known: open the cache with a folder of your choice")
            }
            Self::Frame { action, .. } => write!(f, "cannot {action}"),
        }
    }
}

/// What failed, and the first cause in the words of whoever raised it.
fn fetch_failed(
    f: &mut fmt::Formatter<'_>,
    table: &str,
    failures: &[BatchFailure],
    rejected: &[RejectedRow],
    stored: usize,
) -> fmt::Result {
    let [batches, rows] = [counted(failures.len(), "batch"), counted(rejected.len(), "row")];
    match (failures, rejected) {
        (_, []) => write!(f, "{batches} of {table} failed")?,
        ([], _) => write!(f, "{rows} of {table} rejected")?,
        _ => write!(f, "{batches} of {table} failed and {rows} rejected")?,
    }
    write!(f, ", {} stored", counted(stored, "row"))?;
    match (failures.first(), rejected.first()) {
        (Some(first), _) => write!(f, "; batch {} first: {}", first.batch, with_causes(&first.cause)),
        (None, Some(first)) => write!(f, "; {first}"),
        (None, None) => Ok(()),
    }
}

impl StdError for BatchFailure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.cause)
    }
}

impl fmt::Display for BatchFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [ids, attempts] = [counted(self.ids.len(), "id"), counted(self.attempts, "attempt")];
        write!(f, "batch {} ({ids}, {attempts})", self.batch)?;
        if f.alternate() { write!(f, ": {}", with_causes(&self.cause)) } else { Ok(()) }
    }
}

impl fmt::Display for UnknownColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.name)?;
        if self.is_undeclared_key {
            f.write_str(", a key that the record type does not declare, so that it is not cached,")?;
        }
        match self.suggestions.first() {
            Some(near) => write!(f, " (did you mean {near:?}?)"),
            None => Ok(()),
        }
    }
}

fn counted(count: usize, noun: &str) -> String {
    match (count, noun) {
        (1, _) => format!("1 {noun}"),
        (_, "batch") => format!("{count} batches"),
        _ => format!("{count} {noun}s"),
    }
}

/// Shows the first few of a list.
struct Shown<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for Shown<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, item) in self.0.iter().take(SHOWN).enumerate() {
            let separator = if place == 0 { "" } else { ", " };
            write!(f, "{separator}{item}")?;
        }
        if self.0.len() > SHOWN { f.write_str(", …") } else { Ok(()) }
    }
}

pub(super) struct AtId<'a>(pub(super) &'a Option<RowId>);

impl fmt::Display for AtId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(id) => write!(f, "id {id} "),
            None => f.write_str("the batch "),
        }
    }
}
