//! Cache coverage: which ids of a request are hits, incomplete or missing.
//!
//! A lookup takes about 60 bytes per id. For millions of ids that can exceed the size of their rows. Requests for more
//! than [`MAX_IDS_PER_READ`] ids are therefore looked up in blocks, and only one byte per id is kept.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::key::IdSet;
use crate::storage::{LookUp, Need, Snapshot};

/// Maximum number of ids whose rows are read at once.
const MAX_IDS_PER_READ: usize = 1 << 20;
/// Number of ids per lookup, if a request has more than [`MAX_IDS_PER_READ`].
const IDS_PER_LOOKUP: usize = 1 << 18;

/// The coverage of the requested ids.
#[derive(Debug)]
pub(crate) enum Coverage {
    /// The coverage of few ids, with the location of their rows.
    Located(LookUp),
    StatesOnly(States),
}

/// The states of many ids.
#[derive(Debug, Default)]
pub(crate) struct States {
    each: Vec<State>,
    hits: usize,
    incomplete: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Hit,
    Incomplete,
    Missing,
}

impl Coverage {
    /// Looks ids up in a snapshot.
    ///
    /// # Errors
    ///
    /// Returns a storage error if the lookup fails.
    pub(super) fn of(ids: &IdSet, needs: &[Need], stored: &Snapshot) -> Result<Self> {
        if ids.len() <= MAX_IDS_PER_READ {
            return stored.look_up(ids, needs).map(Self::Located);
        }
        let mut states = States::default();
        for indices in blocks(ids.len(), IDS_PER_LOOKUP) {
            states.push(indices.len(), &stored.look_up(&ids.range(indices.clone())?, needs)?)?;
        }
        Ok(Self::StatesOnly(states))
    }

    pub(super) fn hits(&self) -> usize {
        match self {
            Self::Located(found) => found.hits.len(),
            Self::StatesOnly(states) => states.hits,
        }
    }

    pub(super) fn incomplete(&self) -> usize {
        match self {
            Self::Located(found) => found.incomplete.len(),
            Self::StatesOnly(states) => states.incomplete,
        }
    }

    pub(super) fn missing(&self) -> usize {
        match self {
            Self::Located(found) => found.missing.len(),
            Self::StatesOnly(states) => states.each.len() - states.hits - states.incomplete,
        }
    }

    /// Returns `true` if every id is a hit.
    pub(super) fn is_complete(&self) -> bool {
        self.incomplete() + self.missing() == 0
    }

    pub(super) fn hit_ids(&self, ids: &IdSet) -> Result<IdSet> {
        match self {
            Self::Located(found) => ids.select(&found.hits),
            Self::StatesOnly(states) => states.select(ids, |state| state == State::Hit),
        }
    }

    pub(super) fn missing_ids(&self, ids: &IdSet) -> Result<IdSet> {
        match self {
            Self::Located(found) => ids.select(&found.missing),
            Self::StatesOnly(states) => states.select(ids, |state| state == State::Missing),
        }
    }

    /// Returns the ids that are missing or incomplete.
    pub(super) fn non_hit_ids(&self, ids: &IdSet) -> Result<IdSet> {
        match self {
            Self::Located(found) => ids.select(&found.not_hits()),
            Self::StatesOnly(states) => states.select(ids, |state| state != State::Hit),
        }
    }

    /// Returns, for each id, whether it is missing or incomplete.
    pub(crate) fn non_hits(&self) -> Result<Vec<bool>> {
        match self {
            Self::StatesOnly(states) => Ok(states.each.iter().map(|state| *state != State::Hit).collect()),
            Self::Located(found) => {
                let mut non_hits = vec![false; self.hits() + self.incomplete() + self.missing()];
                found.incomplete.fill(&mut non_hits, true)?;
                found.missing.fill(&mut non_hits, true)?;
                Ok(non_hits)
            }
        }
    }
}

impl States {
    /// Appends the coverage of the next `count` ids.
    fn push(&mut self, count: usize, found: &LookUp) -> Result<()> {
        let mut states = vec![State::Hit; count];
        found.incomplete.fill(&mut states, State::Incomplete)?;
        found.missing.fill(&mut states, State::Missing)?;
        self.each.append(&mut states);
        self.hits += found.hits.len();
        self.incomplete += found.incomplete.len();
        Ok(())
    }

    fn select(&self, ids: &IdSet, is_selected: impl Fn(State) -> bool) -> Result<IdSet> {
        if ids.len() != self.each.len() {
            return Err(Error::Internal { invariant: "every requested id has a state" });
        }
        Ok(ids.filter(|index| self.each.get(index).is_some_and(|state| is_selected(*state))))
    }
}

/// Returns the ranges of indices whose rows are read at once, for `ids` ids.
pub(super) fn blocks_to_read(ids: usize) -> impl Iterator<Item = Range<usize>> {
    blocks(ids, MAX_IDS_PER_READ)
}

fn blocks(ids: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    (0..ids).step_by(size).map(move |start| start..ids.min(start + size))
}
