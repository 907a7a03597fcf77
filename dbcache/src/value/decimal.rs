//! Decimal numbers, feature `rust_decimal`.

use polars::prelude::*;
use rust_decimal::Decimal;

use super::primitive::{Native, Primitive, PrimitiveBuilder, PrimitiveReader, primitive_value};
use super::{ColumnValue, Fault, ListBuilder, ListReader, PlainValue, leaf_handle};

/// All digits that a column can have.
const PRECISION: usize = 38;
/// The digits after the point. All 29 digits of the largest `Decimal` fit before it.
const SCALE: u32 = 9;

impl Primitive for Decimal {
    type Physical = Int128Type;

    fn data_type() -> DataType {
        DataType::Decimal(PRECISION, SCALE as usize)
    }

    fn to_physical(&self) -> Option<Native<Self>> {
        let exact = self.normalize();
        let missing = SCALE.checked_sub(exact.scale())?;
        exact.mantissa().checked_mul(10_i128.pow(missing)).filter(|number| number.abs() < 10_i128.pow(38))
    }

    fn from_physical(number: Native<Self>) -> Result<Self, Fault> {
        let (mut digits, mut scale) = (number, SCALE);
        while scale > 0 && digits % 10 == 0 {
            digits /= 10;
            scale -= 1;
        }
        Self::try_from_i128_with_scale(digits, scale)
            .map_err(|_| Fault::value(format!("{digits} with {scale} digits after the point has too many digits")))
    }

    fn logical(numbers: ChunkedArray<Int128Type>) -> PolarsResult<Series> {
        Ok(numbers.into_decimal(PRECISION, SCALE as usize)?.into_series())
    }
}

primitive_value!(Decimal);
