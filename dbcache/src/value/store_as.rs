//! Newtypes and other types of the user's own, stored as one of the types that are built in.

use std::borrow::Cow;

use polars::prelude::{DataType, PlSmallStr, PolarsResult, Series};

use super::{
    ColumnBuilder, ColumnReader, ColumnValue, Fault, ListBuilder, ListReader, PlainValue, leaf_handle, opaque_debug,
};
use crate::error::BoxError;

/// How a type of your own is stored: as a type that a column can already hold.
///
/// ```
/// use std::borrow::Cow;
///
/// use dbcache::StoreAs;
/// use dbcache::error::BoxError;
///
/// #[derive(Debug, PartialEq)]
/// struct Email(String);
///
/// impl StoreAs for Email {
///     type As = String;
///
///     fn store(&self) -> Cow<'_, String> {
///         Cow::Borrowed(&self.0)
///     }
///
///     fn load(stored: String) -> Result<Self, BoxError> {
///         if stored.contains('@') { Ok(Self(stored)) } else { Err(format!("{stored:?} has no @").into()) }
///     }
/// }
/// # assert!(Email::load("ann".to_owned()).is_err());
/// ```
///
/// For a type of another crate, wrap it in a newtype and implement the trait for that.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored in a column",
    label = "not a field type",
    note = "derive `dbcache::CachedJson` for a nested document or an enum, implement `dbcache::StoreAs` for another type, or mark the field with `#[cached(skip)]`"
)]
pub trait StoreAs: Sized + Send + Sync + 'static {
    /// What is stored; not an `Option`.
    type As: ColumnValue<Nullable = Option<Self::As>> + Clone;

    /// The value to store.
    fn store(&self) -> Cow<'_, Self::As>;

    /// The value that was stored, back again.
    ///
    /// # Errors
    ///
    /// Where no value of this type is stored so: another program may have written the column.
    fn load(stored: Self::As) -> Result<Self, BoxError>;
}

#[diagnostic::do_not_recommend]
impl<V: StoreAs> ColumnValue for V {
    type Nullable = Option<Self>;
    type Builder = StoreAsBuilder<V>;
    type Reader = StoreAsReader<V>;
    type ListBuilder = ListBuilder<Self>;
    type ListReader = ListReader<Self>;

    leaf_handle!();
}

#[diagnostic::do_not_recommend]
impl<V: StoreAs> PlainValue for V where V::As: PlainValue {}

pub struct StoreAsBuilder<V: StoreAs>(<V::As as ColumnValue>::Builder);

opaque_debug!(StoreAsBuilder<V: StoreAs>);

impl<V: StoreAs> ColumnBuilder<V> for StoreAsBuilder<V> {
    fn data_type() -> DataType {
        <V::As as ColumnValue>::Builder::data_type()
    }

    fn with_capacity(rows: usize) -> Self {
        Self(ColumnBuilder::with_capacity(rows))
    }

    fn push(&mut self, value: &V) {
        self.0.push(value.store().as_ref());
    }

    fn push_null(&mut self) {
        self.0.push_null();
    }

    fn finish(self, name: PlSmallStr) -> PolarsResult<Series> {
        self.0.finish(name)
    }
}

pub struct StoreAsReader<V: StoreAs>(<V::As as ColumnValue>::Reader);

opaque_debug!(StoreAsReader<V: StoreAs>);

impl<V: StoreAs> ColumnReader<V> for StoreAsReader<V> {
    fn new(column: &Series) -> Result<Self, Fault> {
        ColumnReader::new(column).map(Self)
    }

    fn read(&self, row: usize) -> Result<Option<V>, Fault> {
        let Some(stored) = self.0.read(row)? else { return Ok(None) };
        V::load(stored).map(Some).map_err(|error| Fault::value(error.to_string()))
    }
}
