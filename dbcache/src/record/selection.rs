//! Selections: one typed column, a nested document, or a tuple of 1 to 16 of these.

use polars::prelude::DataFrame;

use super::frame::{Cells, collect_rows};
use super::{CellError, ColumnSchema, Record};
use crate::column::Column;
use crate::value::ColumnValue;

/// What a typed query asks for: one column, or a tuple of 1 to 16.
///
/// A single column gives its plain values, a tuple gives tuples, also where it has one part. A document is a column,
/// and so is each path into it.
///
/// ```
/// use dbcache::{Cached, CachedJson, Record, Selection};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Cached)]
/// #[cached(table = "public.users")]
/// struct User {
///     #[cached(id)]
///     id: i64,
///     name: String,
///     #[cached(json)]
///     profile: Option<Profile>,
/// }
///
/// #[derive(Serialize, Deserialize, CachedJson)]
/// struct Profile {
///     city: String,
/// }
///
/// fn row_type<S: Selection<User>>(_: S) -> &'static str {
///     std::any::type_name::<S::Row>()
/// }
///
/// let c = User::columns();
/// assert_eq!(row_type(c.id), "i64");
/// assert_eq!(row_type((c.id,)), "(i64,)");
/// assert!(row_type((c.id, c.profile.city)).starts_with("(i64, core::option::Option<"));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not select columns of `{T}`",
    label = "not a column of `{T}`, nor a tuple of 1 to 16 of them",
    note = "take the columns from `{T}::columns()`: one of them, or a tuple of 1 to 16"
)]
pub trait Selection<T: Record> {
    /// One row of the answer: the column's type, or a tuple of them.
    type Row;

    /// The columns, in the order of the answer.
    #[doc(hidden)]
    fn schema(&self) -> Vec<ColumnSchema>;

    /// The frame has the columns of `schema`, each once, by their labels and with exactly its types.
    #[doc(hidden)]
    fn rows(&self, frame: &DataFrame) -> Result<Vec<Self::Row>, CellError>;
}

/// What can stand in a tuple: a column of `T`, or a nested document in one.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a column of `{T}`",
    label = "not a column of `{T}`",
    note = "take the columns of a selection from `{T}::columns()`"
)]
pub trait SelectColumn<T: Record> {
    type Value: ColumnValue;

    fn column(&self) -> Column<T, Self::Value>;

    /// Adds the column, then every path into it.
    fn list(&self, paths: &mut Vec<ColumnSchema>) {
        paths.push(self.column().column_schema().clone());
    }
}

/// The rows of a single column.
pub(crate) fn select_one<T: Record, V: ColumnValue>(
    column: Column<T, V>,
    frame: &DataFrame,
) -> Result<Vec<V>, CellError> {
    let mut cells = Cells::new(frame);
    let reader = cells.reader::<V>(column.column_schema())?;
    collect_rows(frame, |row| reader.get(row))
}

macro_rules! tuples {
    ($($part:ident $place:tt),*) => {
        impl<T: Record, $($part: SelectColumn<T>),*> Selection<T> for ($($part,)*) {
            type Row = ($($part::Value,)*);

            fn schema(&self) -> Vec<ColumnSchema> {
                vec![$(self.$place.column().column_schema().clone()),*]
            }

            fn rows(&self, frame: &DataFrame) -> Result<Vec<Self::Row>, CellError> {
                let mut cells = Cells::new(frame);
                let readers = ($(cells.reader::<$part::Value>(self.$place.column().column_schema())?,)*);
                collect_rows(frame, |row| Ok(($(readers.$place.get(row)?,)*)))
            }
        }
    };
}

tuples!(A 0);
tuples!(A 0, B 1);
tuples!(A 0, B 1, C 2);
tuples!(A 0, B 1, C 2, D 3);
tuples!(A 0, B 1, C 2, D 3, E 4);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13, O 14);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13, O 14, P 15);
