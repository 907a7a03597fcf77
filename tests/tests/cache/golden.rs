//! Folders that earlier versions wrote are read with the rows that they were given.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dbcache::polars::prelude::*;
use dbcache_tests::golden::{
    COMPLETED, FIRST, ORDERS, REPLACED, User, contact, kinds, open, open_dynamic, order, readable, user, write_readable,
};
use serde_json::{Value, json};

use crate::Folder;

/// A copy of a folder, so that nothing changes what is checked in.
fn golden(version: &str) -> Folder {
    let folder = Folder::new();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(version), folder.0.path());
    folder
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        let copied = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &copied) } else { std::fs::copy(&path, &copied).map(drop).unwrap() }
    }
}

fn never(_: &[i64]) -> Result<Vec<User>, std::io::Error> {
    Err(std::io::Error::other("nothing needs to be fetched"))
}

/// The users of whom everything is stored, as they were stored last.
fn users() -> Vec<User> {
    let first = FIRST.map(|id| (id, 1)).into_iter();
    let later = REPLACED.map(|id| (id, 3)).into_iter().chain(COMPLETED.map(|id| (id, 4)));
    let versions: BTreeMap<i64, i64> = first.chain(later).collect();
    versions.into_iter().map(|(id, version)| user(id, version)).collect()
}

fn text(column: &Column) -> Vec<Option<&str>> {
    column.str().unwrap().iter().collect()
}

#[test]
fn rows_of_format_1_are_read_from_base_and_segments() {
    let folder = golden("v1");
    let expected = users();
    let ids: Vec<i64> = expected.iter().map(|user| user.id).collect();
    assert_eq!(open::<User>(folder.0.path()).rows(&ids, &never).unwrap(), expected);
}

#[test]
fn format_1_tells_for_every_row_which_columns_and_keys_were_fetched() {
    let folder = golden("v1");
    let table = open_dynamic(folder.0.path()).table("public.users").unwrap();
    let all: Vec<i64> = (-5..=10).collect();
    let look_up = |column: &str| {
        let found = table.select([column]).unwrap().look_up(&all).unwrap();
        (found.hits, found.incomplete)
    };
    let whole = vec![-4, -1, 0, 1, 2, 3, 5, 6, 7, 8, 9];
    assert_eq!(look_up("age"), (whole.clone(), vec![4]));
    assert_eq!(look_up("profile.trips.0.km"), (whole, vec![4]));
    assert_eq!(look_up("profile.zip").0, Vec::<i64>::new());
    assert_eq!(look_up("mail"), (vec![4, 7, 8], vec![-4, -1, 0, 1, 2, 3, 5, 6, 9]));
    assert_eq!(look_up("name").0.len(), 12);
}

#[test]
fn documents_of_format_1_are_answered_structured() {
    let folder = golden("v1");
    let table = open_dynamic(folder.0.path()).table("public.users").unwrap();
    let query = table.select(["name", "mail", "settings", "settings.size"]).unwrap();
    let rows = query.frame_cached(&[4, 7, 8]).unwrap().rows;
    let (seven, eight) = (user(7, 4).name, user(8, 4).name);
    assert_eq!(text(rows.column("name").unwrap()), [Some("contact 4"), Some(&seven), Some(&eight)]);
    let contacts = [4, 7, 8].map(contact);
    let mails: Vec<Option<&str>> = contacts.iter().map(|contact| contact["mail"].as_str()).collect();
    assert_eq!(text(rows.column("mail").unwrap()), mails);
    assert!(rows.column("settings").unwrap().dtype().is_struct());
    assert_eq!(rows.column("settings.size").unwrap().i64().unwrap().to_vec(), [Some(4), Some(7), Some(8)]);
}

#[test]
fn text_ids_and_escaped_names_of_format_1_are_read() {
    let folder = golden("v1");
    let table = open_dynamic(folder.0.path()).table_by("shop.Orders", "code").unwrap();
    let codes = ORDERS.map(str::to_owned);
    let found = table.select(["total"]).unwrap().frame_cached(&codes).unwrap();
    assert!(found.missing.is_empty());
    let totals = ORDERS.map(|code| order(code)["total"].as_f64());
    assert_eq!(found.rows.column("total").unwrap().f64().unwrap().to_vec(), totals);
    assert_eq!(table.select(["note"]).unwrap().look_up(&codes).unwrap().hits, ["Ärger-1"]);
}

