//! What a database says of a table: its columns, in their own order.

use std::collections::HashMap;

use crate::TableName;
use crate::fetch::{FetchRequest, RequestedColumn, TableError};

/// A table or view. `C` is what an adapter knows of a column beside its name and type.
#[derive(Debug)]
pub(super) struct Table<C> {
    pub(super) name: TableName,
    /// The names that lead to it, outermost first.
    path: Vec<String>,
    columns: Vec<DeclaredColumn<C>>,
    /// The index of each column, by its name.
    places: HashMap<String, usize>,
}

#[derive(Debug)]
pub(super) struct DeclaredColumn<C> {
    pub(super) name: String,
    /// The type as the database writes it; empty if the column has none.
    pub(super) declared: String,
    /// What its values become.
    pub(super) kind: C,
}

impl<C> Table<C> {
    /// A table of these columns; `None` without columns, because there is no such table.
    pub(super) fn of(name: &TableName, path: [&str; 2], columns: Vec<DeclaredColumn<C>>) -> Option<Self> {
        let path = path.map(str::to_owned).into();
        let places = (0..).zip(&columns).map(|(place, column)| (column.name.clone(), place)).collect();
        (!columns.is_empty()).then(|| Self { name: name.clone(), path, columns, places })
    }

    pub(super) fn path(&self) -> &[String] {
        &self.path
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }

    pub(super) fn find(&self, column: &str) -> Option<&DeclaredColumn<C>> {
        self.columns.get(*self.places.get(column)?)
    }

    /// The column that holds the ids.
    pub(super) fn id_column(&self, column: &str) -> Result<&DeclaredColumn<C>, TableError> {
        let names = self.columns.iter().map(|declared| declared.name.as_str());
        self.find(column).ok_or_else(|| TableError::column_not_found(&self.name, column, names))
    }

    /// The columns to select beside the id column, each with how it is requested. A requested column that the table
    /// lacks is left out, which the cache reports when all batches are through.
    pub(super) fn requested<'t, K>(
        &'t self,
        request: &FetchRequest<'t, K>,
    ) -> Vec<(&'t DeclaredColumn<C>, Option<&'t RequestedColumn>)> {
        let find = |requested: &'t RequestedColumn| Some((self.find(&requested.name)?, Some(requested)));
        let mut columns: Vec<(&DeclaredColumn<C>, Option<&RequestedColumn>)> = match request.columns() {
            None => self.columns.iter().map(|column| (column, None)).collect(),
            Some(requested) => requested.iter().filter_map(find).collect(),
        };
        columns.retain(|(column, _)| column.name != request.id_column());
        columns
    }

    /// Whether the table has every requested column.
    #[cfg(any(feature = "postgres", feature = "tokio-postgres", feature = "sqlx-postgres"))]
    pub(super) fn has_all<K>(&self, request: &FetchRequest<'_, K>) -> bool {
        request.columns().into_iter().flatten().all(|column| self.find(&column.name).is_some())
    }

    /// The error for an id column that does not hold the wanted keys.
    pub(super) fn key_type(&self, id: &DeclaredColumn<C>, found: &str, wanted: &str) -> TableError {
        TableError::KeyType {
            table: self.name.to_string(),
            column: id.name.clone(),
            found: found.to_owned(),
            wanted: wanted.to_owned(),
        }
    }
}
