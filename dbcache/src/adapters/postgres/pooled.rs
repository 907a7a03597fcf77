//! Fetching through a pool of asynchronous connections.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use deadpool_postgres::{Client, Pool};
use futures_util::TryStreamExt;
use futures_util::future::join;

use super::PostgresError;
use super::catalog::{COLUMNS, TABLES, Table, Tables, read};
use super::driver::{begin_within, catalog_rows, is_cancelled, name_parameter, pairs};
use super::query::{BatchQuery, other_spellings};
use crate::TableName;
use crate::adapters::read_rows::ReadRows;
use crate::adapters::spellings;
use crate::error::{BatchError, BoxError};
use crate::fetch::TableError;
use crate::fetch::{AsyncFetcher, FetchRequest, Fetched, Target};
use crate::key::Key;

/// Fetches rows of any table or view of a PostgreSQL database through a pool of connections of `tokio-postgres`, as
/// records or dynamically, without any SQL.
///
/// Tables, types and ids are as the blocking `PostgresFetcher` (feature `postgres`) has them: a batch is one query,
/// `WHERE id = ANY($1)`, for the wanted columns alone, whose binary values go straight into columns as they arrive.
///
/// | PostgreSQL | column |
/// |---|---|
/// | `bool`, `int2`, `int4`, `int8`, `float4`, `float8`, `oid` | the same, `oid` as `UInt32` |
/// | `numeric(p, s)` of up to 38 digits | `Decimal(p, s)`, exact |
/// | any other `numeric` | text, exact; a record's field may be a float, an integer or a decimal |
/// | `text`, `varchar`, `char`, `name`, `uuid`, enums | text |
/// | `bytea` | binary |
/// | `date`, `time`, `timestamp`, `timestamptz` | date, time, datetime in microseconds, the last in UTC |
/// | `json`, `jsonb` | JSON text, answered as structs and lists where objects and arrays agree |
/// | arrays of these, of one dimension; domains | lists; what they restrict |
/// | `citext`, `inet`, `bit`, `xml`, `int4range`, … | text, as PostgreSQL writes it the same in every session |
///
/// The pool may be the application's own. It should allow as many connections as the cache keeps batches in flight.
///
/// Where the cache gives batches a time limit, the server ends a query that takes longer: the limit stands for the
/// connection's `statement_timeout` during a transaction of that query alone. The connection of a batch that is dropped,
/// by the limit or with its request, is closed.
///
/// ```no_run
/// use dbcache::deadpool_postgres::tokio_postgres::{Config, NoTls};
/// use dbcache::deadpool_postgres::{Manager, Pool};
/// use dbcache::{AsyncPostgresFetcher, Cache, Cached};
///
/// #[derive(Debug, Cached)]
/// #[cached(table = "public.users")]
/// struct User {
///     #[cached(id)]
///     id: i64,
///     name: Option<String>,
/// }
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let config: Config = "postgres://app@localhost/shop".parse()?;
/// let pool = Pool::builder(Manager::new(config, NoTls)).max_size(8).build()?;
/// let fetcher = AsyncPostgresFetcher::new(pool);
/// let cache = Cache::<User>::builder().folder("cache").concurrency(8).open()?;
/// let users: Vec<User> = cache.rows_async(&[1, 2, 3], &fetcher).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct AsyncPostgresFetcher {
    pool: Pool,
    tables: Arc<Tables>,
}

impl AsyncPostgresFetcher {
    /// Fetches through a pool.
    pub fn new(pool: Pool) -> Self {
        Self { pool, tables: Arc::default() }
    }

    /// The tables and views of the database, as `schema.table`, PostgreSQL's own aside.
    ///
    /// # Errors
    ///
    /// [`PostgresError::Connection`] where the database cannot be read.
    pub async fn tables(&self) -> Result<Vec<String>, PostgresError> {
        tables(&self.client().await?).await
    }

    /// The names of a table's columns, in the table's own order.
    ///
    /// # Errors
    ///
    /// [`TableError::NotFound`], or [`PostgresError::Query`] where the catalog cannot be read.
    pub async fn columns(&self, table: &TableName) -> Result<Vec<String>, PostgresError> {
        let mut lent = Lent(None);
        let client = lent.0.insert(self.client().await?);
        let found = look_up(client, table).await;
        lent.give_back();
        found.map(|table| table.names())
    }

