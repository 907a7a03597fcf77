//! Requests rows of any table of any SQLite file through the cache.
//!
//! `cargo run --example cache_table -- shop.db main.users --ids 1..500 --columns name,profile.address.city`

mod arguments;
mod counting;

use std::error::Error as StdError;
use std::fmt::Debug;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use dbcache::error::BoxError;
use dbcache::key::Key;
use dbcache::polars::prelude::{DataFrame, ParquetWriter};
use dbcache::{DynamicCache, Error, LookUp, SqliteFetcher, SqliteKey, Table};

use arguments::Arguments;
use counting::{Count, Counting};

/// Maximum number of missing ids that are printed.
const SHOWN: usize = 10;
/// Maximum number of failed batches, and of rejected rows, that are printed.
const SHOWN_FAILURES: usize = 3;

fn main() -> ExitCode {
    let arguments = match Arguments::read() {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            println!("{}", arguments::USAGE.trim_end());
            return ExitCode::SUCCESS;
        }
        Err(mistake) => {
            eprintln!("error: {mistake}\n\n{}", arguments::USAGE);
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&*error);
            ExitCode::FAILURE
        }
    }
}

/// Prints an error with its causes, and the first few failed batches and rejected rows.
fn report(error: &(dyn StdError + 'static)) {
    eprintln!("error: {error}");
    report_causes(error);
    if let Some(Error::FetchFailed { failures, rejected, .. }) = error.downcast_ref() {
        for failure in failures.iter().take(SHOWN_FAILURES) {
            eprintln!("{failure:#}");
        }
        for row in rejected.iter().take(SHOWN_FAILURES) {
            eprintln!("{row}");
        }
    }
}

fn report_causes(error: &dyn StdError) {
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("  because: {error}");
        cause = error.source();
    }
}

fn run(arguments: &Arguments) -> Result<(), BoxError> {
    let database = SqliteFetcher::open(&arguments.database)?;
    let Arguments { table, id_column, ids, .. } = arguments;
    match (database.key(table, id_column)?, ids) {
        (SqliteKey::Integer, Some(ids)) => request(arguments, &database, &arguments::integers(ids)?),
        (SqliteKey::Integer, None) => request(arguments, &database, &database.ids::<i64>(table, id_column)?),
        (SqliteKey::Text, Some(ids)) => request(arguments, &database, &arguments::texts(ids)),
        (SqliteKey::Text, None) => request(arguments, &database, &database.ids::<String>(table, id_column)?),
    }
}

fn request<K: Key + Debug>(arguments: &Arguments, database: &SqliteFetcher, ids: &[K]) -> Result<(), BoxError> {
    let table = open_table(arguments)?;
    let query = match &arguments.columns {
        Some(columns) => table.select(columns)?,
        None => table.select(every_column(arguments, database)?)?,
    };

    let database = Counting::new(database);
    let start = Instant::now();
    let before = query.look_up(ids)?;
    let mut found = query.frame_found(ids, &database)?;
    let took = start.elapsed();

    report_missing(arguments, &found.missing);
    if let Some(path) = &arguments.out {
        write_parquet(path, &mut found.rows)?;
    }
    print(&format!("{}\n{}\n", summary(&before, database.count(), took), found.rows))
}

fn summary<K>(before: &LookUp<K>, fetched: Count, took: Duration) -> String {
    let (hits, incomplete, missing) = (before.hits.len(), before.incomplete.len(), before.missing.len());
    let (requested, Count { calls, rows }) = (hits + incomplete + missing, fetched);
    let took = took.as_millis();
    format!(
        "requested {requested} hits {hits} incomplete {incomplete} missing {missing} fetched {rows} in {calls} calls, {took} ms"
    )
}

/// Prints to a reader that may close its end early, such as `head`.
fn print(text: &str) -> Result<(), BoxError> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(cause) if cause.kind() != ErrorKind::BrokenPipe => Err(cause.into()),
        _ => Ok(()),
    }
}

fn open_table(arguments: &Arguments) -> Result<Table, BoxError> {
    let folder = match &arguments.cache {
        Some(folder) => folder.clone(),
        None => default_folder(&arguments.database)?,
    };
    eprintln!("the cache is in {}", folder.display());
    Ok(DynamicCache::open(folder)?.table_by(arguments.table.as_str(), &arguments.id_column)?)
}

/// Returns a directory for this database alone, because `main.users` of another database is another table.
fn default_folder(database: &Path) -> Result<PathBuf, BoxError> {
    let path = database.canonicalize()?;
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    Ok(DynamicCache::open_default()?.folder().join(format!("{name}-{:016x}", hasher.finish())))
}

/// Returns the columns of the table, in quotes, so that a dot in a name does not separate a path.
fn every_column(arguments: &Arguments, database: &SqliteFetcher) -> Result<Vec<String>, BoxError> {
    let columns = database.columns(&arguments.table)?;
    let quoted = |name: &String| format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    Ok(columns.iter().map(quoted).collect())
}

fn report_missing(arguments: &Arguments, missing: &[impl Debug]) {
    if missing.is_empty() {
        return;
    }
    let shown: Vec<String> = missing.iter().take(SHOWN).map(|id| format!("{id:?}")).collect();
    let more = if missing.len() > SHOWN { ", …" } else { "" };
    eprintln!("not in {}: {} ids: {}{more}", arguments.table, missing.len(), shown.join(", "));
}

fn write_parquet(path: &Path, frame: &mut DataFrame) -> Result<(), BoxError> {
    let file = File::create(path).map_err(|cause| format!("cannot write {}: {cause}", path.display()))?;
    ParquetWriter::new(file).finish(frame)?;
    eprintln!("wrote {} rows to {}", frame.height(), path.display());
    Ok(())
}
