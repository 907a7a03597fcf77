//! Damaged files of other programs, written with any codec: they have no checksum of ours, so a damaged value may be
//! answered; but no damage ends the process, none stops the rest of the cache, and a file that was cut is noticed.

use std::path::Path;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

use dbcache::Error;
use dbcache::polars::prelude::*;
use dbcache_tests::Database;
use dbcache_tests::counts::{count, is_full, report};
use dbcache_tests::versioned::{FILE, Random, Versions, all, open, row_of, versions};
use serde_json::Value;

use crate::Scratch;
use crate::damage::{damaged, other, others};

const CODECS: [ParquetCompression; 6] = [
    ParquetCompression::Uncompressed,
    ParquetCompression::Snappy,
    ParquetCompression::Gzip(None),
    ParquetCompression::Brotli(None),
    ParquetCompression::Zstd(None),
    ParquetCompression::Lz4Raw,
];

const ROWS: i64 = 60;

fn stored() -> Versions {
    (0..ROWS).map(|id| (id, id % 3 + 1)).collect()
}

fn database() -> Database {
    Database::with_rows(stored().into_iter().map(|(id, version)| Value::Object(row_of(id, version))))
}

/// The rows as another program may write them: with columns of other kinds, in several row groups and pages, some of
/// them with a dictionary.
fn written(codec: ParquetCompression) -> Vec<u8> {
    let scratch = Scratch::new();
    let ids: Vec<i64> = stored().into_keys().collect();
    let table = open(&scratch.cache());
    let mut rows = table.select(["version", "text"]).expect("columns").frame(&ids, &database()).expect("the rows");
    let few = ids.iter().map(|id| Some(["red", "green", "blue"][usize::try_from(id % 3).expect("small")]));
    let ratios = ids.iter().map(|id| (id % 4 != 0).then_some(0.5));
    let lists = ids.iter().map(|id| Series::from_iter(0..id % 4));
    let colour = Series::from_iter(few).with_name("colour".into());
    let ratio = Series::from_iter(ratios).with_name("ratio".into());
    let list = Series::new("list".into(), lists.collect::<Vec<_>>());
    let both = [colour.clone(), ratio.clone()];
    let both = StructChunked::from_series("both".into(), ids.len(), both.iter()).expect("a struct").into_series();
    for column in [colour, ratio, list, both] {
        rows.with_column(column.into_column()).expect("a column");
    }
    let mut bytes = Vec::new();
    let writer = ParquetWriter::new(&mut bytes).with_compression(codec);
    writer.with_row_group_size(Some(25)).with_data_page_size(Some(128)).finish(&mut rows).expect("a file");
    bytes
}

/// Counts panics in the library, and in what it is made of, wherever they are caught.
pub fn panics() -> usize {
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let place = panic.location().map_or("", |place| place.file());
            if !place.contains("tests/durability") {
                PANICS.fetch_add(1, Ordering::Relaxed);
            }
            others(panic);
        }));
    });
    PANICS.load(Ordering::Relaxed)
}

/// Asks for everything. Whether the file was taken for one without damage.
fn check(bytes: &[u8], name: &str) -> bool {
    let before = panics();
    let is_taken = check_rows(bytes, name);
    assert_eq!(panics(), before, "{name}: a panic");
    is_taken
}

fn check_rows(bytes: &[u8], name: &str) -> bool {
    let scratch = Scratch::new();
    other(&scratch.cache()).select(["value"]).expect("a column").frame(&[1, 2], &others()).expect("rows");
    std::fs::write(scratch.cache().join(FILE), bytes).expect("a file");
    let (table, database) = (open(&scratch.cache()), database());
    let ids: Vec<i64> = stored().into_keys().collect();
    let cached = table.cached();
    match table.select(["version", "text"]).expect("columns").frame(&ids, &database) {
        Ok(rows) => assert_eq!(rows.height(), ids.len(), "{name}"),
        // A name or a type in the footer may be damaged.
        Err(
            Error::ForeignTable { .. }
            | Error::TypeConflict { .. }
            | Error::FetchFailed { .. }
            | Error::UnreadableColumn { .. },
        ) => {}
        Err(cause) => panic!("{name}: {cause:?}"),
    }
    let others = other(&scratch.cache()).select(["value"]).expect("a column").frame_cached(&[1, 2]).expect("rows");
    assert_eq!(others.rows.height(), 2, "{name}");
    cached.is_ok_and(|rows| rows.height() > 0)
}

