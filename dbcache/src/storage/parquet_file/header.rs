//! What a file of ours says of itself.

use serde::{Deserialize, Serialize};

use super::super::presence::ColumnSet;
use super::super::snapshot::Snapshot;
use crate::name::TableName;

/// The key of the header in the file's key-value metadata.
pub(super) const KEY: &str = "dbcache.header";
/// The newest format version that this code reads, and the one that it writes.
const FORMAT: u32 = 1;

/// Written as JSON.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    format: u32,
    table: String,
    id_column: String,
    pub(super) column_sets: Vec<ColumnSet>,
    /// The text columns that hold documents.
    #[serde(default, skip_serializing_if = "ColumnSet::is_empty")]
    pub(super) json_columns: ColumnSet,
}

/// Why a sound file is not the one that was wanted; the reasons are for people.
pub(super) enum Unfit {
    AnotherTable(String),
    TooNew(String),
}

impl Header {
    pub(super) fn new(snapshot: &Snapshot, table: &TableName, id_column: &str) -> Self {
        Self {
            format: FORMAT,
            table: table.to_string(),
            id_column: id_column.to_owned(),
            column_sets: snapshot.presence.sets().to_vec(),
            json_columns: snapshot.documents.clone(),
        }
    }

    /// Whether the file is of this table, and of a format that this code reads.
    pub(super) fn check(&self, table: &TableName, id_column: &str) -> Result<(), Unfit> {
        if self.format > FORMAT {
            let reason = format!("its format {} is newer than {FORMAT}: update dbcache", self.format);
            return Err(Unfit::TooNew(reason));
        }
        if self.table != table.as_str() || self.id_column != id_column {
            return Err(Unfit::AnotherTable(format!("it holds {} by {:?}", self.table, self.id_column)));
        }
        Ok(())
    }
}
