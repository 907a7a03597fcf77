//! Conversion between id columns and sets of ids.

use std::sync::Arc;

use polars::prelude::*;
use polars_arrow::array::PrimitiveArray;
use polars_buffer::Buffer;

use super::ids::IdSet;
use super::sorted::last_of_each;

/// The result of reading an id column: its ids, or the reason why it cannot be an id column.
#[derive(Debug)]
pub(crate) enum ColumnIds {
    /// The sorted, distinct ids, and for each of them the last row that contains it.
    Ids { set: IdSet, rows: Vec<IdxSize> },
    /// The id of this row is null. It is the first such row.
    Null { row: usize },
    /// The column's type cannot be a key type.
    NotAKey,
}

impl ColumnIds {
    /// Reads an id column of any integer type or of text. The ids may be in any order and may repeat.
    pub(crate) fn read(column: &Series) -> PolarsResult<Self> {
        if let Some(row) = first_null(column) {
            return Ok(Self::Null { row });
        }
        Ok(match column.dtype() {
            DataType::String => {
                let (ids, rows) = last_of_each(column.str()?.iter().flatten().map(str::to_owned));
                Self::Ids { set: IdSet::Text(ids), rows }
            }
            DataType::UInt64 => {
                let (ids, rows) = last_of_each(column.u64()?.into_no_null_iter());
                Self::Ids { set: IdSet::Big(ids).narrowest(), rows }
            }
            DataType::Int128 => {
                let (ids, rows) = last_of_each(column.i128()?.into_no_null_iter());
                Self::Ids { set: IdSet::Wide(ids).narrowest(), rows }
            }
            DataType::UInt128 => {
                let (ids, rows) = last_of_each(column.u128()?.into_no_null_iter());
                Self::Ids { set: IdSet::Huge(ids).narrowest(), rows }
            }
            data_type if data_type.is_integer() => {
                let column = column.cast(&DataType::Int64)?;
                let (ids, rows) = last_of_each(column.i64()?.into_no_null_iter());
                Self::Ids { set: IdSet::Int(ids), rows }
            }
            // A column with no rows, or with only nulls, has no type of its own.
            DataType::Null => Self::Ids { set: IdSet::Int(Vec::new()), rows: Vec::new() },
            _ => Self::NotAKey,
        })
    }
}

/// A buffer owner that keeps a set of integers alive for as long as a column refers to them.
struct Shared(Arc<IdSet>);

macro_rules! shared {
    ($($integer:ident: $variant:ident),*) => {$(
        impl AsRef<[$integer]> for Shared {
            fn as_ref(&self) -> &[$integer] {
                if let IdSet::$variant(ids) = &*self.0 { ids } else { &[] }
            }
        }
    )*};
}

shared!(i64: Int, u64: Big, i128: Wide, u128: Huge);

/// Converts the ids to a column as [`IdSet::to_column`] does, without copying integers.
pub(crate) fn shared_column(ids: &Arc<IdSet>, name: &str) -> Column {
    fn column<T: PolarsNumericType>(ids: &Arc<IdSet>, name: &str) -> Column
    where
        Shared: AsRef<[T::Native]>,
    {
        let ids = Buffer::from_owner(Shared(Arc::clone(ids)));
        let ids = PrimitiveArray::new(T::get_static_dtype().to_arrow(CompatLevel::newest()), ids, None);
        ChunkedArray::<T>::with_chunk(name.into(), ids).into_column()
    }
    if let Some(id) = ids.only() {
        return Column::new_scalar(name.into(), Scalar::new(ids.data_type(), id), 1);
    }
    match &**ids {
        IdSet::Int(_) => column::<Int64Type>(ids, name),
        IdSet::Big(_) => column::<UInt64Type>(ids, name),
        IdSet::Wide(_) => column::<Int128Type>(ids, name),
        IdSet::Huge(_) => column::<UInt128Type>(ids, name),
        IdSet::Text(_) => ids.to_column(name),
    }
}

fn first_null(column: &Series) -> Option<usize> {
    if column.null_count() == 0 {
        return None;
    }
    column.is_null().iter().position(|null| null == Some(true))
}
