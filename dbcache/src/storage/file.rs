//! Rows as a Parquet file, and back.
//!
//! `STORAGE.md` describes the format; both change together.

mod fences;
mod foreign;
mod header;
mod outline;
mod pages;
mod reader;
mod schema;
mod seal;
mod writer;

use std::io::Cursor;
use std::sync::Arc;

use polars_parquet::read::{FileMetadata, read_metadata};

use self::foreign::Refused;
use self::header::Unfit;
use self::pages::PagedChunk;
use crate::error::{Error, Result};
use crate::name::TableName;
use crate::storage::memory::Memory;
use crate::storage::place::{Place, disk::OpenFile};
use crate::storage::rows::Rows;

pub(super) use self::foreign::Described;
pub(super) use self::header::Header;
pub(super) use self::outline::{Outline, outline};
pub(super) use self::reader::{RowFile, Way};
pub(super) use self::schema::{FileColumn, are_whole_microseconds};
#[cfg(feature = "lazy")]
pub(super) use self::writer::IDS_A_PAGE;
pub(super) use self::writer::{GROUP, Writer};

/// The column that holds each row's column set, in files whose rows differ in it, or whose sets have more than columns.
pub(super) const PRESENCE_COLUMN: &str = "__dbcache_column_set";
/// Columns whose names begin so are ours.
const RESERVED_PREFIX: &str = "__dbcache";
/// The end of a Parquet file: the footer's length in 4 bytes, then the magic number.
const TRAILER: u64 = 8;
const MAGIC: &[u8; 4] = b"PAR1";
/// The end of a file whose footer is encrypted.
const ENCRYPTED: &[u8] = b"PARE";
const ENCRYPTED_FOOTER: &str = "another program wrote it, and encrypted its footer";
/// How the names of programs begin that may keep our metadata in files that they write anew. Polars is called so in our
/// own files too, but for what stands behind its name elsewhere.
const KEEPERS: [&str; 6] = ["parquet-cpp", "parquet-mr", "parquet-rs", "fastparquet", "DuckDB", "Polars ("];
/// The length of the directory stands before the footer.
const DIRECTORY_LENGTH: u64 = size_of::<u64>() as u64;
/// How much is read of the end of a file at once; most files have all that is needed for opening there.
const FIRST_READ: u64 = 32 * 1024;

/// Whether a column may be called so, whoever brings it.
pub(crate) fn is_column_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with(RESERVED_PREFIX) && !name.contains(char::is_control)
}

/// A column of another program's file that cannot be read here.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnreadableColumn {
    /// The column's name.
    pub name: String,
    /// Its type, or whatever else stands in the way, for people.
    pub reason: String,
}

/// What a file turned out to be.
#[derive(Debug)]
pub(super) enum Content {
    /// A file of ours.
    Own(Box<RowFile>),
    /// Another program's, read whole, but for the columns that cannot be read.
    Foreign(Rows, Vec<UnreadableColumn>),
    /// Not what was written; the reason is for people.
    Damaged(String),
    /// A sound file of another table; the reason is for people.
    AnotherTable(String),
    /// A sound file that this code cannot read as a table; the reason is for people.
    NoTable(String),
    /// A later version of this crate wrote it.
    TooNew(String),
}

/// What a file is expected to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected<'a> {
    pub(super) table: &'a TableName,
    pub(super) id_column: &'a str,
    pub(super) place: Place,
}

/// Reads a file: one that this crate wrote if its checksums are right, any other program's if it has an id column.
///
/// Of a file of ours only its end is read; pages follow when they are asked for. Checksums are verified before any
/// parser sees the bytes, since parsers do not notice damage.
pub(super) fn open(file: OpenFile, expected: Expected<'_>, memory: &Arc<Memory>) -> Result<Content> {
    match Ending::read(&file)? {
        Ending::Own(own) => open_own(file, *own, expected, memory),
        Ending::Foreign(footer) => open_foreign(&file, &footer, expected.id_column),
        Ending::Encrypted => Ok(Content::NoTable(ENCRYPTED_FOOTER.to_owned())),
        Ending::Damaged(reason) => Ok(Content::Damaged(reason.to_owned())),
    }
}

/// What a file's end shows it to be.
enum Ending {
    Own(Box<OwnEnding>),
    /// Another program's, with its footer, which nothing has verified.
    Foreign(Vec<u8>),
    /// Another program's, whose footer nobody reads without its key.
    Encrypted,
    /// The reason is for people.
    Damaged(&'static str),
}

/// What stands at the end of a file of ours, its checksum verified.
struct OwnEnding {
    header: Header,
    metadata: FileMetadata,
    directory: Vec<PagedChunk>,
}

impl Ending {
    fn read(file: &OpenFile) -> Result<Self> {
        let end = End::read(file)?;
        if end.bytes.ends_with(ENCRYPTED) {
            return Ok(Self::Encrypted);
        }
        let Some(footer) = end.footer(file)? else { return Ok(Self::Damaged("it does not end like Parquet")) };
        let ending = match seal::is_sealed(&footer) {
            Some(_) => Self::read_own(file, &end, &footer)?,
            None if seal::is_marked(&footer) => Self::Damaged("its checksum is gone"),
            None => return Ok(Self::Foreign(footer)),
        };
        match ending {
            Self::Damaged(_) if is_rewritten(&footer) => Ok(Self::Foreign(footer)),
            ending => Ok(ending),
        }
    }

