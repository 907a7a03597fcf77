//! The union of the keys that two versions of a row have of a nested column.
//!
//! Record types that declare different keys of one column share its rows. A fetch for one of them brings a newer
//! version of the document that lacks the keys of the others. These are carried over from the stored version if both
//! versions agree in everything that they share: which objects are there, how many elements each list has, and the
//! values of all common keys. If they do not agree, the document has changed in the database, and the row takes the
//! newer version alone. The elements of a list are matched by position, so at least one common key must vouch that
//! they are the same elements.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use polars::prelude::*;

use super::{Origins, reconcile};
use crate::convert::convert;
use crate::data_type::widen;
use crate::documents;
use crate::error::{Error, Result};
use crate::key::{row_number, set_at};
use crate::name::TableName;
use crate::storage::rows::keys::{self, Keys, Part, is_key_of};
use crate::storage::rows::{ColumnSet, Rows};

/// The rows of one column of a merged table that have keys of both versions.
pub(super) struct Union {
    column: PlSmallStr,
    /// The index of each merged row in `values`.
    indices: Vec<Option<IdxSize>>,
    values: Column,
}

/// Documents with the keys that `all` has beside them: the same documents, read in a type of other keys. `None` if the
/// two readings do not agree.
pub(crate) fn extended(documents: &Series, all: &Series) -> Option<Series> {
    let of_type = |series: &Series| -> ColumnSet { keys::entries("", series.dtype()).into_iter().collect() };
    let (old_set, new_set) = (of_type(all), of_type(documents));
    let (old_keys, new_keys) = (Keys::of(&old_set, ""), Keys::of(&new_set, ""));
    let data_type = widen(all.dtype(), documents.dtype())?;
    let read = |series: &Series| only(&normal(series), &data_type).ok();
    let (old, new) = (read(all)?, read(documents)?);
    let agree = agreement(&old, &new, &old_keys.part(), &new_keys.part()).ok()?;
    agree.all().then(|| united(&old, &new, &old_keys.part(), &new_keys.part()).ok())?
}

/// The rows that two sides have in common and that have the same pair of column sets.
struct Overlap {
    merged: Vec<usize>,
    stored: Vec<IdxSize>,
    fetched: Vec<IdxSize>,
}

impl Union {
    /// The unions of all columns of which at least one row has any.
    pub(super) fn of_columns(table: &TableName, stored: &Rows, fetched: &Rows, rows: &Origins) -> Result<Vec<Self>> {
        if !fetched.presence.has_keys() {
            return Ok(Vec::new());
        }
        let stored_columns = stored.by_name();
        let both = fetched.columns.iter().filter_map(|new| Some((*stored_columns.get(new.name().as_str())?, new)));
        let unions = both.map(|(old, new)| Self::of_column(table, (stored, old), (fetched, new), rows));
        unions.filter_map(Result::transpose).collect()
    }

    fn of_column(
        table: &TableName,
        (stored, old): (&Rows, &Column),
        (fetched, new): (&Rows, &Column),
        rows: &Origins,
    ) -> Result<Option<Self>> {
        let name = new.name();
        let mut indices = vec![None; rows.stored.len()];
        let (mut values, mut count): (Option<Column>, usize) = (None, 0);
        for ((old_set, new_set), overlap) in overlaps(stored, fetched, name, rows)? {
            let (old_keys, new_keys) = (Keys::of(old_set, name), Keys::of(new_set, name));
            let old = gather(old, &overlap.stored)?;
            let new = gather(new, &overlap.fetched)?;
            let parts = (&old_keys.part(), &new_keys.part());
            // Versions that have no type in common do not agree in any row.
            let Some((agree, union)) = versions(table, &old, &new, parts)? else { continue };
            for (row, _) in overlap.merged.iter().zip(agree.iter()).filter(|(_, agree)| *agree == Some(true)) {
                set_at(&mut indices, *row, Some(row_number(count)))?;
                count += 1;
            }
            values = Some(match values {
                None => union,
                Some(values) => joined(table, &values, &union)?,
            });
        }
        Ok(values.filter(|_| count > 0).map(|values| Self { column: name.clone(), indices, values }))
    }

