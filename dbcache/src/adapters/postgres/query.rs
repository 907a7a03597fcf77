//! The query of one batch, and the columns that its rows become.

use polars::prelude::*;

use super::catalog::{DeclaredColumn, Held, LooseComparison, Table};
use super::cells::{Cells, cells};
use super::kind::{Kind, NumericAs};
use super::values::{self, Misfit};
use super::{PostgresError, SQL};
use crate::adapters::read_rows::{ReadRows, Rejects};
use crate::adapters::spellings::{self, integer_ids, text_ids};
use crate::adapters::sql::SelectRows;
use crate::error::{BatchError, BoxError, RejectedRow};
use crate::fetch::FetchRequest;
#[cfg(feature = "sqlx-postgres")]
use crate::fetch::shown_value;
use crate::key::{Key, RowId};

/// The query of one batch, and what has come of its rows.
pub(super) struct BatchQuery {
    pub(super) text: String,
    pub(super) ids: BoundIds,
    columns: Vec<ColumnCells>,
    rows: usize,
    rejects: Rejects,
}

/// All ids of a batch, bound as one parameter.
#[derive(Clone, Debug)]
pub(super) enum BoundIds {
    /// `int8[]`
    Integers(Vec<i64>),
    /// `text[]`
    Text(Vec<String>),
}

struct ColumnCells {
    name: PlSmallStr,
    kind: Kind,
    declared: String,
    sent: u32,
    cells: Box<dyn Cells>,
}

impl BatchQuery {
    /// The query for the id column and the wanted columns; a wanted column that the table lacks is left out, which
    /// the cache reports when all batches are through.
    pub(super) fn new<K: Key>(table: &Table, request: &FetchRequest<'_, K>) -> Result<Self, PostgresError> {
        let id = table.id_column(request.id_column())?;
        let key = key_of::<K>(table, id)?;
        let mut selected = vec![(id, key.held.clone())];
        for (column, _) in table.requested(request) {
            selected.push((column, held(table, column)?));
        }
        let text = typed_query_text(table, id, &selected, &key.among_ids);
        let capacity = request.ids().len();
        let columns = selected.into_iter().map(|(column, held)| ColumnCells::new(column, held, capacity)).collect();
        Ok(Self { text, ids: bound(request.ids(), &key), columns, rows: 0, rejects: Rejects::default() })
    }

    /// Whether no row has come yet.
    pub(super) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Whether the rows come in the types that were looked up, given the number of each column's type.
    pub(super) fn check_types(
        &self,
        table: &Table,
        sent: impl IntoIterator<Item = Option<u32>>,
    ) -> Result<(), PostgresError> {
        let mut columns = self.columns.iter().zip(sent);
        match columns.find(|(column, sent)| sent.is_some_and(|sent| sent != column.sent)) {
            None => Ok(()),
            Some((altered, _)) => {
                Err(PostgresError::Altered { table: table.name.to_string(), column: altered.name.to_string() })
            }
        }
    }

    /// Takes one row, of which `cell` gives the values in PostgreSQL's binary format.
    #[inline]
    pub(super) fn push<'r>(
        &mut self,
        cell: impl Fn(usize) -> Result<Option<&'r [u8]>, BoxError>,
    ) -> Result<(), BoxError> {
        let mut misfit = None;
        for (place, column) in self.columns.iter_mut().enumerate() {
            match cell(place)?.filter(|_| misfit.is_none()) {
                None => column.cells.push_null(),
                Some(value) => {
                    if let Err(cause) = column.cells.push(value) {
                        column.cells.push_null();
                        misfit = Some(column.misfit(cause));
                    }
                }
            }
        }
        if let Some(misfit) = misfit {
            let rejected = self.reject(misfit, cell(0)?)?;
            self.rejects.push(self.rows, rejected);
        }
        self.rows += 1;
        Ok(())
    }

    pub(super) fn finish(self) -> Result<ReadRows, BoxError> {
        let json = self.columns.iter().filter(|column| matches!(column.kind, Kind::Json | Kind::Jsonb));
        let json_columns = json.map(|column| column.name.to_string()).collect();
        let mut columns = Vec::with_capacity(self.columns.len());
        for column in self.columns {
            columns.push(column.cells.finish(column.name)?.into_column());
        }
        let (rows, rejected) = self.rejects.take_out(DataFrame::new(self.rows, columns)?)?;
        Ok(ReadRows { parts: vec![rows], json_columns, loose_columns: Vec::new(), rejected })
    }

    /// The row that a value does not let be stored.
    fn reject(&self, misfit: ColumnMisfit, id: Option<&[u8]>) -> Result<RejectedRow, BatchError> {
        let ColumnMisfit { column, expected, found } = misfit;
        match self.columns.first().zip(id).and_then(|(column, id)| row_id(&column.kind, id)) {
            Some(id) => {
                let reason = format!("{found} does not fit in {expected}");
                Ok(RejectedRow::new(id, column, found, reason))
            }
            None => Err(BatchError::WrongType { column, id: None, expected, found }),
        }
    }
}

