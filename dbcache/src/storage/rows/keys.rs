//! Which keys of a nested column a row has, where a record type chose them.
//!
//! A record type brings only the keys that it declares. A row that it brought has, beside the column's own entry in
//! its column set, an entry for each innermost key. A row without such entries has the column whole.

use std::ops::Bound;

use polars::prelude::{DataType, PlSmallStr};

use super::presence::ColumnSet;

/// Stands before each step of a key's entry. Names of columns hold no control characters.
const STEP: char = '\u{1}';
/// The step into the elements of a list.
const EVERY_ELEMENT: &str = "\u{2}";

/// A column that a row must have, and a path in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) column: PlSmallStr,
    pub(crate) path: Vec<String>,
    /// Whether a row without the column will do, but not one with other keys in it.
    pub(crate) has_default: bool,
    /// Whether it is wanted as text, which shows all keys that a document has, whoever declared them.
    pub(crate) is_text: bool,
}

impl Need {
    /// Whether a row that has the columns of `set` will do, in a table whose rows have those of `sets`.
    pub(in crate::storage) fn is_met(&self, set: &ColumnSet, sets: &[ColumnSet]) -> bool {
        if !set.contains(self.column.as_str()) {
            return self.has_default;
        }
        let keys = Keys::of(set, &self.column);
        keys.hold(&self.path) || !self.is_text && keys.hold_most_below(&self.path, sets)
    }

    /// The same in a table of whose nested columns no record type chose the keys.
    pub(in crate::storage) fn is_met_by_columns(&self, set: &ColumnSet) -> bool {
        self.has_default || set.contains(self.column.as_str())
    }
}

/// The innermost keys of a column that a row has; none where it has the column whole.
pub(in crate::storage) struct Keys<'a> {
    column: &'a str,
    paths: Vec<Vec<&'a str>>,
}

impl<'a> Keys<'a> {
    pub(in crate::storage) fn of(set: &'a ColumnSet, column: &'a str) -> Self {
        // They stand right behind the column's own entry, since no other name begins with it and a control character.
        let behind = set.range::<str, _>((Bound::Excluded(column), Bound::Unbounded));
        let entries = behind.take_while(|entry| is_key_of(entry, column));
        Self { column, paths: entries.map(|entry| entry.split(STEP).skip(1).collect()).collect() }
    }

    /// The whole column, or the part of it with these keys.
    pub(in crate::storage) fn part(&self) -> Part<'_> {
        if self.paths.is_empty() { Part::Whole } else { Part::Keys(self.paths.iter().map(Vec::as_slice).collect()) }
    }

    /// Whether the other row has keys of the column that this one lacks.
    pub(in crate::storage) fn lack(&self, other: &Self) -> bool {
        let lacks = |path: &Vec<&str>| !self.paths.iter().any(|key| path.starts_with(key));
        !self.paths.is_empty() && (other.paths.is_empty() || other.paths.iter().any(lacks))
    }

    /// The entries of a row that has the keys of both.
    pub(in crate::storage) fn union(&self, other: &Self) -> Vec<String> {
        if self.paths.is_empty() || other.paths.is_empty() {
            return Vec::new();
        }
        let both = || self.paths.iter().chain(&other.paths);
        let is_innermost = |path: &&Vec<&str>| !both().any(|key| key.len() < path.len() && path.starts_with(key));
        both().filter(is_innermost).map(|path| entry(self.column, path)).collect()
    }

    /// Whether all that can stand at the path was fetched.
    fn hold(&self, path: &[String]) -> bool {
        self.paths.is_empty() || self.paths.iter().any(|key| key.len() <= path.len() && agree(key, path))
    }

    /// Whether the path ends at an object of which no row of the table has other keys: nulls would stand in their
    /// place beside such a row.
    fn hold_most_below(&self, path: &[String], sets: &[ColumnSet]) -> bool {
        if self.below(path).next().is_none() {
            return false;
        }
        sets.iter().filter(|set| set.contains(self.column)).all(|set| {
            let other = Keys::of(set, self.column);
            !other.hold(path) && other.below(path).all(|key| self.paths.contains(key))
        })
    }

    fn below<'s>(&'s self, path: &'s [String]) -> impl Iterator<Item = &'s Vec<&'a str>> {
        self.paths.iter().filter(|key| key.len() > path.len() && agree(key, path))
    }
}

/// The part of a value that a row has.
#[derive(Clone, Debug)]
pub(in crate::storage) enum Part<'k> {
    Whole,
    /// What lies at these paths, of which there is at least one and none is empty.
    Keys(Vec<&'k [&'k str]>),
}

impl<'k> Part<'k> {
    /// The part of a field that the row has; `None` if the row lacks the field.
    pub(in crate::storage) fn below(&self, step: &str) -> Option<Self> {
        let Self::Keys(paths) = self else { return Some(Self::Whole) };
        let of_field = paths.iter().filter_map(|path| path.split_first()).filter(|(first, _)| **first == step);
        let below: Vec<&'k [&'k str]> = of_field.map(|(_, rest)| rest).collect();
        match below.as_slice() {
            [] => None,
            below if below.iter().any(|path| path.is_empty()) => Some(Self::Whole),
            _ => Some(Self::Keys(below)),
        }
    }

    /// The part of a list's elements that the row has.
    pub(in crate::storage) fn of_elements(&self) -> Option<Self> {
        self.below(EVERY_ELEMENT)
    }
}

