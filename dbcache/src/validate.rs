//! Validation of a fetched batch, before any of its rows are stored.

use std::collections::BTreeMap;
use std::ops::Range;

use polars::prelude::*;

use crate::convert::{are_other_kinds, convert, culprit, is_readable, is_storable_as};
use crate::data_type::is_storable;
use crate::documents;
use crate::error::{BatchError, Error, RejectedRow};
use crate::fetch::{FetchedBatch, FetchedFrame};
use crate::key::{ColumnIds, IdSet, RowId, row_number};
use crate::misfits::{misfits, shown};
use crate::record::{CellError, CellFault, ColumnSchema, ParseJson};
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
}

/// The rows of a batch that may be stored, and those that do not fit.
#[derive(Debug)]
pub(crate) struct Checked {
    /// Sorted rows, one an id, of the declared types; of each part of the batch those that were asked.
    pub(crate) parts: Vec<Rows>,
    /// One an id, of those that were asked.
    pub(crate) rejected: Vec<RejectedRow>,
}

/// Takes the rows that fit, and those that do not. Rows that nobody asked are left out.
pub(crate) fn check(fetched: FetchedBatch, expected: &Expected<'_>) -> Result<Checked, BatchError> {
    let mut checked = Checked { parts: Vec::with_capacity(fetched.parts.len()), rejected: fetched.rejected };
    for part in fetched.parts {
        let rows = check_part(part, expected, &mut checked.rejected)?;
        checked.parts.push(rows);
    }
    check_apart(&checked.parts)?;
    if !checked.rejected.is_empty() {
        checked.keep_one_an_id(expected.ids)?;
    }
    Ok(checked)
}

impl Checked {
    /// Of a row that came more than once, the first that was rejected counts.
    fn keep_one_an_id(&mut self, asked: &IdSet) -> Result<(), BatchError> {
        let is_asked = |row: &RejectedRow| !IdSet::of([&row.id].into_iter()).locate_among(asked).is_empty();
        self.rejected.retain(is_asked);
        self.rejected.sort_by(|left, right| left.id.cmp(&right.id));
        self.rejected.dedup_by(|later, first| later.id == first.id);
        let ids = IdSet::of(self.rejected.iter().map(|row| &row.id));
        for part in &mut self.parts {
            part.leave_out(&ids).map_err(not_stored)?;
        }
        Ok(())
    }
}

fn check_part(
    fetched: FetchedFrame,
    expected: &Expected<'_>,
    rejected: &mut Vec<RejectedRow>,
) -> Result<Rows, BatchError> {
    let FetchedFrame { frame, documents, loose, marks } = fetched;
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
    let marks = Rows::uniform(set.clone(), in_order(marks, rows.clone())?);
    let (set, columns) = fitting(set, &in_order(columns, rows)?, expected, rejected)?;
    let keys = chosen_keys(&columns, expected.columns);
    let rows = Rows::uniform(set, columns).with_documents(documents).with_keys(keys);
    rows.with_loose(loose, &marks).map_err(|cause| BatchError::Store(Box::new(cause)))
}

/// No id is in two parts: its rows differ, since they have no type in common.
fn check_apart(parts: &[Rows]) -> Result<(), BatchError> {
    if parts.len() < 2 {
        return Ok(());
    }
    let mut part_of: BTreeMap<RowId, &Rows> = BTreeMap::new();
    for part in parts {
        for id in part.ids().row_ids() {
            if let Some(other) = part_of.insert(id.clone(), part) {
                let column = part.first_difference(other).unwrap_or_default();
                return Err(BatchError::ConflictingRows { id, column });
            }
        }
    }
    Ok(())
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
    let readable = stored.filter(|stored| *stored != column.dtype() && is_storable_as(column.dtype(), stored));
    match readable.map(|stored| convert(column.as_materialized_series(), stored)) {
        Some(Ok(converted)) => Some(converted.with_name(column.name().clone()).into_column()),
        _ => expected.stored.takes(&column).then_some(column),
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
        let not_asked = set.select(&places.complement(set.len())).map_err(not_stored)?;
        check_spellings(&not_asked, &asked.without(set).map_err(not_stored)?)?;
        tracing::warn!(
            rows = set.len() - places.len(),
            "the fetcher brought rows that were not asked; they are ignored"
        );
    }
    let no_row = || not_stored(Error::Internal { invariant: "each id that came has a row" });
    let rows = places.iter().map(|place| rows.get(place).copied().ok_or_else(no_row)).collect::<Result<_, _>>()?;
    Ok((set.select(&places).map_err(not_stored)?, rows))
}

