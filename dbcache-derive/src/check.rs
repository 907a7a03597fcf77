//! Checks that a model makes sense as a whole.

use std::collections::HashSet;

use syn::{LitStr, Type};

use crate::errors::Errors;
use crate::model::{Document, Json, Names, Record, RecordField};

/// Time zones other than UTC. A column has a single zone and cannot store an offset for each value.
const OTHER_ZONES: [&str; 2] = ["FixedOffset", "Local"];
/// Types that users may try as an id, although they cannot be one.
const NO_KEYS: [&str; 3] = ["f32", "f64", "bool"];

pub(crate) fn record(record: &Record<'_>, errors: &mut Errors) {
    check_table(record, errors);
    check_id(record, errors);
    for field in &record.fields {
        check_field(field, errors);
    }
    check_names(record, errors);
}

pub(crate) fn json(json: &Json<'_>, errors: &mut Errors) {
    match json {
        Json::Document(document) => check_document(document, errors),
        Json::Names(names) => check_variants(names, errors),
        Json::Text(_) => {}
    }
}

fn check_table(record: &Record<'_>, errors: &mut Errors) {
    match &record.table {
        None => errors.at(record.host.name, "the table is not named: add `#[cached(table = \"schema.table\")]`"),
        Some(table) => {
            if let Some(problem) = table_fault(&table.value()) {
                errors.at(table, format!("the table name {:?} is malformed: {problem}", table.value()));
            }
        }
    }
}

/// Returns what is wrong with a table name. A copy of the rule of `dbcache::TableName`: this crate cannot depend on
/// dbcache, but a test holds the two copies to each other.
fn table_fault(name: &str) -> Option<String> {
    if let Some(bad) = name.chars().find(|c| c.is_control() || matches!(c, '/' | '\\' | '"')) {
        return Some(format!("it may not contain {bad:?}"));
    }
    if !name.contains('.') {
        return Some("it needs a schema, as in `public.users`".to_owned());
    }
    if name.split('.').any(str::is_empty) {
        return Some("a part between two dots is empty".to_owned());
    }
    name.split('.').find(|part| part.trim() != *part).map(|part| format!("the part {part:?} has a space at an end"))
}

fn check_id(record: &Record<'_>, errors: &mut Errors) {
    let mut ids = record.fields.iter().filter(|field| field.is_id());
    if let Some(id) = ids.next() {
        check_id_type(id, errors);
        if record.columns().count() == 1 {
            errors.at(record.host.name, "a record needs at least one column besides its id");
        }
    } else if let Some(field) = record.fields.iter().find(|field| field.name == "id") {
        errors.at(field.name, "no field is marked as the primary key: write `#[cached(id)]` on this one");
    } else {
        errors.at(record.host.name, "no field is marked as the primary key: write `#[cached(id)]` on one");
    }
    for second in ids {
        errors.at(&second.attr.id, "a second primary key: a record has one `#[cached(id)]` field");
    }
}

fn check_id_type(id: &RecordField<'_>, errors: &mut Errors) {
    match type_name(id.ty) {
        Some(name) if name == "Option" => {
            errors.at(id.ty, "a primary key cannot be NULL: remove the `Option`");
        }
        Some(name) if NO_KEYS.contains(&name.as_str()) => {
            errors.at(id.ty, format!("`{name}` cannot be a primary key: use an integer, or `String`"));
        }
        _ => {}
    }
}

fn check_field(field: &RecordField<'_>, errors: &mut Errors) {
    if !field.is_skipped() {
        check_type(field.ty, errors);
    }
    let attr = &field.attr;
    if let (Some(skip), true) = (&attr.skip, attr.id.is_some() || attr.rename.is_some() || attr.json.is_some()) {
        errors.at(skip, "a skipped field is not a column: remove `skip`, or the other attributes");
    }
    if let (Some(default), true) = (&attr.default, attr.skip.is_some()) {
        errors.at(&default.word, "`skip` already uses the field's `Default`: remove `default`");
    }
    if let (Some(default), true) = (&attr.default, attr.id.is_some()) {
        errors.at(&default.word, "a primary key has no default: remove `default`");
    }
    if let (Some(json), true) = (&attr.json, attr.id.is_some()) {
        errors.at(json, "a primary key is not a document: remove `json`");
    }
}

