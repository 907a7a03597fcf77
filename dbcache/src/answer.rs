//! From the stored columns to those that were asked for: paths extracted, types as the caller declares them.

#[cfg(feature = "tokio")]
mod asynchronous;
mod frames;
#[cfg(feature = "lazy")]
mod scan;

use std::sync::Arc;

use polars::prelude::*;

use crate::column::ColumnRef;
use crate::convert::{convert, culprit, is_readable};
use crate::documents;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::fetch::BatchSource;
use crate::json_path::{Extraction, PathError, Strictness, extract};
use crate::key::IdSet;
use crate::nesting::Nesting;
use crate::read_through::{
    self, Answer, FetchMode, Options, PinnedType, ProjectedPart, Projection, Request, Shared, WarmOutcome,
};
use crate::record::{CellError, CellFault, ColumnSchema, Schema};
use crate::storage::{ColumnSet, LookUp, StoredColumn, Table, innermost};

#[cfg(feature = "tokio")]
pub(crate) use self::asynchronous::frames as frames_async;
pub(crate) use self::frames::FetchedFrames;

/// One column of an answer, with its type where the caller declares one.
#[derive(Clone, Debug)]
pub(crate) enum Wanted {
    /// In whatever type it is stored or found.
    AsFound(ColumnRef),
    /// In the type that the caller pins, as far as the values fit; a row needs these keys of it.
    Pinned {
        column: ColumnRef,
        data_type: DataType,
        keys: Vec<Vec<String>>,
    },
    Declared(ColumnSchema),
}

impl Wanted {
    pub(crate) fn column(&self) -> &ColumnRef {
        match self {
            Self::AsFound(column) | Self::Pinned { column, .. } => column,
            Self::Declared(schema) => schema.column(),
        }
    }

    /// The paths to the keys that the caller knows of, from the column's own path on.
    fn keys(&self) -> Vec<Vec<String>> {
        match self {
            Self::AsFound(_) => vec![Vec::new()],
            Self::Pinned { keys, .. } => keys.clone(),
            Self::Declared(schema) => innermost(schema.data_type()),
        }
    }

    fn part(&self) -> ProjectedPart<'_> {
        let is_text = self.data_type().is_some_and(DataType::is_string);
        ProjectedPart { column: self.column(), keys: self.keys(), is_text }
    }

    fn data_type(&self) -> Option<&DataType> {
        match self {
            Self::AsFound(_) => None,
            Self::Pinned { data_type, .. } => Some(data_type),
            Self::Declared(schema) => Some(schema.data_type()),
        }
    }

    /// The type that is pinned for a whole column.
    fn pin(&self) -> Option<PinnedType> {
        match self {
            Self::Pinned { column, data_type, .. } if column.path().is_empty() => {
                Some((column.column().to_owned(), data_type.clone()))
            }
            _ => None,
        }
    }

    /// Whether a stored column is this one as it is.
    fn is(&self, stored: &Column, documents: &ColumnSet) -> bool {
        let column = self.column();
        let is_as_stored = match self {
            Self::AsFound(_) => !documents.contains(column.column()),
            Self::Pinned { .. } => false,
            Self::Declared(schema) => schema.data_type() == stored.dtype(),
        };
        is_as_stored && column.path().is_empty() && stored.name() == column.column()
    }

    /// The same column in another type.
    fn pinned(&self, data_type: DataType) -> Self {
        Self::Pinned { column: self.column().clone(), data_type, keys: self.keys() }
    }

    /// Whether the values are read out of the stored ones, not taken as they are.
    fn is_extracted(&self) -> bool {
        matches!(self, Self::Pinned { .. }) || !self.column().path().is_empty()
    }
}

