//! What a fetcher fetches: records, or rows of any table.

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;

use polars::prelude::DataFrame;

use crate::error::{BatchError, RejectedRow};
use crate::key::Key;
use crate::misfits::misfits;
use crate::record::{CellError, Record};

/// What a fetcher fetches: a [record](Record), or [`Dynamic`] rows of any table.
///
/// An adapter for a database implements [`Fetcher`](super::Fetcher) once for all targets: what a record declares is in
/// the [request](super::RequestedColumn).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what a fetcher can fetch",
    note = "a fetcher fetches a record, which derives `dbcache::Cached`, or `dbcache::fetch::Dynamic<K>`"
)]
pub trait Target: sealed::Rows + Send + 'static {
    /// The type of the primary key.
    type Id: Key;
}

impl<T: Record> Target for T {
    type Id = <T as Record>::Id;
}

impl<K: Key> Target for Dynamic<K> {
    type Id = K;
}

/// Rows of any table, by keys of the type `K`, with whatever columns the table has. There are no values of this type:
/// it only names what a fetcher of the [`DynamicCache`](crate::DynamicCache) fetches.
pub struct Dynamic<K> {
    never: Infallible,
    key: PhantomData<fn() -> K>,
}

impl<K> fmt::Debug for Dynamic<K> {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.never {}
    }
}

pub(super) mod sealed {
    use super::{BatchError, DataFrame, RejectedRow};

    pub trait Rows: Sized {
        /// The records as columns, without those whose values their columns cannot hold.
        fn into_columns(records: Vec<Self>) -> Result<(DataFrame, Vec<RejectedRow>), BatchError>;
    }
}

impl<T: Record> sealed::Rows for T {
    fn into_columns(records: Vec<Self>) -> Result<(DataFrame, Vec<RejectedRow>), BatchError> {
        match T::to_frame(&records) {
            Ok(frame) => Ok((frame, Vec::new())),
            Err(_) => fitting(records),
        }
    }
}

impl<K: Key> sealed::Rows for Dynamic<K> {
    fn into_columns(records: Vec<Self>) -> Result<(DataFrame, Vec<RejectedRow>), BatchError> {
        match records.first() {
            None => Ok((DataFrame::default(), Vec::new())),
            Some(record) => match record.never {},
        }
    }
}

fn fitting<T: Record>(records: Vec<T>) -> Result<(DataFrame, Vec<RejectedRow>), BatchError> {
    let convert = |part| T::to_frame(records.get(part).unwrap_or_default()).map(drop);
    let misfits = misfits(0..records.len(), &convert);
    let reject = |misfit: &CellError| {
        let id = T::Id::to_set(std::slice::from_ref(T::id_of(records.get(misfit.row)?))).get(0)?;
        Some(misfit.reject(id, None))
    };
    let rejected: Vec<RejectedRow> = misfits.iter().filter_map(reject).collect();
    let mut bad = misfits.iter().map(|misfit| misfit.row).peekable();
    let fitting = records.into_iter().enumerate().filter(|(row, _)| bad.next_if_eq(row).is_none());
    let fitting: Vec<T> = fitting.map(|(_, record)| record).collect();
    let frame = T::to_frame(&fitting).map_err(|cause| BatchError::Fetcher(cause.fault.to_string().into()))?;
    Ok((frame, rejected))
}
