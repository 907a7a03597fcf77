//! Damaged files give no wrong rows, whatever is damaged, and stop nobody.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use dbcache::polars::prelude::{ParquetReader, SerReader};
use dbcache::{DynamicCache, Error, Progress, Table};
use dbcache_tests::Database;
use dbcache_tests::counts::{count, is_full, report};
use dbcache_tests::versioned::{FILE, Random, Versions, all, open, put, row_of, some, versions};
use serde_json::{Value, json};

use crate::places::in_time;
use crate::{Scratch, files_below};

const OTHER: &str = "test.other";

/// A folder of two tables, of which one has rows in several versions.
struct Stored {
    scratch: Scratch,
    rows: Versions,
    files: Vec<PathBuf>,
    /// What files held after each commit, and do not hold any more.
    past: BTreeSet<(PathBuf, Vec<u8>)>,
}

impl Stored {
    fn new(scratch: Scratch) -> Self {
        let table = open(&scratch.cache());
        let mut past = BTreeSet::new();
        for version in 1..=10 {
            let ids: Vec<i64> = (0..60).filter(|id| id % version == 0).collect();
            put(&table, &ids, version).expect("a commit");
            past.extend(contents(&scratch.cache()));
        }
        other(&scratch.cache()).select(["value"]).expect("a column").frame(&[1, 2], &others()).expect("rows");
        let rows = all(&table).expect("rows");
        let files = files_below(&scratch.cache());
        for file in contents(&scratch.cache()) {
            past.remove(&file);
        }
        Self { scratch, rows, files, past }
    }

    /// The same folder again, with a file of other contents.
    fn with(&self, damaged: &Path, contents: &[u8]) -> Scratch {
        let copy = self.scratch.another();
        for file in self.files.iter().filter(|file| *file != damaged) {
            let path = copy.cache().join(file);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::copy(self.scratch.cache().join(file), path).expect("a file");
        }
        let path = copy.cache().join(damaged);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, contents).expect("a file");
        copy
    }

    /// Asks for everything: the answer is right, or nothing but a file of another table is in the way.
    fn check(&self, copy: &Scratch, name: &str) -> usize {
        let database = Database::with_rows(self.rows.iter().map(|(id, version)| Value::Object(row_of(*id, *version))));
        let ids: Vec<i64> = self.rows.keys().copied().collect();
        let table = open(&copy.cache());
        // What is answered from the cache alone must be right too.
        let cached = match all(&table) {
            Err(Error::ForeignTable { .. }) => return 0,
            cached => cached.unwrap_or_else(|cause| panic!("{name}: {cause:?}")),
        };
        for (id, version) in &cached {
            assert_eq!(self.rows.get(id), Some(version), "{name}: row {id}");
        }
        let rows = table.select(["version", "text"]).expect("columns").frame(&ids, &database);
        let rows = rows.unwrap_or_else(|cause| panic!("{name}: {cause:?}"));
        assert_eq!(versions(&rows), self.rows, "{name}");
        match other(&copy.cache()).select(["value"]).expect("a column").frame(&[1, 2], &others()) {
            Err(Error::ForeignTable { .. }) => {}
            others => assert_eq!(others.unwrap_or_else(|cause| panic!("{name}: {cause:?}")).height(), 2, "{name}"),
        }
        usize::from(!database.take_asked().is_empty())
    }
}

/// All files below a folder, with what they hold.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let read = |file: PathBuf| (file.clone(), std::fs::read(folder.join(file)).expect("a file"));
    files_below(folder).into_iter().map(read).collect()
}

pub fn other(folder: &Path) -> Table {
    let cache = DynamicCache::builder().folder(folder).progress(Progress::Silent).open().expect("a cache");
    cache.table(OTHER).expect("a valid name")
}

pub fn others() -> Database {
    Database::with_rows([json!({ "id": 1, "value": 1 }), json!({ "id": 2, "value": 2 })])
}

