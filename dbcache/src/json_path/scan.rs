//! One pass over a JSON text that checks all of it and notes where the values of some paths stand.
//!
//! Places in the text are passed and returned rather than kept in a cursor, so that they stay in registers: the scan
//! takes a few machine instructions a byte, and this is a third of them.

use std::borrow::Cow;

use super::MAX_DEPTH;
use super::tree::Node;
use super::value::{self, Kind, Value};

/// Where a value stands in its document, and of which kind it is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Slot {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) kind: Kind,
}

impl Slot {
    fn new(start: usize, end: usize, kind: Kind) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "`document` takes no text of 4 GiB or more")]
        let short = |place: usize| place as u32;
        Self { start: short(start), end: short(end), kind }
    }
}

/// Checks a whole document and notes in `slots`, one for each path of the tree, what it found. `None` if the document
/// is not JSON; the slots then mean nothing. Nor does it take a text of 4 GiB or more, which no column holds.
pub(super) fn document(text: &str, root: &Node, slots: &mut [Slot]) -> Option<()> {
    slots.fill(Slot::default());
    u32::try_from(text.len()).ok()?;
    let text = Text(text);
    let end = text.noted(root, slots, text.skip_space(0), MAX_DEPTH)?;
    (text.skip_space(end) == text.0.len()).then_some(())
}

/// A key as it is written, between its quotes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key<'a> {
    text: Text<'a>,
    start: usize,
    end: usize,
    pub(super) escaped: bool,
    /// The first bytes, to tell most keys apart.
    pub(super) tag: u64,
}

impl<'a> Key<'a> {
    /// A key that has no escapes, or whose escapes are resolved.
    pub(super) fn plain(raw: &'a str) -> Self {
        let text = Text(raw);
        Self { text, start: 0, end: raw.len(), escaped: false, tag: tag(text.eight(0), raw.len()) }
    }

    /// How many bytes it takes.
    pub(super) fn len(self) -> usize {
        self.end - self.start
    }

    /// The key as it is written. Most keys that are scanned are passed over without it.
    pub(super) fn raw(self) -> &'a str {
        // Both places are those of quotes in the text, or its ends.
        self.text.0.get(self.start..self.end).unwrap_or_default()
    }

    /// The key without its escapes, unless it is no Unicode text.
    pub(super) fn name(self) -> Option<Cow<'a, str>> {
        if self.escaped { value::unescaped(self.raw()).map(Cow::Owned) } else { Some(Cow::Borrowed(self.raw())) }
    }
}

