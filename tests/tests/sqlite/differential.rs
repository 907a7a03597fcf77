//! Random tables of every declared type and storage class, held against SQLite's own words.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use dbcache::error::{Error, RejectedRow};
use dbcache::key::RowId;
use dbcache::polars::prelude::*;
use dbcache::rusqlite::Connection;
use dbcache::{BatchPolicy, Cache, Cached, DynamicCache, Progress, SqliteFetcher};
use dbcache_tests::numbers::Numbers;

const DECLARED: [&str; 12] = [
    "INTEGER",
    "REAL",
    "TEXT",
    "BLOB",
    "NUMERIC",
    "DECIMAL(10, 5)",
    "DATETIME",
    "STRING",
    "",
    "BOOLEAN",
    "VARCHAR(9)",
    "JSON",
];
const VALUES: [&str; 20] = [
    "NULL",
    "0",
    "1",
    "-7",
    "9007199254740993",
    "-9223372036854775808",
    "9223372036854775807",
    "0.5",
    "0.1",
    "-0.0",
    "1e300",
    "9007199254740992.0",
    "'x'",
    "'007'",
    "'12.50'",
    "''",
    "'2024-01-01 12:00:00'",
    "x'00ff'",
    "'naïve'",
    "'{\"k\": 1}'",
];
const ROWS: i64 = 16;

/// A table whose columns from a place on hold one value each.
fn table(numbers: &mut Numbers, loose: usize) -> (Vec<&'static str>, String) {
    let declared: Vec<&str> = (0..4).map(|_| *numbers.one_of(&DECLARED)).collect();
    let columns: Vec<String> =
        declared.iter().enumerate().map(|(place, declared)| format!("c{place} {declared}")).collect();
    let mut sql = format!("CREATE TABLE t (id INTEGER PRIMARY KEY, {});", columns.join(", "));
    // Few kinds of values a column, so that many rows agree.
    let mut pool = |place| match place < loose {
        true => (0..1 + numbers.below(4)).map(|_| *numbers.one_of(&VALUES)).collect(),
        false => vec![*numbers.one_of(&VALUES)],
    };
    let pools: Vec<Vec<&str>> = (0..declared.len()).map(&mut pool).collect();
    for id in 1..=ROWS {
        let values: Vec<&str> = pools.iter().map(|pool| *numbers.one_of(pool)).collect();
        write!(sql, "INSERT INTO t VALUES ({id}, {});", values.join(", ")).unwrap();
    }
    (declared, sql)
}

/// What SQLite says of each value: its storage class, and the value as an SQL literal.
fn said_by_sqlite(path: &Path, columns: usize) -> BTreeMap<i64, Vec<(String, String)>> {
    let connection = Connection::open(path).unwrap();
    let quoted: Vec<String> = (0..columns).map(|place| format!("typeof(c{place}), quote(c{place})")).collect();
    let mut query = connection.prepare(&format!("SELECT id, {} FROM t", quoted.join(", "))).unwrap();
    let rows = query.query_map([], |row| {
        let pair = |place: usize| Ok((row.get(2 * place + 1)?, row.get(2 * place + 2)?));
        Ok((row.get(0)?, (0..columns).map(pair).collect::<Result<_, dbcache::rusqlite::Error>>()?))
    });
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}

/// Whether an answered value is what SQLite says it has.
fn is_same(class: &str, literal: &str, answered: &AnyValue<'_>) -> bool {
    match (class, answered) {
        ("null", answered) => answered.is_null(),
        ("integer", AnyValue::Boolean(answered)) => literal == if *answered { "1" } else { "0" },
        ("integer", AnyValue::Float64(answered)) => {
            literal.parse::<i64>().is_ok_and(|integer| *answered as i128 == i128::from(integer))
        }
        ("integer", answered) if answered.is_integer() => literal == answered.to_string(),
        // A whole float beside integers.
        ("real", AnyValue::Int64(answered)) => {
            literal.parse::<f64>().is_ok_and(|real| real == *answered as f64 && real as i128 == i128::from(*answered))
        }
        // SQLite does not write the sign of zero.
        ("real", AnyValue::Float64(answered)) => literal
            .parse::<f64>()
            .is_ok_and(|real| real == 0.0 && real == *answered || real.to_bits() == answered.to_bits()),
        // Numbers that a pin, a record or a column of JSON has as text.
        ("integer" | "real", answered) => {
            answered.get_str().is_some_and(|text| text.parse::<f64>().ok() == literal.parse::<f64>().ok())
        }
        ("text", answered) => {
            answered.get_str().is_some_and(|text| literal == format!("'{}'", text.replace('\'', "''")))
        }
        ("blob", AnyValue::Binary(answered)) => literal == blob(answered),
        ("blob", AnyValue::BinaryOwned(answered)) => literal == blob(answered),
        _ => false,
    }
}

