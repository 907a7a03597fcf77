//! Fetching through the blocking driver.

use std::sync::Arc;
use std::time::Duration;

use postgres::{Client, Config, NoTls, Row};

use super::PostgresError;
use super::catalog::{COLUMNS, TABLES, Table, Tables, read};
use super::connections::Connections;
use super::driver::{catalog_rows, name_parameter, pairs};
use super::query::{BatchQuery, BoundIds, other_spellings};
use crate::TableName;
use crate::adapters::read_rows::ReadRows;
use crate::adapters::spellings;
use crate::adapters::time_limit::TimeLimit;
use crate::error::{BatchError, BoxError};
use crate::fetch::TableError;
use crate::fetch::{FetchRequest, Fetched, Fetcher, Target};
use crate::key::Key;

/// How long a request waits for names to suggest.
const SUGGESTION_TIME: Duration = Duration::from_secs(10);

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
/// | `text`, `varchar`, `char`, `name`, enums | text |
/// | `uuid` | text in lower case with hyphens |
/// | `bytea` | binary |
/// | `date`, `time` | date, time |
/// | `timestamp`, `timestamptz` | datetime in microseconds, the latter in UTC |
/// | `json`, `jsonb` | JSON text; an answer gives objects and arrays as structs and lists where they agree |
/// | arrays of these, of one dimension | lists |
/// | domains | as what they restrict |
/// | `citext`, `inet`, `bit`, `xml`, `int4range`, … | text, as PostgreSQL writes it |
///
/// The last line is of all types whose text is the same in every session, those of extensions too.
///
/// A record decides how it takes `numeric`: a field that is a float, an integer, text or a decimal gets just that, the
/// nearest value for a float, otherwise exactly that value or an error. A wanted column of any other type, such as
/// `interval`, `daterange` or a row, is a [`PostgresError::ColumnType`]; a value that its column cannot hold, such as `NaN` among decimals, an infinite date
/// or an array of two dimensions, is a [`BatchError::WrongType`](crate::error::BatchError::WrongType) that names its
/// row.
///
/// Ids are integers (`int2` to `int8`, `oid`, whole `numeric` up to 128 bits) or text (`text` and its like, `uuid`).
///
/// Connections are opened when they are needed, one for each batch in flight, and kept. One that broke is replaced at
/// the next batch. The driver works on threads of its own, so that the fetcher may be used and dropped anywhere. In
/// async code it blocks the thread of the task: there, [`Blocking`](crate::fetch::Blocking) (feature `tokio`) is for it.
///
/// Where the cache gives batches a time limit, the server ends a query that takes longer: the limit stands for the
/// connection's `statement_timeout` during a transaction of that query alone. The batch fails at that time even where
/// the server does not answer any more, or where no connection comes about; the thread that waits for it ends as the
/// connection's `tcp_user_timeout` says. While 256 of them wait, further batches fail at once.
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
#[derive(Debug)]
pub struct PostgresFetcher {
    connections: Arc<Connections>,
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
        fetcher.connections.run(None, |_| Ok(()))?;
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
        Self { connections: Connections::new(connect), tables: Tables::default() }
    }

    /// The tables and views of the database, as `schema.table`, PostgreSQL's own aside.
    ///
    /// # Errors
    ///
    /// [`PostgresError::Connection`] where the database cannot be read.
    pub fn tables(&self) -> Result<Vec<String>, PostgresError> {
        self.connections.run(None, tables)
    }

    /// The names of a table's columns, in the table's own order.
    ///
    /// # Errors
    ///
    /// [`TableError::NotFound`], or [`PostgresError::Query`] where the catalog cannot be read.
    pub fn columns(&self, table: &TableName) -> Result<Vec<String>, PostgresError> {
        self.look_up(table, None).map(|table| table.names())
    }

    fn fetch_from<K: Key>(
        &self,
        table: &Arc<Table>,
        request: &FetchRequest<'_, K>,
        limit: Option<TimeLimit>,
    ) -> Result<ReadRows, BoxError> {
        let mut query = BatchQuery::new(table, request)?;
        for row in self.rows(table, query.text.clone(), query.ids.clone(), limit)? {
            query.push_row(table, &row)?;
        }
        let fetched = query.finish()?;
        if let Some((text, ids)) = other_spellings(table, request, || fetched.ids(request.id_column()))? {
            spellings::refuse::<K>(pairs(&table.name, &self.rows(table, text, ids, limit)?)?)?;
        }
        Ok(fetched)
    }

    fn rows(
        &self,
        table: &Arc<Table>,
        text: String,
        ids: BoundIds,
        limit: Option<TimeLimit>,
    ) -> Result<Vec<Row>, BoxError> {
        let table = Arc::clone(table);
        self.connections.run(limit, move |client| rows(client, &table.name, &text, &ids)).map_err(failed)
    }

    fn table<K>(&self, request: &FetchRequest<'_, K>, limit: Option<TimeLimit>) -> Result<Arc<Table>, PostgresError> {
        match self.tables.for_request(request) {
            Some(table) => Ok(table),
            None => self.look_up(request.table(), limit).map(|table| self.tables.remember(table)),
        }
    }

    fn look_up(&self, table: &TableName, limit: Option<TimeLimit>) -> Result<Table, PostgresError> {
        let table = table.clone();
        self.connections.run(limit, move |client| look_up(client, &table))
    }
}

impl<T: Target> Fetcher<T> for PostgresFetcher {
    fn fetch(&self, request: &FetchRequest<'_, T::Id>) -> Result<Fetched<T>, BoxError> {
        let limit = request.timeout().map(TimeLimit::from_now);
        let table = self.table(request, limit).map_err(failed)?;
        let fetched = self.fetch_from(&table, request, limit);
        if fetched.is_err() {
            self.tables.forget(request.table());
        }
        fetched.map(Fetched::from)
    }

    fn table_columns(&self, table: &TableName) -> Option<Vec<String>> {
        let limit = TimeLimit::from_now(SUGGESTION_TIME);
        self.look_up(table, Some(limit)).ok().map(|table| table.names())
    }
}

/// A batch that takes too long fails as batches of every fetcher do.
fn failed(cause: PostgresError) -> BoxError {
    match cause {
        PostgresError::TimedOut { after } => BatchError::TimedOut { after }.into(),
        cause => cause.into(),
    }
}

fn rows(client: &mut Client, table: &TableName, text: &str, ids: &BoundIds) -> Result<Vec<Row>, PostgresError> {
    client.query_typed(text, &[ids.parameter()]).map_err(PostgresError::query(table))
}

fn look_up(client: &mut Client, name: &TableName) -> Result<Table, PostgresError> {
    let rows = client.query_typed(COLUMNS, &[name_parameter(&name.as_str())]).map_err(PostgresError::query(name))?;
    match read(name, &catalog_rows(&rows)?)? {
        Some(table) => Ok(table),
        None => Err(TableError::not_found(name, &tables(client)?).into()),
    }
}

fn tables(client: &mut Client) -> Result<Vec<String>, PostgresError> {
    let rows = client.query_typed(TABLES, &[]).map_err(|cause| PostgresError::Connection(Box::new(cause)))?;
    Ok(catalog_rows(&rows)?.into_iter().flatten().collect())
}
