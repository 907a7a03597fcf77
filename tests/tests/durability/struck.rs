//! Files that are removed, cut, replaced or written anew before any step of a request, under open handles: no row is
//! wrong or stale, nothing that is stored afterwards is lost, and every row can be had again.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use dbcache::Table;
use dbcache::faults::{Call, Faults, Made, Safeguard};
use dbcache::fetch::{Dynamic, Fetched};
use dbcache::polars::prelude::*;
use dbcache_tests::counts::{is_full, report};
use dbcache_tests::versioned::{FILE, Random, Versions, all, open, put, row_of, some, versions};
use dbcache_tests::{Database, Row};
use serde_json::Value;

use crate::foreign::panics;
use crate::{Scratch, files_below};

/// What may happen to a file of a table.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Strike {
    Removed,
    Emptied,
    /// It is cut in the middle.
    Cut,
    /// Some bytes in its middle are others.
    Garbled,
    /// A copy of it has its name.
    Copied,
    /// A copy of another file of the table has its name.
    Swapped,
    /// Another program has read its rows and written them to another file, which has its name now.
    Rewritten,
    /// Another program has read its rows and written them over it.
    Overwritten,
    /// Another program has written newer versions of its rows to another file, which has its name now.
    Renewed,
}

const STRIKES: [Strike; 9] = [
    Strike::Removed,
    Strike::Emptied,
    Strike::Cut,
    Strike::Garbled,
    Strike::Copied,
    Strike::Swapped,
    Strike::Rewritten,
    Strike::Overwritten,
    Strike::Renewed,
];

impl Strike {
    /// Lets it happen to one of the files of a table.
    fn strike(self, path: &Path, others: &[PathBuf]) {
        let done = match self {
            Self::Removed => fs::remove_file(path),
            Self::Emptied => cut(path, 0),
            Self::Cut => cut(path, 2),
            Self::Garbled => write_over(path, |bytes| {
                let middle = bytes.len() / 2;
                bytes[middle..].iter_mut().take(16).for_each(|byte| *byte ^= 0x55);
            }),
            Self::Copied => fs::read(path).and_then(|bytes| replace(path, &bytes)),
            Self::Swapped => {
                let other = others.iter().find(|other| *other != path).map_or(path, PathBuf::as_path);
                fs::read(other).and_then(|bytes| replace(path, &bytes))
            }
            Self::Rewritten => replace(path, &written_by_another_program(path, false)),
            Self::Renewed => replace(path, &written_by_another_program(path, true)),
            Self::Overwritten => {
                let rewritten = written_by_another_program(path, false);
                write_over(path, |bytes| *bytes = rewritten)
            }
        };
        done.unwrap_or_else(|cause| panic!("{self:?} of {}: {cause}", path.display()));
    }
}

fn cut(path: &Path, part: u64) -> io::Result<()> {
    let file = File::options().write(true).open(path)?;
    let length = file.metadata()?.len();
    file.set_len(length.checked_div(part).unwrap_or(0))
}

fn write_over(path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
    let mut bytes = fs::read(path)?;
    change(&mut bytes);
    fs::write(path, bytes)
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let other = path.with_extension("other");
    fs::write(&other, bytes)?;
    fs::rename(other, path)
}

/// The rows of a file as Polars writes them, which keeps nothing of ours but the columns; perhaps in a newer version.
fn written_by_another_program(path: &Path, is_newer: bool) -> Vec<u8> {
    let mut rows = ParquetReader::new(File::open(path).expect("a file")).finish().expect("a Parquet file");
    if is_newer {
        let ids: Vec<i64> = rows.column("id").expect("ids").i64().expect("integers").iter().flatten().collect();
        let newer: Vec<Row> = ids.iter().map(|id| row_of(*id, RENEWED)).collect();
        rows = Fetched::<Dynamic<i64>>::from(newer).into_frame("id").expect("a frame");
    }
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut rows).expect("a Parquet file");
    bytes
}

/// A folder that is copied for each run.
struct Prepared {
    name: &'static str,
    scratch: Scratch,
    rows: Versions,
}

/// Ids that are stored before, in versions up to 5.
const STORED: std::ops::Range<i64> = 0..24;
/// An id that is not.
const NEW: i64 = 1_000;
/// What is fetched by the requests that are struck.
const FETCHED: i64 = 9;
/// What another program writes.
const RENEWED: i64 = 50;

