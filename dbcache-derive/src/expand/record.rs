//! `impl Record`, and the struct of typed columns.

use proc_macro2::TokenStream;
use quote::quote_spanned;

use super::bounds::{attributes, bounds};
use super::{at, copy, locals, opaque_debug, shown};
use crate::model::{Record, RecordField};

pub(crate) fn expand(record: &Record<'_>) -> TokenStream {
    let private = record.host.private();
    let bounds = bounds(record.columns().map(|field| match field.attr.json {
        Some(_) => (field.ty, code!(#private::ColumnValue + #private::DeserializeOwned)),
        None => (field.ty, code!(#private::PlainValue)),
    }));
    let columns = columns_struct(record, &bounds);
    let record = record_impl(record, &bounds);
    code!(#columns #record)
}

fn record_impl(record: &Record<'_>, bounds: &TokenStream) -> TokenStream {
    let private = record.host.private();
    let name = record.host.name;
    let columns_name = &record.host.columns;
    let id = record.fields.iter().find(|field| field.is_id()).map(|field| field.ty);
    let methods = [columns(record), schema(record), to_frame(record), from_frame(record)];
    let attributes = attributes(&private);
    code! {
        #[automatically_derived]
        #attributes
        impl #private::Record for #name where #bounds {
            type Id = #id;
            type Columns = #columns_name;

            #(#methods)*
        }
    }
}

fn columns_struct(record: &Record<'_>, bounds: &TokenStream) -> TokenStream {
    let private = record.host.private();
    let (name, visibility, columns_name) = (record.host.name, record.host.visibility, &record.host.columns);
    let fields = record.columns().map(|field| {
        let (ident, ty) = (field.name, field.ty);
        let doc = format!("The column `{}`, of type `{}`.", field.column, shown(ty));
        // The general form would also serve a plain value, but `Column` reads better in the user's documentation.
        let handle = if field.attr.json.is_some() {
            quote_spanned!(at(ty)=> <#ty as #private::ColumnValue>::Handle<#name, #private::Required>)
        } else {
            code!(#private::Column<#name, #ty>)
        };
        code!(#[doc = #doc] pub #ident: #handle,)
    });
    let doc = format!("The typed columns of [`{name}`], returned by `{name}::columns()`.");
    let attributes = attributes(&private);
    let shown_name = code!(#columns_name);
    let copy = copy(&TokenStream::new(), &shown_name, &attributes, bounds);
    let debug = opaque_debug(&shown_name, &attributes, bounds);
    code! {
        #[doc = #doc]
        #attributes
        #[allow(dead_code, private_interfaces)]
        #visibility struct #columns_name where #bounds { #(#fields)* }

        #copy
        #debug
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
            static COLUMNS: #private::StaticColumns = #private::StaticColumns::new();
            COLUMNS.get(|| #columns_name { #(#fields)* })
        }
    }
}

fn handle(record: &Record<'_>, field: &RecordField<'_>) -> TokenStream {
    let private = record.host.private();
    let (name, ty, column) = (record.host.name, field.ty, &field.column);
    let default = default(record, field);
    if field.attr.json.is_some() {
        let spec = quote_spanned!(at(ty)=> #private::ColumnSpec::json::<#ty>(#column)#default);
        quote_spanned!(at(ty)=> <#ty as #private::ColumnValue>::handle::<#name, #private::Required>(#spec))
    } else {
        quote_spanned!(at(ty)=> #private::Column::new(#private::ColumnSpec::plain::<#ty>(#column)#default))
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
            static SCHEMA: #private::StaticSchema = #private::StaticSchema::new();
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
    let indices = 0..columns.len();
    code! {
        fn to_frame(rows: &[Self]) -> ::core::result::Result<#private::DataFrame, #private::CellError> {
            #private::table(rows.len(), #count, &|index| match index {
                #(#indices => #columns,)*
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
    let locals = locals(count);
    let readers = record.columns().zip(&locals).map(|(field, local)| {
        let (ident, ty) = (field.name, field.ty);
        quote_spanned! {at(ty)=>
            let #local = cells.reader::<#ty>(#private::SelectColumn::<Self>::column(&columns.#ident).column_schema())?;
        }
    });
    let fields = record.columns().zip(&locals).map(|(field, local)| {
        let ident = field.name;
        code!(#ident: #local.get(row)?,)
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