/// The names of these columns in an answer. Where the name of one is also the text of another, as `a.b` is that of a
/// column and of a path, it goes by its own text, `"a.b"`: no two columns have the same text.
fn labels(wanted: &[Wanted]) -> Vec<PlSmallStr> {
    let label = |wanted: &Wanted| wanted.column().label();
    if !wanted.iter().any(|wanted| wanted.column().is_quoted()) {
        return wanted.iter().map(label).collect();
    }
    let mut uses: PlHashMap<PlSmallStr, usize> = PlHashMap::new();
    for column in wanted.iter().map(Wanted::column) {
        let texts = column.is_quoted().then(|| column.text());
        texts.into_iter().chain([column.label()]).for_each(|name| *uses.entry(name).or_default() += 1);
    }
    let is_unique = |label: &PlSmallStr| uses.get(label) == Some(&1);
    wanted
        .iter()
        .map(|wanted| Some(label(wanted)).filter(is_unique).unwrap_or_else(|| wanted.column().text()))
        .collect()
}

/// The same columns, each once.
pub(crate) fn distinct(wanted: impl IntoIterator<Item = Wanted>) -> Vec<Wanted> {
    let mut seen = PlHashSet::new();
    wanted.into_iter().filter(|wanted| seen.insert(wanted.column().clone())).collect()
}

/// What a query asks of a table, whatever the ids; clones share what is worked out once.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// Columns and paths, each once.
    wanted: Arc<[Wanted]>,
    /// What each of them is called in the answer.
    labels: Arc<[PlSmallStr]>,
    projection: Arc<Projection>,
    /// The type of the id column of the answer, where the caller declares one.
    id_type: Option<&'static DataType>,
    pub(crate) fetch_mode: FetchMode,
    strictness: Strictness,
    pub(crate) options: Options,
    shared: Arc<Shared>,
}

impl Question {
    /// A question as the cache's settings have it, to a table of a record type where there is one.
    pub(crate) fn new(
        table: &Arc<Table>,
        wanted: Vec<Wanted>,
        engine: &Engine,
        record: Option<&'static Schema>,
    ) -> Self {
        let declared = record.map_or(&[] as &[_], Schema::columns);
        Self {
            projection: Arc::new(projection(table, &wanted, declared)),
            labels: labels(&wanted).into(),
            wanted: wanted.into(),
            id_type: record.map(|record| record.id().data_type()),
            fetch_mode: engine.fetch_mode,
            strictness: engine.strictness,
            options: engine.options.clone(),
            shared: Arc::clone(&engine.shared),
        }
    }

    /// The same question for other columns and paths.
    fn of(&self, wanted: Vec<Wanted>) -> Self {
        let projection = Arc::new(projection(self.table(), &wanted, self.projection.declared));
        Self { labels: labels(&wanted).into(), wanted: wanted.into(), projection, ..self.clone() }
    }

    pub(crate) fn table(&self) -> &Arc<Table> {
        &self.projection.table
    }

    /// The same question, with the type of one of the wanted columns pinned.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnName`] for a column that is not wanted, or a malformed name.
    pub(crate) fn pinned(&self, name: &str, data_type: DataType) -> Result<Self> {
        let column: ColumnRef = name.parse()?;
        let refused = |reason: &str| Error::ColumnName { name: name.to_owned(), reason: reason.to_owned() };
        if column.path().is_empty() && column.column() == self.table().id_column() {
            return Err(refused("the ids have the type of the keys that are asked for"));
        }
        let mut wanted = self.wanted.to_vec();
        let one = wanted.iter_mut().find(|wanted| *wanted.column() == column);
        let one = one.ok_or_else(|| refused("a type is pinned for it, and the query does not select it"))?;
        *one = one.pinned(data_type);
        Ok(self.of(wanted))
    }

    /// Answers, fetching what is needed. The frame has the id column first, then the wanted columns in their order.
    pub(crate) fn fetched(&self, ids: IdSet, source: &dyn BatchSource) -> Result<Answer> {
        self.finish(read_through::run(self.request(ids)?, source)?)
    }

    /// Fetches what is needed, and answers nothing.
    pub(crate) fn warmed(&self, ids: IdSet, source: &dyn BatchSource) -> Result<WarmOutcome> {
        read_through::warm(self.request(ids)?, source)
    }

    /// Answers from what is cached.
    pub(crate) fn cached(&self, ids: IdSet) -> Result<Answer> {
        let request = self.request(ids)?;
        self.finish(read_through::cached(&request)?)
    }

    pub(crate) fn look_up(&self, ids: &Arc<IdSet>) -> Result<LookUp> {
        self.request(Arc::clone(ids))?.look_up()
    }