impl Prepared {
    fn new(name: &'static str, scratch: Scratch, commits: i64) -> Self {
        for version in 1..=commits {
            let ids: Vec<i64> = STORED.filter(|id| id % version == 0).collect();
            put(&open(&scratch.cache()), &ids, version).expect("a commit");
        }
        Self::of(name, scratch)
    }

    fn of(name: &'static str, scratch: Scratch) -> Self {
        let rows = all(&open(&scratch.cache())).expect("rows");
        Self { name, scratch, rows }
    }

    fn kinds() -> [Self; 4] {
        let large = Self::new("base and segments that stay open", Scratch::split_early(), 4);
        put(&open(&large.scratch.cache()), &(100..900).collect::<Vec<i64>>(), 5).expect("a commit");
        let foreign = Self::new("another program's file", Scratch::new(), 3);
        let base = foreign.scratch.cache().join(FILE);
        fs::write(&base, written_by_another_program(&base, false)).expect("a file");
        fs::remove_file(base.with_extension("lock")).expect("the lock file");
        [
            Self::new("base", Scratch::new(), 4),
            Self::new("base and segments that the next commit folds", Scratch::split_early(), 5),
            Self::of(large.name, large.scratch),
            Self::of(foreign.name, foreign.scratch),
        ]
    }

    fn copy(&self) -> Scratch {
        let copy = self.scratch.another();
        for file in files_below(&self.scratch.cache()) {
            let to = copy.cache().join(&file);
            fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
            fs::copy(self.scratch.cache().join(file), to).expect("a file");
        }
        copy
    }

    fn is_foreign(&self) -> bool {
        !self.scratch.cache().join(FILE).with_extension("lock").exists()
    }
}

/// What is done while the files are struck. It returns the rows that it answers, as far as it answers any.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Work {
    Read,
    ReadAnew,
    Fetch,
    Refresh,
    Compact,
}

impl Work {
    const ALL: [Self; 5] = [Self::Read, Self::ReadAnew, Self::Fetch, Self::Refresh, Self::Compact];

    /// The rows that it stores.
    fn stores(self) -> Versions {
        match self {
            Self::Read | Self::ReadAnew | Self::Compact => Versions::new(),
            Self::Fetch => Versions::from([(NEW, FETCHED)]),
            Self::Refresh => Versions::from([(0, FETCHED), (5, FETCHED), (NEW, FETCHED)]),
        }
    }

    fn run(self, prepared: &Prepared, table: &Table, folder: &Path) -> dbcache::Result<Versions> {
        match self {
            Self::Read => all(table),
            Self::ReadAnew => all(&open(folder)),
            Self::Fetch => {
                let ids: Vec<i64> = prepared.rows.keys().copied().chain([NEW]).collect();
                let rows = table.select(["version", "text"])?.frame(&ids, &database(&prepared.rows))?;
                Ok(versions(&rows))
            }
            Self::Refresh => put(table, &[0, 5, NEW], FETCHED).map(|rows| versions(&rows)),
            Self::Compact => table.compact().map(|()| Versions::new()),
        }
    }
}

/// The database has each row in the version that was stored, and the new one.
fn database(rows: &Versions) -> Database {
    let rows = rows.iter().map(|(id, version)| row_of(*id, *version)).chain([row_of(NEW, FETCHED)]);
    Database::with_rows(rows.map(|row: Row| Value::Object(row)))
}

/// One run of work, a file being struck before one of its steps.
#[derive(Clone, Copy, Debug)]
struct Case {
    work: Work,
    strike: Strike,
    /// Which of the table's files, from the base on.
    file: usize,
    step: usize,
}

/// What came of it.
enum Outcome {
    /// There is no such file at that moment, or no such step.
    NoFile,
    /// How many stored rows had to be fetched again.
    Struck { lost: usize },
}

