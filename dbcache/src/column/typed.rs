//! Typed columns: phantom shells over the schema of a column.

use std::fmt;
use std::marker::PhantomData;

use polars::prelude::{DataFrame, DataType, PolarsResult, Series};
use serde::de::DeserializeOwned;

use crate::column::ColumnRef;
use crate::json_path::JsonPath;
use crate::record::{CellError, ColumnSchema, ParseJson, Record, SelectColumn, Selection, parse_json, select_one};
use crate::value::{ColumnBuilder, ColumnValue, PlainValue};

/// A column of the record `T`, or a path into a column, with values of type `V`.
///
/// [`Record::columns`] returns the columns of a record. A `Column` is a single pointer, and `Copy`. For a path below an
/// `Option`, `V` is an `Option` too.
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
    /// Leaks the schema: the columns of a record are created once per program.
    #[doc(hidden)]
    pub fn new(spec: ColumnSpec) -> Self {
        let schema = ColumnSchema {
            column: ColumnRef::with_path(spec.column, spec.keys),
            data_type: <V::Builder as ColumnBuilder<V>>::data_type(),
            nullable: V::NULLABLE,
            parse_json: spec.parse_json,
            default: spec.default,
        };
        Self { schema: Box::leak(Box::new(schema)), types: PhantomData }
    }
}

impl<T, V> Column<T, V> {
    /// The name of the column in the table.
    pub fn name(&self) -> &'static str {
        self.schema.column().column()
    }

    /// The path into the column. It is empty for the column itself.
    pub fn path(&self) -> &'static JsonPath {
        self.schema.column().path()
    }

    /// The name and the path, without types.
    pub fn column(&self) -> &'static ColumnRef {
        self.schema.column()
    }

    /// The Polars type of the values.
    pub fn data_type(&self) -> &'static DataType {
        self.schema.data_type()
    }

    /// Returns `true` if `V` is an `Option`.
    pub fn nullable(&self) -> bool {
        self.schema.nullable()
    }

    /// The schema of the column.
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

/// Whether a column below a document can be NULL because a document above it can.
pub trait Nullness: Copy + Send + Sync + 'static {
    /// The type of a column that holds `V` if all documents above it are present.
    type Of<V: ColumnValue>: ColumnValue;
}

/// All documents above the column are always present.
#[derive(Clone, Copy, Debug)]
pub enum Required {}

impl Nullness for Required {
    type Of<V: ColumnValue> = V;
}

/// A document above the column is an `Option`, and therefore the column is one too.
#[derive(Clone, Copy, Debug)]
pub enum Optional {}

impl Nullness for Optional {
    type Of<V: ColumnValue> = V::Nullable;
}

/// The column, its path, and the values that JSON text or a missing column become.
#[derive(Clone, Debug)]
pub struct ColumnSpec {
    column: String,
    keys: Vec<String>,
    parse_json: Option<ParseJson>,
    default: Option<fn() -> PolarsResult<Series>>,
}

impl ColumnSpec {
    /// A column of the table whose values are stored as they are fetched.
    pub fn plain<V: PlainValue>(name: &str) -> Self {
        Self { column: name.to_owned(), keys: Vec::new(), parse_json: None, default: None }
    }

    /// A column of the table whose values may be fetched as JSON text.
    pub fn json<V: ColumnValue + DeserializeOwned>(name: &str) -> Self {
        Self { column: name.to_owned(), keys: Vec::new(), parse_json: parse_json::<V>(), default: None }
    }

    /// Sets the value for rows that were stored without the column.
    #[must_use]
    pub fn default(mut self, default: fn() -> PolarsResult<Series>) -> Self {
        self.default = Some(default);
        self
    }

    /// Returns the column of a key of this document.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        let mut keys = self.keys.clone();
        keys.push(key.to_owned());
        Self { column: self.column.clone(), keys, parse_json: None, default: None }
    }
}
