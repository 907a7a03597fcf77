//! The rows of one table as they were at one moment: looked up, read, never changed.

use polars::prelude::*;
use rayon::prelude::*;

use super::Table;
use super::keys::Need;
use super::merge;
use super::parquet_file::FileColumn;
use super::presence::{ColumnSet, Presence};
use crate::error::{Error, Result};
use crate::key::{IdSet, Positions, row_number};
use crate::name::TableName;
use crate::record::DefaultCell;

/// Rows sorted by id, one an id, with what is known of each row's columns.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(super) ids: IdSet,
    pub(super) columns: Vec<StoredColumn>,
    pub(super) presence: Presence,
    /// The text columns whose every cell was an object or array in the rows that a fetcher brought.
    pub(super) documents: ColumnSet,
}

/// One column of a table: in memory, or in its file until it is asked for.
#[derive(Clone, Debug)]
pub(crate) struct StoredColumn {
    name: PlSmallStr,
    data_type: DataType,
    values: Values,
}

#[derive(Clone, Debug)]
enum Values {
    InMemory(Column),
    InFile(FileColumn),
}

impl From<Column> for StoredColumn {
    fn from(column: Column) -> Self {
        Self { name: column.name().clone(), data_type: column.dtype().clone(), values: Values::InMemory(column) }
    }
}

impl StoredColumn {
    pub(super) fn in_file(name: PlSmallStr, data_type: DataType, column: FileColumn) -> Self {
        Self { name, data_type, values: Values::InFile(column) }
    }

    pub(crate) fn name(&self) -> &PlSmallStr {
        &self.name
    }

    pub(crate) fn data_type(&self) -> &DataType {
        &self.data_type
    }

    /// The values of all rows.
    pub(crate) fn values(&self) -> Result<Column> {
        match &self.values {
            Values::InMemory(column) => Ok(column.clone()),
            Values::InFile(column) => column.values(&self.name),
        }
    }

    /// The values of all rows, of a struct at least what lies at these paths in it.
    fn values_at(&self, paths: &[&[String]]) -> Result<Column> {
        match &self.values {
            Values::InMemory(column) => Ok(column.clone()),
            Values::InFile(column) => column.values_at(&self.name, paths),
        }
    }

    /// Whether the values have to be decoded before they can be read.
    fn is_waiting(&self) -> bool {
        self.file().is_some_and(FileColumn::is_waiting)
    }

    /// Where the column is, unless it is in memory.
    pub(super) fn file(&self) -> Option<&FileColumn> {
        match &self.values {
            Values::InMemory(_) => None,
            Values::InFile(column) => Some(column),
        }
    }
}

/// What to read of one column.
#[derive(Debug)]
pub(crate) struct Reading<'a> {
    pub(crate) name: &'a str,
    /// The paths in the column that are wanted, where it is not wanted whole.
    pub(crate) paths: Vec<&'a [String]>,
    /// What rows have that lack the column; null where this is `None`.
    pub(crate) default: Option<DefaultCell>,
}

impl<'a> Reading<'a> {
    pub(crate) fn whole(name: &'a str) -> Self {
        Self { name, paths: Vec::new(), default: None }
    }
}

/// How the wanted ids of a request stand in a snapshot. All lists are places in the wanted ids, ascending.
#[derive(Debug, Default)]
pub(crate) struct LookUp {
    pub(crate) hits: Vec<usize>,
    pub(crate) incomplete: Vec<usize>,
    pub(crate) missing: Vec<usize>,
}

impl LookUp {
    /// The ids that a request has to fetch.
    pub(crate) fn not_hits(&self) -> Vec<usize> {
        let mut places: Vec<usize> = self.incomplete.iter().chain(&self.missing).copied().collect();
        places.sort_unstable();
        places
    }
}

impl Snapshot {
    pub(crate) fn empty() -> Self {
        Self {
            ids: IdSet::Int(Vec::new()),
            columns: Vec::new(),
            presence: Presence::default(),
            documents: ColumnSet::new(),
        }
    }

    /// Rows that all have the same columns, sorted by id.
    pub(crate) fn uniform(ids: IdSet, columns: Vec<Column>) -> Self {
        let names: ColumnSet = columns.iter().map(|column| column.name().to_string()).collect();
        let columns = columns.into_iter().map(StoredColumn::from).collect();
        Self { presence: Presence::uniform(ids.len(), names), ids, columns, documents: ColumnSet::new() }
    }

    /// The same rows, of which these columns hold documents if they are text.
    pub(crate) fn with_documents(mut self, mut documents: ColumnSet) -> Self {
        documents.retain(|name| self.column(name).is_some_and(|column| column.data_type().is_string()));
        self.documents = documents;
        self
    }

