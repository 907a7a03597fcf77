//! Expands models into code. No other module makes tokens.

/// Like `quote!`, with local names that cannot clash with the user's names.
macro_rules! code {
    ($($tokens:tt)*) => {
        ::quote::quote_spanned!(::proc_macro2::Span::mixed_site()=> $($tokens)*)
    };
}

mod bounds;
mod document;
mod names;
mod record;
mod stub;
mod text;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident};
use syn::spanned::Spanned;
use syn::{DeriveInput, Ident, Type};

use self::bounds::attributes;
pub(crate) use self::bounds::removed as without_bounds;
use crate::attr::TypeAttr;
use crate::check;
use crate::errors::Errors;
use crate::model::{self, Json, Record};

/// Returns the code of `#[derive(Cached)]`.
pub(crate) fn record(input: &DeriveInput) -> TokenStream {
    let mut errors = Errors::default();
    let record = Record::read(input, &mut errors);
    if let Some(record) = &record {
        check::record(record, &mut errors);
    }
    match errors.into_result(record) {
        Ok(record) => record::expand(&record),
        Err(messages) => with_stub(&messages, &stub::record(input, &crate_path(input))),
    }
}

/// Returns the code of `#[derive(CachedJson)]`.
pub(crate) fn json(input: &DeriveInput) -> TokenStream {
    let mut errors = Errors::default();
    let json = Json::read(input, &mut errors);
    if let Some(json) = &json {
        check::json(json, &mut errors);
    }
    match errors.into_result(json) {
        Ok(Json::Document(document)) => document::expand(&document),
        Ok(Json::Names(names)) => names::expand(&names),
        Ok(Json::Text(host)) => text::expand(&host),
        Err(messages) => with_stub(&messages, &stub::json(input, &crate_path(input))),
    }
}

/// Joins messages and a stub impl, without which one mistake would cause many messages.
fn with_stub(messages: &TokenStream, stub: &TokenStream) -> TokenStream {
    code!(#messages #stub)
}

fn crate_path(input: &DeriveInput) -> TokenStream {
    model::crate_path(TypeAttr::read(&input.attrs, &mut Errors::default()).krate.as_ref())
}

/// A hygienic span that a message shows as this type.
fn at(ty: &Type) -> Span {
    Span::mixed_site().located_at(ty.span())
}

/// The type as a person would format it.
fn shown(ty: &Type) -> String {
    ty.to_token_stream().to_string().replace(" < ", "<").replace(" >", ">").replace(" :: ", "::").replace(" ,", ",")
}

/// `count` local names that no field can clash with.
fn locals(count: usize) -> Vec<Ident> {
    (0..count).map(|index| format_ident!("__{index}", span = Span::mixed_site())).collect()
}

/// `impl ColumnValue` for a type with one column, and `impl PlainValue`, so that its fields need no `json` attribute.
fn leaf_value(private: &TokenStream, name: &Ident, bounds: &TokenStream, column: [TokenStream; 2]) -> TokenStream {
    let attributes = attributes(private);
    let [builder, reader] = column;
    code! {
        #[automatically_derived]
        #attributes
        impl #private::ColumnValue for #name where #bounds {
            type Nullable = ::core::option::Option<Self>;
            type Builder = #builder;
            type Reader = #reader;
            type ListBuilder = #private::ListBuilder<Self>;
            type ListReader = #private::ListReader<Self>;
            type Handle<__Record: #private::Record, __Nullness: #private::Nullness> =
                #private::Column<__Record, __Nullness::Of<Self>>;

            fn handle<__Record: #private::Record, __Nullness: #private::Nullness>(
                spec: #private::ColumnSpec,
            ) -> Self::Handle<__Record, __Nullness> {
                #private::Column::new(spec)
            }
        }

        #[automatically_derived]
        #attributes
        impl #private::PlainValue for #name where #bounds {}
    }
}

/// `impl Clone` and `impl Copy` for a struct of columns. A derive would bound its type parameters.
fn copy(generics: &TokenStream, name: &TokenStream, attributes: &TokenStream, bounds: &TokenStream) -> TokenStream {
    code! {
        #[automatically_derived]
        #attributes
        impl #generics ::core::clone::Clone for #name where #bounds {
            fn clone(&self) -> Self {
                *self
            }
        }

        #[automatically_derived]
        #attributes
        impl #generics ::core::marker::Copy for #name where #bounds {}
    }
}

/// `impl Debug` that writes the name alone.
fn opaque_debug(name: &TokenStream, attributes: &TokenStream, bounds: &TokenStream) -> TokenStream {
    let text = name.to_string();
    code! {
        #[automatically_derived]
        #attributes
        impl ::core::fmt::Debug for #name where #bounds {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct(#text).finish_non_exhaustive()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    /// Each kind of code that the derives generate, for a crate that renamed dbcache.
    fn generated() -> Vec<TokenStream> {
        vec![
            record(&parse_quote! {
                #[cached(table = "a.b", crate = "elsewhere")]
                struct Row { #[cached(id)] id: i64, #[cached(json, default)] doc: Doc, #[cached(skip)] more: u8, name: String }
            }),
            json(&parse_quote!(
                #[cached(crate = "elsewhere")]
                struct Doc {
                    name: String,
                    #[serde(skip)]
                    more: u8,
                }
            )),
            json(&parse_quote!(
                #[cached(crate = "elsewhere")]
                enum Name {
                    One,
                    #[serde(other)]
                    Two,
                }
            )),
            json(&parse_quote!(
                #[cached(crate = "elsewhere")]
                enum Value {
                    One(u8),
                    Two,
                }
            )),
            stub::record(
                &parse_quote!(
                    struct Row {}
                ),
                &code!(elsewhere),
            ),
            stub::json(
                &parse_quote!(
                    struct Doc {}
                ),
                &code!(elsewhere),
            ),
        ]
    }

    #[test]
    fn generated_code_names_only_the_given_crate_path() {
        for tokens in generated() {
            assert!(!tokens.to_string().contains("dbcache"), "{tokens}");
        }
    }

    #[test]
    fn each_impl_is_generated_once() {
        let row = ["Record for Row", "Copy for RowColumns"];
        let doc = ["ColumnValue for Doc", "Copy for DocColumns"];
        let leaves =
            [["ColumnValue for Name", "PlainValue for Name"], ["ColumnValue for Value", "PlainValue for Value"]];
        for (tokens, headers) in generated().into_iter().zip([row, doc].into_iter().chain(leaves)) {
            for header in headers {
                assert_eq!(tokens.to_string().matches(header).count(), 1, "{header} in {tokens}");
            }
        }
    }

    #[test]
    fn correct_types_cause_no_messages() {
        for tokens in generated() {
            assert!(!tokens.to_string().contains("compile_error"), "{tokens}");
        }
    }
}
