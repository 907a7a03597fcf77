//! The query of one batch, and the columns that its rows become.

use polars::prelude::*;

use super::cells::{ColumnCells, Finished, Misfit, mark_name};
use super::mixed::{MixedColumn, apart};
use super::table::{self, Table};
use super::value::SqliteValue;
use super::{SQL, SqliteError, SqliteKey};
use crate::adapters::read_rows::{ReadRows, Rejects};
use crate::adapters::sql::SelectRows;
use crate::error::{BatchError, BoxError, RejectedRow};
use crate::fetch::{FetchRequest, RequestedColumn};
use crate::key::{Key, RowId};

/// The columns of one batch, the id column first, and what has come of its rows.
pub(super) struct BatchQuery {
    columns: Vec<ColumnCells>,
    rows: usize,
    rejects: Rejects,
}

impl BatchQuery {
    /// The id column and the wanted columns.
    pub(super) fn new<K: Key>(table: &Table, request: &FetchRequest<'_, K>) -> Result<Self, SqliteError> {
        let id = table.id_column(request.id_column())?;
        table::check_key(table, id, SqliteKey::of::<K>())?;
        let capacity = request.ids().len();
        let mut columns = vec![ColumnCells::new(&id.name, &id.declared, SqliteKey::of::<K>().kind(), capacity)];
        columns.extend(table.requested(request).into_iter().map(|(column, requested)| {
            let wanted = requested.and_then(RequestedColumn::wanted_type);
            let kind = wanted.map_or(column.kind, |wanted| column.kind.wanted_as(wanted));
            ColumnCells::new(&column.name, &column.declared, kind, capacity)
        }));
        Ok(Self { columns, rows: 0, rejects: Rejects::default() })
    }

    /// The text of the query.
    pub(super) fn text<K: Key>(&self, table: &Table, request: &FetchRequest<'_, K>, ids: &str) -> String {
        let columns: Vec<&str> = self.columns.iter().map(ColumnCells::name).collect();
        text(table, request, &columns, ids)
    }

    /// Takes one row, of which `value` gives the values.
    #[inline]
    pub(super) fn push<'r>(
        &mut self,
        value: impl Fn(usize) -> Result<SqliteValue<'r>, BoxError>,
    ) -> Result<(), BoxError> {
        let mut rejected = None;
        for (place, column) in self.columns.iter_mut().enumerate() {
            let taken = match (&rejected, column.is_by_value()) {
                (Some(_), false) => {
                    column.push_null();
                    Ok(())
                }
                (Some(_), true) => Ok(()),
                (None, false) => column.push(value(place)?),
                (None, true) => column.check(value(place)?),
            };
            if let Err(misfit) = taken {
                if !column.is_by_value() {
                    column.push_null();
                }
                rejected = Some(reject(column.name(), value(0)?, value(place)?, misfit)?);
            }
        }
        // Only a row that is not rejected has a say in the type of a column.
        for (place, column) in self.columns.iter_mut().enumerate().filter(|(_, column)| column.is_by_value()) {
            match rejected {
                Some(_) => column.push_null(),
                None => column.push_by_value(value(place)?),
            }
        }
        if let Some(rejected) = rejected {
            self.rejects.push(self.rows, rejected);
        }
        self.rows += 1;
        Ok(())
    }

    pub(super) fn finish(self) -> Result<ReadRows, BoxError> {
        let json = self.columns.iter().filter(|column| column.is_json());
        let json_columns = json.map(|column| column.name().to_owned()).collect();
        let loose = self.columns.iter().filter(|column| column.is_by_value());
        let loose_columns = loose.map(|column| (column.name().to_owned(), mark_name(column.name()))).collect();
        let fits = self.rejects.fits(self.rows);
        let (mut mixed, mut marks) = (Vec::new(), Vec::new());
        let mut columns = Vec::with_capacity(self.columns.len());
        for (place, cells) in self.columns.into_iter().enumerate() {
            let again = cells.again();
            columns.push(match cells.finish() {
                Finished::Column(column, mark) => {
                    marks.extend(mark.map(|mark| *mark));
                    column
                }
                Finished::Mixed(values) => {
                    let placeholder = Column::full_null(again.name().into(), self.rows, &DataType::Null);
                    let values = values.into_iter().zip(&fits).filter(|(_, fits)| **fits).map(|(value, _)| value);
                    mixed.push(MixedColumn { place, cells: again, values: values.collect() });
                    placeholder
                }
            });
        }
        let frame = DataFrame::new(self.rows, columns.into_iter().chain(marks).collect())?;
        let (all, rejected) = self.rejects.take_out(frame)?;
        let parts = if mixed.is_empty() { vec![all] } else { apart(&all, &mixed)? };
        Ok(ReadRows { parts, json_columns, loose_columns, rejected })
    }
}

/// The row that a value does not let be stored.
fn reject(
    column: &str,
    id: SqliteValue<'_>,
    value: SqliteValue<'_>,
    Misfit { expected, found }: Misfit,
) -> Result<RejectedRow, BatchError> {
    match row_id(id) {
        Some(id) => Ok(RejectedRow::new(id, column, value.shown(), format!("{found} does not fit in {expected}"))),
        None => Err(BatchError::WrongType { column: column.to_owned(), id: None, expected, found }),
    }
}

/// The text of a query for some columns. `ids` is the table-valued function that makes rows of the query's one
/// parameter: all ids are bound as one, so that no request is larger than the limit on parameters.
pub(super) fn text<K: Key>(table: &Table, request: &FetchRequest<'_, K>, columns: &[&str], ids: &str) -> String {
    let table = SQL.path(table.path());
    let id_column = request.id_column();
    let columns: Vec<String> = columns.iter().map(|column| SQL.of_row(column)).collect();
    // Ids are compared as the column is declared to, so that its index is used. A row that comes under another spelling
    // is refused with both.
    let among_ids = format!("IN (SELECT value FROM {ids})");
    SelectRows { dialect: SQL, table: &table, columns: &columns, id_column, among_ids: &among_ids }.to_sql()
}

/// The text of a query for pairs of an id and the spelling under which the table has it. SQLite does not say how a
/// column compares text, so this is asked of all ids that no row came for.
pub(super) fn other_spellings<K: Key>(request: &FetchRequest<'_, K>, ids: &str) -> String {
    let (table, id) = (SQL.path(&table::names(request.table())), SQL.of_row(request.id_column()));
    // A cross join keeps its order, so that each id is looked up in the index of the table.
    format!(
        "SELECT \"asked\".value, CAST({id} AS TEXT) FROM {ids} AS \"asked\" CROSS JOIN {table} AS \"row\" ON {id} = \"asked\".value"
    )
}

/// The id that a value is, if it can be one.
pub(super) fn row_id(id: SqliteValue<'_>) -> Option<RowId> {
    match id {
        SqliteValue::Integer(id) => Some(RowId::Int(id.into())),
        SqliteValue::Text(id) => str::from_utf8(id).ok().map(|id| RowId::Text(id.to_owned())),
        _ => None,
    }
}