    /// Whether each of the ids would be fetched.
    fn to_fetch(&self, ids: &Arc<IdSet>) -> Result<Vec<bool>> {
        Ok(match self.fetch_mode {
            FetchMode::Needed => self.request(Arc::clone(ids))?.coverage()?.non_hits()?,
            FetchMode::Refresh => vec![true; ids.len()],
            FetchMode::Offline => vec![false; ids.len()],
        })
    }

    fn request(&self, ids: impl Into<Arc<IdSet>>) -> Result<Request> {
        if self.wanted.is_empty() {
            return Err(Error::NoColumns { table: self.table().name().to_string() });
        }
        Ok(Request {
            projection: Arc::clone(&self.projection),
            ids: ids.into(),
            fetch_mode: self.fetch_mode,
            options: self.options.clone(),
            shared: Arc::clone(&self.shared),
            nesting: Nesting::current(),
        })
    }

    fn finish(&self, found: Answer) -> Result<Answer> {
        if self.is_finished(&found) {
            return Ok(found);
        }
        let Answer { frame, ids, not_found, documents } = found;
        let id_column = base(&frame, self.table().id_column())?;
        let id_type = self.id_type.unwrap_or(id_column.dtype());
        let mut columns = vec![convert(id_column, id_type).map_err(|cause| self.cell_error(cause, &ids))?];
        columns.extend(self.answer_columns(&frame, &ids, &documents)?);
        let columns = columns.into_iter().map(IntoColumn::into_column).collect();
        let frame = DataFrame::new(frame.height(), columns).map_err(Error::frame("build the answer"))?;
        Ok(Answer { frame, ids, not_found, documents })
    }

    /// Whether the columns are what is wanted as they were stored, as those of most answers are.
    fn is_finished(&self, Answer { frame, documents, .. }: &Answer) -> bool {
        let Some((ids, columns)) = frame.columns().split_first() else { return false };
        let mut wanted = self.answered();
        let is_wanted = |column: &Column| {
            wanted.next().is_some_and(|(wanted, label)| column.name() == label && wanted.is(column, documents))
        };
        let are_wanted = columns.iter().all(is_wanted);
        are_wanted && wanted.next().is_none() && self.id_type.is_none_or(|id_type| ids.dtype() == id_type)
    }

    /// The wanted columns, named as they were asked; all paths of one column are extracted in one pass.
    fn answer_columns(&self, frame: &DataFrame, ids: &IdSet, documents: &ColumnSet) -> Result<Vec<Series>> {
        let mut of_columns: PlIndexMap<&str, Vec<&Wanted>> = PlIndexMap::default();
        for (wanted, _) in self.answered().filter(|(wanted, _)| wanted.is_extracted()) {
            of_columns.entry(wanted.column().column()).or_default().push(wanted);
        }
        let mut extracted: PlHashMap<&str, std::vec::IntoIter<Series>> = PlHashMap::new();
        for (name, wanted) in of_columns {
            extracted.insert(name, self.extract(base(frame, name)?, &wanted, ids)?.into_iter());
        }
        let mut columns = Vec::new();
        for (wanted, label) in self.answered() {
            let name = wanted.column().column();
            let values = if wanted.is_extracted() {
                let values = extracted.get_mut(name).and_then(Iterator::next);
                values.ok_or(Error::Internal { invariant: "each path that is extracted gives a column" })?
            } else {
                whole(base(frame, name)?, wanted, documents)
            };
            columns.push(named(self.declared_type(values, wanted, ids)?, label));
        }
        Ok(columns)
    }

    /// The columns of the answer behind the id column, with their names.
    fn answered(&self) -> impl Iterator<Item = (&Wanted, &PlSmallStr)> {
        self.wanted.iter().zip(self.labels.iter()).filter(|(wanted, _)| self.is_answered(wanted))
    }

    /// The id column stands first already.
    fn is_answered(&self, wanted: &Wanted) -> bool {
        !wanted.column().path().is_empty() || wanted.column().column() != self.table().id_column()
    }

