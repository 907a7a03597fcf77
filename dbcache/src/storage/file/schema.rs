//! The types of a file's columns, in a form that other programs read, and in our own where that says more.
//!
//! Parquet has no integers of 128 bits: they are 16 bytes there, the low ones first, and Arrow's schema, which other
//! programs read, says just that. Nor do all of them know views of text and bytes: it says large strings and large
//! binaries, which are the same in the file. Few programs know nanoseconds: columns of nothing but whole microseconds are written in
//! these. What a column is here says our own schema.

use polars::prelude::*;
use polars_arrow::array::{ArrayRef, PrimitiveArray};
use polars_arrow::datatypes::{Metadata, TimeUnit as ArrowUnit};
use polars_parquet::read::schema::read_schema_from_metadata;
use polars_parquet::read::{FileMetadata, infer_schema};
use polars_parquet::write::{KeyValue, schema_to_metadata_key};

/// The key of our own schema in the key-value metadata, which is there only where it differs from Arrow's.
const KEY: &str = "dbcache.schema";
const NANOSECONDS_A_MICROSECOND: i64 = 1_000;

/// A column of a file that is to be written.
#[derive(Debug)]
pub(in crate::storage) struct FileColumn {
    pub(in crate::storage) name: PlSmallStr,
    pub(in crate::storage) data_type: DataType,
    /// Whether it has times in nanoseconds, all of which are whole microseconds.
    pub(in crate::storage) is_in_microseconds: bool,
}

impl FileColumn {
    pub(super) fn new(name: &str, data_type: &DataType) -> Self {
        Self { name: name.into(), data_type: data_type.clone(), is_in_microseconds: false }
    }

    /// The field as it is read.
    pub(super) fn field(&self) -> ArrowField {
        let field = self.data_type.to_arrow_field(self.name.clone(), CompatLevel::newest());
        // A time of day has no unit here.
        if self.data_type == DataType::Time { self.written(field) } else { field }
    }

    /// The field as it is written.
    pub(super) fn written_field(&self) -> ArrowField {
        self.written(self.field())
    }

    fn written(&self, field: ArrowField) -> ArrowField {
        let dtype = match field.dtype {
            ArrowDataType::Time64(_) if self.is_in_microseconds => ArrowDataType::Time64(ArrowUnit::Microsecond),
            ArrowDataType::Timestamp(_, ref zone) if self.is_in_microseconds => {
                ArrowDataType::Timestamp(ArrowUnit::Microsecond, zone.clone())
            }
            other => other,
        };
        ArrowField { dtype, ..field }
    }

    /// Values as they are written.
    pub(super) fn written_values(&self, values: ArrayRef) -> Option<ArrayRef> {
        if !self.is_in_microseconds {
            return Some(values);
        }
        let times = values.as_any().downcast_ref::<PrimitiveArray<i64>>()?;
        let whole: Vec<i64> = times.values().iter().map(|time| time / NANOSECONDS_A_MICROSECOND).collect();
        Some(PrimitiveArray::new(self.written_field().dtype, whole.into(), times.validity().cloned()).boxed())
    }
}

/// Whether all times in nanoseconds are whole microseconds.
pub(in crate::storage) fn are_whole_microseconds(times: &Series) -> bool {
    let times = times.to_physical_repr();
    times.i64().is_ok_and(|times| times.iter().flatten().all(|time| time % NANOSECONDS_A_MICROSECOND == 0))
}

/// The metadata that says what the columns are, as they are written and as they are read.
pub(super) fn pairs(written: &ArrowSchema, own: &ArrowSchema) -> Vec<KeyValue> {
    let portable = written.iter().map(|(name, field)| (name.clone(), portable(field))).collect();
    let mut pairs = vec![schema_to_metadata_key(&portable)];
    if portable != *own {
        pairs.push(KeyValue { key: KEY.to_owned(), ..schema_to_metadata_key(own) });
    }
    pairs
}

fn portable(field: &ArrowField) -> ArrowField {
    ArrowField { dtype: portable_type(&field.dtype), ..field.clone() }
}

fn portable_type(data_type: &ArrowDataType) -> ArrowDataType {
    let inner = |field: &ArrowField| Box::new(portable(field));
    match data_type {
        ArrowDataType::Int128 | ArrowDataType::UInt128 => ArrowDataType::FixedSizeBinary(size_of::<i128>()),
        ArrowDataType::Utf8View => ArrowDataType::LargeUtf8,
        ArrowDataType::BinaryView => ArrowDataType::LargeBinary,
        ArrowDataType::Dictionary(keys, values, is_ordered) => {
            ArrowDataType::Dictionary(*keys, Box::new(portable_type(values)), *is_ordered)
        }
        ArrowDataType::List(item) => ArrowDataType::List(inner(item)),
        ArrowDataType::LargeList(item) => ArrowDataType::LargeList(inner(item)),
        ArrowDataType::FixedSizeList(item, width) => ArrowDataType::FixedSizeList(inner(item), *width),
        ArrowDataType::Struct(fields) => ArrowDataType::Struct(fields.iter().map(portable).collect()),
        other => other.clone(),
    }
}

/// What the columns of a file of ours are.
pub(super) fn read(metadata: &FileMetadata) -> PolarsResult<ArrowSchema> {
    let pairs = metadata.key_value_metadata().iter().flatten();
    let own = pairs.filter(|pair| pair.key == KEY).find_map(|pair| pair.value.as_deref());
    let Some(own) = own else { return infer_schema(metadata) };
    let mut own = Metadata::from([("ARROW:schema".into(), own.into())]);
    let own = read_schema_from_metadata(&mut own)?;
    own.ok_or_else(|| polars_err!(ComputeError: "its own schema is unreadable"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_programs_are_told_of_no_views_and_we_are() {
        let fields = vec![
            ArrowField::new("text".into(), ArrowDataType::Utf8View, true),
            ArrowField::new("bytes".into(), ArrowDataType::BinaryView, true),
        ];
        let lists = ArrowField::new("item".into(), ArrowDataType::Struct(fields), true);
        let field = ArrowField::new("lists".into(), ArrowDataType::LargeList(Box::new(lists)), true);
        let told = format!("{:?}", portable(&field).dtype);
        assert!(told.contains("LargeUtf8") && told.contains("LargeBinary") && !told.contains("View"), "{told}");
        let own: ArrowSchema = [("lists".into(), field)].into_iter().collect();
        let keys: Vec<String> = pairs(&own, &own).into_iter().map(|pair| pair.key).collect();
        assert_eq!(keys, ["ARROW:schema", KEY]);
    }
}
