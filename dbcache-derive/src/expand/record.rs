//! `impl Record`, and the struct of typed columns.

use proc_macro2::TokenStream;
use quote::quote_spanned;

use super::{at, bounds, lints, places, shown, with_bounds};
use crate::model::{Record, RecordField};

pub(crate) fn expand(record: &Record<'_>) -> TokenStream {
    let private = record.host.private();
    let bounds = bounds(record.columns().map(|field| match field.attr.json {
        Some(_) => (field.ty, code!(#private::ColumnValue + #private::DeserializeOwned)),
        None => (field.ty, code!(#private::PlainValue)),
    }));
    with_bounds(&bounds, |cfg, bounds| {
        let columns = columns_struct(record, cfg, bounds);
        let record = record_impl(record, cfg, bounds);
        code!(#columns #record)
    })
}

fn record_impl(record: &Record<'_>, cfg: &TokenStream, bounds: &TokenStream) -> TokenStream {
    let private = record.host.private();
    let name = record.host.name;
    let columns_name = &record.host.columns;
    let id = record.fields.iter().find(|field| field.is_id()).map(|field| field.ty);
    let methods = [columns(record), schema(record), to_frame(record), from_frame(record)];
    let lints = lints();
    code! {
        #cfg
        #lints
        #[automatically_derived]
        impl #private::Record for #name where #bounds {
            type Id = #id;
            type Columns = #columns_name;

            #(#methods)*
        }
    }
}

fn columns_struct(record: &Record<'_>, cfg: &TokenStream, bounds: &TokenStream) -> TokenStream {
    let private = record.host.private();
    let (name, visibility, columns_name) = (record.host.name, record.host.visibility, &record.host.columns);
    let fields = record.columns().map(|field| {
        let (ident, ty) = (field.name, field.ty);
        let doc = format!("The column `{}`, of type `{}`.", field.column, shown(ty));
        // A plain value has a plain column, which reads better in the user's documentation than the general form.
        let handle = if field.attr.json.is_some() {
            quote_spanned!(at(ty)=> <#ty as #private::ColumnValue>::Handle<#name, #private::Required>)
        } else {
            code!(#private::Column<#name, #ty>)
        };
        code!(#[doc = #doc] pub #ident: #handle,)
    });
    let doc = format!("The typed columns of [`{name}`], which `{name}::columns()` gives.");
    let lints = lints();
    let shown_name = columns_name.to_string();
    code! {
        #cfg
        #[doc = #doc]
        #lints
        #[allow(dead_code, private_interfaces)]
        #visibility struct #columns_name where #bounds { #(#fields)* }

        #cfg
        #lints
        #[automatically_derived]
        impl ::core::clone::Clone for #columns_name where #bounds {
            fn clone(&self) -> Self {
                *self
            }
        }

        #cfg
        #lints
        #[automatically_derived]
        impl ::core::marker::Copy for #columns_name where #bounds {}

        #cfg
        #lints
        #[automatically_derived]
        impl ::core::fmt::Debug for #columns_name where #bounds {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct(#shown_name).finish_non_exhaustive()
            }
        }
    }
}

fn columns(record: &Record<'_>) -> TokenStream {
    let private = record.host.private();
    let columns_name = &record.host.columns;
    let fields = record.columns().map(|field| {
        let ident = field.name;
        let handle = handle(record, field);
        code!(#ident: #handle,)
    });
    code! {
        fn columns() -> Self::Columns {
            static COLUMNS: #private::Shared = #private::Shared::new();
            COLUMNS.get(|| #columns_name { #(#fields)* })
        }
    }
}

fn handle(record: &Record<'_>, field: &RecordField<'_>) -> TokenStream {
    let private = record.host.private();
    let (name, ty, column) = (record.host.name, field.ty, &field.column);
    let default = default(record, field);
    if field.attr.json.is_some() {
        let place = quote_spanned!(at(ty)=> #private::Place::json::<#ty>(#column)#default);
        quote_spanned!(at(ty)=> <#ty as #private::ColumnValue>::handle::<#name, #private::Required>(#place))
    } else {
        quote_spanned!(at(ty)=> #private::Column::new(#private::Place::plain::<#ty>(#column)#default))
    }
}

fn default(record: &Record<'_>, field: &RecordField<'_>) -> Option<TokenStream> {
    let private = record.host.private();
    let ty = field.ty;
    field.attr.default.as_ref()?;
    let own = || quote_spanned!(at(ty)=> <#ty as ::core::default::Default>::default());
    let value = field.default_path().map_or_else(own, |path| code!(#path()));
    Some(code!(.default(|| #private::default_cell::<#ty>(&#value))))
}

fn schema(record: &Record<'_>) -> TokenStream {
    let private = record.host.private();
    let table = &record.table;
    let mut columns = record.columns().map(|field| field.name);
    let id = columns.next();
    let listed = columns.map(|ident| code!(#private::SelectColumn::<Self>::list(&columns.#ident, &mut paths);));
    code! {
        fn schema() -> &'static #private::Schema {
            static SCHEMA: #private::SharedSchema = #private::SharedSchema::new();
            SCHEMA.get(|| {
                let columns = <Self as #private::Record>::columns();
                let mut paths = ::std::vec::Vec::new();
                #(#listed)*
                let id = #private::SelectColumn::<Self>::column(&columns.#id).column_schema();
                #private::Schema::new(#table, id, paths)
            })
        }
    }
}

fn to_frame(record: &Record<'_>) -> TokenStream {
    let private = record.host.private();
    let mut columns: Vec<TokenStream> = record
        .columns()
        .map(|field| {
            let (ident, ty, column) = (field.name, field.ty, &field.column);
            quote_spanned!(at(ty)=> #private::column::<Self, #ty>(rows, #column, |row| &row.#ident))
        })
        .collect();
    let id = record.columns().next().map(|field| field.name);
    let count = columns.len();
    let last = columns.pop();
    let places = 0..columns.len();
    code! {
        fn to_frame(rows: &[Self]) -> ::core::result::Result<#private::DataFrame, #private::CellError> {
            #private::table(rows.len(), #count, &|place| match place {
                #(#places => #columns,)*
                _ => #last,
            })
        }

        fn id_of(row: &Self) -> &Self::Id {
            &row.#id
        }
    }
}

fn from_frame(record: &Record<'_>) -> TokenStream {
    let private = record.host.private();
    let count = record.columns().count();
    let places = places(count);
    let readers = record.columns().zip(&places).map(|(field, place)| {
        let (ident, ty) = (field.name, field.ty);
        quote_spanned! {at(ty)=>
            let #place = cells.reader::<#ty>(#private::SelectColumn::<Self>::column(&columns.#ident).column_schema())?;
        }
    });
    let fields = record.columns().zip(&places).map(|(field, place)| {
        let ident = field.name;
        code!(#ident: #place.get(row)?,)
    });
    let skipped = record.fields.iter().filter(|field| field.is_skipped()).map(|field| {
        let (ident, ty) = (field.name, field.ty);
        quote_spanned!(at(ty)=> #ident: <#ty as ::core::default::Default>::default(),)
    });
    code! {
        fn from_frame(
            frame: &#private::DataFrame,
        ) -> ::core::result::Result<::std::vec::Vec<Self>, #private::CellError> {
            let columns = <Self as #private::Record>::columns();
            let mut cells = #private::Cells::new(frame);
            #(#readers)*
            #private::collect_rows(frame, |row| ::core::result::Result::Ok(Self { #(#fields)* #(#skipped)* }))
        }
    }
}
