//! Field types: which Rust types a column can hold, and how their values become cells and come back.

mod chunks;
#[cfg(feature = "rust_decimal")]
mod decimal;
#[cfg(feature = "chrono")]
mod epoch;
mod fault;
mod json_text;
mod list;
pub(crate) mod names;
pub(crate) mod nested;
mod option;
mod primitive;
mod store_as;
pub(crate) mod stub;
#[cfg(feature = "chrono")]
mod temporal;
mod text;
#[cfg(feature = "uuid")]
mod uuid;
mod wrapped;

use std::fmt::Debug;

use polars::prelude::{DataType, PlSmallStr, PolarsResult, Series};

use crate::column::{ColumnSpec, Nullness};
use crate::record::{Record, SelectColumn};

#[cfg(feature = "chrono")]
pub use epoch::{JulianDay, UnixMicros, UnixMillis, UnixSeconds, UnixTime};
pub use fault::Fault;
pub use json_text::{JsonText, JsonTextBuilder, JsonTextReader};
pub use list::{ListBuilder, ListReader};
pub use store_as::StoreAs;

/// A type that a field of a record, or of a document in one, can have.
///
/// | type | stored as |
/// |---|---|
/// | `i8` … `i64`, `u8` … `u64`, `f32`, `f64`, `bool`, `String` | the Polars type of the same name |
/// | `isize`, `usize` | `Int64`, `UInt64` |
/// | `i128`, `u128` | `Int128`, `UInt128` |
/// | `Vec<u8>` | `Binary` |
/// | `Option<V>` | as `V`, and NULL for `None` |
/// | `Vec<V>`, `[V; N]` | `List` of what `V` is stored as; an array of bytes is `Binary` |
/// | `Box<V>` | as `V`, without columns below it |
/// | `char` | `String` |
/// | `serde_json::Value`, `HashMap<String, V>`, `BTreeMap<String, V>` | `String` with JSON text |
/// | `chrono::NaiveDate`, `NaiveTime`, `NaiveDateTime`, `DateTime<Utc>` (feature `chrono`) | `Date`, `Time`, `Datetime` in microseconds, the last with the zone UTC |
/// | `value::UnixSeconds`, `UnixMillis`, `UnixMicros` (feature `chrono`) | `Int64` |
/// | `value::UnixTime`, `value::JulianDay` (feature `chrono`) | `Float64` |
/// | `uuid::Uuid` (feature `uuid`) | `String`, lower case with hyphens |
/// | `rust_decimal::Decimal` (feature `rust_decimal`) | `Decimal` of 38 digits, 9 of them after the point |
/// | a struct with [`CachedJson`](crate::CachedJson) | `Struct` |
/// | an enum with [`CachedJson`](crate::CachedJson) | `String` |
/// | a type with [`StoreAs`] | as that says |
///
/// Nothing is rounded: a time with a fraction of a microsecond, or a decimal with more than 9 digits after its
/// point, is an error where it would be stored.
///
/// A field also reads a column that is stored in another type, where its values have the same meaning in both.
#[doc = include_str!("../CONVERSIONS.md")]
///
/// This trait is not for implementing by hand: implement [`StoreAs`] for types of your own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored in a column",
    label = "not a field type",
    note = "derive `dbcache::CachedJson` for a nested document or an enum, implement `dbcache::StoreAs` for another type, or mark the field with `#[cached(skip)]`"
)]
pub trait ColumnValue: Sized + Send + Sync + 'static {
    /// `Option<Self>`, or `Self` where that is an `Option` already.
    #[doc(hidden)]
    type Nullable: ColumnValue;
    #[doc(hidden)]
    type Builder: ColumnBuilder<Self>;
    #[doc(hidden)]
    type Reader: ColumnReader<Self>;
    /// How `Vec<Self>` is stored: bytes are not a list of numbers.
    #[doc(hidden)]
    type ListBuilder: ColumnBuilder<Vec<Self>>;
    #[doc(hidden)]
    type ListReader: ColumnReader<Vec<Self>>;
    /// What [`Record::columns`] has for a field of this type: a column, or a struct of columns for a document.
    #[doc(hidden)]
    type Handle<T: Record, N: Nullness>: SelectColumn<T> + Copy + Debug + Send + Sync + 'static;
    #[doc(hidden)]
    const NULLABLE: bool = false;

    #[doc(hidden)]
    fn handle<T: Record, N: Nullness>(spec: ColumnSpec) -> Self::Handle<T, N>;
}

/// A field type that needs no `#[cached(json)]`: everything but documents and lists of them.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored in a column as it is",
    label = "not a plain field type",
    note = "for a nested document, derive `dbcache::CachedJson` for the type and write `#[cached(json)]` on the field",
    note = "for another type, implement `dbcache::StoreAs`; a field that is not to be stored takes `#[cached(skip)]`"
)]
pub trait PlainValue: ColumnValue {}

/// Collects values into a column.
#[doc(hidden)]
pub trait ColumnBuilder<V>: Sized {
    fn data_type() -> DataType;

    fn with_capacity(rows: usize) -> Self;

    fn push(&mut self, value: &V);

    fn push_null(&mut self);

    /// Fails where a value does not fit in the column's type.
    fn finish(self, name: PlSmallStr) -> PolarsResult<Series>;
}

/// Reads values out of a column of the type that the builder makes.
#[doc(hidden)]
pub trait ColumnReader<V>: Sized + Sync {
    fn new(column: &Series) -> Result<Self, Fault>;

    /// The value of a row, `None` for NULL. A type that has a value for NULL gives that.
    fn read(&self, row: usize) -> Result<Option<V>, Fault>;

    /// The value of a row; NULL is a fault.
    fn get(&self, row: usize) -> Result<V, Fault> {
        match self.read(row) {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(Fault::null()),
            Err(fault) => Err(fault),
        }
    }
}

/// `Debug` for columns that are being written or read, whose contents would help nobody.
macro_rules! opaque_debug {
    ($name:ident $(<$value:ident: $bound:path>)?) => {
        impl $(<$value: $bound>)? ::std::fmt::Debug for $name $(<$value>)? {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}
pub(crate) use opaque_debug;

/// The parts of [`ColumnValue`] that all types without columns below them share.
macro_rules! leaf_handle {
    () => {
        type Handle<T: $crate::record::Record, N: $crate::column::Nullness> = $crate::column::Column<T, N::Of<Self>>;

        fn handle<T: $crate::record::Record, N: $crate::column::Nullness>(
            spec: $crate::column::ColumnSpec,
        ) -> Self::Handle<T, N> {
            $crate::column::Column::new(spec)
        }
    };
}
pub(crate) use leaf_handle;