/// A value that does not fit, and where.
struct ColumnMisfit {
    column: String,
    expected: String,
    found: String,
}

impl ColumnCells {
    fn new(column: &DeclaredColumn, Held { kind, sent, .. }: Held, capacity: usize) -> Self {
        let cells = cells(&kind, capacity);
        Self { name: column.name.as_str().into(), kind, declared: column.declared.clone(), sent, cells }
    }

    fn misfit(&self, Misfit(found): Misfit) -> ColumnMisfit {
        let expected = match number_type(&self.kind) {
            Some(held) => format!("{} as {held}", self.declared),
            None => self.declared.clone(),
        };
        ColumnMisfit { column: self.name.to_string(), expected, found }
    }
}

/// How numbers of any length are held, for messages.
fn number_type(kind: &Kind) -> Option<String> {
    match kind {
        Kind::Numeric(NumericAs::Decimal { precision, scale }) => Some(format!("decimal({precision},{scale})")),
        Kind::Numeric(NumericAs::Int64 | NumericAs::UInt64 | NumericAs::Int128 | NumericAs::UInt128) => {
            Some("integers".to_owned())
        }
        Kind::List(items) => number_type(items),
        _ => None,
    }
}

/// The id of a row, for messages.
pub(super) fn row_id(kind: &Kind, value: &[u8]) -> Option<RowId> {
    let mut id = cells(kind, 1);
    id.push(value).ok()?;
    let column = id.finish(PlSmallStr::EMPTY).ok()?;
    match column.get(0).ok()? {
        AnyValue::UInt128(id) => Some(id.into()),
        AnyValue::String(id) => Some(RowId::Text(id.to_owned())),
        id if id.is_integer() => id.extract().map(RowId::Int),
        _ => None,
    }
}

/// A value as text, for messages.
#[cfg(feature = "sqlx-postgres")]
pub(super) fn shown(kind: &Kind, value: &[u8]) -> String {
    let mut one = cells(kind, 1);
    let column = one.push(value).map(|()| one.finish(PlSmallStr::EMPTY));
    match column {
        Ok(column) => column.ok().and_then(|column| shown_value(&column, 0)).unwrap_or_default(),
        Err(Misfit(found)) => found,
    }
}

/// How a wanted column is held, whoever asks: a record reads its own types from that.
fn held(table: &Table, column: &DeclaredColumn) -> Result<Held, PostgresError> {
    column.kind.held.clone().ok_or_else(|| PostgresError::ColumnType {
        table: table.name.to_string(),
        column: column.name.clone(),
        found: column.declared.clone(),
    })
}

/// How the ids of a request are compared with those of the table.
struct KeyColumn {
    held: Held,
    among_ids: String,
}

/// Ids are compared in the type of their column, so that its index is used.
fn key_of<K: Key>(table: &Table, id: &DeclaredColumn) -> Result<KeyColumn, PostgresError> {
    let is_text = K::DATA_TYPE == DataType::String;
    let refused = || table.key_type(id, &id.declared, if is_text { "text" } else { "integer" });
    let mut held = id.kind.held.clone().ok_or_else(refused)?;
    if let (Kind::Numeric(_), false) = (&held.kind, is_text) {
        held.kind = Kind::Numeric(NumericAs::of_keys(&K::DATA_TYPE));
    }
    let among_ids = match (&held.kind, is_text) {
        (Kind::Int16 | Kind::Int32 | Kind::Int64, false) => "= ANY($1)".to_owned(),
        (Kind::Oid, false) => "= ANY($1::oid[])".to_owned(),
        (Kind::Numeric(_), false) => "= ANY($1::numeric[])".to_owned(),
        (Kind::Uuid, true) => "= ANY($1::uuid[])".to_owned(),
        (Kind::Text, true) => text_among_ids(id, &held),
        _ => return Err(refused().into()),
    };
    Ok(KeyColumn { held, among_ids })
}

