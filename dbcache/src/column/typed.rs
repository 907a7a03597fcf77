//! Typed columns: phantom shells over what a record's schema says of a column.

use std::fmt;
use std::marker::PhantomData;

use polars::prelude::{DataFrame, DataType, PolarsResult, Series};
use serde::de::DeserializeOwned;

use crate::column::ColumnRef;
use crate::json_path::JsonPath;
use crate::record::{CellError, ColumnSchema, ParseJson, Record, SelectColumn, Selection, parse_json, select_one};
use crate::value::{ColumnBuilder, ColumnValue, PlainValue};

/// A column of the record `T`, or a path into one, whose values are `V`.
///
/// Columns come from [`Record::columns`]. They are small, and `Copy`. A path below an `Option` has an `Option` as `V`.
///
/// ```
/// use dbcache::column::Column;
/// use dbcache::{Cached, Record};
///
/// #[derive(Cached)]
/// #[cached(table = "public.users")]
/// struct User {
///     #[cached(id)]
///     id: i64,
///     age: Option<i32>,
/// }
///
/// let age: Column<User, Option<i32>> = User::columns().age;
/// assert_eq!(age.name(), "age");
/// assert!(age.nullable());
/// ```
pub struct Column<T, V> {
    schema: &'static ColumnSchema,
    types: PhantomData<fn() -> (T, V)>,
}

impl<T: Record, V: ColumnValue> Column<T, V> {
    /// The schema lives as long as the program: a record's columns are made once.
    #[doc(hidden)]
    pub fn new(place: Place) -> Self {
        let schema = ColumnSchema {
            column: ColumnRef::with_path(place.column, place.keys),
            data_type: <V::Builder as ColumnBuilder<V>>::data_type(),
            nullable: V::NULLABLE,
            parse_json: place.parse_json,
            default: place.default,
        };
        Self { schema: Box::leak(Box::new(schema)), types: PhantomData }
    }
}

impl<T, V> Column<T, V> {
    /// The name of the column that is fetched and cached.
    pub fn name(&self) -> &'static str {
        self.schema.column().column()
    }

    /// The path in that column; empty for the column itself.
    pub fn path(&self) -> &'static JsonPath {
        self.schema.column().path()
    }

    /// The column's name and path, without their types.
    pub fn column(&self) -> &'static ColumnRef {
        self.schema.column()
    }

    /// The Polars type of the column's values.
    pub fn data_type(&self) -> &'static DataType {
        self.schema.data_type()
    }

    /// Whether `V` is an `Option`.
    pub fn nullable(&self) -> bool {
        self.schema.nullable()
    }

    /// All that the schema says of the column.
    #[doc(hidden)]
    pub fn column_schema(&self) -> &'static ColumnSchema {
        self.schema
    }
}

impl<T, V> Clone for Column<T, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, V> Copy for Column<T, V> {}

impl<T, V> fmt::Debug for Column<T, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Column").field(self.schema.column()).finish()
    }
}

impl<T: Record, V: ColumnValue> SelectColumn<T> for Column<T, V> {
    type Value = V;

    fn column(&self) -> Column<T, V> {
        *self
    }
}

impl<T: Record, V: ColumnValue> Selection<T> for Column<T, V> {
    type Row = V;

    fn schema(&self) -> Vec<ColumnSchema> {
        vec![self.schema.clone()]
    }

    fn rows(&self, frame: &DataFrame) -> Result<Vec<V>, CellError> {
        select_one(*self, frame)
    }
}

/// Whether a column below a nested document can be NULL because something above it can.
pub trait Nullness: Copy + Send + Sync + 'static {
    /// The type of a column that holds `V` where everything above it is there.
    type Of<V: ColumnValue>: ColumnValue;
}

/// Everything above the column is always there.
#[derive(Clone, Copy, Debug)]
pub enum Required {}

impl Nullness for Required {
    type Of<V: ColumnValue> = V;
}

/// Something above the column is an `Option`, so the column is one too.
#[derive(Clone, Copy, Debug)]
pub enum Optional {}

impl Nullness for Optional {
    type Of<V: ColumnValue> = V::Nullable;
}

/// Where a column's values are, and how they come from JSON text or a default.
#[derive(Clone, Debug)]
pub struct Place {
    column: String,
    keys: Vec<String>,
    parse_json: Option<ParseJson>,
    default: Option<fn() -> PolarsResult<Series>>,
}

impl Place {
    /// A column of the table that comes as it is stored.
    pub fn plain<V: PlainValue>(name: &str) -> Self {
        Self { column: name.to_owned(), keys: Vec::new(), parse_json: None, default: None }
    }

    /// A column of the table that may come as JSON text.
    pub fn json<V: ColumnValue + DeserializeOwned>(name: &str) -> Self {
        Self { column: name.to_owned(), keys: Vec::new(), parse_json: parse_json::<V>(), default: None }
    }

    /// The same column, with a value for rows that were stored without it.
    #[must_use]
    pub fn default(mut self, default: fn() -> PolarsResult<Series>) -> Self {
        self.default = Some(default);
        self
    }

    /// A key of the document at this place.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        let mut keys = self.keys.clone();
        keys.push(key.to_owned());
        Self { column: self.column.clone(), keys, parse_json: None, default: None }
    }
}
