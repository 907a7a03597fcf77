//! What the blocking and the asynchronous driver share: raw values out of rows, ids into queries, and time limits.

use std::error::Error as StdError;
use std::time::Duration;

use tokio_postgres::error::SqlState;
use tokio_postgres::types::{FromSql, ToSql, Type};
use tokio_postgres::{Error, Row};

use super::PostgresError;
use super::catalog::{CatalogRow, Table};
use super::query::{BatchQuery, BoundIds};
use crate::TableName;
use crate::error::BoxError;

/// A value as it was sent.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, BoxError> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

impl BatchQuery {
    /// Takes a row.
    #[inline]
    pub(super) fn push_row(&mut self, table: &Table, row: &Row) -> Result<(), BoxError> {
        if self.is_empty() {
            self.check_types(table, row.columns().iter().map(|column| Some(column.type_().oid())))?;
        }
        self.push(|place| Ok(row.try_get::<_, Option<Raw<'_>>>(place)?.map(|raw| raw.0)))
    }
}

impl BoundIds {
    /// The one parameter of a query.
    pub(super) fn parameter(&self) -> (&(dyn ToSql + Sync), Type) {
        match self {
            Self::Integers(ids) => (ids, Type::INT8_ARRAY),
            Self::Text(ids) => (ids, Type::TEXT_ARRAY),
        }
    }
}

/// The table's name, as a parameter.
pub(super) fn name_parameter<'a>(name: &'a &'a str) -> (&'a (dyn ToSql + Sync), Type) {
    (name, Type::TEXT)
}

pub(super) fn catalog_rows(rows: &[Row]) -> Result<Vec<CatalogRow>, PostgresError> {
    let rows: Result<Vec<CatalogRow>, Error> =
        rows.iter().map(|row| (0..row.len()).map(|place| row.try_get(place)).collect()).collect();
    rows.map_err(|cause| PostgresError::Connection(Box::new(cause)))
}

/// Pairs of texts.
pub(super) fn pairs(table: &TableName, rows: &[Row]) -> Result<Vec<(String, String)>, PostgresError> {
    let pairs = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
    pairs.collect::<Result<_, Error>>().map_err(PostgresError::query(table))
}

/// Begins a transaction whose queries the server ends when the time is up.
///
/// The setting ends with the transaction, so that whoever shares the connection through a proxy never sees it.
pub(super) fn begin_within(left: Duration) -> String {
    const LONGEST: u128 = i32::MAX as u128;
    let millis = left.as_micros().div_ceil(1000).clamp(1, LONGEST);
    format!("BEGIN; SET LOCAL statement_timeout = {millis}")
}

/// Whether the server ended the query before it was done.
pub(super) fn is_cancelled(cause: &(dyn StdError + 'static)) -> bool {
    match cause.downcast_ref::<Error>() {
        Some(cause) => cause.code() == Some(&SqlState::QUERY_CANCELED),
        None => cause.source().is_some_and(is_cancelled),
    }
}