/// The text of a document. Its functions take the place where something starts and return the one behind it, or `None`
/// if it is not JSON.
#[derive(Clone, Copy, Debug)]
struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    /// Notes the value at `start` for the paths that end at `node`, and follows those that go on.
    fn noted(self, node: &Node, slots: &mut [Slot], start: usize, depth: usize) -> Option<usize> {
        let (end, kind) = match self.byte(start) {
            b'{' if node.has_children() => (self.object(node, slots, start, depth)?, Kind::Object),
            b'[' if node.has_children() => (self.array(node, slots, start, depth)?, Kind::Array),
            _ => self.value(start, depth)?,
        };
        if kind.is_scalar() {
            node.set_below(slots, Slot::new(start, end, Kind::Stepped));
        }
        if node.has_ends() {
            let kind = value::exact_kind(kind, end - start, || self.0.get(start..end).unwrap_or_default());
            node.set_ends(slots, Slot::new(start, end, kind));
        }
        Some(end)
    }

    fn object(self, node: &Node, slots: &mut [Slot], start: usize, depth: usize) -> Option<usize> {
        let depth = depth.checked_sub(1)?;
        let mut next = self.open(start, b'}');
        while let Next::At(at) = next {
            let (key, at) = self.key(at)?;
            let end = match node.child(key) {
                None => self.value(at, depth)?.0,
                Some(child) => {
                    // Of equal keys the last counts, so nothing of an earlier one may stay.
                    child.set_all(slots, Slot::default());
                    self.noted(child, slots, at, depth)?
                }
            };
            next = self.goes_on(end, b'}')?;
        }
        next.end()
    }

    fn array(self, node: &Node, slots: &mut [Slot], start: usize, depth: usize) -> Option<usize> {
        let depth = depth.checked_sub(1)?;
        let mut next = self.open(start, b']');
        let mut place = 0;
        while let Next::At(at) = next {
            let end = match node.element(place) {
                None => self.value(at, depth)?.0,
                Some(child) => self.noted(child, slots, at, depth)?,
            };
            place += 1;
            next = self.goes_on(end, b']')?;
        }
        next.end()
    }

    /// Passes over a value. Numbers have their kind by how they are written, which [`value::exact_kind`] makes exact.
    #[inline]
    fn value(self, start: usize, depth: usize) -> Option<(usize, Kind)> {
        if self.byte(start) == b'"' { self.string(start) } else { self.other_value(start, depth) }
    }

    /// Most values are strings, which are worth no call.
    #[inline(never)]
    fn other_value(self, start: usize, depth: usize) -> Option<(usize, Kind)> {
        match self.byte(start) {
            b'{' => Some((self.skip_object(start, depth)?, Kind::Object)),
            b'[' => Some((self.skip_array(start, depth)?, Kind::Array)),
            b'-' | b'0'..=b'9' => self.number(start),
            b't' => self.literal(start, "true", Kind::Bool),
            b'f' => self.literal(start, "false", Kind::Bool),
            b'n' => self.literal(start, "null", Kind::Missing),
            // Python's `json` writes these, and `-Infinity`, which begins as a number.
            b'N' => self.literal(start, "NaN", Kind::Float),
            b'I' => self.literal(start, "Infinity", Kind::Float),
            _ => None,
        }
    }

    fn skip_object(self, start: usize, depth: usize) -> Option<usize> {
        let depth = depth.checked_sub(1)?;
        let mut next = self.open(start, b'}');
        while let Next::At(at) = next {
            let at = self.skip_key(at)?;
            next = self.goes_on(self.value(at, depth)?.0, b'}')?;
        }
        next.end()
    }

    fn skip_array(self, start: usize, depth: usize) -> Option<usize> {
        let depth = depth.checked_sub(1)?;
        let mut next = self.open(start, b']');
        while let Next::At(at) = next {
            next = self.goes_on(self.value(at, depth)?.0, b']')?;
        }
        next.end()
    }

    /// Steps over an opening bracket.
    #[inline]
    fn open(self, start: usize, close: u8) -> Next {
        let at = self.skip_space(start + 1);
        if self.byte(at) == close { Next::End(at + 1) } else { Next::At(at) }
    }

    /// Steps over a comma, or over `close`.
    #[inline]
    fn goes_on(self, end: usize, close: u8) -> Option<Next> {
        let at = self.skip_space(end);
        match self.byte(at) {
            b',' => Some(Next::At(self.skip_space(at + 1))),
            next if next == close => Some(Next::End(at + 1)),
            _ => None,
        }
    }

    /// Reads a key and its colon.
    #[expect(
        clippy::inline_always,
        reason = "a key is too large to return in registers; a call costs a tenth of the scan"
    )]
    #[inline(always)]
    fn key(self, start: usize) -> Option<(Key<'a>, usize)> {
        if self.byte(start) != b'"' {
            return None;
        }
        let (end, kind) = self.string(start)?;
        let at = self.colon(end)?;
        let (start, end) = (start + 1, end - 1);
        let tag = tag(self.eight(start), end - start);
        Some((Key { text: self, start, end, escaped: kind == Kind::Escaped, tag }, at))
    }

    /// Steps over a key and its colon.
    #[inline]
    fn skip_key(self, start: usize) -> Option<usize> {
        if self.byte(start) != b'"' {
            return None;
        }
        let (end, _) = self.string(start)?;
        self.colon(end)
    }

    #[inline]
    fn colon(self, end: usize) -> Option<usize> {
        let colon = self.skip_space(end);
        (self.byte(colon) == b':').then(|| self.skip_space(colon + 1))
    }

    #[inline]
    fn string(self, start: usize) -> Option<(usize, Kind)> {
        let mut at = start + 1;
        loop {
            let eight = self.eight(at);
            let stops = string_stops(eight);
            if stops != 0 {
                let place = first_byte(stops);
                return self.string_end(at + place, byte_at(eight, place));
            }
            at += 8;
        }
    }

    /// The end of a string, from the first byte on that is not plain.
    #[inline]
    fn string_end(self, at: usize, stop: u8) -> Option<(usize, Kind)> {
        match stop {
            b'"' => Some((at + 1, Kind::Plain)),
            b'\\' => self.escaped_string(at),
            _ => None,
        }
    }

    /// The rest of a string from its first escape on.
    #[inline(never)]
    fn escaped_string(self, mut at: usize) -> Option<(usize, Kind)> {
        loop {
            match self.byte(at) {
                b'"' => return Some((at + 1, Kind::Escaped)),
                b'\\' => at = self.plain_run(self.escape(at)?),
                _ => return None,
            }
        }
    }

    fn escape(self, at: usize) -> Option<usize> {
        match self.byte(at + 1) {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(at + 2),
            b'u' => {
                let digits = self.0.as_bytes().get(at + 2..at + 6)?;
                digits.iter().all(u8::is_ascii_hexdigit).then_some(at + 6)
            }
            _ => None,
        }
    }

    /// The place of the next quote, backslash or control character, or the end.
    #[inline]
    fn plain_run(self, mut at: usize) -> usize {
        loop {
            let stops = string_stops(self.eight(at));
            if stops != 0 {
                return at + first_byte(stops);
            }
            at += 8;
        }
    }

    #[inline]
    fn number(self, start: usize) -> Option<(usize, Kind)> {
        let is_negative = self.byte(start) == b'-';
        let first = start + usize::from(is_negative);
        let end = match self.byte(first) {
            b'0' => first + 1,
            b'I' if is_negative => return self.literal(first, "Infinity", Kind::Float),
            _ => self.digits(first)?,
        };
        match self.byte(end) {
            b'.' | b'e' | b'E' => self.fraction(end),
            _ if is_negative && self.byte(first) == b'0' => Some((end, Kind::Float)),
            _ => Some((end, Kind::Int)),
        }
    }

    #[inline]
    fn fraction(self, mut at: usize) -> Option<(usize, Kind)> {
        if self.byte(at) == b'.' {
            at = self.digits(at + 1)?;
        }
        if matches!(self.byte(at), b'e' | b'E') {
            let sign = usize::from(matches!(self.byte(at + 1), b'+' | b'-'));
            return Some((self.digits(at + 1 + sign)?, Kind::Precise));
        }
        Some((at, Kind::Float))
    }

    /// One digit or more.
    #[inline]
    fn digits(self, start: usize) -> Option<usize> {
        let mut at = start;
        loop {
            let stops = digit_stops(self.eight(at));
            if stops != 0 {
                at += first_byte(stops);
                return (at > start).then_some(at);
            }
            at += 8;
        }
    }

    #[inline]
    fn literal(self, start: usize, word: &str, kind: Kind) -> Option<(usize, Kind)> {
        let end = start + word.len();
        (self.0.as_bytes().get(start..end)? == word.as_bytes()).then_some((end, kind))
    }

    #[inline]
    fn skip_space(self, mut at: usize) -> usize {
        while self.byte(at) <= b' ' && matches!(self.byte(at), b' ' | b'\n' | b'\r' | b'\t') {
            at += 1;
        }
        at
    }

    /// The byte at a place; at the end NUL, which JSON has nowhere.
    #[inline]
    fn byte(self, at: usize) -> u8 {
        self.0.as_bytes().get(at).copied().unwrap_or(0)
    }

    /// Eight bytes from a place on, the first the lowest, with NUL for those behind the end.
    #[inline]
    fn eight(self, at: usize) -> u64 {
        match self.0.as_bytes().get(at..).and_then(<[u8]>::first_chunk) {
            Some(eight) => u64::from_le_bytes(*eight),
            None => self.last_bytes(at),
        }
    }

    #[cold]
    fn last_bytes(self, at: usize) -> u64 {
        let bytes = self.0.as_bytes().get(at..).unwrap_or_default();
        bytes.iter().rev().fold(0, |eight, byte| eight << 8 | u64::from(*byte))
    }
}

