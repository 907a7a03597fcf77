//! The paths of one column as a tree, so that one walk over a document finds them all.

use super::scan::{Key, Slot};
use super::value;
use super::{MAX_DEPTH, Wanted};

/// A place that some paths go through or end at.
#[derive(Debug, Default)]
pub(super) struct Node {
    children: Vec<Child>,
    /// The paths that end here.
    ends: Vec<usize>,
    /// The paths that go on from here.
    below: Vec<usize>,
}

#[derive(Debug)]
struct Child {
    step: String,
    tag: u64,
    place: Option<usize>,
    node: Node,
}

impl Child {
    fn of(step: &str) -> Self {
        let tag = Key::plain(step).tag;
        Self { step: step.to_owned(), tag, place: array_place(step), node: Node::default() }
    }

    /// Whether this is the child of a key with the same tag.
    fn is(&self, key: Key<'_>) -> bool {
        self.step.len() == key.len() && (key.len() <= 8 || self.step == key.raw())
    }
}

impl Node {
    pub(super) fn of(wanted: &[Wanted<'_>]) -> Self {
        let mut root = Self::default();
        for (path, wanted) in wanted.iter().enumerate() {
            // No document has places for more steps, and one more shows where a path would step into a scalar.
            root.add(wanted.steps.get(..=MAX_DEPTH).unwrap_or(wanted.steps), path);
        }
        root
    }

    fn add(&mut self, steps: &[String], path: usize) {
        match steps.split_first() {
            None => self.ends.push(path),
            Some((step, rest)) => {
                self.below.push(path);
                self.child_for(step).add(rest, path);
            }
        }
    }

    fn child_for(&mut self, step: &str) -> &mut Self {
        let known = self.children.iter().position(|child| child.step == step).unwrap_or(self.children.len());
        if known == self.children.len() {
            self.children.push(Child::of(step));
        }
        #[expect(clippy::indexing_slicing, reason = "the child was found, or pushed just above")]
        &mut self.children[known].node
    }

    #[inline]
    pub(super) fn child(&self, key: Key<'_>) -> Option<&Self> {
        if key.escaped {
            return self.child_of_escaped(key);
        }
        let mut children = self.children.iter();
        children.find(|child| child.tag == key.tag && child.is(key)).map(|child| &child.node)
    }

    #[cold]
    fn child_of_escaped(&self, key: Key<'_>) -> Option<&Self> {
        let name = value::unescaped(key.raw())?;
        self.child(Key::plain(&name))
    }

    pub(super) fn element(&self, place: usize) -> Option<&Self> {
        self.children.iter().find(|child| child.place == Some(place)).map(|child| &child.node)
    }

    pub(super) fn has_children(&self) -> bool {
        !self.children.is_empty()
    }

    pub(super) fn has_ends(&self) -> bool {
        !self.ends.is_empty()
    }

    pub(super) fn set_ends(&self, slots: &mut [Slot], slot: Slot) {
        set(slots, &self.ends, slot);
    }

    pub(super) fn set_below(&self, slots: &mut [Slot], slot: Slot) {
        set(slots, &self.below, slot);
    }

    pub(super) fn set_all(&self, slots: &mut [Slot], slot: Slot) {
        self.set_ends(slots, slot);
        self.set_below(slots, slot);
    }
}

fn set(slots: &mut [Slot], paths: &[usize], slot: Slot) {
    for path in paths {
        debug_assert!(*path < slots.len(), "there is a slot for each path of the tree");
        if let Some(place) = slots.get_mut(*path) {
            *place = slot;
        }
    }
}

/// The array place that a step names: decimal digits without leading zeros.
pub(super) fn array_place(step: &str) -> Option<usize> {
    let canonical = step == "0" || (step.bytes().all(|byte| byte.is_ascii_digit()) && !step.starts_with('0'));
    if canonical { step.parse().ok() } else { None }
}
