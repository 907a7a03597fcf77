//! Text, bytes and booleans.

use polars::prelude::*;
use polars_arrow::array::{BinaryViewArray, BooleanArray, Utf8ViewArray};

use super::chunks::Chunks;
use super::{
    ColumnBuilder, ColumnReader, ColumnValue, Fault, ListBuilder, ListReader, PlainValue, leaf_handle, opaque_debug,
};

/// Refuses a column of another type than its builder makes.
pub(super) fn expect_type(column: &Series, wanted: &DataType) -> Result<(), Fault> {
    if column.dtype() == wanted {
        return Ok(());
    }
    Err(Fault::value(format!("the column is {}, and {wanted} was expected", column.dtype())))
}

macro_rules! leaf_column {
    (
        $value:ty, $data_type:ident, $builder:ident($chunked_builder:ty), $reader:ident($array:ty),
        $chunked:ident, $push:expr, $own:expr
    ) => {
        pub struct $builder($chunked_builder);

        opaque_debug!($builder);

        impl ColumnBuilder<$value> for $builder {
            fn data_type() -> DataType {
                DataType::$data_type
            }

            fn with_capacity(rows: usize) -> Self {
                Self(<$chunked_builder>::new(PlSmallStr::EMPTY, rows))
            }

            fn push(&mut self, value: &$value) {
                self.0.append_value($push(value));
            }

            fn push_null(&mut self) {
                self.0.append_null();
            }

            fn finish(self, name: PlSmallStr) -> PolarsResult<Series> {
                Ok(self.0.finish().with_name(name).into_series())
            }
        }

        #[derive(Debug)]
        pub struct $reader(Chunks<$array>);

        impl ColumnReader<$value> for $reader {
            fn new(column: &Series) -> Result<Self, Fault> {
                column.$chunked().map(|cells| Self(Chunks::of(cells))).map_err(|error| Fault::value(error.to_string()))
            }

            fn read(&self, row: usize) -> Result<Option<$value>, Fault> {
                Ok(self.0.get(row).map($own))
            }
        }
    };
}

leaf_column!(
    bool,
    Boolean,
    FlagBuilder(BooleanChunkedBuilder),
    FlagReader(BooleanArray),
    bool,
    |value: &bool| *value,
    |value| value
);
leaf_column!(
    String,
    String,
    TextBuilder(StringChunkedBuilder),
    TextReader(Utf8ViewArray),
    str,
    |value| value,
    str::to_owned
);
leaf_column!(
    Vec<u8>,
    Binary,
    BytesBuilder(BinaryChunkedBuilder),
    BytesReader(BinaryViewArray),
    binary,
    |value| value,
    <[u8]>::to_vec
);

macro_rules! leaf_value {
    ($value:ty, $builder:ty, $reader:ty) => {
        impl ColumnValue for $value {
            type Nullable = Option<Self>;
            type Builder = $builder;
            type Reader = $reader;
            type ListBuilder = ListBuilder<Self>;
            type ListReader = ListReader<Self>;

            leaf_handle!();
        }

        impl PlainValue for $value {}
    };
}

leaf_value!(bool, FlagBuilder, FlagReader);
leaf_value!(String, TextBuilder, TextReader);
