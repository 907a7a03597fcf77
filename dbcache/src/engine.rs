//! What every handle of an open cache shares: its folder, and how its requests are carried out.

use std::sync::Arc;

use crate::json_path::Strictness;
use crate::read_through::{Fetch, Options, Shared};
use crate::stats::Stats;
use crate::storage::Store;

/// A folder, and how requests to it are carried out.
#[derive(Debug)]
pub struct Engine {
    pub(crate) store: Store,
    pub(crate) options: Options,
    pub(crate) shared: Arc<Shared>,
    pub(crate) strictness: Strictness,
    /// What a query fetches that does not say otherwise.
    pub(crate) fetch: Fetch,
}

impl Engine {
    pub(crate) fn stats(&self) -> Stats {
        Stats { memory_bytes: self.store.memory() as u64, ..self.shared.counters.read() }
    }
}
