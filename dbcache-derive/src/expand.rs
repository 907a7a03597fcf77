//! From models to code. Only here are tokens made.

/// Like `quote!`, with local names that cannot clash with the user's.
macro_rules! code {
    ($($tokens:tt)*) => {
        ::quote::quote_spanned!(::proc_macro2::Span::mixed_site()=> $($tokens)*)
    };
}

mod document;
mod names;
mod record;
mod stub;
mod text;

use std::collections::HashSet;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote_spanned};
use syn::spanned::Spanned;
use syn::{DeriveInput, Ident, Type};

use crate::attr::TypeAttr;
use crate::check;
use crate::errors::Errors;
use crate::model::{self, Host, Json, Record};

/// The code of `#[derive(Cached)]`.
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

/// The code of `#[derive(CachedJson)]`.
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

/// The stub keeps one mistake from becoming many messages.
fn with_stub(messages: &TokenStream, stub: &TokenStream) -> TokenStream {
    code!(#messages #stub)
}

fn crate_path(input: &DeriveInput) -> TokenStream {
    model::crate_path(TypeAttr::read(&input.attrs, &mut Errors::default()).krate.as_ref())
}

/// The lints that generated code meets only because of how the user's type is written, and the one against bounds
/// without parameters.
fn lints() -> TokenStream {
    code! {
        #[allow(deprecated, trivial_bounds, clippy::absolute_paths, clippy::struct_field_names)]
    }
}

/// What the generated items need of the types of the user's fields.
///
/// Inside an item that has a bound the compiler takes it for granted, so a field of a type that cannot be stored gets
/// one message, at the bound. That reaches from the first token of the field's type to the last.
fn bounds<'a>(fields: impl Iterator<Item = (&'a Type, TokenStream)>) -> TokenStream {
    let mut seen = HashSet::new();
    fields
        .filter(|(ty, bound)| seen.insert(code!(#ty: #bound).to_string()))
        .map(|(ty, bound)| {
            let end = ty.to_token_stream().into_iter().last().map_or_else(Span::mixed_site, |token| token.span());
            let bound = located(bound, end);
            quote_spanned!(end=> #ty: #bound,)
        })
        .collect()
}

fn located(tokens: TokenStream, span: Span) -> TokenStream {
    let shown_there = |mut token: TokenTree| {
        token.set_span(span);
        token
    };
    tokens.into_iter().map(shown_there).collect()
}

/// The items with these bounds; in documentation, where nobody wants to read them, without.
fn with_bounds(bounds: &TokenStream, items: impl Fn(&TokenStream, &TokenStream) -> TokenStream) -> TokenStream {
    let compiled = items(&code!(#[cfg(not(doc))]), bounds);
    let documented = items(&code!(#[cfg(doc)]), &TokenStream::new());
    code!(#compiled #documented)
}

/// Hygienic, and shown to the user as this type: where its values cannot be stored, the message is there.
fn at(ty: &Type) -> Span {
    Span::mixed_site().located_at(ty.span())
}

/// The type as a person would write it.
fn shown(ty: &Type) -> String {
    ty.to_token_stream().to_string().replace(" < ", "<").replace(" >", ">").replace(" :: ", "::").replace(" ,", ",")
}

/// Local names that no field can clash with.
fn places(count: usize) -> Vec<Ident> {
    (0..count).map(|place| format_ident!("__{place}", span = Span::mixed_site())).collect()
}

/// The associated items of a type that has one column.
fn leaf_handle(private: &TokenStream) -> TokenStream {
    code! {
        type Handle<__Record: #private::Record, __Nullness: #private::Nullness> =
            #private::Column<__Record, __Nullness::Of<Self>>;

        fn handle<__Record: #private::Record, __Nullness: #private::Nullness>(
            place: #private::Place,
        ) -> Self::Handle<__Record, __Nullness> {
            #private::Column::new(place)
        }
    }
}

/// `impl ColumnValue`, and the mark that no attribute is needed, for a type with one column.
fn leaf_value(host: &Host<'_>, bounds: &TokenStream, builder: impl ToTokens, reader: impl ToTokens) -> TokenStream {
    let private = host.private();
    let name = host.name;
    let (handle, lints) = (leaf_handle(&private), lints());
    code! {
        #[automatically_derived]
        #lints
        impl #private::ColumnValue for #name where #bounds {
            type Nullable = ::core::option::Option<Self>;
            type Builder = #builder;
            type Reader = #reader;
            type ListBuilder = #private::ListBuilder<Self>;
            type ListReader = #private::ListReader<Self>;

            #handle
        }

        #[automatically_derived]
        #lints
        impl #private::PlainValue for #name where #bounds {}
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    /// Everything that the derives can generate, for a crate that knows dbcache by another name.
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
    fn only_the_given_crate_path_is_named() {
        for tokens in generated() {
            assert!(!tokens.to_string().contains("dbcache"), "{tokens}");
        }
    }

    #[test]
    fn correct_types_get_no_messages() {
        for tokens in generated() {
            assert!(!tokens.to_string().contains("compile_error"), "{tokens}");
        }
    }
}
