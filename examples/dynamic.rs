//! Any table, with columns named by strings: the six demonstrations of the Python predecessor.
//!
//! The database is a function that invents its rows, so there is nothing to set up. The cache is in a temporary directory,
//! which is deleted when the program ends.

use std::thread;
use std::time::{Duration, Instant};

use dbcache::error::BoxError;
use dbcache::polars::prelude::{DataFrame, DataType};
use dbcache::{DynamicCache, Table};
use serde_json::{Map, Value, json};

/// Latency of a query.
const ROUND_TRIP: Duration = Duration::from_millis(30);
/// Ids from here on do not exist.
const END: i64 = 100_000;

type Row = Map<String, Value>;

fn main() -> Result<(), BoxError> {
    let folder = tempfile::tempdir()?;
    let cache = DynamicCache::open(folder.path())?;
    let users = cache.table("public.users")?;

    basic_use(&users)?;
    json_fields(&users)?;
    batches(&users)?;
    hits_and_misses(&users)?;
    errors(&users);
    several_tables(&cache)
}

/// The database of this example. A real one would run SQL.
fn database(ids: &[i64], table: &str) -> Result<Vec<Row>, BoxError> {
    thread::sleep(ROUND_TRIP);
    let row: fn(i64) -> Value = match table {
        "public.users" => user,
        "public.orders" => order,
        other => return Err(format!("there is no table {other}").into()),
    };
    let rows = ids.iter().filter(|id| (1..END).contains(*id)).map(|id| match row(*id) {
        Value::Object(row) => Ok(row),
        other => Err(format!("{other} is not a row").into()),
    });
    rows.collect()
}

fn user(id: i64) -> Value {
    let city = ["Lisbon", "Kyoto", "Nairobi"].into_iter().cycle().nth(usize::try_from(id % 3).unwrap_or(0));
    let profile = json!({ "address": { "city": city, "zip": id * 37 % 10_000 }, "tags": ["reader", "walker"] });
    // Text, as in a text column of a database.
    json!({ "id": id, "name": format!("User {id}"), "age": 18 + id % 60, "profile": profile.to_string() })
}

fn order(id: i64) -> Value {
    json!({ "id": id, "user_id": 1 + id % 500, "items": [{ "sku": format!("SKU-{id}"), "count": 1 + id % 3 }] })
}

fn basic_use(users: &Table) -> Result<(), BoxError> {
    title("1. Basic use");
    let frame = users.select(["name", "age"])?.frame(&[3, 1, 2], &database)?;
    println!("{frame}");
    Ok(())
}

fn json_fields(users: &Table) -> Result<(), BoxError> {
    title("2. JSON fields");
    let columns = ["name", "profile.address.city", "profile.address.zip", "profile.tags.0"];
    println!("{}", users.select(columns)?.frame(&[1, 2, 3], &database)?);
    // The values decide the type of a path, unless you pin it.
    let zip = users.select(["profile.address.zip"])?.pin("profile.address.zip", DataType::String)?;
    println!("{}", zip.frame(&[1, 2, 3], &database)?);
    Ok(())
}

fn batches(users: &Table) -> Result<(), BoxError> {
    title("3. 250 ids, in three batches with a progress bar");
    let ids: Vec<i64> = (1_001..=1_250).collect();
    let frame = users.select(["name"])?.frame(&ids, &database)?;
    println!("{} rows", frame.height());
    Ok(())
}

fn hits_and_misses(users: &Table) -> Result<(), BoxError> {
    title("4. Hit, miss and partial hit");
    let names = users.select(["name"])?;
    let request = |what: &str, ids: &[i64]| -> Result<(), BoxError> {
        let fetched = names.look_up(ids)?.missing.len();
        let start = Instant::now();
        let frame = names.frame(ids, &database)?;
        println!("{what}: {} rows, {fetched} of them fetched, {:.1?}", frame.height(), start.elapsed());
        Ok(())
    };
    request("Miss", &[2_001, 2_002, 2_003])?;
    request("Hit", &[2_001, 2_002, 2_003])?;
    request("Partial hit", &[2_002, 2_003, 2_004, 2_005])?;

    let cached = names.frame_cached(&[2_005, 2_006])?;
    println!("Without fetching: {} row; {:?} is not cached", cached.rows.height(), cached.missing);
    Ok(())
}

fn errors(users: &Table) {
    title("5. Errors");
    let request = |columns: &[&str], ids: &[i64]| users.select(columns)?.frame(ids, &database);
    report("No columns", request(&[], &[1]));
    report("A malformed column", request(&["profile..city"], &[1]));
    report("A column that does not exist", request(&["nmae"], &[1]));
    report("Ids that do not exist", request(&["name"], &[1, END, END + 1]));
    report(
        "An id that is not cached, offline",
        users.select(["name"]).and_then(|names| names.offline().frame(&[9], &database)),
    );
    report("No ids, which is not an error", request(&["name"], &[]));
}

fn several_tables(cache: &DynamicCache) -> Result<(), BoxError> {
    title("6. Several tables");
    let orders = cache.table("public.orders")?;
    println!("{}", orders.select(["user_id", "items", "items.0.sku"])?.frame(&[1, 2], &database)?);
    for table in [cache.table("public.users")?, orders] {
        println!("Cached columns of {}:", table.name());
        for column in table.columns()? {
            println!("  {:8} {:6} {} rows", column.name, column.data_type.to_string(), column.rows);
        }
    }
    report("A malformed table name", cache.table("users").map(|_| DataFrame::empty()));
    Ok(())
}

fn title(text: &str) {
    println!("\n{text}\n{}", "-".repeat(text.len()));
}

fn report(what: &str, result: dbcache::Result<DataFrame>) {
    match result {
        Ok(frame) => println!("{what}: {} rows, {} columns", frame.height(), frame.width()),
        Err(error) => println!("{what}: {error}"),
    }
}
