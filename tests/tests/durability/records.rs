//! Random requests of several record types, and of a dynamic handle, over one table: each must answer what a map of
//! the table says, fetch what that lacks, and leave there what that keeps.

mod expected;
mod source;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use dbcache::{BatchPolicy, Builder, Cache, DynamicCache, Error, Found, Progress, RememberAbsent, Result, Table};
use dbcache_tests::counts::{count, report};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use self::expected::{Cells, Row, WHOLE};
use self::source::{Batch, Form, IDS, Positions, Shared, Source, Streets, TABLE, Tags, Years, Zips, cells_of, row_of};
use crate::model::{damage_a_bit, json_of, runner, same};
use crate::{Scratch, files_below};

/// What the dynamic handle asks for, and the cell that a row must have for it.
const PATHS: [(&str, &str); 12] = [
    ("name", "name"),
    ("age", "age"),
    ("doc.street", "street"),
    ("doc.city", "city"),
    ("doc.zip", "zip"),
    ("doc.geo.lat", "geo.lat"),
    ("doc.geo.lon", "geo.lon"),
    ("doc.trips.0.to", "trips.to"),
    ("doc.trips.1.year", "trips.year"),
    ("doc.tags", "tags"),
    ("doc.more", WHOLE),
    ("doc", WHOLE),
];

#[derive(Clone, Debug)]
enum Operation {
    /// Asks for rows, fetching what is missing, or all of them, or nothing.
    Ask { who: Who, ids: Vec<i64>, how: How },
    /// The database comes to have other values, and lacks these ids.
    Change { gone: u16 },
    /// Opens all handles anew.
    Reopen,
    /// Folds all files into one.
    Compact,
    /// Changes a bit of a file.
    Damage { file: u8, place: u16, bit: u8 },
}

#[derive(Clone, Debug)]
enum Who {
    /// The record type of this number.
    Records(usize),
    /// The dynamic handle, for these of the paths.
    Paths { paths: u16, form: Form, is_generous: bool },
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum How {
    Fetching,
    Refreshing,
    Offline,
    /// From a database that fails.
    Failing,
    /// Again, from a database that fails.
    FailingToRefresh,
}

fn operation(is_damaging: bool) -> impl Strategy<Value = Operation> {
    let form = prop_oneof![Just(Form::Json), Just(Form::Chunks)];
    let who = prop_oneof![
        3 => (0..TYPES).prop_map(Who::Records),
        2 => (1_u16..1 << PATHS.len(), form, any::<bool>())
            .prop_map(|(paths, form, is_generous)| Who::Paths { paths, form, is_generous }),
    ];
    let how = prop_oneof![
        8 => Just(How::Fetching),
        4 => Just(How::Refreshing),
        1 => Just(How::Offline),
        1 => Just(How::Failing),
        1 => Just(How::FailingToRefresh),
    ];
    prop_oneof![
        16 => (who, vec(IDS, 1..8), how).prop_map(|(who, ids, how)| Operation::Ask { who, ids, how }),
        3 => any::<u16>().prop_map(|gone| Operation::Change { gone: gone & gone.rotate_left(3) }),
        2 => Just(Operation::Reopen),
        2 => Just(Operation::Compact),
        u32::from(is_damaging) => (any::<u8>(), any::<u16>(), 0_u8..8)
            .prop_map(|(file, place, bit)| Operation::Damage { file, place, bit }),
    ]
}

/// Rows by id, and the ids without one.
type Answer = (BTreeMap<i64, Value>, Vec<i64>);

/// A handle for the rows of one type.
trait Handle {
    /// What its rows must have.
    fn cells(&self) -> Cells;

    fn ask(&self, ids: &[i64], how: How, source: &Source) -> Result<Answer>;

    /// What is cached of all rows.
    fn cached(&self) -> Answer;
}

impl<T: Shared> Handle for Cache<T> {
    fn cells(&self) -> Cells {
        T::CELLS.iter().copied().collect()
    }

