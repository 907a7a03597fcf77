//! The queue of ids and batches that a request has yet to fetch.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use super::batch::Batch;
use super::claims::Awaited;
use crate::error::Result;
use crate::key::IdSet;
use crate::nesting::BatchId;

/// Ids that were not claimed yet, batches to fetch again, and ids that other requests are fetching.
#[derive(Debug, Default)]
pub(super) struct Queue {
    fresh: VecDeque<Fresh>,
    halves: VecDeque<Batch>,
    delayed: Vec<(Instant, Batch)>,
    awaited: Vec<Awaited>,
}

/// Ids of which those from index `next` on were not claimed yet. The ids are shared, because a request may have
/// millions.
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

    /// Adds the halves of a failed batch, which are fetched before anything else.
    pub(super) fn push_halves(&mut self, [first, second]: [Batch; 2]) {
        self.halves.push_front(second);
        self.halves.push_front(first);
    }

    pub(super) fn push_delayed(&mut self, until: Instant, batch: Batch) {
        self.delayed.push((until, batch));
    }

    pub(super) fn push_awaited(&mut self, awaited: Vec<Awaited>) {
        self.awaited.extend(awaited);
    }

    /// Takes at most `limit` ids that were not claimed yet.
    pub(super) fn take_fresh(&mut self, limit: usize) -> Result<Option<IdSet>> {
        let Some(fresh) = self.fresh.front_mut() else { return Ok(None) };
        let end = fresh.ids.len().min(fresh.next + limit);
        let taken = fresh.ids.range(fresh.next..end)?;
        fresh.next = end;
        if end == fresh.ids.len() {
            self.fresh.pop_front();
        }
        Ok(Some(taken))
    }

    /// Takes a batch that is to be fetched again now.
    pub(super) fn take_retry(&mut self, now: Instant) -> Option<Batch> {
        if let Some(half) = self.halves.pop_front() {
            return Some(half);
        }
        let due = self.delayed.iter().position(|(until, _)| *until <= now)?;
        Some(self.delayed.swap_remove(due).1)
    }

    /// Takes the halves of a batch that were not fetched yet.
    pub(super) fn take_halves(&mut self, number: usize) -> Vec<Batch> {
        let (taken, kept): (VecDeque<_>, VecDeque<_>) = self.halves.drain(..).partition(|half| half.number == number);
        self.halves = kept;
        taken.into()
    }

    /// Returns `true` if there is something to fetch now.
    pub(super) fn has_ready(&self, now: Instant) -> bool {
        !self.fresh.is_empty() || !self.halves.is_empty() || self.delayed.iter().any(|(until, _)| *until <= now)
    }

    /// Returns `true` if nothing is left to fetch, except ids that other requests are fetching.
    pub(super) fn is_done(&self) -> bool {
        self.fresh.is_empty() && self.halves.is_empty() && self.delayed.is_empty()
    }

    pub(super) fn has_awaited(&self) -> bool {
        !self.awaited.is_empty()
    }

    /// Returns the batches of other requests whose ids this request waits for.
    pub(super) fn awaited_batches(&self) -> Vec<BatchId> {
        self.awaited.iter().map(Awaited::owner).collect()
    }

    /// Stops waiting for other requests. Returns the ids that they are fetching.
    pub(super) fn take_awaited(&mut self) -> Result<Option<IdSet>> {
        IdSet::all_joined(self.awaited.drain(..).map(|awaited| awaited.ids().clone()))
    }

    /// Returns the time at which the next delayed batch is due.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.delayed.iter().map(|(until, _)| *until).min()
    }

    /// Queues the ids whose claims other requests have released, and returns `true` if there are any. The waker is
    /// woken when more are released.
    pub(super) fn reclaim_released(&mut self, waker: &Waker) -> Result<bool> {
        let (released, awaited): (Vec<_>, Vec<_>) =
            self.awaited.drain(..).partition(|awaited| awaited.poll_released(waker));
        self.awaited = awaited;
        let ids = IdSet::all_joined(released.iter().map(|released| released.ids().clone()))?;
        let is_any = ids.is_some();
        if let Some(ids) = ids {
            self.push_fresh(Arc::new(ids));
        }
        Ok(is_any)
    }
}
