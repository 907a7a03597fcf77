//! The derive macros of dbcache.