/// What follows an opening bracket, or a value inside brackets.
#[derive(Clone, Copy)]
enum Next {
    /// A value, or a key, that should be here.
    At(usize),
    /// The bracket closes; this is behind it.
    End(usize),
}

impl Next {
    #[inline]
    fn end(self) -> Option<usize> {
        match self {
            Self::At(_) => None,
            Self::End(end) => Some(end),
        }
    }
}

/// The value that a text is, unless it is null or no JSON.
pub(super) fn value(text: &str) -> Option<Value<'_>> {
    let all = Text(text);
    let start = all.skip_space(0);
    let (end, kind) = all.value(start, MAX_DEPTH)?;
    if all.skip_space(end) < text.len() {
        return None;
    }
    Value::of(text.get(start..end)?, kind)
}

/// The elements of a checked array, `None` for null.
pub(super) fn elements(array: &str) -> impl Iterator<Item = Option<Value<'_>>> {
    let text = Text(array);
    let mut next = Some(text.open(0, b']'));
    std::iter::from_fn(move || {
        let Next::At(at) = next? else { return None };
        let (end, kind) = text.value(at, MAX_DEPTH)?;
        next = text.goes_on(end, b']');
        Some(Value::of(array.get(at..end)?, kind))
    })
}

/// The keys and values of a checked object, `None` for null.
pub(super) fn members(object: &str) -> impl Iterator<Item = (Key<'_>, Option<Value<'_>>)> {
    let text = Text(object);
    let mut next = Some(text.open(0, b'}'));
    std::iter::from_fn(move || {
        let Next::At(at) = next? else { return None };
        let (key, at) = text.key(at)?;
        let (end, kind) = text.value(at, MAX_DEPTH)?;
        next = text.goes_on(end, b'}');
        Some((key, Value::of(object.get(at..end)?, kind)))
    })
}