    pub(super) fn column(&self) -> &PlSmallStr {
        &self.column
    }

    /// The index of a merged row in the values; `None` for a row that has one version as it is.
    pub(super) fn index(&self, row: usize) -> Result<Option<IdxSize>> {
        let no_row = Error::Internal { invariant: "a union has a place for each merged row" };
        self.indices.get(row).copied().ok_or(no_row)
    }

    /// The values in the type of the merged column.
    pub(super) fn values(&self, data_type: &DataType) -> Result<Column> {
        only(self.values.as_materialized_series(), data_type).map(IntoColumn::into_column)
    }
}

/// The set of a row with the keys of this column that either version has.
pub(super) fn with_both(mut set: ColumnSet, column: &str, old: &ColumnSet, new: &ColumnSet) -> ColumnSet {
    set.retain(|entry| !is_key_of(entry, column));
    set.extend(Keys::of(old, column).union(&Keys::of(new, column)));
    set
}

/// The column sets of both versions of a row.
type Sets<'r> = (&'r ColumnSet, &'r ColumnSet);

/// The rows of which the fetched version lacks keys of the column that the stored version has.
fn overlaps<'r>(stored: &'r Rows, fetched: &'r Rows, name: &str, rows: &Origins) -> Result<Vec<(Sets<'r>, Overlap)>> {
    // `None` for sets of which the fetched one lacks nothing.
    let mut by_codes: BTreeMap<(usize, usize), Option<(Sets<'_>, Overlap)>> = BTreeMap::new();
    for (merged, (old, new)) in rows.stored.iter().zip(&rows.fetched).enumerate() {
        // Of most rows there is one version.
        let (Some(old), Some(new)) = (*old, *new) else { continue };
        let codes = (stored.presence.code(old as usize)?, fetched.presence.code(new as usize)?);
        let overlap = match by_codes.entry(codes) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let sets @ (old, new) = (stored.presence.set_of(old as usize)?, fetched.presence.set_of(new as usize)?);
                let lacks = new.contains(name) && old.contains(name) && Keys::of(new, name).lack(&Keys::of(old, name));
                let none = Overlap { merged: Vec::new(), stored: Vec::new(), fetched: Vec::new() };
                unknown.insert(lacks.then_some((sets, none)))
            }
        };
        if let Some((_, overlap)) = overlap {
            overlap.merged.push(merged);
            overlap.stored.push(old);
            overlap.fetched.push(new);
        }
    }
    Ok(by_codes.into_values().flatten().collect())
}

/// For each row whether its two versions agree, and the unions of those that do; `None` where the versions have no
/// type in common.
fn versions(
    table: &TableName,
    old: &Column,
    new: &Column,
    (old_part, new_part): (&Part<'_>, &Part<'_>),
) -> Result<Option<(BooleanChunked, Column)>> {
    let Some((old_nested, new_nested)) = nested(table, old, new)? else { return Ok(None) };
    let agree = agreement(&old_nested, &new_nested, old_part, new_part)?;
    let only = |values: &Series| values.filter(&agree).map_err(failed);
    if let Part::Whole = old_part {
        return Ok(Some((agree.clone(), only(old.as_materialized_series())?.into_column())));
    }
    let union = united(&only(&old_nested)?, &only(&new_nested)?, old_part, new_part).map_err(failed)?;
    let is_text = old.dtype().is_string();
    let union = if is_text { documents::text(&union) } else { Some(union) };
    Ok(union.map(|union| (agree, union.with_name(old.name().clone()).into_column())))
}

