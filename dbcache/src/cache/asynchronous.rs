//! The typed cache for async programs.

use std::sync::Arc;

use futures_util::{Stream, StreamExt};
use polars::prelude::DataFrame;

use super::{Cache, Query, complete};
use crate::answer::{self, Question};
use crate::engine::Engine;
use crate::error::Result;
use crate::fetch::{AsyncFetcher, Source};
use crate::found::{Found, Warmed};
use crate::key::Key;
use crate::read_through::Answer;
use crate::record::{Record, Selection};
use crate::runtime::off_runtime;

/// Requests for programs that run on tokio.
///
/// They neither block the runtime nor start one: reading and writing the cache is done on threads of the library's own,
/// which end some seconds after their last work, and the fetcher's futures run in the caller's task. They need the runtime's timer.
///
/// Dropping the future of a request cancels it: what its fetcher had returned is committed all the same, and other
/// requests that waited for its ids fetch them in turn. Where futures are dropped because their runtime is, the runtime
/// does not end before these rows are stored; only `shutdown_background` and `shutdown_timeout` don't wait for that.
/// Batches in flight are given up. A request that is neither dropped nor polled keeps its ids, and lets others
/// wait for them; so don't wait for another request in the task that holds it unpolled.
impl<T: Record> Cache<T> {
    /// As [`rows`](Self::rows), with an async fetcher.
    ///
    /// # Errors
    ///
    /// As [`rows`](Self::rows).
    ///
    /// ```
    /// use dbcache::{Cache, Cached};
    ///
    /// #[derive(Clone, Debug, PartialEq, Cached)]
    /// #[cached(table = "public.users")]
    /// struct User {
    ///     #[cached(id)]
    ///     id: i64,
    ///     name: String,
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
    /// # let folder = tempfile::tempdir()?;
    /// let fetcher = async |ids: Vec<i64>| -> Result<Vec<User>, std::io::Error> {
    ///     Ok(ids.into_iter().map(|id| User { id, name: format!("user {id}") }).collect())
    /// };
    /// let cache = Cache::<User>::builder().folder(folder.path()).concurrency(8).open()?;
    /// let users = cache.rows_async(&[3, 1], &fetcher).await?;
    /// assert_eq!(users[0].name, "user 1");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn rows_async<F: AsyncFetcher<T>>(&self, ids: &[T::Id], fetcher: &F) -> Result<Vec<T>> {
        self.all().rows_async(ids, fetcher).await
    }

    /// As [`frame`](Self::frame), with an async fetcher.
    ///
    /// # Errors
    ///
    /// As [`rows`](Self::rows).
    pub async fn frame_async<F: AsyncFetcher<T>>(&self, ids: &[T::Id], fetcher: &F) -> Result<DataFrame> {
        self.all().frame_async(ids, fetcher).await
    }

    /// As [`forget`](Self::forget), without blocking the runtime. It goes on to its end if its future is dropped.
    ///
    /// # Errors
    ///
    /// As [`forget`](Self::forget).
    pub async fn forget_async(&self, ids: &[T::Id]) -> Result<usize> {
        let (engine, table, ids) = (Arc::clone(&self.engine), Arc::clone(&self.table), T::Id::to_set(ids));
        off_runtime(move || engine.forget(&table, &ids)).await
    }

    /// As [`forget_columns`](Self::forget_columns), without blocking the runtime.
    ///
    /// # Errors
    ///
    /// As [`forget_columns`](Self::forget_columns).
    pub async fn forget_columns_async<N: AsRef<str>>(&self, names: impl IntoIterator<Item = N>) -> Result<()> {
        let names: Vec<String> = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
        let table = Arc::clone(&self.table);
        off_runtime(move || Engine::forget_columns(&table, names)).await
    }

    /// As [`clear`](Self::clear), without blocking the runtime.
    ///
    /// # Errors
    ///
    /// As [`clear`](Self::clear).
    pub async fn clear_async(&self) -> Result<()> {
        let (engine, table) = (Arc::clone(&self.engine), Arc::clone(&self.table));
        off_runtime(move || engine.clear(&table)).await
    }
}

