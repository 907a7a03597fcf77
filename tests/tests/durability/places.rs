//! Hostile names, and things in the folder that nobody would expect there.

use std::collections::BTreeSet;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use dbcache::{DynamicCache, Error, Progress};
use dbcache_tests::counts::report;
use dbcache_tests::versioned::{FILE, Versions, all, open, put};
use dbcache_tests::{Database, Row};
use serde_json::json;

use crate::{Scratch, is_root, succeeds, worker};

const LOCK: &str = "test_versions.lock";
const ABSENT: &str = "test_versions.absent";
const SEGMENTS: &str = "test_versions.segments";
/// Nobody, on most systems.
const NOBODY: u32 = 65_534;

fn cache(folder: &Path) -> DynamicCache {
    DynamicCache::builder().folder(folder).progress(Progress::Silent).open().expect("a cache")
}

fn hostile_tables() -> Vec<String> {
    let long = "x".repeat(300);
    let names = [
        "a.b",
        "A.b",
        "a.B",
        "a.b ",
        "con.nul",
        "aux.prn",
        "com1.lpt1",
        "c:.windows",
        "a.b:stream",
        "a.~",
        "-.-",
        "$.%",
        "a.caf\u{e9}",
        "a.cafe\u{301}",
        "a.\u{212b}",
        "a.\u{c5}",
        "a.\u{200b}b",
        "a.\u{202e}b",
        "a.\u{1f600}",
        "a.b*?<>|",
        "a.b'; DROP TABLE x; --",
        "damaged.parquet",
        "a.lock",
        "a.parquet",
        "a.b_c",
        "a_b.c",
        "a.b.c",
        "a.b-00000000000000000000000000000000",
        ".hidden.x",
        "..a.b",
        "a.writing",
        "~root.x",
        "a.\\x",
        "a./x",
        "../../x.y",
        "a.b\0c",
        "a.b\n",
        "a.\u{7f}",
        "",
        ".",
        "..",
        "a.",
        " . ",
    ];
    names
        .into_iter()
        .map(str::to_owned)
        .chain([format!("a.{long}"), format!("{long}.{long}"), format!("a.{long}y")])
        .collect()
}

#[test]
fn hostile_table_names_are_refused_or_stay_in_the_folder_each_with_its_own_rows() {
    let scratch = Scratch::new();
    let (mut stored, mut refused) = (Vec::new(), 0);
    for (id, name) in (1_i64..).zip(hostile_tables()) {
        let database = Database::with_rows([json!({ "id": id, "name": name })]);
        match cache(&scratch.cache()).table(&name) {
            Ok(table) => {
                table.select(["name"]).expect("a column").frame(&[id], &database).expect("the row");
                stored.push((id, name));
            }
            Err(Error::TableName { .. }) => refused += 1,
            Err(other) => panic!("{name:?}: {other:?}"),
        }
    }
    for (id, name) in &stored {
        let rows = cache(&scratch.cache()).table(name).expect("a name").cached().expect("rows");
        let ids: Vec<i64> = rows.column("id").expect("ids").i64().expect("integers").iter().flatten().collect();
        assert_eq!(ids, [*id], "{name:?}");
    }
    let around: Vec<_> = std::fs::read_dir(scratch.around()).expect("a folder").collect();
    assert_eq!(around.len(), 1, "nothing is written beside the cache folder");
    let mut seen = BTreeSet::new();
    for entry in std::fs::read_dir(scratch.cache()).expect("a folder") {
        let name = entry.expect("an entry").file_name().into_string().expect("plain text");
        let is_harmless = name.len() <= 255 && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.$".contains(c));
        assert!(is_harmless && !name.starts_with('.'), "{name}");
        assert!(seen.insert(name.to_lowercase()), "{name} differs from another in case alone");
    }
    report("hostile names", format!("{} tables stored, {refused} refused", stored.len()));
}

