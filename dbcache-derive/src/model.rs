//! The models that the derives build of a type. They keep the user's tokens, to point messages at them.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::{Attribute, Data, DataEnum, DeriveInput, ExprPath, Fields, Generics, Ident, LitStr, Path, Type, Visibility};

use crate::attr::{FieldAttr, TypeAttr};
use crate::case::Case;
use crate::errors::Errors;
use crate::serde_attr::{SerdeField, SerdeType};

/// The type that has the derive.
pub(crate) struct Host<'a> {
    pub(crate) name: &'a Ident,
    pub(crate) visibility: &'a Visibility,
    /// The name of the generated struct of columns.
    pub(crate) columns: Ident,
    /// The path of the dbcache crate.
    pub(crate) krate: TokenStream,
}

/// A struct with `#[derive(Cached)]`.
pub(crate) struct Record<'a> {
    pub(crate) host: Host<'a>,
    pub(crate) table: Option<LitStr>,
    pub(crate) fields: Vec<RecordField<'a>>,
}

/// A field of a record.
pub(crate) struct RecordField<'a> {
    pub(crate) name: &'a Ident,
    pub(crate) ty: &'a Type,
    pub(crate) column: String,
    pub(crate) attr: FieldAttr,
}

/// A type with `#[derive(CachedJson)]`.
pub(crate) enum Json<'a> {
    Document(Document<'a>),
    Names(Names<'a>),
    /// An enum whose variants carry values. It is stored as JSON text.
    Text(Host<'a>),
}

/// A struct with `#[derive(CachedJson)]`.
pub(crate) struct Document<'a> {
    pub(crate) host: Host<'a>,
    pub(crate) fields: Vec<DocumentField<'a>>,
}

/// A field of a document.
pub(crate) struct DocumentField<'a> {
    pub(crate) name: &'a Ident,
    pub(crate) ty: &'a Type,
    pub(crate) key: String,
    pub(crate) skip: bool,
}

/// An enum without values. It is stored as the names of its variants.
pub(crate) struct Names<'a> {
    pub(crate) host: Host<'a>,
    pub(crate) variants: Vec<Variant<'a>>,
}

/// A variant of an enum without values.
pub(crate) struct Variant<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) name: String,
    pub(crate) aliases: Vec<String>,
    pub(crate) other: bool,
}

impl Host<'_> {
    /// The module that contains every item that generated code may name.
    pub(crate) fn private(&self) -> TokenStream {
        let krate = &self.krate;
        quote!(#krate::__private)
    }
}

/// The path of dbcache: the given one, or the default.
pub(crate) fn crate_path(given: Option<&Path>) -> TokenStream {
    given.map_or_else(|| quote!(::dbcache), |path| quote!(#path))
}

impl RecordField<'_> {
    pub(crate) fn is_id(&self) -> bool {
        self.attr.id.is_some()
    }

    pub(crate) fn is_skipped(&self) -> bool {
        self.attr.skip.is_some()
    }

    /// The function of `default = "path"`.
    pub(crate) fn default_path(&self) -> Option<&ExprPath> {
        self.attr.default.as_ref().and_then(|default| default.path.as_ref())
    }
}

impl<'a> Record<'a> {
    pub(crate) fn read(input: &'a DeriveInput, errors: &mut Errors) -> Option<Self> {
        let attr = TypeAttr::read(&input.attrs, errors);
        refuse_generics(&input.generics, "a record", errors);
        let fields = named_fields(input, "a record", errors)?;
        let fields = fields.iter().filter_map(|field| {
            let name = field.ident.as_ref()?;
            let read = FieldAttr::read(&field.attrs, errors);
            Some(RecordField { name, ty: &field.ty, column: column_name(name, &read, attr.rename_all), attr: read })
        });
        Some(Self { fields: fields.collect(), host: host(input, &attr), table: attr.table })
    }

    /// The fields that are columns, starting with the id.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &RecordField<'a>> {
        let ids = self.fields.iter().filter(|field| field.is_id());
        ids.chain(self.fields.iter().filter(|field| !field.is_id() && !field.is_skipped()))
    }
}

fn column_name(name: &Ident, attr: &FieldAttr, rule: Option<Case>) -> String {
    let name = name.unraw().to_string();
    attr.rename.as_ref().map_or_else(|| rule.map_or(name.clone(), |rule| rule.field(&name)), LitStr::value)
}

