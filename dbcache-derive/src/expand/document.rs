//! A document: its columns, its builder and its reader.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::Ident;

use super::{at, bounds, lints, places, shown, with_bounds};
use crate::model::Document;

pub(crate) fn expand(document: &Document<'_>) -> TokenStream {
    let private = document.host.private();
    let bounds = bounds(document.stored().map(|field| (field.ty, code!(#private::ColumnValue))));
    let lints = lints();
    with_bounds(&bounds, |cfg, bounds| {
        let columns = columns_struct(document, cfg, bounds);
        let [selection, value] = [selection(document, bounds), value(document, bounds)];
        let [builder, reader] = [builder(document, bounds), reader(document, bounds)];
        code! {
            #columns

            #cfg
            #lints
            const _: () = {
                #selection
                #value
                #builder
                #reader
            };
        }
    })
}

fn columns_struct(document: &Document<'_>, cfg: &TokenStream, bounds: &TokenStream) -> TokenStream {
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
        "The typed columns below a document of type [`{name}`]. Selects the whole document where it is used as a column itself."
    );
    let lints = lints();
    code! {
        #cfg
        #[doc = #doc]
        #lints
        #[allow(dead_code, private_interfaces)]
        #visibility struct #columns<__Record: #private::Record, __Nullness: #private::Nullness> where #bounds {
            #(#fields)*
            __document: #private::Column<__Record, __Nullness::Of<#name>>,
        }
    }
}

/// The traits by which the struct of columns is itself a column.
fn selection(document: &Document<'_>, bounds: &TokenStream) -> TokenStream {
    let private = document.host.private();
    let (name, columns) = (document.host.name, &document.host.columns);
    let generics = code!(<__Record: #private::Record, __Nullness: #private::Nullness>);
    let itself = code!(#columns<__Record, __Nullness>);
    let column = code!(#private::Column<__Record, __Nullness::Of<#name>>);
    let below = document.stored().map(|field| field.name);
    code! {
        #[automatically_derived]
        impl #generics ::core::clone::Clone for #itself where #bounds {
            fn clone(&self) -> Self {
                *self
            }
        }

        #[automatically_derived]
        impl #generics ::core::marker::Copy for #itself where #bounds {}

        #[automatically_derived]
        impl #generics ::core::fmt::Debug for #itself where #bounds {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Debug::fmt(&self.__document, f)
            }
        }

        #[automatically_derived]
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
            #ident: <#ty as #private::ColumnValue>::handle::<__Record, __Nullness>(place.key(#key)),
        }
    });
    code! {
        #[automatically_derived]
        impl #private::ColumnValue for #name where #bounds {
            type Nullable = ::core::option::Option<Self>;
            type Builder = __Builder;
            type Reader = __Reader;
            type ListBuilder = #private::ListBuilder<Self>;
            type ListReader = #private::ListReader<Self>;
            type Handle<__Record: #private::Record, __Nullness: #private::Nullness> = #columns<__Record, __Nullness>;

            fn handle<__Record: #private::Record, __Nullness: #private::Nullness>(
                place: #private::Place,
            ) -> Self::Handle<__Record, __Nullness> {
                #columns { #(#fields)* __document: #private::Column::new(place) }
            }
        }
    }
}

/// One builder a field, and which rows have a document.
fn builder(document: &Document<'_>, bounds: &TokenStream) -> TokenStream {
    let private = document.host.private();
    let name = document.host.name;
    let stored: Vec<_> = document.stored().collect();
    let places = places(stored.len());
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
    let debug = opaque_debug(&code!(__Builder), bounds);
    code! {
        #[doc(hidden)]
        pub struct __Builder where #bounds {
            #(#places: #builders,)*
            rows: ::core::primitive::usize,
            validity: #private::Validity,
        }

        #debug

        #[automatically_derived]
        impl #private::ColumnBuilder<#name> for __Builder where #bounds {
            fn data_type() -> #private::DataType {
                #private::struct_type([#(#data_types),*])
            }

            fn with_capacity(rows: ::core::primitive::usize) -> Self {
                Self {
                    #(#places: #private::FieldBuilder::with_capacity(rows),)*
                    rows: 0,
                    validity: ::core::default::Default::default(),
                }
            }

            fn push(&mut self, value: &#name) {
                #(self.#places.push(&value.#idents);)*
                self.validity.push_valid();
                self.rows += 1;
            }

            fn push_null(&mut self) {
                #(self.#places.push_null();)*
                self.validity.push_null(self.rows);
                self.rows += 1;
            }

            fn finish(self, name: #private::PlSmallStr) -> #private::PolarsResult<#private::Series> {
                let fields = [#(self.#places.finish(#keys)?),*];
                #private::finish_struct(name, self.rows, &fields, self.validity)
            }
        }
    }
}

/// One reader a field, and which rows have a document.
fn reader(document: &Document<'_>, bounds: &TokenStream) -> TokenStream {
    let private = document.host.private();
    let name = document.host.name;
    let stored: Vec<_> = document.stored().collect();
    let places = places(stored.len());
    let readers = stored.iter().zip(&places).map(|(field, place)| {
        let ty = field.ty;
        quote_spanned!(at(ty)=> #place: #private::FieldReader<#ty>,)
    });
    let opened = stored.iter().zip(&places).map(|(field, place): (_, &Ident)| {
        let key = &field.key;
        code!(#place: #private::FieldReader::open(&mut fields, #key)?,)
    });
    let values = stored.iter().zip(&places).map(|(field, place)| {
        let ident = field.name;
        code!(#ident: self.#place.get(row)?,)
    });
    let skipped = document.fields.iter().filter(|field| field.skip).map(|field| {
        let (ident, ty) = (field.name, field.ty);
        quote_spanned!(at(ty)=> #ident: <#ty as ::core::default::Default>::default(),)
    });
    let debug = opaque_debug(&code!(__Reader), bounds);
    code! {
        #[doc(hidden)]
        pub struct __Reader where #bounds {
            #(#readers)*
            documents: #private::Documents,
        }

        #debug

        #[automatically_derived]
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

fn opaque_debug(name: &TokenStream, bounds: &TokenStream) -> TokenStream {
    let shown = name.to_string();
    code! {
        #[automatically_derived]
        impl ::core::fmt::Debug for #name where #bounds {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct(#shown).finish_non_exhaustive()
            }
        }
    }
}