fn blob(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    format!("X'{digits}'")
}

fn names() -> [&'static str; 4] {
    ["c0", "c1", "c2", "c3"]
}

fn fetched<R>(answer: Result<R, Error>) -> Vec<RejectedRow> {
    match answer {
        Ok(_) => Vec::new(),
        Err(Error::FetchFailed { failures, rejected, .. }) => {
            assert!(failures.is_empty(), "{failures:?}");
            rejected
        }
        Err(other) => panic!("{other:?}"),
    }
}

fn dynamic(path: &Path, size: usize, pin: Option<DataType>) -> (DataFrame, Vec<RejectedRow>) {
    let folder = tempfile::tempdir().unwrap();
    let builder = DynamicCache::builder().folder(folder.path()).progress(Progress::Silent);
    let t = builder.batches(BatchPolicy::Fixed(size)).open().unwrap().table("main.t").unwrap();
    let mut query = t.select(names()).unwrap();
    if let Some(pin) = pin {
        query = names().iter().fold(query, |query, name| query.pin(name, pin.clone()).unwrap());
    }
    let ids: Vec<i64> = (1..=ROWS).collect();
    let rejected = fetched(query.frame(&ids, &SqliteFetcher::open(path).unwrap()));
    // Unpinned, to see what is stored.
    (t.select(names()).unwrap().frame_cached(&ids).unwrap().rows, rejected)
}

fn with_tables(
    loose: usize,
    seeds: std::ops::Range<u64>,
    check: impl Fn(u64, &Path, &[&str], &BTreeMap<i64, Vec<(String, String)>>),
) {
    for seed in seeds {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        let (declared, sql) = table(&mut Numbers::of(seed), loose);
        Connection::open(&path).unwrap().execute_batch(&sql).unwrap();
        check(seed, &path, &declared, &said_by_sqlite(&path, declared.len()));
    }
}

fn compare(seed: u64, frame: &DataFrame, rejected: &[RejectedRow], said: &BTreeMap<i64, Vec<(String, String)>>) {
    let ids = frame.column("id").unwrap().i64().unwrap();
    assert_eq!(ids.len() + rejected.len(), said.len(), "seed {seed}");
    for (row, id) in ids.iter().flatten().enumerate() {
        for (name, (class, literal)) in names().iter().zip(&said[&id]) {
            // Documents come structured.
            let column = frame.column(name).unwrap();
            if column.dtype().is_nested() {
                continue;
            }
            let answered = column.get(row).unwrap();
            assert!(
                is_same(class, literal, &answered),
                "seed {seed}, id {id}, {name}: {class} {literal} became {answered}"
            );
        }
    }
}

#[test]
fn dynamic_rows_are_what_sqlite_says() {
    let rejections = std::cell::Cell::new(0);
    with_tables(4, 0..40, |seed, path, _, said| {
        let (frame, rejected) = dynamic(path, 1 + seed as usize % 7, None);
        rejections.set(rejections.get() + rejected.len());
        compare(seed, &frame, &rejected, said);
    });
    assert!(rejections.get() > 100, "{rejections:?}");
}

#[test]
fn batches_change_no_value_no_type_and_no_rejected_row() {
    with_tables(4, 300..400, |seed, path, declared, said| {
        let (frame, rejected) = dynamic(path, ROWS as usize, None);
        compare(seed, &frame, &rejected, said);
        for size in [1, 3] {
            let (other, other_rejected) = dynamic(path, size, None);
            assert_eq!(ids(&other_rejected), ids(&rejected), "seed {seed}, batches of {size}, {declared:?}");
            assert_eq!(other.schema(), frame.schema(), "seed {seed}, batches of {size}, {declared:?}");
            assert!(other.equals_missing(&frame), "seed {seed}, batches of {size}: {other} is not {frame}");
        }
    });
}

fn ids(rejected: &[RejectedRow]) -> Vec<(&RowId, &str)> {
    rejected.iter().map(|row| (&row.id, row.column.as_str())).collect()
}

