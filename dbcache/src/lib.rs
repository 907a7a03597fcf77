//! A typed, persistent, read-through row cache.

pub mod column;
#[cfg(feature = "derive")]
mod derive;
pub mod error;
pub mod json_path;
pub mod key;
pub mod name;
pub mod record;
pub mod value;

#[doc(hidden)]
pub mod __private;

pub use error::{Error, Result};
pub use name::TableName;
pub use polars;
pub use record::{Record, Selection};
pub use value::{ColumnValue, StoreAs};

#[cfg(feature = "derive")]
pub use derive::{Cached, CachedJson};
