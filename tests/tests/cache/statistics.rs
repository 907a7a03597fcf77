//! What a cache counts.

use dbcache_tests::Database;
use serde_json::json;

use crate::Folder;

#[test]
fn a_cache_counts_what_it_did() {
    let folder = Folder::new();
    let database = Database::with_rows((1..=9).map(|id| json!({ "id": id, "name": "x", "age": id }))).failing_on([9]);
    let cache = folder.cache();
    let users = cache.table("public.users").unwrap();
    let names = users.select(["name"]).unwrap();
    names.frame(&[1, 2, 2], &database).unwrap();
    names.frame(&[1, 2, 3], &database).unwrap();
    names.frame(&[9], &database).unwrap_err();
    names.frame_cached(&[1, 2]).unwrap();
    let stats = cache.stats();
    assert_eq!((stats.requests, stats.hits, stats.incomplete, stats.missing), (3, 2, 0, 4));
    assert_eq!((stats.batches, stats.fetched_rows, stats.committed_rows), (3, 3, 3));
    assert_eq!((stats.retries, stats.failures, stats.shared), (0, 1, 0));
    assert!(stats.fetched_bytes > 0);
    assert_eq!(users.stats(), stats);
}
