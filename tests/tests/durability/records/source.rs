//! The record types that share a table, and the database that each of their rows comes from.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::io;
use std::sync::Mutex;

use dbcache::error::BoxError;
use dbcache::fetch::{Dynamic, FetchRequest, Fetched, Fetcher};
use dbcache::polars::prelude::DataFrame;
use dbcache::{Cached, CachedJson, Record};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::expected::{CELLS, Cells};

pub const TABLE: &str = "public.things";
pub const IDS: std::ops::Range<i64> = 0..12;

/// A record type of the table.
pub trait Shared: Record<Id = i64> + Clone + Debug + Serialize + DeserializeOwned {
    /// What its rows have.
    const CELLS: &'static [&'static str];
}

macro_rules! records {
    ($($record:ident: $document:ident { $($cell:literal)* } { $($column:ident: $type:ty),* })*) => {$(
        #[derive(Clone, Debug, Serialize, Deserialize, Cached)]
        #[cached(table = "public.things")]
        pub struct $record {
            #[cached(id)]
            id: i64,
            $($column: Option<$type>,)*
            #[cached(json)]
            doc: Option<$document>,
        }

        impl Shared for $record {
            const CELLS: &'static [&'static str] = &[$($cell),*];
        }
    )*};
}

macro_rules! documents {
    ($($document:ident { $($key:ident: $type:ty),* })*) => {$(
        #[derive(Clone, Debug, Serialize, Deserialize, CachedJson)]
        pub struct $document { $($key: $type),* }
    )*};
}

records! {
    Streets: Street { "name" "street" "city" } { name: String }
    Zips: Zip { "age" "city" "zip" } { age: i64 }
    Positions: Position { "geo.lat" "geo.lon" "trips.to" } {}
    Years: Year { "name" "age" "zip" "geo.lat" "trips.to" "trips.year" } { name: String, age: i64 }
    Tags: Tag { "trips.year" "tags" } {}
    // What the database brings in columns; the cache never reads it.
    Whole: WholeDocument {
        "name" "age" "street" "city" "zip" "geo.lat" "geo.lon" "trips.to" "trips.year" "tags" "more"
    } { name: String, age: i64 }
}

documents! {
    Street { street: String, city: Option<String> }
    Zip { city: Option<String>, zip: Option<i64> }
    Position { geo: Option<Geo>, trips: Option<Vec<TripTo>> }
    Year { zip: Option<i64>, geo: Option<Height>, trips: Option<Vec<Trip>> }
    Tag { trips: Option<Vec<TripYear>>, tags: Vec<String> }
    WholeDocument {
        street: String, city: Option<String>, zip: Option<i64>, geo: Option<Geo>, trips: Option<Vec<Trip>>,
        tags: Vec<String>, more: String
    }
    Geo { lat: f64, lon: Option<f64> }
    Height { lat: f64 }
    Trip { to: String, year: Option<i32> }
    TripTo { to: String }
    TripYear { year: Option<i32> }
}

/// A row of the database in a version, which differs from the one before in about a third of its cells.
pub fn row_of(id: i64, version: i64) -> Value {
    let seed = |part: i64| id * 7 + part + if (id + part) % 3 == 0 { version } else { 0 };
    let value = |part: i64, value: Value| if seed(part) % 4 == 0 { Value::Null } else { value };
    let text = |what: &str, part: i64| format!("{what} {} of {id}", seed(part));
    #[expect(clippy::cast_precision_loss, reason = "the numbers are small")]
    let degrees = |part: i64| seed(part) as f64 + 0.5;
    let trip = |trip: i64| json!({ "to": text("city", trip), "year": value(1, json!(1990 + seed(2) + trip)) });
    let trips: Vec<Value> = (0..seed(3) % 3).map(trip).collect();
    let tags: Vec<String> = (0..seed(4) % 3).map(|tag| text("tag", tag)).collect();
    let document = json!({
        "street": text("street", 5), "city": value(6, json!(text("city", 7))), "zip": value(8, json!(seed(9))),
        "geo": value(10, json!({ "lat": degrees(11), "lon": value(12, json!(degrees(13))) })),
        "trips": value(14, json!(trips)), "tags": tags, "more": text("more", 15)
    });
    let document = if seed(16) % 6 == 0 { Value::Null } else { document };
    json!({ "id": id, "name": value(17, json!(text("name", 18))), "age": value(19, json!(seed(20))), "doc": document })
}

