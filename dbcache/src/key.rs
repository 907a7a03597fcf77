//! Primary keys: the types that can be one, and sorted sets of their values.

mod column;
mod ids;
mod matches;
mod search;
mod sorted;

use std::fmt;

use polars::prelude::*;

pub(crate) use column::{ColumnIds, shared_column};
pub use ids::IdSet;
pub(crate) use matches::{Matches, Places, no_place, put};
pub(crate) use search::{FENCES_A_TOP, Levels, locate_from};
use sorted::sorted_distinct;
pub(crate) use sorted::{Origin, row_number};

/// The value of one primary key, whatever its type. Errors list ids in this form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RowId {
    /// A key of any integer type, of a `u128` one up to `i128::MAX`.
    Int(i128),
    /// A `u128` key above `i128::MAX`.
    Huge(u128),
    /// A text key.
    Text(String),
}

impl fmt::Display for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(id) => write!(f, "{id}"),
            Self::Huge(id) => write!(f, "{id}"),
            Self::Text(id) => write!(f, "{id:?}"),
        }
    }
}

impl RowId {
    /// The integer that digits spell, a minus sign before them or not.
    pub(crate) fn integer(digits: &str) -> Option<Self> {
        digits.parse().map(Self::Int).or_else(|_| digits.parse().map(Self::Huge)).ok()
    }
}

macro_rules! row_ids {
    ($($key:ty => $row_id:expr;)*) => {$(
        impl From<$key> for RowId {
            fn from(id: $key) -> Self {
                $row_id(id)
            }
        }
    )*};
}

row_ids! {
    i64 => |id: i64| Self::Int(id.into());
    u64 => |id: u64| Self::Int(id.into());
    i128 => Self::Int;
    u128 => |id: u128| id.try_into().map_or(Self::Huge(id), Self::Int);
    String => Self::Text;
}

mod sealed {
    pub trait Sealed {}
}

/// A type that can be a primary key: the integer types, and `String`.
///
/// Integer keys of every width share one id space: `7_u8` and `7_i64` name the same row. One table holds both negative
/// ids and ids above `u64::MAX`, but not negative ids beside ids above `i128::MAX`: that is an
/// [`Error::TypeConflict`](crate::Error::TypeConflict).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a primary key",
    note = "a key is an integer, or a `String`"
)]
pub trait Key: sealed::Sealed + Clone + Send + Sync + 'static {
    /// The Polars type of an id column of this key.
    const DATA_TYPE: DataType;

    #[doc(hidden)]
    fn to_set(ids: &[Self]) -> IdSet;

    #[doc(hidden)]
    fn from_row_id(id: RowId) -> Option<Self>;

    /// The one spelling of a text that has several as this key; `None` if it is as it should be, or no such key.
    #[doc(hidden)]
    fn respelled(text: &str) -> Option<String> {
        let _ = text;
        None
    }
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
                    RowId::Huge(id) => id.try_into().ok(),
                    RowId::Text(_) => None,
                }
            }
        }
    )*};
}

integer_keys!(
    i8 => Int8, i16 => Int16, i32 => Int32, i64 => Int64, isize => Int64, i128 => Int128,
    u8 => UInt8, u16 => UInt16, u32 => UInt32, u64 => UInt64, usize => UInt64, u128 => UInt128
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
            RowId::Int(_) | RowId::Huge(_) => None,
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
            RowId::Int(_) | RowId::Huge(_) => None,
        }
    }

    fn respelled(text: &str) -> Option<String> {
        let spelling = Self::parse_str(text).ok()?.hyphenated().to_string();
        (spelling != text).then_some(spelling)
    }
}