/// Whether one path leads through the other's end.
fn agree(key: &[&str], path: &[String]) -> bool {
    key.iter().zip(path).all(|(key, step)| *key == EVERY_ELEMENT || key == step)
}

/// The entries of a column of this type in the set of a row whose keys were chosen; none where there are no keys.
pub(crate) fn entries(column: &str, data_type: &DataType) -> Vec<String> {
    let paths = innermost(data_type).into_iter().filter(|path| !path.is_empty());
    paths.map(|path| entry(column, &path)).collect()
}

fn entry(column: &str, path: &[impl AsRef<str>]) -> String {
    path.iter().fold(column.to_owned(), |entry, step| format!("{entry}{STEP}{}", step.as_ref()))
}

/// The paths to the innermost keys of a type: one without steps where it has no keys.
pub(crate) fn innermost(data_type: &DataType) -> Vec<Vec<String>> {
    let below = |step: &str, inner: &DataType| {
        let with_step = |path: Vec<String>| std::iter::once(step.to_owned()).chain(path).collect();
        innermost(inner).into_iter().map(with_step).collect::<Vec<_>>()
    };
    match data_type {
        DataType::Struct(fields) if !fields.is_empty() => {
            fields.iter().flat_map(|field| below(field.name(), field.dtype())).collect()
        }
        DataType::List(inner) | DataType::Array(inner, _) if has_keys(inner) => below(EVERY_ELEMENT, inner),
        _ => vec![Vec::new()],
    }
}

/// Whether there are objects in values of this type.
pub(crate) fn has_keys(data_type: &DataType) -> bool {
    innermost(data_type).iter().any(|path| !path.is_empty())
}

/// The column that an entry belongs to.
pub(in crate::storage) fn column_of(entry: &str) -> &str {
    entry.split_once(STEP).map_or(entry, |(column, _)| column)
}

/// Whether an entry is a key of this column.
pub(in crate::storage) fn is_key_of(entry: &str, column: &str) -> bool {
    entry.strip_prefix(column).is_some_and(|rest| rest.starts_with(STEP))
}

/// Whether an entry is a column's own.
pub(in crate::storage) fn is_column(entry: &str) -> bool {
    !entry.contains(STEP)
}

/// The keys of a column in a set, for people.
pub(in crate::storage) fn known_paths(set: &ColumnSet, column: &str) -> Vec<Vec<String>> {
    Keys::of(set, column).paths.iter().map(|path| shown_path(path)).collect()
}

/// A path to keys as a request names it, in the first element of each list.
pub(crate) fn shown_path(path: &[impl AsRef<str>]) -> Vec<String> {
    let shown = |step: &str| if step == EVERY_ELEMENT { "0".to_owned() } else { step.to_owned() };
    path.iter().map(|step| shown(step.as_ref())).collect()
}

#[cfg(test)]
mod tests {
    use polars::prelude::Field;

    use super::*;

    fn profile(keys: &[&str]) -> ColumnSet {
        let fields = keys.iter().map(|key| Field::new((*key).into(), DataType::Int64)).collect();
        let items = DataType::List(Box::new(DataType::Struct(fields)));
        let data_type =
            DataType::Struct(vec![Field::new("name".into(), DataType::String), Field::new("items".into(), items)]);
        entries("profile", &data_type).into_iter().chain(["profile".to_owned()]).collect()
    }

    fn is_met(path: &str, set: &ColumnSet, sets: &[ColumnSet]) -> bool {
        let path = path.split('.').skip(1).map(str::to_owned).collect();
        Need { column: "profile".into(), path, has_default: false, is_text: false }.is_met(set, sets)
    }

    #[test]
    fn a_row_of_a_record_type_has_the_keys_that_the_type_declares() {
        let set = profile(&["a", "b"]);
        let sets = [set.clone()];
        for path in ["profile", "profile.name", "profile.name.0", "profile.items", "profile.items.7.a"] {
            assert!(is_met(path, &set, &sets), "{path}");
        }
        for path in ["profile.nam", "profile.items.7.c", "profile.items.7.c.d"] {
            assert!(!is_met(path, &set, &sets), "{path}");
        }
    }

    #[test]
    fn a_row_that_has_the_column_whole_has_every_path() {
        let set = ColumnSet::from(["profile".to_owned()]);
        assert!(is_met("profile.anything.at.all", &set, std::slice::from_ref(&set)));
        assert!(!is_met("profile", &ColumnSet::new(), &[set]));
    }

    #[test]
    fn an_object_is_not_whole_where_another_row_has_more_of_it() {
        let (less, more) = (profile(&["a"]), profile(&["a", "b"]));
        let whole = ColumnSet::from(["profile".to_owned()]);
        let both = [less.clone(), more.clone()];
        assert!(!is_met("profile", &less, &both) && is_met("profile", &more, &both));
        assert!(!is_met("profile.items", &less, &both) && is_met("profile.name", &less, &both));
        assert!(!is_met("profile", &more, &[more.clone(), whole]));
    }
}
