//! The query of one batch, and the columns that its rows become.

use polars::prelude::*;

use super::cells::{ColumnCells, Misfit};
use super::table::{self, DeclaredColumn, Table};
use super::value::SqliteValue;
use super::{SqliteError, SqliteKey};
use crate::error::{BatchError, BoxError};
use crate::fetch::sql::{self, SelectRows};
use crate::fetch::{Columns, FetchRequest, FetchedFrame};
use crate::key::{Key, RowId};
use crate::record::ColumnSchema;

/// The columns of one batch, the id column first, and what has come of its rows.
pub(super) struct BatchQuery(Vec<ColumnCells>);

impl BatchQuery {
    /// The id column and the wanted columns. `types` are those that a record declares.
    pub(super) fn new<K: Key>(
        table: &Table<'_>,
        request: &FetchRequest<'_, K>,
        types: &[ColumnSchema],
    ) -> Result<Self, SqliteError> {
        let id = table.id_column(request.id_column())?;
        table.check_key(id, SqliteKey::of::<K>())?;
        let capacity = request.ids().len();
        let mut cells = vec![ColumnCells::new(&id.name, &id.declared, SqliteKey::of::<K>().kind(), capacity)];
        cells.extend(wanted(table, id, request.columns()).into_iter().map(|column| {
            let declared = types.iter().find(|declared| declared.column().column() == column.name);
            let kind = declared.map_or(column.kind, |declared| column.kind.wanted_as(declared.data_type()));
            ColumnCells::new(&column.name, &column.declared, kind, capacity)
        }));
        Ok(Self(cells))
    }

    /// The text of the query.
    pub(super) fn text<K: Key>(&self, request: &FetchRequest<'_, K>, among_ids: &str) -> String {
        let columns: Vec<&str> = self.0.iter().map(ColumnCells::name).collect();
        text(request, &columns, among_ids)
    }

    /// Takes one row, of which `value` gives the values.
    #[inline]
    pub(super) fn push<'r>(
        &mut self,
        value: impl Fn(usize) -> Result<SqliteValue<'r>, BoxError>,
    ) -> Result<(), BoxError> {
        for (place, column) in self.0.iter_mut().enumerate() {
            if let Err(misfit) = column.push(value(place)?) {
                return Err(wrong_type(column.name(), value(0).ok().and_then(row_id), misfit).into());
            }
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<FetchedFrame, BoxError> {
        let are_documents = self.0.iter().filter(|column| column.are_documents());
        let documents = are_documents.map(|column| column.name().to_owned()).collect();
        let columns: Vec<Column> = self.0.into_iter().map(ColumnCells::finish).collect();
        Ok(FetchedFrame { frame: DataFrame::new(columns.first().map_or(0, Column::len), columns)?, documents })
    }
}

/// The text of a query for some columns. `among_ids` says how its one parameter holds the ids: all are bound as one, so
/// that no request is larger than the limit on parameters.
pub(super) fn text<K: Key>(request: &FetchRequest<'_, K>, columns: &[&str], among_ids: &str) -> String {
    let table = table::names(request.table());
    let id_column = request.id_column();
    let columns: Vec<String> = columns.iter().map(|column| sql::of_row(column)).collect();
    // Ids are compared as the column is declared to, so that its index is used. A row that comes under another spelling
    // is refused with both.
    SelectRows { table: &table, columns: &columns, id_column, among_ids }.to_sql()
}

/// The columns to select beside the id column. A wanted column that the table lacks is left out, which the cache
/// reports when all batches are through.
fn wanted<'t>(table: &'t Table<'_>, id: &DeclaredColumn, columns: Columns<'_>) -> Vec<&'t DeclaredColumn> {
    let mut wanted: Vec<&DeclaredColumn> = match columns {
        Columns::All => table.columns().iter().collect(),
        Columns::Named(names) => names.iter().filter_map(|name| table.find(name)).collect(),
    };
    wanted.retain(|column| column.name != id.name);
    wanted
}

fn wrong_type(column: &str, id: Option<RowId>, Misfit { expected, found }: Misfit) -> BatchError {
    BatchError::WrongType { column: column.to_owned(), id, expected, found }
}

/// The id that a value is, if it can be one.
pub(super) fn row_id(id: SqliteValue<'_>) -> Option<RowId> {
    match id {
        SqliteValue::Integer(id) => Some(RowId::Int(id.into())),
        SqliteValue::Text(id) => str::from_utf8(id).ok().map(|id| RowId::Text(id.to_owned())),
        _ => None,
    }
}
