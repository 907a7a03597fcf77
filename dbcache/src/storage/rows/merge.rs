//! Insert-or-replace of rows into others. Pure: no file is touched.

mod union;

use polars::prelude::*;

pub(crate) use self::union::extended;
use self::union::{Union, with_both};
use super::presence::{ColumnSet, LOST, Presence, PresenceBuilder};
use super::{Rows, keys};
use crate::convert::{convert, culprit, reversibly};
use crate::data_type::widen;
use crate::documents;
use crate::error::{Error, Result};
use crate::key::row_number;
use crate::name::TableName;

/// What happens to the columns of a stored row that its replacement does not bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replace {
    /// They stay as they are.
    CarryOver,
    /// They count as never fetched.
    Whole,
}

/// The stored rows with the fetched ones in place of those of the same id.
///
/// # Errors
///
/// [`Error::TypeConflict`] where the types of a column, or of the ids, cannot be reconciled.
pub(crate) fn merge(table: &TableName, stored: &Rows, fetched: &Rows, replace: Replace) -> Result<Rows> {
    let ids = stored.ids.union(&fetched.ids).ok_or_else(|| id_conflict(table, stored, fetched))?;
    let row_of_each = |rows: &Rows| rows.ids.locate(&ids).each(ids.len());
    let rows = Origins::new(row_of_each(stored)?, row_of_each(fetched)?, stored.ids.len());
    let unions = match replace {
        Replace::CarryOver => Union::of_columns(table, stored, fetched, &rows)?,
        Replace::Whole => Vec::new(),
    };
    let presence = presence(stored, fetched, &rows, &unions, replace)?;
    let kept = presence.columns();
    let (old, new) = (stored.by_name(), fetched.by_name());
    let unions: PlHashMap<&str, &Union> = unions.iter().map(|union| (union.column().as_str(), union)).collect();
    let names =
        stored.columns.iter().chain(fetched.columns.iter().filter(|new| !old.contains_key(new.name().as_str())));
    let columns: Result<Vec<Column>> = names
        .map(|column| column.name().as_str())
        .filter(|name| kept.contains(*name))
        .map(|name| {
            let versions = Versions { old: old.get(name).copied(), new: new.get(name).copied() };
            let union = unions.get(name).copied();
            merge_column(table, name, versions, &rows, union, &fetched.presence, replace)
        })
        .collect();
    let merged = Rows::new(ids, columns?, presence);
    Ok(merged.with_documents(documents(stored, fetched)))
}

/// The rows of batches of which no two have an id in common.
///
/// # Errors
///
/// As [`merge`].
pub(crate) fn merge_all(table: &TableName, mut batches: Vec<Rows>) -> Result<Rows> {
    batches.retain(|batch| !batch.ids.is_empty());
    batches.sort_by_cached_key(|batch| batch.ids.get(0));
    if follow_one_another(&batches) {
        return concatenated(batches);
    }
    while batches.len() > 1 {
        let (pairs, odd) = batches.as_chunks();
        let mut merged = Vec::with_capacity(pairs.len() + odd.len());
        for [left, right] in pairs {
            merged.push(merge(table, left, right, Replace::CarryOver)?);
        }
        merged.extend_from_slice(odd);
        batches = merged;
    }
    // Without batches there are no rows.
    Ok(batches.pop().unwrap_or_else(Rows::empty))
}

/// Whether the rows of all batches have the same columns, of the same types, and lie one after the other. So it is
/// with those of a request, unless its batches took turns with those of another one.
fn follow_one_another(batches: &[Rows]) -> bool {
    let is_followed = |left: &Rows, right: &Rows| {
        left.ids.precedes(&right.ids)
            && left.presence.of_all().is_some_and(|columns| right.presence.of_all() == Some(columns))
            && left.documents == right.documents
            && left.columns.len() == right.columns.len()
            && left.columns.iter().zip(&right.columns).all(|(left, right)| left.field() == right.field())
    };
    batches.is_sorted_by(is_followed)
}

fn concatenated(batches: Vec<Rows>) -> Result<Rows> {
    let mut batches = batches.into_iter();
    // Without batches there are no rows.
    let Some(mut all) = batches.next() else { return Ok(Rows::empty()) };
    for batch in batches {
        all.ids.append(batch.ids)?;
        for (column, more) in all.columns.iter_mut().zip(batch.columns) {
            column.append_owned(more).map_err(Error::frame("join batches"))?;
        }
    }
    let uniform = all.presence.of_all().cloned();
    let columns =
        uniform.ok_or(Error::Internal { invariant: "batches that follow one another have the same columns" })?;
    all.presence = Presence::uniform(all.ids.len(), columns);
    for column in &mut all.columns {
        *column = column.rechunk();
    }
    Ok(all)
}

