//! Stub impls, generated beside error messages so that the rest of the user's program type-checks.

use proc_macro2::TokenStream;
use syn::DeriveInput;

use super::leaf_value;

pub(crate) fn record(input: &DeriveInput, krate: &TokenStream) -> TokenStream {
    if !input.generics.params.is_empty() {
        return TokenStream::new();
    }
    let private = code!(#krate::__private);
    let name = &input.ident;
    code! {
        #[automatically_derived]
        impl #private::Record for #name {
            type Id = ::core::primitive::i64;
            type Columns = ();

            fn columns() {}

            fn schema() -> &'static #private::Schema {
                ::core::unreachable!()
            }

            fn to_frame(
                _: &[Self],
            ) -> ::core::result::Result<#private::DataFrame, #private::CellError> {
                ::core::unreachable!()
            }

            fn id_of(_: &Self) -> &Self::Id {
                ::core::unreachable!()
            }

            fn from_frame(
                _: &#private::DataFrame,
            ) -> ::core::result::Result<::std::vec::Vec<Self>, #private::CellError> {
                ::core::unreachable!()
            }
        }
    }
}

pub(crate) fn json(input: &DeriveInput, krate: &TokenStream) -> TokenStream {
    if !input.generics.params.is_empty() {
        return TokenStream::new();
    }
    let private = code!(#krate::__private);
    let stub = code!(#private::StubColumn);
    leaf_value(&private, &input.ident, &TokenStream::new(), [stub.clone(), stub])
}
