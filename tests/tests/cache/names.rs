//! Malformed names are refused with a reason; odd ones get files of their own inside the folder.

use dbcache::Error;
use dbcache_tests::Database;
use serde_json::json;

use crate::Folder;

#[test]
fn malformed_table_names_say_what_is_wrong() {
    let cache = Folder::new().cache();
    for (name, fault) in [
        ("users", "schema"),
        ("", "schema"),
        ("public.", "empty"),
        (".users", "empty"),
        ("public..users", "empty"),
        ("../../etc.passwd", "'/'"),
        ("public.us\0ers", "'\\0'"),
        ("public. users", "space"),
    ] {
        match cache.table(name) {
            Err(Error::TableName { name: shown, reason }) => {
                assert_eq!(shown, name);
                assert!(reason.contains(fault), "{name:?}: {reason}");
            }
            other => panic!("{name:?}: {other:?}"),
        }
    }
}

#[test]
fn malformed_columns_say_what_is_wrong() {
    let folder = Folder::new();
    for name in ["", ".city", "profile.", "profile..city", "\"profile", "profile.ci\0ty"] {
        match folder.users().select([name]) {
            Err(Error::ColumnName { name: shown, .. }) => assert_eq!(shown, name),
            other => panic!("{name:?}: {other:?}"),
        }
    }
}

#[test]
fn a_request_for_no_columns_is_refused() {
    let error = Folder::new().users().select(Vec::<String>::new()).unwrap_err();
    assert!(matches!(error, Error::NoColumns { .. }));
}

#[test]
fn tables_whose_names_look_alike_do_not_share_rows() {
    let folder = Folder::new();
    let tables = ["a.b_c", "a_b.c", "a.b.c", "A.b_c", "a.b c", "a.b-c", "a.b:c", "a.B_c"];
    for (id, table) in (1..).zip(tables) {
        let database = Database::with_rows([json!({ "id": id, "name": table })]);
        folder.cache().table(table).unwrap().select(["name"]).unwrap().frame(&[id], &database).unwrap();
    }
    for (id, table) in (1..).zip(tables) {
        let table = folder.cache().table(table).unwrap();
        let found = table.select(["name"]).unwrap().frame_cached::<i64>(&(1..9).collect::<Vec<_>>()).unwrap();
        assert_eq!(found.rows.height(), 1);
        assert_eq!(found.missing.len(), 7);
        assert!(!found.missing.contains(&id));
    }
}
