//! A fetcher with its target and key types erased: batches in, columns out.

use std::marker::PhantomData;

use super::batch::FetchedBatch;
use super::fetcher::Fetcher;
use super::request::BatchRequest;
use super::target::Target;
use crate::error::{BatchError, BoxError};
use crate::name::TableName;

/// A fetcher with its target and key types erased.
pub(crate) trait BatchSource: Sync {
    fn fetch(&self, request: BatchRequest<'_>) -> Result<FetchedBatch, BatchError>;

    fn max_batch(&self) -> Option<usize>;

    fn table_columns(&self, table: &TableName) -> Option<Vec<String>>;
}

/// A fetcher of one target.
pub(crate) struct Source<'f, T, F: ?Sized> {
    pub(super) fetcher: &'f F,
    target: PhantomData<fn() -> T>,
}

impl<'f, T, F: ?Sized> Source<'f, T, F> {
    pub(crate) fn new(fetcher: &'f F) -> Self {
        Self { fetcher, target: PhantomData }
    }
}

impl<T: Target, F: Fetcher<T> + ?Sized> BatchSource for Source<'_, T, F> {
    fn fetch(&self, request: BatchRequest<'_>) -> Result<FetchedBatch, BatchError> {
        let ids: Vec<T::Id> = request.ids.keys();
        let fetched = self.fetcher.fetch(&request.with_keys(&ids)).map_err(failed)?;
        fetched.into_batch(request.id_column, request.columns)
    }

    fn max_batch(&self) -> Option<usize> {
        self.fetcher.max_batch()
    }

    fn table_columns(&self, table: &TableName) -> Option<Vec<String>> {
        self.fetcher.table_columns(table)
    }
}

/// A fetcher may say itself how its rows break their contract.
pub(super) fn failed(cause: BoxError) -> BatchError {
    cause.downcast().map_or_else(BatchError::Fetcher, |cause| *cause)
}
