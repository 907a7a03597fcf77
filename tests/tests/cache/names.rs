//! Malformed names are refused with a reason; odd ones get files of their own inside the folder.

use dbcache::polars::prelude::*;
use dbcache::{Cache, Cached, CachedJson, Error};
use dbcache_tests::Database;
use serde::{Deserialize, Serialize};
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

#[test]
fn a_column_with_a_dot_and_a_path_of_the_same_text_are_two_columns() {
    let folder = Folder::new();
    let database = Database::with_rows([json!({ "id": 1, "a": { "b": 10 }, "a.b": 20, "\"a.b\"": 30 })]);
    let (path, column, quoted) = ("a.b", "\"a.b\"", r#""\"a.b\"""#);
    let cases: [&[(&str, &str, i64)]; 6] = [
        &[(path, path, 10)],
        &[(column, "a.b", 20)],
        &[(column, column, 20), (path, path, 10)],
        &[(path, path, 10), (column, column, 20)],
        &[(quoted, "\"a.b\"", 30), (path, path, 10)],
        &[(path, path, 10), (quoted, quoted, 30), (column, column, 20)],
    ];
    for case in cases {
        for _ in 0..2 {
            let columns = case.iter().map(|(column, ..)| column);
            let frame = folder.users().select(columns).unwrap().frame(&[1], &database).unwrap();
            let value = |column: &Column| (column.name().to_string(), column.i64().unwrap().get(0).unwrap());
            let found: Vec<(String, i64)> = frame.columns()[1..].iter().map(value).collect();
            let expected: Vec<(String, i64)> =
                case.iter().map(|(_, name, value)| ((*name).to_owned(), *value)).collect();
            assert_eq!(found, expected);
        }
    }
    let pinned = folder.users().select([column, path]).unwrap().pin(path, DataType::String).unwrap();
    let frame = pinned.frame(&[1], &database).unwrap();
    assert_eq!(frame.column(path).unwrap(), &Column::new(path.into(), ["10"]));
    assert_eq!(frame.column(column).unwrap(), &Column::new(column.into(), [20_i64]));
}

#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "public.users")]
struct Dotted {
    #[cached(id)]
    id: i64,
    #[cached(json)]
    a: Document,
    #[cached(rename = "a.b")]
    flat: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
struct Document {
    b: i64,
}

#[test]
fn typed_selections_tell_a_column_with_a_dot_from_a_path() {
    let folder = Folder::new();
    let cache = Cache::<Dotted>::open(folder.path("")).unwrap();
    let fetcher = |ids: &[i64]| -> Result<Vec<Dotted>, std::io::Error> {
        Ok(ids.iter().map(|id| Dotted { id: *id, a: Document { b: 10 }, flat: 20 }).collect())
    };
    let c = Dotted::columns();
    assert_eq!(cache.select((c.flat, c.a.b)).rows(&[1], &fetcher).unwrap(), [(20, 10)]);
    assert_eq!(cache.select((c.a.b, c.flat, c.a)).rows(&[1], &fetcher).unwrap(), [(10, 20, Document { b: 10 })]);
    assert_eq!(cache.select(c.flat).rows(&[1], &fetcher).unwrap(), [20]);
}
