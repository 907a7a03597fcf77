//! UUIDs, feature `uuid`: text, so that every tool that reads Parquet shows them.

use std::borrow::Cow;

use uuid::Uuid;

use super::StoreAs;
use crate::error::BoxError;

/// Lower case with hyphens, whose order as text is the order of the bytes.
impl StoreAs for Uuid {
    type As = String;

    fn store(&self) -> Cow<'_, String> {
        Cow::Owned(self.hyphenated().to_string())
    }

    fn load(stored: String) -> Result<Self, BoxError> {
        Uuid::parse_str(&stored).map_err(|error| format!("{stored:?} is no UUID: {error}").into())
    }
}
