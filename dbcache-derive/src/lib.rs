//! The derive macros of dbcache. Their documentation, with examples, is where dbcache re-exports them.

mod attr;
mod case;
mod check;
mod errors;
mod expand;
mod model;
mod serde_attr;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a struct a cached record. See `dbcache::Cached`.
#[proc_macro_derive(Cached, attributes(cached))]
pub fn cached(input: TokenStream) -> TokenStream {
    expand::record(&parse_macro_input!(input as DeriveInput)).into()
}

/// Makes a type a document, or an enum, in a column of a cached record. See `dbcache::CachedJson`.
#[proc_macro_derive(CachedJson, attributes(cached, serde))]
pub fn cached_json(input: TokenStream) -> TokenStream {
    expand::json(&parse_macro_input!(input as DeriveInput)).into()
}
