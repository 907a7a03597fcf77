//! Answers that come frame by frame, so that a large one is never held whole.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use super::Question;
use crate::error::Result;
use crate::fetch::BatchSource;
use crate::key::{IdSet, row_number};
use crate::plan::{self, BatchPolicy};
use crate::progress::Progress;
use crate::read_through::Answer;

/// How many cached rows make a frame, where few are to be fetched.
const ROWS: usize = 10_000;

/// What is left of an answer. Between frames nothing is in flight, and no id is claimed.
#[derive(Debug)]
pub(crate) struct Frames {
    pub(crate) question: Question,
    ids: Arc<IdSet>,
    /// The places of the ids of each frame that is left.
    planned: VecDeque<Range<usize>>,
    ready: VecDeque<Answer>,
}

/// Frames whose rows are fetched together, as many as batches may be in flight.
#[derive(Debug)]
pub(crate) struct Window {
    pub(crate) ids: IdSet,
    frames: Vec<IdSet>,
}

impl Frames {
    /// Plans the frames: a batch's worth of ids each, all of them in order.
    ///
    /// # Errors
    ///
    /// A storage error, or no columns.
    pub(crate) fn begin(mut question: Question, ids: IdSet, limit: Option<usize>) -> Result<Self> {
        let ids = Arc::new(ids);
        let missing = question.to_fetch(&ids)?;
        let count = missing.iter().filter(|is_missing| **is_missing).count();
        let size = plan::batch_size(count, question.options.batches, limit);
        question.options.batches = BatchPolicy::Fixed(size);
        // A bar for every few batches would tell nothing of the whole.
        if matches!(question.options.progress, Progress::Bar) {
            question.options.progress = Progress::Silent;
        }
        let planned = plan::frame_ranges(&missing, size, ROWS).into();
        Ok(Self { question, ids, planned, ready: VecDeque::new() })
    }

    /// A frame that has been fetched.
    pub(crate) fn ready(&mut self) -> Option<Answer> {
        self.ready.pop_front()
    }

    /// What to fetch next.
    pub(crate) fn next_window(&mut self) -> Result<Option<Window>> {
        let together = self.question.options.concurrency.max(1).min(self.planned.len());
        let frames: Vec<Range<usize>> = self.planned.drain(..together).collect();
        let Some((first, last)) = frames.first().zip(frames.last()) else { return Ok(None) };
        let ids = self.ids.range(first.start..last.end)?;
        let frames = frames.into_iter().map(|frame| self.ids.range(frame)).collect::<Result<_>>()?;
        Ok(Some(Window { ids, frames }))
    }

    /// Takes the answer to a window.
    pub(crate) fn push(&mut self, frames: &[IdSet], answer: &Answer) -> Result<()> {
        let mut next = 0;
        for wanted in frames {
            let ids = Arc::new(answer.ids.select(&answer.ids.locate_among(wanted))?);
            let not_found = answer.not_found.select(&answer.not_found.locate_among(wanted))?;
            let frame = answer.frame.slice(row_number(next).into(), ids.len());
            next += ids.len();
            self.ready.push_back(Answer { frame, ids, not_found, documents: answer.documents.clone() });
        }
        Ok(())
    }

    /// The next frame, fetched unless it is there.
    fn next(&mut self, source: &impl BatchSource) -> Result<Option<Answer>> {
        loop {
            if let Some(answer) = self.ready() {
                return Ok(Some(answer));
            }
            let Some(window) = self.next_window()? else { return Ok(None) };
            let (ids, parts) = window.into_parts();
            let answer = self.question.fetched(ids, source)?;
            self.push(&parts, &answer)?;
        }
    }
}

impl Window {
    pub(crate) fn into_parts(self) -> (IdSet, Vec<IdSet>) {
        (self.ids, self.frames)
    }
}

/// The frames, fetched as they are asked for.
pub(crate) struct FetchedFrames<S> {
    source: S,
    /// Until the error that kept the frames from being planned is told.
    frames: Option<Result<Frames>>,
}

impl<S: BatchSource> FetchedFrames<S> {
    pub(crate) fn begin(question: Question, ids: IdSet, source: S) -> Self {
        let frames = Some(Frames::begin(question, ids, source.max_batch()));
        Self { source, frames }
    }
}

impl<S: BatchSource> Iterator for FetchedFrames<S> {
    type Item = Result<Answer>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut frames = match self.frames.take()? {
            Ok(frames) => frames,
            Err(cause) => return Some(Err(cause)),
        };
        let next = frames.next(&self.source).transpose();
        self.frames = Some(Ok(frames));
        next
    }
}
