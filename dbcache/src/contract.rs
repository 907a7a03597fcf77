//! What a fetcher promises of one batch, checked before anything of it is stored.

use polars::prelude::*;

use crate::convert::{convert, is_readable};
use crate::data_type::is_storable;
use crate::documents;
use crate::error::BatchError;
use crate::fetch::FetchedFrame;
use crate::key::{ColumnIds, IdSet, RowId, row_number};
use crate::name::TableName;
use crate::record::{CellError, CellFault, ColumnSchema};
use crate::storage::{self, Rows, Snapshot, StoredColumn, is_column_name};

/// What a batch was asked for.
pub(crate) struct Expected<'a> {
    pub(crate) ids: &'a IdSet,
    pub(crate) id_column: &'a str,
    /// The types that a record declares; columns that it does not name are taken as they come.
    pub(crate) columns: &'a [ColumnSchema],
    /// What is stored already; text that a record would parse stays text where the table has text.
    pub(crate) stored: &'a Snapshot,
    /// The columns that the request asks for, where others are fetched again beside them.
    pub(crate) asked: Option<&'a Vec<String>>,
    pub(crate) table: &'a TableName,
}

/// The rows of a batch, sorted, one an id, of the declared types. Rows that nobody asked are left out.
pub(crate) fn check(fetched: FetchedFrame, expected: &Expected<'_>) -> Result<Rows, BatchError> {
    let FetchedFrame { frame, documents } = fetched;
    let mut columns = frame.into_columns();
    let ids = take_id_column(&mut columns, expected.id_column)?;
    check_names(&columns)?;
    check_types(&columns)?;
    let columns = without_unfit(columns, expected);
    let (set, rows) = read_ids(&ids, expected)?;
    if set.len() < ids.len() {
        check_duplicates(&ids, &columns)?;
    }
    let (set, rows) = only_asked(&set, &rows, expected.ids)?;
    let columns: Result<Vec<Column>, BatchError> =
        in_order(columns, rows)?.into_iter().map(|column| declared_type(column, &set, expected)).collect();
    let columns = columns?;
    let keys = chosen_keys(&columns, expected.columns);
    Ok(Rows::uniform(set, columns).with_documents(documents).with_keys(keys))
}

/// The keys of nested columns that the record declares: it brings no others.
fn chosen_keys(columns: &[Column], declared: &[ColumnSchema]) -> Vec<String> {
    let is_declared = |column: &&Column| {
        let name = column.name().as_str();
        declared.iter().any(|declared| declared.column().column() == name)
    };
    columns.iter().filter(is_declared).flat_map(|column| storage::entries(column.name(), column.dtype())).collect()
}

/// These rows of the columns. Most fetchers bring just the rows that were asked, sorted: then nothing is copied.
fn in_order(columns: Vec<Column>, rows: Vec<IdxSize>) -> Result<Vec<Column>, BatchError> {
    let fetched = columns.first().map_or(0, Column::len);
    if rows.iter().copied().eq((0..fetched).map(row_number)) {
        return Ok(columns);
    }
    let rows = IdxCa::from_vec(PlSmallStr::EMPTY, rows);
    columns.iter().map(|column| column.take(&rows).map_err(polars_failed)).collect()
}

fn take_id_column(columns: &mut Vec<Column>, name: &str) -> Result<Column, BatchError> {
    match columns.iter().position(|column| column.name() == name) {
        Some(place) => Ok(columns.remove(place)),
        // A batch of no rows may come without any columns.
        None if columns.is_empty() => Ok(Column::new_empty(name.into(), &DataType::Null)),
        None => Err(BatchError::NoIdColumn { column: name.to_owned() }),
    }
}

fn check_names(columns: &[Column]) -> Result<(), BatchError> {
    match columns.iter().map(Column::name).find(|name| !is_column_name(name)) {
        None => Ok(()),
        Some(name) => Err(BatchError::ColumnName { column: name.to_string() }),
    }
}

fn check_types(columns: &[Column]) -> Result<(), BatchError> {
    match columns.iter().find(|column| !is_storable(column.dtype())) {
        None => Ok(()),
        Some(column) => {
            Err(BatchError::ColumnType { column: column.name().to_string(), found: column.dtype().to_string() })
        }
    }
}

