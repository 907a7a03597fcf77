//! What the tests share: a database that is nothing but JSON rows, and that remembers what it was asked.

pub mod contract;
pub mod counts;
pub mod disturbance;
pub mod fuzz;
pub mod gate;
pub mod golden;
pub mod life;
pub mod numbers;
#[cfg(feature = "databases")]
pub mod server;
pub mod strict;
pub mod versioned;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use dbcache::error::BoxError;
use dbcache::fetch::{Dynamic, FetchRequest, Fetched, Fetcher};
use serde_json::{Map, Value};

/// A row as a JSON object.
pub type Row = Map<String, Value>;

/// A row from `json!({ … })`.
///
/// # Panics
///
/// When the value is no object.
pub fn row(value: Value) -> Row {
    match value {
        Value::Object(row) => row,
        other => panic!("{other} is no row"),
    }
}

/// An in-memory database of one table with integer ids: it records every batch, and fails where it is told to.
#[derive(Debug, Default)]
pub struct Database {
    rows: BTreeMap<i64, Row>,
    failing: BTreeSet<i64>,
    batches: Mutex<Vec<Vec<i64>>>,
}

impl Database {
    /// A database with these rows, each with an integer `id`.
    ///
    /// # Panics
    ///
    /// When a row has no integer `id`.
    pub fn with_rows(rows: impl IntoIterator<Item = Value>) -> Self {
        let rows = rows.into_iter().map(row).map(|row| (row["id"].as_i64().expect("an integer id"), row)).collect();
        Self { rows, ..Self::default() }
    }

    /// The same database, failing on every batch that asks one of these ids.
    #[must_use]
    pub fn failing_on(mut self, ids: impl IntoIterator<Item = i64>) -> Self {
        self.failing.extend(ids);
        self
    }

    /// The ids of every batch asked so far.
    pub fn batches(&self) -> Vec<Vec<i64>> {
        self.recorded().clone()
    }

    /// All ids asked since the last call of this function.
    pub fn take_asked(&self) -> Vec<i64> {
        std::mem::take(&mut *self.recorded()).into_iter().flatten().collect()
    }

    fn recorded(&self) -> MutexGuard<'_, Vec<Vec<i64>>> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fetcher<Dynamic<i64>> for Database {
    fn fetch(&self, request: &FetchRequest<'_, i64>) -> Result<Fetched<Dynamic<i64>>, BoxError> {
        self.recorded().push(request.ids().to_vec());
        if let Some(id) = request.ids().iter().find(|id| self.failing.contains(id)) {
            return Err(format!("the connection broke at {id}").into());
        }
        let rows: Vec<Row> = request.ids().iter().filter_map(|id| self.rows.get(id)).cloned().collect();
        Ok(rows.into())
    }
}

/// A database that gives the same rows whatever it is asked.
#[derive(Debug)]
pub struct Always(pub Vec<Row>);

impl Always {
    /// A database of these rows.
    pub fn rows(rows: impl IntoIterator<Item = Value>) -> Self {
        Self(rows.into_iter().map(row).collect())
    }
}

impl Fetcher<Dynamic<i64>> for Always {
    fn fetch(&self, _: &FetchRequest<'_, i64>) -> Result<Fetched<Dynamic<i64>>, BoxError> {
        Ok(self.0.clone().into())
    }
}

/// The examples of the README, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
