//! The ids that a database turned out not to have, and the file that keeps them.
//!
//! The file is a help and nothing more: one that is missing, unreadable, damaged or of another version is as good as an
//! empty one.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::Table;
use crate::error::{Error, Result};
use crate::key::{IdSet, RowId};
use crate::storage::place::disk::{self, Writing};

/// What the file's first line begins with; the checksum of the rest follows.
const HEADER: &str = "dbcache absent ids 1 xxh3-64:";

/// Absent ids, each with the second since 1970 in which the database was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AbsentIds(BTreeMap<RowId, u64>);

impl AbsentIds {
    pub(crate) fn add(&mut self, ids: &IdSet, now: u64) {
        self.0.extend(ids.row_ids().into_iter().map(|id| (id, now)));
    }

    /// Forgets the ids that were not found absent in these seconds: before, or by a clock that was ahead.
    pub(crate) fn forget_beside(&mut self, seconds: &RangeInclusive<u64>) {
        self.0.retain(|_, asked| seconds.contains(asked));
    }

    /// Forgets these ids. Returns whether any was there.
    pub(crate) fn forget(&mut self, ids: &IdSet) -> bool {
        let before = self.0.len();
        for id in ids.row_ids() {
            self.0.remove(&id);
        }
        self.0.len() < before
    }

    /// The ids that were found absent in these seconds.
    pub(crate) fn within(&self, seconds: &RangeInclusive<u64>) -> IdSet {
        IdSet::of(self.0.iter().filter(|(_, asked)| seconds.contains(asked)).map(|(id, _)| id))
    }
}

/// The content of the file below its first line, as JSON.
#[derive(Debug, Serialize, Deserialize)]
struct Content {
    table: String,
    id_column: String,
    absent: Vec<(Id, u64)>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Id {
    Int(i64),
    Big(u64),
    /// Of 128 bits, which no JSON number surely has, as digits.
    Wide {
        integer: String,
    },
    Text(String),
}

impl From<&RowId> for Id {
    fn from(id: &RowId) -> Self {
        match id {
            RowId::Int(id) => {
                let number = i64::try_from(*id).map(Self::Int).or_else(|_| u64::try_from(*id).map(Self::Big));
                number.unwrap_or_else(|_| Self::Wide { integer: id.to_string() })
            }
            RowId::Huge(id) => Self::Wide { integer: id.to_string() },
            RowId::Text(id) => Self::Text(id.clone()),
        }
    }
}

impl Id {
    fn row_id(self) -> Option<RowId> {
        Some(match self {
            Self::Int(id) => id.into(),
            Self::Big(id) => id.into(),
            Self::Wide { integer } => RowId::integer(&integer)?,
            Self::Text(id) => id.into(),
        })
    }
}

impl Table {
    /// The ids that are known to be absent; none where the file does not say.
    pub(crate) fn absent_ids(&self) -> AbsentIds {
        match self.with_files(|| self.read_absent()) {
            Ok(Some(absent)) => absent,
            Ok(None) => {
                tracing::warn!(table = %self.name(), "the file of absent ids is damaged; it will be written anew");
                AbsentIds::default()
            }
            Err(cause) => {
                let cause = cause.with_causes();
                tracing::warn!(table = %self.name(), cause, "the file of absent ids is unreadable");
                AbsentIds::default()
            }
        }
    }

    /// `None` where the file is damaged.
    fn read_absent(&self) -> Result<Option<AbsentIds>> {
        match disk::open(&self.absent_file())? {
            Some((_, file)) => Ok(self.parse(&file.read(0..file.length())?)),
            None => Ok(Some(AbsentIds::default())),
        }
    }

    /// Keeps absent ids that were asked now, the last of these seconds, durably, and forgets those that were last asked
    /// before or after them.
    ///
    /// # Errors
    ///
    /// An I/O error.
    pub(crate) fn remember_absent(&self, ids: &IdSet, seconds: &RangeInclusive<u64>) -> Result<()> {
        let _lock = self.lock()?;
        let mut absent = self.absent_ids();
        absent.add(ids, *seconds.end());
        absent.forget_beside(seconds);
        self.write_absent(&absent)
    }

    /// Forgets absent ids, or all where there are none given. A file that cannot be read is removed, whatever it has.
    ///
    /// The caller is the table's only writer.
    pub(super) fn forget_absent(&self, ids: Option<&IdSet>) -> Result<()> {
        if let (Some(ids), Ok(Some(mut absent))) = (ids, self.read_absent()) {
            return if absent.forget(ids) { self.write_absent(&absent) } else { Ok(()) };
        }
        let path = self.absent_file();
        disk::remove(&path)?;
        path.parent().map_or(Ok(()), disk::sync_if_there)
    }

