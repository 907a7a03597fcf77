//! Row types: what `#[derive(Cached)]` tells the rest of the crate about a struct.

mod frame;
mod selection;

use polars::prelude::*;

use crate::column::ColumnRef;

use crate::key::Key;
use crate::name::TableName;

pub use crate::convert::CellError;
pub(crate) use crate::convert::CellFault;
pub use frame::{CellReader, Cells, collect_rows, column, default_cell, parse_json, table};
pub(crate) use selection::select_one;
pub use selection::{SelectColumn, Selection};

/// A struct that is one row of a table. Derive it with [`Cached`](crate::Cached).
///
/// ```
/// use dbcache::{Cached, Record};
///
/// #[derive(Cached)]
/// #[cached(table = "public.users")]
/// struct User {
///     #[cached(id)]
///     id: i64,
///     name: String,
/// }
///
/// fn table_of<T: Record>() -> String {
///     T::schema().table().to_string()
/// }
///
/// assert_eq!(table_of::<User>(), "public.users");
/// assert_eq!(User::columns().name.name(), "name");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a cached record",
    note = "add `#[derive(dbcache::Cached)]` and `#[cached(table = \"schema.table\")]` to the struct"
)]
pub trait Record: Sized + Send + Sync + 'static {
    /// The type of the primary key.
    type Id: Key;
    /// A struct with one typed column a field, generated beside the record.
    type Columns;

    /// The typed columns, as public fields named like the record's own.
    fn columns() -> Self::Columns;

    /// The table, the id column and the other columns, at run time.
    fn schema() -> &'static Schema;

    /// Rows to columns: the id column first, then the others in the order of the schema.
    #[doc(hidden)]
    fn to_frame(rows: &[Self]) -> Result<DataFrame, CellError>;

    /// The key of a row.
    fn id_of(row: &Self) -> &Self::Id;

    /// Columns to rows. The frame has the columns of the schema with exactly its types.
    #[doc(hidden)]
    fn from_frame(frame: &DataFrame) -> Result<Vec<Self>, CellError>;
}

/// What a record type says of its table.
///
/// ```
/// use dbcache::polars::prelude::DataType;
/// use dbcache::{Cached, Record};
///
/// #[derive(Cached)]
/// #[cached(table = "public.users")]
/// struct User {
///     #[cached(id)]
///     id: i64,
///     age: Option<u8>,
/// }
///
/// let schema = User::schema();
/// assert_eq!(schema.id().column().to_string(), "id");
/// let age = &schema.columns()[0];
/// assert_eq!((age.data_type(), age.nullable()), (&DataType::UInt8, true));
/// ```
#[derive(Debug)]
pub struct Schema {
    table: TableName,
    id: ColumnSchema,
    columns: Vec<ColumnSchema>,
    paths: Vec<ColumnSchema>,
}

impl Schema {
    /// The derive has checked the table's name with the same rule. The paths are columns, each before those into it.
    #[doc(hidden)]
    pub fn new(table: &str, id: &ColumnSchema, paths: Vec<ColumnSchema>) -> Self {
        Self {
            table: TableName::new(table).expect("the derive checks the table's name"),
            id: id.clone(),
            columns: paths.iter().filter(|path| path.column().path().is_empty()).cloned().collect(),
            paths,
        }
    }

    /// The table's name.
    pub fn table(&self) -> &TableName {
        &self.table
    }

    /// The id column.
    pub fn id(&self) -> &ColumnSchema {
        &self.id
    }

    /// The other columns, in the order of the struct's fields.
    pub fn columns(&self) -> &[ColumnSchema] {
        &self.columns
    }

    /// The other columns, each with the typed paths into it after it: all that a selection can name.
    ///
    /// ```
    /// use dbcache::{Cached, CachedJson, Record};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Cached)]
    /// #[cached(table = "public.users")]
    /// struct User {
    ///     #[cached(id)]
    ///     id: i64,
    ///     #[cached(json)]
    ///     profile: Option<Profile>,
    /// }
    ///
    /// #[derive(Serialize, Deserialize, CachedJson)]
    /// struct Profile {
    ///     city: String,
    /// }
    ///
    /// let paths = User::schema().paths();
    /// let names: Vec<String> = paths.iter().map(|path| path.column().to_string()).collect();
    /// assert_eq!(names, ["profile", "profile.city"]);
    /// assert!(paths[1].nullable());
    /// ```
    pub fn paths(&self) -> &[ColumnSchema] {
        &self.paths
    }
}

/// Parses a column of JSON text into the column that a record's field is stored as.
#[doc(hidden)]
pub type ParseJson = fn(&StringChunked) -> Result<Series, CellError>;

/// Gives a column of one row: the value of rows that were stored without the column.
#[doc(hidden)]
pub type DefaultCell = fn() -> PolarsResult<Series>;

/// What a record type, or a selection, says of one column or path.
#[derive(Clone, Debug)]
pub struct ColumnSchema {
    pub(crate) column: ColumnRef,
    pub(crate) data_type: DataType,
    pub(crate) nullable: bool,
    pub(crate) parse_json: Option<ParseJson>,
    pub(crate) default: Option<DefaultCell>,
}

impl ColumnSchema {
    /// The column and the path in it.
    pub fn column(&self) -> &ColumnRef {
        &self.column
    }

    /// The Polars type of its values.
    pub fn data_type(&self) -> &DataType {
        &self.data_type
    }

    /// Whether the field is an `Option`.
    pub fn nullable(&self) -> bool {
        self.nullable
    }

    /// How text that holds JSON becomes this column, for a column of a nested type.
    #[doc(hidden)]
    pub fn parse_json(&self) -> Option<ParseJson> {
        self.parse_json
    }

    /// The value of rows that were stored without this column, where they need not be fetched again for it.
    #[doc(hidden)]
    pub fn default(&self) -> Option<DefaultCell> {
        self.default
    }
}
