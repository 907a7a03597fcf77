//! The rows of one table as they were at one moment: looked up, read, never changed.

#[cfg(feature = "lazy")]
mod parts;

use std::sync::Arc;

use polars::prelude::*;
use rayon::prelude::*;

use super::located::{Located, Part};
use super::segment::Segment;
use crate::convert::convert;
use crate::data_type::widen;
use crate::error::{Error, Result};
use crate::key::{IdSet, Indices, row_number, set_at, shared_column};
use crate::name::TableName;
use crate::record::DefaultCell;
use crate::storage::file::{RowFile, UnreadableColumn, Way};
use crate::storage::rows::{ColumnSet, LOST, Need, Presence, PresenceBuilder, Rows, SetOfRows, merge};

#[cfg(feature = "lazy")]
pub(crate) use self::parts::Parts;

/// Columns of fewer rows are read one after the other: another thread would not be worth waking.
const ROWS_WORTH_THREADS: usize = 64;
/// The same of columns that are in memory.
const ROWS_IN_MEMORY_WORTH_THREADS: usize = 8192;

/// The segments of a table, of which the newest that has a row has its valid version.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// The oldest first; the base, where there is one, before all others.
    pub(in crate::storage) segments: Vec<Arc<Segment>>,
    columns: Vec<StoredColumn>,
    /// The place of each column among `columns`.
    places: PlHashMap<PlSmallStr, usize>,
    documents: ColumnSet,
    presence: Presence,
    /// No ids, in the variant that holds the ids of all segments.
    variant: IdSet,
    table: TableName,
}

/// One column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredColumn {
    name: PlSmallStr,
    data_type: DataType,
}

impl StoredColumn {
    pub(crate) fn name(&self) -> &PlSmallStr {
        &self.name
    }

    pub(crate) fn data_type(&self) -> &DataType {
        &self.data_type
    }
}

/// What to read of one column.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) name: PlSmallStr,
    /// The paths in the column that are wanted, where it is not wanted whole.
    pub(crate) paths: Vec<Vec<String>>,
    /// What rows have that lack the column; null where this is `None`.
    pub(crate) default: Option<DefaultCell>,
}

impl Reading {
    pub(crate) fn whole(name: &PlSmallStr) -> Self {
        Self { name: name.clone(), paths: Vec::new(), default: None }
    }

    /// Whether it is read whole, and null where it is not there.
    fn is_plain(&self) -> bool {
        self.paths.is_empty() && self.default.is_none()
    }
}

/// How the wanted ids of a request stand in a snapshot. All places are those in the wanted ids.
#[derive(Debug, Default)]
pub(crate) struct LookUp {
    pub(crate) hits: Indices,
    pub(crate) incomplete: Indices,
    pub(crate) missing: Indices,
    /// Where the rows of the hits are.
    pub(in crate::storage) rows: Located,
}

impl LookUp {
    /// The ids that a request has to fetch.
    pub(crate) fn not_hits(&self) -> Indices {
        self.hits.complement(self.hits.len() + self.incomplete.len() + self.missing.len())
    }
}

impl Snapshot {
    /// The rows of these segments, the oldest first.
    ///
    /// # Errors
    ///
    /// [`Error::TypeConflict`] where the types of a column, or of the ids, have nothing in common.
    pub(in crate::storage) fn new(table: &TableName, segments: Vec<Arc<Segment>>) -> Result<Self> {
        let (mut columns, mut places): (Vec<StoredColumn>, PlHashMap<PlSmallStr, usize>) = Default::default();
        for (name, data_type) in segments.iter().flat_map(|segment| segment.columns()) {
            match places.get(name).and_then(|place| columns.get_mut(*place)) {
                None => {
                    places.insert(name.clone(), columns.len());
                    columns.push(StoredColumn { name: name.clone(), data_type: data_type.clone() });
                }
                Some(known) => known.data_type = joined_type(table, known, data_type)?,
            }
        }
        let documents = columns.iter().filter(|column| are_documents(&segments, column));
        let documents = documents.map(|column| column.name.to_string()).collect();
        let sets = segments.iter().flat_map(|segment| segment.sets()).filter(|set| set.rows > 0);
        let presence = Presence::of_sets(sets.map(|set| &set.columns));
        let variant = variant(table, &segments)?;
        Ok(Self { segments, columns, places, documents, presence, variant, table: table.clone() })
    }

