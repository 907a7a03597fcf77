//! Many processes write and read one table: what was acknowledged or seen is never older again.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};

use dbcache_tests::counts::{count, report};
use dbcache_tests::versioned::{self, OWNERS, RACERS, Race, Random, Versions};

use crate::{Scratch, worker};

const READERS: usize = 4;

fn output(child: Child) -> String {
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    text
}

/// Lets processes write and read for some time, and tells how many commits and reads there were.
fn work(writing: &[&str], reading: &[&str]) -> String {
    let seconds = count("DBCACHE_PROCESSES_SECONDS", 10, 600).to_string();
    let scratch = Scratch::split_early();
    let board = scratch.around().join("board").display().to_string();
    let start = |work: &[&str]| worker(work, &scratch.cache()).spawn().expect("a process");
    let write = |owner: i64| start(&[&["write", &board, &owner.to_string(), &seconds], writing].concat());
    let writers: Vec<Child> = (0..OWNERS).map(write).collect();
    let readers: Vec<Child> = (0..READERS).map(|_| start(&[&["read", &board, &seconds], reading].concat())).collect();
    let commits: i64 = writers.into_iter().map(|child| output(child).trim().parse::<i64>().expect("a number")).sum();
    let mut reads = 0;
    for told in readers.into_iter().map(output) {
        let last = told.lines().last().expect("a line");
        assert!(last.ends_with(" stale 0"), "{told}");
        reads += last.split(' ').nth(1).and_then(|reads| reads.parse::<u64>().ok()).expect("a number");
    }
    assert!(commits > 0 && reads > 0);
    format!("{seconds} s, {commits} commits, {reads} reads, 0 stale, 0 errors")
}

#[test]
fn versions_only_go_up_for_readers_in_other_processes() {
    report("processes", work(&[], &[]));
}

#[test]
fn processes_whose_lock_file_is_removed_and_replaced_lose_nothing() {
    report("processes, lock files replaced", work(&["replacing-lock-files"], &[]));
}

#[test]
fn processes_whose_files_are_damaged_under_open_handles_read_no_older_version() {
    report("processes, files damaged", work(&["damaging-files"], &["what-is-left"]));
}

/// One process has fetched a row and not stored it yet, while another one stores a newer version.
#[test]
fn a_row_that_was_fetched_earlier_does_not_replace_a_newer_one_of_another_process() {
    for scratch in Scratch::both() {
        let mut child =
            worker(&["fetch", "7", "1"], &scratch.cache()).stdin(Stdio::piped()).spawn().expect("a process");
        let mut told = BufReader::new(child.stdout.take().expect("an output")).lines();
        let mut line = || told.next().expect("a line").expect("text");
        assert_eq!(line(), "asked");
        let table = versioned::open(&scratch.cache());
        versioned::put(&table, &[7, 8], 2).expect("a commit");
        child.stdin.take().expect("an input").write_all(b"\n").expect("it listens");
        assert_eq!(line(), format!("{:?}", Versions::from([(7, 2)])));
        assert!(child.wait().expect("it ends").success());
        assert_eq!(versioned::all(&table).expect("rows"), Versions::from([(7, 2), (8, 2)]));
    }
}

#[test]
fn versions_that_race_across_processes_never_fall_behind_what_was_answered() {
    let seconds = count("DBCACHE_PROCESSES_SECONDS", 5, 300).to_string();
    let scratch = Scratch::split_early();
    let board = scratch.around().join("race").display().to_string();
    let start = |racer: i64| {
        let work = ["race", &board, &racer.to_string(), &seconds];
        worker(&work, &scratch.cache()).spawn().expect("a process")
    };
    let racers: Vec<Child> = (0..RACERS).map(start).collect();
    let mut sums = [0; 4];
    for told in racers.into_iter().map(output) {
        let last = told.lines().last().expect("a line");
        let numbers = last.split(' ').map(|number| number.parse::<u64>().expect("a number"));
        sums.iter_mut().zip(numbers).for_each(|(sum, number)| *sum += number);
        assert!(last.ends_with(" 0"), "stale: {told}");
    }
    let race = Race::open(&board);
    let rows = versioned::all(&versioned::open(&scratch.cache())).expect("rows");
    for (id, version) in &rows {
        assert!(*version >= race.answered(*id), "row {id} is of version {version}");
    }
    assert!((0..race.last_version()).all(|id| race.answered(id) == 0 || rows.contains_key(&id)));
    let [requests, refreshes, overtaken, _] = sums;
    let done = format!("{requests} requests, {refreshes} of them refreshes, {overtaken} overtaken for good, 0 stale");
    report("processes, racing versions", format!("{seconds} s, {} versions, {done}", race.last_version()));
}

