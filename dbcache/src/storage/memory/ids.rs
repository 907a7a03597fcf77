//! The ids of a file, held to be searched again and again.

use polars_buffer::Buffer;

use super::large_pages::in_large_pages;
use crate::key::{IdSet, Levels, Matches, locate_from};

/// All ids of a file, sorted.
#[derive(Debug)]
pub(in crate::storage) enum HeldIds {
    Int(Buffer<i64>),
    Big(Buffer<u64>),
    Wide(Buffer<i128>),
    Huge(Buffer<u128>),
    Text(Vec<String>),
}

impl HeldIds {
    pub(super) fn of(ids: IdSet) -> Self {
        match ids {
            IdSet::Int(ids) => Self::Int(in_large_pages(ids.into())),
            IdSet::Big(ids) => Self::Big(in_large_pages(ids.into())),
            IdSet::Wide(ids) => Self::Wide(in_large_pages(ids.into())),
            IdSet::Huge(ids) => Self::Huge(in_large_pages(ids.into())),
            IdSet::Text(ids) => Self::Text(ids),
        }
    }

    /// Where ids stand, given every `step`-th id as a fence, and every [`FENCES_PER_TOP`](crate::key::FENCES_PER_TOP)-th
    /// fence: what is searched first then fits in a processor's cache. Ids of another variant are nowhere.
    pub(in crate::storage) fn locate(&self, fences: &IdSet, step: usize, top: &IdSet, wanted: &IdSet) -> Matches {
        macro_rules! located {
            ($($variant:ident),*) => {
                match (self, fences, top, wanted) {
                    $((Self::$variant(ids), IdSet::$variant(fences), IdSet::$variant(top), IdSet::$variant(wanted)) => {
                        locate_from(ids, &Levels { fences, step, top }, wanted)
                    })*
                    _ => Matches::default(),
                }
            };
        }
        located!(Int, Big, Wide, Huge, Text)
    }
}
