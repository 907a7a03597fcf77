//! A snapshot as the bytes of a Parquet file, and back.
//!
//! `STORAGE.md` describes the format; both change together.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use polars::io::parquet::write::KeyValueMetadata;
use polars::prelude::*;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use super::presence::{ColumnSet, Presence};
use super::snapshot::Snapshot;
use crate::error::{Error, Result};
use crate::key::{ColumnIds, IdSet};
use crate::name::TableName;

/// The newest format version that this code reads, and the one that it writes.
const FORMAT: u32 = 1;
/// The key of the header in the file's key-value metadata.
const HEADER_KEY: &str = "dbcache.header";
/// The key of the checksum in the file's key-value metadata.
const CHECKSUM_KEY: &str = "dbcache.checksum";
/// The column that holds each row's column set, in files whose rows differ in it.
const PRESENCE_COLUMN: &str = "__dbcache_column_set";
/// Columns whose names begin so are ours.
pub(crate) const RESERVED_PREFIX: &str = "__dbcache";
const CHECKSUM_PREFIX: &str = "xxh3-128:";
const CHECKSUM_DIGITS: usize = 32;
/// The end of a Parquet file: the footer's length in 4 bytes, then the magic number.
const TRAILER: usize = 8;
const MAGIC: &[u8] = b"PAR1";

/// What a file says of itself, as JSON.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    format: u32,
    table: String,
    id_column: String,
    column_sets: Vec<ColumnSet>,
    /// The text columns that hold documents.
    #[serde(default, skip_serializing_if = "ColumnSet::is_empty")]
    json_columns: ColumnSet,
}

/// What the bytes of a file turned out to be.
#[derive(Debug)]
pub(super) enum Content {
    Rows(Snapshot),
    /// Not what was written; the reason is for people.
    Damaged(String),
    /// A sound file of another table; the reason is for people.
    AnotherTable(String),
    /// A sound file that this code cannot read as a table; the reason is for people.
    NoTable(String),
}

/// Writes all rows of a table.
pub(super) fn encode(snapshot: &Snapshot, table: &TableName, id_column: &str) -> Result<Vec<u8>> {
    let header = Header {
        format: FORMAT,
        table: table.to_string(),
        id_column: id_column.to_owned(),
        column_sets: snapshot.presence.sets().to_vec(),
        json_columns: snapshot.documents.clone(),
    };
    let header = serde_json::to_string(&header)
        .map_err(|source| Error::Frame { action: "describe the table", source: source.into() })?;
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes)
        .with_compression(ParquetCompression::Lz4Raw)
        .with_key_value_metadata(Some(KeyValueMetadata::from_static(vec![
            (HEADER_KEY.to_owned(), header),
            (CHECKSUM_KEY.to_owned(), checksum_text(0)),
        ])))
        .finish(&mut frame(snapshot, id_column)?)
        .map_err(Error::frame("write Parquet"))?;
    seal(&mut bytes)?;
    Ok(bytes)
}

fn frame(snapshot: &Snapshot, id_column: &str) -> Result<DataFrame> {
    let mut columns = vec![snapshot.ids.to_column(id_column)];
    columns.extend(snapshot.columns.iter().cloned());
    if let Some(codes) = snapshot.presence.codes() {
        columns.push(Column::new(PRESENCE_COLUMN.into(), codes));
    }
    DataFrame::new(snapshot.ids.len(), columns).map_err(Error::frame("lay out the rows"))
}

/// Puts the checksum in its place, which was written with zeros.
fn seal(bytes: &mut [u8]) -> Result<()> {
    let unsealed = || Error::Frame { action: "seal the file", source: "it has no place for its checksum".into() };
    let place = checksum_place(bytes).ok_or_else(unsealed)?;
    let text = checksum_text(checksum(bytes, place));
    let digits = bytes.get_mut(place..place + CHECKSUM_DIGITS).ok_or_else(unsealed)?;
    digits.copy_from_slice(text.trim_start_matches(CHECKSUM_PREFIX).as_bytes());
    Ok(())
}

/// Reads a file: one that this crate wrote if its checksum is right, any other program's if it has an id column.
///
/// The checksum is verified before any parser sees the bytes, since parsers do not notice damage.
pub(super) fn decode(bytes: &[u8], table: &TableName, id_column: &str) -> Content {
    let sealed = match checksum_place(bytes) {
        Some(place) if !is_sealed(bytes, place) => return Content::Damaged("its checksum is wrong".to_owned()),
        Some(_) => true,
        None if find(footer(bytes), HEADER_KEY.as_bytes()).is_some() => {
            return Content::Damaged("its checksum is gone".to_owned());
        }
        None => false,
    };
    // Files of other programs have no checksum, and the parser may panic on a damaged one.
    let parsed = catch_unwind(AssertUnwindSafe(|| parse(bytes)));
    match parsed {
        Err(_) => Content::Damaged("the Parquet reader gave up on it".to_owned()),
        Ok(Err(cause)) => Content::Damaged(cause.to_string()),
        Ok(Ok((frame, header))) if sealed => own(frame, header, table, id_column),
        Ok(Ok((frame, _))) => foreign(frame, id_column),
    }
}

