//! The command line of `cache_table`.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use dbcache::TableName;
use dbcache::error::BoxError;
use lexopt::{Arg, Parser, ValueExt};

/// The text that is printed for `--help` and after a mistake.
pub const USAGE: &str = "\
usage: cache_table <sqlite file> <schema.table> [options]

Reads cached rows from the cache, fetches the others from the database, and prints all of them.

  --ids 1..50000 | 3,17,90   the ids to request; ranges include both ends (default: every id of the table)
  --columns a,b,doc.path     the columns and JSON paths to request (default: every column)
  --id-column NAME           the name of the id column (default: id)
  --cache DIR                the cache directory (default: one for this database in your home directory)
  --out result.parquet       also writes the rows to a Parquet file
";

/// The parsed command line.
#[derive(Debug)]
pub struct Arguments {
    /// The SQLite file.
    pub database: PathBuf,
    /// The table.
    pub table: TableName,
    /// The ids as given, if any.
    pub ids: Option<String>,
    /// The name of the id column.
    pub id_column: String,
    /// The columns, if given.
    pub columns: Option<Vec<String>>,
    /// The cache directory, if given.
    pub cache: Option<PathBuf>,
    /// The Parquet file for the rows, if given.
    pub out: Option<PathBuf>,
}

impl Arguments {
    /// Parses the command line of this process. Returns `None` if it requests help.
    pub fn read() -> Result<Option<Self>, BoxError> {
        let mut parser = Parser::from_env();
        let (mut free, mut ids, mut id_column, mut columns) = (Vec::new(), None, None, None);
        let (mut cache, mut out) = (None, None);
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("ids") => ids = Some(parser.value()?.string()?),
                Arg::Long("id-column") => id_column = Some(parser.value()?.string()?),
                Arg::Long("columns") => columns = Some(split_columns(&parser.value()?.string()?)),
                Arg::Long("cache") => cache = Some(parser.value()?.into()),
                Arg::Long("out") => out = Some(parser.value()?.into()),
                Arg::Long("help") | Arg::Short('h') => return Ok(None),
                Arg::Value(value) => free.push(value),
                other => return Err(other.unexpected().into()),
            }
        }
        let Ok([database, table]) = <[_; 2]>::try_from(free) else {
            return Err("expected an SQLite file and a table, as in `shop.db main.users`".into());
        };
        let table = TableName::new(table.string()?)?;
        let id_column = id_column.unwrap_or_else(|| "id".to_owned());
        Ok(Some(Self { database: database.into(), table, ids, id_column, columns, cache, out }))
    }
}

/// Splits at the commas outside quotes, because a key of a JSON path may contain commas.
fn split_columns(list: &str) -> Vec<String> {
    let mut quoted = false;
    let parts = list.split(|c: char| {
        quoted ^= c == '"';
        c == ',' && !quoted
    });
    parts.map(|column| column.trim().to_owned()).collect()
}

/// Parses integer ids: numbers and ranges, separated by commas.
pub fn integers(text: &str) -> Result<Vec<i64>, BoxError> {
    let mut ids = Vec::new();
    for item in text.split(',') {
        match item.split_once("..") {
            None => ids.push(number(item)?),
            Some((first, last)) => ids.extend(range(number(first)?, number(last)?)?),
        }
    }
    Ok(ids)
}

fn range(first: i64, last: i64) -> Result<RangeInclusive<i64>, BoxError> {
    if first > last {
        return Err(format!("the range {first}..{last} is empty").into());
    }
    Ok(first..=last)
}

fn number(text: &str) -> Result<i64, BoxError> {
    i64::from_str(text.trim()).map_err(|cause| format!("{text:?} is not an integer id: {cause}").into())
}

/// Parses text ids, separated by commas.
pub fn texts(list: &str) -> Vec<String> {
    list.split(',').map(|id| id.trim().to_owned()).collect()
}
