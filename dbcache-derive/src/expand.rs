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

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident};
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
        Err(messages) => with_stub(messages, stub::record(input, &crate_path(input))),
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
        Err(messages) => with_stub(messages, stub::json(input, &crate_path(input))),
    }
}

/// The stub keeps one mistake from becoming many messages.
fn with_stub(messages: TokenStream, stub: TokenStream) -> TokenStream {
    code!(#messages #stub)
}

fn crate_path(input: &DeriveInput) -> TokenStream {
    model::crate_path(TypeAttr::read(&input.attrs, &mut Errors::default()).krate.as_ref())
}

/// The lints that generated code meets only because of how the user's type is written.
fn lints() -> TokenStream {
    code! {
        #[allow(deprecated, clippy::absolute_paths, clippy::struct_field_names)]
    }
}

/// Hygienic, and shown to the user as this type: where its values cannot be stored, the message is there.
fn at(ty: &Type) -> Span {
    Span::mixed_site().located_at(ty.span())
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
fn leaf_value(host: &Host<'_>, builder: impl ToTokens, reader: impl ToTokens) -> TokenStream {
    let private = host.private();
    let name = host.name;
    let handle = leaf_handle(&private);
    code! {
        #[automatically_derived]
        impl #private::ColumnValue for #name {
            type Nullable = ::core::option::Option<Self>;
            type Builder = #builder;
            type Reader = #reader;
            type ListBuilder = #private::ListBuilder<Self>;
            type ListReader = #private::ListReader<Self>;

            #handle
        }

        #[automatically_derived]
        impl #private::PlainValue for #name {}
    }
}
