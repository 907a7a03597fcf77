//! The rows of one batch, as a fetcher returns them.

use std::fmt;

use polars::prelude::*;
use serde::Serialize;
use serde_json::{Map, Value};

use super::batch::{FetchedBatch, FetchedFrame};
use super::json_rows::{self, IdColumn};
use super::request::RequestedColumn;
use super::target::{Dynamic, Target};
use crate::documents::is_document;
use crate::error::{BatchError, BoxError, RejectedRow};
use crate::record::Record;
use crate::storage::ColumnSet;

/// The rows of one batch: records, a `DataFrame`, or of a table without a struct also JSON rows.
///
/// A `DataFrame` has the id column, and a column for each database column. JSON text in it stays text, unless
/// [`with_json_column`](Self::with_json_column) says otherwise.
///
/// Of JSON rows, integers become `Int64`, numbers that mix with fractions `Float64`; a key that a row lacks is NULL
/// in that row. A column of objects and arrays is kept as JSON text, so that its type does not depend on which rows
/// came together, and an answer gives it as structs or lists where the answer's rows agree. Where strings join the
/// objects and arrays, all is plain text. No JSON number has more than 64 bits: ids of a request by `i128` or `u128`
/// may come as text of their digits.
///
/// Where the values of a JSON column are of kinds that no type holds together (a number and text, 2⁵³ + 1 and 0.5), the
/// column takes the type of the row with the lowest id, or that in which it is cached, and each row of another kind is
/// [rejected](RejectedRow) by itself. Where a query pins the column as text, all its values are kept as text.
pub struct Fetched<T> {
    rows: Rows<T>,
    json_columns: Vec<String>,
    loose_columns: Vec<LooseColumn>,
    rejected: Vec<RejectedRow>,
}

/// A column of a frame whose values decide its type.
#[derive(Debug)]
struct LooseColumn {
    name: String,
    /// The column that marks the floats which came as integers.
    integers: String,
}

enum Rows<T> {
    Records(Vec<T>),
    Json(Vec<Map<String, Value>>),
    Frames(Vec<DataFrame>),
}

impl<T: Target> Fetched<T> {
    /// Rows whose columns have no type in common, in parts whose columns each have one.
    ///
    /// The part with the row of the lowest id stands first: its types count, as far as none are stored yet, and rows of
    /// later parts that do not fit in them are rejected one by one. No id may be in two parts.
    ///
    /// ```
    /// use dbcache::fetch::{Dynamic, Fetched};
    /// use dbcache::polars::prelude::*;
    ///
    /// let numbers = df!["id" => [1_i64, 3], "size" => [36, 38]]?;
    /// let texts = df!["id" => [2_i64], "size" => ["medium"]]?;
    /// let sizes = Fetched::<Dynamic<i64>>::in_parts([numbers, texts]);
    /// assert_eq!(sizes.len(), 3);
    /// # Ok::<(), PolarsError>(())
    /// ```
    pub fn in_parts(parts: impl IntoIterator<Item = DataFrame>) -> Self {
        Rows::Frames(parts.into_iter().collect()).into()
    }

