//! Sorted sets of ids, of whatever type.

use std::ops::Range;

use polars::prelude::*;

use super::matches::{Matches, Places, no_place};
use super::sorted::{Origin, converted, floor, keep, locate, merged, overlap, pick, rank, sorted_distinct, union};
use super::{Key, RowId};
use crate::error::{Error, Result};

/// Sorted, distinct ids of one table.
///
/// Integers are of the first of `Int`, `Big`, `Wide` and `Huge` that holds all of them; so equal sets are of the same
/// variant.
#[doc(hidden)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdSet {
    Int(Vec<i64>),
    Big(Vec<u64>),
    Wide(Vec<i128>),
    Huge(Vec<u128>),
    Text(Vec<String>),
}

/// The type of the ids of one variant.
trait Id: Ord + Clone + Into<RowId> {
    fn set(ids: Vec<Self>) -> IdSet;
}

macro_rules! variants {
    ($($variant:ident($id:ty)),*) => {$(
        impl Id for $id {
            fn set(ids: Vec<Self>) -> IdSet {
                IdSet::$variant(ids)
            }
        }
    )*};
}

variants!(Int(i64), Big(u64), Wide(i128), Huge(u128), Text(String));

/// A type of integers that takes those of every variant which fit.
trait Integer: Id + TryFrom<i64> + TryFrom<u64> + TryFrom<i128> + TryFrom<u128> {}

impl<I: Id + TryFrom<i64> + TryFrom<u64> + TryFrom<i128> + TryFrom<u128>> Integer for I {}

/// A value made of the ids of a set, whatever their type.
macro_rules! each {
    ($set:expr, $ids:ident => $value:expr) => {
        match $set {
            IdSet::Int($ids) => $value,
            IdSet::Big($ids) => $value,
            IdSet::Wide($ids) => $value,
            IdSet::Huge($ids) => $value,
            IdSet::Text($ids) => $value,
        }
    };
}

/// A value made of the ids of several sets of one variant, and what to do where the variants differ.
macro_rules! alike {
    ($($set:expr),+; $($ids:ident),+ => $value:expr; $(_ if $is:expr => $special:expr;)* _ => $other:expr) => {
        match ($($set),+) {
            ($(IdSet::Int($ids)),+) => $value,
            ($(IdSet::Big($ids)),+) => $value,
            ($(IdSet::Wide($ids)),+) => $value,
            ($(IdSet::Huge($ids)),+) => $value,
            ($(IdSet::Text($ids)),+) => $value,
            $(_ if $is => $special,)*
            _ => $other,
        }
    };
}

impl IdSet {
    /// Text ids of a column that holds them sorted and distinct, as [`to_column`](Self::to_column) made it.
    pub(crate) fn from_sorted_text(column: &Series) -> Option<Self> {
        let ids = column.str().ok().filter(|ids| ids.null_count() == 0)?;
        Some(Self::Text(ids.iter().flatten().map(str::to_owned).collect()))
    }

