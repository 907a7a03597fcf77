//! A request that is killed midway and repeated: the repetition fetches only the rest.
//!
//! ```sh
//! cargo run --example resume
//! ```
//!
//! The program starts itself twice with the same cache directory. The first process aborts during its request, as if it
//! were killed. The second process sends the same request.

use std::env;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use dbcache::error::BoxError;
use dbcache::{BatchPolicy, Cache, Cached};

const USERS: i64 = 4000;
const BATCH: usize = 100;
/// The batch in which the first process dies.
const LAST: usize = 30;

#[derive(Clone, Debug, Cached)]
#[cached(table = "public.users")]
struct User {
    #[cached(id)]
    id: i64,
    name: String,
}

fn main() -> Result<(), BoxError> {
    match env::args().nth(1) {
        Some(folder) => fetch(Path::new(&folder), env::args().len() > 2),
        None => start_twice(),
    }
}

fn start_twice() -> Result<(), BoxError> {
    let folder = env::temp_dir().join("dbcache-resume");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    println!("A request for {USERS} rows, in a process that dies in batch {LAST}:");
    let first = start(&folder, &["--die"])?;
    println!("  the process ended with {first}\n\nThe same request, in a new process:");
    let second = start(&folder, &[])?;
    if first.success() || !second.success() {
        return Err("the first process should have died, and the second not".into());
    }
    Ok(())
}

/// Starts this program again to send the request.
fn start(folder: &Path, arguments: &[&str]) -> Result<ExitStatus, BoxError> {
    Ok(Command::new(env::current_exe()?).arg(folder).args(arguments).status()?)
}

fn fetch(folder: &Path, dies: bool) -> Result<(), BoxError> {
    let fetched = AtomicUsize::new(0);
    let slow_database = |ids: &[i64]| -> Result<Vec<User>, BoxError> {
        thread::sleep(Duration::from_millis(20));
        let fetched = fetched.fetch_add(ids.len(), Ordering::Relaxed) + ids.len();
        if dies && fetched >= LAST * BATCH {
            println!("  {fetched} ids requested from the database, and then the process dies");
            std::process::abort();
        }
        Ok(ids.iter().map(|id| User { id: *id, name: format!("user {id}") }).collect())
    };
    let ids: Vec<i64> = (1..=USERS).collect();
    let cache = Cache::<User>::builder().folder(folder).batches(BatchPolicy::Fixed(BATCH)).open()?;
    let cached = cache.all().look_up(&ids)?.hits.len();
    println!("  {cached} of {USERS} rows are cached");
    let users = cache.rows(&ids, &slow_database)?;
    let fetched = fetched.into_inner();
    println!("  {fetched} rows fetched, {} returned, the last of them {}", users.len(), users[users.len() - 1].name);
    if cached == 0 || fetched + cached != users.len() {
        return Err("the first process stored no rows, or a row was fetched twice".into());
    }
    Ok(())
}
