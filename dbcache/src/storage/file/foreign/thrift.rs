//! Thrift's compact protocol, read into plain values.
//!
//! Nothing of it is trusted: every length is checked against the bytes that are left, and fields that a later version
//! of Parquet adds are read like all others.

/// How deep structs and lists may lie in one another.
const DEPTH: usize = 32;

/// A value, as far as Parquet uses Thrift's types.
#[derive(Debug)]
pub(super) enum Value<'b> {
    Bool(bool),
    Int(i64),
    Bytes(&'b [u8]),
    List(Vec<Value<'b>>),
    Struct(Struct<'b>),
    /// What nothing here asks for: doubles, maps and UUIDs.
    Other,
}

/// The fields of a struct, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Struct<'b>(Vec<(i16, Value<'b>)>);

impl<'b> Struct<'b> {
    /// Reads a struct from the front of `bytes`, which are then those behind it; `None` where there is none.
    pub(super) fn read(bytes: &mut &'b [u8]) -> Option<Self> {
        let mut reader = Reader { bytes };
        let read = reader.structure(0)?;
        *bytes = reader.bytes;
        Some(read)
    }

    fn get(&self, field: i16) -> Option<&Value<'b>> {
        self.0.iter().find(|(number, _)| *number == field).map(|(_, value)| value)
    }

    pub(super) fn int(&self, field: i16) -> Option<i64> {
        if let Value::Int(value) = self.get(field)? { Some(*value) } else { None }
    }

    /// A number of bytes or values, which is not negative.
    pub(super) fn count(&self, field: i16) -> Option<usize> {
        usize::try_from(self.int(field)?).ok()
    }

    pub(super) fn bool(&self, field: i16) -> Option<bool> {
        if let Value::Bool(value) = self.get(field)? { Some(*value) } else { None }
    }

    pub(super) fn text(&self, field: i16) -> Option<&'b str> {
        if let Value::Bytes(bytes) = self.get(field)? { std::str::from_utf8(bytes).ok() } else { None }
    }

    pub(super) fn structure(&self, field: i16) -> Option<&Self> {
        if let Value::Struct(value) = self.get(field)? { Some(value) } else { None }
    }

    /// The structs of a list; `None` where the field is no list, or has anything else in it.
    pub(super) fn structures(&self, field: i16) -> Option<Vec<&Self>> {
        let Value::List(items) = self.get(field)? else { return None };
        items.iter().map(|item| if let Value::Struct(item) = item { Some(item) } else { None }).collect()
    }

    pub(super) fn has(&self, field: i16) -> bool {
        self.get(field).is_some()
    }

    /// The number and value of a union's one field.
    pub(super) fn only(&self) -> Option<(i16, &Self)> {
        match self.0.as_slice() {
            [(number, Value::Struct(value))] => Some((*number, value)),
            _ => None,
        }
    }
}

struct Reader<'b> {
    bytes: &'b [u8],
}

impl<'b> Reader<'b> {
    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    fn zigzag(&mut self) -> Option<i64> {
        Some(unzigzag(varint(&mut self.bytes)?))
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(varint(&mut self.bytes)?).ok()
    }

    fn structure(&mut self, depth: usize) -> Option<Struct<'b>> {
        if depth == DEPTH {
            return None;
        }
        let (mut fields, mut number) = (Vec::new(), 0_i16);
        loop {
            let header = self.byte()?;
            let (step, kind) = (header >> 4, header & 0xF);
            if kind == 0 {
                return Some(Struct(fields));
            }
            number = match step {
                0 => i16::try_from(self.zigzag()?).ok()?,
                step => number.checked_add(i16::from(step))?,
            };
            let value = match kind {
                1 | 2 => Value::Bool(kind == 1),
                kind => self.value(kind, depth + 1)?,
            };
            fields.push((number, value));
        }
    }

    /// A value outside of a struct's header, where a boolean takes a byte.
    fn value(&mut self, kind: u8, depth: usize) -> Option<Value<'b>> {
        Some(match kind {
            1 | 2 => Value::Bool(self.byte()? == 1),
            3 => Value::Int(i64::from(self.byte()?.cast_signed())),
            4..=6 => Value::Int(self.zigzag()?),
            7 => self.take(8).map(|_| Value::Other)?,
            8 => {
                let length = self.length()?;
                Value::Bytes(self.take(length)?)
            }
            9 | 10 => self.list(depth)?,
            11 => self.map(depth)?,
            12 => Value::Struct(self.structure(depth)?),
            13 => self.take(16).map(|_| Value::Other)?,
            _ => return None,
        })
    }

    fn list(&mut self, depth: usize) -> Option<Value<'b>> {
        let header = self.byte()?;
        let size = match header >> 4 {
            15 => self.length()?,
            size => usize::from(size),
        };
        // Each item takes at least a byte.
        if depth == DEPTH || size > self.bytes.len() {
            return None;
        }
        (0..size).map(|_| self.value(header & 0xF, depth + 1)).collect::<Option<_>>().map(Value::List)
    }

    fn map(&mut self, depth: usize) -> Option<Value<'b>> {
        let size = self.length()?;
        if depth == DEPTH || size > self.bytes.len() {
            return None;
        }
        if size > 0 {
            let kinds = self.byte()?;
            for _ in 0..size {
                self.value(kinds >> 4, depth + 1)?;
                self.value(kinds & 0xF, depth + 1)?;
            }
        }
        Some(Value::Other)
    }
}

/// Takes a number of seven bits a byte, the low ones first, from the front of `bytes`.
pub(super) fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// The number whose sign stands in the lowest bit.
pub(super) fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_numbers() {
        // 1: 7, 2: true, 4: "ab", 5: [3, -1], 21: {}
        let bytes = [0x15, 14, 0x11, 0x28, 2, b'a', b'b', 0x19, 0x25, 6, 1, 0x0C, 42, 0, 0, 0xFF];
        let mut rest = &bytes[..];
        let read = Struct::read(&mut rest).expect("a struct");
        assert_eq!((read.int(1), read.bool(2), read.text(4)), (Some(7), Some(true), Some("ab")));
        assert!(
            matches!(read.get(5), Some(Value::List(items)) if matches!(items[..], [Value::Int(3), Value::Int(-1)]))
        );
        assert!(read.structure(21).is_some() && !read.has(3));
        assert_eq!(rest, [0xFF]);
    }

    #[test]
    fn what_is_cut_or_too_long_is_none() {
        for bytes in [&[][..], &[0x15], &[0x18, 5, b'a'], &[0x19, 0xF5, 0xFF, 0xFF, 0x7F], &[0x1C; 64], &[0x1D]] {
            assert!(Struct::read(&mut &*bytes).is_none(), "{bytes:?}");
        }
    }

    #[test]
    fn signs_are_undone() {
        assert_eq!([0, 1, 2, 3, u64::MAX].map(unzigzag), [0, -1, 1, -2, i64::MIN]);
    }
}
