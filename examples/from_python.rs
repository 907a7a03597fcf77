//! Takes over a cache directory of the Python predecessor: dbcache opens it as it is, and fetches none of its rows again.
//!
//! The example writes the directory with plain Polars, as the predecessor did: a Parquet file for each table, named
//! `schema_table.parquet`, with an `id` column, plain columns, and JSON as text. To inspect a real directory instead, give
//! its path, a table and columns:
//!
//! ```sh
//! cargo run --example from_python -- ~/data/cached_data public.users name metadata.city
//! ```

use std::fs::File;
use std::path::Path;

use dbcache::error::BoxError;
use dbcache::polars::prelude::*;
use dbcache::{DynamicCache, Error};
use serde_json::{Map, Value, json};

fn main() -> Result<(), BoxError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => demonstrate(),
        [folder, table, columns @ ..] if !columns.is_empty() => look_at(folder, table, columns),
        _ => Err("expected no arguments, or a directory, a table and columns".into()),
    }
}

/// Prints the cached columns and rows of a table, without fetching.
fn look_at(folder: &str, table: &str, columns: &[String]) -> Result<(), BoxError> {
    let table = DynamicCache::builder().folder(folder).offline().open()?.table(table)?;
    for column in table.columns()? {
        println!("{}: {}, {} rows", column.name, column.data_type, column.rows);
    }
    let ids = table.cached()?;
    let ids = ids.column("id")?;
    let rows = if ids.dtype().is_string() {
        let ids: Vec<String> = ids.str()?.iter().flatten().map(str::to_owned).collect();
        table.select(columns)?.frame_cached(&ids)?.rows
    } else {
        let ids: Vec<i64> = ids.cast(&DataType::Int64)?.i64()?.iter().flatten().collect();
        table.select(columns)?.frame_cached(&ids)?.rows
    };
    println!("{rows}");
    Ok(())
}

fn demonstrate() -> Result<(), BoxError> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("public_users.parquet");
    write(&file, &[1, 2, 3])?;
    println!("The predecessor left {} with users 1 to 3.", file.display());

    let cache = DynamicCache::open(folder.path())?;
    let users = cache.table("public.users")?;
    let query = users.select(["name", "metadata.city"])?;
    let nobody = |_: &[i64], _: &str| -> Result<Vec<Map<String, Value>>, Error> { unreachable!("all rows are cached") };
    println!("Its rows, without a fetch:\n{}", query.frame(&[1, 2, 3], &nobody)?);

    println!("User 4 is fetched and stored with them:\n{}", query.frame(&[3, 4], &database)?);
    println!("The file is still plain Parquet:\n{}", read(&file)?);

    // While this cache is open, the predecessor runs again and replaces the file.
    write(&file, &[1, 2, 3, 7, 8])?;
    let found = query.frame_cached(&[4, 7, 8])?;
    println!("The rows that it added are found, without a fetch:\n{}", found.rows);
    println!("Its file lacks user 4, who is fetched again by the next request: {:?}", found.missing);
    Ok(())
}

/// The database, which returns each row as a JSON map.
fn database(ids: &[i64], _table: &str) -> Result<Vec<Map<String, Value>>, BoxError> {
    println!("  … fetching {ids:?} from the database");
    let row = |id: &i64| match json!({ "id": id, "name": name(*id), "metadata": metadata(*id) }) {
        Value::Object(row) => Ok(row),
        other => Err(format!("{other} is not a row").into()),
    };
    ids.iter().map(row).collect()
}

fn name(id: i64) -> String {
    format!("User {id}")
}

fn metadata(id: i64) -> String {
    json!({ "city": if id % 2 == 0 { "Kyoto" } else { "Lisbon" }, "visits": id }).to_string()
}

/// Writes a table as the predecessor does: the whole frame, over the previous file.
fn write(path: &Path, ids: &[i64]) -> Result<(), BoxError> {
    let names: Vec<String> = ids.iter().map(|id| name(*id)).collect();
    let metadata: Vec<String> = ids.iter().map(|id| metadata(*id)).collect();
    let mut frame = df!("id" => ids, "name" => names, "metadata" => metadata)?;
    ParquetWriter::new(File::create(path)?).finish(&mut frame)?;
    Ok(())
}

fn read(path: &Path) -> PolarsResult<DataFrame> {
    ParquetReader::new(File::open(path)?).finish()
}