    /// Marks a text column of a `DataFrame` as JSON: where all its values are objects and arrays, an answer gives them
    /// as structs or lists if they agree. A column that the rows lack is passed over.
    ///
    /// ```
    /// use dbcache::error::BoxError;
    /// use dbcache::fetch::{Dynamic, FetchRequest, Fetched, Fetcher};
    /// use dbcache::polars::prelude::*;
    ///
    /// struct People;
    ///
    /// impl Fetcher<Dynamic<i64>> for People {
    ///     fn fetch(&self, _: &FetchRequest<'_, i64>) -> Result<Fetched<Dynamic<i64>>, BoxError> {
    ///         let people = df!["id" => [1_i64], "address" => [r#"{"city": "London"}"#]]?;
    ///         Ok(Fetched::from(people).with_json_column("address"))
    ///     }
    /// }
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let people = dbcache::DynamicCache::open(folder.path())?.table("public.people")?;
    /// let addresses = people.select(["address"])?.frame(&[1], &People)?;
    /// assert!(addresses.column("address")?.dtype().is_struct());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_json_column(mut self, name: impl Into<String>) -> Self {
        self.json_columns.push(name.into());
        self
    }

    /// Declares that the values of a column of a `DataFrame` decide its type, as in SQLite. A row that is rejected then
    /// has no effect on the type of the column.
    ///
    /// `integers` names a boolean column of the same frame, which is not stored. It is true for the values that are
    /// floats only because others beside them are, and integers in the database. Frames may lack it.
    ///
    /// ```
    /// use dbcache::fetch::{Dynamic, Fetched};
    /// use dbcache::polars::prelude::*;
    ///
    /// let sizes = df!["id" => [1_i64, 2], "size" => [36.0, 37.5], "is whole" => [true, false]]?;
    /// let sizes = Fetched::<Dynamic<i64>>::from(sizes).with_loose_column("size", "is whole");
    /// assert_eq!(sizes.into_frame("id")?.get_column_names(), ["id", "size"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_loose_column(mut self, name: impl Into<String>, integers: impl Into<String>) -> Self {
        self.loose_columns.push(LooseColumn { name: name.into(), integers: integers.into() });
        self
    }

    /// The same rows, and beside them those that the fetcher could not return, because a value does not fit. Each of
    /// these is reported by itself; all others are stored.
    ///
    /// ```
    /// use dbcache::error::RejectedRow;
    /// use dbcache::fetch::{FetchRequest, Fetched, Fetcher};
    /// use dbcache::{Cache, Cached, Error};
    ///
    /// #[derive(Debug, Cached)]
    /// #[cached(table = "public.users")]
    /// struct User {
    ///     #[cached(id)]
    ///     id: i64,
    ///     age: u8,
    /// }
    ///
    /// struct Lines(Vec<(i64, &'static str)>);
    ///
    /// impl Fetcher<User> for Lines {
    ///     fn fetch(&self, _: &FetchRequest<'_, i64>) -> Result<Fetched<User>, dbcache::error::BoxError> {
    ///         let (mut users, mut rejected) = (Vec::new(), Vec::new());
    ///         for &(id, age) in &self.0 {
    ///             match age.parse() {
    ///                 Ok(age) => users.push(User { id, age }),
    ///                 Err(reason) => rejected.push(RejectedRow::new(id, "age", age, reason.to_string())),
    ///             }
    ///         }
    ///         Ok(Fetched::from(users).with_rejected(rejected))
    ///     }
    /// }
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let users = Cache::<User>::open(folder.path())?;
    /// let lines = Lines(vec![(1, "36"), (2, "old")]);
    /// let Err(Error::FetchFailed { rejected, stored: 1, .. }) = users.rows(&[1, 2], &lines) else { panic!() };
    /// assert_eq!(rejected[0].to_string(), "id 2, column \"age\": invalid digit found in string");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_rejected(mut self, rows: impl IntoIterator<Item = RejectedRow>) -> Self {
        self.rejected.extend(rows);
        self
    }

    /// The number of rows, without those that were rejected.
    pub fn len(&self) -> usize {
        match &self.rows {
            Rows::Records(records) => records.len(),
            Rows::Json(rows) => rows.len(),
            Rows::Frames(parts) => parts.iter().map(DataFrame::height).sum(),
        }
    }

    /// Returns `true` if there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows as columns. `id_column` is the name of the column that holds the ids.
    ///
    /// A frame does not tell that its text came from objects and arrays. A fetcher that passes on the rows of another
    /// one must pass on this value, or such columns come back as plain text.
    ///
    /// # Errors
    ///
    /// The first row that was rejected, or [`BatchError::WrongType`] if the values of a column have no type in common.
    pub fn into_frame(self, id_column: &str) -> Result<DataFrame, BatchError> {
        self.into_batch(id_column, &[])?.into_frame()
    }

    pub(super) fn into_batch(self, id_column: &str, requested: &[RequestedColumn]) -> Result<FetchedBatch, BatchError> {
        let id_column = IdColumn::of::<T::Id>(id_column);
        let mut batch = match self.rows {
            Rows::Records(records) => {
                let (frame, rejected) = T::into_columns(records)?;
                FetchedBatch { rejected, ..frame.into() }
            }
            Rows::Json(rows) => json_rows::to_batch(&rows, &id_column, requested)?,
            Rows::Frames(parts) => {
                FetchedBatch { parts: parts.into_iter().map(FetchedFrame::from).collect(), rejected: Vec::new() }
            }
        };
        for part in &mut batch.parts {
            id_column.respell(&mut part.frame)?;
            take_loose(part, &self.loose_columns)?;
            part.documents.extend(documents(&part.frame, &self.json_columns)?);
        }
        batch.rejected.extend(self.rejected);
        Ok(batch)
    }
}