    /// Whether the system counts a file of it as open.
    pub(in crate::storage) fn is_open(&self) -> bool {
        self.segments.iter().any(|segment| segment.file().is_some_and(RowFile::is_open))
    }

    /// No ids, in the variant of the ids that are stored.
    pub(in crate::storage) fn no_ids(&self) -> IdSet {
        self.variant.clone()
    }

    pub(in crate::storage) fn table(&self) -> &TableName {
        &self.table
    }

    /// All columns but the id column, in the order in which they came.
    pub(crate) fn columns(&self) -> &[StoredColumn] {
        &self.columns
    }

    pub(crate) fn column(&self, name: &str) -> Option<&StoredColumn> {
        self.columns.get(*self.places.get(name)?)
    }

    /// The text columns that hold nothing but objects and arrays, which an answer gives structured.
    pub(crate) fn documents(&self) -> &ColumnSet {
        &self.documents
    }

    /// The column sets that rows have.
    pub(crate) fn presence(&self) -> &Presence {
        &self.presence
    }

    pub(crate) fn id_type(&self) -> DataType {
        self.variant.data_type()
    }

    /// Finds each wanted id, and whether its row has all that is needed.
    ///
    /// # Errors
    ///
    /// [`Error::UnreadableColumn`], or [`Error::Damaged`] where a file turns out not to be what was written, as in all
    /// functions that read.
    pub(crate) fn look_up(&self, wanted: &IdSet, needs: &[Need]) -> Result<LookUp> {
        let (found, missing) = self.locate(wanted)?;
        let (hits, incomplete, missing) = match self.judged(&found, needs)? {
            None => (missing.complement(wanted.len()), Indices::default(), missing),
            Some(mut states) => {
                for place in missing.iter() {
                    set_at(&mut states, place, State::Missing)?;
                }
                let of = |wanted| {
                    let states = states.iter().enumerate().filter(move |(_, state)| **state == wanted);
                    states.map(|(place, _)| place).collect::<Indices>()
                };
                (of(State::Hit), of(State::Incomplete), of(State::Missing))
            }
        };
        let rows = if hits.len() == found.len() { found } else { found.select(&hits)? };
        Ok(LookUp { hits, incomplete, missing, rows })
    }

    /// Whether a column has times in nanoseconds, and all of them are known to be whole microseconds.
    pub(in crate::storage) fn is_whole_microseconds(&self, column: &StoredColumn) -> bool {
        let is_in_nanoseconds =
            matches!(column.data_type, DataType::Time | DataType::Datetime(TimeUnit::Nanoseconds, _));
        is_in_nanoseconds && self.segments.iter().all(|segment| segment.is_whole_microseconds(&column.name))
    }

    /// The columns that another program's file has, and that cannot be read.
    pub(crate) fn unreadable(&self) -> impl Iterator<Item = &UnreadableColumn> {
        self.segments.iter().flat_map(|segment| segment.unreadable())
    }

    /// Whether the base is another program's file that stays as it is.
    pub(in crate::storage) fn keeps_base(&self) -> bool {
        self.segments.first().is_some_and(|base| base.is_kept())
    }

    /// The last commit that forgot rows or columns; 0 where none did.
    pub(in crate::storage) fn forgot(&self) -> u64 {
        self.segments.iter().map(|segment| segment.forgot()).max().unwrap_or(0)
    }

    fn refuse_unreadable(&self, needs: &[Need]) -> Result<()> {
        let refusal = |need: &Need| self.segments.iter().find_map(|segment| segment.refusal(&self.table, &need.column));
        needs.iter().find_map(refusal).map_or(Ok(()), Err)
    }

    /// Whether each of some rows has all that is needed; `None` where all have.
    fn judged(&self, rows: &Located, needs: &[Need]) -> Result<Option<Vec<State>>> {
        self.refuse_unreadable(needs)?;
        let mut states = None;
        for part in rows.parts() {
            let segment = self.segment(part)?;
            let of_set = |set: &SetOfRows| self.state_of(&set.columns, needs);
            let mut used = segment.sets().iter().filter(|set| set.rows > 0);
            if used.all(|set| of_set(set) == State::Hit) {
                continue;
            }
            let of_sets: Vec<State> = segment.sets().iter().map(of_set).collect();
            let codes = segment.codes(&part.rows, Way::ThroughMemory)?;
            let states = states.get_or_insert_with(|| vec![State::Hit; rows.len()]);
            for (code, place) in codes.into_iter().zip(part.places.iter()) {
                set_at(states, place, of_sets.get(code).copied().ok_or_else(no_set)?)?;
            }
        }
        Ok(states)
    }

