//! Text that writes a boolean or a number.

use std::str::FromStr;

use super::number;
use super::number::Number;

pub(crate) use super::number::Float;

pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text.trim_ascii() {
        "true" | "t" | "1" => Some(true),
        "false" | "f" | "0" => Some(false),
        _ => None,
    }
}

/// An integer, however it is written: `25`, `25.0` or `2.5e1`.
pub(crate) fn integer<N: FromStr + TryFrom<i128>>(text: &str) -> Option<N> {
    let whole = || N::try_from(Number::read(text)?.whole()?).ok();
    text.trim_ascii().parse().ok().or_else(whole)
}

/// The number times ten to the power of `scale`, if that is an integer of 128 bits.
pub(crate) fn scaled(text: &str, scale: usize) -> Option<i128> {
    Number::read(text)?.scaled(scale)
}

/// The float that has all digits of the number, or is called infinite or no number.
pub(crate) fn float<F: Float>(text: &str) -> Option<F> {
    match Number::read(text) {
        // The sign of a zero is in its text alone.
        Some(number) if number.is_zero() => text.trim_ascii().parse().ok(),
        Some(number) => number::to_float(number),
        // More digits than a float has.
        None if text.bytes().any(|byte| byte.is_ascii_digit()) => None,
        None => text.trim_ascii().parse().ok(),
    }
}
