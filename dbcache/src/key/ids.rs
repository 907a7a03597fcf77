//! Sorted sets of ids of any type.

use std::ops::Range;

use polars::prelude::*;

use super::matches::{Indices, Matches, no_such_index};
use super::sorted::{Origin, converted, filter, floor, gather, locate, merged, overlap, rank, sorted_distinct, union};
use super::{Key, RowId};
use crate::error::{Error, Result};

/// Sorted, distinct ids of one table.
///
/// Integers are stored in the first variant of `Int`, `Big`, `Wide` and `Huge` that can hold all of them. Equal sets
/// are therefore of the same variant.
#[doc(hidden)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdSet {
    Int(Vec<i64>),
    Big(Vec<u64>),
    Wide(Vec<i128>),
    Huge(Vec<u128>),
    Text(Vec<String>),
}

/// The type of the ids in one variant.
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

/// An integer type to which the ids of every integer variant can be converted if they fit.
trait Integer: Id + TryFrom<i64> + TryFrom<u64> + TryFrom<i128> + TryFrom<u128> {}

impl<I: Id + TryFrom<i64> + TryFrom<u64> + TryFrom<i128> + TryFrom<u128>> Integer for I {}

/// Evaluates an expression with the ids of a set, whatever their type.
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

/// Evaluates an expression with the ids of several sets of the same variant, or another expression if the variants
/// differ.
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
    /// Returns the text ids of a column that [`to_column`](Self::to_column) made, and which therefore holds them sorted
    /// and distinct.
    pub(crate) fn from_sorted_text(column: &Series) -> Option<Self> {
        let ids = column.str().ok().filter(|ids| ids.null_count() == 0)?;
        Some(Self::Text(ids.iter().flatten().map(str::to_owned).collect()))
    }

    /// Collects ids in any order. If no single set can hold all of them, the result contains only some: of text and
    /// integer ids, those of the first id's kind.
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
        // `i128` can hold all integers of a signed type, and `u128` those of an unsigned one.
        fitting.or_else(|| all::<I, u128>(ids)).unwrap_or(Self::Int(Vec::new()))
    }

    /// Returns the type of a column that holds these ids.
    pub(crate) fn data_type(&self) -> DataType {
        match self {
            Self::Int(_) => DataType::Int64,
            Self::Big(_) => DataType::UInt64,
            Self::Wide(_) => DataType::Int128,
            Self::Huge(_) => DataType::UInt128,
            Self::Text(_) => DataType::String,
        }
    }

    /// Returns the memory that the ids take, in bytes.
    pub(crate) fn size(&self) -> usize {
        let text = if let Self::Text(ids) = self { ids.iter().map(String::len).sum() } else { 0 };
        text + each!(self, ids => size_of_val(ids.as_slice()))
    }

    /// Returns the memory that one id takes, in bytes, without the characters of a text.
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
    /// Returns the id at `index`.
    pub(crate) fn get(&self, index: usize) -> Option<RowId> {
        each!(self, ids => ids.get(index).cloned().map(Into::into))
    }

    /// Returns the id as a value of a column if the set contains exactly one.
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

    /// Returns all ids in order.
    #[expect(clippy::cloned_instead_of_copied, reason = "text is among the ids")]
    pub(crate) fn row_ids(&self) -> Vec<RowId> {
        each!(self, ids => ids.iter().cloned().map(Into::into).collect())
    }

    /// Returns all ids as the key type `K`, except those that `K` cannot hold.
    #[expect(clippy::cloned_instead_of_copied, reason = "text is among the ids")]
    pub(crate) fn keys<K: Key>(&self) -> Vec<K> {
        each!(self, ids => ids.iter().cloned().map(Into::into).filter_map(K::from_row_id).collect())
    }

    /// Returns the ids at `indices`.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Internal`] if there is no such index, as do all functions that take indices: no id is left out.
    pub(crate) fn select(&self, indices: &Indices) -> Result<Self> {
        if indices.len() == self.len() {
            return Ok(self.clone());
        }
        self.select_as_is(indices.iter()).map(Self::narrowest)
    }

    /// Returns an empty set of the same kind, text or integers.
    pub(crate) fn none(&self) -> Self {
        if self.is_text() { Self::Text(Vec::new()) } else { Self::Int(Vec::new()) }
    }

    /// Returns the ids whose index passes a test.
    pub(crate) fn filter(&self, is_selected: impl Fn(usize) -> bool) -> Self {
        each!(self, ids => Id::set(filter(ids, is_selected))).narrowest()
    }

    /// Returns the ids at ascending `indices`, in a set of the same variant.
    pub(crate) fn select_as_is(&self, indices: impl Iterator<Item = usize>) -> Result<Self> {
        each!(self, ids => gather(ids, indices).map(Id::set)).ok_or_else(no_such_index)
    }

    /// Returns every `step`-th id, beginning with the first, in a set of the same variant.
    #[expect(clippy::cloned_instead_of_copied, reason = "text is among the ids")]
    pub(crate) fn every(&self, step: usize) -> Self {
        each!(self, ids => Id::set(ids.iter().step_by(step).cloned().collect()))
    }

    /// Returns an empty set of the same variant.
    pub(crate) fn none_as_is(&self) -> Self {
        fn none<T: Id>(_: &[T]) -> IdSet {
            T::set(Vec::new())
        }
        each!(self, ids => none(ids))
    }

    /// Returns the id at `index`, if there is one, in a set of the same variant.
    pub(crate) fn one(&self, index: usize) -> Option<Self> {
        self.slice(index..index + 1).ok()
    }

    /// Returns the last id, if there is one, in a set of the same variant.
    pub(crate) fn last(&self) -> Option<Self> {
        self.len().checked_sub(1).and_then(|index| self.one(index))
    }

    /// Returns the ids in a range of indices, in a set of the same variant.
    pub(crate) fn slice(&self, indices: Range<usize>) -> Result<Self> {
        each!(self, ids => ids.get(indices).map(|ids| Id::set(ids.to_vec()))).ok_or_else(no_such_index)
    }

    /// Returns the ids in a range of indices.
    pub(crate) fn range(&self, indices: Range<usize>) -> Result<Self> {
        self.slice(indices).map(Self::narrowest)
    }

    /// Appends ids of the same variant, all greater than those in this set.
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

    /// Reserves capacity for `more` ids.
    pub(crate) fn reserve(&mut self, more: usize) {
        each!(self, ids => ids.reserve(more));
    }

    /// Appends integers in little-endian bytes, as a file stores them. All are greater than those in this set. Returns
    /// `None` if the bytes are not such integers.
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

    /// Converts the ids to the variant of `other`, and returns each with its index in this set. Ids that do not fit are
    /// left out.
    ///
    /// Returns `None` if the variants are the same, or if exactly one of them is text.
    pub(crate) fn in_variant_of(&self, other: &Self) -> Option<(Self, Indices)> {
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

    /// Returns the ids that the integer type `I` can hold, each with its index in this set.
    fn integers<I: Integer>(&self) -> Option<(Self, Indices)> {
        let (ids, indices) = match self {
            Self::Int(ids) => converted::<_, I>(ids),
            Self::Big(ids) => converted(ids),
            Self::Wide(ids) => converted(ids),
            Self::Huge(ids) => converted(ids),
            Self::Text(_) => return None,
        };
        Some((I::set(ids), indices))
    }

    /// Returns, for each id of `wanted`, the index of the last id in this set that is not greater. Returns `None` for
    /// all ids if the variants differ.
    pub(crate) fn floor(&self, wanted: &Self) -> Vec<Option<usize>> {
        alike!(self, wanted; fences, wanted => floor(fences, wanted); _ => vec![None; wanted.len()])
    }

    /// Returns the number of ids that are less than `bound`, the only id in a set of the same variant.
    pub(crate) fn rank(&self, bound: &Self) -> usize {
        alike!(self, bound; ids, bound => rank(ids, bound); _ => self.len())
    }

    /// Merges two sets of the same variant, and returns where each id comes from. For ids in both sets, that is the
    /// index in `self`.
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

    /// Finds the ids of `wanted` in this set.
    pub(crate) fn locate(&self, wanted: &Self) -> Matches {
        alike!(
            self, wanted; stored, wanted => locate(stored, wanted);
            _ => locate(&self.row_ids(), &wanted.row_ids())
        )
    }

    /// Returns the indices of the ids in this set that are also in `wanted`.
    pub(crate) fn locate_among(&self, wanted: &Self) -> Indices {
        wanted.locate(self).indices
    }

    /// Returns the ids that are not in `other`.
    pub(crate) fn without(&self, other: &Self) -> Result<Self> {
        self.select(&self.locate_among(other).complement(self.len()))
    }

    /// Returns `false` if the ranges from least to greatest id show that the sets have no id in common.
    pub(crate) fn may_share(&self, other: &Self) -> bool {
        alike!(self, other; left, right => overlap(left, right); _ => true)
    }

    /// Returns `true` if all ids in this set are less than all ids in `others`, which is of the same variant.
    pub(crate) fn precedes(&self, others: &Self) -> bool {
        alike!(self, others; left, right => left.last() < right.first(); _ => false)
    }

    /// Returns the ids of both sets. Both come from the same request, so that one column can hold them.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Internal`] if no column can hold them, because ids would be lost.
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

    /// Returns the ids of all sets, which come from the same request, or `None` if there are no sets.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`joined`](Self::joined).
    pub(crate) fn all_joined(mut sets: impl Iterator<Item = Self>) -> Result<Option<Self>> {
        let Some(first) = sets.next() else { return Ok(None) };
        sets.try_fold(first, Self::joined).map(Some)
    }

    pub(crate) fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }

    /// Returns an empty set of the variant that can hold all ids of both variants, if there is one.
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

    /// Returns the ids of both sets, or `None` if no single column can hold them: text and integers, or negative
    /// integers and integers above `i128::MAX`.
    pub(crate) fn union(&self, other: &Self) -> Option<Self> {
        if self.is_empty() || other.is_empty() {
            return Some(if self.is_empty() { other.clone() } else { self.clone() });
        }
        if let Some((left, right)) = self.in_one_variant(other) {
            return left.union(&right);
        }
        alike!(self, other; left, right => Some(Id::set(union(left, right))); _ => None)
    }

    /// Converts two sets of different variants to the first variant that holds both. Returns `None` if the variants are
    /// the same.
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

    /// Returns the ids as a column of the type in which they are stored.
    pub(crate) fn to_column(&self, name: &str) -> Column {
        each!(self, ids => Column::new(name.into(), ids.as_slice()))
    }

    /// Returns the same ids in the first variant that can hold them.
    pub(super) fn narrowest(self) -> Self {
        match self {
            Self::Big(ids) => Self::from_integers(&ids),
            Self::Wide(ids) => Self::from_integers(&ids),
            Self::Huge(ids) => Self::from_integers(&ids),
            small => small,
        }
    }
}

fn variants_differ() -> Error {
    Error::Internal { invariant: "one column can hold the ids that are combined" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combining_sets_of_text_and_integers_fails() {
        let (integers, text) = (IdSet::Int(vec![1]), IdSet::Text(vec!["a".to_owned()]));
        for (left, right) in [(&integers, &text), (&text, &integers)] {
            left.clone().append(right.clone()).expect_err("both have ids");
            left.clone().joined(right.clone()).expect_err("both have ids");
            left.merged(right).expect_err("both have ids");
        }
    }

    #[test]
    fn combining_with_an_empty_set_of_another_variant_changes_nothing() {
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
