//! What the values of a PostgreSQL column become.

use polars::prelude::DataType;

/// The digits that a decimal column can have.
const MOST_DIGITS: i32 = 38;

/// What the values of a column become: a type of PostgreSQL's, or how its numbers of any length are held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean,
    Int16,
    Int32,
    Int64,
    Oid,
    Float32,
    Float64,
    Numeric(NumericAs),
    Text,
    Json,
    Jsonb,
    Bytes,
    Date,
    Time,
    Timestamp,
    TimestampTz,
    Uuid,
    List(Box<Kind>),
}

/// How `numeric` values are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumericAs {
    Decimal { precision: usize, scale: usize },
    Text,
    Int64,
    UInt64,
    Int128,
    UInt128,
}

impl Kind {
    /// The kind of a type that is sent as it is; `None` for any other. The numbers are those of PostgreSQL's own
    /// catalog, the same in every database. The modifier is what is in the parentheses: the precision and scale of a
    /// `numeric`.
    pub(super) fn of(oid: u32, modifier: i32) -> Option<Self> {
        Some(match oid {
            16 => Self::Boolean,
            17 => Self::Bytes,
            20 => Self::Int64,
            21 => Self::Int16,
            23 => Self::Int32,
            26 => Self::Oid,
            19 | 25 | 1042 | 1043 => Self::Text,
            114 => Self::Json,
            700 => Self::Float32,
            701 => Self::Float64,
            1082 => Self::Date,
            1083 => Self::Time,
            1114 => Self::Timestamp,
            1184 => Self::TimestampTz,
            1700 => Self::Numeric(NumericAs::declared(modifier)),
            2950 => Self::Uuid,
            3802 => Self::Jsonb,
            _ => return None,
        })
    }
}

impl NumericAs {
    /// Decimals of the declared digits where a column can have as many, else text: without a declared scale each
    /// value has its own, and no one decimal type holds them all.
    fn declared(modifier: i32) -> Self {
        let Some(declared) = modifier.checked_sub(4).filter(|declared| *declared >= 0) else { return Self::Text };
        let precision = (declared >> 16) & 0xffff;
        // 11 bits with a sign: `numeric(2, -3)` holds thousands.
        let scale = ((declared & 0x7ff) ^ 0x400) - 0x400;
        let (before, after) = ((precision - scale).max(0), scale.max(0));
        match (usize::try_from(before + after), usize::try_from(after)) {
            (Ok(precision), Ok(scale)) if before + after <= MOST_DIGITS => Self::Decimal { precision, scale },
            _ => Self::Text,
        }
    }

    /// How the ids of a column are held, whose keys are of this type.
    pub(super) fn of_keys(keys: &DataType) -> Self {
        match keys {
            DataType::UInt64 => Self::UInt64,
            DataType::Int128 => Self::Int128,
            DataType::UInt128 => Self::UInt128,
            _ => Self::Int64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numeric(precision: i32, scale: i32) -> NumericAs {
        NumericAs::declared(((precision << 16) | (scale & 0x7ff)) + 4)
    }

    #[test]
    fn declared_digits_become_decimals_as_long_as_they_fit() {
        assert_eq!(numeric(10, 2), NumericAs::Decimal { precision: 10, scale: 2 });
        assert_eq!(numeric(38, 38), NumericAs::Decimal { precision: 38, scale: 38 });
        assert_eq!(numeric(39, 2), NumericAs::Text);
        assert_eq!(numeric(1000, 0), NumericAs::Text);
        assert_eq!(NumericAs::declared(-1), NumericAs::Text);
    }

    #[test]
    fn a_scale_beyond_the_precision_or_below_zero_adds_digits() {
        assert_eq!(numeric(3, 5), NumericAs::Decimal { precision: 5, scale: 5 });
        assert_eq!(numeric(2, -3), NumericAs::Decimal { precision: 5, scale: 0 });
        assert_eq!(numeric(30, -30), NumericAs::Text);
    }
}