/// Both versions in one nested type. Either may be JSON text.
fn nested(table: &TableName, old: &Column, new: &Column) -> Result<Option<(Series, Series)>> {
    let structured = |text: &Column| text.str().ok().and_then(documents::structured).map(IntoColumn::into_column);
    let new = if new.dtype().is_string() { structured(new) } else { Some(new.clone()) };
    let Some(new) = new else { return Ok(None) };
    let reconciled = if old.dtype().is_string() {
        reconcile(table, &new, old).map(|(new, old)| (old, new))
    } else {
        reconcile(table, old, &new)
    };
    match reconciled {
        Ok((old, new)) => Ok(Some((normal(old.as_materialized_series()), normal(new.as_materialized_series())))),
        Err(Error::TypeConflict { .. }) => Ok(None),
        Err(cause) => Err(cause),
    }
}

/// The same values with nothing below a null and nothing between the lists, so that contents can be compared.
fn normal(series: &Series) -> Series {
    let series = series.rechunk();
    let series = series.propagate_nulls().unwrap_or(series);
    series.trim_lists_to_normalized_offsets().unwrap_or(series)
}

/// Whether the versions of each row agree in what both have.
fn agreement(old: &Series, new: &Series, old_part: &Part<'_>, new_part: &Part<'_>) -> Result<BooleanChunked> {
    match (new.dtype(), old_part, new_part) {
        (_, Part::Whole, Part::Whole) => old.equal_missing(new).map_err(failed),
        (DataType::Struct(_), ..) => {
            let (old_fields, new_fields) = (fields(old)?, fields(new)?);
            let mut agree = old.is_null().equal(&new.is_null());
            for (old, new) in old_fields.iter().zip(&new_fields) {
                if let (Some(old_part), Some(new_part)) = (old_part.below(new.name()), new_part.below(new.name())) {
                    agree = &agree & &agreement(old, new, &old_part, &new_part)?;
                }
            }
            Ok(agree)
        }
        (DataType::List(_), ..) => match shared(new.dtype(), old_part, new_part) {
            Some(shared) => only(old, &shared)?.equal_missing(&only(new, &shared)?).map_err(failed),
            None => both_empty(old, new),
        },
        _ => old.equal_missing(new).map_err(failed),
    }
}

fn fields(series: &Series) -> Result<Vec<Series>> {
    Ok(series.struct_().map_err(failed)?.fields_as_series())
}

/// Elements that have no key in common cannot be matched, but there are none in empty lists.
fn both_empty(old: &Series, new: &Series) -> Result<BooleanChunked> {
    let lengths = |series: &Series| -> Result<Vec<Option<usize>>> {
        let lists = series.list().map_err(failed)?;
        Ok(lists.amortized_iter().map(|list| list.map(|list| list.as_ref().len())).collect())
    };
    let both = lengths(old)?.into_iter().zip(lengths(new)?);
    Ok(both.map(|(old, new)| old == new && old.unwrap_or(0) == 0).collect())
}

/// The type with only the keys that both versions have; `None` where there is none.
fn shared(data_type: &DataType, old: &Part<'_>, new: &Part<'_>) -> Option<DataType> {
    match (data_type, old, new) {
        (_, Part::Whole, Part::Whole) => Some(data_type.clone()),
        (DataType::Struct(fields), ..) => {
            let shared = |field: &Field| {
                let inner = shared(field.dtype(), &old.below(field.name())?, &new.below(field.name())?)?;
                Some(Field::new(field.name().clone(), inner))
            };
            let fields: Vec<Field> = fields.iter().filter_map(shared).collect();
            (!fields.is_empty()).then_some(DataType::Struct(fields))
        }
        (DataType::List(inner), ..) => {
            let inner = shared(inner, &old.of_elements()?, &new.of_elements()?)?;
            Some(DataType::List(Box::new(inner)))
        }
        _ => Some(data_type.clone()),
    }
}

fn only(series: &Series, data_type: &DataType) -> Result<Series> {
    let unfit = |cause| Error::Frame { action: "join documents", source: format!("{cause:?}").into() };
    convert(series, data_type).map_err(unfit)
}

