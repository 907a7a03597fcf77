//! `impl Record`, and the struct of typed columns.

use proc_macro2::TokenStream;
use quote::quote_spanned;

use super::{at, lints, places};
use crate::model::{Record, RecordField};

pub(crate) fn expand(record: &Record<'_>) -> TokenStream {
    let private = record.host.private();
    let name = record.host.name;
    let columns_name = record.host.columns();
    let struct_ = columns_struct(record);
    let id = record.fields.iter().find(|field| field.is_id()).map(|field| field.ty);
    let [columns, schema, to_frame, from_frame] =
        [columns(record), schema(record), to_frame(record), from_frame(record)];
    let lints = lints();
    code! {
        #struct_

        #lints
        #[automatically_derived]
        impl #private::Record for #name {
            type Id = #id;
            type Columns = #columns_name;

            #columns
            #schema
            #to_frame
            #from_frame
        }
    }
}

fn columns_struct(record: &Record<'_>) -> TokenStream {
    let private = record.host.private();
    let (name, visibility, columns_name) = (record.host.name, record.host.visibility, record.host.columns());
    let fields = record.columns().map(|field| {
        let (ident, ty) = (field.name, field.ty);
        let doc = format!("The column `{}`.", field.column);
        let handle = quote_spanned!(at(ty)=> <#ty as #private::ColumnValue>::Handle<#name, #private::Required>);
        code!(#[doc = #doc] pub #ident: #handle,)
    });
    let doc = format!("The typed columns of [`{name}`], which `{name}::columns()` gives.");
    let lints = lints();
    code! {
        #[doc = #doc]
        #[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
        #lints
        #[allow(dead_code, private_interfaces)]
        #visibility struct #columns_name { #(#fields)* }
    }
}

fn columns(record: &Record<'_>) -> TokenStream {
    let private = record.host.private();
    let columns_name = record.host.columns();
    let fields = record.columns().map(|field| {
        let ident = field.name;
        let handle = handle(record, field);
        code!(#ident: #handle,)
    });
    code! {
        fn columns() -> Self::Columns {
            static COLUMNS: #private::LazyLock<#columns_name> = #private::LazyLock::new(|| #columns_name { #(#fields)* });
            *COLUMNS
        }
    }
}

fn handle(record: &Record<'_>, field: &RecordField<'_>) -> TokenStream {
    let private = record.host.private();
    let (name, ty, column) = (record.host.name, field.ty, &field.column);
    let default = default(record, field);
    let place = match field.attr.json {
        Some(_) => quote_spanned!(at(ty)=> #private::Place::json::<#ty>(#column)),
        None => quote_spanned!(at(ty)=> #private::Place::plain::<#ty>(#column)),
    };
    quote_spanned!(at(ty)=> <#ty as #private::ColumnValue>::handle::<#name, #private::Required>(#place #default))
}

fn default(record: &Record<'_>, field: &RecordField<'_>) -> Option<TokenStream> {
    let private = record.host.private();
    let ty = field.ty;
    field.attr.default.as_ref()?;
    let value = match field.default_path() {
        Some(path) => code!(#path()),
        None => quote_spanned!(at(ty)=> <#ty as ::core::default::Default>::default()),
    };
    Some(code!(.default(|| #private::default_cell::<#ty>(&#value))))
}

fn schema(record: &Record<'_>) -> TokenStream {
    let private = record.host.private();
    let (name, table) = (record.host.name, &record.table);
    let mut columns = record.columns().map(|field| {
        let ident = field.name;
        code!(#private::SelectColumn::<#name>::column(&columns.#ident).column_schema())
    });
    let id = columns.next();
    code! {
        fn schema() -> &'static #private::Schema {
            static SCHEMA: #private::LazyLock<#private::Schema> = #private::LazyLock::new(|| {
                let columns = <#name as #private::Record>::columns();
                #private::Schema::new(#table, #id, &[#(#columns),*])
            });
            &SCHEMA
        }
    }
}

fn to_frame(record: &Record<'_>) -> TokenStream {
    let private = record.host.private();
    let columns = record.columns().map(|field| {
        let (ident, ty, column) = (field.name, field.ty, &field.column);
        quote_spanned!(at(ty)=> #private::column::<Self, #ty>(rows, #column, |row| &row.#ident)?)
    });
    code! {
        fn to_frame(rows: &[Self]) -> #private::PolarsResult<#private::DataFrame> {
            #private::table(rows, ::std::vec![#(#columns),*])
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
