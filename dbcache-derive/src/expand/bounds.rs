//! Bounds of the generated items: they give each field whose type cannot be stored a single message.

use std::collections::HashSet;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::Type;

/// The bounds on the types of the user's fields, as predicates of a `where` clause.
///
/// The compiler takes the bounds of an item for granted inside the item. A field whose type cannot be stored therefore
/// gets one message, at the bound, instead of one for each use. The message underlines the type of the field, because
/// the bound has the spans of the type's first and last token.
pub(super) fn bounds<'a>(fields: impl Iterator<Item = (&'a Type, TokenStream)>) -> TokenStream {
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

/// The tokens with the span `span`.
pub(super) fn located(tokens: TokenStream, span: Span) -> TokenStream {
    let at_span = |mut token: TokenTree| {
        token.set_span(span);
        token
    };
    tokens.into_iter().map(at_span).collect()
}

/// The attributes of a generated item that has bounds and appears in the user's documentation.
///
/// The documentation shows the item without its bounds, which are noise there: they hold, or the crate would not
/// compile. The allowed lints fire only because of how the user's type is written, and because the bounds have no
/// parameters.
pub(super) fn attributes(private: &TokenStream) -> TokenStream {
    code! {
        #[cfg_attr(doc, #private::without_bounds)]
        #[allow(deprecated, trivial_bounds, clippy::absolute_paths, clippy::struct_field_names)]
    }
}

/// Removes the `where` clause of a generated struct or impl, which extends to the item's body, its last token.
pub(crate) fn removed(item: TokenStream) -> TokenStream {
    let mut tokens: Vec<TokenTree> = item.into_iter().collect();
    let clause = tokens.iter().position(|token| matches!(token, TokenTree::Ident(word) if word == "where"));
    if let Some(clause) = clause {
        let body = tokens.pop();
        tokens.truncate(clause);
        tokens.extend(body);
    }
    tokens.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removal_keeps_everything_but_the_bounds() {
        let cases = [
            (
                code!(
                    pub struct Row
                    where
                        [u8; { 4 }]: Bound,
                        Doc: Bound,
                    {
                        a: Doc,
                    }
                ),
                code!(
                    pub struct Row {
                        a: Doc,
                    }
                ),
            ),
            (
                code!(
                    impl<T: Bound> Copy for Row<T> {}
                ),
                code!(
                    impl<T: Bound> Copy for Row<T> {}
                ),
            ),
            (
                code!(
                    struct Row {
                        a: Doc,
                    }
                ),
                code!(
                    struct Row {
                        a: Doc,
                    }
                ),
            ),
        ];
        for (item, expected) in cases {
            assert_eq!(removed(item).to_string(), expected.to_string());
        }
    }
}
