//! A document's struct of columns, its builder and its reader.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::Ident;

use super::bounds::{attributes, bounds};
use super::{at, copy, locals, opaque_debug, shown};
use crate::model::Document;

pub(crate) fn expand(document: &Document<'_>) -> TokenStream {
    let private = document.host.private();
    let bounds = bounds(document.stored().map(|field| (field.ty, code!(#private::ColumnValue))));
    let columns = columns_struct(document, &bounds);
    let impls = [selection, value, builder, reader].map(|part| part(document, &bounds));
    code! {
        #columns

        const _: () = { #(#impls)* };
    }
}

fn columns_struct(document: &Document<'_>, bounds: &TokenStream) -> TokenStream {
    let private = document.host.private();
    let (name, visibility, columns) = (document.host.name, document.host.visibility, &document.host.columns);
    let fields = document.stored().map(|field| {
        let (ident, ty) = (field.name, field.ty);
        let doc =
            format!("The path to `{}`, of type `{}`, or an `Option` of it below an `Option`.", field.key, shown(ty));
        let handle = quote_spanned!(at(ty)=> <#ty as #private::ColumnValue>::Handle<__Record, __Nullness>);
        code!(#[doc = #doc] pub #ident: #handle,)
    });
    let doc = format!(
        "The typed columns below a document of type [`{name}`]. As a column itself, it selects the whole document."
    );
    let attributes = attributes(&private);
    code! {
        #[doc = #doc]
        #attributes
        #[allow(dead_code, private_interfaces)]
        #visibility struct #columns<__Record: #private::Record, __Nullness: #private::Nullness> where #bounds {
            #(#fields)*
            __document: #private::Column<__Record, __Nullness::Of<#name>>,
        }
    }
}

/// The impls that make the struct of columns itself a column.
fn selection(document: &Document<'_>, bounds: &TokenStream) -> TokenStream {
    let private = document.host.private();
    let (name, columns) = (document.host.name, &document.host.columns);
    let generics = code!(<__Record: #private::Record, __Nullness: #private::Nullness>);
    let itself = code!(#columns<__Record, __Nullness>);
    let column = code!(#private::Column<__Record, __Nullness::Of<#name>>);
    let below = document.stored().map(|field| field.name);
    let attributes = attributes(&private);
    let copy = copy(&generics, &itself, &attributes, bounds);
    code! {
        #copy

        #[automatically_derived]
        #attributes
        impl #generics ::core::fmt::Debug for #itself where #bounds {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Debug::fmt(&self.__document, f)
            }
        }

        #[automatically_derived]
        #attributes
        impl #generics #private::SelectColumn<__Record> for #itself where #bounds {
            type Value = __Nullness::Of<#name>;

            fn column(&self) -> #column {
                self.__document
            }

            fn list(&self, paths: &mut ::std::vec::Vec<#private::ColumnSchema>) {
                #private::SelectColumn::<__Record>::list(&self.__document, paths);
                #(#private::SelectColumn::<__Record>::list(&self.#below, paths);)*
            }
        }

        #[automatically_derived]
        #attributes
        impl #generics #private::Selection<__Record> for #itself where #bounds {
            type Row = __Nullness::Of<#name>;

            fn schema(&self) -> ::std::vec::Vec<#private::ColumnSchema> {
                <#column as #private::Selection<__Record>>::schema(&self.__document)
            }

            fn rows(
                &self,
                frame: &#private::DataFrame,
            ) -> ::core::result::Result<::std::vec::Vec<Self::Row>, #private::CellError> {
                <#column as #private::Selection<__Record>>::rows(&self.__document, frame)
            }
        }
    }
}

fn value(document: &Document<'_>, bounds: &TokenStream) -> TokenStream {
    let private = document.host.private();
    let (name, columns) = (document.host.name, &document.host.columns);
    let fields = document.stored().map(|field| {
        let (ident, ty, key) = (field.name, field.ty, &field.key);
        quote_spanned! {at(ty)=>
            #ident: <#ty as #private::ColumnValue>::handle::<__Record, __Nullness>(spec.key(#key)),
        }
    });
    let attributes = attributes(&private);
    code! {
        #[automatically_derived]
        #attributes
        impl #private::ColumnValue for #name where #bounds {
            type Nullable = ::core::option::Option<Self>;
            type Builder = __Builder;
            type Reader = __Reader;
            type ListBuilder = #private::ListBuilder<Self>;
            type ListReader = #private::ListReader<Self>;
            type Handle<__Record: #private::Record, __Nullness: #private::Nullness> = #columns<__Record, __Nullness>;

            fn handle<__Record: #private::Record, __Nullness: #private::Nullness>(
                spec: #private::ColumnSpec,
            ) -> Self::Handle<__Record, __Nullness> {
                #columns { #(#fields)* __document: #private::Column::new(spec) }
            }
        }
    }
}