/// The first eight bytes of a name, or those it has.
pub(super) fn tag(eight: u64, length: usize) -> u64 {
    match length {
        0 => 0,
        1..8 => eight & (u64::MAX >> (64 - 8 * length)),
        _ => eight,
    }
}

const HIGHS: u64 = u64::from_le_bytes([0x80; 8]);

// Both of these mark bytes by their high bit. The subtraction may borrow from a byte above one that is marked, and mark
// that wrongly; the lowest mark is always right, and no more is asked of them.

/// Marks quotes, backslashes and control characters.
#[inline]
fn string_stops(eight: u64) -> u64 {
    let below = |bytes: u64, bound: u8| bytes.wrapping_sub(all(bound)) & !bytes;
    let quotes = below(eight ^ all(b'"'), 1);
    let backslashes = below(eight ^ all(b'\\'), 1);
    (quotes | backslashes | below(eight, b' ')) & HIGHS
}

/// Marks all but digits.
#[inline]
fn digit_stops(eight: u64) -> u64 {
    // Digits become 0 to 9, other bytes more; adding 118 takes these, and only these, to the high bit.
    let digits = eight ^ all(b'0');
    ((digits & !HIGHS).wrapping_add(all(118)) | digits) & HIGHS
}

/// Eight times the same byte.
const fn all(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// One of eight bytes.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the lowest byte is what is wanted")]
fn byte_at(eight: u64, place: usize) -> u8 {
    (eight >> (8 * place % 64)) as u8
}

/// Which byte the lowest mark is in.
#[inline]
fn first_byte(marks: u64) -> usize {
    marks.trailing_zeros() as usize / 8
}