/// Ids that are no label of an enum are no error, only not there: columns that are sent as text are compared as text.
/// Those that take several spellings for one id are compared as they are, for the sake of their index: a row that
/// comes under another spelling is refused with both.
fn text_among_ids(id: &DeclaredColumn, held: &Held) -> String {
    match &id.kind.loosely {
        Some(LooseComparison { as_type, equals }) => format!("{equals} ANY($1::{as_type}[])"),
        None if held.is_cast => "::text = ANY($1)".to_owned(),
        None => "= ANY($1)".to_owned(),
    }
}

/// A query for the spellings under which the table has those ids of a batch for which no row came; `None` if there can
/// be none. Its rows are pairs of a requested id and that of the row. `found` gives the ids for which rows came.
pub(super) fn other_spellings<K: Key>(
    table: &Table,
    request: &FetchRequest<'_, K>,
    found: impl FnOnce() -> PolarsResult<Vec<String>>,
) -> Result<Option<(String, BoundIds)>, BoxError> {
    let id = table.id_column(request.id_column())?;
    let Some(LooseComparison { as_type, equals }) = &id.kind.loosely else { return Ok(None) };
    let missing = spellings::missing(request, found)?;
    if missing.is_empty() {
        return Ok(None);
    }
    let key = key_of::<K>(table, id)?;
    let text = format!(
        "SELECT asked.id, {} FROM {} AS \"row\" JOIN unnest($1) AS asked(id) ON {} {equals} asked.id::{as_type}",
        expression(id, &key.held),
        SQL.path(table.path()),
        SQL.of_row(&id.name),
    );
    Ok(Some((text, bound(&missing, &key))))
}

/// Ids that the column cannot hold are not there, and asking for them would be an error.
fn bound<K: Key>(ids: &[K], key: &KeyColumn) -> BoundIds {
    match key.held.kind {
        Kind::Numeric(_) => BoundIds::Text(ids.iter().map(|id| id.to_row_id().to_string()).collect()),
        Kind::Oid => BoundIds::Integers(integer_ids::<K, u32>(ids).into_iter().map(i64::from).collect()),
        Kind::Int16 | Kind::Int32 | Kind::Int64 => BoundIds::Integers(integer_ids(ids)),
        ref kind => {
            let mut ids = text_ids(ids);
            // No text of PostgreSQL's has a NUL.
            ids.retain(|id| !id.contains('\0') && (*kind != Kind::Uuid || values::is_uuid(id)));
            BoundIds::Text(ids)
        }
    }
}

/// The text of a query for the id column and some others as the database has them, and what it binds.
#[cfg(feature = "sqlx-postgres")]
pub(super) fn select<K: Key>(
    table: &Table,
    request: &FetchRequest<'_, K>,
    columns: &[&str],
) -> Result<(String, BoundIds), PostgresError> {
    let id = table.id_column(request.id_column())?;
    let key = key_of::<K>(table, id)?;
    let columns: Vec<String> = [id.name.as_str()].iter().chain(columns).map(|column| SQL.of_row(column)).collect();
    let text = query_text(table, id, &columns, &key.among_ids);
    Ok((text, bound(request.ids(), &key)))
}

/// The text of a query whose columns have the types that were looked up, or none that a driver does not know.
///
/// The table may have been altered meanwhile. Its rows follow an empty row of those types in a union, for which the
/// server refuses a type of the database's own; one that is built in is left for
/// [`check_types`](BatchQuery::check_types).
fn typed_query_text(
    table: &Table,
    id: &DeclaredColumn,
    columns: &[(&DeclaredColumn, Held)],
    among_ids: &str,
) -> String {
    let nulls: Vec<String> = columns.iter().map(|(_, held)| format!("NULL::{}", held.sent_as)).collect();
    let selected: Vec<String> = columns.iter().map(|(column, held)| expression(column, held)).collect();
    format!("SELECT {} WHERE false UNION ALL {}", nulls.join(", "), query_text(table, id, &selected, among_ids))
}

fn expression(column: &DeclaredColumn, held: &Held) -> String {
    let name = SQL.of_row(&column.name);
    if held.is_cast { format!("{name}::{}", held.sent_as) } else { name }
}

fn query_text(table: &Table, id: &DeclaredColumn, columns: &[String], among_ids: &str) -> String {
    SelectRows { dialect: SQL, table: &SQL.path(table.path()), columns, id_column: &id.name, among_ids }.to_sql()
}
