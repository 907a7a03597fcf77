//! Collects mistakes, so that all mistakes in a type are reported together.

use proc_macro2::TokenStream;
use quote::ToTokens;

/// The mistakes found so far.
#[derive(Default)]
pub(crate) struct Errors(Vec<syn::Error>);

impl Errors {
    /// Adds a mistake at these tokens.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl std::fmt::Display) {
        self.0.push(syn::Error::new_spanned(tokens, message));
    }

    /// Adds a mistake that syn found.
    pub(crate) fn push(&mut self, error: syn::Error) {
        self.0.push(error);
    }

    /// Returns the value, or adds the mistake and returns `None`.
    pub(crate) fn ok<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    /// Returns the value if there was no mistake, and otherwise all mistakes as `compile_error!` tokens.
    pub(crate) fn into_result<T>(self, value: Option<T>) -> Result<T, TokenStream> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self.0.iter().map(syn::Error::to_compile_error).collect()),
        }
    }
}