/// In which form the database brings rows of any table.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    Json,
    /// A frame with a chunk for each row, and an empty one.
    Chunks,
}

/// The database in one state.
#[derive(Debug)]
pub struct Source {
    pub version: i64,
    /// A bit for each id that it does not have.
    pub gone: u16,
    pub is_broken: bool,
    pub form: Form,
    /// Whether it brings all columns, asked for or not.
    pub is_generous: bool,
    batches: Mutex<Vec<Batch>>,
}

/// A batch that was asked for.
#[derive(Clone, Debug)]
pub struct Batch {
    pub ids: Vec<i64>,
    pub columns: BTreeSet<String>,
}

impl Source {
    pub fn new(version: i64, gone: u16) -> Self {
        let batches = Mutex::default();
        Self { version, gone, is_broken: false, form: Form::Json, is_generous: false, batches }
    }

    pub fn has(&self, id: i64) -> bool {
        self.gone & (1 << id) == 0
    }

    pub fn batches(&self) -> Vec<Batch> {
        self.batches.lock().expect("no panic").clone()
    }

    /// Notes a batch, and gives its rows.
    fn rows(&self, request: &FetchRequest<'_, i64>) -> Result<Vec<Value>, BoxError> {
        let columns = match request.columns() {
            None => ["name", "age", "doc"].map(str::to_owned).into(),
            Some(columns) => columns.iter().map(|column| column.name.clone()).collect(),
        };
        self.batches.lock().expect("no panic").push(Batch { ids: request.ids().to_vec(), columns });
        if self.is_broken {
            return Err(io::Error::other("the connection broke").into());
        }
        let there = request.ids().iter().filter(|id| self.has(**id));
        Ok(there.map(|id| row_of(*id, self.version)).collect())
    }
}

impl<T: Shared> Fetcher<T> for Source {
    fn fetch(&self, request: &FetchRequest<'_, i64>) -> Result<Fetched<T>, BoxError> {
        let rows: Result<Vec<T>, _> = self.rows(request)?.into_iter().map(serde_json::from_value).collect();
        Ok(rows?.into())
    }
}

impl Fetcher<Dynamic<i64>> for Source {
    fn fetch(&self, request: &FetchRequest<'_, i64>) -> Result<Fetched<Dynamic<i64>>, BoxError> {
        let rows = self.rows(request)?;
        let wanted = |name: &str| match request.columns() {
            Some(columns) if !self.is_generous => name == "id" || columns.iter().any(|wanted| wanted.name == name),
            _ => true,
        };
        match self.form {
            Form::Json => {
                let cells = |row| dbcache_tests::row(row).into_iter().filter(|(name, _)| wanted(name)).collect();
                Ok(rows.into_iter().map(cells).collect::<Vec<dbcache_tests::Row>>().into())
            }
            Form::Chunks => {
                let frame = in_chunks(rows)?;
                let columns = frame.columns().iter().filter(|column| wanted(column.name())).cloned().collect();
                Ok(DataFrame::new(frame.height(), columns)?.into())
            }
        }
    }
}

fn in_chunks(rows: Vec<Value>) -> Result<DataFrame, BoxError> {
    let mut frame = Whole::to_frame(&[])?;
    for row in rows {
        frame.vstack_mut_owned(Whole::to_frame(&[serde_json::from_value(row)?])?)?;
    }
    Ok(frame)
}

/// All cells of these columns of a whole row.
pub fn cells_of(columns: &BTreeSet<String>) -> Cells {
    let is_brought = |cell: &&str| {
        let column = if ["name", "age"].contains(cell) { cell } else { "doc" };
        columns.contains(column)
    };
    CELLS.into_iter().filter(is_brought).collect()
}
