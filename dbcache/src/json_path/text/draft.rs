//! A column that grows while the documents are scanned, as long as its type fits what was found.

use polars::prelude::*;

use crate::json_path::Strictness;
use crate::json_path::build::{Builder, Misfit};
use crate::json_path::infer::{Kinds, Target};
use crate::json_path::value::Value;

/// A column of the type that fits the rows so far. It is of use if that also fits all rows of all parts.
pub(super) struct Draft {
    target: Target,
    /// Rows that were built as integers before a fraction came.
    integers: Option<Series>,
    builder: Builder,
    /// How many rows there will be.
    capacity: usize,
    strictness: Strictness,
}

impl Draft {
    /// A column of the pinned type, or one that takes the type of the first values.
    pub(super) fn new(pinned: Option<&DataType>, capacity: usize, strictness: Strictness) -> Self {
        let target = pinned.map_or_else(|| Kinds::default().target(), |data_type| Target::pinned(data_type.clone()));
        // What nothing is known of yet is not built before its type is.
        let rows = if pinned.is_some() { capacity } else { 0 };
        let builder = Builder::new(&target, rows, strictness);
        Self { target, integers: None, builder, capacity, strictness }
    }

    /// The draft in the type of all values so far; `None` where it would have to be built anew.
    ///
    /// `before` says how many rows it has.
    pub(super) fn fitting(self, kinds: Kinds, before: usize) -> Option<Self> {
        if kinds.nested() {
            return None;
        }
        let target = kinds.target();
        if self.target == target {
            Some(self)
        } else if self.target.data_type.is_null() {
            self.after_nulls(target, before)
        } else if is_widening(&self.target, &target) {
            self.after_integers(target)
        } else {
            None
        }
    }

    fn after_nulls(self, target: Target, nulls: usize) -> Option<Self> {
        let mut builder = Builder::new(&target, self.capacity, self.strictness);
        (0..nulls).try_for_each(|_| builder.push(None)).ok()?;
        Some(Self { target, builder, ..self })
    }

    fn after_integers(self, target: Target) -> Option<Self> {
        let integers = self.builder.finish().ok()?;
        let builder = Builder::new(&target, self.capacity.saturating_sub(integers.len()), self.strictness);
        Some(Self { target, integers: Some(integers), builder, ..self })
    }

    /// Adds a row. After a value that does not fit the draft is of no use.
    pub(super) fn push(&mut self, value: Option<Value<'_>>) -> Result<(), Misfit> {
        self.builder.push(value)
    }

    /// Whether this is, or can be cast to, a column of that target.
    pub(super) fn suits(&self, target: &Target) -> bool {
        self.target == *target || self.target.data_type.is_null() || is_widening(&self.target, target)
    }

    /// The column, which suits the target.
    pub(super) fn finish(self, target: &Target) -> PolarsResult<Series> {
        let built = self.builder.finish()?;
        let Some(integers) = self.integers else { return in_type(built, &target.data_type) };
        let mut column = in_type(integers, &target.data_type)?;
        column.append_owned(built)?;
        Ok(column.rechunk())
    }
}

/// Whether all that was built under one target can be cast to the other: integers that floats have joined.
fn is_widening(from: &Target, to: &Target) -> bool {
    *from == Target::agreed(DataType::Int64) && *to == Target::agreed(DataType::Float64)
}

fn in_type(column: Series, data_type: &DataType) -> PolarsResult<Series> {
    match column.dtype() {
        found if found == data_type => Ok(column),
        DataType::Null => Ok(Series::full_null(PlSmallStr::EMPTY, column.len(), data_type)),
        _ => column.cast(data_type),
    }
}
