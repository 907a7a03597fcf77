//! Rows from PostgreSQL: one query a batch, whose binary values go straight into columns.
//!
//! Nothing here but `blocking` speaks to a server: the rest says what to ask and takes what came back.

mod blocking;
mod catalog;
mod cells;
mod driver;
mod error;
mod kind;
mod numeric;
mod query;
mod tables;
mod values;

pub use self::blocking::PostgresFetcher;
pub use self::error::PostgresError;
