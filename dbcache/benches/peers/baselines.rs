//! The programs that users would otherwise choose, each written as its own users would write it.

pub(crate) mod by_hand;
pub(crate) mod naive_polars;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
#[cfg(feature = "all-peers")]
pub(crate) mod redb;
#[cfg(feature = "lazy")]
pub(crate) mod scan;
#[cfg(feature = "all-peers")]
pub(crate) mod serde_arrow;
pub(crate) mod sqlite;
