//! Fetchers and tables that the tests share.

pub mod strict;
