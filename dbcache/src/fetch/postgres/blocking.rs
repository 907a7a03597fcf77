//! Fetching through the blocking driver.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use postgres::error::SqlState;
use postgres::{Client, Config, NoTls};

use super::PostgresError;
use super::catalog::{COLUMNS, TABLES, Table};
use super::driver::{catalog_rows, name_parameter};
use super::query::BatchQuery;
use super::tables::Tables;
use crate::error::{BatchError, BoxError};
use crate::fetch::table_error::TableError;
use crate::fetch::{DynamicFetcher, DynamicRows, FetchRequest, Fetched, FetchedFrame, Fetcher};
use crate::key::Key;
use crate::name::TableName;
use crate::record::{ColumnSchema, Record};

/// The longest `statement_timeout` that PostgreSQL takes, in milliseconds.
const LONGEST_LIMIT: u128 = i32::MAX as u128;

/// Fetches rows of any table or view of a PostgreSQL database, as records or dynamically, without any SQL.
///
/// The table `public.users` is the table `users` of the schema `public`; the database's own name may stand before it.
/// A batch is one query, `WHERE id = ANY($1)`, for the wanted columns alone.
///
/// | PostgreSQL | column |
/// |---|---|
/// | `bool`, `int2`, `int4`, `int8`, `float4`, `float8`, `oid` | the same, `oid` as `UInt32` |
/// | `numeric(p, s)` of up to 38 digits | `Decimal(p, s)`, exact |
/// | any other `numeric` | text, exact, since each value has its own scale |
/// | `text`, `varchar`, `char`, `name`, `citext`, enums | text |
/// | `uuid` | text in lower case with hyphens |
/// | `bytea` | binary |
/// | `date`, `time` | date, time |
/// | `timestamp`, `timestamptz` | datetime in microseconds, the latter in UTC |
/// | `json`, `jsonb` | JSON text; an answer gives objects and arrays as structs and lists where they agree |
/// | arrays of these, of one dimension | lists |
/// | domains | as what they restrict |
///
/// A record decides how it takes `numeric`: a field that is a float, an integer, text or a decimal gets just that, the
/// nearest value for a float, otherwise exactly that value or an error. A wanted column of any other type is a
/// [`PostgresError::ColumnType`]; a value that its column cannot hold, such as `NaN` among decimals, an infinite date
/// or an array of two dimensions, is a [`BatchError::WrongType`](crate::error::BatchError::WrongType) that names its
/// row.
///
/// Ids are integers (`int2` to `int8`, `oid`, whole `numeric` up to 128 bits) or text (`text` and its like, `uuid`).
///
/// Connections are opened when they are needed, one for each batch in flight, and kept. One that broke is replaced at
/// the next batch. The driver blocks its thread, and panics on a thread that runs asynchronous tasks.
///
/// Where the cache gives batches a time limit, the server ends a query that takes longer: the limit stands for the
/// connection's `statement_timeout` during a transaction of that query alone. A server that does not answer any more is
/// given up as the connection's `tcp_user_timeout` says.
///
/// ```no_run
/// use dbcache::{Cache, Cached, PostgresFetcher};
///
/// #[derive(Debug, Cached)]
/// #[cached(table = "public.users")]
/// struct User {
///     #[cached(id)]
///     id: i64,
///     name: Option<String>,
/// }
///
/// let fetcher = PostgresFetcher::connect("postgres://app@localhost/shop")?;
/// let cache = Cache::<User>::open("cache")?;
/// let users: Vec<User> = cache.rows(&[1, 2, 3], &fetcher)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct PostgresFetcher {
    connect: Box<dyn Fn() -> Result<Client, BoxError> + Send + Sync>,
    idle: Mutex<Vec<Client>>,
    tables: Tables,
}

