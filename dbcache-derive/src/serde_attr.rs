//! Parses the `#[serde(…)]` attributes that name the fields of a document and the variants of an enum.
//!
//! Attributes that do not parse are ignored here, because the derives of serde report them.

use syn::meta::ParseNestedMeta;
use syn::{Attribute, Ident, LitStr, Token};

use crate::attr::skip_value;
use crate::case::Case;

/// Attributes with which serde does not read a struct field by field.
const OTHER_FORM: [&str; 6] = ["from", "into", "try_from", "remote", "transparent", "tag"];
/// Attributes with which serde does not write a unit variant as its name.
const TAGGED: [&str; 3] = ["tag", "content", "untagged"];

/// The attributes of a type.
#[derive(Default)]
pub(crate) struct SerdeType {
    pub(crate) rename_all: Option<Case>,
    /// The attribute that gives the type another form than its fields or variants do.
    pub(crate) other_form: Option<Ident>,
    /// `true` if unit variants are not plain strings.
    pub(crate) tagged: bool,
}

/// The attributes of a field or a variant.
#[derive(Default)]
pub(crate) struct SerdeField {
    pub(crate) rename: Option<String>,
    pub(crate) aliases: Vec<String>,
    pub(crate) skip: bool,
    pub(crate) flatten: Option<Ident>,
    /// `true` for the variant that stands for all unknown names.
    pub(crate) other: bool,
}

impl SerdeType {
    pub(crate) fn read(attributes: &[Attribute]) -> Self {
        let mut read = Self::default();
        each_word(attributes, |word, meta| {
            let name = word.to_string();
            read.tagged |= TAGGED.contains(&name.as_str());
            if OTHER_FORM.contains(&name.as_str()) {
                read.other_form = Some(word.clone());
            }
            if name == "rename_all" {
                read.rename_all = deserialized_name(meta)?.and_then(|rule| Case::parse(&rule).ok());
                return Ok(());
            }
            skip_value(meta)
        });
        read
    }
}

impl SerdeField {
    pub(crate) fn read(attributes: &[Attribute]) -> Self {
        let mut read = Self::default();
        each_word(attributes, |word, meta| {
            match word.to_string().as_str() {
                "rename" => read.rename = deserialized_name(meta)?,
                "alias" => read.aliases.push(meta.value()?.parse::<LitStr>()?.value()),
                "skip" | "skip_deserializing" => read.skip = true,
                "flatten" => read.flatten = Some(word.clone()),
                "other" => read.other = true,
                _ => skip_value(meta)?,
            }
            Ok(())
        });
        read
    }
}

fn each_word(attributes: &[Attribute], mut read: impl FnMut(&Ident, &ParseNestedMeta<'_>) -> syn::Result<()>) {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        let _ = attribute.parse_nested_meta(|meta| match meta.path.get_ident() {
            Some(word) => read(&word.clone(), &meta),
            None => skip_value(&meta),
        });
    }
}

/// Returns the name of `rename = "name"` or `rename(deserialize = "name")`: paths use the names that serde reads.
fn deserialized_name(meta: &ParseNestedMeta<'_>) -> syn::Result<Option<String>> {
    if meta.input.peek(Token![=]) {
        return Ok(Some(meta.value()?.parse::<LitStr>()?.value()));
    }
    let mut name = None;
    meta.parse_nested_meta(|side| {
        let value: LitStr = side.value()?.parse()?;
        if side.path.is_ident("deserialize") {
            name = Some(value.value());
        }
        Ok(())
    })?;
    Ok(name)
}
