//! Rows from PostgreSQL: one query a batch, whose binary values go straight into columns.
//!
//! Only the modules of the drivers speak to a server: the rest says what to ask and takes what came back.

mod catalog;
mod cells;
mod error;
mod kind;
mod numeric;
mod query;
mod values;

#[cfg(feature = "postgres")]
mod blocking;
#[cfg(feature = "postgres")]
mod connections;
#[cfg(any(feature = "postgres", feature = "tokio-postgres"))]
mod driver;
#[cfg(feature = "postgres")]
mod own_thread;
#[cfg(feature = "tokio-postgres")]
mod pooled;
#[cfg(feature = "sqlx-postgres")]
mod sqlx;

#[cfg(feature = "postgres")]
pub use self::blocking::PostgresFetcher;
pub use self::error::PostgresError;
#[cfg(feature = "tokio-postgres")]
pub use self::pooled::AsyncPostgresFetcher;

use super::sql::Dialect;

/// As the SQL standard has it.
const SQL: Dialect = Dialect { quote: '"' };