    fn write_absent(&self, absent: &AbsentIds) -> Result<()> {
        let mut file = Writing::create(&self.absent_file())?;
        file.write(&self.print(absent)?)?;
        file.finish()
    }

    pub(super) fn absent_file(&self) -> PathBuf {
        self.lock_file().with_extension("absent")
    }

    fn print(&self, absent: &AbsentIds) -> Result<Vec<u8>> {
        let content = Content {
            table: self.name().to_string(),
            id_column: self.id_column().to_owned(),
            absent: absent.0.iter().map(|(id, asked)| (id.into(), *asked)).collect(),
        };
        let content = serde_json::to_string(&content)
            .map_err(|source| Error::Frame { action: "describe absent ids", source: source.into() })?;
        Ok(format!("{HEADER}{:016x}\n{content}", xxh3_64(content.as_bytes())).into_bytes())
    }

    fn parse(&self, bytes: &[u8]) -> Option<AbsentIds> {
        let (header, content) = std::str::from_utf8(bytes).ok()?.split_once('\n')?;
        let checksum = u64::from_str_radix(header.strip_prefix(HEADER)?, 16).ok()?;
        if checksum != xxh3_64(content.as_bytes()) {
            return None;
        }
        let Content { table, id_column, absent } = serde_json::from_str(content).ok()?;
        let is_ours = table == self.name().as_str() && id_column == self.id_column();
        // What another id column lacks says nothing of this one.
        if !is_ours {
            return Some(AbsentIds::default());
        }
        let absent: Option<BTreeMap<RowId, u64>> =
            absent.into_iter().map(|(id, asked)| Some((id.row_id()?, asked))).collect();
        absent.map(AbsentIds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Key;
    use crate::name::TableName;
    use crate::storage::Store;

    fn table(folder: &std::path::Path) -> std::sync::Arc<Table> {
        let name = TableName::new("public.users").expect("a valid name");
        Store::new(folder.to_owned(), 0).table(&name, "id")
    }

    #[test]
    fn ids_of_every_kind_are_read_as_they_were_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let table = table(folder.path());
        let all = [
            i64::to_set(&[-1, 5]),
            u64::to_set(&[5, u64::MAX]),
            i128::to_set(&[i128::MIN, i128::MAX]),
            u128::to_set(&[u128::MAX]),
            String::to_set(&["5".to_owned()]),
        ];
        let mut expected = AbsentIds::default();
        for ids in all {
            table.remember_absent(&ids, &(100..=100)).expect("written");
            expected.add(&ids, 100);
        }
        assert_eq!(table.absent_ids(), expected);
    }

    #[test]
    fn ids_are_forgotten_when_they_are_too_old() {
        let folder = tempfile::tempdir().expect("a folder");
        let table = table(folder.path());
        table.remember_absent(&i64::to_set(&[1, 2]), &(0..=100)).expect("written");
        table.remember_absent(&i64::to_set(&[2, 3]), &(0..=200)).expect("written");
        assert_eq!(table.absent_ids().within(&(150..=200)), i64::to_set(&[2, 3]));
        table.remember_absent(&i64::to_set(&[4]), &(150..=300)).expect("written");
        assert_eq!(table.absent_ids().within(&(0..=300)), i64::to_set(&[2, 3, 4]));
    }

    #[test]
    fn ids_that_a_clock_ahead_found_absent_do_not_count() {
        let folder = tempfile::tempdir().expect("a folder");
        let table = table(folder.path());
        table.remember_absent(&i64::to_set(&[1]), &(0..=900)).expect("written");
        assert_eq!(table.absent_ids().within(&(0..=300)), i64::to_set(&[]));
        table.remember_absent(&i64::to_set(&[2]), &(0..=300)).expect("written");
        assert_eq!(table.absent_ids().within(&(0..=900)), i64::to_set(&[2]));
    }

    #[test]
    fn a_damaged_file_is_as_good_as_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let table = table(folder.path());
        table.remember_absent(&i64::to_set(&[1, 2]), &(0..=100)).expect("written");
        let file = table.absent_file();
        let mut bytes = std::fs::read(&file).expect("a file");
        for place in 0..bytes.len() {
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1;
            }
            std::fs::write(&file, &bytes).expect("written");
            assert_eq!(table.absent_ids(), AbsentIds::default(), "{place}");
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1;
            }
        }
        std::fs::write(&file, [0xff; 9]).expect("written");
        table.remember_absent(&i64::to_set(&[3]), &(0..=100)).expect("written");
        assert_eq!(table.absent_ids().within(&(0..=300)), i64::to_set(&[3]));
    }
}
