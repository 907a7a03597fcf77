//! What one batch asks of a fetcher.

use std::time::Duration;

use polars::prelude::DataType;

use crate::key::IdSet;
use crate::name::TableName;
use crate::record::{ColumnSchema, Record};

/// What one batch asks of a fetcher.
///
/// A fetcher that can choose columns returns those that are [requested](Self::columns). It may return others too, which
/// are then cached for later requests. Ids that the database does not have are left out of the result.
#[derive(Debug)]
pub struct FetchRequest<'a, K> {
    ids: &'a [K],
    table: &'a TableName,
    id_column: &'a str,
    columns: Option<&'a [RequestedColumn]>,
    timeout: Option<Duration>,
}

impl<'a, K> FetchRequest<'a, K> {
    /// A request for all columns, to try out a fetcher without a cache. The ids must be sorted and distinct.
    ///
    /// ```
    /// use dbcache::error::BoxError;
    /// use dbcache::fetch::{Dynamic, FetchRequest, Fetched, Fetcher};
    /// use dbcache::polars::prelude::*;
    ///
    /// struct Squares;
    ///
    /// impl Fetcher<Dynamic<i64>> for Squares {
    ///     fn fetch(&self, request: &FetchRequest<'_, i64>) -> Result<Fetched<Dynamic<i64>>, BoxError> {
    ///         let squares: Vec<i64> = request.ids().iter().map(|id| id * id).collect();
    ///         Ok(df![request.id_column() => request.ids(), "square" => squares]?.into())
    ///     }
    /// }
    ///
    /// let table = dbcache::TableName::new("math.squares")?;
    /// let rows = Squares.fetch(&FetchRequest::new(&[2, 3], &table, "id"))?.into_frame("id")?;
    /// assert_eq!(rows, df!["id" => [2_i64, 3], "square" => [4_i64, 9]]?);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn new(ids: &'a [K], table: &'a TableName, id_column: &'a str) -> Self {
        Self { ids, table, id_column, columns: None, timeout: None }
    }

    /// The same request for these columns alone.
    #[must_use]
    pub fn with_columns(self, columns: &'a [RequestedColumn]) -> Self {
        Self { columns: Some(columns), ..self }
    }

    /// The same request with a time limit.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout: Some(timeout), ..self }
    }

    /// The ids to fetch: sorted, distinct, at least one.
    pub fn ids(&self) -> &'a [K] {
        self.ids
    }

    /// The table to fetch them from.
    pub fn table(&self) -> &'a TableName {
        self.table
    }

    /// The name of the column that holds the ids.
    pub fn id_column(&self) -> &'a str {
        self.id_column
    }

    /// The columns to fetch beside the id column, in this order. `None` stands for every column of the table; a cache
    /// always names the columns.
    pub fn columns(&self) -> Option<&'a [RequestedColumn]> {
        self.columns
    }

    /// How long the cache gives this batch, if it sets a limit. A blocking fetcher should fail at that time if it can.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }
}

impl<K> Clone for FetchRequest<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for FetchRequest<'_, K> {}

/// A column that a batch asks for, and the type in which it is wanted, if the request says so.
///
/// A fetcher need not look at the types: what it returns is converted exactly, or refused. They help where the database
/// leaves the type of a column's values open.
///
/// ```
/// use dbcache::fetch::RequestedColumn;
/// use dbcache::polars::prelude::DataType;
///
/// let price = RequestedColumn::new("price").with_declared(DataType::Float64);
/// assert_eq!((price.name.as_str(), price.declared), ("price", Some(DataType::Float64)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestedColumn {
    /// The column's name.
    pub name: String,
    /// The type that the record declares.
    pub declared: Option<DataType>,
    /// The type that the query pins. A value that does not fit in it is answered as NULL, so that it is no reason to
    /// reject a row.
    pub pinned: Option<DataType>,
}

impl RequestedColumn {
    /// A column in whatever type it has.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), declared: None, pinned: None }
    }

    /// The same column in a type that a record declares.
    #[must_use]
    pub fn with_declared(self, data_type: DataType) -> Self {
        Self { declared: Some(data_type), ..self }
    }

    /// The same column in a type that a query pins.
    #[must_use]
    pub fn with_pinned(self, data_type: DataType) -> Self {
        Self { pinned: Some(data_type), ..self }
    }

    /// The type in which the column is wanted, whoever says so: the record, or else the query.
    pub fn wanted_type(&self) -> Option<&DataType> {
        self.declared.as_ref().or(self.pinned.as_ref())
    }

    /// The columns of a record, as a request for whole records names them.
    ///
    /// ```
    /// use dbcache::Cached;
    /// use dbcache::fetch::RequestedColumn;
    ///
    /// #[derive(Cached)]
    /// #[cached(table = "public.users")]
    /// struct User {
    ///     #[cached(id)]
    ///     id: i64,
    ///     name: String,
    /// }
    ///
    /// assert_eq!(RequestedColumn::of_record::<User>()[0].name, "name");
    /// ```
    pub fn of_record<T: Record>() -> Vec<Self> {
        let declared = T::schema().columns();
        let mut columns: Vec<Self> = Vec::with_capacity(declared.len());
        for name in declared.iter().map(|column| column.column().column()) {
            if columns.iter().all(|known| known.name != name) {
                columns.push(Self::of(name, declared));
            }
        }
        columns
    }

    /// A column, with the type that a record declares for it, if it does.
    pub(crate) fn of(name: &str, declared: &[ColumnSchema]) -> Self {
        let declared = declared.iter().find(|declared| declared.column().column() == name);
        Self { declared: declared.map(|declared| declared.data_type().clone()), ..Self::new(name) }
    }
}

/// The ids and columns of one batch, without a key or record type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchRequest<'a> {
    pub(crate) ids: &'a IdSet,
    pub(crate) table: &'a TableName,
    pub(crate) id_column: &'a str,
    pub(crate) columns: &'a [RequestedColumn],
    pub(crate) timeout: Option<Duration>,
}

impl<'a> BatchRequest<'a> {
    pub(super) fn with_keys<'k, K>(self, ids: &'k [K]) -> FetchRequest<'k, K>
    where
        'a: 'k,
    {
        let Self { table, id_column, columns, timeout, .. } = self;
        FetchRequest { ids, table, id_column, columns: Some(columns), timeout }
    }
}

/// A request that another thread can keep.
#[cfg(feature = "tokio")]
pub(super) struct OwnedRequest<K> {
    ids: Vec<K>,
    table: TableName,
    id_column: String,
    columns: Option<Vec<RequestedColumn>>,
    timeout: Option<Duration>,
}

#[cfg(feature = "tokio")]
impl<K: Clone> OwnedRequest<K> {
    pub(super) fn of(request: &FetchRequest<'_, K>) -> Self {
        Self {
            ids: request.ids.to_vec(),
            table: request.table.clone(),
            id_column: request.id_column.to_owned(),
            columns: request.columns.map(<[RequestedColumn]>::to_vec),
            timeout: request.timeout,
        }
    }

    pub(super) fn borrowed(&self) -> FetchRequest<'_, K> {
        FetchRequest {
            ids: &self.ids,
            table: &self.table,
            id_column: &self.id_column,
            columns: self.columns.as_deref(),
            timeout: self.timeout,
        }
    }
}