fn parse(bytes: &[u8]) -> PolarsResult<(DataFrame, Option<String>)> {
    let mut reader = ParquetReader::new(Cursor::new(bytes)).set_rechunk(true);
    let pairs = reader.get_metadata()?.key_value_metadata().clone().unwrap_or_default();
    let header = pairs.into_iter().find(|pair| pair.key == HEADER_KEY).and_then(|pair| pair.value);
    Ok((reader.finish()?, header))
}

/// The rows of a file that this crate wrote, whose ids are sorted and distinct.
fn own(frame: DataFrame, header: Option<String>, table: &TableName, id_column: &str) -> Content {
    let Some(header) = header.and_then(|header| serde_json::from_str::<Header>(&header).ok()) else {
        return Content::Damaged("its header is unreadable".to_owned());
    };
    if header.format > FORMAT {
        return Content::NoTable(format!("its format {} is newer than {FORMAT}: update dbcache", header.format));
    }
    if header.table != table.as_str() || header.id_column != id_column {
        let Header { table, id_column, .. } = header;
        return Content::AnotherTable(format!("it holds {table} by {id_column:?}"));
    }
    let rows = frame.height();
    let mut columns = frame.into_columns();
    let codes = columns.pop_if(|column| column.name() == PRESENCE_COLUMN);
    let presence = match codes {
        None => header.column_sets.into_iter().next().map(|set| Presence::uniform(rows, set)),
        Some(codes) => presence(&codes, header.column_sets),
    };
    match (presence, take_ids(columns, id_column)) {
        (Some(presence), Some((ids, _, columns))) => {
            let rows = Snapshot { ids, columns, presence, documents: ColumnSet::new() };
            Content::Rows(rows.with_documents(header.json_columns))
        }
        _ => Content::Damaged("its ids or column sets are unreadable".to_owned()),
    }
}

fn presence(codes: &Column, sets: Vec<ColumnSet>) -> Option<Presence> {
    let codes = codes.u32().ok()?;
    Presence::from_codes(sets, codes.iter().map(|code| code.unwrap_or(u32::MAX)).collect())
}

/// The rows of another program's file: in any order, with every column fetched; of two rows of one id the last counts.
fn foreign(frame: DataFrame, id_column: &str) -> Content {
    let Some((ids, rows, columns)) = take_ids(frame.into_columns(), id_column) else {
        return Content::NoTable(format!("another program wrote it, without a usable id column {id_column:?}"));
    };
    let rows = IdxCa::from_vec(PlSmallStr::EMPTY, rows);
    let columns: PolarsResult<Vec<Column>> = columns.iter().map(|column| column.take(&rows)).collect();
    match columns {
        Ok(columns) => Content::Rows(Snapshot::uniform(ids, columns)),
        Err(cause) => Content::Damaged(cause.to_string()),
    }
}

/// The ids, the row of each, and the other columns.
fn take_ids(mut columns: Vec<Column>, id_column: &str) -> Option<(IdSet, Vec<IdxSize>, Vec<Column>)> {
    let place = columns.iter().position(|column| column.name() == id_column)?;
    let ids = columns.remove(place);
    match ColumnIds::read(ids.as_materialized_series()) {
        Ok(ColumnIds::Ids { set, rows }) => Some((set, rows, columns)),
        _ => None,
    }
}

fn checksum_text(checksum: u128) -> String {
    format!("{CHECKSUM_PREFIX}{checksum:032x}")
}

fn is_sealed(bytes: &[u8], place: usize) -> bool {
    let text = checksum_text(checksum(bytes, place));
    bytes.get(place - CHECKSUM_PREFIX.len()..place + CHECKSUM_DIGITS) == Some(text.as_bytes())
}

/// The checksum of all bytes but its own digits.
fn checksum(bytes: &[u8], place: usize) -> u128 {
    let mut hash = Xxh3::new();
    hash.update(bytes.get(..place).unwrap_or_default());
    hash.update(bytes.get(place + CHECKSUM_DIGITS..).unwrap_or_default());
    hash.digest128()
}

/// Where the checksum's digits begin, found without a parser.
///
/// The key and the value stand next to each other in the footer, as Thrift's compact protocol writes the two strings
/// of a pair: the field header 0x18, the length, the bytes. No name can imitate it, since names hold no control
/// characters.
fn checksum_place(bytes: &[u8]) -> Option<usize> {
    let mut mark = CHECKSUM_KEY.as_bytes().to_vec();
    mark.push(0x18);
    mark.push(u8::try_from(CHECKSUM_PREFIX.len() + CHECKSUM_DIGITS).ok()?);
    mark.extend_from_slice(CHECKSUM_PREFIX.as_bytes());
    let footer = footer(bytes);
    let end = find(footer, &mark)? + mark.len();
    (end + CHECKSUM_DIGITS <= footer.len()).then_some(bytes.len() - footer.len() + end)
}

/// The footer with the trailer, or nothing where the file does not end like Parquet.
fn footer(bytes: &[u8]) -> &[u8] {
    let Some((rest, trailer)) = bytes.split_last_chunk::<TRAILER>() else { return &[] };
    let Some((length, magic)) = trailer.split_first_chunk::<4>() else { return &[] };
    let length = u32::from_le_bytes(*length) as usize;
    let start = rest.len().checked_sub(length).filter(|_| magic == MAGIC);
    start.and_then(|start| bytes.get(start..)).unwrap_or_default()
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