    /// These ids, of whatever order; of those that no one set holds, only some. Of text beside integers, those of the
    /// first one's kind.
    pub(crate) fn of<'a>(ids: impl Iterator<Item = &'a RowId>) -> Self {
        let (mut small, mut huge, mut text) = (Vec::new(), Vec::new(), Vec::new());
        for id in ids {
            match id {
                RowId::Int(id) if text.is_empty() => small.push(*id),
                RowId::Huge(id) if text.is_empty() => huge.push(*id),
                RowId::Text(id) if small.is_empty() && huge.is_empty() => text.push(id.clone()),
                _ => {}
            }
        }
        if !text.is_empty() {
            return Self::Text(sorted_distinct(text));
        }
        let small = Self::from_integers(&small);
        small.union(&Self::from_integers(&huge)).unwrap_or(small)
    }

    pub(super) fn from_integers<I: Copy>(ids: &[I]) -> Self
    where
        i64: TryFrom<I>,
        u64: TryFrom<I>,
        i128: TryFrom<I>,
        u128: TryFrom<I>,
    {
        fn all<I: Copy, T: Id + TryFrom<I>>(ids: &[I]) -> Option<IdSet> {
            let mut all = Vec::with_capacity(ids.len());
            for id in ids {
                all.push(T::try_from(*id).ok()?);
            }
            Some(T::set(sorted_distinct(all)))
        }
        let fitting = all::<I, i64>(ids).or_else(|| all::<I, u64>(ids)).or_else(|| all::<I, i128>(ids));
        // `i128` holds all integers of a type with signs, and `u128` those of one without.
        fitting.or_else(|| all::<I, u128>(ids)).unwrap_or(Self::Int(Vec::new()))
    }

    /// The type of a column of these ids.
    pub(crate) fn data_type(&self) -> DataType {
        match self {
            Self::Int(_) => DataType::Int64,
            Self::Big(_) => DataType::UInt64,
            Self::Wide(_) => DataType::Int128,
            Self::Huge(_) => DataType::UInt128,
            Self::Text(_) => DataType::String,
        }
    }

    /// How many bytes the ids take in memory.
    pub(crate) fn size(&self) -> usize {
        let text = if let Self::Text(ids) = self { ids.iter().map(String::len).sum() } else { 0 };
        text + each!(self, ids => size_of_val(ids.as_slice()))
    }

    /// How many bytes an id takes in memory, text in a list of its own aside.
    pub(crate) fn width(&self) -> usize {
        fn width<T>(_: &[T]) -> usize {
            size_of::<T>()
        }
        each!(self, ids => width(ids))
    }

    pub(crate) fn len(&self) -> usize {
        each!(self, ids => ids.len())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[expect(clippy::cloned_instead_of_copied, reason = "text is among the ids")]
    pub(crate) fn get(&self, place: usize) -> Option<RowId> {
        each!(self, ids => ids.get(place).cloned().map(Into::into))
    }

    /// The id of a set of one, as a value of a column.
    pub(super) fn only(&self) -> Option<AnyValue<'static>> {
        match self {
            Self::Int(ids) => ids.first().copied().map(AnyValue::Int64),
            Self::Big(ids) => ids.first().copied().map(AnyValue::UInt64),
            Self::Wide(ids) => ids.first().copied().map(AnyValue::Int128),
            Self::Huge(ids) => ids.first().copied().map(AnyValue::UInt128),
            Self::Text(ids) => ids.first().map(|id| AnyValue::StringOwned(id.into())),
        }
        .filter(|_| self.len() == 1)
    }

    /// All ids, in order.
    #[expect(clippy::cloned_instead_of_copied, reason = "text is among the ids")]
    pub(crate) fn row_ids(&self) -> Vec<RowId> {
        each!(self, ids => ids.iter().cloned().map(Into::into).collect())
    }

    /// All ids as the key type `K`; those that `K` cannot hold are left out.
    #[expect(clippy::cloned_instead_of_copied, reason = "text is among the ids")]
    pub(crate) fn keys<K: Key>(&self) -> Vec<K> {
        each!(self, ids => ids.iter().cloned().map(Into::into).filter_map(K::from_row_id).collect())
    }

    /// The ids at these places.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if there is no such place, as in all functions that are given places: no id is left out.
    pub(crate) fn select(&self, places: &Places) -> Result<Self> {
        if places.len() == self.len() {
            return Ok(self.clone());
        }
        self.select_as_is(places.iter()).map(Self::narrowed)
    }

    /// None of the ids.
    pub(crate) fn none(&self) -> Self {
        if self.is_text() { Self::Text(Vec::new()) } else { Self::Int(Vec::new()) }
    }

    /// The ids at those places that pass a test.
    pub(crate) fn keep(&self, is_kept: impl Fn(usize) -> bool) -> Self {
        each!(self, ids => Id::set(keep(ids, is_kept))).narrowed()
    }

    /// The ids at these places, which are ascending, in a set of the same variant.
    pub(crate) fn select_as_is(&self, places: impl Iterator<Item = usize>) -> Result<Self> {
        each!(self, ids => pick(ids, places).map(Id::set)).ok_or_else(no_place)
    }

    /// Every so many-th id, in a set of the same variant.
    #[expect(clippy::cloned_instead_of_copied, reason = "text is among the ids")]
    pub(crate) fn every(&self, step: usize) -> Self {
        each!(self, ids => Id::set(ids.iter().step_by(step).cloned().collect()))
    }

    /// No ids, in a set of the same variant.
    pub(crate) fn none_as_is(&self) -> Self {
        fn none<T: Id>(_: &[T]) -> IdSet {
            T::set(Vec::new())
        }
        each!(self, ids => none(ids))
    }

    /// The id at a place, if there is one, in a set of the same variant.
    pub(crate) fn one(&self, place: usize) -> Option<Self> {
        self.slice(place..place + 1).ok()
    }

    /// The last id, if there is one, in a set of the same variant.
    pub(crate) fn last(&self) -> Option<Self> {
        self.len().checked_sub(1).and_then(|place| self.one(place))
    }

    /// The ids from one place to another, in a set of the same variant.
    pub(crate) fn slice(&self, places: Range<usize>) -> Result<Self> {
        each!(self, ids => ids.get(places).map(|ids| Id::set(ids.to_vec()))).ok_or_else(no_place)
    }

    /// The ids at a range of places.
    pub(crate) fn range(&self, places: Range<usize>) -> Result<Self> {
        self.slice(places).map(Self::narrowed)
    }

    /// Adds ids of the same variant that follow all of these.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if the variants differ and neither set is empty: ids would be lost.
    pub(crate) fn append(&mut self, later: Self) -> Result<()> {
        if self.is_empty() {
            *self = later;
        } else if !later.is_empty() {
            alike!(self, later; ids, later => ids.extend(later); _ => return Err(variants_differ()));
        }
        Ok(())
    }

    /// Makes room for so many more ids.
    pub(crate) fn reserve(&mut self, more: usize) {
        each!(self, ids => ids.reserve(more));
    }

    /// Adds integers that follow all of these, as a file has them; `None` if the bytes are no such integers.
    pub(crate) fn extend_from_bytes(&mut self, bytes: &[u8]) -> Option<()> {
        fn words<const N: usize>(bytes: &[u8]) -> Option<impl Iterator<Item = [u8; N]>> {
            let (words, rest) = bytes.as_chunks();
            rest.is_empty().then(|| words.iter().copied())
        }
        match self {
            Self::Int(ids) => ids.extend(words(bytes)?.map(i64::from_le_bytes)),
            Self::Big(ids) => ids.extend(words(bytes)?.map(u64::from_le_bytes)),
            Self::Wide(ids) => ids.extend(words(bytes)?.map(i128::from_le_bytes)),
            Self::Huge(ids) => ids.extend(words(bytes)?.map(u128::from_le_bytes)),
            Self::Text(_) => return None,
        }
        Some(())
    }

    /// These ids in a set of the variant of `other`, each with its place here; those that cannot be in one are left
    /// out. `None` where the variant is the same, or only one of them is text.
    pub(crate) fn in_variant_of(&self, other: &Self) -> Option<(Self, Places)> {
        if self.data_type() == other.data_type() {
            return None;
        }
        match other {
            Self::Int(_) => self.integers::<i64>(),
            Self::Big(_) => self.integers::<u64>(),
            Self::Wide(_) => self.integers::<i128>(),
            Self::Huge(_) => self.integers::<u128>(),
            Self::Text(_) => None,
        }
    }

    /// The ids that are integers of another type, each with its place here.
    fn integers<I: Integer>(&self) -> Option<(Self, Places)> {
        let (ids, places) = match self {
            Self::Int(ids) => converted::<_, I>(ids),
            Self::Big(ids) => converted(ids),
            Self::Wide(ids) => converted(ids),
            Self::Huge(ids) => converted(ids),
            Self::Text(_) => return None,
        };
        Some((I::set(ids), places))
    }

    /// The place of the last id here that is not above each of `wanted`; none of those of another variant is here.
    pub(crate) fn floor(&self, wanted: &Self) -> Vec<Option<usize>> {
        alike!(self, wanted; fences, wanted => floor(fences, wanted); _ => vec![None; wanted.len()])
    }

    /// How many ids here are below `bound`, the one id of a set of the same variant.
    pub(crate) fn rank(&self, bound: &Self) -> usize {
        alike!(self, bound; ids, bound => rank(ids, bound); _ => self.len())
    }

    /// All ids of both, each with where it comes from; of ids in both, the place in `self`. The variants are the same.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if the variants differ and neither set is empty: ids would be lost.
    pub(crate) fn merged(&self, older: &Self) -> Result<(Self, Vec<Origin>)> {
        alike!(
            self, older; newer, older => {
                let (ids, origins) = merged(newer, older);
                Ok((Id::set(ids), origins))
            };
            _ if older.is_empty() => Ok((self.clone(), (0..self.len()).map(Origin::Newer).collect()));
            _ if self.is_empty() => Ok((older.clone(), (0..older.len()).map(Origin::Older).collect()));
            _ => Err(variants_differ())
        )
    }

    /// Where the ids of `wanted` stand in this set.
    pub(crate) fn locate(&self, wanted: &Self) -> Matches {
        alike!(
            self, wanted; stored, wanted => locate(stored, wanted);
            _ => locate(&self.row_ids(), &wanted.row_ids())
        )
    }

    /// The places in this set of the ids that are in `wanted` too.
    pub(crate) fn locate_among(&self, wanted: &Self) -> Places {
        wanted.locate(self).places
    }

    /// The ids that are not in the other set.
    pub(crate) fn without(&self, other: &Self) -> Result<Self> {
        self.select(&self.locate_among(other).rest(self.len()))
    }

    /// Whether the sets may have an id in common, as far as their least and greatest ids tell.
    pub(crate) fn may_share(&self, other: &Self) -> bool {
        alike!(self, other; left, right => overlap(left, right); _ => true)
    }

    /// Whether all of these ids stand before all of the others, which are of the same variant.
    pub(crate) fn precedes(&self, others: &Self) -> bool {
        alike!(self, others; left, right => left.last() < right.first(); _ => false)
    }

    /// The ids of both sets, which are of one request, so that one column can hold them.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if no column can: ids would be lost.
    pub(crate) fn joined(mut self, other: Self) -> Result<Self> {
        match (self.is_empty(), other.is_empty()) {
            (_, true) => Ok(self),
            (true, false) => Ok(other),
            (false, false) if self.precedes(&other) => {
                self.append(other)?;
                Ok(self)
            }
            (false, false) => self.union(&other).ok_or_else(variants_differ),
        }
    }

    /// The ids of all sets, which are of one request; `None` where there is no set.
    ///
    /// # Errors
    ///
    /// As [`joined`](Self::joined).
    pub(crate) fn all_joined(mut sets: impl Iterator<Item = Self>) -> Result<Option<Self>> {
        let Some(first) = sets.next() else { return Ok(None) };
        sets.try_fold(first, Self::joined).map(Some)
    }

    pub(crate) fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }

    /// No ids, in the variant that holds whatever ids these variants hold, if one does.
    pub(crate) fn variant_with(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (left, right) if left.data_type() == right.data_type() => Some(left.none_as_is()),
            (Self::Int(_) | Self::Big(_) | Self::Wide(_), Self::Int(_) | Self::Big(_) | Self::Wide(_)) => {
                Some(Self::Wide(Vec::new()))
            }
            (Self::Big(_), Self::Huge(_)) | (Self::Huge(_), Self::Big(_)) => Some(Self::Huge(Vec::new())),
            _ => None,
        }
    }

    /// The ids of both sets, or `None` where no one column can hold them: text beside integers, or negative
    /// integers beside integers above `i128::MAX`.
    pub(crate) fn union(&self, other: &Self) -> Option<Self> {
        if self.is_empty() || other.is_empty() {
            return Some(if self.is_empty() { other.clone() } else { self.clone() });
        }
        if let Some((left, right)) = self.in_one_variant(other) {
            return left.union(&right);
        }
        alike!(self, other; left, right => Some(Id::set(union(left, right))); _ => None)
    }

    /// Both sets in the first variant that holds them, where they are of different ones.
    fn in_one_variant(&self, other: &Self) -> Option<(Self, Self)> {
        let whole = |set: &Self, variant: &Self| match set.in_variant_of(variant) {
            Some((converted, _)) => (converted.len() == set.len()).then_some(converted),
            None => (set.data_type() == variant.data_type()).then(|| set.clone()),
        };
        if self.data_type() == other.data_type() {
            return None;
        }
        let variants = [Self::Int(Vec::new()), Self::Big(Vec::new()), Self::Wide(Vec::new()), Self::Huge(Vec::new())];
        variants.iter().find_map(|variant| whole(self, variant).zip(whole(other, variant)))
    }

    /// The ids as a column of the type that this crate stores them in.
    pub(crate) fn to_column(&self, name: &str) -> Column {
        each!(self, ids => Column::new(name.into(), ids.as_slice()))
    }

    /// The same ids in the first variant that holds them.
    pub(super) fn narrowed(self) -> Self {
        match self {
            Self::Big(ids) => Self::from_integers(&ids),
            Self::Wide(ids) => Self::from_integers(&ids),
            Self::Huge(ids) => Self::from_integers(&ids),
            small => small,
        }
    }
}

