//! Fetching through a `SqlitePool`.

use futures_util::TryStreamExt;
use polars::prelude::PolarsResult;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqlitePool, SqliteRow, SqliteValueRef};
use sqlx::{AssertSqlSafe, Column, Decode, FromRow, Row, Sqlite, TypeInfo, ValueRef};

use super::query::{BatchQuery, other_spellings, row_id, text};
use super::table::{COLUMNS, TABLES, Table, check_key, declared, names, not_readable};
use super::value::SqliteValue;
use super::{SqliteError, SqliteKey};
use crate::Record;
use crate::TableName;
use crate::adapters::read_rows::ReadRows;
use crate::adapters::spellings;
use crate::adapters::sqlx::sealed::Sealed;
use crate::adapters::sqlx::{SqlxDatabase, SqlxFetcher, SqlxRecords, undecoded};
use crate::error::{BoxError, RejectedRow};
use crate::fetch::{AsyncFetcher, FetchRequest, Fetched, Target};
use crate::key::Key;

/// The ids come as one array in JSON.
const IDS: &str = "json_each(?1)";

impl Sealed for Sqlite {
    /// Nothing: SQLite is asked each time.
    type Memory = ();
}

impl SqlxDatabase for Sqlite {}

impl<T: Target> AsyncFetcher<T> for SqlxFetcher<Sqlite> {
    async fn fetch(&self, request: &FetchRequest<'_, T::Id>) -> Result<Fetched<T>, BoxError> {
        columns(&self.pool, request).await.map(Fetched::from)
    }

    async fn table_columns(&self, table: &TableName) -> Option<Vec<String>> {
        look_up(&self.pool, table).await.ok().map(|table| table.names())
    }
}

impl<T> AsyncFetcher<T> for SqlxRecords<Sqlite, T>
where
    T: Record + for<'r> FromRow<'r, SqliteRow>,
{
    async fn fetch(&self, request: &FetchRequest<'_, <T as Record>::Id>) -> Result<Fetched<T>, BoxError> {
        records(&self.fetcher.pool, request).await
    }

    async fn table_columns(&self, table: &TableName) -> Option<Vec<String>> {
        look_up(&self.fetcher.pool, table).await.ok().map(|table| table.names())
    }
}