#[test]
fn hostile_ids_and_columns_come_back_as_they_were() {
    let ids: Vec<String> = hostile_tables();
    let columns =
        ["name", "Name", "NAME", "na.me", "caf\u{e9}", "cafe\u{301}", " ", "a\"b", "../x", "\u{202e}x", "\u{1f600}"];
    let scratch = Scratch::new();
    let fetcher = |ids: &[String], _: &str| -> Result<Vec<Row>, std::io::Error> {
        let row = |id: &String| {
            let cells = columns.iter().map(|column| ((*column).to_owned(), json!(format!("{id}/{column}"))));
            cells.chain([("id".to_owned(), json!(id))]).collect()
        };
        Ok(ids.iter().map(row).collect())
    };
    let quoted = columns.map(|column| format!("\"{}\"", column.replace('"', "\\\"")));
    let ask = || {
        let table = cache(&scratch.cache()).table("a.b").expect("a name");
        table.select(&quoted).expect("columns").frame(&ids, &fetcher).expect("rows")
    };
    let distinct: BTreeSet<&String> = ids.iter().collect();
    assert_eq!(ask(), ask());
    let frame = ask();
    assert_eq!(frame.shape(), (distinct.len(), columns.len() + 1));
    let found = frame.column("id").expect("ids").str().expect("text").iter().flatten();
    assert!(found.eq(distinct.iter().map(|id| id.as_str())));
    for (place, column) in columns.iter().enumerate() {
        let values = frame.columns()[place + 1].str().expect("text").iter().flatten();
        assert!(values.eq(distinct.iter().map(|id| format!("{id}/{column}"))), "{column:?}");
    }
    report("hostile names", format!("{} ids, {} columns", distinct.len(), columns.len()));
}

/// Fails where the work waits for something that never comes.
pub fn in_time<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(work()));
    receiver.recv_timeout(Duration::from_secs(30)).expect("it does not wait for ever")
}

#[test]
fn a_fifo_in_the_place_of_a_file_is_an_error_and_no_endless_wait() {
    for file in [FILE, LOCK] {
        let scratch = Scratch::new();
        std::fs::create_dir(scratch.cache()).expect("a folder");
        assert!(succeeds("mkfifo", &[&scratch.cache().join(file).display().to_string()]));
        let folder = scratch.cache();
        let outcome = in_time(move || put(&open(&folder), &[1], 1).map(drop));
        assert!(outcome.is_err(), "{file}");
        assert!(scratch.cache().join(file).exists(), "{file} is left alone");
    }
}

#[test]
fn a_folder_in_the_place_of_a_file_is_an_error_and_left_alone() {
    for file in [FILE, LOCK] {
        let scratch = Scratch::new();
        std::fs::create_dir_all(scratch.cache().join(file).join("inner")).expect("a folder");
        put(&open(&scratch.cache()), &[1], 1).unwrap_err();
        assert!(scratch.cache().join(file).join("inner").is_dir(), "{file}");
    }
}

#[test]
fn a_link_is_read_through_and_replaced_so_that_its_target_stays_as_it_is() {
    let (elsewhere, scratch) = (Scratch::new(), Scratch::new());
    put(&open(&elsewhere.cache()), &[1, 2], 1).expect("a commit");
    let target = elsewhere.cache().join(FILE);
    let before = std::fs::read(&target).expect("the file");
    std::fs::create_dir(scratch.cache()).expect("a folder");
    symlink(&target, scratch.cache().join(FILE)).expect("a link");
    assert_eq!(all(&open(&scratch.cache())).expect("rows"), Versions::from([(1, 1), (2, 1)]));
    put(&open(&scratch.cache()), &[2], 2).expect("a commit");
    assert_eq!(all(&open(&scratch.cache())).expect("rows"), Versions::from([(1, 1), (2, 2)]));
    assert_eq!(std::fs::read(&target).expect("the file"), before);
}

#[test]
fn a_link_to_nothing_counts_as_no_file() {
    let scratch = Scratch::new();
    std::fs::create_dir(scratch.cache()).expect("a folder");
    symlink(scratch.around().join("nothing"), scratch.cache().join(FILE)).expect("a link");
    put(&open(&scratch.cache()), &[1], 1).expect("a commit");
    assert_eq!(all(&open(&scratch.cache())).expect("rows"), Versions::from([(1, 1)]));
    assert!(!scratch.around().join("nothing").exists());
}

#[test]
fn links_in_a_circle_and_devices_are_errors() {
    for target in [FILE, "/dev/zero", "/dev/full"] {
        let scratch = Scratch::new();
        std::fs::create_dir(scratch.cache()).expect("a folder");
        symlink(target, scratch.cache().join(FILE)).expect("a link");
        let folder = scratch.cache();
        assert!(in_time(move || put(&open(&folder), &[1], 1).map(drop)).is_err(), "{target}");
    }
}

/// Puts something that nobody expects in a place.
fn plant(kind: &str, at: &Path) {
    match kind {
        "a pipe" => assert!(succeeds("mkfifo", &[&at.display().to_string()])),
        "a folder" => std::fs::create_dir_all(at.join("inner")).expect("a folder"),
        "a link to itself" => symlink(at, at).expect("a link"),
        "a link to a device" => symlink("/dev/zero", at).expect("a link"),
        "a file" => std::fs::write(at, "PAR1").expect("a file"),
        other => panic!("what is {other}?"),
    }
}

