//! A snapshot as a Parquet file, and back.
//!
//! `STORAGE.md` describes the format; both change together.

mod blocks;
mod columns;
mod header;
mod seal;

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use polars::io::parquet::write::KeyValueMetadata;
use polars::prelude::*;
use polars_parquet::read::read_metadata;

use self::blocks::Blocks;
use self::columns::FileColumns;
use self::header::{Header, Unfit};
use super::disk::OpenFile;
use super::presence::{ColumnSet, Presence};
use super::snapshot::{Snapshot, StoredColumn};
use crate::error::{Error, Result};
use crate::key::{ColumnIds, IdSet};
use crate::name::TableName;

/// The column that holds each row's column set, in files whose rows differ in it.
const PRESENCE_COLUMN: &str = "__dbcache_column_set";
/// Columns whose names begin so are ours.
pub(crate) const RESERVED_PREFIX: &str = "__dbcache";
/// The end of a Parquet file: the footer's length in 4 bytes, then the magic number.
const TRAILER: u64 = 8;
const MAGIC: &[u8; 4] = b"PAR1";
/// The length of the body stands before the footer.
const BODY_LENGTH: u64 = size_of::<u64>() as u64;

/// What a file turned out to be.
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
    let header = serde_json::to_string(&Header::new(snapshot, table, id_column))
        .map_err(|source| Error::Frame { action: "describe the table", source: source.into() })?;
    let pairs = vec![(header::KEY.to_owned(), header), (seal::KEY.to_owned(), seal::unsealed())];
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes)
        .with_compression(ParquetCompression::Lz4Raw)
        .with_key_value_metadata(Some(KeyValueMetadata::from_static(pairs)))
        .finish(&mut frame(snapshot, id_column)?)
        .map_err(Error::frame("write Parquet"))?;
    let unsealed = || Error::Frame { action: "seal the file", source: "it has no place for its checksum".into() };
    protect(bytes).ok_or_else(unsealed)
}

fn frame(snapshot: &Snapshot, id_column: &str) -> Result<DataFrame> {
    let mut columns = vec![snapshot.ids.to_column(id_column)];
    for column in &snapshot.columns {
        columns.push(column.values()?);
    }
    if let Some(codes) = snapshot.presence.codes() {
        columns.push(Column::new(PRESENCE_COLUMN.into(), codes));
    }
    DataFrame::new(snapshot.ids.len(), columns).map_err(Error::frame("lay out the rows"))
}

/// Puts the checksums of the body before the footer, and the checksum of that tail in its place in the footer.
fn protect(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    let footer = usize::try_from(footer_start(*bytes.last_chunk()?, bytes.len() as u64)?).ok()?;
    let mut tail = Blocks::of(bytes.get(..footer)?).to_bytes();
    tail.extend_from_slice(bytes.get(footer..)?);
    seal::seal(&mut tail)?;
    bytes.truncate(footer);
    bytes.append(&mut tail);
    Some(bytes)
}

/// Where the footer begins, if the file ends like Parquet.
fn footer_start(trailer: [u8; 8], length: u64) -> Option<u64> {
    let (footer, magic) = trailer.split_first_chunk::<4>()?;
    let footer = u64::from(u32::from_le_bytes(*footer));
    if magic == MAGIC { length.checked_sub(TRAILER)?.checked_sub(footer) } else { None }
}

/// Reads a file: one that this crate wrote if its checksums are right, any other program's if it has an id column.
///
/// Of a file of ours only the ids are read; columns follow when they are asked for. Checksums are verified before any
/// parser sees the bytes, since parsers do not notice damage.
pub(super) fn open(file: OpenFile, table: &TableName, id_column: &str) -> Result<Content> {
    let Some(footer) = read_footer(&file)? else {
        return Ok(Content::Damaged("it does not end like Parquet".to_owned()));
    };
    match seal::is_sealed(&footer) {
        Some(_) => open_own(file, &footer, table, id_column),
        None if seal::find(&footer, header::KEY.as_bytes()).is_some() => {
            Ok(Content::Damaged("its checksum is gone".to_owned()))
        }
        None => Ok(open_foreign(&file.read(0..file.length())?, id_column)),
    }
}

/// Whether every byte of a file of ours is as it was written.
pub(super) fn is_sound(content: &Content) -> Result<bool> {
    match content {
        Content::Rows(rows) => rows
            .columns
            .iter()
            .find_map(StoredColumn::file)
            .map_or(Ok(true), |column| column.file.blocks.verify(&column.file.file)),
        Content::Damaged(_) => Ok(false),
        Content::AnotherTable(_) | Content::NoTable(_) => Ok(true),
    }
}

/// The footer with the trailer.
fn read_footer(file: &OpenFile) -> Result<Option<Vec<u8>>> {
    let length = file.length();
    let Some(trailer) = length.checked_sub(TRAILER) else { return Ok(None) };
    let trailer = file.read(trailer..length)?;
    let start = trailer.first_chunk().and_then(|trailer| footer_start(*trailer, length));
    start.map(|start| file.read(start..length)).transpose()
}