    /// Where the wanted ids are, each row at its id's place, and the places of those that are nowhere.
    fn locate(&self, wanted: &IdSet) -> Result<(Located, Indices)> {
        let mut parts = Vec::new();
        let mut pending = Indices::all(wanted.len());
        for (number, segment) in self.segments.iter().enumerate().rev() {
            if pending.is_empty() {
                break;
            }
            let found = if pending.len() == wanted.len() {
                segment.locate(wanted)?
            } else {
                segment.locate(&wanted.select_as_is(pending.iter())?)?
            };
            let rest = found.indices.complement(pending.len());
            parts.push(Part { segment: number, rows: found.rows, places: pending.gather(found.indices)? });
            pending = pending.gather(rest)?;
            if segment.hides_older() {
                break;
            }
        }
        // Indices are counted among the wanted ids, found or not.
        let mut located = Located::new(parts);
        located.set_rows(wanted.len());
        Ok((located, pending))
    }

    /// The segment that a part of some rows is in.
    pub(in crate::storage) fn segment(&self, part: &Part) -> Result<&Segment> {
        let segment = self.segments.get(part.segment).map(AsRef::as_ref);
        segment.ok_or(Error::Internal { invariant: "rows are located in segments of their snapshot" })
    }

    fn state_of(&self, columns: &ColumnSet, needs: &[Need]) -> State {
        if columns.contains(LOST) {
            return State::Missing;
        }
        let is_complete = needs.iter().all(|need| !self.presence.lacks(columns, need));
        if is_complete { State::Hit } else { State::Incomplete }
    }

    /// The column sets that some rows have.
    pub(crate) fn column_sets(&self, ids: &IdSet) -> Result<Vec<ColumnSet>> {
        let (found, _) = self.locate(ids)?;
        let mut sets = ColumnSets::new();
        for part in found.parts() {
            let segment = self.segment(part)?;
            for code in segment.codes(&part.rows, Way::ThroughMemory)? {
                sets.insert(segment.sets().get(code).ok_or_else(no_set)?.columns.clone());
            }
        }
        Ok(sets.into_iter().collect())
    }

    /// The rows that were found for these ids, which are the hits: the id column, then `columns`.
    ///
    /// A row that lacks a column has its default there, or null.
    pub(crate) fn read(
        &self,
        id_column: &str,
        ids: &Arc<IdSet>,
        found: &LookUp,
        columns: &[Reading],
    ) -> Result<DataFrame> {
        let read = |reading: &Reading| self.values(reading, &found.rows, Way::ThroughMemory);
        let mut answer = Vec::with_capacity(columns.len() + 1);
        answer.push(self.id_values(id_column, ids)?);
        if let Some(cells) = self.cells(columns, &found.rows)? {
            answer.extend(cells);
        } else if self.are_worth_threads(columns, &found.rows) {
            answer.extend(columns.par_iter().map(read).collect::<Result<Vec<Column>>>()?);
        } else {
            for column in columns {
                answer.push(read(column)?);
            }
        }
        DataFrame::new(ids.len(), answer).map_err(Error::frame("build the answer"))
    }

    /// The columns of a single row, if they are in memory as they are wanted.
    fn cells(&self, columns: &[Reading], rows: &Located) -> Result<Option<Vec<Column>>> {
        let [Part { segment, rows, .. }] = rows.parts() else { return Ok(None) };
        let (Some(segment), [row]) = (self.segments.get(*segment), rows.as_slice()) else { return Ok(None) };
        let is_as_stored = |reading: &Reading| {
            let stored = self.column(&reading.name).map(StoredColumn::data_type);
            reading.is_plain() && stored.is_some() && stored == segment.data_type(&reading.name)
        };
        match segment.file() {
            Some(file) if columns.iter().all(is_as_stored) => {
                file.cells(columns.iter().map(|column| &column.name), *row)
            }
            _ => Ok(None),
        }
    }

