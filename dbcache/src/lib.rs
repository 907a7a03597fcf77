//! A typed, persistent, read-through row cache.

pub mod column;
pub mod error;
pub mod fetch;
pub mod json_path;
pub mod key;
pub mod name;
pub mod record;

pub use error::{Error, Result};
#[cfg(feature = "sqlite")]
pub use fetch::{SqliteError, SqliteFetcher, SqliteKey};
pub use name::TableName;
pub use polars;
#[cfg(feature = "sqlite")]
pub use rusqlite;
