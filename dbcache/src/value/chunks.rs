//! The cells of a column that may lie in several arrays, as those of several row groups do.

use polars::prelude::{ChunkedArray, PolarsDataType};
use polars_arrow::array::StaticArray;

/// The arrays of a column. Copying them into one would cost more than to find a row's array.
#[derive(Debug)]
pub(super) struct Chunks<A> {
    arrays: Vec<A>,
    /// The first row of each.
    starts: Vec<usize>,
}

impl<A: StaticArray + Clone> Chunks<A> {
    pub(super) fn of<T: PolarsDataType<Array = A>>(column: &ChunkedArray<T>) -> Self {
        let arrays: Vec<A> = column.downcast_iter().cloned().collect();
        let starts = arrays.iter().scan(0, |end, array| {
            let start = *end;
            *end += array.len();
            Some(start)
        });
        Self { starts: starts.collect(), arrays }
    }

    /// The cell of a row; `None` where it is NULL.
    pub(super) fn get(&self, row: usize) -> Option<A::ValueT<'_>> {
        match self.arrays.as_slice() {
            [all] => all.get(row),
            arrays => {
                let number = self.starts.partition_point(|start| *start <= row).checked_sub(1)?;
                arrays.get(number)?.get(row - self.starts.get(number)?)
            }
        }
    }
}
