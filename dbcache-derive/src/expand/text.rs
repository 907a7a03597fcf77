//! An enum whose variants carry values: JSON text, as serde writes it.

use proc_macro2::TokenStream;

use super::leaf_value;
use crate::model::Host;

pub(crate) fn expand(host: &Host<'_>) -> TokenStream {
    let private = host.private();
    leaf_value(host, code!(#private::JsonTextBuilder), code!(#private::JsonTextReader<Self>))
}
