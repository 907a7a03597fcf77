//! Looking ids up in a snapshot: where their rows are, and whether these have what is needed.

use super::{Snapshot, no_set};
use crate::error::Result;
use crate::key::{IdSet, Indices, set_at};
use crate::storage::file::Way;
use crate::storage::read::located::{Located, Part};
use crate::storage::rows::{ColumnSet, LOST, Need, SetOfRows};

/// How the wanted ids of a request stand in a snapshot. All places are those in the wanted ids.
#[derive(Debug, Default)]
pub(crate) struct LookUp {
    pub(crate) hits: Indices,
    pub(crate) incomplete: Indices,
    pub(crate) missing: Indices,
    /// Where the rows of the hits are.
    pub(in crate::storage) rows: Located,
}

impl LookUp {
    /// The ids that a request has to fetch.
    pub(crate) fn not_hits(&self) -> Indices {
        self.hits.complement(self.hits.len() + self.incomplete.len() + self.missing.len())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Hit,
    Incomplete,
    Missing,
}

impl Snapshot {
    /// Finds each wanted id, and whether its row has all that is needed.
    ///
    /// # Errors
    ///
    /// [`UnreadableColumn`](crate::Error::UnreadableColumn), or [`Damaged`](crate::Error::Damaged) where a file turns out not to be what was written, as in all
    /// functions that read.
    pub(crate) fn look_up(&self, wanted: &IdSet, needs: &[Need]) -> Result<LookUp> {
        let (found, missing) = self.locate(wanted)?;
        let (hits, incomplete, missing) = match self.judged(&found, needs)? {
            None => (missing.complement(wanted.len()), Indices::default(), missing),
            Some(mut states) => {
                for place in missing.iter() {
                    set_at(&mut states, place, State::Missing)?;
                }
                let of = |wanted| {
                    let states = states.iter().enumerate().filter(move |(_, state)| **state == wanted);
                    states.map(|(place, _)| place).collect::<Indices>()
                };
                (of(State::Hit), of(State::Incomplete), of(State::Missing))
            }
        };
        let rows = if hits.len() == found.len() { found } else { found.select(&hits)? };
        Ok(LookUp { hits, incomplete, missing, rows })
    }

    fn refuse_unreadable(&self, needs: &[Need]) -> Result<()> {
        let refusal = |need: &Need| self.segments.iter().find_map(|segment| segment.refusal(&self.table, &need.column));
        needs.iter().find_map(refusal).map_or(Ok(()), Err)
    }

    /// Whether each of some rows has all that is needed; `None` where all have.
    pub(super) fn judged(&self, rows: &Located, needs: &[Need]) -> Result<Option<Vec<State>>> {
        self.refuse_unreadable(needs)?;
        let mut states = None;
        for part in rows.parts() {
            let segment = self.segment(part)?;
            let of_set = |set: &SetOfRows| self.state_of(&set.columns, needs);
            let mut used = segment.sets().iter().filter(|set| set.rows > 0);
            if used.all(|set| of_set(set) == State::Hit) {
                continue;
            }
            let of_sets: Vec<State> = segment.sets().iter().map(of_set).collect();
            let codes = segment.codes(&part.rows, Way::ThroughMemory)?;
            let states = states.get_or_insert_with(|| vec![State::Hit; rows.len()]);
            for (code, place) in codes.into_iter().zip(part.places.iter()) {
                set_at(states, place, of_sets.get(code).copied().ok_or_else(no_set)?)?;
            }
        }
        Ok(states)
    }

    /// Where the wanted ids are, each row at its id's place, and the places of those that are nowhere.
    pub(super) fn locate(&self, wanted: &IdSet) -> Result<(Located, Indices)> {
        let mut parts = Vec::new();
        let mut pending = Indices::all(wanted.len());
        for (number, segment) in self.segments.iter().enumerate().rev() {
            if pending.is_empty() {
                break;
            }
            let found = if pending.len() == wanted.len() {
                segment.locate(wanted)?
            } else {
                segment.locate(&wanted.select_as_is(pending.iter())?)?
            };
            let rest = found.indices.complement(pending.len());
            parts.push(Part { segment: number, rows: found.rows, places: pending.gather(found.indices)? });
            pending = pending.gather(rest)?;
            if segment.hides_older() {
                break;
            }
        }
        // Indices are counted among the wanted ids, found or not.
        let mut located = Located::new(parts);
        located.set_rows(wanted.len());
        Ok((located, pending))
    }

    pub(super) fn state_of(&self, columns: &ColumnSet, needs: &[Need]) -> State {
        if columns.contains(LOST) {
            return State::Missing;
        }
        let is_complete = needs.iter().all(|need| !self.presence.lacks(columns, need));
        if is_complete { State::Hit } else { State::Incomplete }
    }

    /// The ids of these that are here, with their rows.
    pub(in crate::storage) fn present(&self, ids: &IdSet) -> Result<(IdSet, Located)> {
        let (found, missing) = self.locate(ids)?;
        let here = missing.complement(ids.len());
        Ok((ids.select_as_is(here.iter())?, found.select(&here)?))
    }
}
