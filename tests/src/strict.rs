//! A record in a crate that forbids what careful crates forbid; generated code must pass too.

#![deny(missing_docs, missing_debug_implementations, unreachable_pub, unused, clippy::all, clippy::pedantic)]
#![forbid(unsafe_code)]

use dbcache::{Cached, CachedJson};
use serde::{Deserialize, Serialize};

/// A row.
#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "test.strict")]
pub struct Row {
    /// The key.
    #[cached(id)]
    pub id: i32,
    /// A document.
    #[cached(json)]
    pub inner: Inner,
}

/// A document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
pub struct Inner {
    /// A number.
    pub value: f64,
    /// A level.
    pub level: Level,
}

/// A level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, CachedJson)]
pub enum Level {
    /// Low.
    Low,
    /// High.
    High,
}
