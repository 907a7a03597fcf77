//! Fetchers: where rows come from when the cache does not have them.

#[cfg(feature = "tokio")]
mod asynchronous;
mod batch;
mod fetched;
mod fetcher;
mod json_rows;
#[cfg(feature = "tokio")]
mod off_runtime;
mod request;
mod source;
mod table_error;
mod target;
mod values;

#[cfg(feature = "tokio")]
pub(crate) use asynchronous::{AsyncBatchSource, Convert};
#[cfg(feature = "tokio")]
pub use asynchronous::{AsyncFetcher, BoxAsyncFetcher};
pub(crate) use batch::{FetchedBatch, FetchedFrame};
pub use fetched::{Fetched, IntoRows};
pub use fetcher::Fetcher;
#[cfg(feature = "tokio")]
pub use off_runtime::Blocking;
pub(crate) use request::BatchRequest;
#[cfg(feature = "tokio")]
use request::OwnedRequest;
pub use request::{FetchRequest, RequestedColumn};
pub(crate) use source::{BatchSource, Source};
pub use table_error::TableError;
pub use target::{Dynamic, Target};
pub use values::{exact_boolean, exact_float, exact_integer, shown_text, shown_value};

#[cfg(any(
    feature = "postgres",
    feature = "tokio-postgres",
    feature = "sqlx-postgres",
    feature = "sqlite",
    feature = "sqlx-sqlite"
))]
pub use crate::adapters::*;

/// A fetcher of some rows, whichever it is: for a struct's field, or to choose one at run time.
pub type BoxFetcher<T> = std::sync::Arc<dyn Fetcher<T>>;