/// The builder: one builder for each field, and the validity of the rows.
fn builder(document: &Document<'_>, bounds: &TokenStream) -> TokenStream {
    let private = document.host.private();
    let name = document.host.name;
    let stored: Vec<_> = document.stored().collect();
    let locals = locals(stored.len());
    let builders: Vec<TokenStream> = stored
        .iter()
        .map(|field| {
            let ty = field.ty;
            quote_spanned!(at(ty)=> #private::FieldBuilder<#ty>)
        })
        .collect();
    let data_types = stored.iter().map(|field| {
        let (ty, key) = (field.ty, &field.key);
        quote_spanned!(at(ty)=> (#key, #private::FieldBuilder::<#ty>::data_type()))
    });
    let (keys, idents): (Vec<_>, Vec<_>) = stored.iter().map(|field| (&field.key, field.name)).unzip();
    let attributes = attributes(&private);
    let debug = opaque_debug(&code!(__Builder), &attributes, bounds);
    code! {
        #[doc(hidden)]
        #attributes
        pub struct __Builder where #bounds {
            #(#locals: #builders,)*
            rows: ::core::primitive::usize,
            validity: #private::Validity,
        }

        #debug

        #[automatically_derived]
        #attributes
        impl #private::ColumnBuilder<#name> for __Builder where #bounds {
            fn data_type() -> #private::DataType {
                #private::struct_type([#(#data_types),*])
            }

            fn with_capacity(rows: ::core::primitive::usize) -> Self {
                Self {
                    #(#locals: #private::FieldBuilder::with_capacity(rows),)*
                    rows: 0,
                    validity: ::core::default::Default::default(),
                }
            }

            fn push(&mut self, value: &#name) {
                #(self.#locals.push(&value.#idents);)*
                self.validity.push_valid();
                self.rows += 1;
            }

            fn push_null(&mut self) {
                #(self.#locals.push_null();)*
                self.validity.push_null(self.rows);
                self.rows += 1;
            }

            fn finish(self, name: #private::PlSmallStr) -> #private::PolarsResult<#private::Series> {
                let fields = [#(self.#locals.finish(#keys)?),*];
                #private::finish_struct(name, self.rows, &fields, self.validity)
            }
        }
    }
}

/// The reader: one reader for each field, and the validity of the rows.
fn reader(document: &Document<'_>, bounds: &TokenStream) -> TokenStream {
    let private = document.host.private();
    let name = document.host.name;
    let stored: Vec<_> = document.stored().collect();
    let locals = locals(stored.len());
    let readers = stored.iter().zip(&locals).map(|(field, local)| {
        let ty = field.ty;
        quote_spanned!(at(ty)=> #local: #private::FieldReader<#ty>,)
    });
    let opened = stored.iter().zip(&locals).map(|(field, local): (_, &Ident)| {
        let key = &field.key;
        code!(#local: #private::FieldReader::open(&mut fields, #key)?,)
    });
    let values = stored.iter().zip(&locals).map(|(field, local)| {
        let ident = field.name;
        code!(#ident: self.#local.get(row)?,)
    });
    let skipped = document.fields.iter().filter(|field| field.skip).map(|field| {
        let (ident, ty) = (field.name, field.ty);
        quote_spanned!(at(ty)=> #ident: <#ty as ::core::default::Default>::default(),)
    });
    let attributes = attributes(&private);
    let debug = opaque_debug(&code!(__Reader), &attributes, bounds);
    code! {
        #[doc(hidden)]
        #attributes
        pub struct __Reader where #bounds {
            #(#readers)*
            documents: #private::Documents,
        }

        #debug

        #[automatically_derived]
        #attributes
        impl #private::ColumnReader<#name> for __Reader where #bounds {
            fn new(column: &#private::Series) -> ::core::result::Result<Self, #private::Fault> {
                let (documents, mut fields) = #private::Documents::open(column)?;
                ::core::result::Result::Ok(Self { #(#opened)* documents })
            }

            fn read(
                &self,
                row: ::core::primitive::usize,
            ) -> ::core::result::Result<::core::option::Option<#name>, #private::Fault> {
                if self.documents.is_null(row) {
                    return ::core::result::Result::Ok(::core::option::Option::None);
                }
                ::core::result::Result::Ok(::core::option::Option::Some(#name { #(#values)* #(#skipped)* }))
            }
        }
    }
}
