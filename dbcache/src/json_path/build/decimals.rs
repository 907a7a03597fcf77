//! Decimals, exact or not at all.

use polars::prelude::*;

use super::{Cells, Misfit, misfit};
use crate::json_path::Strictness;
use crate::json_path::value::Value;

pub(super) struct Decimals {
    /// The values times ten to the power of the scale.
    scaled: PrimitiveChunkedBuilder<Int128Type>,
    precision: usize,
    scale: usize,
    /// The least value with more digits than the type has; `None` if an integer of 128 bits has no more.
    bound: Option<i128>,
    strictness: Strictness,
}

impl Decimals {
    pub(super) fn new(rows: usize, precision: usize, scale: usize, strictness: Strictness) -> Self {
        let scaled = PrimitiveChunkedBuilder::new(PlSmallStr::EMPTY, rows);
        let bound = u32::try_from(precision).ok().and_then(|precision| 10_i128.checked_pow(precision));
        Self { scaled, precision, scale, bound, strictness }
    }

    fn read(&self, value: Value<'_>) -> Option<i128> {
        let scaled = value.scaled(self.scale)?;
        self.bound.is_none_or(|bound| -bound < scaled && scaled < bound).then_some(scaled)
    }
}

impl Cells for Decimals {
    fn push(&mut self, value: Option<Value<'_>>) -> Result<(), Misfit> {
        let read = value.and_then(|value| self.read(value));
        let fits = read.is_some() || value.is_none();
        self.scaled.append_option(read);
        if fits { Ok(()) } else { misfit(self.strictness) }
    }

    fn finish(self: Box<Self>) -> PolarsResult<Series> {
        Ok(self.scaled.finish().into_decimal(self.precision, self.scale)?.into_series())
    }
}