fn variants_differ() -> Error {
    Error::Internal { invariant: "ids that are put together are of types that one column can hold" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_other_variants_are_never_dropped() {
        let (integers, text) = (IdSet::Int(vec![1]), IdSet::Text(vec!["a".to_owned()]));
        for (left, right) in [(&integers, &text), (&text, &integers)] {
            left.clone().append(right.clone()).expect_err("both have ids");
            left.clone().joined(right.clone()).expect_err("both have ids");
            left.merged(right).expect_err("both have ids");
        }
    }

    #[test]
    fn empty_sets_of_other_variants_change_nothing() {
        let (integers, text) = (IdSet::Int(vec![1, 2]), IdSet::Text(Vec::new()));
        let appended = |mut all: IdSet, later: IdSet| all.append(later).map(|()| all);
        for (left, right) in [(&integers, &text), (&text, &integers)] {
            assert_eq!(appended(left.clone(), right.clone()).expect("one is empty"), integers);
            assert_eq!(left.clone().joined(right.clone()).expect("one is empty"), integers);
            assert_eq!(left.merged(right).expect("one is empty").0, integers);
        }
        assert_eq!(integers.merged(&text).expect("one is empty").1, [Origin::Newer(0), Origin::Newer(1)]);
        assert_eq!(text.merged(&integers).expect("one is empty").1, [Origin::Older(0), Origin::Older(1)]);
    }
}