#[test]
fn a_file_of_any_codec_is_read() {
    for codec in CODECS {
        let scratch = Scratch::new();
        std::fs::create_dir(scratch.cache()).expect("a folder");
        std::fs::write(scratch.cache().join(FILE), written(codec)).expect("a file");
        let rows = open(&scratch.cache()).cached().expect("the rows");
        assert_eq!(versions(&rows), stored(), "{codec:?}");
    }
}

#[test]
fn damage_at_random_ends_nothing() {
    let samples = count("DBCACHE_DAMAGES", 2_000, 100_000) / CODECS.len() / 4;
    for (seed, codec) in (20..).zip(CODECS) {
        let (bytes, mut random) = (written(codec), Random::new(seed));
        let taken = (0..samples).filter(|_| {
            let (damaged, how) = damaged(&bytes, &mut random);
            check(&damaged, &format!("{codec:?}: {how}"))
        });
        let taken = taken.count();
        report("damage", format!("another program's file, {codec:?}: {samples} samples, {taken} read, 0 panics"));
    }
}

#[test]
fn every_damaged_byte_ends_nothing_and_every_cut_is_noticed() {
    for codec in CODECS {
        let bytes = written(codec);
        let step = if is_full() { 1 } else { 97 };
        for place in (0..bytes.len()).step_by(step) {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1 << (place % 8);
            check(&damaged, &format!("{codec:?}: a bit of {place}"));
            assert!(!check(&bytes[..place], &format!("{codec:?}: cut to {place}")), "cut to {place}");
        }
        let done = 2 * bytes.len().div_ceil(step);
        report("damage", format!("another program's file, {codec:?}, in steps of {step}: {done} files, 0 panics"));
    }
}

#[test]
fn a_cut_file_costs_its_rows_and_gives_no_wrong_one() {
    for codec in CODECS {
        let (scratch, bytes) = (Scratch::new(), written(codec));
        std::fs::create_dir(scratch.cache()).expect("a folder");
        std::fs::write(scratch.cache().join(FILE), &bytes[..bytes.len() / 2]).expect("a file");
        let table = open(&scratch.cache());
        let ids: Vec<i64> = stored().into_keys().collect();
        table.select(["version", "text"]).expect("columns").frame(&ids, &database()).expect("rows");
        assert_eq!(all(&open(&scratch.cache())).expect("rows"), stored(), "{codec:?}");
    }
}

/// The files of other programs that are checked in, of every kind of column.
fn samples() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign");
    let paths = std::fs::read_dir(folder).expect("samples").map(|entry| entry.expect("a sample").path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|end| end == "parquet")).collect();
    paths.sort();
    let read = |path: std::path::PathBuf| (path.display().to_string(), std::fs::read(&path).expect("a sample"));
    paths.into_iter().map(read).collect()
}

#[test]
fn damage_to_columns_of_any_kind_ends_nothing() {
    let samples = samples();
    let each = count("DBCACHE_DAMAGES", 2_000, 100_000) / samples.len();
    let mut random = Random::new(40);
    for (name, bytes) in &samples {
        for _ in 0..each.max(1) {
            let (damaged, how) = damaged(bytes, &mut random);
            let (scratch, before) = (Scratch::new(), panics());
            std::fs::create_dir(scratch.cache()).expect("a folder");
            std::fs::write(scratch.cache().join(FILE), damaged).expect("a file");
            match open(&scratch.cache()).cached() {
                Ok(_) | Err(Error::ForeignTable { .. }) => {}
                Err(cause) => panic!("{name}, {how}: {cause:?}"),
            }
            assert_eq!(panics(), before, "{name}, {how}: a panic");
        }
    }
    report("damage", format!("{} files of other programs, {each} samples each, 0 panics", samples.len()));
}