/// Rows as `sqlx` reads them, of all columns that the record has and the table too.
async fn records<T>(pool: &SqlitePool, request: &FetchRequest<'_, T::Id>) -> Result<Fetched<T>, BoxError>
where
    T: Record + for<'r> FromRow<'r, SqliteRow>,
{
    let failed = SqliteError::query(request.table());
    let table = look_up(pool, request.table()).await?;
    let id = table.id_column(request.id_column())?;
    check_key(&table, id, SqliteKey::of::<T::Id>())?;
    let of_record = T::schema().columns().iter().map(|column| column.column().column());
    let names = [id.name.as_str()].into_iter().chain(of_record.filter(|name| table.find(name).is_some()));
    let text = text(&table, request, &names.collect::<Vec<&str>>(), IDS);
    let mut rows = asking(text, request.ids())?.fetch(pool);
    let (mut records, mut rejected) = (Vec::with_capacity(request.ids().len()), Vec::new());
    while let Some(row) = rows.try_next().await.map_err(&failed)? {
        match T::from_row(&row) {
            Ok(record) => records.push(record),
            Err(cause) => rejected.push(reject(request.table(), &row, cause)?),
        }
    }
    // A pool may have one connection.
    drop(rows);
    check_spellings(pool, request, || Ok(spellings::record_ids(&records))).await?;
    Ok(Fetched::from(records).with_rejected(rejected))
}

/// The row, if it is to blame for the error, and not the record type.
fn reject(table: &TableName, row: &SqliteRow, cause: sqlx::Error) -> Result<RejectedRow, BoxError> {
    match (undecoded(&cause), row_id(value(row, 0)?)) {
        (Some((column, reason)), Some(id)) => {
            let place = row.columns().iter().find(|place| place.name() == column).map(Column::ordinal);
            let shown = place.map_or_else(|| Ok(reason.clone()), |place| value(row, place).map(SqliteValue::shown))?;
            Ok(RejectedRow::new(id, column, shown, reason))
        }
        _ => Err(SqliteError::query(table)(cause).into()),
    }
}

async fn columns<K: Key>(pool: &SqlitePool, request: &FetchRequest<'_, K>) -> Result<ReadRows, BoxError> {
    let table = look_up(pool, request.table()).await?;
    let mut batch = BatchQuery::new(&table, request)?;
    let mut rows = asking(batch.text(&table, request, IDS), request.ids())?.fetch(pool);
    while let Some(row) = rows.try_next().await.map_err(SqliteError::query(request.table()))? {
        batch.push(|place| value(&row, place))?;
    }
    drop(rows);
    let fetched = batch.finish()?;
    check_spellings(pool, request, || fetched.ids(request.id_column())).await?;
    Ok(fetched)
}

/// Refuses ids that the table has under another spelling.
async fn check_spellings<K: Key>(
    pool: &SqlitePool,
    request: &FetchRequest<'_, K>,
    found: impl FnOnce() -> PolarsResult<Vec<String>>,
) -> Result<(), BoxError> {
    let missing = spellings::missing(request, found)?;
    if missing.is_empty() {
        return Ok(());
    }
    let query = sqlx::query_as(AssertSqlSafe(other_spellings(request, IDS))).bind(serde_json::to_string(&missing)?);
    let pairs: Vec<(String, String)> = query.fetch_all(pool).await.map_err(SqliteError::query(request.table()))?;
    Ok(spellings::refuse::<K>(pairs)?)
}

/// SQLite's integers have 64 bits with a sign: for others there are no rows.
fn asking<K: Key>(text: String, ids: &[K]) -> Result<Query<'static, Sqlite, SqliteArguments>, BoxError> {
    let ids = match SqliteKey::of::<K>() {
        SqliteKey::Text => serde_json::to_string(&spellings::text_ids(ids))?,
        SqliteKey::Integer => serde_json::to_string(&spellings::integer_ids::<K, i64>(ids))?,
    };
    Ok(sqlx::query(AssertSqlSafe(text)).bind(ids))
}

fn value(row: &SqliteRow, place: usize) -> Result<SqliteValue<'_>, BoxError> {
    let value = row.try_get_raw(place)?;
    let stored_as = value.type_info();
    match stored_as.name() {
        _ if value.is_null() => Ok(SqliteValue::Null),
        "INTEGER" => decoded(value).map(SqliteValue::Integer),
        "REAL" => decoded(value).map(SqliteValue::Real),
        "TEXT" => decoded(value).map(SqliteValue::Text),
        "BLOB" => decoded(value).map(SqliteValue::Blob),
        other => Err(format!("the column {:?} holds a value of type {other}", row.column(place).name()).into()),
    }
}

fn decoded<'r, V: Decode<'r, Sqlite>>(value: SqliteValueRef<'r>) -> Result<V, BoxError> {
    V::decode(value)
}

/// Reads a table's definition.
async fn look_up(pool: &SqlitePool, name: &TableName) -> Result<Table, SqliteError> {
    let [schema, table] = names(name).map(str::to_owned);
    let columns = sqlx::query_as(COLUMNS).bind(schema).bind(table).fetch_all(pool).await;
    let cause = match columns.map(|columns: Vec<(String, String)>| declared(name, columns)) {
        Ok(Some(table)) => return Ok(table),
        failed => failed.err(),
    };
    let tables: Vec<(String,)> = sqlx::query_as(TABLES).fetch_all(pool).await.map_err(SqliteError::query(name))?;
    let tables: Vec<String> = tables.into_iter().map(|(name,)| name).collect();
    Err(not_readable(name, &tables, cause))
}
