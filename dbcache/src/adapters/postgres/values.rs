//! Single values in PostgreSQL's binary format.

/// The days from 1970-01-01 to 2000-01-01, where PostgreSQL begins to count.
const EPOCH_DAYS: i32 = 10_957;
/// The same in microseconds.
const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * 86_400_000_000;
const NANOS_PER_DAY: i64 = 86_400_000_000_000;

/// What a value is that its column cannot hold.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misfit(pub(super) String);

pub(super) type Read<V> = Result<V, Misfit>;

pub(super) fn misfit(found: &str) -> Misfit {
    Misfit(found.to_owned())
}

/// A value of a fixed length.
#[inline]
pub(super) fn exact<const N: usize>(bytes: &[u8]) -> Read<[u8; N]> {
    bytes.try_into().map_err(|_| Misfit(format!("a value of {} bytes", bytes.len())))
}

#[inline]
pub(super) fn text(bytes: &[u8]) -> Read<&str> {
    str::from_utf8(bytes).map_err(|_| misfit("text that is not UTF-8"))
}

#[inline]
pub(super) fn boolean(bytes: &[u8]) -> Read<bool> {
    exact(bytes).map(|[byte]| byte != 0)
}

/// JSON text behind a byte that tells the version of the format.
#[inline]
pub(super) fn jsonb(bytes: &[u8]) -> Read<&str> {
    match bytes.split_first() {
        Some((1, json)) => text(json),
        _ => Err(misfit("jsonb of an unknown version")),
    }
}

/// Days since 1970-01-01. The largest and the smallest number of days stand for infinity.
#[inline]
pub(super) fn date(bytes: &[u8]) -> Read<i32> {
    let days = i32::from_be_bytes(exact(bytes)?);
    if days == i32::MIN {
        return Err(misfit("the date -infinity"));
    }
    days.checked_add(EPOCH_DAYS).ok_or_else(|| misfit("the date infinity"))
}

/// Nanoseconds since midnight. PostgreSQL knows 24:00:00 too, a column does not.
#[inline]
pub(super) fn time(bytes: &[u8]) -> Read<i64> {
    let nanos = i64::from_be_bytes(exact(bytes)?).checked_mul(1000);
    nanos.filter(|nanos| (0..NANOS_PER_DAY).contains(nanos)).ok_or_else(|| misfit("the time 24:00:00"))
}

/// Microseconds since 1970-01-01. The largest and the smallest number stand for infinity.
#[inline]
pub(super) fn timestamp(bytes: &[u8]) -> Read<i64> {
    match i64::from_be_bytes(exact(bytes)?) {
        i64::MIN => Err(misfit("the timestamp -infinity")),
        i64::MAX => Err(misfit("the timestamp infinity")),
        micros => {
            micros.checked_add(EPOCH_MICROS).ok_or_else(|| misfit("a timestamp more than 292,277 years after 1970"))
        }
    }
}

/// Lower case with hyphens, as PostgreSQL writes it.
pub(super) fn uuid(bytes: &[u8]) -> Read<String> {
    let bytes: [u8; 16] = exact(bytes)?;
    let mut text = String::with_capacity(36);
    for (place, byte) in bytes.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for digit in [byte >> 4, byte & 0xf] {
            text.push(char::from_digit(digit.into(), 16).unwrap_or('0'));
        }
    }
    Ok(text)
}

/// Whether text is a UUID the way that [`uuid`] writes it.
pub(super) fn is_uuid(text: &str) -> bool {
    let is_right = |(place, byte): (usize, u8)| match place {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
    };
    text.len() == 36 && text.bytes().enumerate().all(is_right)
}

/// The elements of an array of one dimension; the number from which they are counted says nothing to a column.
pub(super) fn elements(bytes: &[u8]) -> Read<Elements<'_>> {
    let mut rest = bytes;
    let dimensions = take_int(&mut rest)?;
    let [_has_null, _element_type] = [take_int(&mut rest)?, take_int(&mut rest)?];
    match dimensions {
        0 => Ok(Elements { rest: &[], length: 0 }),
        1 => {
            let [length, _first] = [take_int(&mut rest)?, take_int(&mut rest)?];
            Ok(Elements { rest, length: usize::try_from(length).map_err(|_| broken())? })
        }
        more => Err(Misfit(format!("an array of {more} dimensions"))),
    }
}

/// Elements on their way out of an array.
#[derive(Debug)]
pub(super) struct Elements<'a> {
    rest: &'a [u8],
    length: usize,
}

impl<'a> Elements<'a> {
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// The next element, `None` for NULL. There are as many as the length says.
    pub(super) fn take(&mut self) -> Read<Option<&'a [u8]>> {
        let Ok(length) = usize::try_from(take_int(&mut self.rest)?) else { return Ok(None) };
        let (element, rest) = self.rest.split_at_checked(length).ok_or_else(broken)?;
        self.rest = rest;
        Ok(Some(element))
    }
}

fn take_int(bytes: &mut &[u8]) -> Read<i32> {
    let (int, rest) = bytes.split_first_chunk().ok_or_else(broken)?;
    *bytes = rest;
    Ok(i32::from_be_bytes(*int))
}

fn broken() -> Misfit {
    misfit("a broken array")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_microseconds_count_from_1970() {
        assert_eq!(date(&(-10_957_i32).to_be_bytes()), Ok(0));
        assert_eq!(timestamp(&1_i64.to_be_bytes()), Ok(946_684_800_000_001));
        assert_eq!(time(&1_i64.to_be_bytes()), Ok(1000));
    }

    #[test]
    fn what_no_column_holds_is_refused() {
        assert_eq!(date(&i32::MAX.to_be_bytes()), Err(misfit("the date infinity")));
        assert_eq!(date(&i32::MIN.to_be_bytes()), Err(misfit("the date -infinity")));
        assert_eq!(timestamp(&i64::MIN.to_be_bytes()), Err(misfit("the timestamp -infinity")));
        assert!(timestamp(&(i64::MAX - 1).to_be_bytes()).is_err());
        assert_eq!(time(&86_400_000_000_i64.to_be_bytes()), Err(misfit("the time 24:00:00")));
        assert_eq!(exact::<4>(&[1, 2]), Err(misfit("a value of 2 bytes")));
        assert_eq!(text(b"\xff"), Err(misfit("text that is not UTF-8")));
    }

    #[test]
    fn a_uuid_is_written_as_postgresql_writes_it() {
        let bytes: Vec<u8> = (0..16).map(|byte| byte * 17).collect();
        let text = uuid(&bytes).expect("16 bytes");
        assert_eq!(text, "00112233-4455-6677-8899-aabbccddeeff");
        assert!(is_uuid(&text));
        assert!(!is_uuid(&text.to_uppercase()));
        assert!(!is_uuid("00112233445566778899aabbccddeeff"));
    }

    #[test]
    fn a_cut_array_is_refused_wherever_it_is_cut() {
        let header = [1_i32, 0, 25, 2, 1].map(i32::to_be_bytes).concat();
        let array = [header, 1_i32.to_be_bytes().to_vec(), vec![7], (-1_i32).to_be_bytes().to_vec()].concat();
        let read = |bytes: &[u8]| -> Read<Vec<Option<Vec<u8>>>> {
            let mut elements = elements(bytes)?;
            (0..elements.len()).map(|_| Ok(elements.take()?.map(<[u8]>::to_vec))).collect()
        };
        assert_eq!(read(&array), Ok(vec![Some(vec![7]), None]));
        assert!((0..array.len()).all(|length| array.get(..length).is_some_and(|cut| read(cut).is_err())));
    }
}