/// One way to damage a file, chosen at random.
pub fn damaged(bytes: &[u8], random: &mut Random) -> (Vec<u8>, String) {
    if bytes.is_empty() {
        return (vec![0; 100], "zeroes".to_owned());
    }
    let place = random.place(bytes.len());
    let mut damaged = bytes.to_vec();
    match random.below(8) {
        0 => {
            damaged.truncate(place);
            (damaged, format!("cut to {place}"))
        }
        1 => {
            let page = place - place % 512;
            let end = bytes.len().min(page + 512);
            damaged[page..end].fill(0);
            (damaged, format!("zeroes from {page}"))
        }
        2 => {
            let end = bytes.len().min(place + 16);
            damaged[place..end].iter_mut().for_each(|byte| *byte = random.number().to_le_bytes()[0]);
            (damaged, format!("noise from {place}"))
        }
        3 => {
            damaged.extend_from_slice(&bytes[place..]);
            (damaged, format!("{} bytes too many", bytes.len() - place))
        }
        _ => {
            let bit = random.below(8);
            damaged[place] ^= 1 << bit;
            (damaged, format!("bit {bit} of {place}"))
        }
    }
}

#[test]
fn damage_at_random_gives_no_wrong_row() {
    let samples = count("DBCACHE_DAMAGES", 2_000, 100_000) / 2;
    for (seed, scratch) in (2..).zip(Scratch::both()) {
        let stored = Stored::new(scratch);
        let mut random = Random::new(seed);
        let mut noticed = 0;
        for _ in 0..samples {
            let file = &stored.files[random.place(stored.files.len())];
            let bytes = std::fs::read(stored.scratch.cache().join(file)).expect("a file");
            let (damaged, how) = damaged(&bytes, &mut random);
            noticed += stored.check(&stored.with(file, &damaged), &format!("{}: {how}", file.display()));
        }
        let files = stored.files.len();
        let what = format!("{samples} samples in {files} files, {noticed} of them cost a fetch");
        report("damage", format!("{what}, 0 wrong rows, 0 panics"));
    }
}

#[test]
fn every_damaged_byte_gives_no_wrong_row() {
    for scratch in Scratch::both() {
        let stored = Stored::new(scratch);
        let step = if is_full() { 1 } else { 197 };
        let mut done = 0;
        for file in &stored.files {
            let bytes = std::fs::read(stored.scratch.cache().join(file)).expect("a file");
            for place in (0..bytes.len()).step_by(step) {
                let mut damaged = bytes.clone();
                damaged[place] ^= 1 << (place % 8);
                stored.check(&stored.with(file, &damaged), &format!("{}: a bit of {place}", file.display()));
                stored.check(&stored.with(file, &bytes[..place]), &format!("{}: cut to {place}", file.display()));
                done += 2;
            }
        }
        report("damage", format!("every byte, in steps of {step}: {done} files, 0 wrong rows, 0 panics"));
    }
}

#[test]
fn damage_that_only_reading_everything_meets_costs_rows_and_no_error() {
    let scratch = Scratch::new();
    // Noise, so that the last column fills blocks of its own.
    let mut random = Random::new(4);
    let row = |id: i64| json!({ "id": id, "value": format!("{:016x}", random.number()) });
    let database = Database::with_rows((0..20_000).map(row));
    let ids: Vec<i64> = (0..20_000).collect();
    other(&scratch.cache()).select(["value"]).expect("a column").frame(&ids, &database).expect("rows");
    for file in
        files_below(&scratch.cache()).iter().filter(|file| file.extension().is_some_and(|kind| kind == "parquet"))
    {
        let path = scratch.cache().join(file);
        let mut bytes = std::fs::read(&path).expect("a file");
        let place = bytes.len() * 3 / 4;
        bytes[place] ^= 1;
        std::fs::write(path, bytes).expect("a file");
    }
    let left = other(&scratch.cache()).cached().expect("what is left");
    assert!(left.height() < ids.len());
}

