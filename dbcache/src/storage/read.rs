//! The rows of a table as they were at one moment: which files have them, and what is read of these.

mod in_order;
mod located;
mod segment;
mod snapshot;

pub(in crate::storage) use self::in_order::{InOrder, LeftOut, SetsInOrder};
pub(in crate::storage) use self::located::Located;
pub(in crate::storage) use self::segment::{Segment, Size};
#[cfg(feature = "lazy")]
pub(crate) use self::snapshot::Parts;
pub(crate) use self::snapshot::{LookUp, Reading, Snapshot, StoredColumn};