    async fn client(&self) -> Result<Client, PostgresError> {
        self.pool.get().await.map_err(|cause| PostgresError::Connection(Box::new(cause)))
    }

    async fn fetch_through<K: Key>(
        &self,
        client: &Client,
        request: &FetchRequest<'_, K>,
    ) -> Result<ReadRows, BoxError> {
        let table = self.table(client, request).await?;
        fetch(client, &table, request).await
    }

    async fn table<K: Key>(&self, client: &Client, request: &FetchRequest<'_, K>) -> Result<Arc<Table>, PostgresError> {
        match self.tables.for_request(request) {
            Some(table) => Ok(table),
            None => look_up(client, request.table()).await.map(|table| self.tables.remember(table)),
        }
    }
}

/// A connection that is at work. It is closed where the work is dropped before its end, since whom the pool lent it to
/// next would wait for what nobody wants any more.
struct Lent(Option<Client>);

impl Lent {
    fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        drop(self.0.take().map(Client::take));
    }
}

impl<T: Target> AsyncFetcher<T> for AsyncPostgresFetcher {
    async fn fetch(&self, request: &FetchRequest<'_, T::Id>) -> Result<Fetched<T>, BoxError> {
        let mut lent = Lent(None);
        let client = lent.0.insert(self.client().await?);
        let fetched = match request.timeout() {
            None => self.fetch_through(client, request).await,
            Some(after) => in_time(client, after, self.fetch_through(client, request)).await,
        };
        lent.give_back();
        if fetched.is_err() {
            self.tables.forget(request.table());
        }
        fetched.map(Fetched::from)
    }

    async fn table_columns(&self, table: &TableName) -> Option<Vec<String>> {
        self.columns(table).await.ok()
    }
}

/// Does work whose queries the server ends when the time is up, also where it is dropped then.
async fn in_time<R>(
    client: &Client,
    after: Duration,
    work: impl Future<Output = Result<R, BoxError>>,
) -> Result<R, BoxError> {
    let begun = Instant::now();
    // The first query follows without waiting for the transaction: they arrive in this order.
    let (limited, done) = join(client.batch_execute(&begin_within(after)), work).await;
    // After an error this rolls back.
    let ended = client.batch_execute("COMMIT").await;
    match done {
        Err(cause) if begun.elapsed() >= after && is_cancelled(&*cause) => Err(BatchError::TimedOut { after }.into()),
        Err(cause) => Err(cause),
        Ok(done) => {
            limited.and(ended).map(|()| done).map_err(|cause| PostgresError::Connection(Box::new(cause)).into())
        }
    }
}

async fn fetch<K: Key>(client: &Client, table: &Table, request: &FetchRequest<'_, K>) -> Result<ReadRows, BoxError> {
    let failed = PostgresError::query(&table.name);
    let mut query = BatchQuery::new(table, request)?;
    let rows = client.query_typed_raw(&query.text, [query.ids.parameter()]).await.map_err(&failed)?;
    let mut rows = pin!(rows);
    while let Some(row) = rows.try_next().await.map_err(&failed)? {
        query.push_row(table, &row)?;
    }
    let fetched = query.finish()?;
    if let Some((text, ids)) = other_spellings(table, request, || fetched.ids(request.id_column()))? {
        let rows = client.query_typed(&text, &[ids.parameter()]).await.map_err(&failed)?;
        spellings::refuse::<K>(pairs(&table.name, &rows)?)?;
    }
    Ok(fetched)
}

async fn look_up(client: &Client, name: &TableName) -> Result<Table, PostgresError> {
    let text = name.as_str();
    let rows = client.query_typed(COLUMNS, &[name_parameter(&text)]).await.map_err(PostgresError::query(name))?;
    match read(name, &catalog_rows(&rows)?)? {
        Some(table) => Ok(table),
        None => Err(TableError::not_found(name, &tables(client).await?).into()),
    }
}

async fn tables(client: &Client) -> Result<Vec<String>, PostgresError> {
    let rows = client.query_typed(TABLES, &[]).await.map_err(|cause| PostgresError::Connection(Box::new(cause)))?;
    Ok(catalog_rows(&rows)?.into_iter().flatten().collect())
}