#[test]
fn a_thing_in_any_place_of_a_table_costs_no_row_stops_no_other_table_and_is_no_endless_wait() {
    let places = [FILE, LOCK, ABSENT, SEGMENTS, "test_versions.segments/000000000009-000000000009.parquet"];
    let kinds = ["a pipe", "a folder", "a link to itself", "a link to a device", "a file"];
    for (place, kind) in places.iter().flat_map(|place| kinds.map(|kind| (place, kind))) {
        let name = format!("{kind} as {place}");
        let scratch = Scratch::split_early();
        for version in 1..=3 {
            put(&open(&scratch.cache()), &[1, 2], version).expect("a commit");
        }
        let rows = Versions::from([(1, 3), (2, 3)]);
        let (at, aside) = (scratch.cache().join(place), scratch.around().join("aside"));
        let was_there = std::fs::rename(&at, &aside).is_ok();
        plant(kind, &at);
        let before = std::fs::symlink_metadata(&at).expect("what is planted").file_type();
        let folder = scratch.cache();
        let found = in_time(move || (all(&open(&folder)), put(&open(&folder), &[3], 9).is_ok()));
        for (id, version) in found.0.unwrap_or_default() {
            assert!(rows.get(&id) == Some(&version), "{name}: row {id} of version {version}");
        }
        let database = Database::with_rows([json!({ "id": 1, "name": "x" })]);
        let other = cache(&scratch.cache()).table("test.other").expect("a name");
        other
            .select(["name"])
            .expect("a column")
            .frame(&[1], &database)
            .unwrap_or_else(|cause| panic!("{name}: {cause:?}"));
        if kind != "a file" {
            let now = std::fs::symlink_metadata(&at).expect("what is planted").file_type();
            assert!(found.1 || now == before, "{name} is left alone");
        }
        if was_there && !found.1 {
            if before.is_dir() { std::fs::remove_dir_all(&at) } else { std::fs::remove_file(&at) }.expect("removed");
            std::fs::rename(&aside, &at).expect("what was there");
            assert_eq!(all(&open(&scratch.cache())).expect("the rows"), rows, "{name}, when it is gone");
        }
    }
    report("hostile places", format!("{} things in {} places", kinds.len(), places.len()));
}

#[test]
fn a_folder_named_like_a_leftover_is_left_alone_and_stops_nothing() {
    let scratch = Scratch::new();
    let planted = scratch.cache().join(format!(".writing-{FILE}-abc"));
    std::fs::create_dir_all(planted.join("inner")).expect("a folder");
    put(&open(&scratch.cache()), &[1], 1).expect("a commit");
    assert!(planted.join("inner").is_dir());
}

#[test]
fn what_is_created_has_the_permissions_that_the_user_gives_to_any_file() {
    let scratch = Scratch::new();
    put(&open(&scratch.cache()), &[1], 1).expect("a commit");
    std::fs::write(scratch.around().join("file"), "").expect("a file");
    std::fs::create_dir(scratch.around().join("folder")).expect("a folder");
    let mode = |path: &Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o7777;
    for file in [FILE, LOCK] {
        assert_eq!(mode(&scratch.cache().join(file)), mode(&scratch.around().join("file")), "{file}");
    }
    assert_eq!(mode(&scratch.cache()), mode(&scratch.around().join("folder")));
}

fn told_by_nobody(work: &str, folder: &Path) -> String {
    let mut command = worker(&[work], folder);
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = command.output().expect("a process");
    assert!(output.status.success());
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("permissions");
}

#[test]
fn a_folder_that_may_not_be_written_is_read_and_refuses_new_rows() {
    let scratch = Scratch::new();
    put(&open(&scratch.cache()), &[1, 2], 1).expect("a commit");
    set_mode(scratch.around(), 0o755);
    set_mode(&scratch.cache(), 0o555);
    assert_eq!(told_by_nobody("look", &scratch.cache()), "{1: 1, 2: 1}");
    let told = told_by_nobody("store", &scratch.cache());
    assert!(told.starts_with("error: cannot "), "{told}");
    assert_eq!(told_by_nobody("look", &scratch.cache()), "{1: 1, 2: 1}");
    set_mode(&scratch.cache(), 0o755);
}

#[test]
fn a_folder_of_another_user_is_an_error_that_names_it() {
    if !is_root() {
        return report("hostile places", "another user's folder: skipped, since only root can make one");
    }
    let scratch = Scratch::new();
    put(&open(&scratch.cache()), &[1], 1).expect("a commit");
    set_mode(scratch.around(), 0o700);
    for work in ["look", "store"] {
        let told = told_by_nobody(work, &scratch.cache());
        assert!(told.starts_with("error: cannot ") && told.contains("cache"), "{told}");
    }
}
