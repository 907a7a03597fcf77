//! Numbers of any length: `numeric` in PostgreSQL's binary format.

use std::borrow::Cow;

use super::values::{Misfit, Read, misfit};

/// A number as groups of four decimal digits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numeric<'a> {
    /// Two bytes a group, the highest first; zeros at both ends are left out.
    groups: &'a [u8],
    /// How many groups stand between the first one and the point, less one.
    weight: i32,
    negative: bool,
    /// How many digits after the point are shown.
    shown: usize,
}

impl<'a> Numeric<'a> {
    #[inline]
    pub(super) fn read(bytes: &'a [u8]) -> Read<Self> {
        let broken = || misfit("a broken number");
        let (header, groups) = bytes.split_first_chunk::<8>().ok_or_else(broken)?;
        let [_, _, w0, w1, s0, s1, d0, d1] = *header;
        let negative = match u16::from_be_bytes([s0, s1]) {
            0 => false,
            0x4000 => true,
            sign => return Err(not_finite(sign).map_or_else(broken, misfit)),
        };
        let weight = i16::from_be_bytes([w0, w1]).into();
        Ok(Self { groups, weight, negative, shown: u16::from_be_bytes([d0, d1]).into() })
    }

    fn groups(self) -> impl Iterator<Item = i16> {
        self.groups.chunks_exact(2).map(|group| group.try_into().map_or(0, i16::from_be_bytes))
    }

    /// The number as so many parts of 1/10^`scale`; `None` where that is not exact, or too large.
    #[inline]
    pub(super) fn scaled(self, scale: usize) -> Option<i128> {
        let parts = self.parts(scale)?;
        if self.negative { 0_i128.checked_sub_unsigned(parts) } else { parts.try_into().ok() }
    }

    /// As [`scaled`](Self::scaled), without the sign.
    #[inline]
    fn parts(self, scale: usize) -> Option<u128> {
        let scale = i32::try_from(scale).ok()?;
        let mut sum = 0_u128;
        let exponents = (0..).map(|place| 4 * (self.weight - place) + scale);
        for (group, exponent) in self.groups().zip(exponents) {
            sum = sum.checked_add(shifted(group, exponent)?)?;
        }
        Some(sum)
    }

    /// As [`scaled`](Self::scaled), in a decimal column of so many digits.
    #[inline]
    pub(super) fn decimal(self, precision: usize, scale: usize) -> Read<i128> {
        let limit = u32::try_from(precision).ok().and_then(|digits| 10_i128.checked_pow(digits)).unwrap_or(i128::MAX);
        self.scaled(scale).filter(|number| number.abs() < limit).ok_or_else(|| self.misfit())
    }

    /// A whole number that `I` holds.
    pub(super) fn integer<I: TryFrom<i128>>(self) -> Read<I> {
        self.scaled(0).and_then(|number| number.try_into().ok()).ok_or_else(|| self.misfit())
    }

    /// A whole number that is not negative.
    pub(super) fn unsigned(self) -> Read<u128> {
        self.parts(0).filter(|_| !self.negative).ok_or_else(|| self.misfit())
    }

    /// The text of a number, of NaN or of an infinity.
    pub(super) fn any_text(bytes: &'a [u8]) -> Read<Cow<'static, str>> {
        let sign = bytes.get(4..6).and_then(|sign| sign.try_into().ok()).map(u16::from_be_bytes);
        match sign.and_then(not_finite) {
            Some(name) => Ok(Cow::Borrowed(name)),
            None => Self::read(bytes).map(Self::text),
        }
    }

    /// The digits, as PostgreSQL writes them.
    pub(super) fn text(self) -> Cow<'static, str> {
        let mut text = String::with_capacity(self.groups.len() * 2 + 4);
        if self.negative {
            text.push('-');
        }
        let before = usize::try_from(self.weight + 1).unwrap_or(0);
        let leading_zeros = usize::try_from(-1 - self.weight).unwrap_or(0);
        let mut groups = std::iter::repeat_n(0, leading_zeros).chain(self.groups()).chain(std::iter::repeat(0));
        match before {
            0 => text.push('0'),
            _ => text.push_str(&groups.next().unwrap_or(0).to_string()),
        }
        text.extend(groups.by_ref().take(before.saturating_sub(1)).flat_map(digits));
        if self.shown > 0 {
            text.push('.');
            text.extend(groups.flat_map(digits).take(self.shown));
        }
        Cow::Owned(text)
    }

    fn misfit(self) -> Misfit {
        Misfit(format!("the number {}", self.text()))
    }
}

/// What PostgreSQL calls a number that has no digits.
fn not_finite(sign: u16) -> Option<&'static str> {
    match sign {
        0xc000 => Some("NaN"),
        0xd000 => Some("Infinity"),
        0xf000 => Some("-Infinity"),
        _ => None,
    }
}

