//! Fetches rows of a PostgreSQL table through a pool of connections, with eight batches in flight, and reads them from the
//! cache afterwards.
//!
//! The argument is the URL of a server, in which the example creates a table `public.dbcache_readings`. To start a server
//! and run the example:
//!
//! ```sh
//! docker run --detach --publish 5432:5432 --env POSTGRES_HOST_AUTH_METHOD=trust postgres
//! cargo run --release --package dbcache-examples --features postgres --example postgres -- postgres://postgres@localhost/postgres
//! ```
//!
//! To start one without Docker: `initdb --pgdata=pg --username=postgres && postgres -D pg`.

use std::time::Instant;

use dbcache::deadpool_postgres::tokio_postgres::{Config, NoTls};
use dbcache::deadpool_postgres::{Manager, Pool};
use dbcache::error::BoxError;
use dbcache::{AsyncPostgresFetcher, Cache, Cached, CachedJson, DynamicCache};
use serde::{Deserialize, Serialize};

const IN_FLIGHT: usize = 8;

/// 100,000 readings of a few sensors.
const TABLE: &str = "
    CREATE TABLE IF NOT EXISTS public.dbcache_readings (
        id INT8 PRIMARY KEY, sensor TEXT NOT NULL, level NUMERIC(8, 2), taken TIMESTAMPTZ NOT NULL, place JSONB NOT NULL
    );
    INSERT INTO public.dbcache_readings
        SELECT i, 'sensor ' || i % 7, nullif(i % 1000, 0) / 4.0, timestamptz '2024-01-01 00:00Z' + i * interval '1 minute',
            jsonb_build_object('room', 'room ' || i % 20, 'floor', i % 4)
        FROM generate_series(1, 100000) i
        ON CONFLICT DO NOTHING;
";

/// A row of `public.dbcache_readings`. The level is a `numeric`, which this record reads as a float.
#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "public.dbcache_readings")]
struct Reading {
    #[cached(id)]
    id: i64,
    sensor: String,
    level: Option<f64>,
    #[cached(json)]
    place: Place,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
struct Place {
    room: String,
    floor: i64,
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let url = std::env::args()
        .nth(1)
        .ok_or("expected the URL of a server, such as postgres://postgres@localhost/postgres")?;
    let pool = connect(&url)?;
    pool.get().await?.batch_execute(TABLE).await?;

    let folder = std::env::temp_dir().join("dbcache-postgres");
    println!("The cache is in {}; delete this directory to start afresh.", folder.display());
    let fetcher = AsyncPostgresFetcher::new(pool);
    let ids: Vec<i64> = (1..=100_000).collect();

    let cache = Cache::<Reading>::builder().folder(&folder).concurrency(IN_FLIGHT).open()?;
    for title in ["Readings 1 to 100,000", "The same request again"] {
        let start = Instant::now();
        let frame = cache.frame_async(&ids, &fetcher).await?;
        println!("\n{title}: {} ms\n{}", start.elapsed().as_millis(), frame.head(Some(3)));
    }
    let c = Reading::columns();
    let places: Vec<(String, String)> = cache.select((c.sensor, c.place.room)).rows_async(&[3, 7], &fetcher).await?;
    println!("\nTyped columns, one of them a path into the JSON: {places:?}");

    let cache = DynamicCache::builder().folder(&folder).concurrency(IN_FLIGHT).open()?;
    let readings = cache.table("public.dbcache_readings")?;
    let frame = readings.select(["sensor", "place.floor"])?.frame_async(&[1, 2, 3], &fetcher).await?;
    println!("\nThe same cached rows without a record type:\n{frame}");
    Ok(())
}

fn connect(url: &str) -> Result<Pool, BoxError> {
    let config: Config = url.parse()?;
    Ok(Pool::builder(Manager::new(config, NoTls)).max_size(IN_FLIGHT).build()?)
}
