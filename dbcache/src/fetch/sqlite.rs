//! Rows from SQLite.
