//! A scan gives the rows of the moment at which it was made.

use dbcache::polars::prelude::*;

use crate::{Folder, collected, tables, users};

#[test]
fn what_is_stored_and_folded_meanwhile_does_not_show() {
    let folder = tables::segments();
    let (cached, scan) = (folder.users().cached().unwrap(), folder.users().scan().unwrap());
    folder.store(&users((1..=2_000).step_by(3), "later"));
    folder.users().compact().unwrap();
    assert_eq!(folder.segments(), 0);
    assert!(collected(scan.clone()).equals_missing(&cached));

    std::fs::remove_dir_all(folder.path()).unwrap();
    assert!(
        collected(scan.filter(col("age").is_null()))
            .equals_missing(&cached.lazy().filter(col("age").is_null()).collect().unwrap())
    );
}

#[test]
fn the_next_scan_has_what_was_stored() {
    let folder = tables::base_alone();
    let table = folder.users();
    let before = collected(table.scan().unwrap().select([len()]));
    folder.store(&users(5_000..5_010, "later"));
    let after = collected(table.scan().unwrap().select([len()]));
    let rows = |count: DataFrame| count.column("len").unwrap().u32().unwrap().get(0).unwrap();
    assert_eq!((rows(before), rows(after)), (1_000, 1_010));
}

#[test]
fn a_cache_that_is_gone_leaves_its_scans() {
    let folder = Folder::new();
    folder.store(&users(1..=100, "first"));
    let scan = {
        let cache = folder.cache();
        cache.table("public.users").unwrap().scan().unwrap()
    };
    assert_eq!(collected(scan).height(), 100);
}
