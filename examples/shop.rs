//! The database of the quickstart: 20,000 users and their orders.

use std::path::Path;

use dbcache::error::BoxError;
use dbcache::rusqlite::{Connection, Result, Transaction, params};
use serde_json::json;

/// Number of users. Their ids start at 1.
pub const USERS: i64 = 20_000;
/// Number of orders. Their ids start at 1.
pub const ORDERS: i64 = 60_000;

const TABLES: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, age INTEGER, profile JSON NOT NULL);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL, item TEXT NOT NULL, price REAL NOT NULL, paid BOOLEAN NOT NULL);
";

const NAMES: [&str; 8] = ["Ada", "Blaise", "Chen", "Dorothy", "Emmy", "Fatima", "Grace", "Hedy"];
const ITEMS: [&str; 5] = ["lamp", "chair", "desk", "rug", "clock"];
/// Names, latitudes and longitudes.
const CITIES: [(&str, f64, f64); 5] = [
    ("Lisbon", 38.72, -9.14),
    ("Kyoto", 35.01, 135.77),
    ("Zürich", 47.37, 8.54),
    ("Nairobi", -1.29, 36.82),
    ("Montréal", 45.5, -73.57),
];

/// Creates the database. It gets its name only when it is complete.
pub fn build(path: &Path) -> Result<(), BoxError> {
    let unfinished = path.with_extension("unfinished");
    if unfinished.exists() {
        std::fs::remove_file(&unfinished)?;
    }
    let mut connection = Connection::open(&unfinished)?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    insert_users(&transaction)?;
    insert_orders(&transaction)?;
    transaction.commit()?;
    drop(connection);
    Ok(std::fs::rename(&unfinished, path)?)
}

fn insert_users(transaction: &Transaction<'_>) -> Result<()> {
    let mut insert = transaction.prepare("INSERT INTO users VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for id in 1..=USERS {
        let name = format!("{} {id}", of(&NAMES, id));
        let email = format!("{}{id}@example.com", of(&NAMES, id).to_lowercase());
        // The age of every seventh user is unknown.
        let age = (id % 7 != 0).then_some(18 + id % 60);
        insert.execute(params![id, name, email, age, profile(id).to_string()])?;
    }
    Ok(())
}

fn profile(id: i64) -> serde_json::Value {
    let (city, lat, lon) = of(&CITIES, id);
    // Not every user has a postal code, and the number of tags differs.
    let zip = (id % 3 != 0).then(|| format!("{:05}", id * 37 % 100_000));
    let tags = ["reader", "walker", "cook"].into_iter().take(usize::try_from(id % 4).unwrap_or(0));
    json!({
        "address": { "city": city, "zip": zip, "geo": { "lat": lat, "lon": lon } },
        "tags": tags.collect::<Vec<_>>(),
    })
}

fn insert_orders(transaction: &Transaction<'_>) -> Result<()> {
    let mut insert = transaction.prepare("INSERT INTO orders VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for id in 1..=ORDERS {
        let price = f64::from(i32::try_from(500 + id * 7 % 40_000).unwrap_or(0)) / 100.0;
        insert.execute(params![id, 1 + id * 13 % USERS, of(&ITEMS, id), price, id % 5 != 0])?;
    }
    Ok(())
}

/// Returns one of the values, always the same one for an id.
fn of<T: Copy, const N: usize>(values: &[T; N], id: i64) -> T {
    values[usize::try_from(id).unwrap_or(0) % N]
}
