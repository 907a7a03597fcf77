//! Damage is an error or missing rows, never a wrong row, whenever it comes.

use std::os::unix::fs::FileExt;

use dbcache::Error;
use dbcache::polars::prelude::*;

use crate::{Folder, collected, users};

/// A table in one file that is too large to be read whole when it is opened.
fn filled() -> (Folder, DataFrame) {
    let folder = Folder::new();
    folder.store(&users(1..=10_000, "first"));
    folder.users().compact().unwrap();
    let cached = folder.users().cached().unwrap();
    (folder, cached)
}

/// Changes a byte in place, as a failing disk does.
fn damage(folder: &Folder, place: u64) {
    let file = std::fs::File::options().read(true).write(true).open(folder.file()).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, place).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], place).unwrap();
}

#[test]
fn what_is_damaged_before_a_scan_is_not_in_it() {
    let (folder, _) = filled();
    let length = std::fs::metadata(folder.file()).unwrap().len();
    damage(&folder, length - 100);
    let scanned = collected(folder.users().scan().unwrap());
    assert!(scanned.equals_missing(&folder.users().cached().unwrap()));
    assert_eq!(scanned.height(), 0);
}

#[test]
fn damage_under_a_scan_is_an_error_and_the_next_scan_goes_on() {
    let (folder, _) = filled();
    let table = folder.users();
    let scan = table.scan().unwrap();
    damage(&folder, 20_000);
    let cause = scan.clone().collect().unwrap_err();
    assert!(matches!(Error::behind(&cause), Some(Error::Damaged { .. })), "{cause:?}");
    assert!(collected(table.scan().unwrap()).equals_missing(&table.cached().unwrap()));
    assert!(scan.collect().is_err(), "the rows of that moment are gone");
}

#[test]
fn no_byte_that_changes_gives_a_wrong_row() {
    let (folder, expected) = filled();
    let sound = std::fs::read(folder.file()).unwrap();
    let mut noticed = 0;
    for place in (0..sound.len()).step_by(sound.len() / 60) {
        let table = folder.users();
        let scan = table.scan().unwrap();
        damage(&folder, place as u64);
        for engine in [Engine::InMemory, Engine::Streaming] {
            match scan.clone().collect_with_engine(engine) {
                Ok(found) => assert!(found.unwrap_single().equals_missing(&expected), "at {place}"),
                Err(_) => noticed += 1,
            }
        }
        std::fs::write(folder.file(), &sound).unwrap();
    }
    assert!(noticed > 80, "{noticed}");
}

#[test]
fn what_is_not_read_may_be_damaged() {
    let (folder, expected) = filled();
    let scan = folder.users().scan().unwrap();
    // Ids are at the beginning of the file.
    damage(&folder, 20_000);
    let names = scan.select([col("name")]).collect().unwrap();
    assert!(names.equals_missing(&expected.select(["name"]).unwrap()));
}