/// The newer version with the keys that it lacks; the versions agree.
fn united(old: &Series, new: &Series, old_part: &Part<'_>, new_part: &Part<'_>) -> PolarsResult<Series> {
    match (new.dtype(), old_part, new_part) {
        (_, _, Part::Whole) => Ok(new.clone()),
        (_, Part::Whole, _) => Ok(old.clone()),
        (DataType::Struct(_), ..) => {
            let old_fields = old.struct_()?.fields_as_series();
            let new_fields = new.struct_()?.fields_as_series();
            let field = |(old, new): (&Series, &Series)| match (old_part.below(new.name()), new_part.below(new.name()))
            {
                (Some(old_part), Some(new_part)) => united(old, new, &old_part, &new_part),
                (Some(_), None) => Ok(old.clone()),
                (None, _) => Ok(new.clone()),
            };
            let fields: Vec<Series> = old_fields.iter().zip(&new_fields).map(field).collect::<PolarsResult<_>>()?;
            let union = StructChunked::from_series(new.name().clone(), new.len(), fields.iter())?;
            Ok(union.with_outer_validity(new.rechunk_validity()).into_series())
        }
        (DataType::List(_), ..) => match (old_part.of_elements(), new_part.of_elements()) {
            (Some(old_part), Some(new_part)) => {
                let (old, new) = (normal(old), normal(new));
                let elements = old.list()?.get_inner();
                let union = new.list()?.apply_to_inner(&|new| united(&elements, &new, &old_part, &new_part))?;
                Ok(union.into_series())
            }
            _ => Ok(new.clone()),
        },
        _ => Ok(new.clone()),
    }
}

fn gather(column: &Column, rows: &[IdxSize]) -> Result<Column> {
    column.take(&IdxCa::from_vec(PlSmallStr::EMPTY, rows.to_vec())).map_err(failed)
}

fn joined(table: &TableName, values: &Column, more: &Column) -> Result<Column> {
    let (mut values, more) = reconcile(table, values, more)?;
    values.append(&more).map_err(failed)?;
    Ok(values)
}