/// The columns that hold documents on both sides, a side without the column or without a value in it aside.
fn documents(stored: &Rows, fetched: &Rows) -> ColumnSet {
    if stored.documents.is_empty() && fetched.documents.is_empty() {
        return ColumnSet::new();
    }
    let (old, new) = (stored.by_name(), fetched.by_name());
    let agrees = |column: Option<&&Column>, documents: &ColumnSet| {
        column.is_none_or(|column| {
            let is_empty_or_nested = column.dtype().is_null() || column.dtype().is_nested();
            is_empty_or_nested || documents.contains(column.name().as_str())
        })
    };
    let both = stored.documents.union(&fetched.documents);
    let agree = |name: &&String| {
        agrees(old.get(name.as_str()), &stored.documents) && agrees(new.get(name.as_str()), &fetched.documents)
    };
    both.filter(agree).cloned().collect()
}

/// Where each row of the merged table comes from.
struct Origins {
    stored: Vec<Option<IdxSize>>,
    fetched: Vec<Option<IdxSize>>,
    /// How many stored rows stand before the fetched ones when both are put into one column.
    offset: usize,
    /// The row of a column whose fetched values replace the stored ones; `None` where all fetched rows follow all
    /// stored ones, as new ids often do, so that the column is already in order.
    newest: Option<IdxCa>,
}

impl Origins {
    fn new(stored: Vec<Option<IdxSize>>, fetched: Vec<Option<IdxSize>>, offset: usize) -> Self {
        let rows = stored.iter().zip(&fetched);
        let newest = rows.map(|(stored, fetched)| fetched.map(|row| row + row_number(offset)).or(*stored));
        let in_order = newest.clone().eq((0..stored.len()).map(|row| Some(row_number(row))));
        let newest = (!in_order).then(|| newest.collect());
        Self { stored, fetched, offset, newest }
    }

    fn take_newest(&self, both: &Column) -> PolarsResult<Column> {
        match &self.newest {
            None => Ok(both.rechunk()),
            Some(rows) => both.take(rows),
        }
    }

    /// The row of a column that only some of the fetched rows bring.
    fn newest_with(&self, brings: impl Fn(usize) -> Result<bool>) -> Result<IdxCa> {
        let newest = |(stored, fetched): (&Option<IdxSize>, &Option<IdxSize>)| match (stored, fetched) {
            (Some(stored), Some(fetched)) if !brings(*fetched as usize)? => Ok(Some(*stored)),
            (_, Some(fetched)) => Ok(Some(fetched + row_number(self.offset))),
            (stored, None) => Ok(*stored),
        };
        self.stored.iter().zip(&self.fetched).map(newest).collect()
    }

    /// The row of a column that the fetched rows lack.
    fn stored(&self, replace: Replace) -> IdxCa {
        let rows = self.stored.iter().zip(&self.fetched);
        match replace {
            Replace::CarryOver => self.stored.iter().copied().collect(),
            Replace::Whole => rows.map(|(stored, fetched)| stored.filter(|_| fetched.is_none())).collect(),
        }
    }
}

/// A column of the stored rows and of the fetched ones.
#[derive(Clone, Copy)]
struct Versions<'r> {
    old: Option<&'r Column>,
    new: Option<&'r Column>,
}

fn merge_column(
    table: &TableName,
    name: &str,
    versions: Versions<'_>,
    rows: &Origins,
    union: Option<&Union>,
    fetched: &Presence,
    replace: Replace,
) -> Result<Column> {
    let gathered = match (versions.old, versions.new) {
        (Some(stored), None) => stored.take(&rows.stored(replace)),
        (None, Some(fetched)) => {
            let mut both = Column::full_null(name.into(), rows.offset, fetched.dtype());
            both.append(fetched).map_err(Error::frame("merge rows"))?;
            rows.take_newest(&both)
        }
        (Some(old), Some(new)) => {
            let (mut both, new) = reconcile(table, old, new)?;
            both.append(&new).map_err(Error::frame("merge rows"))?;
            let is_brought_by_all = fetched.of_all().is_some();
            if let Some(union) = union {
                let unions = row_number(both.len());
                both.append(&union.values(both.dtype())?).map_err(Error::frame("merge rows"))?;
                let newest = rows.newest_with(fetched.has(name))?;
                let united = |(row, newest)| Ok(union.index(row)?.map(|index| index + unions).or(newest));
                both.take(&newest.iter().enumerate().map(united).collect::<Result<IdxCa>>()?)
            } else if is_brought_by_all || replace == Replace::Whole {
                rows.take_newest(&both)
            } else {
                both.take(&rows.newest_with(fetched.has(name))?)
            }
        }
        (None, None) => return Ok(Column::full_null(name.into(), rows.stored.len(), &DataType::Null)),
    };
    gathered.map_err(Error::frame("merge rows"))
}

