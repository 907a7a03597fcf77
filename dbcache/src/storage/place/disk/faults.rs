//! Faults of the file system, for tests: the steps on a folder are counted and recorded, and fail where a test says.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

pub use super::step::Safeguard;
use super::step::Step;
use crate::locked::locked;

/// The folders that are watched. Tests run side by side, so each watches its own.
static WATCHED: Mutex<Vec<Arc<Plan>>> = Mutex::new(Vec::new());

/// Tables in or below a folder of this name have segments, and fold them, at a KiB as others do at half a MiB.
pub const SPLIT_EARLY: &str = "split-early";

/// Watches all steps below a folder, from any thread of this process, until it is dropped.
#[derive(Debug)]
pub struct Faults(Arc<Plan>);

/// A step that was made with success, or is about to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Its place among all steps, from 0, failed ones counted.
    pub number: usize,
    /// The call.
    pub call: Call,
    /// The file or folder that it was made on; of a rename the old name.
    pub path: PathBuf,
}

/// A call to the file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Looking whether a file is there.
    Look,
    /// Opening a file.
    Open,
    /// Reading so many bytes of a file.
    Read(usize),
    /// Listing a folder.
    List,
    /// Creating a temporary file beside this one.
    Create,
    /// Adding these bytes to a file.
    Write(Vec<u8>),
    /// Syncing a file.
    Sync,
    /// Renaming to this name.
    Rename(PathBuf),
    /// Giving a file this second name.
    Link(PathBuf),
    /// Syncing a folder.
    SyncFolder,
    /// Removing a file.
    Remove,
    /// Creating a folder and its parents.
    CreateFolder,
    /// Opening a lock file, or creating it.
    OpenLock,
    /// Waiting for a lock.
    Lock,
    /// Writing these bytes over the first ones of a lock file.
    WriteMark(Vec<u8>),
}

impl Faults {
    /// Watches everything below a folder. Nothing fails yet.
    pub fn watch(folder: impl Into<PathBuf>) -> Self {
        let plan = Arc::new(Plan { folder: folder.into(), state: Mutex::default() });
        locked(&WATCHED).push(Arc::clone(&plan));
        Self(plan)
    }

    /// Lets these steps fail, counted from 0 over all that are made below the folder, with an error of the system.
    pub fn fail(&self, steps: Range<usize>, os_error: i32) {
        self.0.state().faults.push(Fault { steps, os_error });
    }

    /// Lets every step after so many fail, as nothing is done any more by a process that has died.
    pub fn stop_after(&self, steps: usize) {
        const EIO: i32 = 5;
        self.fail(steps..usize::MAX, EIO);
    }

    /// Lets no step fail any more.
    pub fn mend(&self) {
        self.0.state().faults.clear();
    }

    /// Leaves something out from now on.
    pub fn leave_out(&self, safeguard: Safeguard) {
        self.0.state().left_out.push(safeguard);
    }

    /// Does something before each step from now on, in the thread that makes it; also before the steps that this takes
    /// below the folder itself.
    pub fn before_each(&self, act: impl Fn(&Made) + Send + Sync + 'static) {
        self.0.state().before_each = Some(Act(Arc::new(act)));
    }

    /// How many steps there were, those that failed counted.
    pub fn count(&self) -> usize {
        self.0.state().count
    }

    /// How many steps a fault was put into.
    pub fn failed(&self) -> usize {
        self.0.state().failed
    }

    /// The steps that were made with success, in their order.
    pub fn made(&self) -> Vec<Made> {
        self.0.state().made.clone()
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        locked(&WATCHED).retain(|plan| !Arc::ptr_eq(plan, &self.0));
    }
}

/// Makes a call, unless a test wants it to fail.
pub(super) fn run<T>(step: Step<'_>, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let (call_made, path) = described(step);
    let Some(plan) = plan_of(path) else { return call() };
    let number = plan.admit()?;
    // Whatever it does may take steps itself.
    let before = plan.state().before_each.clone();
    if let Some(Act(act)) = before {
        act(&Made { number, call: call_of(step), path: path.to_owned() });
    }
    let result = call()?;
    plan.state().made.push(Made { number, call: call_made(), path: path.to_owned() });
    Ok(result)
}

/// Whether a test leaves this out below the folder that the path lies in.
pub(super) fn is_left_out(safeguard: Safeguard, path: &Path) -> bool {
    plan_of(path).is_some_and(|plan| plan.state().left_out.contains(&safeguard))
}

#[derive(Debug)]
struct Plan {
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    count: usize,
    failed: usize,
    made: Vec<Made>,
    faults: Vec<Fault>,
    left_out: Vec<Safeguard>,
    before_each: Option<Act>,
}

/// What is done before each step.
#[derive(Clone)]
struct Act(Arc<dyn Fn(&Made) + Send + Sync>);

impl std::fmt::Debug for Act {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Act")
    }
}

#[derive(Debug)]
struct Fault {
    steps: Range<usize>,
    os_error: i32,
}

impl Plan {
    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }

    /// Counts a step, and gives its number unless it is to fail.
    fn admit(&self) -> io::Result<usize> {
        let mut state = self.state();
        let number = state.count;
        state.count += 1;
        let Some(os_error) =
            state.faults.iter().find(|fault| fault.steps.contains(&number)).map(|fault| fault.os_error)
        else {
            return Ok(number);
        };
        state.failed += 1;
        Err(io::Error::from_raw_os_error(os_error))
    }
}

fn plan_of(path: &Path) -> Option<Arc<Plan>> {
    locked(&WATCHED).iter().find(|plan| path.starts_with(&plan.folder)).cloned()
}

/// What is recorded of a step; the bytes are copied only if it is.
fn described(step: Step<'_>) -> (impl FnOnce() -> Call, &Path) {
    let path = match step {
        Step::Look(path)
        | Step::Open(path)
        | Step::Read(path, _)
        | Step::List(path)
        | Step::Create(path)
        | Step::Write(path, _)
        | Step::Sync(path)
        | Step::Rename(path, _)
        | Step::Link(path, _)
        | Step::WriteMark(path, _)
        | Step::SyncFolder(path)
        | Step::Remove(path)
        | Step::CreateFolder(path)
        | Step::OpenLock(path)
        | Step::Lock(path) => path,
    };
    (move || call_of(step), path)
}

fn call_of(step: Step<'_>) -> Call {
    match step {
        Step::Look(_) => Call::Look,
        Step::Open(_) => Call::Open,
        Step::Read(_, bytes) => Call::Read(bytes),
        Step::List(_) => Call::List,
        Step::Create(_) => Call::Create,
        Step::Write(_, bytes) => Call::Write(bytes.to_owned()),
        Step::Sync(_) => Call::Sync,
        Step::Rename(_, to) => Call::Rename(to.to_owned()),
        Step::Link(_, to) => Call::Link(to.to_owned()),
        Step::WriteMark(_, bytes) => Call::WriteMark(bytes.to_owned()),
        Step::SyncFolder(_) => Call::SyncFolder,
        Step::Remove(_) => Call::Remove,
        Step::CreateFolder(_) => Call::CreateFolder,
        Step::OpenLock(_) => Call::OpenLock,
        Step::Lock(_) => Call::Lock,
    }
}