impl PostgresFetcher {
    /// Connects without TLS to a server given by a URL, or by `key=value` pairs, as the driver
    /// [describes](https://docs.rs/postgres/latest/postgres/config/struct.Config.html).
    ///
    /// # Errors
    ///
    /// [`PostgresError::Connection`] where the URL is malformed or the server does not let this client in.
    pub fn connect(url: &str) -> Result<Self, PostgresError> {
        let config: Config = url.parse().map_err(|cause| PostgresError::Connection(Box::new(cause)))?;
        let fetcher = Self::new(move || config.connect(NoTls));
        fetcher.put_back(fetcher.open()?);
        Ok(fetcher)
    }

    /// Opens connections by a function of your own: with TLS, say, or settings for the session.
    ///
    /// ```no_run
    /// use dbcache::PostgresFetcher;
    /// use dbcache::postgres::{Client, Error, NoTls};
    ///
    /// let fetcher = PostgresFetcher::new(|| -> Result<Client, Error> {
    ///     let mut client = Client::connect("postgres://app@localhost/shop", NoTls)?;
    ///     client.batch_execute("SET statement_timeout = '10s'")?;
    ///     Ok(client)
    /// });
    /// ```
    pub fn new<E: Into<BoxError>>(connect: impl Fn() -> Result<Client, E> + Send + Sync + 'static) -> Self {
        let connect = Box::new(move || connect().map_err(Into::into));
        Self { connect, idle: Mutex::default(), tables: Tables::default() }
    }

    /// The tables and views of the database, as `schema.table`, PostgreSQL's own aside.
    ///
    /// # Errors
    ///
    /// [`PostgresError::Connection`] where the database cannot be read.
    pub fn tables(&self) -> Result<Vec<String>, PostgresError> {
        self.with_connection(tables)
    }

    /// The names of a table's columns, in the table's own order.
    ///
    /// # Errors
    ///
    /// [`TableError::NotFound`], or [`PostgresError::Query`] where the catalog cannot be read.
    pub fn columns(&self, table: &TableName) -> Result<Vec<String>, PostgresError> {
        self.with_connection(|client| look_up(client, table)).map(|table| table.names())
    }

    fn fetch_batch<K: Key>(
        &self,
        request: &FetchRequest<'_, K>,
        types: &[ColumnSchema],
    ) -> Result<FetchedFrame, BoxError> {
        let begun = Instant::now();
        self.with_connection(|client| {
            let table = self.table(client, request)?;
            let fetched = fetch_in_time(client, &table, request, types, begun);
            if fetched.is_err() {
                self.tables.forget(request.table());
            }
            fetched
        })
    }

    fn table<K>(&self, client: &mut Client, request: &FetchRequest<'_, K>) -> Result<Arc<Table>, PostgresError> {
        match self.tables.for_request(request) {
            Some(table) => Ok(table),
            None => look_up(client, request.table()).map(|table| self.tables.remember(table)),
        }
    }

    /// Works with a connection that is idle, or with a new one where there is none or where it turns out broken.
    fn with_connection<R, E: From<PostgresError>>(&self, work: impl Fn(&mut Client) -> Result<R, E>) -> Result<R, E> {
        let idle = self.lock().pop();
        if let Some(client) = idle {
            match self.try_with(client, &work) {
                Err(Broken(_)) => {}
                Ok(done) => return done,
            }
        }
        self.try_with(self.open()?, &work).unwrap_or_else(|Broken(cause)| Err(cause))
    }

    /// Keeps the connection unless it broke.
    fn try_with<R, E>(
        &self,
        mut client: Client,
        work: impl Fn(&mut Client) -> Result<R, E>,
    ) -> Result<Result<R, E>, Broken<E>> {
        match work(&mut client) {
            Err(cause) if client.is_closed() => Err(Broken(cause)),
            done => {
                self.put_back(client);
                Ok(done)
            }
        }
    }

    fn open(&self) -> Result<Client, PostgresError> {
        (self.connect)().map_err(PostgresError::Connection)
    }

