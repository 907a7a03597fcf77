//! A table in PostgreSQL, read in a loop.

use std::io::Write;
use std::net::Ipv4Addr;
use std::sync::OnceLock;
use std::time::Duration;

use dbcache::deadpool_postgres::tokio_postgres::config::Host;
use dbcache::deadpool_postgres::tokio_postgres::{Client, Config, NoTls, Row};
use dbcache::polars::prelude::DataFrame;
use dbcache::postgres;

use crate::measure::Result;
use crate::proxy;
use crate::server::Database;
use crate::users::{self, Columns, User};

const TABLE: &str = "CREATE SCHEMA bench; CREATE TABLE bench.users (id BIGINT PRIMARY KEY, name TEXT NOT NULL,
    age BIGINT NOT NULL, amount DOUBLE PRECISION NOT NULL, email TEXT NOT NULL, profile TEXT NOT NULL)";
/// The file name of the socket of a server.
const SOCKET: &str = ".s.PGSQL.5432";
const ROWS: &str = "SELECT id, name, age, amount, email, profile FROM bench.users WHERE id = ANY($1)";

/// Starts a server that ends with this program and stores the first `rows` users in it. Returns `None` if no server is
/// installed.
pub(crate) fn filled(rows: u64) -> Result<Option<&'static Database>> {
    static DATABASE: OnceLock<Option<Database>> = OnceLock::new();
    if let Some(database) = DATABASE.get() {
        return Ok(database.as_ref());
    }
    let database = Database::create();
    if let Some(database) = &database {
        eprintln!("  creating a table in PostgreSQL");
        database.execute(TABLE);
        fill(&database.url(), rows)?;
        database.execute("VACUUM ANALYZE bench.users");
    }
    Ok(DATABASE.get_or_init(|| database).as_ref())
}

fn fill(url: &str, rows: u64) -> Result<()> {
    let mut client = postgres::Client::connect(url, postgres::NoTls)?;
    let mut copy = client.copy_in("COPY bench.users FROM STDIN")?;
    for id in users::ids(rows) {
        let User { id, name, age, amount, email, profile } = User::of(id);
        // No text contains a character that `COPY` requires to be escaped.
        writeln!(copy, "{id}\t{name}\t{age}\t{amount}\t{email}\t{profile}")?;
    }
    copy.finish()?;
    Ok(())
}

/// Returns the same database through a proxy that adds latency to each round trip.
pub(crate) fn far_away(config: &Config, latency: Duration) -> Result<Config> {
    let [Host::Unix(folder)] = config.get_hosts() else { return Err("the server listens on one socket".into()) };
    let port = proxy::start(folder.join(SOCKET), latency)?;
    let mut far = Config::new();
    far.host(Ipv4Addr::LOCALHOST.to_string()).port(port);
    far.user(config.get_user().unwrap_or_default()).dbname(config.get_dbname().unwrap_or_default());
    Ok(far)
}

pub(crate) async fn connect(config: &Config) -> Result<Client> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Fetches all batches into one frame.
pub(crate) async fn fetch(client: &Client, batches: impl Iterator<Item = &[i64]>) -> Result<DataFrame> {
    let statement = client.prepare(ROWS).await?;
    let mut columns = Columns::default();
    for ids in batches {
        for row in client.query(&statement, &[&ids]).await? {
            columns.push(user(&row)?);
        }
    }
    Ok(columns.into_frame()?)
}

fn user(row: &Row) -> Result<User> {
    Ok(User {
        id: row.try_get(0)?,
        name: row.try_get(1)?,
        age: row.try_get(2)?,
        amount: row.try_get(3)?,
        email: row.try_get(4)?,
        profile: row.try_get(5)?,
    })
}