    /// The same rows, of whose nested columns a record type chose these keys.
    pub(crate) fn with_keys(mut self, keys: impl IntoIterator<Item = String>) -> Self {
        let entries = self.columns.iter().map(|column| column.name().to_string()).chain(keys).collect();
        self.presence = Presence::uniform(self.ids.len(), entries);
        self
    }

    pub(crate) fn ids(&self) -> &IdSet {
        &self.ids
    }

    /// All columns but the id column, in the order in which they came.
    pub(crate) fn columns(&self) -> &[StoredColumn] {
        &self.columns
    }

    pub(crate) fn column(&self, name: &str) -> Option<&StoredColumn> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The text columns that hold nothing but objects and arrays, which an answer gives structured.
    pub(crate) fn documents(&self) -> &ColumnSet {
        &self.documents
    }

    pub(crate) fn presence(&self) -> &Presence {
        &self.presence
    }

    /// Finds each wanted id, and whether its row has all that is needed.
    pub(crate) fn look_up(&self, wanted: &IdSet, needs: &[Need]) -> LookUp {
        let complete = self.presence.complete_for(needs);
        let mut found = LookUp::default();
        for (place, row) in self.ids.locate(wanted).into_iter().enumerate() {
            match row {
                Some(row) if complete(row as usize) => found.hits.push(place),
                Some(_) => found.incomplete.push(place),
                None => found.missing.push(place),
            }
        }
        found
    }

    /// The rows of those `wanted` ids that are here: the id column, then `columns`.
    ///
    /// A row that lacks a column has its default there, or null.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] where the file of a column turns out not to be what was written.
    pub(crate) fn read<'a>(
        &self,
        table: &Table,
        wanted: &IdSet,
        columns: impl Iterator<Item = Reading<'a>>,
    ) -> Result<DataFrame> {
        let found = Found::of(self.ids.locate(wanted), self.ids.len());
        let ids = found.gather(&self.ids.to_column(table.id_column()))?;
        let height = ids.len();
        let mut answer = vec![ids];
        let columns: Vec<Reading<'_>> = columns.collect();
        self.decode(&columns)?;
        for reading in columns {
            let column = self.values(table.name(), &reading)?;
            answer.push(found.gather(&column)?);
        }
        DataFrame::new(height, answer).map_err(Error::frame("build the answer"))
    }

    /// Decodes the columns that are still in their file, several at a time.
    fn decode(&self, columns: &[Reading<'_>]) -> Result<()> {
        let whole = columns.iter().filter(|reading| reading.paths.is_empty());
        let waiting: Vec<&StoredColumn> =
            whole.filter_map(|reading| self.column(reading.name)).filter(|column| column.is_waiting()).collect();
        if waiting.len() < 2 {
            return Ok(());
        }
        waiting.par_iter().try_for_each(|column| column.values().map(drop))
    }

    fn values(&self, table: &TableName, reading: &Reading<'_>) -> Result<Column> {
        let column = match self.column(reading.name) {
            Some(column) if reading.paths.is_empty() => column.values()?,
            Some(column) => column.values_at(&reading.paths)?,
            None => self.never_fetched(reading.name),
        };
        match reading.default {
            Some(default) => self.with_default(table, &column, default),
            None => Ok(column),
        }
    }

    fn never_fetched(&self, name: &str) -> Column {
        Column::full_null(name.into(), self.ids.len(), &DataType::Null)
    }

    /// The column with the default in the rows that lack it.
    fn with_default(&self, table: &TableName, column: &Column, default: DefaultCell) -> Result<Column> {
        if self.presence.of_all().is_some_and(|columns| columns.contains(column.name().as_str())) {
            return Ok(column.clone());
        }
        let fetched = self.presence.has(column.name());
        let default = default().map_err(Error::frame("make a default"))?.into_column();
        let (mut both, default) = merge::reconcile(table, column, &default)?;
        both.append(&default).map_err(Error::frame("fill in a default"))?;
        let default_row = self.ids.len();
        let rows = (0..default_row).map(|row| row_number(if fetched(row) { row } else { default_row }));
        let rows = IdxCa::from_vec(PlSmallStr::EMPTY, rows.collect());
        both.take(&rows).map_err(Error::frame("fill in a default"))
    }
}

/// The rows that answer a request.
enum Found {
    /// Every row of the table: nothing needs to be copied.
    All,
    Rows(IdxCa),
}

impl Found {
    fn of(positions: Positions, rows: usize) -> Self {
        let found: Vec<IdxSize> = positions.into_iter().flatten().collect();
        if found.len() == rows { Self::All } else { Self::Rows(IdxCa::from_vec(PlSmallStr::EMPTY, found)) }
    }

    fn gather(&self, column: &Column) -> Result<Column> {
        match self {
            Self::All => Ok(column.clone()),
            Self::Rows(rows) => column.take(rows).map_err(Error::frame("gather rows")),
        }
    }
}
