//! A typed, persistent, read-through row cache.

pub mod column;
mod data_type;
pub mod error;
pub mod fetch;
pub mod json_path;
pub mod key;
pub mod name;
pub mod record;
mod storage;

pub use error::{Error, Result};
pub use name::TableName;
pub use polars;
