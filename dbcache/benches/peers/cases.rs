//! The list of all cases, in running order.

mod compile;
mod fetching;
mod growth;
mod json;
mod storage;
mod typed;

#[cfg(feature = "postgres")]
pub(crate) use self::fetching::postgres::in_child as fetch_postgres;
pub(crate) use self::fetching::{fetch_many, warm_many};
use crate::case::Case;

pub(crate) fn all() -> impl Iterator<Item = &'static Case> {
    [storage::CASES, growth::CASES, typed::CASES, compile::CASES, json::CASES, fetching::CASES].into_iter().flatten()
}
