//! Fetchers and tables that the tests share.
