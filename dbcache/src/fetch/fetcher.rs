//! Blocking fetchers.

use std::sync::Arc;

use super::fetched::{Fetched, IntoRows};
use super::request::FetchRequest;
use super::target::{Dynamic, Target};
use crate::error::BoxError;
use crate::key::Key;
use crate::name::TableName;
use crate::record::Record;

/// Fetches rows: those of a record type `T`, or with `T = `[`Dynamic<K>`](Dynamic) those of any table by keys of the
/// type `K`.
///
/// A closure from ids to records is a fetcher: `|ids: &[i64]| -> Result<Vec<User>, MyError> { … }`. So is a closure from
/// ids and table to rows of any table: `|ids: &[i64], table: &str| -> Result<R, MyError> { … }`, where `R` is a `Vec` of
/// JSON maps, a `DataFrame`, or a [`Fetched`]. A fetcher is asked again for the same ids only if it failed or left them
/// out.
///
/// A type of your own implements the trait for one record, or for all targets:
///
/// ```
/// use dbcache::error::BoxError;
/// use dbcache::fetch::{FetchRequest, Fetched, Fetcher, Target};
///
/// /// Passes requests on, and tells of them.
/// struct Told<F>(F);
///
/// impl<T: Target, F: Fetcher<T>> Fetcher<T> for Told<F> {
///     fn fetch(&self, request: &FetchRequest<'_, T::Id>) -> Result<Fetched<T>, BoxError> {
///         println!("{} ids of {}", request.ids().len(), request.table());
///         self.0.fetch(request)
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not fetch `{T}` rows",
    note = "a fetcher of a record is a `Send + Sync` closure `|ids: &[Id]| -> Result<Vec<{T}>, E>` with the id type spelled out, one of `Dynamic<Id>` a closure `|ids: &[Id], table: &str| -> Result<Vec<serde_json::Map<String, Value>>, E>`",
    note = "a type of your own implements `Fetcher<{T}>`"
)]
pub trait Fetcher<T: Target>: Send + Sync {
    /// Fetches one batch.
    ///
    /// # Errors
    ///
    /// Whatever went wrong. Nothing of the batch is stored; the other batches go on.
    fn fetch(&self, request: &FetchRequest<'_, T::Id>) -> Result<Fetched<T>, BoxError>;

    /// The largest number of ids in one batch, if the database has such a limit.
    fn max_batch(&self) -> Option<usize> {
        None
    }

    /// The names of all columns of the table, if the fetcher can tell. It is asked before the first batch of a request
    /// for a column that no cached row has: if the table lacks the column, nothing is fetched, and near names are
    /// suggested.
    fn table_columns(&self, table: &TableName) -> Option<Vec<String>> {
        let _ = table;
        None
    }
}

impl<T, F, R, E> Fetcher<T> for F
where
    T: Record,
    F: Fn(&[<T as Record>::Id]) -> Result<R, E> + Send + Sync,
    R: IntoRows<T>,
    E: Into<BoxError>,
{
    fn fetch(&self, request: &FetchRequest<'_, <T as Record>::Id>) -> Result<Fetched<T>, BoxError> {
        self(request.ids()).map(IntoRows::into_rows).map_err(Into::into)
    }
}

impl<K, F, R, E> Fetcher<Dynamic<K>> for F
where
    K: Key,
    F: Fn(&[K], &str) -> Result<R, E> + Send + Sync,
    R: IntoRows<Dynamic<K>>,
    E: Into<BoxError>,
{
    fn fetch(&self, request: &FetchRequest<'_, K>) -> Result<Fetched<Dynamic<K>>, BoxError> {
        self(request.ids(), request.table().as_str()).map(IntoRows::into_rows).map_err(Into::into)
    }
}

impl<T: Target, F: Fetcher<T> + ?Sized> Fetcher<T> for Arc<F> {
    fn fetch(&self, request: &FetchRequest<'_, T::Id>) -> Result<Fetched<T>, BoxError> {
        (**self).fetch(request)
    }

    fn max_batch(&self) -> Option<usize> {
        (**self).max_batch()
    }

    fn table_columns(&self, table: &TableName) -> Option<Vec<String>> {
        (**self).table_columns(table)
    }
}

/// A box of a closure is a closure already, so that only one of `dyn Fetcher` needs this.
impl<T: Target> Fetcher<T> for Box<dyn Fetcher<T> + '_> {
    fn fetch(&self, request: &FetchRequest<'_, T::Id>) -> Result<Fetched<T>, BoxError> {
        (**self).fetch(request)
    }

    fn max_batch(&self) -> Option<usize> {
        (**self).max_batch()
    }

    fn table_columns(&self, table: &TableName) -> Option<Vec<String>> {
        (**self).table_columns(table)
    }
}

/// A reference to a closure is a closure already, so that only one to `dyn Fetcher` needs this.
impl<T: Target> Fetcher<T> for &(dyn Fetcher<T> + '_) {
    fn fetch(&self, request: &FetchRequest<'_, T::Id>) -> Result<Fetched<T>, BoxError> {
        (**self).fetch(request)
    }

    fn max_batch(&self) -> Option<usize> {
        (**self).max_batch()
    }

    fn table_columns(&self, table: &TableName) -> Option<Vec<String>> {
        (**self).table_columns(table)
    }
}