    fn read_own(file: &OpenFile, end: &End, footer: &[u8]) -> Result<Self> {
        let Some((directory, tail)) = end.tail(file, footer)? else {
            return Ok(Self::Damaged("its checksums are gone"));
        };
        if seal::is_sealed(&tail) != Some(true) {
            return Ok(Self::Damaged("its checksum is wrong"));
        }
        let Ok(metadata) = read_metadata(&mut Cursor::new(footer)) else {
            return Ok(Self::Damaged("its footer is unreadable"));
        };
        let pairs = metadata.key_value_metadata().iter().flatten();
        let header = pairs.filter(|pair| pair.key == header::KEY).find_map(|pair| pair.value.as_deref());
        let Some(header) = header.and_then(|header| serde_json::from_str::<Header>(header).ok()) else {
            return Ok(Self::Damaged("its header is unreadable"));
        };
        Ok(Self::Own(Box::new(OwnEnding { header, metadata, directory })))
    }
}

/// The last bytes of a file.
struct End {
    start: u64,
    bytes: Vec<u8>,
}

impl End {
    fn read(file: &OpenFile) -> Result<Self> {
        let start = file.length().saturating_sub(FIRST_READ);
        Ok(Self { start, bytes: file.read(start..file.length())? })
    }

    /// The bytes of the file from `from` on, up to `to`.
    fn bytes(&self, file: &OpenFile, from: u64, to: u64) -> Result<Vec<u8>> {
        let place = |at: u64| at.checked_sub(self.start).and_then(|at| usize::try_from(at).ok());
        match place(from).zip(place(to)).and_then(|(first, last)| self.bytes.get(first..last)) {
            Some(bytes) => Ok(bytes.to_vec()),
            None => file.read(from..to),
        }
    }

    /// The footer with the trailer.
    fn footer(&self, file: &OpenFile) -> Result<Option<Vec<u8>>> {
        let start = self.bytes.last_chunk().and_then(|trailer| footer_start(*trailer, file.length()));
        start.map(|start| self.bytes(file, start, file.length())).transpose()
    }

    /// The directory, and all bytes from it on.
    fn tail(&self, file: &OpenFile, footer: &[u8]) -> Result<Option<(Vec<PagedChunk>, Vec<u8>)>> {
        let start = file.length().saturating_sub(footer.len() as u64);
        let Some(length_start) = start.checked_sub(DIRECTORY_LENGTH) else { return Ok(None) };
        let length = self.bytes(file, length_start, start)?;
        let length = length.first_chunk().map(|length| u64::from_le_bytes(*length));
        let Some(from) = length.and_then(|length| length_start.checked_sub(length)) else { return Ok(None) };
        let mut tail = self.bytes(file, from, start)?;
        let directory = tail.len().checked_sub(size_of::<u64>()).and_then(|length| tail.get(..length));
        let Some(directory) = directory.and_then(PagedChunk::all_from_bytes) else { return Ok(None) };
        tail.extend_from_slice(footer);
        Ok(Some((directory, tail)))
    }
}

/// Whether another program took a file of ours, and wrote it anew with our metadata, which no longer describes it.
fn is_rewritten(footer: &[u8]) -> bool {
    foreign::written_by(footer).is_some_and(|program| KEEPERS.iter().any(|keeper| program.starts_with(keeper)))
}

/// Where the footer begins, if the file ends like Parquet.
fn footer_start(trailer: [u8; 8], length: u64) -> Option<u64> {
    let (footer, magic) = trailer.split_first_chunk::<4>()?;
    let footer = u64::from(u32::from_le_bytes(*footer));
    if magic == MAGIC { length.checked_sub(TRAILER)?.checked_sub(footer) } else { None }
}

fn open_own(file: OpenFile, own: OwnEnding, expected: Expected<'_>, memory: &Arc<Memory>) -> Result<Content> {
    let OwnEnding { header, metadata, directory } = own;
    match header.check(expected.table, expected.id_column, expected.place) {
        Err(Unfit::AnotherTable(reason)) => return Ok(Content::AnotherTable(reason)),
        // Whatever belongs here is gone.
        Err(Unfit::Misplaced) => return Ok(Content::Damaged("it is another file of the table".to_owned())),
        Err(Unfit::TooNew(reason)) => return Ok(Content::TooNew(reason)),
        Ok(()) => {}
    }
    let rows = RowFile::new(file, header, metadata, directory, expected.id_column, memory)
        .map_err(Error::frame("read the file's columns"))?;
    Ok(rows.map_or_else(|| Content::Damaged("its parts disagree".to_owned()), |rows| Content::Own(Box::new(rows))))
}

fn open_foreign(file: &OpenFile, footer: &[u8], id_column: &str) -> Result<Content> {
    let before = file.length().saturating_sub(footer.len() as u64);
    Ok(match foreign::read(&file.read(0..before)?, footer, id_column) {
        Ok((rows, unreadable)) => Content::Foreign(rows, unreadable),
        Err(Refused::NoTable(reason)) => Content::NoTable(reason),
        Err(Refused::Damaged(reason)) => Content::Damaged(reason),
    })
}
