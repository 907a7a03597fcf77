//! Rows from SQLite.

mod cells;
mod error;
mod key;
mod kind;
mod mixed;
mod query;
mod table;
mod value;

#[cfg(feature = "sqlite")]
mod blocking;
#[cfg(feature = "sqlite")]
mod connection;
#[cfg(feature = "sqlite")]
mod pool;
#[cfg(feature = "sqlx-sqlite")]
mod sqlx;
#[cfg(feature = "sqlite")]
mod time_limit;

#[cfg(feature = "sqlite")]
pub use self::blocking::SqliteFetcher;
pub use self::error::SqliteError;
pub use self::key::SqliteKey;

use super::sql::Dialect;

/// As the SQL standard has it.
const SQL: Dialect = Dialect { quote: '"' };
