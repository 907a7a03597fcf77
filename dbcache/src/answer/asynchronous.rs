//! Answers to questions that are asked with async fetchers.

use std::sync::Arc;

use futures_util::Stream;
use futures_util::stream::unfold;

use super::Question;
use super::frames::Frames;
use crate::error::Result;
use crate::fetch::AsyncBatchSource;
use crate::key::{IdSet, Key};
use crate::read_through::{self, Answer, WarmOutcome};
use crate::runtime::off_runtime;

impl Question {
    /// As [`fetched`](Self::fetched).
    pub(crate) async fn fetched_async<K: Key>(
        self: Arc<Self>,
        ids: &[K],
        source: &dyn AsyncBatchSource,
    ) -> Result<Answer> {
        let ids = set(ids).await;
        self.fetched_set(ids, source).await
    }

    async fn fetched_set(self: Arc<Self>, ids: IdSet, source: &dyn AsyncBatchSource) -> Result<Answer> {
        let found = read_through::run_async(self.request(ids)?, source).await?;
        off_runtime(move || self.finish(found)).await
    }

    /// As [`warmed`](Self::warmed).
    pub(crate) async fn warmed_async<K: Key>(&self, ids: &[K], source: &dyn AsyncBatchSource) -> Result<WarmOutcome> {
        let ids = set(ids).await;
        read_through::warm_async(self.request(ids)?, source).await
    }
}

/// Sorting many ids takes long.
async fn set<K: Key>(ids: &[K]) -> IdSet {
    let ids = ids.to_vec();
    off_runtime(move || K::to_set(&ids)).await
}

/// The frames of an answer, fetched as the stream is polled.
pub(crate) fn frames<'s, K: Key, S: AsyncBatchSource + Send + 's>(
    question: Question,
    ids: &'s [K],
    source: S,
) -> impl Stream<Item = Result<Answer>> + Send + 's {
    let begun = async move { (begin(question, ids, source.max_batch()).await, source) };
    unfold(State::Planned(begun), |state| async move {
        match state {
            State::Planned(begun) => match begun.await {
                (Ok(frames), source) => next(frames, source).await,
                (Err(cause), _) => Some((Err(cause), State::Ended)),
            },
            State::Begun(frames, source) => next(frames, source).await,
            State::Ended => None,
        }
    })
}

enum State<B, S> {
    Planned(B),
    Begun(Box<Frames>, S),
    Ended,
}

async fn begin<K: Key>(question: Question, ids: &[K], limit: Option<usize>) -> Result<Box<Frames>> {
    let ids = set(ids).await;
    off_runtime(move || Frames::begin(question, ids, limit).map(Box::new)).await
}

async fn next<B, S: AsyncBatchSource>(mut frames: Box<Frames>, source: S) -> Option<(Result<Answer>, State<B, S>)> {
    let next = next_frame(&mut frames, &source).await.transpose()?;
    Some((next, State::Begun(frames, source)))
}

async fn next_frame(frames: &mut Frames, source: &impl AsyncBatchSource) -> Result<Option<Answer>> {
    loop {
        if let Some(answer) = frames.ready() {
            return Ok(Some(answer));
        }
        let Some(window) = frames.next_window()? else { return Ok(None) };
        let (ids, parts) = window.into_parts();
        let answer = Arc::new(frames.question.clone()).fetched_set(ids, source).await?;
        frames.push(&parts, &answer)?;
    }
}