/// The columns but for those that a refresh fetches only because they are stored, if they no longer fit the stored type.
/// They then count as not fetched, so that they do not keep what was asked for from being stored.
fn without_unfit(columns: Vec<Column>, expected: &Expected<'_>) -> Vec<Column> {
    let Some(asked) = expected.asked else { return columns };
    let is_asked = |name: &str| {
        let is_declared = expected.columns.iter().any(|declared| declared.column().column() == name);
        is_declared || asked.iter().any(|asked| asked == name)
    };
    let fitting = |column: Column| {
        if is_asked(column.name()) { Some(column) } else { in_stored_type(column, expected) }
    };
    columns.into_iter().filter_map(fitting).collect()
}

fn in_stored_type(column: Column, expected: &Expected<'_>) -> Option<Column> {
    let stored = expected.stored.column(column.name()).map(StoredColumn::data_type);
    let readable = stored.filter(|stored| *stored != column.dtype() && is_readable(column.dtype(), stored));
    match readable.map(|stored| convert(column.as_materialized_series(), stored)) {
        Some(Ok(converted)) => Some(converted.with_name(column.name().clone()).into_column()),
        _ => expected.stored.takes(expected.table, &column).then_some(column),
    }
}

fn read_ids(ids: &Column, expected: &Expected<'_>) -> Result<(IdSet, Vec<IdxSize>), BatchError> {
    let wrong_type = || BatchError::WrongType {
        column: expected.id_column.to_owned(),
        id: None,
        expected: if matches!(expected.ids, IdSet::Text(_)) { "text ids" } else { "integer ids" }.to_owned(),
        found: ids.dtype().to_string(),
    };
    match ColumnIds::read(ids.as_materialized_series()).map_err(polars_failed)? {
        ColumnIds::Null { row } => Err(BatchError::NullId { column: expected.id_column.to_owned(), row }),
        ColumnIds::NotAKey => Err(wrong_type()),
        ColumnIds::Ids { set, .. } if !set.is_empty() && set.is_text() != expected.ids.is_text() => Err(wrong_type()),
        ColumnIds::Ids { set, rows } => Ok((set, rows)),
    }
}

/// Rows of the same id must be the same in every column.
fn check_duplicates(ids: &Column, columns: &[Column]) -> Result<(), BatchError> {
    let mut first_rows = PlHashMap::new();
    for row in 0..ids.len() {
        let id = ids.get(row).map_err(polars_failed)?;
        let first = *first_rows.entry(id.clone()).or_insert(row);
        let differs = |column: &&Column| match (column.get(first), column.get(row)) {
            (Ok(left), Ok(right)) => !left.eq_missing(&right, true),
            _ => true,
        };
        if let Some(column) = columns.iter().find(differs) {
            return Err(BatchError::ConflictingRows { id: row_id(&id), column: column.name().to_string() });
        }
    }
    Ok(())
}

fn row_id(id: &AnyValue<'_>) -> RowId {
    match id {
        AnyValue::UInt128(id) => RowId::from(*id),
        AnyValue::Decimal(id, _, 0) => RowId::from(*id),
        id if id.is_integer() => id.extract::<i128>().map_or_else(|| RowId::Text(id.to_string()), RowId::Int),
        text => RowId::Text(text.str_value().into_owned()),
    }
}

/// The ids that were asked, with their rows.
fn only_asked(set: &IdSet, rows: &[IdxSize], asked: &IdSet) -> Result<(IdSet, Vec<IdxSize>), BatchError> {
    let places = set.locate_among(asked);
    if places.len() < set.len() {
        check_spellings(&set.select(&places.rest(set.len())), &asked.without(set))?;
        tracing::warn!(
            rows = set.len() - places.len(),
            "the fetcher brought rows that were not asked; they are ignored"
        );
    }
    let rows = places.iter().filter_map(|place| rows.get(place)).copied().collect();
    Ok((set.select(&places), rows))
}