    fn ask(&self, ids: &[i64], how: How, source: &Source) -> Result<Answer> {
        match how {
            How::Fetching | How::Failing => self.all().rows_found(ids, source),
            How::Refreshing | How::FailingToRefresh => self.all().refresh().rows_found(ids, source),
            How::Offline => self.all().offline().rows_found(ids, source),
        }
        .map(by_id)
    }

    fn cached(&self) -> Answer {
        by_id(self.all().rows_cached(&IDS.collect::<Vec<i64>>()).expect("the rows"))
    }
}

fn by_id<T: Shared>(found: Found<Vec<T>, i64>) -> Answer {
    let rows = found.rows.iter().map(|row| {
        let mut row = dbcache_tests::row(serde_json::to_value(row).expect("a row is JSON"));
        (row.remove("id").and_then(|id| id.as_i64()).expect("an id"), Value::Object(row))
    });
    (rows.collect(), found.missing)
}

/// How many record types there are.
const TYPES: usize = 5;

/// A cache for each record type and one for the dynamic handle, as of so many programs.
struct Handles {
    records: [Box<dyn Handle>; TYPES],
    table: Table,
}

impl Handles {
    fn open(scratch: &Scratch, remembers: bool) -> Self {
        Self {
            records: [
                Box::new(opened::<Cache<Streets>>(Cache::builder(), scratch, remembers).open().expect("a cache")),
                Box::new(opened::<Cache<Zips>>(Cache::builder(), scratch, remembers).open().expect("a cache")),
                Box::new(opened::<Cache<Positions>>(Cache::builder(), scratch, remembers).open().expect("a cache")),
                Box::new(opened::<Cache<Years>>(Cache::builder(), scratch, remembers).open().expect("a cache")),
                Box::new(opened::<Cache<Tags>>(Cache::builder(), scratch, remembers).open().expect("a cache")),
            ],
            table: opened(DynamicCache::builder(), scratch, remembers)
                .open()
                .and_then(|cache| cache.table(TABLE))
                .expect("a table"),
        }
    }
}

/// With batches of few ids, so that a request has several.
fn opened<C>(builder: Builder<C>, scratch: &Scratch, remembers: bool) -> Builder<C> {
    let remember =
        if remembers { RememberAbsent::InFolder(Duration::from_secs(86_400)) } else { RememberAbsent::Never };
    let builder = builder.folder(scratch.cache()).progress(Progress::Silent).remember_absent(remember);
    builder.batches(BatchPolicy::Fixed(3)).concurrency(2)
}

struct Run {
    scratch: Scratch,
    handles: Handles,
    cached: BTreeMap<i64, Row>,
    /// The ids that are remembered to be absent, if any are.
    absent: Option<BTreeSet<i64>>,
    version: i64,
    gone: u16,
    /// Damage may cost rows, and does so once it is met: no sooner than something reads what is damaged.
    is_damaged: bool,
    /// How many operations there were.
    turn: usize,
}

impl Run {
    fn new(scratch: Scratch, remembers: bool) -> Self {
        let handles = Handles::open(&scratch, remembers);
        let (cached, absent) = (BTreeMap::new(), remembers.then(BTreeSet::new));
        Self { scratch, handles, cached, absent, version: 1, gone: 0, is_damaged: false, turn: 0 }
    }

    fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::Ask { who, ids, how } => self.ask(who, ids, *how),
            Operation::Change { gone } => (self.version, self.gone) = (self.version + 1, *gone),
            Operation::Reopen => self.handles = Handles::open(&self.scratch, self.absent.is_some()),
            Operation::Compact => self.handles.table.compact().expect("a compaction"),
            Operation::Damage { file, place, bit } => {
                if damage_a_bit(&self.scratch, *file, *place, *bit) {
                    self.handles = Handles::open(&self.scratch, self.absent.is_some());
                    self.is_damaged = true;
                }
            }
        }
        self.turn += 1;
        if self.is_damaged { self.check() } else { self.check_some() }
    }

    fn source(&self, who: &Who, how: How) -> Source {
        let mut source = Source::new(self.version, self.gone);
        source.is_broken = matches!(how, How::Failing | How::FailingToRefresh);
        if let Who::Paths { form, is_generous, .. } = who {
            (source.form, source.is_generous) = (*form, *is_generous);
        }
        source
    }

    fn ask(&mut self, who: &Who, ids: &[i64], how: How) {
        let source = self.source(who, how);
        let wanted: BTreeSet<i64> = ids.iter().copied().collect();
        let (cells, answer) = match who {
            Who::Records(number) => {
                let handle = &self.handles.records[*number];
                (handle.cells(), handle.ask(ids, how, &source))
            }
            Who::Paths { paths, .. } => (cells_at(*paths), self.ask_paths(*paths, ids, how, &source)),
        };
        let lacking: BTreeSet<i64> = wanted.iter().copied().filter(|id| !self.has(*id, &cells)).collect();
        let asked: BTreeSet<i64> = source.batches().iter().flat_map(|batch| batch.ids.clone()).collect();
        let expected = self.expected_to_ask(&wanted, &lacking, how);
        let is_as_expected = if self.is_damaged { asked.is_superset(&expected) } else { asked == expected };
        assert!(is_as_expected, "{asked:?} were asked for, {expected:?} ought to be");
        match answer {
            Err(Error::FetchFailed { stored: 0, .. }) if source.is_broken && !asked.is_empty() => return,
            Err(Error::NotCached { ids, .. }) if how == How::Offline && !lacking.is_empty() => {
                assert!(self.is_damaged || ids.len() == lacking.len(), "{ids:?}, not {lacking:?}");
                return;
            }
            Ok(_) if !source.is_broken || asked.is_empty() => {}
            other => panic!("{other:?} where {lacking:?} are lacking"),
        }
        for batch in source.batches() {
            self.take(who, &batch, how, &lacking, &source);
        }
        let (rows, missing) = answer.expect("it was found to be one");
        let (found, not_found) = wanted.iter().partition::<Vec<i64>, _>(|id| self.has(**id, &cells));
        if self.is_damaged && how == How::Fetching {
            // Rows may have been lost that an absent id hides.
            assert!(not_found.iter().all(|id| missing.contains(id)), "{missing:?} are missing, not {not_found:?}");
        } else {
            assert_eq!(missing, not_found, "the ids that are missing");
        }
        assert!(rows.keys().all(|id| found.contains(id)) && rows.len() + missing.len() == wanted.len());
        for (id, row) in rows {
            let expected = match who {
                Who::Records(_) => self.cached[&id].value(&cells),
                Who::Paths { paths, .. } => values_at(&self.cached[&id], *paths),
            };
            assert!(same(&row, &expected), "row {id} is {row}, not {expected}");
        }
    }

    fn has(&self, id: i64, cells: &Cells) -> bool {
        self.cached.get(&id).is_some_and(|row| row.has(cells))
    }

    fn expected_to_ask(&self, wanted: &BTreeSet<i64>, lacking: &BTreeSet<i64>, how: How) -> BTreeSet<i64> {
        let is_known_absent =
            |id: &i64| !self.cached.contains_key(id) && self.absent.as_ref().is_some_and(|absent| absent.contains(id));
        match how {
            How::Refreshing | How::FailingToRefresh => wanted.clone(),
            How::Fetching | How::Failing => lacking.iter().copied().filter(|id| !is_known_absent(id)).collect(),
            How::Offline => BTreeSet::new(),
        }
    }

    /// Takes in a batch that was fetched and stored.
    fn take(&mut self, who: &Who, batch: &Batch, how: How, lacking: &BTreeSet<i64>, source: &Source) {
        if how == How::Refreshing && !self.is_damaged {
            self.check_columns(who, batch);
        }
        let cells = match who {
            Who::Records(number) => self.handles.records[*number].cells(),
            Who::Paths { is_generous: true, .. } => expected::CELLS.into(),
            Who::Paths { .. } => cells_of(&batch.columns),
        };
        for id in &batch.ids {
            // What was asked for though it is cached was lost.
            let old = self.cached.remove(id).filter(|_| how == How::Fetching && lacking.contains(id));
            let new = source.has(*id).then(|| Row::of(&row_of(*id, source.version), &cells));
            if new.is_none() {
                self.absent.iter_mut().for_each(|absent| absent.extend([*id]));
            }
            let row = match (old, new) {
                (Some(old), Some(new)) => Some(old.joined(new)),
                (old, new) => new.or(old),
            };
            self.cached.extend(row.map(|row| (*id, row)));
        }
    }

    /// A refresh asks for all that is cached of its rows.
    fn check_columns(&self, who: &Who, batch: &Batch) {
        let is_wanted = |column: &str| match who {
            Who::Records(number) => {
                let cells = self.handles.records[*number].cells();
                column == "doc" || cells.contains(column)
            }
            Who::Paths { paths, .. } => chosen(*paths).any(|(path, _)| path.split('.').next() == Some(column)),
        };
        let is_cached = |column: &str| {
            let rows = batch.ids.iter().filter_map(|id| self.cached.get(id));
            rows.into_iter().any(|row| row.has_column(column))
        };
        let columns = ["name", "age", "doc"].into_iter().filter(|column| is_wanted(column) || is_cached(column));
        assert_eq!(batch.columns, columns.map(str::to_owned).collect(), "the columns that are fetched again");
    }

    fn ask_paths(&self, paths: u16, ids: &[i64], how: How, source: &Source) -> Result<Answer> {
        let query = self.handles.table.select(asked_paths(paths))?;
        let found = match how {
            How::Fetching | How::Failing => query.frame_found(ids, source),
            How::Refreshing | How::FailingToRefresh => query.refresh().frame_found(ids, source),
            How::Offline => query.offline().frame_found(ids, source),
        }?;
        Ok((rows_by_id(&found), found.missing))
    }

    /// What every handle finds is what ought to be there.
    fn check(&mut self) {
        if self.is_damaged {
            // What one handle reads may be the first to show damage, which costs the others rows.
            self.cached_by_all();
        }
        let (typed, dynamic) = self.cached_by_all();
        if self.is_damaged {
            self.lose(&dynamic);
        }
        typed.iter().enumerate().for_each(|(number, answer)| self.check_records(number, answer));
        dynamic.iter().enumerate().for_each(|(path, answer)| self.check_path(path, answer));
    }

    /// What each record type finds, and what is found at each path.
    fn cached_by_all(&self) -> (Vec<Answer>, Vec<Answer>) {
        let typed = self.handles.records.iter().map(|handle| handle.cached()).collect();
        (typed, (0..PATHS.len()).map(|path| self.cached_at(path)).collect())
    }

    /// The same of one record type and one path, another one each time.
    fn check_some(&self) {
        let number = self.turn % TYPES;
        self.check_records(number, &self.handles.records[number].cached());
        let path = self.turn % PATHS.len();
        self.check_path(path, &self.cached_at(path));
    }

    fn cached_at(&self, path: usize) -> Answer {
        let query = self.handles.table.select(asked_paths(1_u16 << path)).expect("a path");
        let found = query.frame_cached(&IDS.collect::<Vec<i64>>()).expect("the rows");
        (rows_by_id(&found), found.missing)
    }

    fn check_records(&self, number: usize, answer: &Answer) {
        let cells = self.handles.records[number].cells();
        self.check_found(&cells, answer, |row| row.value(&cells));
    }

    fn check_path(&self, path: usize, answer: &Answer) {
        let paths = 1_u16 << path;
        self.check_found(&cells_at(paths), answer, |row| values_at(row, paths));
    }

    fn check_found(&self, cells: &Cells, (rows, missing): &Answer, value: impl Fn(&Row) -> Value) {
        let (found, lacking) = IDS.partition::<Vec<i64>, _>(|id| self.has(*id, cells));
        assert_eq!((rows.keys().copied().collect(), missing), (found, &lacking), "the rows with {cells:?}");
        for (id, row) in rows {
            let expected = value(&self.cached[id]);
            assert!(same(row, &expected), "row {id} is {row}, not {expected}");
        }
    }

    /// Takes out what damage has cost: it may be anything, but nothing else may be there.
    fn lose(&mut self, found: &[Answer]) {
        let before = std::mem::take(&mut self.cached);
        for (id, row) in before {
            let there = PATHS.iter().zip(found).filter(|(_, (rows, _))| rows.contains_key(&id));
            let cells: Cells = there.map(|((_, cell), _)| *cell).collect();
            assert!(row.has(&cells), "row {id} has {cells:?}, had {row:?}");
            if !cells.is_empty() {
                self.cached.insert(id, row.left(&cells));
            }
        }
    }
}

