//! A database that stops answering in the midst of a request.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dbcache::error::BoxError;
use dbcache::fetch::{Dynamic, FetchRequest, Fetched, Fetcher};
use dbcache::{BatchPolicy, DynamicCache, Error, Progress};

use super::{Adapter, Of};

pub fn a_database_that_goes_away_fails_the_rest_and_loses_nothing(database: &Arc<impl Adapter>) {
    database.execute(
        "CREATE TABLE main.t (id BIGINT PRIMARY KEY, n BIGINT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO main.t SELECT i, i FROM n",
    );
    let folder = tempfile::tempdir().expect("a folder");
    let builder = DynamicCache::builder().folder(folder.path()).progress(Progress::Silent);
    let cache = builder.batches(BatchPolicy::Fixed(100)).open().expect("a cache");
    let t = cache.table("main.t").expect("a table");
    let query = t.select(["n"]).expect("columns");
    let ids: Vec<i64> = (1..=500).collect();

    let leaving = Leaving { database: &**database, batches: AtomicUsize::new(0) };
    let refused = query.frame(&ids, &leaving).expect_err("the database to be away");
    let Error::FetchFailed { failures, stored, .. } = refused else { panic!("{refused}") };
    assert_eq!((failures.len(), stored), (3, 200));
    assert_eq!(query.look_up(&ids).expect("a look").missing, (201..=500).collect::<Vec<i64>>());

    database.come_back();
    database.execute("DELETE FROM main.t WHERE id <= 200");
    assert_eq!(query.frame(&ids, &Of(&**database)).expect("rows").height(), 500);
}

/// A fetcher whose database goes away before the third batch.
struct Leaving<'a, A> {
    database: &'a A,
    batches: AtomicUsize,
}

impl<A: Adapter> Fetcher<Dynamic<i64>> for Leaving<'_, A> {
    fn fetch(&self, request: &FetchRequest<'_, i64>) -> Result<Fetched<Dynamic<i64>>, BoxError> {
        if self.batches.fetch_add(1, Ordering::Relaxed) == 2 {
            self.database.go_away();
        }
        self.database.fetch(request)
    }
}