    fn are_worth_threads(&self, columns: &[Reading], rows: &Located) -> bool {
        let is_in_memory = |column: &Reading| {
            let mut parts =
                rows.parts().iter().filter_map(|part| self.segments.get(part.segment).zip(part.rows.first()));
            parts.all(|(segment, row)| segment.is_in_memory(&column.name, *row))
        };
        let are_enough = rows.len() >= ROWS_IN_MEMORY_WORTH_THREADS
            || rows.len() >= ROWS_WORTH_THREADS && !columns.iter().all(is_in_memory);
        columns.len() > 1 && are_enough
    }

    /// All ids, and where their rows are; but not those of rows that were lost with a damaged file.
    pub(crate) fn all(&self) -> Result<(IdSet, LookUp)> {
        let (mut ids, mut rows) = self.all_located()?;
        if self.presence.sets().iter().any(|set| set.contains(LOST)) {
            let is_whole = self.rows_whose(&rows, |set| !set.contains(LOST))?;
            let whole: Indices = (0..ids.len()).filter(|row| is_whole.get(*row) == Some(&true)).collect();
            (ids, rows) = (ids.select_as_is(whole.iter())?, rows.select(&whole)?);
        }
        Ok((ids, LookUp { hits: Indices::all(rows.len()), rows, ..LookUp::default() }))
    }

    pub(in crate::storage) fn all_located(&self) -> Result<(IdSet, Located)> {
        self.overlaid(&self.visible(), |_, segment| self.ids_of(segment))
    }

    /// The segments that have rows which count, the newest first, each with its place.
    pub(in crate::storage) fn visible(&self) -> Vec<(usize, &Segment)> {
        let mut visible = Vec::new();
        for (number, segment) in self.segments.iter().enumerate().rev() {
            visible.push((number, segment.as_ref()));
            if segment.hides_older() {
                break;
            }
        }
        visible
    }

    /// The ids that are taken of some segments, the newest first, and where their rows are among these.
    pub(in crate::storage) fn overlaid(
        &self,
        segments: &[(usize, &Segment)],
        ids_of: impl Fn(usize, &Segment) -> Result<IdSet>,
    ) -> Result<(IdSet, Located)> {
        let Some(((number, newest), older)) = segments.split_first() else {
            return Ok((self.variant.clone(), Located::default()));
        };
        let mut ids = ids_of(*number, newest)?;
        let mut rows = Located::all_of(*number, ids.len());
        for (number, older) in older {
            let (all, origins) = ids.merged(&ids_of(*number, older)?)?;
            rows = rows.beside(*number, &origins)?;
            ids = all;
        }
        Ok((ids, rows))
    }

    /// The column sets, and how many rows have each; rows of which nothing is left but the id aside.
    pub(crate) fn rows_of_sets(&self) -> Result<Vec<(ColumnSet, usize)>> {
        let sets = match self.segments.as_slice() {
            [segment] => segment.sets().to_vec(),
            _ => self.presence_of(&self.all_located()?.1)?.sets_of_rows()?,
        };
        let sets = sets.into_iter().filter(|set| !set.columns.contains(LOST));
        let too_many = |_| Error::Internal { invariant: "a file has no more rows than can be counted" };
        sets.map(|set| Ok((set.columns, usize::try_from(set.rows).map_err(too_many)?))).collect()
    }

    fn ids_of(&self, segment: &Segment) -> Result<IdSet> {
        Ok(self.in_variant(segment.ids()?))
    }

    /// Ids of a segment in the variant that holds those of all.
    pub(in crate::storage) fn in_variant(&self, ids: IdSet) -> IdSet {
        ids.in_variant_of(&self.variant).map_or(ids, |(ids, _)| ids)
    }

    fn id_values(&self, id_column: &str, ids: &Arc<IdSet>) -> Result<Column> {
        let column = shared_column(ids, id_column);
        let id_type = self.id_type();
        if ids.is_text() || *column.dtype() == id_type || id_type.is_string() {
            return Ok(column);
        }
        column.cast(&id_type).map_err(Error::frame("convert ids"))
    }

    /// A column of some rows, in the table's type.
    fn values(&self, reading: &Reading, rows: &Located, way: Way) -> Result<Column> {
        let column = match self.column(&reading.name) {
            Some(column) => self.joined(column, &reading.paths, rows, way)?,
            None => Column::full_null(reading.name.clone(), rows.len(), &DataType::Null),
        };
        match reading.default {
            Some(default) => self.with_default(&column, default, rows),
            None => Ok(column),
        }
    }

