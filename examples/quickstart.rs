//! Rows of a small shop: fetched from SQLite once, from the cache ever after.
//!
//! Run it twice. The second run fetches nothing.

mod counting;
mod shop;

use std::path::{Path, PathBuf};
use std::time::Instant;

use dbcache::error::BoxError;
use dbcache::polars::prelude::DataFrame;
use dbcache::{Cache, Cached, CachedJson, DynamicCache, SqliteFetcher};
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
    let shop = Shop { database: Counting::new(open_database(&folder)?), folder: folder.join("cache") };
    println!("The cache is in {}; delete the folder to start afresh.", shop.folder.display());

    let users = Cache::<User>::open(&shop.folder)?;
    shop.whole_rows(&users)?;
    shop.columns_and_paths(&users)?;
    shop.another_table()?;
    shop.mistakes(&users)?;

    let count = shop.database.count();
    println!("\nIn all, this run made {} fetcher calls, which brought {} rows.", count.calls, count.rows);
    Ok(())
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

/// The database, and the folder of the cache.
struct Shop {
    database: Counting,
    folder: PathBuf,
}

impl Shop {
    fn whole_rows(&self, users: &Cache<User>) -> Result<(), BoxError> {
        let ids: Vec<i64> = (1..=15_000).collect();
        self.show("Users 1 to 15,000, as a frame", || Ok(users.frame(&ids, &self.database)?))?;
        self.show("The same again", || Ok(users.frame(&ids, &self.database)?))?;

        let ids: Vec<i64> = (14_001..=16_000).collect();
        self.show("Users 14,001 to 16,000, of whom half are new", || Ok(users.frame(&ids, &self.database)?))?;

        let some: Vec<User> = users.rows(&[3, 7], &self.database)?;
        println!("\nTwo of them as structs:\n{some:#?}");
        Ok(())
    }

    fn columns_and_paths(&self, users: &Cache<User>) -> Result<(), BoxError> {
        let c = User::columns();
        let typed = users.select((c.name, c.age, c.profile.address.city));
        let rows: Vec<(String, Option<i32>, String)> = typed.rows(&[1, 2, 7], &self.database)?;
        println!("\nTyped columns, one of them a path into the profile, as tuples:");
        rows.iter().for_each(|row| println!("  {row:?}"));

        let ids: Vec<i64> = (1..=1_000).collect();
        self.show("The same columns as a frame", || Ok(typed.frame(&ids, &self.database)?))?;
        let paths = users.select_dynamic(["name", "profile.address.geo.lat", "profile.address.zip", "profile.tags.0"])?;
        self.show("Paths as strings", || Ok(paths.frame(&ids, &self.database)?))
    }

    /// No record type: the columns are strings, their types those that the database declares.
    fn another_table(&self) -> Result<(), BoxError> {
        let cache = DynamicCache::open(&self.folder)?;
        let orders = cache.table("main.orders")?;
        let ids: Vec<i64> = (1..=5_000).collect();
        let query = orders.select(["item", "price", "paid"])?;
        self.show("Orders, without a record type", || Ok(query.frame(&ids, &self.database)?))
    }

    /// What the database does not have is never cached, so that each of these would ask the database again. A run
    /// that found all the rest in the cache leaves it at that.
    fn mistakes(&self, users: &Cache<User>) -> Result<(), BoxError> {
        if self.database.count().calls == 0 {
            println!("\nNothing was fetched, so the mistakes that the first run showed are left out: each would fetch.");
            return Ok(());
        }
        let missing_id = users.rows(&[1, shop::USERS + 1], &self.database);
        report("An id that does not exist", missing_id.map(|_| ()));
        let missing_column = users.select_dynamic(["nmae"])?.frame(&[1], &self.database);
        report("A column that does not exist", missing_column.map(|_| ()));
        Ok(())
    }

    /// Prints an answer, with what it took.
    fn show(&self, title: &str, ask: impl Fn() -> Result<DataFrame, BoxError>) -> Result<(), BoxError> {
        let (before, start) = (self.database.count(), Instant::now());
        let frame = ask()?;
        let (after, took) = (self.database.count(), start.elapsed());
        let (calls, rows) = (after.calls - before.calls, after.rows - before.rows);
        println!("\n{title}: {calls} fetcher calls, {rows} rows fetched, {} ms\n{frame}", took.as_millis());
        Ok(())
    }
}

fn report(title: &str, outcome: Result<(), dbcache::Error>) {
    match outcome {
        Ok(()) => println!("\n{title}: it exists after all."),
        Err(error) => println!("\n{title}: {error}"),
    }
}