#[test]
fn a_damaged_copy_of_an_id_gives_no_wrong_row_and_no_endless_wait_wherever_it_is() {
    let id = 0x0123_4567_89ab_cdef_i64;
    let scratch = Scratch::new();
    put(&open(&scratch.cache()), &[id], 1).expect("a commit");
    let bytes = std::fs::read(scratch.cache().join(FILE)).expect("a file");
    let is_copy = |place: &usize| bytes[*place..].starts_with(&id.to_le_bytes());
    let copies: Vec<usize> = (0..bytes.len()).filter(is_copy).collect();
    assert!(copies.len() >= 2, "it is in a page, and in the index of pages");
    for place in copies {
        let folder = scratch.cache();
        let mut damaged = bytes.clone();
        damaged[place] ^= 1;
        std::fs::write(folder.join(FILE), damaged).expect("a file");
        let (found, left) = in_time(move || (some(&open(&folder), &[id - 1, id, id + 1]), all(&open(&folder))));
        for found in [found, left].map(|rows| rows.expect("what is left")) {
            assert!(found.is_empty() || found == Versions::from([(id, 1)]), "at {place}: {found:?}");
        }
    }
}

#[test]
fn files_in_each_others_places_give_no_wrong_row() {
    let mut done = 0;
    for scratch in Scratch::both() {
        let stored = Stored::new(scratch);
        for file in &stored.files {
            for other in stored.files.iter().filter(|other| *other != file) {
                let bytes = std::fs::read(stored.scratch.cache().join(other)).expect("a file");
                let name = format!("{} in place of {}", other.display(), file.display());
                stored.check(&stored.with(file, &bytes), &name);
                done += 1;
            }
        }
    }
    report("damage", format!("{done} files in the place of another, 0 wrong rows, 0 panics"));
}

#[test]
fn files_of_the_past_give_no_wrong_row() {
    let mut done = 0;
    for scratch in Scratch::both() {
        let stored = Stored::new(scratch);
        for (past, bytes) in &stored.past {
            for file in stored.files.iter().chain([past]) {
                stored.check(
                    &stored.with(file, bytes),
                    &format!("what {} once held, as {}", past.display(), file.display()),
                );
                done += 1;
            }
        }
    }
    report("damage", format!("{done} files of the past in the place of those of now, 0 wrong rows, 0 panics"));
}

#[test]
fn the_damaged_files_are_of_every_kind_that_is_written() {
    let mut seen = BTreeSet::new();
    for scratch in Scratch::both() {
        let stored = Stored::new(scratch);
        for file in stored.files.iter().filter(|file| file.extension().is_some_and(|kind| kind == "parquet")) {
            let is_base = file.parent() == Some(Path::new(""));
            let file = std::fs::File::open(stored.scratch.cache().join(file)).expect("a file");
            let mut reader = ParquetReader::new(file);
            let metadata = reader.get_metadata().expect("the footer");
            let chunks = metadata.row_groups.iter().flat_map(|group| group.parquet_columns());
            seen.extend(chunks.map(|chunk| (is_base, format!("{:?}", chunk.compression()))));
        }
    }
    let kinds = |is_base| ["Lz4Raw", "Uncompressed"].map(|codec| (is_base, codec.to_owned()));
    assert!(seen.into_iter().eq([kinds(false), kinds(true)].into_iter().flatten()));
}

#[test]
fn files_that_are_gone_give_no_wrong_row() {
    let mut done = 0;
    for scratch in Scratch::both() {
        let stored = Stored::new(scratch);
        for file in &stored.files {
            let copy = stored.with(file, &[]);
            std::fs::remove_file(copy.cache().join(file)).expect("a file");
            stored.check(&copy, &format!("without {}", file.display()));
            done += 1;
        }
    }
    report("damage", format!("{done} files removed, 0 wrong rows, 0 panics"));
}
