//! A database that stops answering in the midst of a request.

use std::sync::{Arc, Mutex, PoisonError};

use dbcache::progress::ProgressEvent;
use dbcache::{BatchPolicy, DynamicCache, Error, Progress};

use super::{Adapter, Of};

pub fn a_database_that_goes_away_fails_the_rest_and_loses_nothing(database: &Arc<impl Adapter>) {
    database.execute(
        "CREATE TABLE main.t (id BIGINT PRIMARY KEY, n BIGINT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO main.t SELECT i, i FROM n",
    );
    let folder = tempfile::tempdir().expect("a folder");
    let asked = Arc::new(Mutex::new(Vec::new()));
    let progress = Progress::observer(watcher(Arc::clone(database), Arc::clone(&asked)));
    let builder = DynamicCache::builder().folder(folder.path()).batches(BatchPolicy::Fixed(100)).progress(progress);
    let cache = builder.open().expect("a cache");
    let t = cache.table("main.t").expect("a table");
    let query = t.select(["n"]).expect("columns");
    let ids: Vec<i64> = (1..=500).collect();

    let refused = query.frame(&ids, &Of(&**database)).expect_err("the database to be away");
    let Error::FetchFailed { failures, stored, .. } = refused else { panic!("{refused}") };
    assert_eq!((failures.len(), stored), (3, 200));
    assert_eq!(query.look_up(&ids).expect("a look").missing, (201..=500).collect::<Vec<i64>>());

    database.come_back();
    assert_eq!(query.frame(&ids, &Of(&**database)).expect("rows").height(), 500);
    assert_eq!(*asked.lock().unwrap_or_else(PoisonError::into_inner), [500, 300]);
}

/// Notes how many ids each request fetches, and lets the database go away after the second batch of the first.
fn watcher(
    database: Arc<impl Adapter>,
    asked: Arc<Mutex<Vec<usize>>>,
) -> impl Fn(&ProgressEvent<'_>) + Send + Sync + 'static {
    move |event| {
        let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            ProgressEvent::Started { ids, .. } => asked.push(*ids),
            ProgressEvent::Fetched { batch: 2, .. } if asked.len() == 1 => database.go_away(),
            _ => {}
        }
    }
}
