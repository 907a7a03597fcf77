//! Random operations against a map of what ought to be cached.

use std::collections::{BTreeMap, BTreeSet};

use dbcache::polars::prelude::*;
use dbcache::{Error, Progress, Table};
use dbcache_tests::Database;
use dbcache_tests::counts::{count, report};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::{Scratch, files_below};

const TABLE: &str = "public.things";
const IDS: std::ops::Range<i64> = 0..12;
const COLUMNS: [&str; 4] = ["number", "text", "document", "ratio"];

/// What is done to a table.
#[derive(Clone, Debug)]
enum Operation {
    /// Asks for columns of rows; the database brings these and, where it is generous, all others.
    Get { ids: Vec<i64>, columns: u8, is_generous: bool },
    /// Fetches rows again, in a newer version.
    Refresh { ids: Vec<i64>, columns: u8, database: Refreshed },
    /// Opens the cache anew.
    Reopen,
    /// Folds all files into one.
    Compact,
    /// Changes a bit of a file.
    Damage { file: u8, place: u16, bit: u8 },
}

/// What the database is like that rows are fetched from again.
#[derive(Clone, Copy, Debug)]
enum Refreshed {
    /// It brings the columns that the request asks for, whatever else it has.
    Narrow,
    /// It brings all columns.
    Generous,
    /// It brings all columns, but no longer has the rows of these ids.
    Without { gone: u16 },
    /// It fails.
    Broken,
    /// It does not have a column that the request asks for.
    Lacking,
}

fn refreshed() -> impl Strategy<Value = Refreshed> {
    prop_oneof![
        2 => Just(Refreshed::Narrow),
        2 => Just(Refreshed::Generous),
        2 => any::<u16>().prop_map(|gone| Refreshed::Without { gone }),
        1 => Just(Refreshed::Broken),
        1 => Just(Refreshed::Lacking),
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    let ids = || vec(IDS, 1..6);
    prop_oneof![
        6 => (ids(), 1_u8..16, any::<bool>()).prop_map(|(ids, columns, is_generous)| Operation::Get { ids, columns, is_generous }),
        3 => (ids(), 1_u8..16, refreshed()).prop_map(|(ids, columns, database)| Operation::Refresh { ids, columns, database }),
        2 => Just(Operation::Reopen),
        1 => Just(Operation::Compact),
        1 => (any::<u8>(), any::<u16>(), 0_u8..8).prop_map(|(file, place, bit)| Operation::Damage { file, place, bit }),
    ]
}

fn names(columns: u8) -> Vec<&'static str> {
    COLUMNS.iter().enumerate().filter(|(place, _)| columns & (1 << place) != 0).map(|(_, name)| *name).collect()
}

/// The value of a cell in a version: NULL at times; numbers that are whole in the first versions only, so that the
/// column widens.
fn cell(id: i64, column: &str, version: i64) -> Value {
    let seed = id * 31 + version;
    match column {
        _ if seed % 7 == 0 => Value::Null,
        "number" => json!(seed),
        "text" => json!(format!("row {id} in version {version}")),
        "document" => json!({ "of": id, "in": [version] }),
        _ if version < 3 => json!(seed),
        #[expect(clippy::cast_precision_loss, reason = "the numbers are small")]
        _ => json!(seed as f64 + 0.5),
    }
}

/// What ought to be cached: the version of each cell.
type Cells = BTreeMap<i64, BTreeMap<&'static str, i64>>;

struct Run {
    scratch: Scratch,
    table: Table,
    cached: Cells,
    version: i64,
    /// Damage may cost rows, and does so once it is met: no sooner than something reads what is damaged.
    is_damaged: bool,
}

impl Run {
    fn new(scratch: Scratch) -> Self {
        let table = table(&scratch);
        Self { scratch, table, cached: Cells::new(), version: 1, is_damaged: false }
    }

    fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::Get { ids, columns, is_generous } => self.get(ids, &names(*columns), *is_generous),
            Operation::Refresh { ids, columns, database } => self.refresh(ids, &names(*columns), *database),
            Operation::Reopen => self.table = table(&self.scratch),
            Operation::Compact => self.table.compact().expect("a compaction"),
            Operation::Damage { file, place, bit } => self.damage(*file, *place, *bit),
        }
        self.check();
    }

    fn get(&mut self, ids: &[i64], columns: &[&'static str], is_generous: bool) {
        let brought = if is_generous { &COLUMNS } else { columns };
        let database = database(brought, self.version);
        self.table.select(columns).expect("columns").frame(ids, &database).expect("rows");
        let asked = asked(&database);
        if !self.is_damaged {
            assert_eq!(asked, self.incomplete(ids, columns), "the ids that were fetched for {columns:?} of {ids:?}");
        }
        for id in &asked {
            self.cached.entry(*id).or_default().extend(brought.iter().map(|column| (*column, self.version)));
        }
        self.check_stored(&asked, brought);
    }

    fn refresh(&mut self, ids: &[i64], columns: &[&'static str], kind: Refreshed) {
        self.version += 1;
        let brought: Vec<&'static str> = match kind {
            Refreshed::Narrow => columns.to_vec(),
            Refreshed::Lacking => COLUMNS.into_iter().filter(|name| Some(name) != columns.first()).collect(),
            _ => COLUMNS.to_vec(),
        };
        let is_gone = |id: &i64| matches!(kind, Refreshed::Without { gone } if gone & (1 << id) != 0);
        let mut database = database_of(IDS.filter(|id| !is_gone(id)), &brought, self.version);
        if let Refreshed::Broken = kind {
            database = database.failing_on(IDS);
        }
        let query = self.table.select(columns).expect("columns").refresh();
        let answer = query.frame_found(ids, &database);
        assert_eq!(asked(&database), ids.iter().copied().collect(), "the ids that were fetched again");
        match (kind, &answer) {
            (Refreshed::Broken, Err(Error::FetchFailed { .. }))
            | (Refreshed::Lacking, Err(Error::ColumnsNotFound { .. })) => {}
            (Refreshed::Broken | Refreshed::Lacking, _) | (_, Err(_)) => panic!("{kind:?}: {answer:?}"),
            (_, Ok(found)) => self.was_refreshed(ids, &found.missing, &brought),
        }
    }

    fn was_refreshed(&mut self, ids: &[i64], missing: &[i64], brought: &[&'static str]) {
        for id in ids {
            self.cached.remove(id);
            if !missing.contains(id) {
                self.cached.insert(*id, brought.iter().map(|column| (*column, self.version)).collect());
            }
        }
        let found = ids.iter().copied().filter(|id| !missing.contains(id)).collect();
        self.check_stored(&found, brought);
    }

    fn damage(&mut self, file: u8, place: u16, bit: u8) {
        if damage_a_bit(&self.scratch, file, place, bit) {
            self.table = table(&self.scratch);
            self.is_damaged = true;
        }
    }

    /// The ids whose rows lack one of these columns.
    fn incomplete(&self, ids: &[i64], columns: &[&'static str]) -> BTreeSet<i64> {
        let lacks = |id: &i64| {
            let row = self.cached.get(id);
            row.is_none_or(|row| columns.iter().any(|column| !row.contains_key(column)))
        };
        ids.iter().copied().filter(lacks).collect()
    }

    /// What was fetched just now is there, whatever was damaged before.
    fn check_stored(&self, fetched: &BTreeSet<i64>, columns: &[&'static str]) {
        let ids: Vec<i64> = fetched.iter().copied().collect();
        let seen = self.table.select(columns).expect("columns").look_up(&ids).expect("a look");
        assert_eq!(seen.hits, ids, "the rows that were stored, {columns:?}");
    }

    /// Takes out what damage has cost: it may be anything, but nothing else may be there.
    fn lose(&mut self, found: &Cells) {
        let before = std::mem::take(&mut self.cached);
        for (id, row) in found {
            let before = before.get(id).unwrap_or_else(|| panic!("row {id} was never stored"));
            assert!(row.keys().all(|column| before.contains_key(column)), "row {id} has {row:?}, had {before:?}");
            self.cached.insert(*id, row.keys().map(|column| (*column, before[column])).collect());
        }
    }

    /// Which cells are cached; the versions are not told.
    fn found(&self) -> Cells {
        let ids: Vec<i64> = IDS.collect();
        let mut found = Cells::new();
        for column in COLUMNS {
            let query = self.table.select([column]).expect("a column");
            // Reading shows damage that looking up does not.
            query.frame_cached(&ids).expect("rows");
        }
        for column in COLUMNS {
            let seen = self.table.select([column]).expect("a column").look_up(&ids).expect("a look");
            for id in seen.hits {
                found.entry(id).or_default().insert(column, 0);
            }
        }
        found
    }

    fn check(&mut self) {
        let ids: Vec<i64> = IDS.collect();
        let found = self.found();
        if self.is_damaged {
            self.lose(&found);
        }
        for column in COLUMNS {
            let expected: Vec<i64> =
                self.cached.iter().filter(|(_, row)| row.contains_key(column)).map(|(id, _)| *id).collect();
            let hits: Vec<i64> = found.iter().filter(|(_, row)| row.contains_key(column)).map(|(id, _)| *id).collect();
            assert_eq!(hits, expected, "hits of {column}");
            let rows = self.table.select([column]).expect("a column").frame_cached(&ids).expect("rows").rows;
            assert_eq!(rows.height(), expected.len(), "rows of {column}");
            let values = rows.column(column).expect("the column").as_materialized_series();
            for (place, id) in expected.iter().enumerate() {
                let expected = cell(*id, column, self.cached[id][column]);
                let value = json_of(&values.get(place).expect("the row"));
                assert!(same(&value, &expected), "{column} of {id}: {value}, not {expected}");
            }
        }
    }
}

/// Changes a bit of one of a cache's files; `false` where there is none to change.
pub fn damage_a_bit(scratch: &Scratch, file: u8, place: u16, bit: u8) -> bool {
    let files = files_below(&scratch.cache());
    let Some(file) = files.get(usize::from(file) % files.len().max(1)) else { return false };
    let path = scratch.cache().join(file);
    let mut bytes = std::fs::read(&path).expect("a file");
    let place = usize::from(place) % bytes.len().max(1);
    let Some(byte) = bytes.get_mut(place) else { return false };
    *byte ^= 1 << bit;
    std::fs::write(&path, bytes).expect("a file");
    true
}

fn table(scratch: &Scratch) -> Table {
    let cache = dbcache::DynamicCache::builder().folder(scratch.cache()).progress(Progress::Silent).open();
    cache.expect("a cache").table(TABLE).expect("a valid name")
}

/// A database that has these columns of all rows, in one version.
fn database(columns: &[&'static str], version: i64) -> Database {
    database_of(IDS, columns, version)
}

/// The same, of these rows.
fn database_of(ids: impl Iterator<Item = i64>, columns: &[&'static str], version: i64) -> Database {
    let row = |id: i64| {
        let cells = columns.iter().map(|column| ((*column).to_owned(), cell(id, column, version)));
        Value::Object(cells.chain([("id".to_owned(), json!(id))]).collect())
    };
    Database::with_rows(ids.map(row))
}

fn asked(database: &Database) -> BTreeSet<i64> {
    database.take_asked().into_iter().collect()
}

pub fn json_of(value: &AnyValue<'_>) -> Value {
    match value {
        AnyValue::Null => Value::Null,
        AnyValue::Int32(value) => json!(value),
        AnyValue::Int64(value) => json!(value),
        AnyValue::Float64(value) => json!(value),
        AnyValue::String(value) => serde_json::from_str(value).unwrap_or_else(|_| json!(value)),
        AnyValue::StringOwned(value) => serde_json::from_str(value).unwrap_or_else(|_| json!(value.as_str())),
        AnyValue::List(values) => {
            (0..values.len()).map(|place| json_of(&values.get(place).expect("it is there"))).collect()
        }
        AnyValue::Struct(_, _, fields) => {
            let members = fields.iter().zip(value._iter_struct_av());
            Value::Object(members.map(|(field, value)| (field.name().to_string(), json_of(&value))).collect())
        }
        other => panic!("a value of another kind: {other:?}"),
    }
}

/// Whether two values are the same; a whole number may have become a float, a NULL document a struct of nulls, and a
/// null in a document may be left out.
pub fn same(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Number(found), Value::Number(expected)) => found.as_f64() == expected.as_f64(),
        (Value::Object(found), Value::Null) => found.values().all(|value| same(value, &Value::Null)),
        (Value::Object(found), Value::Object(expected)) => {
            let mut names = found.keys().chain(expected.keys());
            names.all(|name| same(found.get(name).unwrap_or(&Value::Null), expected.get(name).unwrap_or(&Value::Null)))
        }
        (Value::Array(found), Value::Array(expected)) => {
            found.len() == expected.len() && found.iter().zip(expected).all(|(found, expected)| same(found, expected))
        }
        _ => found == expected,
    }
}

/// Runs so many cases: the same in each run, unless `DBCACHE_MODEL_SEED` says where to begin.
pub fn runner(cases: usize) -> TestRunner {
    let config =
        Config { cases: u32::try_from(cases).expect("a count"), failure_persistence: None, ..Config::default() };
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&count("DBCACHE_MODEL_SEED", 0, 1).to_le_bytes());
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed))
}

#[test]
fn random_operations_agree_with_a_map() {
    let cases = count("DBCACHE_MODEL_CASES", 500, 100_000);
    let mut runner = runner(cases);
    let operations = std::cell::Cell::new(0);
    let outcome = runner.run(&(any::<bool>(), vec(operation(), 1..12)), |(is_split_early, sequence)| {
        let mut run = Run::new(if is_split_early { Scratch::split_early() } else { Scratch::new() });
        sequence.iter().for_each(|operation| run.apply(operation));
        operations.set(operations.get() + sequence.len());
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    report("model", format!("{cases} cases, {} operations", operations.get()));
}
