//! Decimal numbers as text writes them.

/// Whether so many digits after the point are enough for a number.
pub(crate) fn has_digits(number: &str, scale: usize) -> bool {
    i64::try_from(scale).is_ok_and(|scale| digits_after_point(number) <= scale)
}

/// How many digits after its point a number needs, given as decimal text with or without an exponent.
fn digits_after_point(number: &str) -> i64 {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    let digits = whole.bytes().chain(fraction.bytes()).filter(is_digit).rev();
    let zeros = digits.take_while(|digit| *digit == b'0').count();
    let is_zero = !whole.bytes().chain(fraction.bytes()).any(|byte| matches!(byte, b'1'..=b'9'));
    if is_zero {
        return 0;
    }
    let count = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
    let needed = count(fraction.len()) - count(zeros) - i64::from(exponent.parse::<i32>().unwrap_or(0));
    needed.max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_that_say_something_are_needed() {
        let numbers = [("1.50", 1), ("-0.125", 3), ("7", 0), ("7000", 0), ("0.000", 0), ("1.25e1", 1), ("1.25e-1", 3)];
        for (number, needed) in numbers {
            assert_eq!(digits_after_point(number), needed, "{number}");
        }
        assert_eq!(digits_after_point("100e-2"), 0);
        assert_eq!(digits_after_point("120e-2"), 1);
        assert_eq!(digits_after_point("0e-9"), 0);
    }
}