/// A process that makes requests as it is told.
struct Turns {
    child: Child,
    told: Lines<BufReader<ChildStdout>>,
    /// What it asked for, and the version that the database had then; `None` where it waits for a request.
    asked: Option<Request>,
}

#[derive(Clone)]
struct Request {
    ids: Vec<i64>,
    /// What had been answered of the rows when the request began.
    least: Versions,
    version: i64,
}

impl Turns {
    fn start(folder: &Path) -> Self {
        let mut child = worker(&["take-turns"], folder).stdin(Stdio::piped()).spawn().expect("a process");
        let told = BufReader::new(child.stdout.take().expect("an output")).lines();
        Self { child, told, asked: None }
    }

    /// Tells it something, and hears what it was answered; `None` where the database is asked.
    fn tell(&mut self, line: &str) -> Option<Versions> {
        self.child.stdin.as_ref().expect("an input").write_all(format!("{line}\n").as_bytes()).expect("it listens");
        let told = self.told.next().expect("a line").expect("text");
        let pair = |row: &str| {
            let (id, version) = row.split_once(':').expect("a row");
            (id.parse().expect("an id"), version.parse().expect("a version"))
        };
        (told != "asked").then(|| told.split(' ').map(pair).collect())
    }

    /// Begins a request, or gives it the rows that it asked for, in the version of that time.
    fn take(&mut self, random: &mut Random, first: i64, clock: &mut i64, answered: &mut Versions) -> bool {
        let request = self.asked.take();
        let (line, mut request) = match request {
            Some(request) => (request.version.to_string(), request),
            None => {
                let mut ids: Vec<i64> = (first..first + 5).filter(|_| random.below(2) > 0).collect();
                ids.push(first + 5);
                let what = if random.below(2) == 0 { "fetch" } else { "refresh" };
                let names: Vec<String> = ids.iter().map(ToString::to_string).collect();
                let least = answered.clone();
                (format!("{what} {}", names.join(" ")), Request { ids, least, version: 0 })
            }
        };
        let Some(rows) = self.tell(&line) else {
            *clock += 1;
            request.version = *clock;
            self.asked = Some(request);
            return false;
        };
        assert!(rows.keys().eq(&request.ids), "{rows:?}");
        for (id, version) in rows {
            let least = request.least.get(&id).copied().unwrap_or(0);
            assert!(version >= least, "row {id}: {version} is answered, and {least} was before");
            let newest = answered.entry(id).or_insert(version);
            *newest = version.max(*newest);
        }
        true
    }
}

/// Requests of several processes begin, ask the database and are answered in any order. Which versions the database has
/// is decided when it is asked, however late its answer comes.
#[test]
fn requests_of_processes_that_overlap_in_any_order_store_no_older_version() {
    let turns = count("DBCACHE_TURNS", 400, 40_000);
    let (mut requests, mut random, mut clock) = (0, Random::new(60), 0);
    for scratch in Scratch::both() {
        let mut processes: Vec<Turns> = (0..3).map(|_| Turns::start(&scratch.cache())).collect();
        let mut answered = Versions::new();
        for turn in 0..turns / 2 {
            let first = i64::try_from(turn / 24).expect("small");
            let process = random.place(processes.len());
            if !processes[process].take(&mut random, first, &mut clock, &mut answered) {
                continue;
            }
            requests += 1;
            let ids: Vec<i64> = (first - 6..first + 6).collect();
            let found = versioned::some(&versioned::open(&scratch.cache()), &ids).expect("rows");
            for (id, newest) in answered.range(first - 6..) {
                assert!(found.get(id).is_some_and(|version| version >= newest), "row {id}, turn {turn}: {found:?}");
            }
        }
        for process in &mut processes {
            while process.asked.is_some() {
                process.take(&mut random, 0, &mut clock, &mut answered);
            }
            drop(process.child.stdin.take());
            assert!(process.child.wait().expect("it ends").success());
        }
        let found = versioned::all(&versioned::open(&scratch.cache())).expect("rows");
        assert!(answered.iter().all(|(id, newest)| found.get(id).is_some_and(|version| version >= newest)));
    }
    report("processes, overlapping requests", format!("{turns} turns, {requests} requests, 0 older versions"));
}
