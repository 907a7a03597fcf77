//! Lists and structs, built level by level.

use std::collections::HashMap;

use polars::prelude::*;

use super::{Cells, Misfit, misfit};
use crate::json_path::value::{Kind, Value};
use crate::json_path::{Strictness, scan};

pub(super) struct Lists {
    elements: Box<dyn Cells>,
    /// Where each row's elements end, with a 0 in front.
    ends: Vec<i64>,
    valid: Vec<bool>,
    /// How many elements a row must have.
    width: Option<usize>,
    strictness: Strictness,
}

impl Lists {
    pub(super) fn new(elements: Box<dyn Cells>, width: Option<usize>, strictness: Strictness) -> Self {
        Self { elements, ends: vec![0], valid: Vec::new(), width, strictness }
    }

    fn end_row(&mut self, count: i64, valid: bool) {
        self.ends.push(self.ends.last().copied().unwrap_or(0) + count);
        self.valid.push(valid);
    }

    fn fits(&self, value: Value<'_>) -> bool {
        value.kind == Kind::Array && self.width.is_none_or(|width| scan::elements(value.raw).count() == width)
    }
}

impl Cells for Lists {
    fn push(&mut self, value: Option<Value<'_>>) -> Result<(), Misfit> {
        let Some(array) = value.filter(|value| self.fits(*value)) else {
            self.end_row(0, false);
            return if value.is_none() { Ok(()) } else { misfit(self.strictness) };
        };
        let mut count = 0;
        for element in scan::elements(array.raw) {
            self.elements.push(element)?;
            count += 1;
        }
        self.end_row(count, true);
        Ok(())
    }

    fn finish(self: Box<Self>) -> PolarsResult<Series> {
        let elements = self.elements.finish()?.rechunk();
        let values = elements.to_arrow(0, CompatLevel::newest());
        let data_type = LargeListArray::default_datatype(values.dtype().clone());
        let validity = Some(self.valid.into_iter().collect());
        let lists = LargeListArray::try_new(data_type, self.ends.try_into()?, values, validity)?;
        Series::try_from((PlSmallStr::EMPTY, Box::new(lists) as ArrayRef))
    }
}

pub(super) struct Structs {
    fields: Vec<(PlSmallStr, Box<dyn Cells>)>,
    places: HashMap<PlSmallStr, usize>,
    valid: Vec<bool>,
    strictness: Strictness,
}

impl Structs {
    pub(super) fn new(fields: Vec<(PlSmallStr, Box<dyn Cells>)>, strictness: Strictness) -> Self {
        let places = fields.iter().enumerate().map(|(place, (name, _))| (name.clone(), place)).collect();
        Self { fields, places, valid: Vec::new(), strictness }
    }

    /// The value of each field; of equal keys the last.
    fn members<'a>(&self, object: Value<'a>) -> Vec<Option<Value<'a>>> {
        let mut members = vec![None; self.fields.len()];
        for (key, value) in scan::members(object.raw) {
            let place = key.name().and_then(|name| self.places.get(name.as_ref()));
            if let Some(member) = place.and_then(|place| members.get_mut(*place)) {
                *member = value;
            }
        }
        members
    }

    fn push_null(&mut self) -> Result<(), Misfit> {
        self.valid.push(false);
        self.fields.iter_mut().try_for_each(|(_, field)| field.push(None))
    }
}

impl Cells for Structs {
    fn push(&mut self, value: Option<Value<'_>>) -> Result<(), Misfit> {
        let Some(object) = value.filter(|value| value.kind == Kind::Object) else {
            self.push_null()?;
            return if value.is_none() { Ok(()) } else { misfit(self.strictness) };
        };
        let members = self.members(object);
        self.valid.push(true);
        self.fields.iter_mut().zip(members).try_for_each(|((_, field), member)| field.push(member))
    }

    fn finish(self: Box<Self>) -> PolarsResult<Series> {
        let fields = self.fields.into_iter().map(|(name, field)| Ok(field.finish()?.with_name(name)));
        let fields = fields.collect::<PolarsResult<Vec<Series>>>()?;
        let structs = StructChunked::from_series(PlSmallStr::EMPTY, self.valid.len(), fields.iter())?;
        Ok(structs.with_outer_validity(Some(self.valid.into_iter().collect())).into_series())
    }
}
