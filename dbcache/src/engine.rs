//! The state that all handles of an open cache share.

use std::sync::Arc;

use crate::json_path::Strictness;
use crate::read_through::{FetchMode, Options, Shared};
use crate::stats::Stats;
use crate::storage::Store;

/// The store of a cache directory, and the settings of its requests.
#[derive(Debug)]
pub struct Engine {
    pub(crate) store: Store,
    pub(crate) options: Options,
    pub(crate) shared: Arc<Shared>,
    pub(crate) strictness: Strictness,
    /// The fetch mode of queries that do not set one.
    pub(crate) fetch_mode: FetchMode,
}

impl Engine {
    pub(crate) fn stats(&self) -> Stats {
        Stats { memory_bytes: self.store.memory() as u64, ..self.shared.counters.read() }
    }
}
