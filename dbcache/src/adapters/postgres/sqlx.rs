//! Fetching through a `PgPool`.

use std::sync::Arc;

use futures_util::TryStreamExt;
use sqlx::postgres::{PgArguments, PgConnection, PgPool, PgRow, PgValueFormat};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Column, Connection, FromRow, Postgres, Row, ValueRef};

use super::PostgresError;
use super::catalog::{COLUMNS, CatalogRow, TABLES, Table, Tables, read};
use super::query::{BatchQuery, BoundIds, other_spellings, row_id, select, shown};
use crate::Record;
use crate::TableName;
use crate::adapters::read_rows::ReadRows;
use crate::adapters::spellings;
use crate::adapters::sqlx::sealed::Sealed;
use crate::adapters::sqlx::{SqlxDatabase, SqlxFetcher, SqlxRecords, undecoded};
use crate::error::{BoxError, RejectedRow};
use crate::fetch::TableError;
use crate::fetch::{AsyncFetcher, FetchRequest, Fetched, Target};
use crate::key::Key;

impl Sealed for Postgres {
    type Memory = Memory;
}

/// The tables that a fetcher and its clones have looked up.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Tables>);

impl SqlxDatabase for Postgres {}

impl SqlxFetcher<Postgres> {
    /// The table of a request, looked up unless it is known.
    async fn table<K: Key>(&self, request: &FetchRequest<'_, K>) -> Result<Arc<Table>, PostgresError> {
        match self.memory.0.for_request(request) {
            Some(table) => Ok(table),
            None => look_up(&self.pool, request.table()).await.map(|table| self.memory.0.remember(table)),
        }
    }

    /// Forgets the table where a batch of it failed.
    fn checked<R, K>(&self, request: &FetchRequest<'_, K>, fetched: Result<R, BoxError>) -> Result<R, BoxError> {
        if fetched.is_err() {
            self.memory.0.forget(request.table());
        }
        fetched
    }
}

impl<T: Target> AsyncFetcher<T> for SqlxFetcher<Postgres> {
    async fn fetch(&self, request: &FetchRequest<'_, T::Id>) -> Result<Fetched<T>, BoxError> {
        let table = self.table(request).await?;
        self.checked(request, columns(&self.pool, &table, request).await.map(Fetched::from))
    }

    async fn table_columns(&self, table: &TableName) -> Option<Vec<String>> {
        look_up(&self.pool, table).await.ok().map(|table| table.names())
    }
}

impl<T> AsyncFetcher<T> for SqlxRecords<Postgres, T>
where
    T: Record + for<'r> FromRow<'r, PgRow>,
{
    async fn fetch(&self, request: &FetchRequest<'_, <T as Record>::Id>) -> Result<Fetched<T>, BoxError> {
        let fetcher = &self.fetcher;
        let table = fetcher.table(request).await?;
        fetcher.checked(request, records(&fetcher.pool, &table, request).await)
    }

    async fn table_columns(&self, table: &TableName) -> Option<Vec<String>> {
        look_up(&self.fetcher.pool, table).await.ok().map(|table| table.names())
    }
}