/// Reports mistakes for which the compiler would show messages about generated code.
fn check_type(ty: &Type, errors: &mut Errors) {
    if let Type::Reference(reference) = ty {
        errors.at(reference, "a record owns its values: use `String` for `&str`, `Vec<u8>` for `&[u8]`");
    }
    if let Some(zone) = other_zone(ty) {
        let advice = "use `DateTime<Utc>`, and a separate field for the offset if you need it";
        errors.at(ty, format!("a column cannot store an offset for each time, as `{zone}` requires: {advice}"));
    }
    if let Some(inner) = inner_option(ty)
        && inner_option(inner).is_some()
    {
        errors.at(ty, "an `Option` in an `Option` would need two kinds of NULL: use one `Option`");
    }
}

fn check_names(record: &Record<'_>, errors: &mut Errors) {
    let mut seen = HashSet::new();
    for field in record.fields.iter().filter(|field| !field.is_skipped()) {
        let column = &field.column;
        if !seen.insert(column) {
            errors.at(field.name, format!("two fields have the column name {column:?}: `rename` one, or `skip` it"));
        }
        if column.is_empty() || column.chars().any(char::is_control) {
            let message = "a column name cannot be empty or contain control characters";
            errors.at(field.attr.rename.as_ref().map(LitStr::token), message);
        }
    }
}

fn check_document(document: &Document<'_>, errors: &mut Errors) {
    if document.stored().next().is_none() {
        errors.at(document.host.name, "a document needs at least one stored field");
    }
    let mut seen = HashSet::new();
    for field in document.stored() {
        check_type(field.ty, errors);
        if !seen.insert(&field.key) {
            errors.at(field.name, format!("two fields have the key {:?}: `#[serde(rename = \"…\")]` one", field.key));
        }
        if mentions(field.ty, document.host.name) {
            errors.at(
                field.ty,
                "a document cannot contain itself, because it would have infinitely many columns: use `serde_json::Value`, or a map",
            );
        }
    }
}

fn check_variants(names: &Names<'_>, errors: &mut Errors) {
    let mut seen = HashSet::new();
    if names.variants.is_empty() {
        errors.at(names.host.name, "an enum without variants has no values to store");
    }
    for variant in &names.variants {
        if !seen.insert(&variant.name) {
            errors.at(
                variant.ident,
                format!("two variants have the name {:?}: `#[serde(rename = \"…\")]` one", variant.name),
            );
        }
    }
}

fn type_name(ty: &Type) -> Option<String> {
    last_segment(ty).map(|segment| segment.ident.to_string())
}

fn last_segment(ty: &Type) -> Option<&syn::PathSegment> {
    match ty {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

fn inner_option(ty: &Type) -> Option<&Type> {
    last_segment(ty).filter(|segment| segment.ident == "Option").and_then(|segment| arguments(segment).next())
}

/// Returns the zone of a `DateTime` that is not in UTC, if the type is one or contains one, as in `Option` or `Vec`.
fn other_zone(ty: &Type) -> Option<String> {
    let segment = last_segment(ty)?;
    if segment.ident == "DateTime" {
        return arguments(segment).find_map(type_name).filter(|zone| OTHER_ZONES.contains(&zone.as_str()));
    }
    arguments(segment).find_map(other_zone)
}

/// Returns `true` if the type is `name`, or contains it in an `Option`, `Vec` or `Box`.
fn mentions(ty: &Type, name: &syn::Ident) -> bool {
    match ty {
        Type::Path(path) if path.path.is_ident(name) => true,
        Type::Path(_) => last_segment(ty).is_some_and(|segment| {
            matches!(segment.ident.to_string().as_str(), "Option" | "Vec" | "Box")
                && arguments(segment).any(|inner| mentions(inner, name))
        }),
        _ => false,
    }
}

fn arguments(segment: &syn::PathSegment) -> impl Iterator<Item = &Type> {
    let arguments = match &segment.arguments {
        syn::PathArguments::AngleBracketed(arguments) => Some(arguments.args.iter()),
        _ => None,
    };
    arguments.into_iter().flatten().filter_map(|argument| match argument {
        syn::GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}