impl Case {
    /// What came of it, or what was lost or wrong.
    fn run(self, prepared: &Prepared, left_out: Option<Safeguard>) -> Result<Outcome, String> {
        let scratch = prepared.copy();
        let (reader, table) = (open(&scratch.cache()), open(&scratch.cache()));
        for handle in [&reader, &table] {
            some(handle, &[0, 1]).map_err(shown)?;
        }
        let (before, panics_before) = (contents(&scratch.cache()), panics());
        let faults = Faults::watch(scratch.around());
        left_out.into_iter().for_each(|safeguard| faults.leave_out(safeguard));
        let struck = self.strike_at(&faults, &scratch.cache());
        let found = self.work.run(prepared, &table, &scratch.cache()).map_err(shown)?;
        let steps = faults.made();
        drop(faults);
        let Some((file, bytes)) = struck.lock().expect("no panic").take() else { return Ok(Outcome::NoFile) };
        let is_right = |found: &Versions| found.iter().all(|(id, version)| self.is_right(prepared, *id, *version));
        ensure(is_right(&found), || format!("{found:?} is answered"))?;
        // What was written meanwhile may have been struck, unless it was a file of before.
        let is_of_before = before.get(&file) == Some(&bytes);
        let stored = if is_of_before { self.work.stores() } else { Versions::new() };
        let anew = open(&scratch.cache());
        for handle in [&reader, &table, &anew] {
            let found = all(handle).map_err(shown)?;
            ensure(is_right(&found), || format!("{found:?} is left"))?;
            let is_there = |(id, version): (&i64, &i64)| found.get(id) == Some(version);
            ensure(stored.iter().all(is_there), || format!("{found:?} is left, and {stored:?} was stored"))?;
        }
        let left = all(&anew).map_err(shown)?;
        let is_renewed = is_of_before && before.len() == 1 && self.strike == Strike::Renewed;
        if is_renewed && !is_replaced_unseen(&file, &steps, self.step) {
            let newest = |id: &i64| stored.get(id).copied().unwrap_or(RENEWED);
            let is_newest = left.iter().all(|(id, version)| *version == newest(id));
            ensure(is_newest, || format!("{left:?} is older than what another program has written"))?;
        }
        let expected: Versions = prepared.rows.clone().into_iter().chain(self.work.stores()).collect();
        self.heal(prepared, &scratch, &reader, &expected)?;
        ensure(panics() == panics_before, || "a panic".to_owned())?;
        Ok(Outcome::Struck { lost: expected.len() - left.len() })
    }

    /// How many steps the work takes where nothing happens.
    fn steps(prepared: &Prepared, work: Work) -> usize {
        let scratch = prepared.copy();
        let table = open(&scratch.cache());
        some(&table, &[0, 1]).expect("rows");
        let faults = Faults::watch(scratch.around());
        work.run(prepared, &table, &scratch.cache()).expect("nothing happens");
        faults.count()
    }

    /// Stored before, or by this work; never what a newer version has replaced.
    fn is_right(self, prepared: &Prepared, id: i64, version: i64) -> bool {
        prepared.rows.get(&id) == Some(&version)
            || self.work.stores().get(&id) == Some(&version)
            || self.strike == Strike::Renewed && version == RENEWED
    }

    /// Strikes before the step, and tells the file and what was in it.
    fn strike_at(self, faults: &Faults, folder: &Path) -> Struck {
        let (struck, steps, folder) = (Struck::default(), AtomicUsize::new(0), folder.to_owned());
        let tell = Arc::clone(&struck);
        faults.before_each(move |_| {
            if steps.fetch_add(1, Ordering::Relaxed) != self.step {
                return;
            }
            let files = table_files(&folder);
            let Some(file) = files.get(self.file) else { return };
            let bytes = fs::read(file).expect("a file");
            self.strike.strike(file, &files);
            *tell.lock().expect("no panic") = Some((file.clone(), bytes));
        });
        struck
    }

    /// All rows can be had, and stay, through new handles, old ones and a compaction.
    fn heal(self, prepared: &Prepared, scratch: &Scratch, reader: &Table, expected: &Versions) -> Result<(), String> {
        let ids: Vec<i64> = expected.keys().copied().collect();
        // Who has a file open that is gone may go on answering its rows, but nobody else does.
        let table = open(&scratch.cache());
        let query = table.select(["version", "text"]).expect("columns");
        let healed = versions(&query.frame(&ids, &database(&prepared.rows)).map_err(shown)?);
        let is_right = |(id, version): (&i64, &i64)| self.is_right(prepared, *id, *version);
        let is_healed = healed.keys().eq(&ids) && healed.iter().all(is_right);
        ensure(is_healed, || format!("{healed:?} is there once all was asked for"))?;
        open(&scratch.cache()).compact().map_err(shown)?;
        for handle in [reader, &open(&scratch.cache())] {
            let found = some(handle, &ids).map_err(shown)?;
            ensure(found == healed, || format!("{found:?} is there after a compaction, and {healed:?} before"))?;
        }
        Ok(())
    }
}

