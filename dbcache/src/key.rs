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
pub(crate) use matches::{Indices, Matches, no_such_index, set_at};
pub(crate) use search::{FENCES_PER_TOP, Levels, locate_from};
use sorted::sorted_distinct;
pub(crate) use sorted::{Origin, row_number};

/// The primary key value of one row, whatever its type. Errors list ids in this form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RowId {
    /// An id of any integer type; ids of type `u128` only up to `i128::MAX`.
    Int(i128),
    /// A `u128` id above `i128::MAX`.
    Huge(u128),
    /// A text id.
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
    /// Parses decimal digits, with or without a leading minus sign.
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
    i8 => |id: i8| Self::Int(id.into());
    i16 => |id: i16| Self::Int(id.into());
    i32 => |id: i32| Self::Int(id.into());
    i64 => |id: i64| Self::Int(id.into());
    isize => |id: isize| Self::Int(id as i128);
    u8 => |id: u8| Self::Int(id.into());
    u16 => |id: u16| Self::Int(id.into());
    u32 => |id: u32| Self::Int(id.into());
    u64 => |id: u64| Self::Int(id.into());
    usize => |id: usize| Self::Int(id as i128);
    i128 => Self::Int;
    u128 => |id: u128| id.try_into().map_or(Self::Huge(id), Self::Int);
    String => Self::Text;
}

mod sealed {
    pub trait Sealed {}
}

/// A type that can be a primary key: an integer type or `String`.
///
/// Integer keys of every width share one id space: `7_u8` and `7_i64` identify the same row. One table can hold
/// negative ids together with ids above `u64::MAX`, but not negative ids together with ids above `i128::MAX`: such a
/// commit fails with [`Error::TypeConflict`](crate::Error::TypeConflict).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a primary key",
    note = "a key is an integer, or a `String`"
)]
pub trait Key: sealed::Sealed + Clone + Send + Sync + 'static {
    /// The Polars type of an id column with keys of this type.
    const DATA_TYPE: DataType;

    #[doc(hidden)]
    fn to_set(ids: &[Self]) -> IdSet;

    /// Returns the key as errors list it, whatever its type.
    ///
    /// ```
    /// use dbcache::key::{Key, RowId};
    ///
    /// assert_eq!(7_u8.to_row_id(), RowId::Int(7));
    /// assert_eq!(i64::from_row_id(RowId::Int(7)), Some(7));
    /// ```
    fn to_row_id(&self) -> RowId;

    /// Returns the key of this type, or `None` if the type does not hold it.
    fn from_row_id(id: RowId) -> Option<Self>;

    /// Returns the canonical spelling of `text` as a key of this type. Returns `None` if `text` already has it, or if
    /// it is not a key of this type.
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

            fn to_row_id(&self) -> RowId {
                RowId::from(*self)
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

    fn to_row_id(&self) -> RowId {
        RowId::Text(self.clone())
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

/// Stored as text in lower case with hyphens.
#[cfg(feature = "uuid")]
impl Key for uuid::Uuid {
    const DATA_TYPE: DataType = DataType::String;

    fn to_set(ids: &[Self]) -> IdSet {
        IdSet::Text(sorted_distinct(ids.iter().map(|id| id.hyphenated().to_string()).collect()))
    }

    fn to_row_id(&self) -> RowId {
        RowId::Text(self.hyphenated().to_string())
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