impl<'a> Json<'a> {
    pub(crate) fn read(input: &'a DeriveInput, errors: &mut Errors) -> Option<Self> {
        let attr = TypeAttr::read(&input.attrs, errors);
        if let Some(table) = &attr.table {
            errors.at(table, "a document has no table: `table` belongs on the record that holds it");
        }
        refuse_generics(&input.generics, "a document", errors);
        let host = host(input, &attr);
        let serde = SerdeType::read(&input.attrs);
        let rule = serde.rename_all.or(attr.rename_all);
        match &input.data {
            Data::Enum(data) => Some(Self::read_enum(host, data, &serde, rule, errors)),
            _ => Document::read(input, host, &serde, rule, errors).map(Self::Document),
        }
    }

    fn read_enum(
        host: Host<'a>,
        data: &'a DataEnum,
        serde: &SerdeType,
        rule: Option<Case>,
        errors: &mut Errors,
    ) -> Self {
        for variant in &data.variants {
            FieldAttr::refuse(&variant.attrs, errors);
        }
        let plain = data.variants.iter().all(|variant| matches!(variant.fields, Fields::Unit));
        if !plain || serde.tagged || serde.other_form.is_some() {
            return Self::Text(host);
        }
        let variants = data.variants.iter().map(|variant| read_variant(&variant.ident, &variant.attrs, rule));
        Self::Names(Names { host, variants: variants.collect() })
    }
}

fn read_variant<'a>(ident: &'a Ident, attributes: &[Attribute], rule: Option<Case>) -> Variant<'a> {
    let serde = SerdeField::read(attributes);
    let name = ident.unraw().to_string();
    let name = serde.rename.unwrap_or_else(|| rule.map_or(name.clone(), |rule| rule.variant(&name)));
    Variant { ident, name, aliases: serde.aliases, other: serde.other }
}

impl<'a> Document<'a> {
    fn read(
        input: &'a DeriveInput,
        host: Host<'a>,
        serde: &SerdeType,
        rule: Option<Case>,
        errors: &mut Errors,
    ) -> Option<Self> {
        if let Some(word) = &serde.other_form {
            errors.at(
                word,
                format!("with `{word}`, the JSON does not have the fields of this struct: implement `dbcache::StoreAs` for it, or remove `{word}`"),
            );
        }
        let fields = named_fields(input, "a document", errors)?;
        let fields = fields.iter().filter_map(|field| {
            FieldAttr::refuse(&field.attrs, errors);
            let name = field.ident.as_ref()?;
            let serde = SerdeField::read(&field.attrs);
            if let Some(word) = &serde.flatten {
                errors.at(word, "`flatten` is not supported: make the inner struct a field, or repeat its fields here");
            }
            let own = name.unraw().to_string();
            let key = serde.rename.unwrap_or_else(|| rule.map_or(own.clone(), |rule| rule.field(&own)));
            Some(DocumentField { name, ty: &field.ty, key, skip: serde.skip })
        });
        Some(Self { fields: fields.collect(), host })
    }

    /// The fields that are stored.
    pub(crate) fn stored(&self) -> impl Iterator<Item = &DocumentField<'a>> {
        self.fields.iter().filter(|field| !field.skip)
    }
}

fn host<'a>(input: &'a DeriveInput, attr: &TypeAttr) -> Host<'a> {
    let columns = attr.columns.clone().unwrap_or_else(|| format_ident!("{}Columns", input.ident));
    Host { name: &input.ident, visibility: &input.vis, columns, krate: crate_path(attr.krate.as_ref()) }
}

fn named_fields<'a>(input: &'a DeriveInput, what: &str, errors: &mut Errors) -> Option<&'a Fields> {
    let problem = match &input.data {
        Data::Struct(data) if matches!(data.fields, Fields::Named(_)) => return Some(&data.fields),
        Data::Struct(_) => "not a tuple or unit struct: name its fields, or implement `dbcache::StoreAs` for a newtype",
        Data::Enum(_) => "not an enum: for an enum in a field, derive `dbcache::CachedJson`",
        Data::Union(_) => "not a union",
    };
    errors.at(&input.ident, format!("{what} is a struct with named fields, {problem}"));
    None
}

fn refuse_generics(generics: &Generics, what: &str, errors: &mut Errors) {
    for lifetime in generics.lifetimes() {
        errors.at(
            lifetime,
            format!("{what} owns its values: use `String` for `&str`, `Vec<u8>` for `&[u8]`, and remove the lifetime"),
        );
    }
    for parameter in generics.params.iter().filter(|parameter| !matches!(parameter, syn::GenericParam::Lifetime(_))) {
        errors.at(
            parameter,
            format!("{what} cannot be generic: its columns have one type each, so write a struct for each type"),
        );
    }
}
