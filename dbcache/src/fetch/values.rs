//! What adapters need to agree with the rest of the crate: how errors show values, and what text stands for.

use polars::prelude::Series;

use crate::{convert, misfits};

/// A value of a column as errors show it, cut short if it is long; `None` if the column has no such row.
///
/// ```
/// use dbcache::fetch::shown_value;
/// use dbcache::polars::prelude::*;
///
/// assert_eq!(shown_value(&Series::new("age".into(), [36, 41]), 1).as_deref(), Some("41"));
/// ```
pub fn shown_value(column: &Series, row: usize) -> Option<String> {
    misfits::shown(column, row)
}

/// Text as errors show it: cut short if it is long.
///
/// ```
/// use dbcache::fetch::shown_text;
///
/// assert_eq!(shown_text("lamp"), "lamp");
/// assert!(shown_text(&"lamp".repeat(1000)).ends_with("…"));
/// ```
pub fn shown_text(text: &str) -> String {
    misfits::shortened(text)
}

/// The float that a number's digits say, if it has them all.
///
/// ```
/// use dbcache::fetch::exact_float;
///
/// assert_eq!(exact_float("-12.34"), Some(-12.34));
/// assert_eq!(exact_float("9007199254740993"), None);
/// ```
pub fn exact_float(digits: &str) -> Option<f64> {
    convert::text::float(digits)
}

/// The integer that a text writes: as digits, or as a whole number with a point or an exponent.
///
/// ```
/// use dbcache::fetch::exact_integer;
///
/// assert_eq!(exact_integer("007"), Some(7));
/// assert_eq!(exact_integer("2.5e1"), Some(25));
/// assert_eq!(exact_integer("0.5"), None);
/// ```
pub fn exact_integer(digits: &str) -> Option<i64> {
    convert::text::integer(digits)
}

/// The boolean that a text stands for: `true`, `t` or `1`, and `false`, `f` or `0`.
///
/// ```
/// use dbcache::fetch::exact_boolean;
///
/// assert_eq!(exact_boolean("t"), Some(true));
/// assert_eq!(exact_boolean("yes"), None);
/// ```
pub fn exact_boolean(text: &str) -> Option<bool> {
    convert::text::boolean(text)
}
