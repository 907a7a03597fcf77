//! A Parquet file that is read and written whole, as in the Python predecessor.

use std::fs::File;
use std::path::Path;

use dbcache::polars::prelude::*;

use crate::measure::Result;
use crate::users;

const CHUNK: usize = 500_000;

pub(crate) const SCALARS: [&str; 4] = ["id", "name", "age", "amount"];
pub(crate) const ALL: [&str; 6] = ["id", "name", "age", "amount", "email", "profile"];

/// Stores the first `rows` users with the defaults of Polars.
pub(crate) fn fill(path: &Path, rows: u64) -> Result<()> {
    let ids = users::ids(rows);
    let mut chunks = ids.chunks(CHUNK);
    let first = users::frame(chunks.next().unwrap_or_default())?;
    let mut writer = ParquetWriter::new(File::create(path)?).batched(first.schema())?;
    writer.write_batch(&first)?;
    for ids in chunks {
        writer.write_batch(&users::frame(ids)?)?;
    }
    writer.finish()?;
    Ok(())
}

pub(crate) fn read(path: &Path) -> Result<DataFrame> {
    Ok(ParquetReader::new(File::open(path)?).finish()?)
}

pub(crate) fn read_columns(path: &Path, columns: &[&str]) -> Result<DataFrame> {
    let columns = columns.iter().map(|column| (*column).to_owned()).collect();
    Ok(ParquetReader::new(File::open(path)?).with_columns(Some(columns)).finish()?)
}

/// Reads the whole file, and returns three scalar columns of these ids.
pub(crate) fn look_up(path: &Path, ids: &[i64]) -> Result<DataFrame> {
    let table = read(path)?;
    Ok(table.filter(&among(&table, ids)?)?.select(SCALARS)?)
}

/// Reads all rows, replaces those that are in `rows` too, and writes all rows.
pub(crate) fn append(path: &Path, ids: &[i64], rows: &DataFrame) -> Result<()> {
    let table = read(path)?;
    let mut table = table.filter(&!among(&table, ids)?)?.vstack(rows)?;
    let unfinished = path.with_extension("unfinished");
    let file = File::create(&unfinished)?;
    ParquetWriter::new(&file).finish(&mut table)?;
    file.sync_all()?;
    Ok(std::fs::rename(unfinished, path)?)
}

fn among(table: &DataFrame, ids: &[i64]) -> PolarsResult<BooleanChunked> {
    let ids: PlHashSet<i64> = ids.iter().copied().collect();
    let found = table.column("id")?.i64()?.iter().map(|id| id.is_some_and(|id| ids.contains(&id)));
    Ok(found.collect_ca("found".into()))
}