fn not_stored(cause: Error) -> BatchError {
    BatchError::Store(Box::new(cause))
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

/// The rows whose values fit in the types that the record declares, in these types. The others are rejected.
fn fitting(
    set: IdSet,
    columns: &[Column],
    expected: &Expected<'_>,
    rejected: &mut Vec<RejectedRow>,
) -> Result<(IdSet, Vec<Column>), BatchError> {
    let conversions = columns.iter().map(|column| Conversion::of(column, expected));
    let conversions: Vec<Conversion<'_>> = conversions.collect::<Result<_, BatchError>>()?;
    if let Ok(converted) = converted(columns, &conversions) {
        return Ok((set, converted));
    }
    let mut fits = vec![true; set.len()];
    for (column, conversion) in columns.iter().zip(&conversions) {
        for misfit in conversion.misfits(column) {
            if let (Some(fits), Some(id)) = (fits.get_mut(misfit.row), set.get(misfit.row))
                && std::mem::replace(fits, false)
            {
                rejected.push(misfit.reject(id, shown(column.as_materialized_series(), misfit.row)));
            }
        }
    }
    let mask: BooleanChunked = fits.iter().copied().collect();
    let columns: PolarsResult<Vec<Column>> = columns.iter().map(|column| column.filter(&mask)).collect();
    let set = set.filter(|row| fits.get(row).copied().unwrap_or(false));
    let converted = converted(&columns.map_err(polars_failed)?, &conversions);
    Ok((set, converted.map_err(|cause| BatchError::Fetcher(cause.fault.to_string().into()))?))
}

fn converted(columns: &[Column], conversions: &[Conversion<'_>]) -> Result<Vec<Column>, CellError> {
    let convert = |(column, conversion): (&Column, &Conversion<'_>)| {
        let converted = conversion.apply(column.as_materialized_series())?;
        Ok(converted.with_name(column.name().clone()).into_column())
    };
    columns.iter().zip(conversions).map(convert).collect()
}

/// What becomes of a column, given what the record declares for it.
struct Conversion<'a> {
    how: How<'a>,
    refuses_nulls: bool,
}

enum How<'a> {
    AsItIs,
    /// With the keys that are stored beside those that are declared.
    Parsed(ParseJson, &'a Snapshot),
    /// The column itself, if the record can read every value of it; documents in the type that the record declares.
    /// What is stored has the database's type, so that it is the same whoever fetched it.
    To(&'a DataType),
    /// Text where the table has numbers, booleans where it has integers and the like: in the stored type, if the record
    /// reads the same values from it.
    ToStored {
        declared: &'a DataType,
        stored: &'a DataType,
        may_change: bool,
    },
}

impl<'a> How<'a> {
    fn to(found: &DataType, declared: &'a DataType, expected: &Expected<'a>, column: &str) -> Self {
        match expected.stored.column(column).map(StoredColumn::data_type) {
            Some(stored) if is_kept(found, declared) && are_other_kinds(found, stored) => {
                // A refresh of all rows may change the type.
                Self::ToStored { declared, stored, may_change: expected.asked.is_some() }
            }
            _ => Self::To(declared),
        }
    }
}

impl<'a> Conversion<'a> {
    /// # Errors
    ///
    /// A column of another kind than the one that is declared.
    fn of(column: &Column, expected: &Expected<'a>) -> Result<Self, BatchError> {
        let name = column.name().as_str();
        let Some(declared) = expected.columns.iter().find(|declared| declared.column().column() == name) else {
            return Ok(Self { how: How::AsItIs, refuses_nulls: false });
        };
        let how = match (declared.parse_json(), column.dtype()) {
            (Some(_), DataType::String) if is_stored_as_text(expected.stored, name) => How::AsItIs,
            (Some(parse), DataType::String) => How::Parsed(parse, expected.stored),
            (_, found) if is_readable(found, declared.data_type()) => {
                How::to(found, declared.data_type(), expected, name)
            }
            (_, found) => return Err(wrong_type(name, found, declared.data_type())),
        };
        Ok(Self { how, refuses_nulls: !declared.nullable() })
    }

    fn apply(&self, column: &Series) -> Result<Series, CellError> {
        if self.refuses_nulls && column.null_count() > 0 {
            return Err(CellError { column: column.name().to_string(), row: 0, fault: CellFault::Null });
        }
        match self.how {
            How::AsItIs => Ok(column.clone()),
            How::Parsed(parse, stored) => {
                let text = column.str().map_err(|cause| CellError::polars(column.name(), &cause))?;
                parse(text).map(|documents| with_stored_keys(documents, text, stored))
            }
            How::To(data_type) => {
                let converted = convert(column, data_type)?;
                Ok(if is_kept(column.dtype(), data_type) { column.clone() } else { converted })
            }
            How::ToStored { declared, stored, may_change } => {
                let read = convert(column, declared)?;
                match as_stored(column, &read, stored) {
                    Err(_) if may_change => Ok(column.clone()),
                    converted => converted,
                }
            }
        }
    }

    fn misfits(&self, column: &Column) -> Vec<CellError> {
        let column = column.as_materialized_series();
        let apply = |rows: Range<usize>| self.apply(&column.slice(row_number(rows.start).into(), rows.len())).map(drop);
        misfits(0..column.len(), &apply)
    }
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

/// Names the key of a document that is of another kind than the one that is declared.
fn wrong_type(column: &str, found: &DataType, declared: &DataType) -> BatchError {
    let (column, found, expected) = culprit(column, found, declared);
    BatchError::WrongType { column, id: None, expected: expected.to_string(), found: found.to_string() }
}

/// The column in the stored type, from which a record reads these values again.
fn as_stored(column: &Series, read: &Series, stored: &DataType) -> Result<Series, CellError> {
    let converted = convert(column, stored).or_else(|_| convert(read, stored))?;
    let again = convert(&converted, read.dtype())?;
    if again.equals_missing(read) {
        return Ok(converted);
    }
    let reason = format!("it would read as another value once it is {stored}, as the column is stored");
    Err(CellError { column: column.name().to_string(), row: 0, fault: CellFault::Value(reason) })
}

fn is_kept(found: &DataType, declared: &DataType) -> bool {
    !found.is_null() && is_plain(found) && is_plain(declared)
}

/// Whether a column has no documents.
fn is_plain(data_type: &DataType) -> bool {
    match data_type {
        DataType::List(inner) => is_plain(inner),
        data_type => !data_type.is_nested(),
    }
}

fn is_stored_as_text(stored: &Snapshot, column: &str) -> bool {
    stored.column(column).is_some_and(|stored| stored.data_type() == &DataType::String)
}

fn polars_failed(cause: PolarsError) -> BatchError {
    BatchError::Fetcher(Box::new(cause))
}