    /// All that is wanted out of one column, in its order.
    fn extract(&self, column: &Series, wanted: &[&Wanted], ids: &IdSet) -> Result<Vec<Series>> {
        let paths: Vec<Extraction<'_>> = wanted
            .iter()
            .map(|wanted| Extraction { path: wanted.column().path(), pinned: wanted.data_type() })
            .collect();
        extract(column, &paths, self.strictness).map_err(|PathError { row, path, reason }| match wanted.get(path) {
            None => Error::Internal { invariant: "a path that fails is one of those that are followed" },
            Some(wanted) => {
                let column = wanted.column().label().to_string();
                self.cell_error(CellError { column, row, fault: CellFault::Value(reason) }, ids)
            }
        })
    }

    fn declared_type(&self, values: Series, wanted: &Wanted, ids: &IdSet) -> Result<Series> {
        let Wanted::Declared(schema) = wanted else { return Ok(values) };
        let data_type = schema.data_type();
        let converted = match (values.dtype(), schema.parse_json()) {
            (found, _) if found == data_type => Ok(values),
            (DataType::String, Some(parse)) => parse(values.str().map_err(Error::frame("read a text column"))?),
            (found, _) if is_readable(found, data_type) => convert(&values, data_type),
            (found, _) => return Err(type_conflict(self.table(), schema, found)),
        };
        let name = schema.column().label().to_string();
        converted.map_err(|cause| self.cell_error(CellError { column: name, ..cause }, ids))
    }

    /// Says which table, column and id a cell belongs to.
    pub(crate) fn cell_error(&self, cause: CellError, ids: &IdSet) -> Error {
        let table = self.table().name().to_string();
        let CellError { column, row, fault } = cause;
        let Some(id) = ids.get(row) else { return Error::Internal { invariant: "each row of an answer has an id" } };
        match fault {
            CellFault::Null => Error::UnexpectedNull { table, column, id },
            CellFault::Value(reason) => Error::Value { table, column, id, reason },
        }
    }
}

/// What all requests for these columns want: of a declared column all the keys that are declared.
fn projection(table: &Arc<Table>, wanted: &[Wanted], declared: &'static [ColumnSchema]) -> Projection {
    let projection = Projection::new(table, wanted.iter().map(Wanted::part), declared);
    Projection { pins: wanted.iter().filter_map(Wanted::pin).collect(), ..projection }
}

/// A stored column as an answer gives it: documents as structs or lists where they agree.
pub(crate) fn presented(column: &Series, marked: &ColumnSet) -> Series {
    let text = if marked.contains(column.name().as_str()) { column.str().ok() } else { None };
    text.map_or_else(|| column.clone(), documents::presented)
}

/// The column under that name; most have it already.
fn named(column: Series, name: &PlSmallStr) -> Series {
    if column.name() == name { column } else { column.with_name(name.clone()) }
}

/// A whole column; one of documents is structured, unless the caller declares what it is.
fn whole(column: &Series, wanted: &Wanted, documents: &ColumnSet) -> Series {
    match wanted {
        Wanted::AsFound(_) => presented(column, documents),
        Wanted::Pinned { .. } | Wanted::Declared(_) => column.clone(),
    }
}

fn base<'f>(frame: &'f DataFrame, name: &str) -> Result<&'f Series> {
    frame.column(name).map(Column::as_materialized_series).map_err(Error::frame("find a column of the answer"))
}

/// Whether every column that is stored can be read as the record declares it.
pub(crate) fn check_types(table: &Table, declared: &[ColumnSchema]) -> Result<()> {
    let stored = table.snapshot()?;
    for schema in declared {
        let found = stored.column(schema.column().column()).map(StoredColumn::data_type);
        let parses = schema.parse_json().is_some();
        match found {
            Some(DataType::String) if parses => {}
            Some(found) if !is_readable(found, schema.data_type()) => return Err(type_conflict(table, schema, found)),
            _ => {}
        }
    }
    Ok(())
}

fn type_conflict(table: &Table, schema: &ColumnSchema, stored: &DataType) -> Error {
    let (column, stored, wanted) = culprit(&schema.column().label(), stored, schema.data_type());
    Error::TypeConflict { table: table.name().to_string(), column, stored, wanted }
}
