//! Sorted sets of ids, of whatever type.

use std::ops::Range;

use polars::prelude::*;

use super::search::locate_from;
#[cfg(feature = "lazy")]
use super::sorted::rank;
use super::sorted::{Origin, Positions, converted, floor, locate, merged, overlap, pick, sorted_distinct, union};
use super::{Key, RowId};

/// Sorted, distinct ids of one table.
///
/// Integers are `Int` when all fit in an `i64`, `Big` when one does not; so equal sets are of the same variant.
#[doc(hidden)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdSet {
    Int(Vec<i64>),
    Big(Vec<u64>),
    Text(Vec<String>),
}

impl IdSet {
    /// The ids of a column that holds them sorted and distinct, as [`to_column`](Self::to_column) made it.
    pub(crate) fn from_sorted(column: &Series) -> Option<Self> {
        match column.dtype() {
            _ if column.null_count() > 0 => None,
            DataType::Int64 => Some(Self::Int(column.i64().ok()?.to_vec_null_aware().left()?)),
            DataType::UInt64 => Some(Self::Big(column.u64().ok()?.to_vec_null_aware().left()?)),
            DataType::String => Some(Self::Text(column.str().ok()?.iter().flatten().map(str::to_owned).collect())),
            _ => None,
        }
    }

    /// These ids, of whatever order. Of text beside integers, only those of the first one's kind.
    pub(crate) fn of<'a>(ids: impl Iterator<Item = &'a RowId>) -> Self {
        let mut ids = ids.peekable();
        if let Some(RowId::Text(_)) = ids.peek() {
            let text = |id: &RowId| if let RowId::Text(id) = id { Some(id.clone()) } else { None };
            return Self::Text(sorted_distinct(ids.filter_map(text).collect()));
        }
        let integer = |id: &RowId| if let RowId::Int(id) = id { Some(*id) } else { None };
        Self::from_integers(&ids.filter_map(integer).collect::<Vec<i128>>())
    }

    pub(super) fn from_integers<I: Copy>(ids: &[I]) -> Self
    where
        i64: TryFrom<I>,
        u64: TryFrom<I>,
    {
        let small: Option<Vec<i64>> = ids.iter().map(|id| i64::try_from(*id).ok()).collect();
        small.map_or_else(
            || Self::Big(sorted_distinct(ids.iter().filter_map(|id| u64::try_from(*id).ok()).collect())),
            |ids| Self::Int(sorted_distinct(ids)),
        )
    }

    /// The type of a column of these ids.
    pub(crate) fn data_type(&self) -> DataType {
        match self {
            Self::Int(_) => DataType::Int64,
            Self::Big(_) => DataType::UInt64,
            Self::Text(_) => DataType::String,
        }
    }

    /// How many bytes the ids take in memory.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Int(ids) => size_of_val(ids.as_slice()),
            Self::Big(ids) => size_of_val(ids.as_slice()),
            Self::Text(ids) => size_of_val(ids.as_slice()) + ids.iter().map(String::len).sum::<usize>(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Int(ids) => ids.len(),
            Self::Big(ids) => ids.len(),
            Self::Text(ids) => ids.len(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn get(&self, place: usize) -> Option<RowId> {
        match self {
            Self::Int(ids) => ids.get(place).map(|id| RowId::Int((*id).into())),
            Self::Big(ids) => ids.get(place).map(|id| RowId::Int((*id).into())),
            Self::Text(ids) => ids.get(place).map(|id| RowId::Text(id.clone())),
        }
    }

    /// All ids, in order.
    pub(crate) fn row_ids(&self) -> Vec<RowId> {
        (0..self.len()).filter_map(|place| self.get(place)).collect()
    }

    /// All ids as the key type `K`; those that `K` cannot hold are left out.
    pub(crate) fn keys<K: Key>(&self) -> Vec<K> {
        (0..self.len()).filter_map(|place| self.get(place)).filter_map(K::from_row_id).collect()
    }

    /// The ids at these places, which are ascending.
    pub(crate) fn select(&self, places: &[usize]) -> Self {
        if places.len() == self.len() {
            return self.clone();
        }
        self.select_as_is(places).narrowed()
    }

    /// The ids at these places, in a set of the same variant.
    pub(crate) fn select_as_is(&self, places: &[usize]) -> Self {
        match self {
            Self::Int(ids) => Self::Int(pick(ids, places)),
            Self::Big(ids) => Self::Big(pick(ids, places)),
            Self::Text(ids) => Self::Text(pick(ids, places)),
        }
    }

    /// The ids from one place to another, in a set of the same variant.
    pub(crate) fn slice(&self, places: Range<usize>) -> Self {
        match self {
            Self::Int(ids) => Self::Int(ids.get(places).unwrap_or_default().to_vec()),
            Self::Big(ids) => Self::Big(ids.get(places).unwrap_or_default().to_vec()),
            Self::Text(ids) => Self::Text(ids.get(places).unwrap_or_default().to_vec()),
        }
    }

    /// The ids at a range of places.
    pub(crate) fn range(&self, places: Range<usize>) -> Self {
        self.slice(places).narrowed()
    }

    /// Adds ids of the same variant that follow all of these.
    pub(crate) fn append(&mut self, later: Self) {
        match (self, later) {
            (Self::Int(ids), Self::Int(later)) => ids.extend(later),
            (Self::Big(ids), Self::Big(later)) => ids.extend(later),
            (Self::Text(ids), Self::Text(later)) => ids.extend(later),
            _ => {}
        }
    }

    /// Adds integers that follow all of these, as a file has them.
    pub(crate) fn extend_from_bytes(&mut self, bytes: &[u8]) {
        let words = bytes.as_chunks().0.iter().copied();
        match self {
            Self::Int(ids) => ids.extend(words.map(i64::from_le_bytes)),
            Self::Big(ids) => ids.extend(words.map(u64::from_le_bytes)),
            Self::Text(_) => {}
        }
    }

    /// These ids in a set of the variant of `other`, each with its place here; those that cannot be in one are left out.
    pub(crate) fn in_variant_of(&self, other: &Self) -> Option<(Self, Vec<usize>)> {
        match (self, other) {
            (Self::Int(ids), Self::Big(_)) => {
                let (ids, places) = converted(ids);
                Some((Self::Big(ids), places))
            }
            (Self::Big(ids), Self::Int(_)) => {
                let (ids, places) = converted(ids);
                Some((Self::Int(ids), places))
            }
            _ => None,
        }
    }

    /// The place of the last id here that is not above each of `wanted`, of the same variant.
    pub(crate) fn floor(&self, wanted: &Self) -> Vec<Option<usize>> {
        match (self, wanted) {
            (Self::Int(fences), Self::Int(wanted)) => floor(fences, wanted),
            (Self::Big(fences), Self::Big(wanted)) => floor(fences, wanted),
            (Self::Text(fences), Self::Text(wanted)) => floor(fences, wanted),
            _ => vec![None; wanted.len()],
        }
    }

    /// How many ids here are below `bound`, the one id of a set of the same variant.
    #[cfg(feature = "lazy")]
    pub(crate) fn rank(&self, bound: &Self) -> usize {
        match (self, bound) {
            (Self::Int(ids), Self::Int(bound)) => rank(ids, bound),
            (Self::Big(ids), Self::Big(bound)) => rank(ids, bound),
            (Self::Text(ids), Self::Text(bound)) => rank(ids, bound),
            _ => self.len(),
        }
    }

    /// As [`locate`](Self::locate), given every so many-th id as a fence: what is searched first then fits in a
    /// processor's cache.
    pub(crate) fn locate_from(&self, fences: &Self, step: usize, wanted: &Self) -> Positions {
        match (self, fences, wanted) {
            (Self::Int(ids), Self::Int(fences), Self::Int(wanted)) => locate_from(ids, fences, step, wanted),
            (Self::Big(ids), Self::Big(fences), Self::Big(wanted)) => locate_from(ids, fences, step, wanted),
            (Self::Text(ids), Self::Text(fences), Self::Text(wanted)) => locate_from(ids, fences, step, wanted),
            _ => self.locate(wanted),
        }
    }

    /// All ids of both, each with where it comes from; of ids in both, the place in `self`. The variants are the same.
    pub(crate) fn merged(&self, older: &Self) -> (Self, Vec<Origin>) {
        match (self, older) {
            (Self::Int(newer), Self::Int(older)) => {
                let (ids, origins) = merged(newer, older);
                (Self::Int(ids), origins)
            }
            (Self::Big(newer), Self::Big(older)) => {
                let (ids, origins) = merged(newer, older);
                (Self::Big(ids), origins)
            }
            (Self::Text(newer), Self::Text(older)) => {
                let (ids, origins) = merged(newer, older);
                (Self::Text(ids), origins)
            }
            (newer, _) => (newer.clone(), (0..newer.len()).map(Origin::Newer).collect()),
        }
    }

    /// Where each id of `wanted` stands in this set.
    pub(crate) fn locate(&self, wanted: &Self) -> Positions {
        match (self, wanted) {
            (Self::Int(stored), Self::Int(wanted)) => locate(stored, wanted),
            (Self::Big(stored), Self::Big(wanted)) => locate(stored, wanted),
            (Self::Text(stored), Self::Text(wanted)) => locate(stored, wanted),
            _ => locate(&self.row_ids(), &wanted.row_ids()),
        }
    }

    /// The places in this set of the ids that are in `wanted` too.
    pub(crate) fn locate_among(&self, wanted: &Self) -> Vec<usize> {
        wanted.locate(self).iter().enumerate().filter_map(|(place, found)| found.map(|_| place)).collect()
    }

    /// The ids that are not in the other set.
    pub(crate) fn without(&self, other: &Self) -> Self {
        let found = other.locate(self);
        let places: Vec<usize> =
            found.iter().enumerate().filter(|(_, found)| found.is_none()).map(|(place, _)| place).collect();
        if places.len() == self.len() { self.clone() } else { self.select(&places) }
    }

    /// Whether the sets may have an id in common, as far as their least and greatest ids tell.
    pub(crate) fn may_share(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Int(left), Self::Int(right)) => overlap(left, right),
            (Self::Big(left), Self::Big(right)) => overlap(left, right),
            (Self::Text(left), Self::Text(right)) => overlap(left, right),
            _ => true,
        }
    }

    /// Whether all of these ids stand before all of the others, which are of the same variant.
    pub(crate) fn precedes(&self, others: &Self) -> bool {
        match (self, others) {
            (Self::Int(left), Self::Int(right)) => left.last() < right.first(),
            (Self::Big(left), Self::Big(right)) => left.last() < right.first(),
            (Self::Text(left), Self::Text(right)) => left.last() < right.first(),
            _ => false,
        }
    }

    /// The ids of both sets, which are of one request, so that one column can hold them.
    pub(crate) fn joined(mut self, other: Self) -> Self {
        match (self.is_empty(), other.is_empty()) {
            (_, true) => self,
            (true, false) => other,
            (false, false) if self.precedes(&other) => {
                self.append(other);
                self
            }
            (false, false) => self.union(&other).unwrap_or(self),
        }
    }

    pub(crate) fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }

    /// The ids of both sets, or `None` where no one column can hold them: text beside integers, or negative
    /// integers beside integers above `i64::MAX`.
    pub(crate) fn union(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (left, right) if left.is_empty() => Some(right.clone()),
            (left, right) if right.is_empty() => Some(left.clone()),
            (Self::Int(left), Self::Int(right)) => Some(Self::Int(union(left, right))),
            (Self::Big(left), Self::Big(right)) => Some(Self::Big(union(left, right))),
            (Self::Text(left), Self::Text(right)) => Some(Self::Text(union(left, right))),
            (Self::Int(small), Self::Big(big)) | (Self::Big(big), Self::Int(small)) => {
                let small: Option<Vec<u64>> = small.iter().map(|id| u64::try_from(*id).ok()).collect();
                Some(Self::Big(union(&small?, big)))
            }
            _ => None,
        }
    }

    /// The ids as a column of the narrowest type that this crate stores them in.
    pub(crate) fn to_column(&self, name: &str) -> Column {
        match self {
            Self::Int(ids) => Column::new(name.into(), ids.as_slice()),
            Self::Big(ids) => Column::new(name.into(), ids.as_slice()),
            Self::Text(ids) => Column::new(name.into(), ids.as_slice()),
        }
    }

    pub(super) fn narrowed(self) -> Self {
        match self {
            Self::Big(ids) => Self::from_integers(&ids),
            other => other,
        }
    }
}