#[test]
fn every_column_type_of_format_1_is_read() {
    let folder = golden("v1");
    let table = open_dynamic(folder.0.path()).table("public.kinds").unwrap();
    let (cached, expected) = (table.cached().unwrap(), kinds());
    assert_eq!(cached.schema(), expected.schema());
    assert!(cached.equals_missing(&expected), "{cached}");
}

#[test]
fn folders_of_format_1_are_listed_and_take_new_rows() {
    let folder = golden("v1");
    let cache = open_dynamic(folder.0.path());
    let listed: Vec<Value> =
        cache.tables().unwrap().iter().map(|table| json!([table.name, table.rows, table.segments])).collect();
    assert_eq!(json!(listed), json!([["public.kinds", 3, 0], ["public.users", 13, 3], ["shop.Orders", 4, 0]]));
    assert!(cache.tables().unwrap().iter().all(|table| table.fault.is_none()));

    let fetcher = |ids: &[i64]| Ok::<Vec<User>, std::io::Error>(ids.iter().map(|id| user(*id, 1)).collect());
    let users_cache = open::<User>(folder.0.path());
    assert_eq!(users_cache.rows(&[4, 10], &fetcher).unwrap(), [user(4, 1), user(10, 1)]);
    users_cache.compact().unwrap();
    let expected = users();
    let ids: Vec<i64> = expected.iter().map(|user| user.id).collect();
    assert_eq!(open::<User>(folder.0.path()).rows(&ids, &never).unwrap(), expected);
}

#[test]
fn what_is_written_now_has_the_same_rows() {
    let (checked_in, above) = (golden("v1"), Folder::new());
    let now = dbcache_tests::golden::write(above.0.path()).unwrap();
    for (name, id_column) in [("public.users", "id"), ("shop.Orders", "code"), ("public.kinds", "id")] {
        let cached = |folder: &Path| open_dynamic(folder).table_by(name, id_column).unwrap().cached().unwrap();
        assert!(cached(&now).equals_missing(&cached(checked_in.0.path())), "{name}");
    }
}

#[test]
fn columns_that_are_written_in_the_types_of_others_are_read_in_ours() {
    let (checked_in, now, expected) = (golden("v1-readable"), Folder::new(), readable());
    write_readable(now.0.path()).unwrap();
    for folder in [&checked_in, &now] {
        let table = open_dynamic(folder.0.path()).table("public.readable").unwrap();
        let cached = table.cached().unwrap();
        assert_eq!(cached.schema(), expected.schema());
        assert!(cached.equals_missing(&expected), "{cached}");
        // A single row comes another way.
        let columns = ["moment", "of_day", "i128", "both_128", "moment_fine"];
        let one = table.select(columns).unwrap().frame_cached(&[0_u64]).unwrap().rows;
        let names = std::iter::once("id").chain(columns);
        assert!(one.equals_missing(&expected.select(names).unwrap().head(Some(1))), "{one}");
    }
}

#[test]
fn times_stay_exact_when_files_are_joined_of_which_one_has_whole_microseconds_alone() {
    let folder = Folder::new();
    let table = folder.cache().table("public.t").unwrap();
    let times = |times: [i64; 2]| {
        let times = Series::new("at".into(), times).cast(&DataType::Datetime(TimeUnit::Nanoseconds, None)).unwrap();
        let of_day = Series::new("of_day".into(), times.to_physical_repr().i64().unwrap() % 86_400);
        let of_day = of_day.cast(&DataType::Time).unwrap();
        (times, of_day)
    };
    for (ids, values) in [([1_i64, 2], [1_000, 5_000]), ([3, 4], [1_001, 7])] {
        let (at, of_day) = times(values);
        let fetcher = |_: &[i64], _: &str| {
            DataFrame::new(2, vec![Column::new("id".into(), ids), at.clone().into(), of_day.clone().into()])
        };
        table.select(["at", "of_day"]).unwrap().frame(&ids, &fetcher).unwrap();
    }
    let stored = table.cached().unwrap();
    assert_eq!(
        stored.column("at").unwrap().to_physical_repr().i64().unwrap().to_vec(),
        [1_000, 5_000, 1_001, 7].map(Some)
    );
    let of_day = stored.column("of_day").unwrap().to_physical_repr();
    assert_eq!(of_day.i64().unwrap().to_vec(), [1_000, 5_000, 1_001, 7].map(|time: i64| Some(time % 86_400)));
}
