//! Primary keys: the types that can be one, and sorted sets of their values.

mod column;
mod ids;
mod search;
mod sorted;

use std::fmt;

use polars::prelude::*;

pub(crate) use column::ColumnIds;
pub use ids::IdSet;
use sorted::sorted_distinct;
pub(crate) use sorted::{Origin, Positions, row_number};

/// The value of one primary key, whatever its type. Errors list ids in this form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RowId {
    /// A key of any integer type.
    Int(i128),
    /// A text key.
    Text(String),
}

impl fmt::Display for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(id) => write!(f, "{id}"),
            Self::Text(id) => write!(f, "{id:?}"),
        }
    }
}

mod sealed {
    pub trait Sealed {}
}

/// A type that can be a primary key: the integer types up to 64 bits, and `String`.
///
/// Integer keys of every width share one id space: `7_u8` and `7_i64` name the same row.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a primary key",
    note = "a key is an integer of up to 64 bits, or a `String`"
)]
pub trait Key: sealed::Sealed + Clone + Send + Sync + 'static {
    /// The Polars type of an id column of this key.
    const DATA_TYPE: DataType;

    #[doc(hidden)]
    fn to_set(ids: &[Self]) -> IdSet;

    #[doc(hidden)]
    fn from_row_id(id: RowId) -> Option<Self>;
}

macro_rules! integer_keys {
    ($($key:ty => $data_type:ident),*) => {$(
        impl sealed::Sealed for $key {}

        impl Key for $key {
            const DATA_TYPE: DataType = DataType::$data_type;

            fn to_set(ids: &[Self]) -> IdSet {
                IdSet::from_integers(ids)
            }

            fn from_row_id(id: RowId) -> Option<Self> {
                match id {
                    RowId::Int(id) => id.try_into().ok(),
                    RowId::Text(_) => None,
                }
            }
        }
    )*};
}

integer_keys!(
    i8 => Int8, i16 => Int16, i32 => Int32, i64 => Int64, isize => Int64,
    u8 => UInt8, u16 => UInt16, u32 => UInt32, u64 => UInt64, usize => UInt64
);

impl sealed::Sealed for String {}

impl Key for String {
    const DATA_TYPE: DataType = DataType::String;

    fn to_set(ids: &[Self]) -> IdSet {
        IdSet::Text(sorted_distinct(ids.to_vec()))
    }

    fn from_row_id(id: RowId) -> Option<Self> {
        match id {
            RowId::Text(id) => Some(id),
            RowId::Int(_) => None,
        }
    }
}

#[cfg(feature = "uuid")]
impl sealed::Sealed for uuid::Uuid {}

/// Text in lower case with hyphens.
#[cfg(feature = "uuid")]
impl Key for uuid::Uuid {
    const DATA_TYPE: DataType = DataType::String;

    fn to_set(ids: &[Self]) -> IdSet {
        IdSet::Text(sorted_distinct(ids.iter().map(|id| id.hyphenated().to_string()).collect()))
    }

    fn from_row_id(id: RowId) -> Option<Self> {
        match id {
            RowId::Text(id) => Self::parse_str(&id).ok(),
            RowId::Int(_) => None,
        }
    }
}