fn open_own(file: OpenFile, footer: &[u8], table: &TableName, id_column: &str) -> Result<Content> {
    let damaged = |reason: &str| Ok(Content::Damaged(reason.to_owned()));
    let Some((blocks, tail)) = read_tail(&file, footer)? else { return damaged("its checksums are gone") };
    if seal::is_sealed(&tail) != Some(true) {
        return damaged("its checksum is wrong");
    }
    let Ok(metadata) = read_metadata(&mut Cursor::new(footer)) else { return damaged("its footer is unreadable") };
    let pairs = metadata.key_value_metadata().clone().unwrap_or_default();
    let header = pairs.into_iter().find(|pair| pair.key == header::KEY).and_then(|pair| pair.value);
    let Some(header) = header.and_then(|header| serde_json::from_str::<Header>(&header).ok()) else {
        return damaged("its header is unreadable");
    };
    match header.check(table, id_column) {
        Err(Unfit::AnotherTable(reason)) => return Ok(Content::AnotherTable(reason)),
        Err(Unfit::TooNew(reason)) => return Ok(Content::NoTable(reason)),
        Ok(()) => {}
    }
    let columns = FileColumns::new(file, blocks, metadata).map_err(Error::frame("read the file's columns"))?;
    match read_rows(columns, header, id_column) {
        Ok(Some(rows)) => Ok(Content::Rows(rows)),
        Ok(None) => damaged("its ids or column sets are unreadable"),
        Err(Error::Damaged { reason, .. }) => Ok(Content::Damaged(reason)),
        Err(cause) => Err(cause),
    }
}

/// The checksums of the blocks, and all bytes from these on.
fn read_tail(file: &OpenFile, footer: &[u8]) -> Result<Option<(Blocks, Vec<u8>)>> {
    let start = file.length().saturating_sub(footer.len() as u64);
    let Some(length_start) = start.checked_sub(BODY_LENGTH) else { return Ok(None) };
    let body = file.read(length_start..start)?;
    let body = body.first_chunk().map(|body| u64::from_le_bytes(*body));
    let Some(body) = body.filter(|body| Blocks::end(*body) == Some(start)) else { return Ok(None) };
    let mut tail = file.read(body..start)?;
    let Some(blocks) = Blocks::from_bytes(&tail) else { return Ok(None) };
    tail.extend_from_slice(footer);
    Ok(Some((blocks, tail)))
}

/// The rows of a file that this crate wrote, whose ids are sorted and distinct.
fn read_rows(columns: FileColumns, header: Header, id_column: &str) -> Result<Option<Snapshot>> {
    let has_codes = columns.types().any(|(name, _)| name == PRESENCE_COLUMN);
    let presence = if has_codes {
        presence(&columns.whole(PRESENCE_COLUMN)?, header.column_sets)
    } else {
        header.column_sets.into_iter().next().map(|set| Presence::uniform(columns.rows(), set))
    };
    let ids = IdSet::from_sorted(columns.whole(id_column)?.as_materialized_series());
    let columns = Arc::new(columns);
    let is_cached = |name: &PlSmallStr| name != id_column && name != PRESENCE_COLUMN;
    let stored = columns.types().filter(|(name, _)| is_cached(name));
    let stored = stored.map(|(name, data_type)| StoredColumn::in_file(name, data_type, Arc::clone(&columns).into()));
    let stored = stored.collect();
    Ok(ids.zip(presence).map(|(ids, presence)| {
        Snapshot { ids, columns: stored, presence, documents: ColumnSet::new() }.with_documents(header.json_columns)
    }))
}

fn presence(codes: &Column, sets: Vec<ColumnSet>) -> Option<Presence> {
    let codes = codes.u32().ok()?;
    Presence::from_codes(sets, codes.iter().map(|code| code.unwrap_or(u32::MAX)).collect())
}

/// The rows of another program's file: in any order, with every column fetched; of two rows of one id the last counts.
fn open_foreign(bytes: &[u8], id_column: &str) -> Content {
    // Such a file has no checksum, and the parser may panic on a damaged one.
    let frame = match catch_unwind(AssertUnwindSafe(|| ParquetReader::new(Cursor::new(bytes)).finish())) {
        Err(_) => return Content::Damaged("the Parquet reader gave up on it".to_owned()),
        Ok(Err(cause)) => return Content::Damaged(cause.to_string()),
        Ok(Ok(frame)) => frame,
    };
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

/// A column of a file, decoded when it is first asked for.
#[derive(Clone, Debug)]
pub(super) struct FileColumn {
    file: Arc<FileColumns>,
    decoded: Arc<OnceLock<Column>>,
}

impl From<Arc<FileColumns>> for FileColumn {
    fn from(file: Arc<FileColumns>) -> Self {
        Self { file, decoded: Arc::default() }
    }
}

impl FileColumn {
    pub(super) fn is_waiting(&self) -> bool {
        self.decoded.get().is_none()
    }

    pub(super) fn values(&self, name: &str) -> Result<Column> {
        if let Some(decoded) = self.decoded.get() {
            return Ok(decoded.clone());
        }
        let decoded = self.file.whole(name)?;
        Ok(self.decoded.get_or_init(|| decoded).clone())
    }

    /// The column, or of a struct at least what lies at these paths in it.
    pub(super) fn values_at(&self, name: &str, paths: &[&[String]]) -> Result<Column> {
        if self.is_waiting()
            && let Some(column) = self.file.at_paths(name, paths)?
        {
            return Ok(column);
        }
        self.values(name)
    }
}
