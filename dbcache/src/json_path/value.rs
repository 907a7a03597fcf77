//! One JSON value as it is written in its document: its kind, and what it reads as.

use std::borrow::Cow;
use std::str::FromStr;

use super::canonical;
use super::number::Number;
use crate::convert;

/// What stands at a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing, or null.
    #[default]
    Missing,
    /// A scalar that the path wants to step into.
    Stepped,
    Bool,
    /// An integer that an `i64` and a float hold.
    Int,
    /// An integer that only an `i64` holds.
    Long,
    /// An integer that only a float holds.
    Big,
    /// An integer that neither holds.
    Huge,
    /// A number with a fraction or exponent that a float holds; NaN, an infinity, and -0, which no integer is.
    Float,
    /// A number with a fraction or exponent that no float holds.
    Precise,
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

/// So many digits a float holds whatever they are.
const SAFE_DIGITS: usize = 15;

/// Tells numbers by the types that hold them. The scan gives an integer as [`Kind::Int`], another number as
/// [`Kind::Float`], or as [`Kind::Precise`] if it has an exponent.
#[inline]
pub(super) fn exact_kind<'a>(kind: Kind, length: usize, raw: impl FnOnce() -> &'a str) -> Kind {
    match kind {
        Kind::Int if length > SAFE_DIGITS => integer_kind(raw()),
        // The point is no digit.
        Kind::Float if length > SAFE_DIGITS + 1 => float_kind(raw()),
        Kind::Precise => float_kind(raw()),
        known => known,
    }
}

#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "whether there is a loss is asked")]
fn integer_kind(raw: &str) -> Kind {
    match raw.parse::<i64>() {
        Ok(integer) if i128::from(integer) == integer as f64 as i128 => Kind::Int,
        Ok(_) => Kind::Long,
        Err(_) if is_held(raw) => Kind::Big,
        Err(_) => Kind::Huge,
    }
}

fn float_kind(raw: &str) -> Kind {
    if is_held(raw) { Kind::Float } else { Kind::Precise }
}

fn is_held(raw: &str) -> bool {
    let number = Number::of(raw);
    number.is_some_and(|number| raw.parse().is_ok_and(|nearest| number.is_held_by(nearest)))
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

    /// A boolean, or what a column of integers or text would be read as one.
    pub(super) fn boolean(self) -> Option<bool> {
        match self.kind {
            Kind::Bool => Some(self.raw == "true"),
            Kind::Int => convert::text::boolean(self.raw),
            _ => convert::text::boolean(&self.string()?),
        }
    }

    /// An integer, however it is written, if `N` holds it.
    pub(super) fn integer<N: FromStr + TryFrom<i128>>(self) -> Option<N> {
        match self.kind {
            Kind::Int | Kind::Long | Kind::Big | Kind::Huge => self.raw.parse().ok(),
            Kind::Float | Kind::Precise => Number::of(self.raw)?.scaled(0),
            Kind::Bool => N::try_from(i128::from(self.raw == "true")).ok(),
            _ => convert::text::integer(&self.string()?),
        }
    }

    /// The number times ten to the power of `scale`, if that is an integer of 128 bits.
    pub(super) fn scaled(self, scale: usize) -> Option<i128> {
        if self.is_number() {
            return Number::of(self.raw)?.scaled(scale);
        }
        convert::text::scaled(&self.string()?, scale)
    }

    /// A number that a float holds.
    #[expect(clippy::cast_precision_loss, reason = "a float holds integers of this kind")]
    pub(super) fn float(self) -> Option<f64> {
        match self.kind {
            Kind::Int => self.raw.parse::<i64>().ok().map(|integer| integer as f64),
            Kind::Big | Kind::Float => self.raw.parse().ok(),
            _ => None,
        }
    }

    /// A float of the same value; of a number with a fraction or exponent the nearest.
    pub(super) fn pinned_float(self) -> Option<f64> {
        match self.kind {
            Kind::Precise => self.raw.parse().ok().filter(|nearest| self.rounds_to(*nearest)),
            Kind::Plain | Kind::Escaped => convert::text::float(&self.string()?),
            _ => self.float(),
        }
    }

    /// A small float of the same value; of a number with a fraction or exponent the nearest.
    pub(super) fn pinned_small_float(self) -> Option<f32> {
        if !self.is_number() {
            return convert::text::float(&self.string()?);
        }
        let nearest: f32 = self.raw.parse().ok()?;
        let fits = match self.kind {
            Kind::Float | Kind::Precise => self.rounds_to(nearest.into()),
            _ => self.float().is_some_and(|float| float.to_bits() == f64::from(nearest).to_bits()),
        };
        fits.then_some(nearest)
    }

    /// Whether a float stands for this number: it is no infinity and no 0 unless the number is.
    fn rounds_to(self, nearest: f64) -> bool {
        match Number::of(self.raw) {
            Some(number) => nearest.is_finite() && (nearest == 0.0) == number.is_zero(),
            // NaN and the infinities are floats; a number with an absurd exponent is not.
            None => self.kind == Kind::Float,
        }
    }

    pub(super) fn is_number(self) -> bool {
        matches!(self.kind, Kind::Int | Kind::Long | Kind::Big | Kind::Huge | Kind::Float | Kind::Precise)
    }

    /// A string as it is, anything else as canonical JSON; `None` for a string that is no Unicode text.
    ///
    /// What must be put together is written to the buffer.
    pub(super) fn text<'b>(self, buffer: &'b mut String) -> Option<&'b str>
    where
        'a: 'b,
    {
        match self.kind {
            Kind::Plain => Some(within_quotes(self.raw)),
            Kind::Escaped => {
                *buffer = unescaped(within_quotes(self.raw))?;
                Some(buffer)
            }
            _ => Some(self.json(buffer)),
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

    /// The value as canonical JSON, which is written to the buffer unless the document has it as it is.
    pub(super) fn json<'b>(self, buffer: &'b mut String) -> &'b str
    where
        'a: 'b,
    {
        if matches!(self.kind, Kind::Bool | Kind::Int | Kind::Long | Kind::Plain) {
            return self.raw;
        }
        buffer.clear();
        canonical::write(buffer, self);
        buffer
    }
}

pub(super) fn within_quotes(raw: &str) -> &str {
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

/// The character of the escape at the start, after its backslash, and what follows; `None` for half of a surrogate pair.
pub(super) fn resolve(escape: &str) -> Option<(char, &str)> {
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
