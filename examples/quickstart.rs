//! The rows of a small shop: fetched from SQLite once, then read from the cache.
//!
//! Run it twice: the second run fetches nothing. The first argument is the directory for the database and the cache. By
//! default, it is below the system's directory for temporary files.

mod counting;
mod shop;

use std::path::{Path, PathBuf};
use std::time::Instant;

use dbcache::error::BoxError;
use dbcache::polars::prelude::DataFrame;
use dbcache::{Cache, Cached, CachedJson, DynamicCache, SqliteFetcher};
use serde::{Deserialize, Serialize};

use counting::Counting;

/// A row of `main.users`.
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
    let folder = std::env::args_os().nth(1).map_or_else(default_folder, PathBuf::from);
    let database = open_database(&folder)?;
    let shop = Shop { database: Counting::new(&database), folder: folder.join("cache") };
    println!("The cache is in {}; delete this directory to start afresh.", shop.folder.display());

    let users = Cache::<User>::open(&shop.folder)?;
    shop.whole_rows(&users)?;
    shop.columns_and_paths(&users)?;
    shop.another_table()?;
    shop.mistakes(&users)?;

    let count = shop.database.count();
    println!("\nIn total, this run made {} fetcher calls, which returned {} rows.", count.calls, count.rows);
    Ok(())
}

fn default_folder() -> PathBuf {
    std::env::temp_dir().join("dbcache-quickstart")
}

fn open_database(folder: &Path) -> Result<SqliteFetcher, BoxError> {
    let path = folder.join("shop.db");
    if !path.exists() {
        println!("Building an SQLite database of {} users and {} orders …", shop::USERS, shop::ORDERS);
        std::fs::create_dir_all(folder)?;
        shop::build(&path)?;
    }
    println!("The database is {}.", path.display());
    Ok(SqliteFetcher::open(&path)?)
}

/// The database, and the directory of the cache.
struct Shop<'d> {
    database: Counting<'d>,
    folder: PathBuf,
}

impl Shop<'_> {
    fn whole_rows(&self, users: &Cache<User>) -> Result<(), BoxError> {
        let ids: Vec<i64> = (1..=15_000).collect();
        self.show("Users 1 to 15,000, as a frame", || Ok(users.frame(&ids, &self.database)?))?;
        self.show("The same request again", || Ok(users.frame(&ids, &self.database)?))?;

        let ids: Vec<i64> = (14_001..=16_000).collect();
        self.show("Users 14,001 to 16,000, half of them new", || Ok(users.frame(&ids, &self.database)?))?;

        let some: Vec<User> = users.rows(&[3, 7], &self.database)?;
        println!("\nTwo of them as structs:");
        for user in some {
            println!("  {user:?}");
        }
        Ok(())
    }

    fn columns_and_paths(&self, users: &Cache<User>) -> Result<(), BoxError> {
        let c = User::columns();
        let typed = users.select((c.name, c.age, c.profile.address.city));
        let rows: Vec<(String, Option<i32>, String)> = typed.rows(&[1, 2, 7], &self.database)?;
        println!("\nTyped columns, one of them a path into the profile, as tuples:");
        for row in rows {
            println!("  {row:?}");
        }

        let ids: Vec<i64> = (1..=1_000).collect();
        self.show("The same columns as a frame", || Ok(typed.frame(&ids, &self.database)?))?;
        let paths =
            users.select_dynamic(["name", "profile.address.geo.lat", "profile.address.zip", "profile.tags.0"])?;
        self.show("Paths as strings", || Ok(paths.frame(&ids, &self.database)?))
    }

    /// Without a record type: strings name the columns, which have the types that the database declares.
    fn another_table(&self) -> Result<(), BoxError> {
        let cache = DynamicCache::open(&self.folder)?;
        let orders = cache.table("main.orders")?;
        let ids: Vec<i64> = (1..=5_000).collect();
        let query = orders.select(["item", "price", "paid"])?;
        self.show("Orders, without a record type", || Ok(query.frame(&ids, &self.database)?))
    }

    /// Rows and columns that do not exist cannot be cached, so these requests would query the database in every run. A run
    /// that found everything else in the cache therefore only looks them up.
    fn mistakes(&self, users: &Cache<User>) -> Result<(), BoxError> {
        let id = shop::USERS + 1;
        let nmae = users.select_dynamic(["nmae"])?;
        if self.database.count().calls == 0 {
            println!("\nAn id that does not exist, without fetching: {:?}", nmae.look_up(&[id])?);
            println!("\nA column that does not exist, without fetching: {:?}", nmae.look_up(&[1])?);
            return Ok(());
        }
        report("An id that does not exist", users.rows(&[1, id], &self.database));
        report("A column that does not exist", nmae.frame(&[1], &self.database));
        Ok(())
    }

    /// Prints the result of a request, with its fetches and its time.
    fn show(&self, title: &str, request: impl Fn() -> Result<DataFrame, BoxError>) -> Result<(), BoxError> {
        let (before, start) = (self.database.count(), Instant::now());
        let frame = request()?;
        let (after, took) = (self.database.count(), start.elapsed());
        let (calls, rows) = (after.calls - before.calls, after.rows - before.rows);
        println!("\n{title}: {calls} fetcher calls, {rows} rows fetched, {} ms\n{frame}", took.as_millis());
        Ok(())
    }
}

fn report<R>(title: &str, outcome: dbcache::Result<R>) {
    match outcome {
        Ok(_) => println!("\n{title}: it exists after all"),
        Err(error) => println!("\n{title}: {error}"),
    }
}
