//! One JSON value as it is written in its document: its kind, and what it reads as.

use std::borrow::Cow;
use std::str::FromStr;

/// What stands at a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing, or null.
    #[default]
    Missing,
    /// A scalar that the path wants to step into.
    Stepped,
    Bool,
    /// An integer that fits in an `i64`.
    Int,
    /// An integer that does not.
    Big,
    Float,
    /// A string without escapes.
    Plain,
    /// A string with escapes.
    Escaped,
    Array,
    Object,
}

impl Kind {
    pub(super) fn is_scalar(self) -> bool {
        !matches!(self, Self::Missing | Self::Array | Self::Object)
    }
}

/// The digits that fit in an `i64` whatever they are.
const SAFE_DIGITS: usize = 18;

/// Tells large integers from those that fit in an `i64`.
#[inline]
pub(super) fn exact_kind<'a>(kind: Kind, length: usize, raw: impl FnOnce() -> &'a str) -> Kind {
    if kind == Kind::Int && length > SAFE_DIGITS && raw().parse::<i64>().is_err() { Kind::Big } else { kind }
}

/// A value that is not null. The text is checked JSON of that kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'a> {
    pub(super) raw: &'a str,
    pub(super) kind: Kind,
}

impl<'a> Value<'a> {
    /// The value, unless it is null.
    pub(super) fn of(raw: &'a str, kind: Kind) -> Option<Self> {
        (kind != Kind::Missing).then(|| Self { raw, kind: exact_kind(kind, raw.len(), || raw) })
    }

    pub(super) fn boolean(self) -> Option<bool> {
        (self.kind == Kind::Bool).then_some(self.raw == "true")
    }

    /// An integer, however it is written, if `N` holds it.
    pub(super) fn integer<N: TryFrom<i128> + FromStr>(self) -> Option<N> {
        match self.kind {
            Kind::Int | Kind::Big => self.raw.parse().ok(),
            Kind::Float => self.any_float().and_then(whole).and_then(|whole| N::try_from(whole).ok()),
            _ => None,
        }
    }

    /// The nearest float, unless the number is beyond all floats.
    #[expect(clippy::cast_precision_loss, reason = "the nearest float is what is wanted")]
    pub(super) fn float(self) -> Option<f64> {
        if self.kind == Kind::Int {
            return self.raw.parse::<i64>().ok().map(|integer| integer as f64);
        }
        self.any_float().filter(|float| float.is_finite())
    }

    /// A float of the same value; of a number with a fraction or exponent the nearest.
    pub(super) fn exact_float(self) -> Option<f64> {
        self.float().filter(|float| self.kind == Kind::Float || self.integer() == Some(widest(*float)))
    }

    /// A small float of the same value; of a number with a fraction or exponent the nearest.
    pub(super) fn exact_small_float(self) -> Option<f32> {
        let small: f32 = if self.is_number() { self.raw.parse().ok()? } else { return None };
        let exact = self.kind == Kind::Float || self.integer() == Some(widest(small.into()));
        (small.is_finite() && exact).then_some(small)
    }

    fn any_float(self) -> Option<f64> {
        if self.is_number() { self.raw.parse().ok() } else { None }
    }

    fn is_number(self) -> bool {
        matches!(self.kind, Kind::Int | Kind::Big | Kind::Float)
    }

    /// A string as it is, anything else as JSON; `None` for a string that is no Unicode text.
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        match self.kind {
            Kind::Plain | Kind::Escaped => self.string(),
            _ => Some(self.json()),
        }
    }

    /// A string without its quotes and escapes, unless it is no Unicode text.
    pub(super) fn string(self) -> Option<Cow<'a, str>> {
        match self.kind {
            Kind::Plain => Some(Cow::Borrowed(within_quotes(self.raw))),
            Kind::Escaped => unescaped(within_quotes(self.raw)).map(Cow::Owned),
            _ => None,
        }
    }

    /// The value as JSON text without spaces.
    pub(super) fn json(self) -> Cow<'a, str> {
        match self.kind {
            Kind::Array | Kind::Object => compact(self.raw),
            _ => Cow::Borrowed(self.raw),
        }
    }
}

/// Floats from here on have no fraction to lose, but neighbours that differ by more than 1.
const EXACT: f64 = 9_007_199_254_740_992.0;

fn whole(float: f64) -> Option<i128> {
    (float.fract() == 0.0 && float.abs() <= EXACT).then(|| widest(float))
}

#[expect(clippy::cast_possible_truncation, reason = "beyond the range the nearest bound is compared, and differs")]
fn widest(float: f64) -> i128 {
    float as i128
}

fn within_quotes(raw: &str) -> &str {
    raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default()
}

/// Resolves the escapes of a checked string or key; `None` if one is half of a surrogate pair.
pub(super) fn unescaped(raw: &str) -> Option<String> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain);
        let (resolved, after) = resolve(escape)?;
        text.push(resolved);
        rest = after;
    }
    text.push_str(rest);
    Some(text)
}

/// The character of the escape at the start, after its backslash, and what follows.
fn resolve(escape: &str) -> Option<(char, &str)> {
    let mut chars = escape.chars();
    let resolved = match chars.next()? {
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => return resolve_unicode(chars.as_str()),
        other => other,
    };
    Some((resolved, chars.as_str()))
}

fn resolve_unicode(digits: &str) -> Option<(char, &str)> {
    let (first, rest) = code_unit(digits)?;
    if let Some(resolved) = char::from_u32(first.into()) {
        return Some((resolved, rest));
    }
    let (second, rest) = code_unit(rest.strip_prefix("\\u")?)?;
    let resolved = char::decode_utf16([first, second]).next()?.ok()?;
    Some((resolved, rest))
}

fn code_unit(digits: &str) -> Option<(u16, &str)> {
    let (unit, rest) = digits.split_at_checked(4)?;
    Some((u16::from_str_radix(unit, 16).ok()?, rest))
}

/// Leaves out the spaces between the tokens of checked JSON.
fn compact(raw: &str) -> Cow<'_, str> {
    if !raw.contains([' ', '\n', '\r', '\t']) {
        return Cow::Borrowed(raw);
    }
    let mut text = String::with_capacity(raw.len());
    let (mut quoted, mut escaped) = (false, false);
    for next in raw.chars() {
        if quoted || !next.is_ascii_whitespace() {
            text.push(next);
        }
        quoted ^= next == '"' && !escaped;
        escaped = quoted && next == '\\' && !escaped;
    }
    Cow::Owned(text)
}
