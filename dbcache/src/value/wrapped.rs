//! Types of the standard library that are stored as others: boxes, arrays and characters.

use std::borrow::Cow;

use super::{ColumnValue, StoreAs};
use crate::error::BoxError;

impl<V: ColumnValue<Nullable = Option<V>> + Clone> StoreAs for Box<V> {
    type As = V;

    fn store(&self) -> Cow<'_, V> {
        Cow::Borrowed(self)
    }

    fn load(stored: V) -> Result<Self, BoxError> {
        Ok(Self::new(stored))
    }
}

impl<V: ColumnValue + Clone, const N: usize> StoreAs for [V; N] {
    type As = Vec<V>;

    fn store(&self) -> Cow<'_, Vec<V>> {
        Cow::Owned(self.to_vec())
    }

    fn load(stored: Vec<V>) -> Result<Self, BoxError> {
        stored.try_into().map_err(|stored: Vec<V>| format!("there are {} elements, not {N}", stored.len()).into())
    }
}

impl StoreAs for char {
    type As = String;

    fn store(&self) -> Cow<'_, String> {
        Cow::Owned(self.to_string())
    }

    fn load(stored: String) -> Result<Self, BoxError> {
        let mut characters = stored.chars();
        match (characters.next(), characters.next()) {
            (Some(one), None) => Ok(one),
            _ => Err(format!("{stored:?} is not one character").into()),
        }
    }
}
