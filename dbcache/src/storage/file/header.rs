//! What a file of ours says of itself.

use serde::{Deserialize, Serialize};

use crate::name::TableName;
use crate::storage::place::{Commits, Place};
use crate::storage::rows::{ColumnSet, SetOfRows, keys};

/// The key of the header in the file's key-value metadata.
pub(super) const KEY: &str = "dbcache.header";
/// The newest format version that this code reads, and the one that it writes.
const FORMAT: u32 = 1;

/// Written as JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::storage) struct Header {
    format: u32,
    table: String,
    id_column: String,
    /// The commits that the file holds; a base holds all from 0 on.
    first_commit: u64,
    last_commit: u64,
    /// Whether rows of older files are gone, because a file that may have replaced them was damaged.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(in crate::storage) hides_older: bool,
    /// The last commit that forgot rows or columns, 0 where none did: what was fetched before it may not come back.
    #[serde(default, skip_serializing_if = "is_none")]
    pub(in crate::storage) forgot: u64,
    pub(in crate::storage) column_sets: Vec<SetOfRows>,
    /// The text columns that hold documents.
    #[serde(default, skip_serializing_if = "ColumnSet::is_empty")]
    pub(in crate::storage) json_columns: ColumnSet,
}

/// Why a sound file is not the one that was wanted; the reasons are for people.
pub(super) enum Unfit {
    AnotherTable(String),
    /// It is of this table, but belongs in another place.
    Misplaced,
    TooNew(String),
}

impl Header {
    pub(in crate::storage) fn new(table: &TableName, id_column: &str, commits: Commits) -> Self {
        Self {
            format: FORMAT,
            table: table.to_string(),
            id_column: id_column.to_owned(),
            first_commit: commits.first,
            last_commit: commits.last,
            hides_older: false,
            forgot: 0,
            column_sets: Vec::new(),
            json_columns: ColumnSet::new(),
        }
    }

    /// The table's true name, and its id column.
    pub(super) fn into_names(self) -> (String, String) {
        (self.table, self.id_column)
    }

    pub(in crate::storage) fn commits(&self) -> Commits {
        Commits { first: self.first_commit, last: self.last_commit }
    }

    /// Whether some rows lack what others have, or are gone: to read them takes more than the columns.
    pub(in crate::storage) fn tells_rows_apart(&self) -> bool {
        let with_rows = || self.column_sets.iter().filter(|set| set.rows > 0);
        with_rows().count() > 1 || with_rows().flat_map(|set| &set.columns).any(|entry| !keys::is_column(entry))
    }

    /// Whether the file is of this table and place, and of a format that this code reads.
    pub(super) fn check(&self, table: &TableName, id_column: &str, place: Place) -> Result<(), Unfit> {
        if self.format > FORMAT {
            let reason = format!("its format {} is newer than {FORMAT}: update dbcache", self.format);
            return Err(Unfit::TooNew(reason));
        }
        if self.table != table.as_str() || self.id_column != id_column {
            return Err(Unfit::AnotherTable(format!("it holds {} by {:?}", self.table, self.id_column)));
        }
        let is_in_place = match place {
            Place::Base => self.first_commit == 0,
            Place::Segment(name) => self.commits() == name.commits,
        };
        if is_in_place { Ok(()) } else { Err(Unfit::Misplaced) }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_none(commit: &u64) -> bool {
    *commit == 0
}
