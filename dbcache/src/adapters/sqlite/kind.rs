//! What a declared type says of a column's values.

use polars::prelude::DataType;

/// How the values of one column are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The integers 0 and 1.
    Boolean,
    /// What reads as a boolean.
    AnyBoolean,
    Integer,
    /// Integers, and what reads as one: text that writes it, and whole floats.
    AnyInteger,
    /// Floats, and integers that a float holds.
    Float,
    /// Floats, and what reads as one: integers and text of which a float has all digits.
    AnyFloat,
    Text,
    /// Text, and numbers as text that reads back as the same number.
    AnyText,
    /// Text, and numbers as text: SQLite turns the JSON text `5` into an integer when the column is declared `JSON`.
    Json,
    Blob,
    /// Whatever the values have in common.
    ByValue,
}

impl Kind {
    /// The kind of a declared type, after the rules for column affinity of <https://sqlite.org/datatype3.html>, to
    /// which `BOOLEAN` and `JSON` are added. What those rules call NUMERIC holds values of any type.
    pub(super) fn declared(declared: &str) -> Self {
        let declared = declared.to_ascii_uppercase();
        let says = |parts: &[&str]| parts.iter().any(|part| declared.contains(part));
        match () {
            () if says(&["BOOL"]) => Self::Boolean,
            () if says(&["JSON"]) => Self::Json,
            // These have INTEGER affinity only by the accident of their spelling.
            () if says(&["INTERVAL", "POINT"]) => Self::ByValue,
            () if says(&["INT"]) => Self::Integer,
            () if says(&["CHAR", "CLOB", "TEXT"]) => Self::Text,
            () if says(&["BLOB"]) => Self::Blob,
            () if says(&["REAL", "FLOA", "DOUB"]) => Self::Float,
            () => Self::ByValue,
        }
    }

    /// The kind for a column that a record declares as `wanted`: columns that may hold anything hold what the record
    /// says. Other columns hold what they are declared as in the database, whoever asks first.
    pub(super) fn wanted_as(self, wanted: &DataType) -> Self {
        match (self, wanted) {
            (Self::ByValue, DataType::Boolean) => Self::AnyBoolean,
            (Self::ByValue, wanted) if wanted.is_float() => Self::AnyFloat,
            (Self::ByValue, wanted) if wanted.is_integer() => Self::AnyInteger,
            (Self::ByValue, DataType::Binary) => Self::Blob,
            (Self::ByValue, wanted) if wanted.is_nested() => Self::Json,
            // Decimals, dates and times too: what they say as text is read by one rule, wherever it comes from.
            (Self::ByValue, _) => Self::AnyText,
            (kind, _) => kind,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Boolean | Self::AnyBoolean => "booleans",
            Self::Integer | Self::AnyInteger => "integers",
            Self::Float | Self::AnyFloat => "floats",
            Self::Text | Self::AnyText => "text",
            Self::Json => "JSON",
            Self::Blob => "blobs",
            Self::ByValue => "values of any type",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_types_follow_the_affinity_rules() {
        let kinds = [
            ("INTEGER", Kind::Integer),
            ("unsigned big int", Kind::Integer),
            ("CHARINT", Kind::Integer),
            ("VARCHAR(255)", Kind::Text),
            ("clob", Kind::Text),
            ("BLOB", Kind::Blob),
            ("DOUBLE PRECISION", Kind::Float),
            ("float", Kind::Float),
            ("Boolean", Kind::Boolean),
            ("JSON", Kind::Json),
            ("", Kind::ByValue),
            ("DECIMAL(10,5)", Kind::ByValue),
            ("DATETIME", Kind::ByValue),
            ("TIMESTAMP WITH TIME ZONE", Kind::ByValue),
            ("INTERVAL", Kind::ByValue),
        ];
        for (declared, kind) in kinds {
            assert_eq!(Kind::declared(declared), kind, "{declared}");
        }
    }

    #[test]
    fn a_record_decides_where_the_declared_type_does_not() {
        assert_eq!(Kind::Integer.wanted_as(&DataType::Boolean), Kind::Integer);
        assert_eq!(Kind::Integer.wanted_as(&DataType::Float64), Kind::Integer);
        assert_eq!(Kind::ByValue.wanted_as(&DataType::Boolean), Kind::AnyBoolean);
        assert_eq!(Kind::ByValue.wanted_as(&DataType::String), Kind::AnyText);
        assert_eq!(Kind::ByValue.wanted_as(&DataType::Decimal(38, 9)), Kind::AnyText);
        assert_eq!(Kind::Text.wanted_as(&DataType::Int64), Kind::Text);
    }
}
