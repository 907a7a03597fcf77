//! The rows of one table as they were at one moment, which never change.

mod look_up;
#[cfg(feature = "lazy")]
mod parts;
mod values;

use std::sync::Arc;

use polars::prelude::*;

use super::located::{Located, Part};
use super::segment::Segment;
use crate::data_type::widen;
use crate::error::{Error, Result};
use crate::key::{IdSet, Indices};
use crate::name::TableName;
use crate::storage::file::{RowFile, UnreadableColumn, Way};
use crate::storage::rows::{ColumnSet, LOST, Need, Presence, PresenceBuilder, Rows, merge};

pub(crate) use self::look_up::LookUp;
#[cfg(feature = "lazy")]
pub(crate) use self::parts::Parts;
pub(crate) use self::values::Reading;

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

    /// The segment that a part of some rows is in.
    pub(in crate::storage) fn segment(&self, part: &Part) -> Result<&Segment> {
        let segment = self.segments.get(part.segment).map(AsRef::as_ref);
        segment.ok_or(Error::Internal { invariant: "rows are located in segments of their snapshot" })
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
}

type ColumnSets = std::collections::BTreeSet<ColumnSet>;

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
