//! The derive macros of dbcache. Their documentation, with examples, is in dbcache, which re-exports them.

mod attr;
mod case;
mod check;
mod errors;
mod expand;
mod model;
mod serde_attr;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Derives `dbcache::Record` for a struct. See `dbcache::Cached`.
#[proc_macro_derive(Cached, attributes(cached))]
pub fn cached(input: TokenStream) -> TokenStream {
    expand::record(&parse_macro_input!(input as DeriveInput)).into()
}

/// Derives `dbcache::ColumnValue` for a document or an enum in a column. See `dbcache::CachedJson`.
#[proc_macro_derive(CachedJson, attributes(cached, serde))]
pub fn cached_json(input: TokenStream) -> TokenStream {
    expand::json(&parse_macro_input!(input as DeriveInput)).into()
}

/// Removes the bounds of a generated item from the user's documentation.
#[doc(hidden)]
#[proc_macro_attribute]
pub fn without_bounds(_: TokenStream, item: TokenStream) -> TokenStream {
    expand::without_bounds(item.into()).into()
}