fn failed(cause: PolarsError) -> Error {
    Error::frame("join documents")(cause)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::{Replace, merge};
    use super::*;
    use crate::key::Key;

    /// The keys of the whole documents, as the steps to each.
    const LEAVES: [&str; 8] =
        ["a", "b", "geo.lat", "geo.lon", "trips.to", "trips.year", "trips.stops.x", "trips.stops.y"];
    /// The keys that vouch for the elements of lists.
    const VOUCHING: u8 = 0b0101_0000;

    /// The type of documents with the keys of a set below some steps.
    fn data_type(keys: u8, below: &str) -> Option<DataType> {
        let mut fields: Vec<Field> = Vec::new();
        for (_, leaf) in LEAVES.iter().enumerate().filter(|(bit, _)| keys & (1 << bit) != 0) {
            let Some(rest) = leaf.strip_prefix(below) else { continue };
            let (name, deeper) = rest.split_once('.').map_or((rest, false), |(name, _)| (name, true));
            if fields.iter().any(|field| field.name() == name) {
                continue;
            }
            let inner = if deeper { data_type(keys, &format!("{below}{name}."))? } else { leaf_type(name) };
            let is_list = deeper && name != "geo";
            fields.push(Field::new(name.into(), if is_list { DataType::List(Box::new(inner)) } else { inner }));
        }
        (!fields.is_empty()).then_some(DataType::Struct(fields))
    }

    fn leaf_type(name: &str) -> DataType {
        match name {
            "a" | "to" | "x" => DataType::Int64,
            "b" => DataType::String,
            "y" => DataType::Boolean,
            _ => DataType::Float64,
        }
    }

    fn document() -> impl Strategy<Value = Value> {
        let scalar = || prop_oneof![1 => Just(Value::Null), 3 => (0_i64..3).prop_map(|value| json!(value))];
        let stop = (scalar(), any::<Option<bool>>()).prop_map(|(x, y)| json!({ "x": x, "y": y }));
        let trip = (scalar(), scalar(), prop::option::of(vec(stop, 0..3)))
            .prop_map(|(to, year, stops)| json!({ "to": to, "year": year, "stops": stops }));
        let geo = prop::option::of((scalar(), scalar()).prop_map(|(lat, lon)| json!({ "lat": lat, "lon": lon })));
        let document = (scalar(), "[ab]?", geo, prop::option::of(vec(trip, 0..3)))
            .prop_map(|(a, b, geo, trips)| json!({ "a": a, "b": b, "geo": geo, "trips": trips }));
        prop_oneof![1 => Just(Value::Null), 9 => document]
    }

    /// A column of one chunk for each row.
    fn column(documents: &[Value], keys: u8) -> Column {
        let text = |document: &Value| (!document.is_null()).then(|| document.to_string());
        let all = data_type(u8::MAX, "").expect("a type");
        let wanted = data_type(keys, "").expect("a type");
        let chunks = documents.iter().map(|document| {
            let text = StringChunked::from_iter_options("doc".into(), std::iter::once(text(document)));
            let read = documents::read_as(&text, &all).expect("documents of this type");
            convert(&read, &wanted).expect("fewer keys").into_column()
        });
        let join = |mut all: Column, more: Column| {
            all.append(&more).expect("the same type");
            all
        };
        chunks.reduce(join).expect("a row")
    }

    fn rows(documents: &[Value], keys: u8) -> Rows {
        let ids: Vec<i64> = (0_i64..).take(documents.len()).collect();
        let column = column(documents, keys);
        let entries = keys::entries("doc", column.dtype());
        Rows::uniform(i64::to_set(&ids), vec![column]).with_keys(entries)
    }

    fn row(column: &Column, keys: u8, row: usize) -> String {
        let data_type = data_type(keys, "").expect("a type");
        let read = convert(column.as_materialized_series(), &data_type).expect("a type with all keys");
        format!("{:?}", normal(&read).slice(i64::try_from(row).expect("a small number"), 1).iter().next())
    }

    fn has(set: &ColumnSet, keys: u8) -> bool {
        let entries = keys::entries("doc", &data_type(keys, "").expect("a type"));
        let wanted: ColumnSet = entries.into_iter().chain(["doc".to_owned()]).collect();
        !Keys::of(set, "doc").lack(&Keys::of(&wanted, "doc"))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn a_row_has_the_keys_of_both_versions_or_those_of_the_newer_one(
            versions in vec((document(), document(), any::<bool>()), 1..5),
            // Which keys each side has, and whether elements of lists have keys in common.
            (old, new, vouch) in (1..=u8::MAX, 1..=u8::MAX, any::<bool>()),
        ) {
            let vouching = if vouch { VOUCHING } else { 0 };
            let (old, new) = (old | vouching, new | vouching);
            let before: Vec<Value> = versions.iter().map(|(before, ..)| before.clone()).collect();
            let after = versions.iter().map(|(before, after, stays)| if *stays { before } else { after }.clone());
            let after: Vec<Value> = after.collect();
            let table = TableName::new("public.users").expect("a valid name");
            let (stored, fetched) = (rows(&before, old), rows(&after, new));
            let merged = merge(&table, &stored, &fetched, Replace::CarryOver).expect("types that agree");
            let doc = |rows: &Rows| rows.columns.first().expect("the column").clone();
            let column = &doc(&merged);
            for (place, (before, _, stays)) in versions.iter().enumerate() {
                let set = merged.presence.set_of(place).expect("a set");
                prop_assert!(has(set, new));
                prop_assert_eq!(row(column, new, place), row(&doc(&fetched), new, place));
                if has(set, old) {
                    let source = doc(if old | new == new { &fetched } else { &stored });
                    prop_assert_eq!(row(column, old, place), row(&source, old, place));
                }
                prop_assert!(has(set, old) || !stays || !vouch, "{before} has lost keys");
            }
        }
    }
}