/// Whether a file is replaced after this step without having been looked at: nobody else's program waits for our locks, so
/// that what it writes between the last look and the replacing is not noticed.
fn is_replaced_unseen(file: &Path, steps: &[Made], step: usize) -> bool {
    let replaces = |made: &&Made| made.call == Call::Rename(file.to_owned());
    let sees = |made: &&Made| made.call == Call::Look && made.path == file;
    let concerns = |made: &&Made| made.number >= step && (replaces(made) || sees(made));
    steps.iter().find(concerns).is_some_and(|made| replaces(&made))
}

fn ensure(is_so: bool, fault: impl FnOnce() -> String) -> Result<(), String> {
    if is_so { Ok(()) } else { Err(fault()) }
}

fn shown(cause: dbcache::Error) -> String {
    format!("{cause:?}")
}

/// The file that was struck, and what was in it before.
type Struck = Arc<Mutex<Option<(PathBuf, Vec<u8>)>>>;

/// The base, if there is one, and the segments from the oldest on.
fn table_files(folder: &Path) -> Vec<PathBuf> {
    let is_file = |file: &PathBuf| {
        let name = file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        name.ends_with(".parquet") && !name.starts_with('.')
    };
    let mut files: Vec<PathBuf> = files_below(folder).into_iter().filter(is_file).collect();
    files.sort_by_key(|file| (file.components().count(), file.clone()));
    files.into_iter().map(|file| folder.join(file)).collect()
}

fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    table_files(folder).into_iter().map(|file| (file.clone(), fs::read(file).expect("a file"))).collect()
}

/// The cases of some work with a prepared folder: all of them, or two for each way to strike.
fn cases(prepared: &Prepared, work: Work, random: &mut Random) -> Vec<Case> {
    let (files, steps) = (table_files(&prepared.scratch.cache()).len(), Case::steps(prepared, work));
    // Nothing vouches for the bytes of another program's file.
    let may_be = |strike: &Strike| *strike != Strike::Garbled || !prepared.is_foreign();
    let cases = STRIKES.into_iter().filter(may_be).flat_map(|strike| {
        let case = move |file, step| Case { work, strike, file, step };
        let all = move || (0..files).flat_map(move |file| (0..steps).map(move |step| case(file, step)));
        if is_full() {
            return all().collect::<Vec<Case>>();
        }
        (0..2).map(|_| case(random.place(files), random.place(steps))).collect()
    });
    cases.collect()
}

#[test]
fn a_file_that_is_struck_at_any_moment_costs_rows_at_most_and_gives_no_wrong_one() {
    let mut random = Random::new(50);
    for prepared in Prepared::kinds() {
        let (mut runs, mut cost) = (0, 0);
        for case in Work::ALL.into_iter().flat_map(|work| cases(&prepared, work, &mut random)) {
            match case.run(&prepared, None) {
                Ok(Outcome::Struck { lost }) => (runs, cost) = (runs + 1, cost + lost),
                Ok(Outcome::NoFile) => {}
                Err(fault) => panic!("{}: {case:?}: {fault}", prepared.name),
            }
        }
        report("struck", format!("{}: {runs} runs, {cost} rows to fetch again, 0 wrong", prepared.name));
    }
}

#[test]
fn without_looking_again_before_a_file_is_replaced_what_another_program_wrote_would_be_lost() {
    let prepared = Prepared::new("base", Scratch::new(), 4);
    let case = |step| Case { work: Work::Refresh, strike: Strike::Renewed, file: 0, step };
    let fault = |left_out| {
        (0..Case::steps(&prepared, Work::Refresh)).find_map(|step| case(step).run(&prepared, left_out).err())
    };
    assert_eq!(fault(None), None);
    assert!(fault(Some(Safeguard::Swap)).is_some_and(|fault| fault.contains("another program has written")));
}
