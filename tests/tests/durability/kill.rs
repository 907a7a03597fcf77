//! Processes that are killed at random moments lose no row that they told of.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Child;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use dbcache_tests::counts::{count, report};
use dbcache_tests::versioned::{Random, Versions, all, ids_of, open};

use crate::{Scratch, worker};

/// A process that commits one version after the other.
pub struct Committing {
    child: Child,
    acknowledged: Receiver<i64>,
}

impl Committing {
    /// Starts with this version.
    pub fn from(first: i64, folder: &Path) -> Self {
        Self::with(&["commit", &first.to_string()], folder)
    }

    /// Starts some work that commits.
    pub fn with(work: &[&str], folder: &Path) -> Self {
        let mut child = worker(work, folder).spawn().expect("a process");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let (sender, acknowledged) = mpsc::channel();
        std::thread::spawn(move || {
            let versions = lines.map_while(Result::ok).map(|line| line.parse().expect("a version"));
            // Nobody listens any more once the test has failed.
            let _ = versions.map(|version| sender.send(version)).find(Result::is_err);
        });
        Self { child, acknowledged }
    }

    /// Takes in what is acknowledged, for some time after the first, or one time in four from the start on, so that the
    /// first commit may not be done yet.
    pub fn take(&self, acknowledged: &mut Acknowledged, random: &mut Random, most: Duration) {
        let time = Duration::from_nanos(random.below(u64::try_from(most.as_nanos()).expect("a short time")));
        if random.below(4) > 0
            && let Ok(version) = self.acknowledged.recv()
        {
            acknowledged.put(version);
        }
        let until = Instant::now() + time;
        loop {
            match self.acknowledged.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(version) => acknowledged.put(version),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Kills the process, and takes in what it told of before.
    pub fn kill(mut self, acknowledged: &mut Acknowledged) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
        self.acknowledged.iter().for_each(|version| acknowledged.put(version));
    }
}

/// The rows that were acknowledged.
#[derive(Clone, Debug, Default)]
pub struct Acknowledged {
    pub rows: Versions,
    pub last: i64,
    pub commits: usize,
}

impl Acknowledged {
    fn put(&mut self, version: i64) {
        assert_eq!(version, self.last + 1, "every version is told of");
        self.rows.extend(ids_of(version).into_iter().map(|id| (id, version)));
        self.last = version;
        self.commits += 1;
    }

    /// Looks whether just these rows are there, or these and the next commit, and goes on from there.
    pub fn check(&mut self, folder: &Path) -> Result<(), String> {
        let found = all(&open(folder)).map_err(|cause| format!("{cause:?}"))?;
        if found == self.rows {
            return Ok(());
        }
        let mut next = self.clone();
        next.put(self.last + 1);
        if found != next.rows {
            let differ: Vec<_> =
                next.rows.iter().filter(|(id, version)| found.get(id) != Some(version)).take(5).collect();
            return Err(format!("after version {}: rows {differ:?} are not as acknowledged", self.last));
        }
        *self = next;
        Ok(())
    }
}

#[test]
fn a_killed_process_loses_no_acknowledged_row() {
    let kills = count("DBCACHE_KILLS", 50, 1_000);
    let scratch = Scratch::split_early();
    let mut acknowledged = Acknowledged::default();
    let mut random = Random::new(1);
    for kill in 0..kills {
        let process = Committing::from(acknowledged.last + 1, &scratch.cache());
        process.take(&mut acknowledged, &mut random, Duration::from_millis(30));
        process.kill(&mut acknowledged);
        acknowledged.check(&scratch.cache()).unwrap_or_else(|fault| panic!("kill {kill}: {fault}"));
    }
    report("kill -9", format!("{kills} kills, {} acknowledged commits, 0 lost", acknowledged.commits));
}