    fn joined(&self, column: &StoredColumn, paths: &[Vec<String>], rows: &Located, way: Way) -> Result<Column> {
        let read = |paths| {
            let parts = rows.parts().iter().map(move |part| self.part(column, paths, part, way));
            parts.collect::<Result<Vec<Column>>>()
        };
        match rows.parts() {
            [] => Ok(Column::new_empty(column.name.clone(), &column.data_type)),
            [part] => self.part(column, paths, part, way),
            _ => {
                let mut parts = read(paths)?;
                if parts.iter().any(|part| part.dtype() != parts.first().map_or(&DataType::Null, Column::dtype)) {
                    // Files have other fields at the paths: parts can be joined only if all of them are whole.
                    parts = read(&[])?;
                }
                rows.in_order(parts)
            }
        }
    }

    /// A column of the rows of one segment, or what lies at these paths in it.
    fn part(&self, column: &StoredColumn, paths: &[Vec<String>], part: &Part, way: Way) -> Result<Column> {
        let segment = self.segment(part)?;
        if segment.data_type(&column.name).is_none() {
            return Ok(Column::full_null(column.name.clone(), part.rows.len(), &column.data_type));
        }
        let values = segment.take(&column.name, paths, &part.rows, way)?;
        if paths.is_empty() { in_type(&self.table, values, &column.data_type) } else { Ok(values) }
    }

    /// The column with the default in the rows that lack it.
    fn with_default(&self, column: &Column, default: DefaultCell, rows: &Located) -> Result<Column> {
        if self.presence.sets().iter().all(|set| set.contains(column.name().as_str())) {
            return Ok(column.clone());
        }
        let fetched = self.fetched(column.name(), rows)?;
        let default = default().map_err(Error::frame("make a default"))?.into_column();
        let (mut both, default) = merge::reconcile(&self.table, column, &default)?;
        both.append(&default).map_err(Error::frame("fill in a default"))?;
        let default_row = column.len();
        let rows = fetched.iter().enumerate().map(|(row, fetched)| if *fetched { row } else { default_row });
        let rows = IdxCa::from_vec(PlSmallStr::EMPTY, rows.map(row_number).collect());
        both.take(&rows).map_err(Error::frame("fill in a default"))
    }

    /// Whether each row has a column.
    fn fetched(&self, column: &str, rows: &Located) -> Result<Vec<bool>> {
        self.rows_whose(rows, |set| set.contains(column))
    }

    /// Whether each row's columns pass a test.
    fn rows_whose(&self, rows: &Located, test: impl Fn(&ColumnSet) -> bool) -> Result<Vec<bool>> {
        let mut passed = Vec::new();
        for part in rows.parts() {
            let segment = self.segment(part)?;
            let of_sets: Vec<bool> = segment.sets().iter().map(|set| test(&set.columns)).collect();
            let codes = segment.codes(&part.rows, Way::ThroughMemory)?;
            let of_rows = codes.into_iter().map(|code| of_sets.get(code).copied().ok_or_else(no_set));
            passed.push(of_rows.collect::<Result<Vec<bool>>>()?);
        }
        rows.values_in_order(&passed)
    }

    /// Some rows with all that is known of them, but only these columns' values.
    pub(in crate::storage) fn rows(&self, ids: IdSet, rows: &Located, columns: &[&StoredColumn]) -> Result<Rows> {
        let columns: Result<Vec<Column>> = columns.par_iter().map(|column| self.value_of(rows, column)).collect();
        let presence = self.presence_of(rows)?;
        let rows = Rows::new(ids, columns?, presence);
        Ok(rows.with_documents(self.documents.clone()))
    }

    /// A column of some rows, past the memory tier.
    pub(in crate::storage) fn value_of(&self, rows: &Located, column: &StoredColumn) -> Result<Column> {
        self.joined(column, &[], rows, Way::Past)
    }

