//! What Arrow's schema in a footer says of columns that Parquet's own types say too little of.
//!
//! It is a `FlatBuffers` message in Base64, of which no more is read than the kinds of fields. Whatever cannot be read of
//! it tells nothing.

/// The key of Arrow's schema in the key-value metadata.
pub(super) const KEY: &str = "ARROW:schema";

/// How deep fields may lie in one another.
const DEPTH: usize = 48;

/// What a field is, where Parquet does not say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hint {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) children: Vec<Self>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Struct,
    Int {
        bits: i32,
        is_signed: bool,
    },
    /// In units of 10 to the minus this many seconds.
    Duration {
        digits: u32,
    },
    Other,
}

/// The fields of a schema in Base64.
pub(super) fn hints(schema: &str) -> Option<Vec<Hint>> {
    let bytes = from_base64(schema)?;
    // Newer versions put a mark and the length before the message.
    let message = match bytes.get(..4)? {
        [0xFF, 0xFF, 0xFF, 0xFF] => bytes.get(8..)?,
        _ => bytes.as_slice(),
    };
    let header = Table::root(message)?.table(2)?;
    header.tables(1)?.into_iter().map(|field| hint(field, 0)).collect()
}

fn hint(field: Table<'_>, depth: usize) -> Option<Hint> {
    if depth == DEPTH {
        return None;
    }
    // Most fields have none.
    let children = field.tables(5).unwrap_or_default().into_iter();
    let children = children.map(|child| hint(child, depth + 1)).collect::<Option<_>>()?;
    Some(Hint { name: field.text(0)?.to_owned(), kind: kind(field), children })
}

/// The numbers are those of `Schema.fbs`.
fn kind(field: Table<'_>) -> Kind {
    let details = field.table(3);
    // In a dictionary the kind is that of the values.
    match (field.byte(2), details) {
        (Some(2), Some(int)) => {
            // What is not written is the default, which is 0.
            Kind::Int { bits: int.int(0).unwrap_or(0), is_signed: int.byte(1).is_some_and(|signed| signed != 0) }
        }
        (Some(13), _) => Kind::Struct,
        (Some(18), details) => {
            // Milliseconds are the default.
            let unit = details.and_then(|details| details.short(0)).unwrap_or(1);
            u32::try_from(unit).map_or(Kind::Other, |unit| Kind::Duration { digits: unit.saturating_mul(3) })
        }
        _ => Kind::Other,
    }
}

/// A table of a `FlatBuffers` message.
#[derive(Clone, Copy)]
struct Table<'b> {
    bytes: &'b [u8],
    start: usize,
}

impl<'b> Table<'b> {
    fn root(bytes: &'b [u8]) -> Option<Self> {
        Self { bytes, start: 0 }.behind(0)
    }

    fn word<const N: usize>(self, place: usize) -> Option<[u8; N]> {
        self.bytes.get(place..)?.first_chunk().copied()
    }

    /// The table that the offset at a place leads to; offsets lead forwards, so that none leads in a circle.
    fn behind(self, place: usize) -> Option<Self> {
        let offset = usize::try_from(u32::from_le_bytes(self.word(place)?)).ok()?;
        Some(Self { start: place.checked_add(offset).filter(|start| *start > place)?, ..self })
    }

    /// Where a field's value is.
    fn field(self, number: usize) -> Option<usize> {
        let back = i32::from_le_bytes(self.word(self.start)?);
        let fields = usize::try_from(i64::try_from(self.start).ok()? - i64::from(back)).ok()?;
        let length = usize::from(u16::from_le_bytes(self.word(fields)?));
        let entry = 4 + 2 * number;
        let offset = if entry + 2 <= length { u16::from_le_bytes(self.word(fields + entry)?) } else { 0 };
        (offset > 0).then(|| self.start + usize::from(offset))
    }

    fn byte(self, number: usize) -> Option<u8> {
        self.word::<1>(self.field(number)?).map(|[byte]| byte)
    }

    fn short(self, number: usize) -> Option<i16> {
        self.word(self.field(number)?).map(i16::from_le_bytes)
    }

    fn int(self, number: usize) -> Option<i32> {
        self.word(self.field(number)?).map(i32::from_le_bytes)
    }

    fn table(self, number: usize) -> Option<Self> {
        self.behind(self.field(number)?)
    }

    /// Where a vector's items are, and how many there are.
    fn vector(self, number: usize) -> Option<(usize, usize)> {
        let start = self.table(number)?.start;
        let length = usize::try_from(u32::from_le_bytes(self.word(start)?)).ok()?;
        (length <= self.bytes.len()).then_some((start + 4, length))
    }

    fn text(self, number: usize) -> Option<&'b str> {
        let (start, length) = self.vector(number)?;
        std::str::from_utf8(self.bytes.get(start..start.checked_add(length)?)?).ok()
    }

    fn tables(self, number: usize) -> Option<Vec<Self>> {
        let (start, length) = self.vector(number)?;
        (0..length).map(|item| self.behind(start + 4 * item)).collect()
    }
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=').bytes().map(|byte| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    });
    let digits: Vec<u8> = digits.collect::<Option<_>>()?;
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    for quad in digits.chunks(4) {
        let number = quad.iter().fold(0_u32, |number, digit| number << 6 | u32::from(*digit));
        let aligned = number << (6 * (4 - quad.len()));
        let [_, triple @ ..] = aligned.to_be_bytes();
        bytes.extend(triple.iter().take(quad.len() * 6 / 8));
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;
    use polars_parquet::write::schema_to_metadata_key;

    use super::*;

    fn hints_of(types: &[(&str, DataType)]) -> Vec<Hint> {
        let field = |(name, data_type): &(&str, DataType)| {
            let name = PlSmallStr::from(*name);
            (name.clone(), data_type.to_arrow_field(name, CompatLevel::newest()))
        };
        let schema: ArrowSchema = types.iter().map(field).collect();
        hints(&schema_to_metadata_key(&schema).value.expect("a schema")).expect("hints")
    }

    #[test]
    fn kinds_of_fields_are_read() {
        let inner = DataType::Struct(vec![Field::new("big".into(), DataType::UInt128)]);
        let found = hints_of(&[
            ("took", DataType::Duration(TimeUnit::Microseconds)),
            ("wide", DataType::Int128),
            ("text", DataType::String),
            ("list", DataType::List(Box::new(inner))),
        ]);
        let kinds: Vec<(&str, Kind)> = found.iter().map(|hint| (hint.name.as_str(), hint.kind)).collect();
        let int = |bits, is_signed| Kind::Int { bits, is_signed };
        let expected = [
            ("took", Kind::Duration { digits: 6 }),
            ("wide", int(128, true)),
            ("text", Kind::Other),
            ("list", Kind::Other),
        ];
        assert_eq!(kinds, expected);
        let only = |hints: &[Hint]| hints.last().cloned().expect("a field");
        let item = only(&only(&found).children);
        assert_eq!((item.kind, only(&item.children).kind), (Kind::Struct, int(128, false)));
    }

    #[test]
    fn whatever_else_stands_there_tells_nothing() {
        for text in ["", "AAAA", "////////", "not base64!", &"/".repeat(4000), &"A".repeat(4000)] {
            assert!(hints(text).is_none_or(|hints| hints.is_empty()), "{text}");
        }
    }
}
