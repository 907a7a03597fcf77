//! What adapters need to agree with the rest of the crate: how errors show values, and which floats are exact.

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