/// Notes which columns are loose, and takes their marks out of the frame.
fn take_loose(part: &mut FetchedFrame, loose: &[LooseColumn]) -> Result<(), BatchError> {
    for LooseColumn { name, integers } in loose {
        part.loose.insert(name.clone());
        let Ok(mark) = part.frame.drop_in_place(integers) else { continue };
        if !mark.dtype().is_bool() {
            return Err(BatchError::WrongType {
                column: integers.clone(),
                id: None,
                expected: "booleans".to_owned(),
                found: mark.dtype().to_string(),
            });
        }
        part.marks.push(mark.with_name(name.as_str().into()));
    }
    Ok(())
}

/// Those of some columns of JSON text whose every value is an object or array.
fn documents(frame: &DataFrame, json_columns: &[String]) -> Result<ColumnSet, BatchError> {
    let mut documents = ColumnSet::new();
    for name in json_columns {
        let Ok(column) = frame.column(name) else { continue };
        let texts = column.str().map_err(|_| BatchError::WrongType {
            column: name.clone(),
            id: None,
            expected: "JSON text".to_owned(),
            found: column.dtype().to_string(),
        })?;
        if texts.iter().flatten().all(|json| is_document(json.as_bytes())) {
            documents.insert(name.clone());
        }
    }
    Ok(documents)
}

impl<K> Fetched<Dynamic<K>> {
    /// Rows of any type that serializes as a map or struct.
    ///
    /// # Errors
    ///
    /// A row that does not serialize, or serializes as something other than an object.
    pub fn serialize<S: Serialize>(rows: impl IntoIterator<Item = S>) -> Result<Self, BoxError> {
        let rows: Result<Vec<Map<String, Value>>, BoxError> = rows
            .into_iter()
            .map(|row| match serde_json::to_value(row)? {
                Value::Object(row) => Ok(row),
                other => Err(format!("a row must be an object, not {other}").into()),
            })
            .collect();
        Ok(rows?.into())
    }
}

impl<T> From<Rows<T>> for Fetched<T> {
    fn from(rows: Rows<T>) -> Self {
        Self { rows, json_columns: Vec::new(), loose_columns: Vec::new(), rejected: Vec::new() }
    }
}

impl<T: Record> From<Vec<T>> for Fetched<T> {
    fn from(records: Vec<T>) -> Self {
        Rows::Records(records).into()
    }
}

impl<T: Target> From<DataFrame> for Fetched<T> {
    fn from(frame: DataFrame) -> Self {
        Rows::Frames(vec![frame]).into()
    }
}

impl<K> From<Vec<Map<String, Value>>> for Fetched<Dynamic<K>> {
    fn from(rows: Vec<Map<String, Value>>) -> Self {
        Rows::Json(rows).into()
    }
}

impl<T> fmt::Debug for Fetched<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fetched = f.debug_struct("Fetched");
        match &self.rows {
            Rows::Records(records) => fetched.field("records", &records.len()),
            Rows::Json(rows) => fetched.field("rows", rows),
            Rows::Frames(parts) => fetched.field("parts", parts),
        };
        fetched.field("json_columns", &self.json_columns).field("loose_columns", &self.loose_columns);
        fetched.field("rejected", &self.rejected).finish()
    }
}

/// What a fetcher's closure may return: anything that turns into the rows of a batch.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a fetcher of `{T}` rows does not return `{Self}`",
    label = "this fetcher returns `{Self}`",
    note = "a fetcher of a record `T` returns a `Vec<T>`, a `DataFrame` or a `Fetched<T>`",
    note = "a fetcher of `Dynamic` rows returns a `Vec<serde_json::Map<String, Value>>`, a `DataFrame` or a `Fetched`"
)]
pub trait IntoRows<T> {
    /// The rows.
    fn into_rows(self) -> Fetched<T>;
}

#[diagnostic::do_not_recommend]
impl<T, R: Into<Fetched<T>>> IntoRows<T> for R {
    fn into_rows(self) -> Fetched<T> {
        self.into()
    }
}
