//! The whole life of a cache in a process that prints nothing itself: whatever is printed, the library printed it.
//!
//! Each function panics where something goes otherwise than it should, which prints too.

use std::fs;
use std::path::{Path, PathBuf};

use dbcache::json_path::Strictness;
use dbcache::polars::prelude::*;
use dbcache::{BatchPolicy, Cache, Cached, CachedJson, DynamicCache, Error, Progress, RememberAbsent, Table};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Database;
use crate::versioned::{Random, put};

const NAME: &str = "public.things";
const FILE: &str = "public_things.parquet";
const IDS: std::ops::Range<i64> = 0..400;

/// A row of the table, of which the database has more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Cached)]
#[cached(table = "public.things")]
struct Thing {
    #[cached(id)]
    id: i64,
    name: String,
    #[cached(json)]
    doc: Document,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
struct Document {
    size: Option<f64>,
    tags: Vec<String>,
}

/// Lives through everything, with the bar as it is by default, and off; `samples` are files of other programs.
///
/// # Panics
///
/// When something goes otherwise than it should.
pub fn live(folder: &Path, samples: &Path) {
    for (number, progress) in [Progress::default(), Progress::Silent].into_iter().enumerate() {
        let folder = folder.join(number.to_string());
        fetch(&folder.join("fetched"), &progress);
        convert(&folder.join("converted"), &progress);
        damage(&folder.join("damaged"), &progress);
        adopt(&folder.join("adopted"), samples, &progress);
        refuse(&folder.join("refused"), &progress);
    }
}

fn cache(folder: &Path, progress: &Progress) -> DynamicCache {
    let builder = DynamicCache::builder().folder(folder).progress(progress.clone());
    let remember = RememberAbsent::InFolder(std::time::Duration::from_secs(3600));
    builder.batches(BatchPolicy::Fixed(50)).concurrency(2).remember_absent(remember).open().expect("a cache")
}

fn table(folder: &Path, progress: &Progress) -> Table {
    cache(folder, progress).table(NAME).expect("a valid name")
}

fn row(id: i64) -> serde_json::Value {
    let tags: Vec<String> = (0..id % 3).map(|tag| format!("tag {tag}")).collect();
    let doc = json!({ "size": (id % 4 > 0).then_some(0.5), "tags": tags, "more": { "of": id } });
    json!({ "id": id, "name": format!("thing {id}"), "day": "2024-02-29", "at": "2024-02-29 12:30:00", "doc": doc })
}

fn database(ids: impl Iterator<Item = i64>) -> Database {
    Database::with_rows(ids.map(row))
}

/// Requests of every kind, some of which fail; refreshes, compactions and the listing.
fn fetch(folder: &Path, progress: &Progress) {
    let (table, ids) = (table(folder, progress), IDS.collect::<Vec<i64>>());
    let query = table.select(["name", "doc.size", "doc.more.of"]).expect("columns");
    let failing = database(IDS).failing_on([120, 130]);
    assert!(matches!(query.frame(&ids, &failing), Err(Error::FetchFailed { .. })));
    let isolating = query.clone().isolate_failing_ids();
    assert!(matches!(isolating.frame(&ids, &failing), Err(Error::FetchFailed { .. })));
    let (all, even) = (database(IDS), database(IDS.step_by(2)));
    assert_eq!(query.frame(&ids, &all).expect("rows").height(), ids.len());
    assert!(matches!(query.frame(&[1, 1_000], &all), Err(Error::IdsNotFound { .. })));
    assert!(matches!(query.clone().offline().frame(&[2_000], &all), Err(Error::NotCached { .. })));
    assert_eq!(query.clone().refresh().frame_found(&ids, &even).expect("rows").missing.len(), ids.len() / 2);
    assert!(table.select(["nam"]).expect("a column").frame(&ids, &even).is_err());
    table.compact().expect("a compaction");
    typed(folder, progress);
    table.compact().expect("a compaction");
    assert_eq!(cache(folder, progress).tables().expect("the tables").len(), 1);
    assert!(table.cached().expect("rows").height() > 0);
}

/// Records that declare some of a document's keys.
fn typed(folder: &Path, progress: &Progress) {
    let cache = Cache::<Thing>::builder().folder(folder).progress(progress.clone()).open().expect("a cache");
    let fetcher = |ids: &[i64]| -> Result<Vec<Thing>, serde_json::Error> {
        ids.iter().map(|id| serde_json::from_value(row(*id))).collect()
    };
    let ids: Vec<i64> = IDS.collect();
    assert_eq!(cache.rows(&ids, &fetcher).expect("rows").len(), ids.len());
    assert_eq!(cache.all().refresh().rows(&ids, &fetcher).expect("rows").len(), ids.len());
    let columns = Thing::columns();
    assert_eq!(cache.select(columns.doc.size).rows(&ids, &fetcher).expect("sizes").len(), ids.len());
}

/// The values of a column of each kind, the last of which fits hardly anywhere.
fn values() -> Vec<Column> {
    let text = |name: &str, values: [&str; 3]| Column::new(name.into(), values);
    let number = Column::new("number".into(), [1_i64, 1 << 53, i64::MAX]);
    let moment = |unit| number.cast(&DataType::Datetime(unit, None)).expect("any number is a moment");
    vec![
        text("day", ["2024-02-29", "1969-12-31", "no day"]),
        text("at", ["2024-02-29 12:30:00", "2024-02-29T12:30:00.123456789Z", "no moment"]),
        text("time", ["12:30:00", "23:59:59.999999999", "24:00:01"]),
        text("digits", ["12.5", "9007199254740993", "1e400"]),
        text("json", [r#"{"a": 1}"#, r#"[1, 2.5, "x"]"#, "{"]),
        Column::new("float".into(), [0.5, f64::NAN, f64::INFINITY]),
        moment(TimeUnit::Milliseconds).with_name("milliseconds".into()),
        moment(TimeUnit::Nanoseconds).with_name("nanoseconds".into()),
        number,
    ]
}

/// Every column is asked for in every type, and in paths; most of them do not fit.
fn convert(folder: &Path, progress: &Progress) {
    let time = DataType::Time;
    let moment = |unit| DataType::Datetime(unit, None);
    let types = [
        DataType::Int8,
        DataType::UInt64,
        DataType::Int64,
        DataType::Float32,
        DataType::Float64,
        DataType::String,
        DataType::Boolean,
        DataType::Date,
        time,
        moment(TimeUnit::Milliseconds),
        moment(TimeUnit::Nanoseconds),
        DataType::Duration(TimeUnit::Microseconds),
        DataType::Binary,
        DataType::List(Box::new(DataType::Float64)),
    ];
    for column in values() {
        let name = column.name().to_string();
        let fetcher = |ids: &[i64], _: &str| -> PolarsResult<DataFrame> {
            let places: IdxCa = ids.iter().map(|id| IdxSize::try_from(*id).ok()).collect();
            DataFrame::new(ids.len(), vec![Column::new("id".into(), ids), column.take(&places)?])
        };
        let table = table(&folder.join(&name), progress);
        for data_type in &types {
            let pinned = table.select([&name]).and_then(|query| query.pin(&name, data_type.clone()));
            // Whether the values fit is the matter of other tests.
            drop(pinned.and_then(|query| query.frame(&[0, 1, 2], &fetcher)));
        }
        drop(table.select([format!("{name}.a.0")]).and_then(|query| query.frame(&[0, 1, 2], &fetcher)));
        let strict = DynamicCache::builder().folder(folder.join("strict")).progress(progress.clone());
        let strict = strict.json(Strictness::Strict).open().and_then(|cache| cache.table(NAME)).expect("a table");
        drop(strict.select([format!("{name}.a")]).and_then(|query| query.frame(&[0, 1, 2], &fetcher)));
    }
}

/// Files are damaged in many places, one after the other, and everything is asked for after each.
fn damage(folder: &Path, progress: &Progress) {
    let folder = folder.join(dbcache::faults::SPLIT_EARLY);
    let (ids, mut random) = ((0..40).collect::<Vec<i64>>(), Random::new(7));
    for turn in 0..60 {
        let table = table(&folder, progress);
        let query = table.select(["name", "doc"]).expect("columns");
        assert_eq!(query.frame(&ids, &database(0..40)).expect("rows").height(), ids.len());
        query.refresh().frame(&[turn % 40], &database(0..40)).expect("a row");
        let files = files(&folder);
        let path = &files[random.place(files.len())];
        let mut bytes = fs::read(path).expect("a file");
        let place = random.place(bytes.len());
        match turn % 3 {
            0 => bytes.truncate(place),
            _ => bytes[place] ^= 1 << random.below(8),
        }
        fs::write(path, bytes).expect("a file");
        table.compact().expect("a compaction");
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let below = [folder.to_owned(), folder.join(FILE).with_extension("segments")];
    let paths = below.iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten());
    let mut paths: Vec<PathBuf> = paths.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "parquet"));
    paths.sort();
    paths
}

/// Each file of another program is read and taken in, whole and damaged.
fn adopt(folder: &Path, samples: &Path, progress: &Progress) {
    let mut random = Random::new(8);
    for entry in fs::read_dir(samples).expect("samples") {
        let sample = entry.expect("a sample").path();
        if sample.extension().is_none_or(|extension| extension != "parquet") {
            continue;
        }
        let bytes = fs::read(&sample).expect("a sample");
        for turn in 0..4 {
            let mut damaged = bytes.clone();
            if turn > 0 {
                let place = random.place(damaged.len());
                damaged[place] ^= 1 << random.below(8);
            }
            let folder = folder.join(sample.file_stem().expect("a name")).join(turn.to_string());
            fs::create_dir_all(&folder).expect("a folder");
            fs::write(folder.join(FILE), damaged).expect("a file");
            let table = table(&folder, progress);
            // Which files are read, and what of them, is the matter of other tests.
            drop(table.cached());
            drop(table.columns());
            drop(put(&table, &[1, 1_000], 1));
            drop(table.compact());
        }
    }
}

/// Files that are no table, or not this one.
fn refuse(folder: &Path, progress: &Progress) {
    let stored = folder.join("stored");
    fetch_some(&stored, progress);
    let sound = fs::read(stored.join(FILE)).expect("a file");
    let mut rows = ParquetReader::new(fs::File::open(stored.join(FILE)).expect("a file")).finish().expect("the rows");
    let mut rewritten = Vec::new();
    ParquetWriter::new(&mut rewritten).finish(&mut rows).expect("a file");
    for (name, bytes) in [("nothing", Vec::new()), ("text", b"id,name\n1,x\n".to_vec()), ("rewritten", rewritten)] {
        let folder = folder.join(name);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join(FILE), bytes).expect("a file");
        let query = table(&folder, progress).select(["name"]).expect("a column");
        drop(query.frame(&[1, 2, 3], &database(IDS)));
    }
    let other = folder.join("other");
    fs::create_dir_all(&other).expect("a folder");
    fs::write(other.join("public_others.parquet"), sound).expect("a file");
    let others = cache(&other, progress).table("public.others").expect("a valid name");
    assert!(matches!(others.cached(), Err(Error::ForeignTable { .. })));
}

/// Rows of differing columns, so that the file has a column of ours.
fn fetch_some(folder: &Path, progress: &Progress) {
    let table = table(folder, progress);
    let named = Database::with_rows([json!({ "id": 1, "name": "thing" })]);
    table.select(["name"]).expect("a column").frame(&[1], &named).expect("a row");
    table.select(["name", "day"]).expect("columns").frame(&[2, 3], &database(IDS)).expect("rows");
}
