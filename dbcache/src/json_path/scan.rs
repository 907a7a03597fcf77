//! One pass over a JSON text that checks all of it and notes where the values of some paths stand.

use super::MAX_DEPTH;
use super::tree::Node;
use super::value::{self, Kind};

/// Why a text is not JSON, and where that shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) too_deep: bool,
}

/// Where a value stands in its document, and of which kind it is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Slot {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) kind: Kind,
}

/// Reads a document from its start to its end. Nothing is allocated but for keys with escapes.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

/// A key between its quotes, and whether it has escapes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key<'a> {
    pub(super) raw: &'a str,
    pub(super) escaped: bool,
}

type Scan<T> = Result<T, Fault>;

/// Checks a whole document and notes in `slots`, one for each path of the tree, what it found.
pub(super) fn document(text: &str, root: &Node, slots: &mut [Slot]) -> Scan<()> {
    slots.fill(Slot::default());
    let mut scanner = Scanner::new(text);
    scanner.skip_space();
    scanner.noted(root, slots, MAX_DEPTH)?;
    scanner.skip_space();
    if scanner.at == text.len() { Ok(()) } else { scanner.fault() }
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Notes the value that stands here for the paths that end at `node`, and follows those that go on.
    fn noted(&mut self, node: &Node, slots: &mut [Slot], depth: usize) -> Scan<()> {
        let start = self.at;
        let kind = match self.peek() {
            b'{' if node.has_children() => self.object(node, slots, depth)?,
            b'[' if node.has_children() => self.array(node, slots, depth)?,
            _ => {
                let kind = self.value(depth)?;
                if kind.is_scalar() {
                    node.set_below(slots, Slot { kind: Kind::Stepped, ..slot(start, start) });
                }
                kind
            }
        };
        if node.has_ends() {
            let raw = self.text.get(start..self.at).unwrap_or_default();
            node.set_ends(slots, Slot { kind: value::exact_kind(kind, raw), ..slot(start, self.at) });
        }
        Ok(())
    }

    fn object(&mut self, node: &Node, slots: &mut [Slot], depth: usize) -> Scan<Kind> {
        let depth = self.enter(depth)?;
        let mut more = self.opens(b'}');
        while more {
            let key = self.key()?;
            match node.child(key) {
                None => self.value(depth).map(|_| ())?,
                Some(child) => {
                    // A key that comes twice: nothing of the first value may stay.
                    child.set_all(slots, Slot::default());
                    self.noted(child, slots, depth)?;
                }
            }
            more = self.goes_on(b'}')?;
        }
        Ok(Kind::Object)
    }

    fn array(&mut self, node: &Node, slots: &mut [Slot], depth: usize) -> Scan<Kind> {
        let depth = self.enter(depth)?;
        let mut more = self.opens(b']');
        let mut place = 0;
        while more {
            match node.element(place) {
                None => self.value(depth).map(|_| ())?,
                Some(child) => self.noted(child, slots, depth)?,
            }
            place += 1;
            more = self.goes_on(b']')?;
        }
        Ok(Kind::Array)
    }

    /// Passes over the value that stands here. Numbers count as `Int` or `Float` by how they are written.
    pub(super) fn value(&mut self, depth: usize) -> Scan<Kind> {
        match self.peek() {
            b'"' => self.string(),
            b'{' => self.skip_object(depth),
            b'[' => self.skip_array(depth),
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.literal("true", Kind::Bool),
            b'f' => self.literal("false", Kind::Bool),
            b'n' => self.literal("null", Kind::Missing),
            _ => self.fault(),
        }
    }

    fn skip_object(&mut self, depth: usize) -> Scan<Kind> {
        let depth = self.enter(depth)?;
        let mut more = self.opens(b'}');
        while more {
            self.key()?;
            self.value(depth)?;
            more = self.goes_on(b'}')?;
        }
        Ok(Kind::Object)
    }

    fn skip_array(&mut self, depth: usize) -> Scan<Kind> {
        let depth = self.enter(depth)?;
        let mut more = self.opens(b']');
        while more {
            self.value(depth)?;
            more = self.goes_on(b']')?;
        }
        Ok(Kind::Array)
    }

    /// Steps over an opening bracket; the levels that are left inside it.
    fn enter(&self, depth: usize) -> Scan<usize> {
        depth.checked_sub(1).ok_or(Fault { at: self.at, too_deep: true })
    }

    /// Whether anything stands between the bracket that opens here and `close`.
    pub(super) fn opens(&mut self, close: u8) -> bool {
        self.at += 1;
        self.skip_space();
        let empty = self.peek() == close;
        self.at += usize::from(empty);
        !empty
    }

    /// Whether a comma stands here and not `close`.
    pub(super) fn goes_on(&mut self, close: u8) -> Scan<bool> {
        self.skip_space();
        let next = self.peek();
        if next != b',' && next != close {
            return self.fault();
        }
        self.at += 1;
        if next == b',' {
            self.skip_space();
        }
        Ok(next == b',')
    }

    /// Reads a key and its colon.
    pub(super) fn key(&mut self) -> Scan<Key<'a>> {
        if self.peek() != b'"' {
            return self.fault();
        }
        let start = self.at + 1;
        let escaped = self.string()? == Kind::Escaped;
        let raw = self.text.get(start..self.at - 1).unwrap_or_default();
        self.skip_space();
        if self.peek() != b':' {
            return self.fault();
        }
        self.at += 1;
        self.skip_space();
        Ok(Key { raw, escaped })
    }

    fn string(&mut self) -> Scan<Kind> {
        self.at += 1;
        let mut kind = Kind::Plain;
        loop {
            self.at += plain_run(self.rest());
            match self.peek() {
                b'"' => break,
                b'\\' => {
                    self.escape()?;
                    kind = Kind::Escaped;
                }
                _ => return self.fault(),
            }
        }
        self.at += 1;
        Ok(kind)
    }

    fn escape(&mut self) -> Scan<()> {
        self.at += 1;
        match self.peek() {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 1,
            b'u' => {
                let digits = self.rest().get(1..5).unwrap_or_default();
                if digits.len() != 4 || !digits.iter().all(u8::is_ascii_hexdigit) {
                    return self.fault();
                }
                self.at += 5;
            }
            _ => return self.fault(),
        }
        Ok(())
    }

    fn number(&mut self) -> Scan<Kind> {
        let mut kind = Kind::Int;
        self.at += usize::from(self.peek() == b'-');
        if self.peek() == b'0' {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == b'.' {
            self.at += 1;
            self.digits()?;
            kind = Kind::Float;
        }
        if matches!(self.peek(), b'e' | b'E') {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), b'+' | b'-'));
            self.digits()?;
            kind = Kind::Float;
        }
        Ok(kind)
    }

    fn digits(&mut self) -> Scan<()> {
        let start = self.at;
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        if self.at == start { self.fault() } else { Ok(()) }
    }

    fn literal(&mut self, word: &str, kind: Kind) -> Scan<Kind> {
        if !self.rest().starts_with(word.as_bytes()) {
            return self.fault();
        }
        self.at += word.len();
        Ok(kind)
    }

    pub(super) fn skip_space(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The byte that stands here; at the end NUL, which JSON has nowhere.
    pub(super) fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn fault<T>(&self) -> Scan<T> {
        Err(Fault { at: self.at, too_deep: false })
    }
}

/// A string column's values are shorter than 4 GiB.
fn slot(start: usize, end: usize) -> Slot {
    let short = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
    Slot { start: short(start), end: short(end), kind: Kind::Missing }
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// How many bytes come before the next quote, backslash or control character, or the end.
fn plain_run(bytes: &[u8]) -> usize {
    let mut run = 0;
    let (eights, rest) = bytes.as_chunks::<8>();
    for eight in eights {
        let stops = stops(u64::from_le_bytes(*eight));
        if stops != 0 {
            return run + stops.trailing_zeros() as usize / 8;
        }
        run += 8;
    }
    run + rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)).unwrap_or(rest.len())
}

/// The high bit of every byte that ends a run. A byte above the lowest such one may be marked wrongly, by the borrow
/// of the subtraction; the lowest never is.
fn stops(eight: u64) -> u64 {
    let quotes = eight ^ (ONES * b'"' as u64);
    let backslashes = eight ^ (ONES * b'\\' as u64);
    let below = |bytes: u64, bound: u64| bytes.wrapping_sub(ONES * bound) & !bytes & HIGHS;
    below(quotes, 1) | below(backslashes, 1) | below(eight, 0x20)
}
