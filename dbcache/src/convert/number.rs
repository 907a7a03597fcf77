//! Decimal numbers as text writes them, exactly.

/// `digits × 10^exponent`, without zeros at the end of its digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number {
    digits: i128,
    exponent: i32,
}

/// All digits that a decimal column can have.
const MOST_DIGITS: u32 = 38;

impl Number {
    pub(super) fn new(mut digits: i128, mut exponent: i32) -> Self {
        if digits == 0 {
            return Self { digits, exponent: 0 };
        }
        while digits % 10 == 0 {
            digits /= 10;
            exponent += 1;
        }
        Self { digits, exponent }
    }

    /// Reads `-12.50`, `1e3` and the like; `None` for other text, and for numbers of more digits than 128 bits hold.
    pub(super) fn read(text: &str) -> Option<Self> {
        let text = text.trim_ascii();
        let (is_negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mut exponent: i32 = exponent.parse().ok()?;
        let mut digits: i128 = 0;
        let mut zeros = 0;
        let mut has_digits = false;
        for digit in whole.bytes().chain(fraction.bytes()) {
            let digit = digit.is_ascii_digit().then(|| digit - b'0')?;
            has_digits = true;
            if digit == 0 && digits != 0 {
                zeros += 1;
                continue;
            }
            // Zeros count only when another digit follows them.
            if digit != 0 {
                digits = digits.checked_mul(10_i128.checked_pow(zeros + 1)?)?.checked_add(digit.into())?;
                zeros = 0;
            }
        }
        exponent =
            exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?.checked_add(i32::try_from(zeros).ok()?)?;
        has_digits.then(|| Self::new(if is_negative { -digits } else { digits }, exponent))
    }

    /// The number times `10^scale`, if that is whole and a decimal column of so many digits has it.
    pub(super) fn in_decimal(self, precision: usize, scale: usize) -> Option<i128> {
        let precision = u32::try_from(precision).unwrap_or(MOST_DIGITS).min(MOST_DIGITS);
        self.scaled(scale).filter(|number| number.unsigned_abs() < 10_u128.pow(precision))
    }

    /// The number, if it is whole.
    pub(super) fn whole(self) -> Option<i128> {
        self.scaled(0)
    }

    /// The number times `10^scale`, if that is whole.
    pub(super) fn scaled(self, scale: usize) -> Option<i128> {
        if self.digits == 0 {
            return Some(0);
        }
        let exponent = i64::from(self.exponent) + i64::try_from(scale).ok()?;
        self.digits.checked_mul(10_i128.checked_pow(u32::try_from(exponent).ok()?)?)
    }

    pub(super) fn is_zero(self) -> bool {
        self.digits == 0
    }

    /// How many digits it has.
    fn len(self) -> usize {
        self.digits.unsigned_abs().checked_ilog10().map_or(0, |log| log as usize + 1)
    }
}

/// What both floats have in common.
pub(crate) trait Float: Copy + std::str::FromStr {
    /// Every number of as many digits is the nearest to a float of its own.
    const DIGITS: usize;
    /// Whether it is finite and has all its digits.
    fn is_normal(self) -> bool;
    fn with_digits(self, digits: usize) -> String;
    fn shortest(self) -> String;
    /// As it is written in text.
    fn text(self) -> String;
    fn widened(self) -> f64;
}

macro_rules! floats {
    ($($float:ident)*) => {$(
        impl Float for $float {
            const DIGITS: usize = $float::DIGITS as usize;

            fn is_normal(self) -> bool {
                Self::is_normal(self)
            }

            fn with_digits(self, digits: usize) -> String {
                format!("{self:.*e}", digits.saturating_sub(1))
            }

            fn shortest(self) -> String {
                format!("{self:e}")
            }

            fn text(self) -> String {
                format!("{self:?}")
            }

            fn widened(self) -> f64 {
                self.into()
            }
        }
    )*};
}

floats!(f32 f64);

/// The number that the shortest text says which reads as the float; `None` where it is not finite.
pub(super) fn of_float<F: Float>(float: F) -> Option<Number> {
    Number::read(&float.shortest())
}

/// The nearest float to a number, if it has all the number's digits.
pub(super) fn to_float<F: Float>(number: Number) -> Option<F> {
    let Number { digits, exponent } = number;
    let nearest: F = format!("{digits}e{exponent}").parse().ok()?;
    let has_all = digits == 0
        || nearest.is_normal() && number.len() <= F::DIGITS
        || Number::read(&nearest.with_digits(number.len())) == Some(number);
    has_all.then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_exactly_or_not_at_all() {
        let read = |text: &str| Number::read(text).map(|number| (number.digits, number.exponent));
        assert_eq!(read("-12.50"), Some((-125, -1)));
        assert_eq!(read("1e3"), Some((1, 3)));
        assert_eq!(read("007"), Some((7, 0)));
        assert_eq!(read("1000"), Some((1, 3)));
        assert_eq!(read("10.010"), Some((1001, -2)));
        assert_eq!(read("0.000"), Some((0, 0)));
        assert_eq!(read(&format!("1{}", "0".repeat(300))), Some((1, 300)));
        for text in ["", ".", "-", "1e", "1_000", "0x1", "1.2.3", "e5", "inf"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read(&"9".repeat(40)), None);
    }

    #[test]
    fn a_float_has_all_digits_of_a_number_or_is_not_given() {
        let float = |text| Number::read(text).and_then(to_float::<f64>);
        assert_eq!(float("0.1"), Some(0.1));
        assert_eq!(float("0.10000000000000001"), Some(0.1));
        assert_eq!(float("9007199254740992"), Some(9_007_199_254_740_992.0));
        assert_eq!(float("9007199254740993"), None);
        assert_eq!(float("0.1234567890123456789"), None);
        assert_eq!(float("1e400"), None);
        assert_eq!(float("1e-400"), None);
        assert_eq!(float("5e-324"), Some(5e-324));
        assert_eq!(Number::read("0.1").and_then(to_float::<f32>), Some(0.1));
        assert_eq!(Number::read("0.123456789012").and_then(to_float::<f32>), None);
        assert_eq!(Number::read("16777217").and_then(to_float::<f32>), None);
        assert_eq!(Number::read("1e300").and_then(to_float::<f32>), None);
    }

    #[test]
    fn a_decimal_has_a_number_or_does_not() {
        let number = |text| Number::read(text).expect("a number");
        assert_eq!(number("1.50").in_decimal(3, 2), Some(150));
        assert_eq!(number("1.505").in_decimal(10, 2), None);
        assert_eq!(number("9.99").in_decimal(3, 2), Some(999));
        assert_eq!(number("10").in_decimal(3, 2), None);
        assert_eq!(number("0e99").in_decimal(3, 2), Some(0));
        assert_eq!(number("25.0").whole(), Some(25));
        assert_eq!(number("25.5").whole(), None);
    }
}
