//! The blocking fetcher in async code, on runtimes of one thread and of several.

use dbcache::fetch::Blocking;
use tokio::runtime::Builder;

use crate::{database, dynamic_cache};

const TABLE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO t VALUES (1, 7)";

#[test]
fn a_fetcher_fetches_and_is_dropped_in_async_code() {
    for mut builder in [Builder::new_current_thread(), Builder::new_multi_thread()] {
        let runtime = builder.enable_all().build().unwrap();
        let fetched = runtime.spawn(async {
            let (_folder, cache) = dynamic_cache();
            let query = cache.table("main.t").unwrap().select(["n"]).unwrap();
            let blocking = query.frame(&[1_i64], &database(TABLE)).unwrap();
            let fetcher = Blocking::new(database(TABLE));
            assert_eq!(query.refresh().frame_async(&[1_i64], &fetcher).await.unwrap(), blocking);
        });
        runtime.block_on(fetched).unwrap();
    }
}