/// Both columns in the type that holds both, or what was fetched in the stored type if that has the same values. Structs
/// and lists take in documents, and text takes in structs and lists.
pub(in crate::storage) fn reconcile(table: &TableName, stored: &Column, fetched: &Column) -> Result<(Column, Column)> {
    let conflict = || type_conflict(table, stored, fetched);
    let (stored, fetched) = &alike(stored, fetched).ok_or_else(conflict)?;
    let in_type = |column: &Column, data_type: &DataType| {
        convert(column.as_materialized_series(), data_type).map(IntoColumn::into_column).ok()
    };
    let widened = || {
        let both = widen(stored.dtype(), fetched.dtype())?;
        Some((in_type(stored, &both)?, in_type(fetched, &both)?))
    };
    let narrowed = || {
        let fetched = reversibly(fetched.as_materialized_series(), stored.dtype())?;
        Some((stored.clone(), fetched.into_column()))
    };
    widened().or_else(narrowed).ok_or_else(conflict)
}

/// Both columns nested or both text, where one is nested and the other JSON text. What is stored stays as it is.
fn alike(stored: &Column, fetched: &Column) -> Option<(Column, Column)> {
    let fetched = match (stored.dtype(), fetched.dtype()) {
        (nested, DataType::String) if nested.is_nested() && fetched.null_count() == fetched.len() => {
            Column::full_null(fetched.name().clone(), fetched.len(), &DataType::Null)
        }
        (nested, DataType::String) if nested.is_nested() => {
            documents::beside(fetched.str().ok()?, nested)?.into_column()
        }
        (DataType::String, nested) if nested.is_nested() => {
            documents::text(fetched.as_materialized_series())?.into_column()
        }
        _ => fetched.clone(),
    };
    Some((stored.clone(), fetched))
}

/// Of documents the error names the structure that they have.
fn type_conflict(table: &TableName, stored: &Column, fetched: &Column) -> Error {
    let structured = fetched.str().ok().filter(|_| stored.dtype().is_nested()).and_then(documents::structured);
    let wanted = structured.map_or_else(|| fetched.dtype().clone(), |found| found.dtype().clone());
    let (column, stored, wanted) = culprit(stored.name(), stored.dtype(), &wanted);
    Error::TypeConflict { table: table.to_string(), column, stored, wanted }
}

fn id_conflict(table: &TableName, stored: &Rows, fetched: &Rows) -> Error {
    let id_type = |rows: &Rows| rows.ids.data_type();
    Error::TypeConflict {
        table: table.to_string(),
        column: "the id column".to_owned(),
        stored: id_type(stored),
        wanted: id_type(fetched),
    }
}

fn presence(stored: &Rows, fetched: &Rows, rows: &Origins, unions: &[Union], replace: Replace) -> Result<Presence> {
    if let Some(columns) = same_columns(stored, fetched) {
        return Ok(Presence::uniform(rows.stored.len(), columns.clone()));
    }
    let mut merged = PresenceBuilder::default();
    // The code of each pair of sets, and of the columns of which both versions stay, so that sets are joined once a pair
    // and not once a row.
    let mut codes = PlHashMap::new();
    for (row, (stored_row, fetched_row)) in rows.stored.iter().zip(&rows.fetched).enumerate() {
        let old = stored_row.filter(|_| fetched_row.is_none() || replace == Replace::CarryOver);
        let old_code = old.map(|row| stored.presence.code(row as usize)).transpose()?;
        let new_code = fetched_row.map(|row| fetched.presence.code(row as usize)).transpose()?;
        let mut united = Vec::new();
        for union in unions {
            if union.index(row)?.is_some() {
                united.push(union.column().as_str());
            }
        }
        let key = (old_code, new_code, united);
        let code = if let Some(code) = codes.get(&key) {
            *code
        } else {
            let old = old.map(|row| stored.presence.set_of(row as usize)).transpose()?;
            let new = fetched_row.map(|row| fetched.presence.set_of(row as usize)).transpose()?;
            let with_both = |set, column: &&str| match (old, new) {
                (Some(old), Some(new)) => with_both(set, column, old, new),
                _ => set,
            };
            let code = merged.code(key.2.iter().fold(joined(old, new), with_both))?;
            codes.insert(key, code);
            code
        };
        merged.push(code);
    }
    merged.finish()
}

/// The columns of a new row, with those of the old one that it does not bring. Of a column that it brings no old keys
/// are left, unless the versions are united.
pub(in crate::storage) fn joined(old: Option<&ColumnSet>, new: Option<&ColumnSet>) -> ColumnSet {
    let is_replaced = |entry: &str| new.is_some_and(|new| entry == LOST || new.contains(keys::column_of(entry)));
    let stays = |entry: &&String| !is_replaced(entry);
    old.into_iter().flatten().filter(stays).chain(new.into_iter().flatten()).cloned().collect()
}

/// The columns that all rows of both have, where that is so.
fn same_columns<'a>(stored: &'a Rows, fetched: &'a Rows) -> Option<&'a ColumnSet> {
    let fetched_columns = fetched.presence.of_all()?;
    let same = stored.ids.is_empty() || stored.presence.of_all() == Some(fetched_columns);
    same.then_some(fetched_columns)
}
