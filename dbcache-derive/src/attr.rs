//! Parses the `#[cached(…)]` attributes. `check` decides whether they make sense together.

use quote::ToTokens;
use syn::meta::ParseNestedMeta;
use syn::parse::Parse;
use syn::{Attribute, ExprPath, Ident, LitStr, Path, Token};

use crate::case::Case;
use crate::errors::Errors;

const ON_TYPE: [&str; 4] = ["table", "rename_all", "columns", "crate"];
const ON_FIELD: [&str; 5] = ["id", "rename", "skip", "default", "json"];

/// The attributes of a struct or enum.
#[derive(Default)]
pub(crate) struct TypeAttr {
    pub(crate) table: Option<LitStr>,
    pub(crate) rename_all: Option<Case>,
    /// The name of the struct of columns.
    pub(crate) columns: Option<Ident>,
    pub(crate) krate: Option<Path>,
}

/// The attributes of a field.
#[derive(Default)]
pub(crate) struct FieldAttr {
    pub(crate) id: Option<Ident>,
    pub(crate) rename: Option<LitStr>,
    pub(crate) skip: Option<Ident>,
    pub(crate) default: Option<DefaultAttr>,
    pub(crate) json: Option<Ident>,
}

/// `default`, or `default = "path"`.
pub(crate) struct DefaultAttr {
    pub(crate) word: Ident,
    pub(crate) path: Option<ExprPath>,
}

impl TypeAttr {
    pub(crate) fn read(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut read = Self::default();
        each_word(attributes, errors, |word, meta, errors| {
            match word.to_string().as_str() {
                "table" => set_once(&mut read.table, word, value(meta)?, errors),
                "crate" => set_once(&mut read.krate, word, value::<LitStr>(meta)?.parse()?, errors),
                "columns" => set_once(&mut read.columns, word, value::<LitStr>(meta)?.parse()?, errors),
                "rename_all" => {
                    let name: LitStr = value(meta)?;
                    match Case::parse(&name.value()) {
                        Ok(case) => set_once(&mut read.rename_all, word, case, errors),
                        Err(message) => errors.at(name, message),
                    }
                }
                _ => unknown(word, meta, errors, ("a type", &ON_TYPE), ("a field", &ON_FIELD))?,
            }
            Ok(())
        });
        read
    }
}

impl FieldAttr {
    pub(crate) fn read(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut read = Self::default();
        each_word(attributes, errors, |word, meta, errors| {
            match word.to_string().as_str() {
                "id" => set_once(&mut read.id, word, word.clone(), errors),
                "skip" => set_once(&mut read.skip, word, word.clone(), errors),
                "json" => set_once(&mut read.json, word, word.clone(), errors),
                "rename" => set_once(&mut read.rename, word, value(meta)?, errors),
                "default" => {
                    let path = optional_value::<LitStr>(meta)?.map(|path| path.parse()).transpose()?;
                    set_once(&mut read.default, word, DefaultAttr { word: word.clone(), path }, errors);
                }
                _ => unknown(word, meta, errors, ("a field", &ON_FIELD), ("the type", &ON_TYPE))?,
            }
            Ok(())
        });
        read
    }

    /// Rejects `#[cached(…)]` attributes on a field of a document or on a variant.
    pub(crate) fn refuse(attributes: &[Attribute], errors: &mut Errors) {
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("cached")) {
            errors.at(
                attribute,
                "`#[cached(…)]` has no effect here: documents and enums use `#[serde(…)]` attributes (`rename`, `skip`, `default`)",
            );
        }
    }
}

/// Calls `read` for each `word`, `word = …` or `word(…)` of the `#[cached(…)]` attributes.
fn each_word(
    attributes: &[Attribute],
    errors: &mut Errors,
    mut read: impl FnMut(&Ident, &ParseNestedMeta<'_>, &mut Errors) -> syn::Result<()>,
) {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("cached")) {
        let parsed = attribute.parse_nested_meta(|meta| match meta.path.get_ident() {
            Some(word) => read(&word.clone(), &meta, errors),
            None => Err(meta.error("expected a single word")),
        });
        errors.ok(parsed);
    }
}

fn value<T: Parse>(meta: &ParseNestedMeta<'_>) -> syn::Result<T> {
    if !meta.input.peek(Token![=]) {
        let word = meta.path.to_token_stream();
        return Err(meta.error(format!("`{word}` needs a value: write `{word} = \"…\"`")));
    }
    meta.value()?.parse()
}

fn optional_value<T: Parse>(meta: &ParseNestedMeta<'_>) -> syn::Result<Option<T>> {
    if meta.input.peek(Token![=]) { value(meta).map(Some) } else { Ok(None) }
}

fn set_once<T>(slot: &mut Option<T>, word: &Ident, value: T, errors: &mut Errors) {
    if slot.is_some() {
        errors.at(word, format!("`{word}` is given twice: remove one"));
    } else {
        *slot = Some(value);
    }
}

/// Reports an unknown word and skips its value, so that later mistakes are also found.
fn unknown(
    word: &Ident,
    meta: &ParseNestedMeta<'_>,
    errors: &mut Errors,
    (here, known): (&str, &[&str]),
    (elsewhere, others): (&str, &[&str]),
) -> syn::Result<()> {
    skip_value(meta)?;
    if others.iter().any(|other| word == other) {
        errors.at(word, format!("`{word}` belongs on {elsewhere}, not on {here}"));
    } else {
        let known: Vec<String> = known.iter().map(|known| format!("`{known}`")).collect();
        errors.at(word, format!("unknown attribute `{word}`: {here} takes {}", known.join(", ")));
    }
    Ok(())
}

pub(crate) fn skip_value(meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
    if meta.input.peek(Token![=]) {
        value::<syn::Expr>(meta)?;
    } else if meta.input.peek(syn::token::Paren) {
        meta.input.parse::<proc_macro2::Group>()?;
    }
    Ok(())
}
