//! A PostgreSQL server of our own, in a temporary folder, for one program of tests or benchmarks.
//!
//! It stops, and its folder goes, when the program ends, in whatever way.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Write as _};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use dbcache::postgres::{Client, NoTls};

/// Starts the server, says so, and waits for the end of its input, which comes with the end of the program. Ctrl-C
/// goes to the whole group of processes, and must not end the wait.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
cd "$FOLDER" || exit 1
"$PROGRAMS/initdb" --pgdata=data --username=dbcache --auth=trust --encoding=UTF8 --locale=C --no-sync >log 2>&1 &&
"$PROGRAMS/pg_ctl" start -D data -w -s -l server.log -o "-c listen_addresses= -c unix_socket_directories='$FOLDER' -c fsync=off -c max_connections=300" >>log 2>&1 &&
echo ready || cat log server.log
cat >/dev/null
"$PROGRAMS/pg_ctl" stop -D data -s -m immediate >>log 2>&1
cd / && rm -rf "$FOLDER"
"#;

const HOW_TO_INSTALL: &str = "no PostgreSQL server is installed, of which this program starts one for itself: \
    install it (on Debian or Ubuntu: apt-get install postgresql)";

/// Where this is set, a missing server fails the tests.
const REQUIRED: &str = "DBCACHE_REQUIRE_POSTGRES";

/// A running server.
#[derive(Debug)]
struct Server {
    folder: PathBuf,
    databases: AtomicUsize,
    /// Ends when its input does.
    _script: Child,
}

/// A database of a server that a whole program shares.
#[derive(Debug)]
pub struct Database {
    server: &'static Server,
    name: String,
}

impl Database {
    /// An empty database with a schema `main`; `None` where no server is installed and none is required.
    ///
    /// # Panics
    ///
    /// When the server does not start, or is required and not installed.
    pub fn create() -> Option<Self> {
        static SERVER: OnceLock<Option<Server>> = OnceLock::new();
        let server = SERVER.get_or_init(|| programs().map(|programs| Server::start(&programs))).as_ref()?;
        let name = format!("test_{}", server.databases.fetch_add(1, Ordering::Relaxed));
        server.execute("postgres", &format!("CREATE DATABASE {name}"));
        server.execute(&name, "CREATE SCHEMA main");
        Some(Self { server, name })
    }

    /// Where the database is, for any driver.
    pub fn url(&self) -> String {
        self.server.url(&self.name)
    }

    /// Runs statements.
    ///
    /// # Panics
    ///
    /// When one fails.
    pub fn execute(&self, sql: &str) {
        self.server.execute(&self.name, sql);
    }

    /// Ends all connections, and lets nobody in.
    pub fn close(&self) {
        let name = &self.name;
        self.server.execute("postgres", &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"));
        let end = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname";
        self.server.execute("postgres", &format!("{end} = '{name}'"));
    }

    /// Lets everybody in again.
    pub fn open(&self) {
        self.server.execute("postgres", &format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", self.name));
    }
}

impl Server {
    fn start(programs: &Path) -> Self {
        let folder = tempfile::Builder::new().prefix("dbcache-pg").tempdir().expect("a folder").keep();
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT]).env("FOLDER", &folder).env("PROGRAMS", programs);
        as_another_user(&mut command, &folder);
        let script = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut script = script.expect("a shell");
        let mut said = String::new();
        let output = script.stdout.take().expect("the output of the script");
        for line in BufReader::new(output).lines() {
            match line.expect("a line").as_str() {
                "ready" => return Self { folder, databases: AtomicUsize::new(0), _script: script },
                line => writeln!(said, "{line}").expect("room for a line"),
            }
            if said.len() > 10_000 {
                break;
            }
        }
        panic!("the PostgreSQL server does not start:\n{said}");
    }

    fn url(&self, database: &str) -> String {
        let folder = self.folder.to_str().expect("a folder whose name is text").replace('/', "%2F");
        format!("postgres://dbcache@{folder}/{database}")
    }

    /// On a thread of its own, since the driver may not wait on one that runs asynchronous tasks.
    fn execute(&self, database: &str, sql: &str) {
        let run = || Client::connect(&self.url(database), NoTls)?.batch_execute(sql);
        let ran = thread::scope(|scope| scope.spawn(run).join()).expect("the statements to run");
        ran.unwrap_or_else(|cause| panic!("{cause:?} in {sql}"));
    }
}

/// The folder of the server's programs.
fn programs() -> Option<PathBuf> {
    let has_programs = |folder: &PathBuf| folder.join("initdb").exists() && folder.join("pg_ctl").exists();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).chain(installed()).find(has_programs);
    if found.is_none() {
        assert!(std::env::var_os(REQUIRED).is_none(), "{HOW_TO_INSTALL}");
        // Not `eprintln!`, which the test runner keeps to itself while tests succeed.
        writeln!(io::stderr(), "SKIPPED: {HOW_TO_INSTALL}").expect("stderr");
    }
    found
}

/// Where distributions put them, outside of the path, the newest version first.
fn installed() -> Vec<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let version = |folder: &PathBuf| folder.file_name()?.to_str()?.parse::<u32>().ok();
    let mut folders: Vec<PathBuf> = versions.map(|entry| entry.path()).collect();
    folders.sort_by_key(|folder| std::cmp::Reverse(version(folder)));
    folders.into_iter().map(|folder| folder.join("bin")).collect()
}

/// The server refuses to run as root.
fn as_another_user(command: &mut Command, folder: &Path) {
    if std::fs::metadata(folder).expect("the folder").uid() != 0 {
        return;
    }
    let users = std::fs::read_to_string("/etc/passwd").expect("the users of this machine");
    let find = |name: &str| users.lines().find_map(|line| ids_of(line, name));
    let (user, group) = find("postgres").or_else(|| find("nobody")).expect("a user that is not root");
    chown(folder, Some(user), Some(group)).expect("a folder of that user's");
    command.uid(user).gid(group);
}

fn ids_of(line: &str, name: &str) -> Option<(u32, u32)> {
    let mut fields = line.split(':');
    let is_it = fields.next()? == name;
    let (user, group) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
    is_it.then_some((user, group))
}
