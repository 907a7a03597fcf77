//! The type that a set of values takes, whatever their order.

use std::borrow::Cow;
use std::collections::BTreeMap;

use polars::prelude::*;

use super::scan;
use super::value::{Kind, Value};

/// How many keys the objects of one result may have in all. Beyond it, objects are maps from data to data rather than
/// records, and a column for each key would cost more than it gives.
const MAX_FIELDS: usize = 256;

/// How many levels of arrays and objects a result may have. Polars takes longer with each, and records have few.
const MAX_LEVELS: usize = 32;

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kinds(u16);

impl Kinds {
    pub(super) fn add(&mut self, kind: Kind) {
        self.0 |= Self::of(&[kind]).0;
    }

    pub(super) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn of(kinds: &[Kind]) -> Self {
        let mut set = 0;
        let mut rest = kinds;
        while let [first, others @ ..] = rest {
            set |= match first {
                Kind::Missing | Kind::Stepped => 0,
                other => 1 << *other as u16,
            };
            rest = others;
        }
        Self(set)
    }

    fn within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether objects and arrays must be looked into to know the type.
    pub(super) fn nested(self) -> bool {
        self.meets(NESTED) && (self.within(Self::of(&[Kind::Array])) || self.within(Self::of(&[Kind::Object])))
    }

    /// Whether there are no scalars among the values.
    pub(super) fn may_be_nested(self) -> bool {
        self.within(NESTED)
    }

    /// What values of these kinds become, if they are not nested.
    pub(super) fn target(self) -> Target {
        match self.scalar_type() {
            Some(data_type) => Target::agreed(data_type),
            None if self.meets(NESTED) => Target::json(),
            None => Target::agreed(DataType::String),
        }
    }

    /// The type that holds scalars of these kinds and loses nothing.
    fn scalar_type(self) -> Option<DataType> {
        if self == Self::default() {
            Some(DataType::Null)
        } else if self.within(Self::of(&[Kind::Bool])) {
            Some(DataType::Boolean)
        } else if self.within(Self::of(&[Kind::Plain, Kind::Escaped])) {
            Some(DataType::String)
        } else if self.within(Self::of(&[Kind::Int, Kind::Long])) {
            Some(DataType::Int64)
        } else if self.within(FLOATS) && self.meets(Self::of(&[Kind::Float])) {
            Some(DataType::Float64)
        } else {
            None
        }
    }
}

const NESTED: Kinds = Kinds::of(&[Kind::Array, Kind::Object]);
/// Numbers that a float holds.
const FLOATS: Kinds = Kinds::of(&[Kind::Int, Kind::Big, Kind::Float]);

/// What the values of a path become.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Target {
    pub(super) data_type: DataType,
    pub(super) reading: Reading,
}

/// How values are read as their type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// The values agree on the type, which holds them all.
    Agreed,
    /// The caller says the type, and a value must be the same in it.
    Pinned,
    /// The values agree on nothing: all become canonical JSON, and strings keep their quotes.
    Json,
}

impl Target {
    pub(super) fn agreed(data_type: DataType) -> Self {
        Self { data_type, reading: Reading::Agreed }
    }

    pub(super) fn pinned(data_type: DataType) -> Self {
        Self { data_type, reading: Reading::Pinned }
    }

    pub(super) fn json() -> Self {
        Self { data_type: DataType::String, reading: Reading::Json }
    }
}

/// What some values have in common: their kinds, and what stands within the arrays and objects.
#[derive(Debug, Default)]
pub(super) struct Shape {
    kinds: Kinds,
    element: Option<Box<Shape>>,
    fields: Vec<Shape>,
    /// The place of each key's shape in `fields`. Sorted, so that the type does not tell which row came first.
    places: BTreeMap<String, usize>,
}

/// The values cannot be one structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Disagree;

/// What a shape may still take on.
#[derive(Clone, Copy)]
struct Room {
    fields: usize,
    levels: usize,
}