#[test]
fn text_by_declaration_takes_all_but_blobs() {
    with_tables(4, 100..130, |seed, path, declared, said| {
        let (frame, rejected) = dynamic(path, 5, Some(DataType::String));
        compare(seed, &frame, &rejected, said);
        let open = |declared: &str| matches!(declared, "NUMERIC" | "DECIMAL(10, 5)" | "DATETIME" | "STRING" | "");
        for row in &rejected {
            let RowId::Int(id) = row.id else { panic!("{row}") };
            let place: usize = row.column[1..].parse().unwrap();
            let (class, _) = &said[&i64::try_from(id).unwrap()][place];
            assert!(class == "blob" || !open(declared[place]), "seed {seed}: {row} is {class} in {declared:?}");
        }
    });
}

macro_rules! record {
    ($record:ident, $value:ty) => {
        #[derive(Clone, Debug, PartialEq, Cached)]
        #[cached(table = "main.t")]
        struct $record {
            #[cached(id)]
            id: i64,
            c0: Option<$value>,
            c1: Option<$value>,
            c2: Option<$value>,
            c3: Option<$value>,
        }
    };
}

record!(Integers, i64);
record!(Floats, f64);
record!(Decimals, rust_decimal::Decimal);
record!(Texts, String);

/// Each value of a record against SQLite's words, of a table whose columns leave their type open.
fn typed<T: dbcache::Record<Id = i64> + std::fmt::Debug>(
    seed: u64,
    path: &Path,
    said: &BTreeMap<i64, Vec<(String, String)>>,
    values: impl Fn(&T) -> (i64, [Option<String>; 4]),
) {
    let folder = tempfile::tempdir().unwrap();
    let builder = Cache::<T>::builder().folder(folder.path()).progress(Progress::Silent);
    let cache = builder.batches(BatchPolicy::Fixed(5)).open().unwrap();
    let fetcher = SqliteFetcher::open(path).unwrap();
    let all: Vec<i64> = (1..=ROWS).collect();
    let rejected = fetched(cache.rows(&all, &fetcher));
    let fit: Vec<i64> = all.into_iter().filter(|id| rejected.iter().all(|row| row.id != RowId::from(*id))).collect();
    for row in cache.rows(&fit, &fetcher).unwrap() {
        let (id, values) = values(&row);
        for (value, (class, literal)) in values.iter().zip(&said[&id]) {
            let is_same = match (value, class.as_str()) {
                (None, class) => class == "null",
                (Some(value), "text") => {
                    *literal == format!("'{value}'")
                        || literal.trim_matches('\'').parse::<f64>().ok() == value.parse().ok()
                }
                (Some(value), _) => {
                    value.parse::<f64>().ok() == literal.parse().ok()
                        && value.parse::<i128>().is_ok() == literal.parse::<i128>().is_ok()
                        || value.parse::<f64>().ok() == literal.parse().ok() && value.parse::<f64>().is_ok()
                }
            };
            assert!(is_same, "seed {seed}, id {id}: {class} {literal} became {value:?}");
        }
    }
}

#[test]
fn records_are_what_sqlite_says() {
    for seed in 200..230 {
        let mut numbers = Numbers::of(seed);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        let (_, sql) = table(&mut numbers, 4);
        let declared = numbers.one_of(&["NUMERIC", "DECIMAL(10, 5)", ""]);
        let sql = DECLARED.iter().filter(|other| !other.is_empty()).fold(sql, |sql, other| {
            (0..4).fold(sql, |sql, place| sql.replace(&format!("c{place} {other}"), &format!("c{place} {declared}")))
        });
        Connection::open(&path).unwrap().execute_batch(&sql).unwrap();
        let said = said_by_sqlite(&path, 4);
        let text = |value: &Option<String>| value.clone();
        typed::<Texts>(seed, &path, &said, |row| (row.id, [&row.c0, &row.c1, &row.c2, &row.c3].map(text)));
        typed::<Integers>(seed, &path, &said, |row| {
            (row.id, [row.c0, row.c1, row.c2, row.c3].map(|value| value.map(|value| value.to_string())))
        });
        typed::<Floats>(seed, &path, &said, |row| {
            (row.id, [row.c0, row.c1, row.c2, row.c3].map(|value| value.map(|value| format!("{value:?}"))))
        });
        typed::<Decimals>(seed, &path, &said, |row| {
            (row.id, [row.c0, row.c1, row.c2, row.c3].map(|value| value.map(|value| value.to_string())))
        });
    }
}
