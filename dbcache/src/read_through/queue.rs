//! What a request has still to fetch.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use super::batch::Batch;
use super::claims::Awaited;
use crate::error::Result;
use crate::key::IdSet;
use crate::nesting::BatchId;

/// Ids that were not asked yet, batches to be asked again, and ids that other requests are fetching.
#[derive(Debug, Default)]
pub(super) struct Queue {
    fresh: VecDeque<Fresh>,
    parts: VecDeque<Batch>,
    delayed: Vec<(Instant, Batch)>,
    awaited: Vec<Awaited>,
}

/// Ids of which those from a place on were not asked yet. They are shared, since a request may want millions.
#[derive(Debug)]
struct Fresh {
    ids: Arc<IdSet>,
    next: usize,
}

impl Queue {
    pub(super) fn new(ids: Arc<IdSet>) -> Self {
        let mut queue = Self::default();
        queue.push_fresh(ids);
        queue
    }

    pub(super) fn push_fresh(&mut self, ids: Arc<IdSet>) {
        if !ids.is_empty() {
            self.fresh.push_back(Fresh { ids, next: 0 });
        }
    }

    /// The parts of a batch that failed, to be asked before anything else.
    pub(super) fn push_parts(&mut self, [first, second]: [Batch; 2]) {
        self.parts.push_front(second);
        self.parts.push_front(first);
    }

    pub(super) fn push_delayed(&mut self, until: Instant, batch: Batch) {
        self.delayed.push((until, batch));
    }

    pub(super) fn push_awaited(&mut self, awaited: Vec<Awaited>) {
        self.awaited.extend(awaited);
    }

    /// At most so many ids that were not asked yet.
    pub(super) fn take_fresh(&mut self, most: usize) -> Result<Option<IdSet>> {
        let Some(fresh) = self.fresh.front_mut() else { return Ok(None) };
        let end = fresh.ids.len().min(fresh.next + most);
        let taken = fresh.ids.range(fresh.next..end)?;
        fresh.next = end;
        if end == fresh.ids.len() {
            self.fresh.pop_front();
        }
        Ok(Some(taken))
    }

    /// A batch that is to be asked again now.
    pub(super) fn take_again(&mut self, now: Instant) -> Option<Batch> {
        if let Some(part) = self.parts.pop_front() {
            return Some(part);
        }
        let due = self.delayed.iter().position(|(until, _)| *until <= now)?;
        Some(self.delayed.swap_remove(due).1)
    }

    /// The parts of a batch that were not asked yet.
    pub(super) fn take_parts(&mut self, number: usize) -> Vec<Batch> {
        let (taken, kept): (VecDeque<_>, VecDeque<_>) = self.parts.drain(..).partition(|part| part.number == number);
        self.parts = kept;
        taken.into()
    }

    /// Whether there is something to ask now.
    pub(super) fn has_ready(&self, now: Instant) -> bool {
        !self.fresh.is_empty() || !self.parts.is_empty() || self.delayed.iter().any(|(until, _)| *until <= now)
    }

    /// Whether there is nothing to ask but what others are fetching.
    pub(super) fn is_done(&self) -> bool {
        self.fresh.is_empty() && self.parts.is_empty() && self.delayed.is_empty()
    }

    pub(super) fn awaits(&self) -> bool {
        !self.awaited.is_empty()
    }

    /// The batches of other requests that are waited for.
    pub(super) fn owners(&self) -> Vec<BatchId> {
        self.awaited.iter().map(Awaited::owner).collect()
    }

    /// Waits for others no longer: the ids that they are fetching.
    pub(super) fn take_awaited(&mut self) -> Result<Option<IdSet>> {
        IdSet::all_joined(self.awaited.drain(..).map(|awaited| awaited.ids().clone()))
    }

    /// When the next batch is to be asked again.
    pub(super) fn next_moment(&self) -> Option<Instant> {
        self.delayed.iter().map(|(until, _)| *until).min()
    }

    /// Takes back the ids that others are done with. The bell rings when they are done with more.
    pub(super) fn take_back(&mut self, bell: &Waker) -> Result<bool> {
        let (over, awaited): (Vec<_>, Vec<_>) = self.awaited.drain(..).partition(|awaited| awaited.is_over(bell));
        self.awaited = awaited;
        let ids = IdSet::all_joined(over.iter().map(|over| over.ids().clone()))?;
        let is_any = ids.is_some();
        if let Some(ids) = ids {
            self.push_fresh(Arc::new(ids));
        }
        Ok(is_any)
    }
}