impl Shape {
    /// The shape of all these values.
    pub(super) fn of<'a>(values: impl Iterator<Item = Value<'a>>) -> Result<Self, Disagree> {
        let mut shape = Self::default();
        let mut room = Room { fields: MAX_FIELDS, levels: MAX_LEVELS };
        for value in values {
            shape.observe(value, &mut room)?;
        }
        Ok(shape)
    }

    fn observe(&mut self, value: Value<'_>, room: &mut Room) -> Result<(), Disagree> {
        self.kinds.add(value.kind);
        match value.kind {
            Kind::Array | Kind::Object => {
                room.levels = room.levels.checked_sub(1).ok_or(Disagree)?;
                if value.kind == Kind::Array {
                    self.observe_array(value, room)
                } else {
                    self.observe_object(value, room)
                }?;
                room.levels += 1;
            }
            // As a value this string is not to be had, so in a structure it would be lost.
            Kind::Escaped if value.string().is_none() => return Err(Disagree),
            _ => {}
        }
        // A fraction that is still to come makes integers beyond `i64` floats.
        let may_agree = self.kinds.nested() || self.kinds.scalar_type().is_some() || self.kinds.within(FLOATS);
        if may_agree { Ok(()) } else { Err(Disagree) }
    }

    fn observe_array(&mut self, array: Value<'_>, room: &mut Room) -> Result<(), Disagree> {
        let element = self.element.get_or_insert_default();
        scan::elements(array.raw).flatten().try_for_each(|value| element.observe(value, room))
    }

    fn observe_object(&mut self, object: Value<'_>, room: &mut Room) -> Result<(), Disagree> {
        let mut last = vec![None; self.fields.len()];
        for (key, value) in scan::members(object.raw) {
            let place = self.place_of(key.name().ok_or(Disagree)?, room)?;
            // Of equal keys the last counts, so none is looked at before all are there.
            match last.get_mut(place) {
                Some(known) => *known = value,
                None => last.push(value),
            }
        }
        let members = self.fields.iter_mut().zip(last);
        members
            .filter_map(|(field, value)| Some((field, value?)))
            .try_for_each(|(field, value)| field.observe(value, room))
    }

    fn place_of(&mut self, key: Cow<'_, str>, room: &mut Room) -> Result<usize, Disagree> {
        if let Some(place) = self.places.get(key.as_ref()) {
            return Ok(*place);
        }
        room.fields = room.fields.checked_sub(1).ok_or(Disagree)?;
        Ok(self.add_field(key.into_owned(), Self::default()))
    }

    fn add_field(&mut self, key: String, shape: Self) -> usize {
        let place = self.fields.len();
        self.places.insert(key, place);
        self.fields.push(shape);
        place
    }

    fn named_fields(&self) -> impl Iterator<Item = (&String, &Self)> {
        self.places.iter().filter_map(|(key, place)| Some((key, self.fields.get(*place)?)))
    }

    /// The shape of the values of both.
    pub(super) fn union(mut self, other: Self) -> Self {
        self.kinds = self.kinds.union(other.kinds);
        self.element = match (self.element, other.element) {
            (Some(left), Some(right)) => Some(Box::new(left.union(*right))),
            (left, right) => left.or(right),
        };
        let mut places: Vec<(String, usize)> = other.places.into_iter().collect();
        places.sort_unstable_by_key(|(_, place)| *place);
        // Each field has one key, so they are in the same order now.
        for ((key, _), field) in places.into_iter().zip(other.fields) {
            match self.places.get(&key).and_then(|known| self.fields.get_mut(*known)) {
                Some(known) => *known = std::mem::take(known).union(field),
                None => _ = self.add_field(key, field),
            }
        }
        self
    }

    /// The structure, if the values agree on one.
    pub(super) fn data_type(&self) -> Result<DataType, Disagree> {
        if self.count_fields() > MAX_FIELDS { Err(Disagree) } else { self.structure(MAX_LEVELS) }
    }

    fn structure(&self, levels: usize) -> Result<DataType, Disagree> {
        if !self.kinds.nested() {
            return self.kinds.scalar_type().ok_or(Disagree);
        }
        let levels = levels.checked_sub(1).ok_or(Disagree)?;
        if let Some(element) = &self.element {
            return Ok(DataType::List(Box::new(element.structure(levels)?)));
        }
        let fields = self.named_fields().map(|(key, shape)| Ok(Field::new(key.into(), shape.structure(levels)?)));
        Ok(DataType::Struct(fields.collect::<Result<_, Disagree>>()?))
    }

    fn count_fields(&self) -> usize {
        let within: usize = self.fields.iter().map(Self::count_fields).sum();
        self.fields.len() + within + self.element.as_ref().map_or(0, |element| element.count_fields())
    }
}
