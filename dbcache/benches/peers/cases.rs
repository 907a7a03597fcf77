//! All cases, in the order in which they run.

mod compile;
mod fetching;
mod growth;
mod json;
mod storage;
mod typed;

use crate::case::Case;

pub(crate) fn all() -> impl Iterator<Item = &'static Case> {
    [storage::CASES, growth::CASES, typed::CASES, compile::CASES, json::CASES, fetching::CASES].into_iter().flatten()
}
