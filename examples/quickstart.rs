//! Rows of a small shop, fetched from SQLite once and from the cache ever after.
//!
//! Run it twice: the second run fetches nothing.

mod counting;
mod shop;

use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use dbcache::error::BoxError;
use dbcache::polars::prelude::DataFrame;
use dbcache::{Cache, Cached, CachedJson, SqliteFetcher};
use serde::{Deserialize, Serialize};

use counting::Counting;

/// One row of `main.users`.
#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "main.users")]
struct User {
    #[cached(id)]
    id: i64,
    name: String,
    email: String,
    age: Option<i32>,
    #[cached(json)]
    profile: Profile,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
struct Profile {
    address: Address,
    tags: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
struct Address {
    city: String,
    zip: Option<String>,
    geo: Geo,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
struct Geo {
    lat: f64,
    lon: f64,
}

fn main() -> Result<(), BoxError> {
    let folder = std::env::temp_dir().join("dbcache-quickstart");
    let database = Counting::new(open_shop(&folder)?);
    let cache = Cache::<User>::open(folder.join("cache"))?;
    println!("The cache is the folder {}.", folder.join("cache").display());

    typed_rows(&cache, &database)?;
    json_paths(&cache, &database)?;
    another_table(&folder.join("cache"), &database)?;
    mistakes(&cache, &database);

    let count = database.count();
    println!("\nThis run made {} fetcher calls, which brought {} rows.", count.calls, count.rows);
    Ok(())
}
