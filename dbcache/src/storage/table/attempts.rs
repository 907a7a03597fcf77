//! How often a read begins again because what it read turned out damaged, or changed while it read.

use std::path::Path;
use std::sync::Arc;

use super::Table;
use crate::error::{Error, Result};
use crate::storage::read::Snapshot;

/// How often one read begins again. The first repair mends all damage that checksums show, and the second what they
/// don't show. More are needed only if files are damaged, or rows change, as fast as they are read.
const MOST: usize = 8;

/// The attempts of one read or request, which are bounded. Every loop that reads a table again counts here.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    begun_again: usize,
}

impl Attempts {
    /// Sets damaged files aside, so that the caller can read again.
    ///
    /// # Errors
    ///
    /// `cause`, if it is not damage or if too many attempts met damage; otherwise the error of the repair.
    pub(crate) fn after_damage(&mut self, table: &Table, cause: Error) -> Result<()> {
        self.after(cause, |suspect| table.repair(suspect))
    }

    pub(super) fn after(&mut self, cause: Error, repair: impl FnOnce(Option<&Path>) -> Result<()>) -> Result<()> {
        match &cause {
            Error::Damaged { path, .. } if self.begun_again < MOST => {
                // Sound checksums do not make a file readable: one that is reported again after the repair is set
                // aside whatever they say.
                let suspect = (self.begun_again > 0).then_some(path.as_path());
                self.begun_again += 1;
                repair(suspect)
            }
            _ => Err(cause),
        }
    }

    /// Lets the caller begin again because other writers changed the rows that it read.
    ///
    /// # Errors
    ///
    /// [`Error::Contention`] if they did so too often.
    pub(crate) fn after_change(&mut self, table: &Table) -> Result<()> {
        if self.begun_again == MOST {
            return Err(Error::Contention { table: table.name().to_string(), attempts: MOST + 1 });
        }
        self.begun_again += 1;
        Ok(())
    }
}

impl Table {
    /// Reads from the newest snapshot, and again after damaged files were set aside.
    ///
    /// # Errors
    ///
    /// That of the read; [`Error::Damaged`] only if repairs do not help.
    pub(crate) fn read<R>(&self, read: impl Fn(Arc<Snapshot>) -> Result<R>) -> Result<R> {
        let mut attempts = Attempts::default();
        loop {
            match self.snapshot().and_then(&read) {
                Ok(done) => return Ok(done),
                Err(cause) => attempts.after_damage(self, cause)?,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::path::PathBuf;

    use polars::prelude::*;

    use super::super::update::Update;
    use super::*;
    use crate::key::Key;
    use crate::name::TableName;
    use crate::storage::Store;
    use crate::storage::rows::{Replace, Rows};

    fn table(folder: &Path) -> Arc<Table> {
        let name = TableName::new("public.users").expect("a valid name");
        let table = Store::new(folder.to_owned(), 0).table(&name, "id");
        let rows = Rows::uniform(i64::to_set(&[1]), vec![Column::new("name".into(), ["Ada"])]);
        let gone = rows.ids.none();
        let update = Update { rows: &rows, replace: Replace::CarryOver, gone: &gone, needs: &[], asked: Vec::new() };
        table.commit(&update).expect("a commit");
        table
    }

    fn damage(path: PathBuf) -> Error {
        Error::Damaged { path, reason: "its values make no sense".to_owned() }
    }

    #[test]
    fn a_file_whose_checksums_are_sound_is_set_aside_when_it_is_reported_damaged_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let table = table(folder.path());
        let rows = table.read(|stored| {
            let (ids, _) = stored.all()?;
            if ids.is_empty() { Ok(ids) } else { Err(damage(table.base.clone())) }
        });
        assert!(rows.expect("the row is a miss").is_empty());
        assert!(folder.path().join("public_users.parquet.damaged-1").exists());
    }

    #[test]
    fn damage_that_no_repair_mends_ends_as_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let table = table(folder.path());
        let reads = Cell::new(0);
        let read = table.read(|_| -> Result<()> {
            reads.set(reads.get() + 1);
            Err(damage(folder.path().join("elsewhere")))
        });
        assert!(matches!(read, Err(Error::Damaged { .. })), "{read:?}");
        assert_eq!(reads.get(), MOST + 1);
    }

    #[test]
    fn rows_that_change_each_time_they_are_read_end_as_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let (table, mut attempts) = (table(folder.path()), Attempts::default());
        let again = (0..=MOST).find_map(|_| attempts.after_change(&table).err());
        assert!(matches!(again, Some(Error::Contention { .. })), "{again:?}");
    }
}
