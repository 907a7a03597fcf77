//! A column put together from the entries of its Parquet columns.

use std::collections::HashMap;

use polars::prelude::*;
use polars_arrow::array::{ArrayRef, ListArray, StructArray};
use polars_arrow::bitmap::Bitmap;
use polars_arrow::offset::OffsetsBuffer;
use rayon::prelude::*;

use super::footer::Footer;
use super::pages::{Entries, Leaf};
use super::types::{self, LeafPlan, Plan};
use super::{Fault, damaged, leaf};

/// Reads a column of the file.
pub(super) fn read(name: &str, plan: &Plan, footer: &Footer, file: &[u8]) -> Result<Series, Fault> {
    let read = |leaf: LeafPlan| Ok((leaf.place, entries(leaf, footer, file)?));
    let entries: HashMap<usize, Entries> = plan.leaves().into_par_iter().map(read).collect::<Result<_, Fault>>()?;
    let array = Assembly(&entries).array(plan, Slots::default())?;
    if array.len() != footer.rows {
        return Err(damaged("a column has another number of rows"));
    }
    let field = types::field(name, array.dtype().clone());
    Series::try_from((&field, vec![array])).map_err(|cause| Fault::Unreadable(cause.to_string()))
}

fn entries(plan: LeafPlan, footer: &Footer, file: &[u8]) -> Result<Entries, Fault> {
    let leaf = Leaf { physical: plan.physical, most_definition: plan.definition, most_repetition: plan.repetition };
    let mut entries = Entries::none(leaf);
    for group in &footer.groups {
        let chunk = group.chunks.get(plan.place).ok_or_else(|| damaged("a column chunk is gone"))?;
        let place = chunk.place.as_ref().map_err(|reason| Fault::Unreadable(reason.clone()))?;
        entries.add(file, place, group.rows, leaf)?;
    }
    Ok(entries)
}

/// The entries of all Parquet columns of a column, by their places.
struct Assembly<'e>(&'e HashMap<usize, Entries>);

/// Which entries stand for the values of a node: those with at least this definition level. Of them each one with at most
/// this repetition level begins a value; the others belong to the one before.
#[derive(Clone, Copy, Default)]
struct Slots {
    definition: u32,
    repetition: u32,
}

impl Slots {
    /// The entries that begin a value.
    fn begin(self, entries: &Entries) -> impl Iterator<Item = usize> + '_ {
        (0..entries.count).filter(move |entry| {
            entries.definition(*entry) >= self.definition && entries.repetition(*entry) <= self.repetition
        })
    }
}

impl Assembly<'_> {
    fn entries(&self, leaf: Option<LeafPlan>) -> Result<&Entries, Fault> {
        leaf.and_then(|leaf| self.0.get(&leaf.place)).ok_or_else(|| damaged("a column chunk is gone"))
    }

    fn array(&self, plan: &Plan, slots: Slots) -> Result<ArrayRef, Fault> {
        match plan {
            Plan::Leaf(leaf) => self.leaf(*leaf, slots),
            Plan::Struct { is_optional, definition, fields } => {
                let entries = self.entries(plan.first_leaf())?;
                let validity = is_optional.then(|| {
                    slots.begin(entries).map(|entry| entries.definition(entry) >= *definition).collect::<Bitmap>()
                });
                self.structure(fields, validity, slots.begin(entries).count(), slots)
            }
            Plan::List { is_optional, definition, element_definition, element_repetition, element } => {
                let elements = Slots { definition: *element_definition, repetition: *element_repetition };
                let least = if *is_optional { *definition } else { 0 };
                let (offsets, validity) = lists(self.entries(element.first_leaf())?, slots, least, elements)?;
                let values = self.array(element, elements)?;
                let data_type = types::list_of(values.dtype().clone());
                let list = ListArray::<i64>::try_new(data_type, offsets, values, is_optional.then_some(validity));
                list.map(ListArray::boxed).map_err(disagree)
            }
        }
    }

    fn leaf(&self, plan: LeafPlan, slots: Slots) -> Result<ArrayRef, Fault> {
        let entries = self.entries(Some(plan))?;
        if plan.definition == 0 {
            return leaf::array(plan, &entries.values, None, entries.count);
        }
        let validity: Bitmap = slots.begin(entries).map(|entry| entries.definition(entry) == plan.definition).collect();
        let length = validity.len();
        leaf::array(plan, &entries.values, Some(validity).filter(|validity| validity.unset_bits() > 0), length)
    }

    fn structure(
        &self,
        fields: &[(String, Plan)],
        validity: Option<Bitmap>,
        length: usize,
        slots: Slots,
    ) -> Result<ArrayRef, Fault> {
        let arrays: Vec<ArrayRef> = fields.iter().map(|(_, plan)| self.array(plan, slots)).collect::<Result<_, _>>()?;
        let names = fields.iter().zip(&arrays);
        let fields = names.map(|((name, _), array)| types::field(name, array.dtype().clone())).collect();
        let structure = StructArray::try_new(ArrowDataType::Struct(fields), length, arrays, validity);
        structure.map(StructArray::boxed).map_err(disagree)
    }
}

fn disagree(_: PolarsError) -> Fault {
    damaged("the parts of a column disagree")
}

/// Where the elements of each list end, and which lists are there: those whose definition level is `least` or more.
fn lists(entries: &Entries, slots: Slots, least: u32, elements: Slots) -> Result<(OffsetsBuffer<i64>, Bitmap), Fault> {
    let (mut offsets, mut validity, mut count) = (Vec::new(), Vec::new(), 0_i64);
    for entry in 0..entries.count {
        let (definition, repetition) = (entries.definition(entry), entries.repetition(entry));
        if definition < slots.definition {
            continue;
        }
        if repetition <= slots.repetition {
            offsets.push(count);
            validity.push(definition >= least);
        } else if offsets.is_empty() {
            return Err(damaged("a list has no beginning"));
        }
        count += i64::from(definition >= elements.definition && repetition <= elements.repetition);
    }
    offsets.push(count);
    let offsets = OffsetsBuffer::try_from(offsets).map_err(disagree)?;
    Ok((offsets, validity.into_iter().collect()))
}
