//! An enum whose variants carry values, stored as the JSON text that serde writes.

use proc_macro2::TokenStream;
use quote::quote_spanned;

use super::bounds::located;
use super::leaf_value;
use crate::model::Host;

pub(crate) fn expand(host: &Host<'_>) -> TokenStream {
    let private = host.private();
    let name = host.name;
    let bounds = quote_spanned!(name.span()=> #name: #private::JsonText);
    let bounds = located(bounds, name.span());
    leaf_value(&private, name, &bounds, [code!(#private::JsonTextBuilder), code!(#private::JsonTextReader<Self>)])
}