fn chosen(paths: u16) -> impl Iterator<Item = (&'static str, &'static str)> {
    PATHS.into_iter().enumerate().filter(move |(place, _)| paths & (1 << place) != 0).map(|(_, path)| path)
}

/// These paths; beside the document, a key that only whole ones have.
fn asked_paths(paths: u16) -> Vec<&'static str> {
    let mut asked: Vec<&str> = chosen(paths).map(|(path, _)| path).collect();
    if asked.contains(&"doc") && !asked.contains(&"doc.more") {
        asked.push("doc.more");
    }
    asked
}

fn cells_at(paths: u16) -> Cells {
    chosen(paths).map(|(_, cell)| cell).collect()
}

fn values_at(row: &Row, paths: u16) -> Value {
    Value::Object(asked_paths(paths).into_iter().map(|path| (path.to_owned(), row.at(path))).collect())
}

fn rows_by_id(found: &Found<dbcache::polars::prelude::DataFrame, i64>) -> BTreeMap<i64, Value> {
    let column = |name: &str| found.rows.column(name).expect("the column").as_materialized_series().clone();
    let names = found.rows.get_column_names_owned();
    let row = |place: usize| {
        let cells = names.iter().map(|name| (name.to_string(), json_of(&column(name).get(place).expect("a row"))));
        let mut row: dbcache_tests::Row = cells.collect();
        (row.remove("id").and_then(|id| id.as_i64()).expect("an id"), json!(row))
    };
    (0..found.rows.height()).map(row).collect()
}

#[test]
fn record_types_that_share_a_table_agree_with_a_map_of_it() {
    let cases = count("DBCACHE_MODEL_CASES", 100, 50_000);
    let (operations, files) = (Cell::new(0), Cell::new(0));
    let strategy = (any::<bool>(), any::<bool>(), any::<bool>());
    let strategy = strategy.prop_flat_map(|(is_split_early, remembers, is_damaging)| {
        (Just(is_split_early), Just(remembers), vec(operation(is_damaging), 1..20))
    });
    let outcome = runner(cases).run(&strategy, |(is_split_early, remembers, sequence)| {
        let scratch = if is_split_early { Scratch::split_early() } else { Scratch::new() };
        let mut run = Run::new(scratch, remembers);
        sequence.iter().for_each(|operation| run.apply(operation));
        run.check();
        operations.set(operations.get() + sequence.len());
        files.set(files.get() + files_below(&run.scratch.cache()).len());
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    let (operations, files) = (operations.get(), files.get());
    report("model of record types", format!("{cases} cases, {operations} operations, {files} files in the end"));
}