/// A group times ten to the power of `exponent`, if that is whole and fits.
#[inline]
fn shifted(group: i16, exponent: i32) -> Option<u128> {
    let group = u128::try_from(group).ok()?;
    if group == 0 {
        return Some(0);
    }
    if let Ok(up) = u32::try_from(exponent) {
        return 10_u128.checked_pow(up)?.checked_mul(group);
    }
    let divisor = 10_u128.checked_pow(exponent.unsigned_abs())?;
    (group % divisor == 0).then(|| group / divisor)
}

/// The four digits of a group.
fn digits(group: i16) -> impl Iterator<Item = char> {
    let digit = move |place: i16| char::from_digit(u32::try_from(group / place % 10).ok()?, 10);
    [1000, 100, 10, 1].into_iter().filter_map(digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(groups: &[i16], weight: i16, sign: u16, shown: i16) -> Vec<u8> {
        let count = i16::try_from(groups.len()).expect("a few groups");
        let mut bytes: Vec<u8> = [count, weight].iter().flat_map(|part| part.to_be_bytes()).collect();
        bytes.extend(sign.to_be_bytes());
        bytes.extend(shown.to_be_bytes());
        bytes.extend(groups.iter().flat_map(|group| group.to_be_bytes()));
        bytes
    }

    #[test]
    fn numbers_are_exact_or_refused() {
        let bytes = number(&[12, 3400], 0, 0x4000, 2);
        let price = Numeric::read(&bytes).expect("-12.34");
        assert_eq!(price.scaled(2), Some(-1234));
        assert_eq!(price.scaled(9), Some(-12_340_000_000));
        assert_eq!(price.scaled(1), None);
        assert_eq!(price.decimal(3, 2), Err(misfit("the number -12.34")));
        assert_eq!(price.integer::<i64>(), Err(misfit("the number -12.34")));
    }

    #[test]
    fn digits_are_written_as_postgresql_writes_them() {
        let text = |groups: &[i16], weight, shown| {
            Numeric::read(&number(groups, weight, 0, shown)).expect("a number").text().into_owned()
        };
        assert_eq!(text(&[], 0, 0), "0");
        assert_eq!(text(&[], 0, 2), "0.00");
        assert_eq!(text(&[5], 2, 0), "500000000");
        assert_eq!(text(&[1, 23, 4500], 1, 3), "10023.450");
        assert_eq!(text(&[7], -3, 12), "0.000000000007");
        assert_eq!(text(&[1200], -1, 1), "0.1");
    }

    #[test]
    fn the_largest_decimals_fit_and_larger_ones_do_not() {
        let nines = [&[99_i16][..], &[9999; 9]].concat();
        let bytes = number(&nines, 9, 0, 0);
        let largest = Numeric::read(&bytes).expect("38 nines");
        assert_eq!(largest.decimal(38, 0), Ok(10_i128.pow(38) - 1));
        assert!(largest.decimal(38, 1).is_err());
        let bytes = number(&[1], 25, 0, 0);
        assert_eq!(Numeric::read(&bytes).expect("1e100").scaled(0), None);
    }

    #[test]
    fn integers_of_128_bits_are_whole_up_to_their_ends() {
        let read = |digits: &str, sign| {
            let padded = format!("{digits:0>width$}", width = digits.len().next_multiple_of(4));
            let groups: Vec<i16> = padded
                .as_bytes()
                .chunks(4)
                .map(|group| std::str::from_utf8(group).expect("digits").parse().expect("a group"))
                .collect();
            number(&groups, i16::try_from(groups.len()).expect("a few groups") - 1, sign, 0)
        };
        let bytes = read(&u128::MAX.to_string(), 0);
        let largest = Numeric::read(&bytes).expect("a number");
        assert_eq!((largest.unsigned(), largest.scaled(0)), (Ok(u128::MAX), None));
        let bytes = read(&i128::MIN.unsigned_abs().to_string(), 0x4000);
        let least = Numeric::read(&bytes).expect("a number");
        assert_eq!(least.integer(), Ok(i128::MIN));
        assert!(least.unsigned().is_err());
    }

    #[test]
    fn what_is_no_number_is_refused() {
        assert_eq!(Numeric::read(&number(&[], 0, 0xc000, 0)).err(), Some(misfit("NaN")));
        assert_eq!(Numeric::read(&number(&[], 0, 0xf000, 0)).err(), Some(misfit("-Infinity")));
        assert_eq!(Numeric::any_text(&number(&[], 0, 0xf000, 0)), Ok("-Infinity".into()));
        assert_eq!(Numeric::any_text(&number(&[5], 0, 0x4000, 0)), Ok("-5".into()));
        assert!(Numeric::any_text(&[0; 5]).is_err());
        assert_eq!(Numeric::read(&[0; 7]).err(), Some(misfit("a broken number")));
    }
}
