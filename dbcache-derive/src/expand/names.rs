//! An enum without values, stored as text: the names that serde gives its variants.

use proc_macro2::TokenStream;

use super::leaf_value;
use crate::model::Names;

pub(crate) fn expand(names: &Names<'_>) -> TokenStream {
    let private = names.host.private();
    let name = names.host.name;
    let column = [code!(#private::NameBuilder), code!(#private::NameReader<Self>)];
    let value = leaf_value(&private, name, &TokenStream::new(), column);
    let (idents, texts): (Vec<_>, Vec<_>) = names.variants.iter().map(|variant| (variant.ident, &variant.name)).unzip();
    let patterns = names.variants.iter().map(|variant| {
        let (text, aliases) = (&variant.name, &variant.aliases);
        code!(#text #(| #aliases)*)
    });
    let other = names.variants.iter().find(|variant| variant.other).map(|variant| variant.ident);
    let otherwise = other
        .map_or_else(|| code!(::core::option::Option::None), |ident| code!(::core::option::Option::Some(Self::#ident)));
    code! {
        #value

        #[automatically_derived]
        impl #private::Named for #name {
            const NAMES: &'static [&'static ::core::primitive::str] = &[#(#texts),*];

            fn name(&self) -> &'static ::core::primitive::str {
                match self {
                    #(Self::#idents => #texts,)*
                }
            }

            fn from_name(name: &::core::primitive::str) -> ::core::option::Option<Self> {
                match name {
                    #(#patterns => ::core::option::Option::Some(Self::#idents),)*
                    _ => #otherwise,
                }
            }
        }
    }
}
