//! The dynamic cache for async programs.

use std::sync::Arc;

use futures_util::{Stream, StreamExt};
use polars::prelude::DataFrame;

use super::{Table, TableQuery};
use crate::answer;
use crate::cache::complete;
use crate::engine::Engine;
use crate::error::Result;
use crate::fetch::{AsyncFetcher, Dynamic, Source};
use crate::found::{Found, Warmed};
use crate::key::Key;
use crate::runtime::off_runtime;

impl Table {
    /// As [`forget`](Self::forget), without blocking the runtime. It goes on to its end if its future is dropped.
    ///
    /// # Errors
    ///
    /// As [`forget`](Self::forget).
    pub async fn forget_async<K: Key>(&self, ids: &[K]) -> Result<usize> {
        let (engine, table, ids) = (Arc::clone(&self.engine), Arc::clone(&self.table), K::to_set(ids));
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

/// Requests for programs that run on tokio, as [`Cache::rows_async`](crate::Cache::rows_async).
impl TableQuery {
    /// As [`frame`](Self::frame), with an async fetcher.
    ///
    /// # Errors
    ///
    /// As [`frame`](Self::frame).
    ///
    /// ```
    /// use dbcache::DynamicCache;
    /// use dbcache::polars::prelude::*;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
    /// # let folder = tempfile::tempdir()?;
    /// let fetcher = async |ids: Vec<i64>, table: String| df!["id" => &ids, "from" => vec![table; ids.len()]];
    /// let cache = DynamicCache::open(folder.path())?;
    /// let frame = cache.table("public.users")?.select(["from"])?.frame_async(&[1, 2], &fetcher).await?;
    /// assert_eq!(frame.height(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn frame_async<K: Key, F: AsyncFetcher<Dynamic<K>>>(&self, ids: &[K], fetcher: &F) -> Result<DataFrame> {
        let question = Arc::new(self.question.clone());
        let answer = Arc::clone(&question).fetched_async(ids, &Source::<Dynamic<K>, F>::new(fetcher)).await?;
        Ok(complete(&question, answer)?.frame)
    }

    /// As [`frame_found`](Self::frame_found), with an async fetcher.
    ///
    /// # Errors
    ///
    /// As [`frame_found`](Self::frame_found).
    pub async fn frame_found_async<K: Key, F: AsyncFetcher<Dynamic<K>>>(
        &self,
        ids: &[K],
        fetcher: &F,
    ) -> Result<Found<DataFrame, K>> {
        let source = Source::<Dynamic<K>, F>::new(fetcher);
        let answer = Arc::new(self.question.clone()).fetched_async(ids, &source).await?;
        Ok(Found { rows: answer.frame, missing: answer.not_found.keys() })
    }

    /// As [`frames`](Self::frames), with an async fetcher: a stream.
    pub fn frames_async<'q, K: Key, F: AsyncFetcher<Dynamic<K>>>(
        &self,
        ids: &'q [K],
        fetcher: &'q F,
    ) -> impl Stream<Item = Result<DataFrame>> + Send + Unpin + use<'q, K, F> {
        let question = self.question.clone();
        let frames = answer::frames_async(question.clone(), ids, Source::<Dynamic<K>, F>::new(fetcher));
        Box::pin(frames.map(move |answer| Ok(complete(&question, answer?)?.frame)))
    }

    /// As [`warm`](Self::warm), with an async fetcher.
    ///
    /// # Errors
    ///
    /// As [`warm`](Self::warm).
    pub async fn warm_async<K: Key, F: AsyncFetcher<Dynamic<K>>>(&self, ids: &[K], fetcher: &F) -> Result<Warmed<K>> {
        let warmth = self.question.warmed_async(ids, &Source::<Dynamic<K>, F>::new(fetcher)).await?;
        Ok(Warmed::new(&warmth))
    }
}
