//! Checksums of the column data, fine enough that reading one column verifies little more than that column.

use std::ops::Range;

use xxhash_rust::xxh3::xxh3_64;

use super::super::disk::OpenFile;
use crate::error::Result;

/// Each block of this many bytes has a checksum of its own.
const BLOCK: u64 = 64 * 1024;
const WORD: usize = size_of::<u64>();

/// The checksums of the blocks of a file's body: everything before the checksums themselves.
#[derive(Debug)]
pub(super) struct Blocks {
    body: u64,
    sums: Vec<u64>,
}

impl Blocks {
    pub(super) fn of(body: &[u8]) -> Self {
        let blocks = body.chunks(usize::try_from(BLOCK).unwrap_or(usize::MAX));
        Self { body: body.len() as u64, sums: blocks.map(xxh3_64).collect() }
    }

    /// The checksums, then the length of the body, each 8 bytes, little-endian.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        self.sums.iter().chain([&self.body]).flat_map(|word| word.to_le_bytes()).collect()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (words, rest) = bytes.as_chunks::<WORD>();
        let (body, sums) = words.split_last().filter(|_| rest.is_empty())?;
        let body = u64::from_le_bytes(*body);
        let sums: Vec<u64> = sums.iter().copied().map(u64::from_le_bytes).collect();
        (sums.len() as u64 == body.div_ceil(BLOCK)).then_some(Self { body, sums })
    }

    /// Where the checksums of a body of this length end in the file.
    pub(super) fn end(body: u64) -> Option<u64> {
        let words = body.div_ceil(BLOCK).checked_add(1)?;
        words.checked_mul(WORD as u64)?.checked_add(body)
    }

    /// Reads part of the body and verifies all blocks that it touches; `None` where one is not as it was written.
    pub(super) fn read(&self, file: &OpenFile, wanted: Range<u64>) -> Result<Option<Vec<u8>>> {
        if wanted.start > wanted.end || wanted.end > self.body {
            return Ok(None);
        }
        let first = wanted.start / BLOCK;
        let aligned = first * BLOCK..wanted.end.next_multiple_of(BLOCK).min(self.body);
        let start = aligned.start;
        let mut bytes = file.read(aligned)?;
        if !self.are_sound(first, &bytes) {
            return Ok(None);
        }
        bytes.truncate(usize::try_from(wanted.end - start).unwrap_or(usize::MAX));
        bytes.drain(..usize::try_from(wanted.start - start).unwrap_or(usize::MAX).min(bytes.len()));
        Ok(Some(bytes))
    }

    /// Verifies the whole body.
    pub(super) fn verify(&self, file: &OpenFile) -> Result<bool> {
        for first in (0..self.body).step_by(usize::try_from(BLOCK).unwrap_or(usize::MAX)) {
            if self.read(file, first..(first + BLOCK).min(self.body))?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn are_sound(&self, first: u64, bytes: &[u8]) -> bool {
        let first = usize::try_from(first).unwrap_or(usize::MAX);
        let blocks = bytes.chunks(usize::try_from(BLOCK).unwrap_or(usize::MAX));
        let sums = self.sums.iter().skip(first).map(Some).chain(std::iter::repeat(None));
        blocks.zip(sums).all(|(block, sum)| sum == Some(&xxh3_64(block)))
    }
}
