//! Ids that a database finds under another spelling than was requested.

use dbcache::error::BatchError;
use dbcache::fetch::{FetchRequest, Fetched, RequestedColumn};
use dbcache::key::RowId;
use dbcache::{DynamicCache, Error, TableName};

use super::{Adapter, Of, all, fetch};

/// A table with the ids `stored` and `other`, and another spelling of the first that the database's `=` takes for it.
#[derive(Clone, Copy, Debug)]
pub struct Spelled<'a> {
    /// The table, with its schema.
    pub table: &'a str,
    /// A spelling that is in no row.
    pub asked: &'a str,
    /// The spelling of the row.
    pub stored: &'a str,
    /// The id of another row.
    pub other: &'a str,
}

impl Spelled<'_> {
    /// Checks that no request by the other spelling ends in "not found", whatever else it asks for.
    ///
    /// # Panics
    ///
    /// If one does.
    pub fn assert_refused(self, database: &impl Adapter) {
        for beside in [&[][..], &[self.stored], &[self.other], &[self.stored, self.other, "nobody"]] {
            let ids = sorted(&[&[self.asked], beside].concat());
            let refused = fetch(database, self.table, "id", &ids, None).expect_err("a refusal");
            self.assert_named(refused.downcast_ref().unwrap_or_else(|| panic!("{refused:?}")));
            let folder = tempfile::tempdir().expect("a result");
            let people = DynamicCache::open(folder.path())
                .expect("a result")
                .table(self.table)
                .expect("a result")
                .select(["n"])
                .expect("a result");
            match people.frame(&ids, &Of(database)).expect_err("a refusal") {
                Error::FetchFailed { failures, .. } => self.assert_named(&failures[0].cause),
                other => panic!("{other:?}"),
            }
        }
        let ids = sorted(&[self.stored, self.other, "nobody"]);
        assert_eq!(all(database, self.table, &ids).height(), 2, "{self:?}");
    }

    /// Checks the same of records, which `fetch` reads.
    ///
    /// # Panics
    ///
    /// If the request by both spellings is not refused.
    pub fn assert_records_refused<T>(
        self,
        fetch: impl Fn(&FetchRequest<'_, String>) -> Result<Fetched<T>, dbcache::error::BoxError>,
    ) {
        let (ids, table) = (sorted(&[self.asked, self.stored]), TableName::new(self.table).expect("a result"));
        let columns = [RequestedColumn::new("n")];
        let request = FetchRequest::new(&ids, &table, "id").with_columns(&columns);
        let Err(refused) = fetch(&request) else { panic!("{self:?} is not refused") };
        self.assert_named(refused.downcast_ref().unwrap_or_else(|| panic!("{refused:?}")));
    }

    fn assert_named(self, cause: &BatchError) {
        let BatchError::Spelling { asked: RowId::Text(asked), found: RowId::Text(found) } = cause else {
            panic!("{self:?}: {cause:?}")
        };
        assert_eq!((asked.as_str(), found.as_str()), (self.asked, self.stored));
    }
}

fn sorted(ids: &[&str]) -> Vec<String> {
    let mut ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    ids.sort();
    ids
}