/// Requests for programs that run on tokio, as [`Cache::rows_async`].
impl<T: Record, S> Query<T, S> {
    /// As [`frame`](Self::frame), with an async fetcher.
    ///
    /// # Errors
    ///
    /// As [`Cache::rows`].
    pub async fn frame_async<F: AsyncFetcher<T>>(&self, ids: &[T::Id], fetcher: &F) -> Result<DataFrame> {
        let question = Arc::new(self.question.clone());
        Ok(complete(&question, answered(&question, ids, fetcher).await?)?.frame)
    }

    /// As [`frame_found`](Self::frame_found), with an async fetcher.
    ///
    /// # Errors
    ///
    /// As [`frame_found`](Self::frame_found).
    pub async fn frame_found_async<F: AsyncFetcher<T>>(
        &self,
        ids: &[T::Id],
        fetcher: &F,
    ) -> Result<Found<DataFrame, T::Id>> {
        let answer = answered(&Arc::new(self.question.clone()), ids, fetcher).await?;
        Ok(Found { rows: answer.frame, missing: answer.not_found.keys() })
    }

    /// As [`frames`](Self::frames), with an async fetcher: a stream.
    pub fn frames_async<'q, F: AsyncFetcher<T>>(
        &self,
        ids: &'q [T::Id],
        fetcher: &'q F,
    ) -> impl Stream<Item = Result<DataFrame>> + Send + Unpin + use<'q, T, S, F> {
        let question = self.question.clone();
        let frames = answer::frames_async(question.clone(), ids, Source::<T, F>::new(fetcher));
        Box::pin(frames.map(move |answer| Ok(complete(&question, answer?)?.frame)))
    }

    /// As [`warm`](Self::warm), with an async fetcher.
    ///
    /// # Errors
    ///
    /// As [`warm`](Self::warm).
    pub async fn warm_async<F: AsyncFetcher<T>>(&self, ids: &[T::Id], fetcher: &F) -> Result<Warmed<T::Id>> {
        let warmth = self.question.warmed_async(ids, &Source::<T, F>::new(fetcher)).await?;
        Ok(Warmed::new(&warmth))
    }
}

impl<T: Record, S> Query<T, S>
where
    S: Selection<T, Row: Send + 'static> + Clone + Send + 'static,
{
    /// As [`rows`](Self::rows), with an async fetcher.
    ///
    /// # Errors
    ///
    /// As [`Cache::rows`].
    pub async fn rows_async<F: AsyncFetcher<T>>(&self, ids: &[T::Id], fetcher: &F) -> Result<Vec<S::Row>> {
        let (question, selection) = (Arc::new(self.question.clone()), self.selection.clone());
        let answer = complete(&question, answered(&question, ids, fetcher).await?)?;
        off_runtime(move || typed(&question, &selection, &answer)).await
    }

    /// As [`rows_found`](Self::rows_found), with an async fetcher.
    ///
    /// # Errors
    ///
    /// As [`rows_found`](Self::rows_found).
    pub async fn rows_found_async<F: AsyncFetcher<T>>(
        &self,
        ids: &[T::Id],
        fetcher: &F,
    ) -> Result<Found<Vec<S::Row>, T::Id>> {
        let (question, selection) = (Arc::new(self.question.clone()), self.selection.clone());
        let answer = answered(&question, ids, fetcher).await?;
        let missing = answer.not_found.keys();
        let rows = off_runtime(move || typed(&question, &selection, &answer)).await?;
        Ok(Found { rows, missing })
    }
}

async fn answered<T: Record, F: AsyncFetcher<T>>(
    question: &Arc<Question>,
    ids: &[T::Id],
    fetcher: &F,
) -> Result<Answer> {
    Arc::clone(question).fetched_async(ids, &Source::<T, F>::new(fetcher)).await
}

fn typed<T: Record, S: Selection<T>>(question: &Question, selection: &S, answer: &Answer) -> Result<Vec<S::Row>> {
    selection.rows(&answer.frame).map_err(|cause| question.cell_error(cause, &answer.ids))
}