/// No row came under another spelling of an id that was asked for and is missing.
fn check_spellings(not_asked: &IdSet, missing: &IdSet) -> Result<(), BatchError> {
    if !not_asked.is_text() {
        return Ok(());
    }
    let missing: PlHashMap<String, String> = missing.keys::<String>().into_iter().map(|id| (folded(&id), id)).collect();
    for found in not_asked.keys::<String>() {
        if let Some(asked) = missing.get(&folded(&found)) {
            return Err(BatchError::Spelling { asked: RowId::Text(asked.clone()), found: RowId::Text(found) });
        }
    }
    Ok(())
}

/// What the spellings of an id have in common that databases take for one: those of a UUID, and texts that differ in
/// case or in blanks at the end.
fn folded(id: &str) -> String {
    const UUID_DIGITS: usize = 32;
    let digits = id.strip_prefix("urn:uuid:").unwrap_or(id);
    let digits: String = digits.chars().filter(|c| !matches!(c, '-' | '{' | '}')).collect();
    let is_uuid = digits.len() == UUID_DIGITS && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if is_uuid { digits.to_lowercase() } else { id.trim_end().to_lowercase() }
}

/// The column, if the record can read every value of it; nested, in the type that the record declares.
///
/// What is stored has the database's type, so that it is the same whoever fetched it.
fn declared_type(column: Column, ids: &IdSet, expected: &Expected<'_>) -> Result<Column, BatchError> {
    let Some(declared) = expected.columns.iter().find(|declared| declared.column().column() == column.name().as_str())
    else {
        return Ok(column);
    };
    let series = column.as_materialized_series();
    let converted = match (declared.parse_json(), series.dtype()) {
        (Some(_), DataType::String) if is_stored_as_text(expected.stored, column.name()) => return Ok(column),
        (Some(parse), DataType::String) => {
            let text = series.str().map_err(polars_failed)?;
            parse(text).map(|documents| with_stored_keys(documents, text, expected.stored))
        }
        (_, found) if is_readable(found, declared.data_type()) => {
            let converted = convert(series, declared.data_type());
            if is_kept(found, declared.data_type()) { converted.map(|_| series.clone()) } else { converted }
        }
        (_, found) => {
            return Err(BatchError::WrongType {
                column: column.name().to_string(),
                id: None,
                expected: declared.data_type().to_string(),
                found: found.to_string(),
            });
        }
    };
    let converted = converted.map_err(|cause| unfit(cause, ids, declared))?;
    Ok(converted.with_name(column.name().clone()).into_column())
}

/// The documents with the keys that other record types have stored of the column: the text has them all, so that the
/// row stays complete for those.
fn with_stored_keys(documents: Series, text: &StringChunked, stored: &Snapshot) -> Series {
    let stored = stored.column(text.name()).map(StoredColumn::data_type);
    let Some(stored) = stored.filter(|stored| has_other_keys(stored, documents.dtype())) else { return documents };
    let all = documents::read_as(text, stored);
    all.and_then(|all| storage::extended(&documents, &all)).unwrap_or(documents)
}

fn has_other_keys(stored: &DataType, declared: &DataType) -> bool {
    let declared = storage::innermost(declared);
    storage::innermost(stored).iter().any(|path| !declared.iter().any(|key| path.starts_with(key)))
}

fn is_kept(found: &DataType, declared: &DataType) -> bool {
    !found.is_null() && !found.is_nested() && !declared.is_nested()
}

fn is_stored_as_text(stored: &Snapshot, column: &str) -> bool {
    stored.column(column).is_some_and(|stored| stored.data_type() == &DataType::String)
}

fn unfit(cause: CellError, ids: &IdSet, declared: &ColumnSchema) -> BatchError {
    BatchError::WrongType {
        column: declared.column().column().to_owned(),
        id: ids.get(cause.row),
        expected: declared.data_type().to_string(),
        found: match cause.fault {
            CellFault::Null => "null".to_owned(),
            CellFault::Value(reason) => reason,
        },
    }
}

fn polars_failed(cause: PolarsError) -> BatchError {
    BatchError::Fetcher(Box::new(cause))
}
