//! An enum whose variants carry values: JSON text, as serde writes it.

use proc_macro2::TokenStream;
use quote::quote_spanned;

use super::{leaf_value, located};
use crate::model::Host;

pub(crate) fn expand(host: &Host<'_>) -> TokenStream {
    let private = host.private();
    let name = host.name;
    let bounds = quote_spanned!(name.span()=> #name: #private::JsonText);
    let bounds = located(bounds, name.span());
    leaf_value(host, &bounds, code!(#private::JsonTextBuilder), code!(#private::JsonTextReader<Self>))
}
