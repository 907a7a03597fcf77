//! The memory tier: decoded chunks of columns, up to a budget of bytes.
//!
//! A chunk is decoded whole once reading single pages of it has cost about as much as that, so that columns which are
//! read again and again come from memory, and a single look-up in a large table stays cheap. Rows that were just stored
//! are kept too where they are few, since who stored them reads them next. What is in use is not
//! pushed out: a new chunk takes the place only of chunks that went unused for a while. So a working set beyond the
//! budget does not turn over with every request.

mod column;
mod ids;
mod large_pages;

use std::sync::{Arc, Mutex};

use polars::prelude::*;

use self::column::laid_out;
use self::ids::HeldIds;
use crate::key::IdSet;
use crate::locked::locked;

/// A chunk that was not used by so many later reads may be pushed out.
const UNUSED: u64 = 256;
/// Reading this share of a chunk's pages one by one costs as much as decoding it whole.
const PAGES_A_CHUNK: u64 = 4;
/// What was not read yet, or is not likely to be read again, may take one part in so many of the budget at a time.
const UNREAD: usize = 64;

/// Names a chunk: the ids of a file, or a column in one of its row groups.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ChunkKey {
    /// Which open file.
    pub(super) file: u64,
    /// The row group; `None` for the ids of the whole file.
    pub(super) group: Option<usize>,
    /// The column, with the paths that were decoded where it is not whole.
    pub(super) column: PlSmallStr,
}

#[derive(Clone, Debug)]
pub(super) enum Chunk {
    Ids(Arc<HeldIds>),
    Column(Series),
}

/// Decoded chunks of all tables of a cache.
#[derive(Debug)]
pub(crate) struct Memory {
    budget: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    chunks: PlHashMap<ChunkKey, Entry>,
    size: usize,
    /// Counts reads.
    clock: u64,
    /// How many pages were read one by one of chunks that are not held.
    pages_read: PlHashMap<ChunkKey, u64>,
}

#[derive(Debug)]
struct Entry {
    chunk: Chunk,
    size: usize,
    used: u64,
}

impl Memory {
    pub(crate) fn new(budget: usize) -> Self {
        Self { budget, held: Mutex::default() }
    }

    /// How many bytes are held.
    pub(super) fn size(&self) -> usize {
        locked(&self.held).size
    }

    pub(super) fn get(&self, key: &ChunkKey) -> Option<Chunk> {
        locked(&self.held).get(key).cloned()
    }

    /// Columns, if all of them are held.
    pub(super) fn columns(&self, keys: impl Iterator<Item = ChunkKey>) -> Option<Vec<Series>> {
        let held = &mut *locked(&self.held);
        let column = |key| match held.get(&key)? {
            Chunk::Column(column) => Some(column.clone()),
            Chunk::Ids(_) => None,
        };
        keys.map(column).collect()
    }

    /// Whether a chunk is held. This is not a use of it.
    pub(super) fn holds(&self, key: &ChunkKey) -> bool {
        locked(&self.held).chunks.contains_key(key)
    }

    /// Counts `pages` that are to be read of a chunk that is not held. Returns whether to decode the chunk, of about
    /// `size` bytes, whole instead and hold it, because its pages were read so often.
    pub(super) fn admits_after_pages(&self, key: &ChunkKey, pages: usize, of: usize, size: usize) -> bool {
        let held = &mut *locked(&self.held);
        if !held.has_room(size, self.budget) {
            return false;
        }
        let read = held.pages_read.entry(key.clone()).or_default();
        *read += pages as u64;
        *read * PAGES_A_CHUNK >= of as u64
    }

    /// Counts a read of most rows of a chunk, of `size` bytes. Returns whether to hold the chunk: not the first time, since
    /// a single pass over a table would then hold it twice, in its answer and here.
    pub(super) fn admits_on_reread(&self, key: &ChunkKey, size: usize) -> bool {
        let held = &mut *locked(&self.held);
        if !held.has_room(size, self.budget) {
            return false;
        }
        let before = held.pages_read.entry(key.clone()).or_default();
        *before += 1;
        *before > 1
    }

    /// Whether so many bytes are so few that they are held though nothing tells that they will be read again.
    pub(super) fn takes_unread(&self, size: usize) -> bool {
        size <= self.budget / UNREAD
    }

    /// Holds a column, if there is room for it. An answer may share its memory.
    pub(super) fn offer_column(&self, key: ChunkKey, column: &Series) {
        self.hold(key, column.estimated_size(), Chunk::Column(column.clone()));
    }

    /// As [`offer_column`](Self::offer_column) for one in one piece, of which single values are read. Returns it as it is
    /// held.
    pub(super) fn offer_laid_out(&self, key: ChunkKey, column: Series) -> Series {
        if !self.has_room(column.estimated_size()) {
            return column;
        }
        let column = laid_out(column);
        self.offer_column(key, &column);
        column
    }

    /// Holds ids, if there is room for them.
    pub(super) fn offer_ids(&self, key: ChunkKey, ids: IdSet) {
        let size = ids.size();
        if self.has_room(size) {
            self.hold(key, size, Chunk::Ids(Arc::new(HeldIds::of(ids))));
        }
    }

    fn has_room(&self, size: usize) -> bool {
        locked(&self.held).has_room(size, self.budget)
    }

    fn hold(&self, key: ChunkKey, size: usize, chunk: Chunk) {
        let held = &mut *locked(&self.held);
        if !held.has_room(size, self.budget) {
            return;
        }
        held.push_out(size, self.budget);
        held.pages_read.remove(&key);
        let entry = Entry { chunk, size, used: held.clock };
        held.size += size;
        if let Some(old) = held.chunks.insert(key, entry) {
            held.size -= old.size;
        }
    }

    /// Lets go of everything of a file that is no longer open.
    pub(super) fn forget(&self, file: u64) {
        let held = &mut *locked(&self.held);
        held.pages_read.retain(|key, _| key.file != file);
        let mut freed = 0;
        held.chunks.retain(|key, entry| {
            let stays = key.file != file;
            freed += if stays { 0 } else { entry.size };
            stays
        });
        held.size -= freed;
    }
}

impl Held {
    fn get(&mut self, key: &ChunkKey) -> Option<&Chunk> {
        self.clock += 1;
        let entry = self.chunks.get_mut(key)?;
        entry.used = self.clock;
        Some(&entry.chunk)
    }

    /// Whether so many bytes are free, or held by chunks that nobody used for a while.
    fn has_room(&self, size: usize, budget: usize) -> bool {
        if size > budget {
            return false;
        }
        if self.size + size <= budget {
            return true;
        }
        let unused: usize = self.chunks.values().filter(|entry| self.is_unused(entry)).map(|entry| entry.size).sum();
        self.size - unused + size <= budget
    }

    fn is_unused(&self, entry: &Entry) -> bool {
        entry.used + UNUSED < self.clock
    }

    /// Pushes out what went unused the longest until so many bytes are free.
    fn push_out(&mut self, size: usize, budget: usize) {
        if self.size + size <= budget {
            return;
        }
        let unused = self.chunks.iter().filter(|(_, entry)| self.is_unused(entry));
        let mut unused: Vec<(u64, ChunkKey)> = unused.map(|(key, entry)| (entry.used, key.clone())).collect();
        unused.sort_unstable_by_key(|(used, _)| *used);
        for (_, key) in unused {
            if self.size + size <= budget {
                return;
            }
            self.size -= self.chunks.remove(&key).map_or(0, |entry| entry.size);
        }
    }
}