    /// Which columns were fetched for each of some rows.
    pub(in crate::storage) fn presence_of(&self, rows: &Located) -> Result<Presence> {
        let mut sets = PresenceBuilder::default();
        let mut codes = Vec::new();
        for part in rows.parts() {
            let segment = self.segment(part)?;
            let renamed = segment.sets().iter().map(|set| sets.code(set.columns.clone()));
            let renamed = renamed.collect::<Result<Vec<u32>>>()?;
            let of_part = segment.codes(&part.rows, Way::Past)?;
            let of_rows = of_part.into_iter().map(|code| renamed.get(code).copied().ok_or_else(no_set));
            codes.push(of_rows.collect::<Result<Vec<u32>>>()?);
        }
        for code in rows.values_in_order::<u32>(&codes)? {
            sets.push(code);
        }
        sets.finish()
    }

    /// Whether fetched rows lack something of what is needed, with what is carried over from the rows here.
    pub(crate) fn leaves_lacking(&self, fetched: &Rows, needs: &[Need]) -> Result<bool> {
        let (stored, _) = self.present(fetched.ids())?;
        let mut older: Vec<Option<ColumnSet>> = self.column_sets(&stored)?.into_iter().map(Some).collect();
        if stored.len() < fetched.ids().len() {
            older.push(None);
        }
        let brought = fetched.presence().sets();
        let carried = older.iter().flat_map(|old| brought.iter().map(|new| merge::joined(old.as_ref(), Some(new))));
        let rows = Presence::of_sets(carried.collect::<Vec<_>>().iter());
        Ok(needs.iter().any(|need| rows.lack(need, &self.presence)))
    }

    /// Whether a column in another type can become one of the stored type, or the stored one become its.
    pub(crate) fn takes(&self, column: &Column) -> bool {
        let stored = self.column(column.name()).map(|stored| Column::new_empty(stored.name.clone(), &stored.data_type));
        stored.is_none_or(|stored| merge::reconcile(&self.table, &stored, column).is_ok())
    }

    /// The ids of these that are here, with their rows.
    pub(in crate::storage) fn present(&self, ids: &IdSet) -> Result<(IdSet, Located)> {
        let (found, missing) = self.locate(ids)?;
        let here = missing.complement(ids.len());
        Ok((ids.select_as_is(here.iter())?, found.select(&here)?))
    }
}

type ColumnSets = std::collections::BTreeSet<ColumnSet>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Hit,
    Incomplete,
    Missing,
}

/// A segment checks the codes of its rows when it reads them.
fn no_set() -> Error {
    Error::Internal { invariant: "the column set of each row is among those of its segment" }
}

/// The type of a column that segments have in two types: they differ only where one has no value, or where another
/// program wrote the base.
fn joined_type(table: &TableName, known: &StoredColumn, other: &DataType) -> Result<DataType> {
    if known.data_type == *other {
        return Ok(known.data_type.clone());
    }
    if let Some(both) = widen(&known.data_type, other) {
        return Ok(both);
    }
    let empty = |data_type: &DataType| Column::new_empty(known.name.clone(), data_type);
    let (joined, _) = merge::reconcile(table, &empty(&known.data_type), &empty(other))?;
    Ok(joined.dtype().clone())
}

fn in_type(table: &TableName, values: Column, data_type: &DataType) -> Result<Column> {
    if values.dtype() == data_type {
        return Ok(values);
    }
    if let Ok(converted) = convert(values.as_materialized_series(), data_type) {
        return Ok(converted.into_column());
    }
    let (_, converted) = merge::reconcile(table, &Column::new_empty(values.name().clone(), data_type), &values)?;
    Ok(converted)
}

/// Whether a column holds documents wherever it has values.
fn are_documents(segments: &[Arc<Segment>], column: &StoredColumn) -> bool {
    let with_values = || {
        segments.iter().filter(|segment| segment.data_type(&column.name).is_some_and(|data_type| !data_type.is_null()))
    };
    column.data_type.is_string()
        && with_values().next().is_some()
        && with_values().all(|segment| segment.documents().contains(column.name.as_str()))
}

/// The files that we wrote have their ids in one variant; a base that another program put there may have another.
fn variant(table: &TableName, segments: &[Arc<Segment>]) -> Result<IdSet> {
    let mut variants = segments.iter().filter(|segment| segment.count() > 0).map(|segment| segment.variant());
    let Some(first) = variants.next() else { return Ok(IdSet::Int(Vec::new())) };
    variants.try_fold(first.clone(), |joined, variant| {
        joined.variant_with(variant).ok_or_else(|| Error::TypeConflict {
            table: table.to_string(),
            column: "the id column".to_owned(),
            stored: joined.data_type(),
            wanted: variant.data_type(),
        })
    })
}