    fn put_back(&self, client: Client) {
        self.lock().push(client);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Client>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known_columns(&self, table: &TableName) -> Option<Vec<String>> {
        self.columns(table).ok()
    }
}

/// What failed because the connection broke.
struct Broken<E>(E);

impl fmt::Debug for PostgresFetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresFetcher").field("idle", &self.lock().len()).finish_non_exhaustive()
    }
}

impl<T: Record> Fetcher<T> for PostgresFetcher {
    fn fetch(&self, request: &FetchRequest<'_, T::Id>) -> Result<Fetched<T>, BoxError> {
        self.fetch_batch(request, T::schema().columns()).map(Fetched::from)
    }

    fn known_columns(&self, table: &TableName) -> Option<Vec<String>> {
        self.known_columns(table)
    }
}

impl<K: Key> DynamicFetcher<K> for PostgresFetcher {
    fn fetch(&self, request: &FetchRequest<'_, K>) -> Result<DynamicRows, BoxError> {
        self.fetch_batch(request, &[]).map(DynamicRows::from)
    }

    fn known_columns(&self, table: &TableName) -> Option<Vec<String>> {
        self.known_columns(table)
    }
}

/// Fetches a batch, whose query the server ends when the time of the batch is up.
fn fetch_in_time<K: Key>(
    client: &mut Client,
    table: &Table,
    request: &FetchRequest<'_, K>,
    types: &[ColumnSchema],
    begun: Instant,
) -> Result<FetchedFrame, BoxError> {
    let Some(after) = request.timeout() else { return fetch(client, table, request, types) };
    let failed = PostgresError::query(&table.name);
    let left = after.saturating_sub(begun.elapsed()).as_micros().div_ceil(1000).clamp(1, LONGEST_LIMIT);
    // In a transaction the setting ends with it, and whoever shares the connection through a proxy never sees it.
    client.batch_execute(&format!("BEGIN; SET LOCAL statement_timeout = {left}")).map_err(&failed)?;
    let fetched = fetch(client, table, request, types);
    // After an error this rolls back.
    let ended = client.batch_execute("COMMIT").map_err(failed);
    match fetched {
        Err(cause) if is_cancelled(&*cause) && begun.elapsed() >= after => Err(BatchError::TimedOut { after }.into()),
        Err(cause) => Err(cause),
        Ok(fetched) => Ok(ended.map(|()| fetched)?),
    }
}

/// Whether the server ended the query before it was done.
fn is_cancelled(cause: &(dyn Error + 'static)) -> bool {
    match cause.downcast_ref::<postgres::Error>() {
        Some(cause) => cause.code() == Some(&SqlState::QUERY_CANCELED),
        None => cause.source().is_some_and(is_cancelled),
    }
}

fn fetch<K: Key>(
    client: &mut Client,
    table: &Table,
    request: &FetchRequest<'_, K>,
    types: &[ColumnSchema],
) -> Result<FetchedFrame, BoxError> {
    let mut query = BatchQuery::new(table, request, types)?;
    let rows = client.query_typed(&query.text, &[query.ids.parameter()]).map_err(PostgresError::query(&table.name))?;
    for row in rows {
        query.push_row(table, &row)?;
    }
    query.finish()
}

fn look_up(client: &mut Client, name: &TableName) -> Result<Table, PostgresError> {
    let rows = client.query_typed(COLUMNS, &[name_parameter(&name.as_str())]).map_err(PostgresError::query(name))?;
    match Table::read(name, &catalog_rows(&rows)?)? {
        Some(table) => Ok(table),
        None => Err(TableError::not_found(name, &tables(client)?).into()),
    }
}

fn tables(client: &mut Client) -> Result<Vec<String>, PostgresError> {
    let rows = client.query_typed(TABLES, &[]).map_err(|cause| PostgresError::Connection(Box::new(cause)))?;
    Ok(catalog_rows(&rows)?.into_iter().flatten().collect())
}
