//! A JSON number as its decimal digits say it: exact, however large, small or long.

use std::io::Write;
use std::iter::{repeat, repeat_n};
use std::ops::Range;
use std::str::FromStr;

/// The most digits that a float has in all, so that a longer number is never one.
const FLOAT_DIGITS: usize = 767;

/// Numbers of so many digits survive becoming a float, whatever the digits, within [`SAFE_POWERS`].
const SAFE_DIGITS: usize = 15;

const SAFE_POWERS: Range<i64> = -300..300;

/// The digits of the widest integer, which has 128 bits.
const INTEGER_DIGITS: usize = 39;

/// The most zeros that a number is filled up with; one that needs more is written with an exponent.
const MOST_ZEROS: usize = 38;

/// A number other than NaN and the infinities.
#[derive(Clone, Debug)]
pub(super) struct Number<'a> {
    negative: bool,
    /// The digits before the point.
    whole: &'a str,
    /// The digits after it.
    fraction: &'a str,
    /// The significant digits among all these: from the first that is not 0 to the last.
    significant: Range<usize>,
    /// The power of ten that the first significant digit counts; 0 for zero.
    power: i64,
    /// Whether it is written without a point and an exponent.
    is_integer: bool,
}

impl<'a> Number<'a> {
    /// Reads a checked number; `None` for NaN, an infinity, and an exponent beyond 32 bits.
    pub(super) fn of(raw: &'a str) -> Option<Self> {
        let unsigned = raw.strip_prefix('-').unwrap_or(raw);
        let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if !whole.as_bytes().first()?.is_ascii_digit() {
            return None;
        }
        let exponent: i32 = exponent.parse().ok()?;
        let digits = || whole.bytes().chain(fraction.bytes());
        let length = whole.len() + fraction.len();
        let significant = match digits().position(|digit| digit != b'0') {
            Some(first) => first..length - digits().rev().take_while(|digit| *digit == b'0').count(),
            None => 0..0,
        };
        let power = i64::try_from(whole.len()).ok()? - 1 - i64::try_from(significant.start).ok()? + i64::from(exponent);
        let power = if significant.is_empty() { 0 } else { power };
        let negative = unsigned.len() < raw.len();
        Some(Self { negative, whole, fraction, significant, power, is_integer: whole.len() == unsigned.len() })
    }

    pub(super) fn is_zero(&self) -> bool {
        self.significant.is_empty()
    }

    /// The significant digits.
    fn digits(&self) -> impl Iterator<Item = u8> {
        let digits = self.whole.bytes().chain(self.fraction.bytes());
        digits.skip(self.significant.start).take(self.significant.len())
    }

    fn is(&self, other: &Number<'_>) -> bool {
        (self.negative, self.power) == (other.negative, other.power) && self.digits().eq(other.digits())
    }

    /// Whether the nearest float says this number: an integer if it is the same, and a number with a point or exponent
    /// if it is the same once rounded to as many digits as the number has.
    pub(super) fn is_held_by(&self, nearest: f64) -> bool {
        if self.is_zero() {
            return nearest == 0.0;
        }
        let Some(digits) = self.digits_to_keep() else { return false };
        if digits <= SAFE_DIGITS && SAFE_POWERS.contains(&self.power) {
            return true;
        }
        if digits > FLOAT_DIGITS || !nearest.is_finite() {
            return false;
        }
        let mut buffer = [0; FLOAT_DIGITS + 16];
        let mut free = buffer.as_mut_slice();
        let after_point = digits - 1;
        if write!(free, "{nearest:.after_point$e}").is_err() {
            return false;
        }
        let written = FLOAT_DIGITS + 16 - free.len();
        let text = buffer.get(..written).and_then(|text| std::str::from_utf8(text).ok());
        text.and_then(Number::of).is_some_and(|rounded| rounded.is(self))
    }

    /// How many digits a float must have right, from the first on; `None` for more than any float has.
    fn digits_to_keep(&self) -> Option<usize> {
        if self.is_integer { usize::try_from(self.power + 1).ok() } else { Some(self.significant.len()) }
    }

    /// The number times ten to the power of `scale`, if that is an integer of the type.
    pub(super) fn scaled<N: FromStr>(&self, scale: usize) -> Option<N> {
        if self.is_zero() {
            return "0".parse().ok();
        }
        let length = usize::try_from(self.power + 1 + i64::try_from(scale).ok()?).ok()?;
        let zeros = length.checked_sub(self.significant.len())?;
        if length > INTEGER_DIGITS {
            return None;
        }
        let mut text = String::with_capacity(length + 1);
        text.extend(self.negative.then_some('-'));
        text.extend(self.digits().map(char::from).chain(repeat_n('0', zeros)));
        text.parse().ok()
    }

