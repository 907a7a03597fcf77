//! The first id of each page of ids, by which the page that may hold an id is found.
//!
//! They stand behind the page table of each chunk of ids: 8 bytes each, 16 where an id has 128 bits, or for text the
//! length in 4 bytes and the bytes of the text.

use crate::key::IdSet;

/// The bytes of the first ids of some pages; `None` if one is too long.
pub(super) fn to_bytes(ids: &IdSet, rows_a_page: usize) -> Option<Vec<u8>> {
    Some(match ids.every(rows_a_page.max(1)) {
        IdSet::Int(ids) => ids.iter().flat_map(|id| id.to_le_bytes()).collect(),
        IdSet::Big(ids) => ids.iter().flat_map(|id| id.to_le_bytes()).collect(),
        IdSet::Wide(ids) => ids.iter().flat_map(|id| id.to_le_bytes()).collect(),
        IdSet::Huge(ids) => ids.iter().flat_map(|id| id.to_le_bytes()).collect(),
        IdSet::Text(ids) => ids.iter().map(|id| text(id)).collect::<Option<Vec<_>>>()?.concat(),
    })
}

fn text(id: &str) -> Option<Vec<u8>> {
    let length = u32::try_from(id.len()).ok()?;
    Some([&length.to_le_bytes()[..], id.as_bytes()].concat())
}

/// Adds the first ids that follow a page table to those of the pages before it.
pub(super) fn read(mut bytes: &[u8], fences: &mut IdSet) -> Option<()> {
    let IdSet::Text(ids) = fences else { return fences.extend_from_bytes(bytes) };
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk()?;
        let (id, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        ids.push(std::str::from_utf8(id).ok()?.to_owned());
        bytes = rest;
    }
    Some(())
}
