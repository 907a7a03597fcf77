//! What ought to be cached of a table that several record types share: the rules of `STORAGE.md`, on plain values.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The plain columns, and the keys of the column `doc`: each of them is fetched, or not, for a row.
pub const CELLS: [&str; 11] =
    ["name", "age", "street", "city", "zip", "geo.lat", "geo.lon", "trips.to", "trips.year", "tags", WHOLE];
/// The cells that are columns of their own.
const PLAIN: [&str; 2] = ["name", "age"];
/// A key that no record type declares: a row has it only together with its whole document.
pub const WHOLE: &str = "more";

pub type Cells = BTreeSet<&'static str>;

/// A cached row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    plain: BTreeMap<&'static str, Value>,
    document: Option<Document>,
}

/// The fetched part of a document.
#[derive(Clone, Debug, PartialEq)]
struct Document {
    keys: Cells,
    /// Nothing but these keys.
    value: Value,
}

impl Row {
    /// Some cells of a row of the database.
    pub fn of(row: &Value, cells: &Cells) -> Self {
        let plain = PLAIN.into_iter().filter(|name| cells.contains(name)).map(|name| (name, row[name].clone()));
        let keys: Cells = cells.iter().copied().filter(|cell| !PLAIN.contains(cell)).collect();
        let document = (!keys.is_empty()).then(|| Document { value: part(&row["doc"], &keys, ""), keys });
        Self { plain: plain.collect(), document }
    }

    pub fn cells(&self) -> Cells {
        let keys = self.document.iter().flat_map(|document| &document.keys);
        self.plain.keys().chain(keys).copied().collect()
    }

    pub fn has(&self, cells: &Cells) -> bool {
        cells.is_subset(&self.cells())
    }

    pub fn has_column(&self, column: &str) -> bool {
        self.plain.contains_key(column) || column == "doc" && self.document.is_some()
    }

    /// The columns of which the row has these cells, with nothing but the cells in them.
    pub fn value(&self, cells: &Cells) -> Value {
        let plain = self.plain.iter().filter(|(name, _)| cells.contains(*name));
        let plain = plain.map(|(name, value)| ((*name).to_owned(), value.clone()));
        let document = self.document.iter().filter(|document| !document.keys.is_disjoint(cells));
        let document = document.map(|document| ("doc".to_owned(), part(&document.value, cells, "")));
        Value::Object(plain.chain(document).collect())
    }

    /// What lies at a path.
    pub fn at(&self, path: &str) -> Value {
        let cells = self.cells();
        path.split('.').fold(self.value(&cells), |value, step| {
            match value {
                Value::Array(elements) => step.parse().ok().and_then(|place: usize| elements.get(place).cloned()),
                Value::Object(members) => members.get(step).cloned(),
                _ => None,
            }
            .unwrap_or(Value::Null)
        })
    }

    /// The row with the newer version in its place; what that does not bring stays, unless it contradicts it.
    pub fn joined(mut self, newer: Self) -> Self {
        self.plain.extend(newer.plain);
        self.document = match (self.document, newer.document) {
            (Some(older), Some(newer)) => Some(older.joined(newer)),
            (older, newer) => newer.or(older),
        };
        self
    }

    /// What is left of the row if only these cells are.
    pub fn left(self, cells: &Cells) -> Self {
        let value = self.value(&self.cells());
        Self::of(&value, &self.cells().intersection(cells).copied().collect())
    }
}

impl Document {
    fn joined(self, newer: Self) -> Self {
        if newer.keys.contains(WHOLE) || !agree(&self, &newer, (&self.value, &newer.value), "") {
            return newer;
        }
        Self { keys: &self.keys | &newer.keys, value: union(self.value, newer.value) }
    }
}

/// The part of a value that has these keys; `below` are the steps to the value.
fn part(value: &Value, keys: &Cells, below: &str) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.iter().filter_map(|(name, value)| {
                let path = format!("{below}{name}");
                let deeper = format!("{path}.");
                let is_part = keys.iter().any(|key| *key == path || key.starts_with(&deeper));
                is_part.then(|| (name.clone(), part(value, keys, &deeper)))
            });
            Value::Object(members.collect())
        }
        Value::Array(elements) => elements.iter().map(|element| part(element, keys, below)).collect(),
        _ => value.clone(),
    }
}

/// Whether two versions agree in all that both have: which objects are null, how long lists are, and common keys.
fn agree(older: &Document, newer: &Document, versions: (&Value, &Value), below: &str) -> bool {
    match versions {
        (Value::Object(old), Value::Object(new)) => old.iter().all(|(name, old)| {
            new.get(name).is_none_or(|new| agree(older, newer, (old, new), &format!("{below}{name}.")))
        }),
        // Elements that have no key in common cannot be told to be the same.
        (Value::Array(old), Value::Array(new)) => {
            let has_common = old.iter().all(|element| !element.is_object())
                || older.keys.intersection(&newer.keys).any(|key| key.starts_with(below));
            old.len() == new.len()
                && has_common
                && old.iter().zip(new).all(|(old, new)| agree(older, newer, (old, new), below))
        }
        (old, new) => old == new,
    }
}

/// The newer version with the keys that it lacks; the versions agree.
fn union(old: Value, new: Value) -> Value {
    match (old, new) {
        (Value::Object(mut members), Value::Object(newer)) => {
            for (name, new) in newer {
                let both = match members.remove(&name) {
                    Some(old) => union(old, new),
                    None => new,
                };
                members.insert(name, both);
            }
            Value::Object(members)
        }
        (Value::Array(old), Value::Array(new)) => old.into_iter().zip(new).map(|(old, new)| union(old, new)).collect(),
        (_, new) => new,
    }
}