    /// Writes the number in the form that all ways to write it share.
    pub(super) fn write(&self, text: &mut String) {
        text.extend(self.negative.then_some('-'));
        if self.is_zero() {
            // Many readers take `-0` for the integer 0.
            text.push_str(if self.negative { "0.0" } else { "0" });
            return;
        }
        match (self.power < 0, usize::try_from(self.power.unsigned_abs())) {
            (true, Ok(zeros)) if zeros <= MOST_ZEROS => {
                text.push('0');
                text.push('.');
                text.extend(repeat_n('0', zeros - 1).chain(self.digits().map(char::from)));
            }
            (false, Ok(power)) if power < self.significant.len() + MOST_ZEROS => self.write_digits(text, power + 1),
            _ => {
                self.write_digits(text, 1);
                text.push('e');
                text.push_str(&self.power.to_string());
            }
        }
    }

    /// The significant digits with a point after so many, where more follow, or zeros where there are fewer.
    fn write_digits(&self, text: &mut String, before_point: usize) {
        let mut digits = self.digits().map(char::from);
        text.extend(digits.by_ref().chain(repeat('0')).take(before_point));
        if self.significant.len() > before_point {
            text.push('.');
            text.extend(digits);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(raw: &str) -> String {
        let mut text = String::new();
        Number::of(raw).expect("it is a number").write(&mut text);
        text
    }

    #[test]
    fn all_spellings_of_a_number_are_written_alike() {
        let zeros = "0".repeat(38);
        let cases: &[(&str, &[&str])] = &[
            ("0", &["0", "0.0", "0e5", "0.00E-7"]),
            ("-0.0", &["-0", "-0.0", "-0e9"]),
            ("1", &["1", "1.0", "10e-1", "0.1E+1", "1e0", "1e00"]),
            ("100", &["100", "1E2", "1e+2", "100.000"]),
            ("-1.5", &["-1.50", "-15e-1", "-0.15e1"]),
            ("12.034", &["12.034", "1.2034e1", "12034e-3", "0.0012034e4"]),
            ("0.001", &["0.001", "1e-3", "0.1e-2"]),
            (&format!("1{zeros}"), &["1e38", &format!("10{zeros}e-1")]),
            ("1e39", &["1e39", &format!("10{zeros}"), "0.1e40"]),
            (&format!("0.{}1", &zeros[1..]), &["1e-38"]),
            ("1e-39", &["1e-39", "10e-40"]),
            ("-1.25e-300", &["-125e-302"]),
            ("1.5e300", &["15e299", "1.50E300"]),
            ("9007199254740993", &["9007199254740993", "9007199254740993.0", "9.007199254740993e15"]),
        ];
        for (expected, spellings) in cases {
            for raw in *spellings {
                assert_eq!(written(raw), *expected, "{raw}");
            }
            assert_eq!(written(expected), *expected);
        }
    }

    #[test]
    fn digits_without_zeros_to_fill_stay_digits() {
        let digits = "9".repeat(1_000);
        for number in [digits.clone(), format!("0.{digits}"), format!("{digits}.{digits}")] {
            assert_eq!(written(&number), number);
        }
    }

    #[test]
    fn numbers_that_a_float_loses_are_told_from_those_it_holds() {
        let held = [
            "0.1",
            "-0.0",
            "1e23",
            "5e-324",
            "2.2250738585072014e-308",
            "1.7976931348623157e308",
            "0.30000000000000004",
            "0.10000000000000001",
            "0.1000000000000000055511151231257827021181583404541015625",
            "9007199254740992",
            "9007199254740992e1",
            "18446744073709551616",
            "1180591620717411303424",
            "1.1805916207174113e21",
            "123456789.12345678",
        ];
        let lost = [
            "9007199254740993",
            "9007199254740993.0",
            "9007199254740993e1",
            "18446744073709551615",
            "1180591620717411300000",
            "0.1234567890123456789",
            "0.10000000000000000001",
            "1e400",
            "-1e400",
            "1e-400",
            "3e-324",
            "1.7976931348623159e308",
            "2.00000000000000000000000000000000000001",
            "123456789.123456789",
        ];
        let is_held = |raw: &str| {
            let float: f64 = raw.parse().expect("it is a number");
            Number::of(raw).expect("it is a number").is_held_by(float)
        };
        for raw in held {
            assert!(is_held(raw), "{raw}");
        }
        for raw in lost {
            assert!(!is_held(raw), "{raw}");
        }
    }

    #[test]
    fn integers_are_exact_however_they_are_written() {
        let of = |raw: &'static str| Number::of(raw).expect("it is a number");
        assert_eq!(of("9007199254740993.0").scaled(0), Some(9_007_199_254_740_993_i64));
        assert_eq!(of("-9.223372036854775808e18").scaled(0), Some(i64::MIN));
        assert_eq!(of("9.223372036854775808e18").scaled::<i64>(0), None);
        assert_eq!(of("1e30").scaled(0), Some(10_i128.pow(30)));
        assert_eq!(of("1.5").scaled::<i64>(0), None);
        assert_eq!(of("1.5").scaled(1), Some(15_i64));
        assert_eq!(of("-0.0").scaled(3), Some(0_u8));
        assert_eq!(of("1e-1000000000").scaled::<i64>(5), None);
        assert_eq!(of("1e1000000000").scaled::<i128>(5), None);
    }
}
