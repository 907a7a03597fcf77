//! How the wanted ids of a request stand in the cache, looked up in parts where they are many.
//!
//! Looking ids up takes some 60 bytes for each, which of millions is more than their rows may take. So of a request for
//! many, one part is looked up after the other, and no more than a byte is kept of each id.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::key::IdSet;
use crate::storage::{LookUp, Need, Snapshot};

/// Of up to so many ids the rows are read at once.
const READ_AT_ONCE: usize = 1 << 20;
/// Of more ids so many are looked up at once.
const LOOKED_UP_AT_ONCE: usize = 1 << 18;

/// How each wanted id stands.
#[derive(Debug)]
pub(crate) enum Standing {
    /// Of few ids, with where their rows are.
    AtOnce(LookUp),
    InParts(States),
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

impl Standing {
    /// Looks ids up.
    ///
    /// # Errors
    ///
    /// A storage error.
    pub(super) fn of(ids: &IdSet, needs: &[Need], stored: &Snapshot) -> Result<Self> {
        if ids.len() <= READ_AT_ONCE {
            return stored.look_up(ids, needs).map(Self::AtOnce);
        }
        let mut states = States::default();
        for places in parts(ids.len(), LOOKED_UP_AT_ONCE) {
            states.push(places.len(), &stored.look_up(&ids.range(places.clone())?, needs)?)?;
        }
        Ok(Self::InParts(states))
    }

    pub(super) fn hits(&self) -> usize {
        match self {
            Self::AtOnce(found) => found.hits.len(),
            Self::InParts(states) => states.hits,
        }
    }

    pub(super) fn incomplete(&self) -> usize {
        match self {
            Self::AtOnce(found) => found.incomplete.len(),
            Self::InParts(states) => states.incomplete,
        }
    }

    pub(super) fn missing(&self) -> usize {
        match self {
            Self::AtOnce(found) => found.missing.len(),
            Self::InParts(states) => states.each.len() - states.hits - states.incomplete,
        }
    }

    /// Whether every id is a hit.
    pub(super) fn is_complete(&self) -> bool {
        self.incomplete() + self.missing() == 0
    }

    pub(super) fn hit_ids(&self, ids: &IdSet) -> Result<IdSet> {
        match self {
            Self::AtOnce(found) => ids.select(&found.hits),
            Self::InParts(states) => states.select(ids, |state| state == State::Hit),
        }
    }

    pub(super) fn missing_ids(&self, ids: &IdSet) -> Result<IdSet> {
        match self {
            Self::AtOnce(found) => ids.select(&found.missing),
            Self::InParts(states) => states.select(ids, |state| state == State::Missing),
        }
    }

    /// The ids that a request has to fetch.
    pub(super) fn lacking_ids(&self, ids: &IdSet) -> Result<IdSet> {
        match self {
            Self::AtOnce(found) => ids.select(&found.not_hits()),
            Self::InParts(states) => states.select(ids, |state| state != State::Hit),
        }
    }

    /// Whether each id is one that a request has to fetch.
    pub(crate) fn lacking(&self) -> Result<Vec<bool>> {
        match self {
            Self::InParts(states) => Ok(states.each.iter().map(|state| *state != State::Hit).collect()),
            Self::AtOnce(found) => {
                let mut lacking = vec![false; self.hits() + self.incomplete() + self.missing()];
                found.incomplete.fill(&mut lacking, true)?;
                found.missing.fill(&mut lacking, true)?;
                Ok(lacking)
            }
        }
    }
}

impl States {
    /// Takes in how the next so many ids stand.
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
            return Err(Error::Internal { invariant: "each wanted id has a state" });
        }
        Ok(ids.filter(|index| self.each.get(index).is_some_and(|state| is_selected(*state))))
    }
}

/// The places of so many ids whose rows are read one part after the other.
pub(super) fn parts_to_read(ids: usize) -> impl Iterator<Item = Range<usize>> {
    parts(ids, READ_AT_ONCE)
}

fn parts(ids: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    (0..ids).step_by(size).map(move |start| start..ids.min(start + size))
}
