//! The five types of values that SQLite has.

/// A value as a driver gives it.
#[derive(Clone, Copy, Debug)]
pub(super) enum SqliteValue<'a> {
    Null,
    Integer(i64),
    Real(f64),
    /// Text, of which SQLite does not check that it is UTF-8.
    Text(&'a [u8]),
    Blob(&'a [u8]),
}

#[cfg(feature = "sqlite")]
impl<'a> From<rusqlite::types::ValueRef<'a>> for SqliteValue<'a> {
    #[inline]
    fn from(value: rusqlite::types::ValueRef<'a>) -> Self {
        use rusqlite::types::ValueRef;
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(value) => Self::Integer(value),
            ValueRef::Real(value) => Self::Real(value),
            ValueRef::Text(text) => Self::Text(text),
            ValueRef::Blob(bytes) => Self::Blob(bytes),
        }
    }
}