/// Rows as `sqlx` reads them, of all columns that the record has and the table too.
async fn records<T>(pool: &PgPool, table: &Table, request: &FetchRequest<'_, T::Id>) -> Result<Fetched<T>, BoxError>
where
    T: Record + for<'r> FromRow<'r, PgRow>,
{
    let mut connection = pool.acquire().await.map_err(PostgresError::query(&table.name))?;
    let fetched = records_of(&mut connection, table, request).await;
    if !is_of_an_altered_table(&fetched) {
        return fetched;
    }
    connection.clear_cached_statements().await.map_err(PostgresError::query(&table.name))?;
    records_of(&mut connection, table, request).await
}

async fn columns<K: Key>(pool: &PgPool, table: &Table, request: &FetchRequest<'_, K>) -> Result<ReadRows, BoxError> {
    let mut connection = pool.acquire().await.map_err(PostgresError::query(&table.name))?;
    let fetched = columns_of(&mut connection, table, request).await;
    if !is_of_an_altered_table(&fetched) {
        return fetched;
    }
    connection.clear_cached_statements().await.map_err(PostgresError::query(&table.name))?;
    columns_of(&mut connection, table, request).await
}

/// Whether the connection prepared the statement before the table was altered.
///
/// `sqlx` keeps the statements of each connection, and the server refuses one whose columns are of other types by now,
/// each time anew ("cached plan must not change result type").
fn is_of_an_altered_table<R>(fetched: &Result<R, BoxError>) -> bool {
    const FEATURE_NOT_SUPPORTED: &str = "0A000";
    let Some(PostgresError::Query { source, .. }) = fetched.as_ref().err().and_then(|error| error.downcast_ref())
    else {
        return false;
    };
    let refused = source.downcast_ref().and_then(sqlx::Error::as_database_error);
    refused.is_some_and(|refused| refused.code().as_deref() == Some(FEATURE_NOT_SUPPORTED))
}

async fn records_of<T>(
    connection: &mut PgConnection,
    table: &Table,
    request: &FetchRequest<'_, T::Id>,
) -> Result<Fetched<T>, BoxError>
where
    T: Record + for<'r> FromRow<'r, PgRow>,
{
    let failed = PostgresError::query(&table.name);
    let of_record = T::schema().columns().iter().map(|column| column.column().column());
    let names: Vec<&str> = of_record.filter(|name| table.find(name).is_some()).collect();
    let (text, ids) = select(table, request, &names)?;
    let mut rows = asking(text, ids).fetch(&mut *connection);
    let (mut records, mut rejected) = (Vec::with_capacity(request.ids().len()), Vec::new());
    while let Some(row) = rows.try_next().await.map_err(&failed)? {
        match T::from_row(&row) {
            Ok(record) => records.push(record),
            Err(cause) => rejected.push(reject(table, request.id_column(), &row, cause)?),
        }
    }
    drop(rows);
    let found = || Ok(spellings::record_ids(&records));
    if let Some((text, ids)) = other_spellings(table, request, found)? {
        check_spellings::<T::Id>(connection, table, asking(text, ids)).await?;
    }
    Ok(Fetched::from(records).with_rejected(rejected))
}

/// The row, if it is to blame for the error, and not the record type.
fn reject(table: &Table, id_column: &str, row: &PgRow, cause: sqlx::Error) -> Result<RejectedRow, BoxError> {
    let id = table.id_column(id_column)?.kind.held.as_ref().map(|held| &held.kind);
    let id = id.zip(value(row, 0)?).and_then(|(kind, id)| row_id(kind, id));
    match (undecoded(&cause), id) {
        (Some((column, reason)), Some(id)) => {
            let kind = table.find(&column).and_then(|declared| declared.kind.held.as_ref()).map(|held| &held.kind);
            let place = row.columns().iter().find(|place| place.name() == column).map(Column::ordinal);
            let cell = place.map_or(Ok(None), |place| value(row, place))?;
            let shown = match (kind, cell) {
                (_, None) => "NULL".to_owned(),
                (Some(kind), Some(cell)) => shown(kind, cell),
                (None, Some(_)) => reason.clone(),
            };
            Ok(RejectedRow::new(id, column, shown, reason))
        }
        _ => Err(PostgresError::query(&table.name)(cause).into()),
    }
}

async fn columns_of<K: Key>(
    connection: &mut PgConnection,
    table: &Table,
    request: &FetchRequest<'_, K>,
) -> Result<ReadRows, BoxError> {
    let mut query = BatchQuery::new(table, request)?;
    let mut rows = asking(query.text.clone(), query.ids.clone()).fetch(&mut *connection);
    while let Some(row) = rows.try_next().await.map_err(PostgresError::query(&table.name))? {
        if query.is_empty() {
            query.check_types(table, row.columns().iter().map(|column| column.type_info().oid().map(|oid| oid.0)))?;
        }
        query.push(|place| value(&row, place))?;
    }
    drop(rows);
    let fetched = query.finish()?;
    let found = || fetched.ids(request.id_column());
    if let Some((text, ids)) = other_spellings(table, request, found)? {
        check_spellings::<K>(connection, table, asking(text, ids)).await?;
    }
    Ok(fetched)
}

/// Refuses ids that the table has under another spelling.
async fn check_spellings<K: Key>(
    connection: &mut PgConnection,
    table: &Table,
    query: Query<'static, Postgres, PgArguments>,
) -> Result<(), BoxError> {
    let failed = PostgresError::query(&table.name);
    let rows = query.fetch_all(connection).await.map_err(&failed)?;
    let pairs: Result<Vec<(String, String)>, sqlx::Error> =
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect();
    Ok(spellings::refuse::<K>(pairs.map_err(&failed)?)?)
}

fn asking(text: String, ids: BoundIds) -> Query<'static, Postgres, PgArguments> {
    let query = sqlx::query(AssertSqlSafe(text));
    match ids {
        BoundIds::Integers(ids) => query.bind(ids),
        BoundIds::Text(ids) => query.bind(ids),
    }
}

#[inline]
fn value(row: &PgRow, place: usize) -> Result<Option<&[u8]>, BoxError> {
    let value = row.try_get_raw(place)?;
    match value.format() {
        _ if value.is_null() => Ok(None),
        PgValueFormat::Binary => value.as_bytes().map(Some),
        PgValueFormat::Text => Err("the server sends values as text".into()),
    }
}

async fn look_up(pool: &PgPool, name: &TableName) -> Result<Table, PostgresError> {
    let failed = PostgresError::query(name);
    let rows = sqlx::query(COLUMNS).bind(name.to_string()).fetch_all(pool).await.map_err(&failed)?;
    if let Some(table) = read(name, &catalog_rows(&rows).map_err(&failed)?)? {
        return Ok(table);
    }
    let rows = sqlx::query(TABLES).fetch_all(pool).await.map_err(&failed)?;
    let tables: Vec<String> = catalog_rows(&rows).map_err(&failed)?.into_iter().flatten().collect();
    Err(TableError::not_found(name, &tables).into())
}

fn catalog_rows(rows: &[PgRow]) -> Result<Vec<CatalogRow>, sqlx::Error> {
    rows.iter().map(|row| (0..row.len()).map(|place| row.try_get(place)).collect()).collect()
}
