//! Paths into JSON documents: parsed, shown, and extracted from a column.
//!
//! A document may come as JSON text, as text in bytes, as a parsed JSON value, or as a struct or list; a path gives the
//! same answer for all of them. Its type is that of all values together, in whatever order they come:
//!
//! | values | type |
//! |---|---|
//! | integers within `i64` | `Int64` |
//! | numbers that a `Float64` holds, one of them with a fraction or exponent | `Float64` |
//! | other numbers | text |
//! | strings; booleans | `String`; `Boolean` |
//! | scalars of mixed kinds | text |
//! | objects that agree; arrays that agree | `Struct` with all keys, sorted; `List` |
//! | anything else, and objects of which none has a key | JSON text |
//!
//! A float holds an integer if it is the same number. It holds a number with a fraction or exponent if it is the same
//! number once rounded to as many digits: `0.1` and `0.30000000000000004`, but not `0.1234567890123456789` or `1e400`.
//! `NaN`, `Infinity` and `-Infinity`, which Python writes though JSON lacks them, are floats; `-0` is the float -0.0.
//! So 9007199254740993 beside 0.5 makes a column of text.
//!
//! # The canonical form
//!
//! Numbers, objects and arrays that come back as text have one form, however the document writes them:
//!
//! - There are no spaces. Keys are sorted by their characters' code points; of equal keys the last counts.
//! - A key whose value is null is left out, because it means the same as a missing key. Nulls in arrays stay.
//! - Equal numbers are written alike, and all their digits are kept: `1.50` as `1.5`, `1E2` and `100.0` as `100`. A
//!   number that would need more than 38 zeros beside its digits has an exponent: `1e300`. Negative zero is `-0.0`.
//! - Strings escape `"`, `\`, and control characters (`\b`, `\f`, `\n`, `\r`, `\t`, others as `\u001f`), and halves of
//!   surrogate pairs. All other characters stand for themselves.
//!
//! This holds for what a path leads to. A whole column that comes back as text is answered as it is stored.

mod build;
mod canonical;
mod infer;
mod nested;
mod number;
mod scan;
#[cfg(test)]
mod tests;
mod text;
mod tree;
mod value;

use std::sync::Arc;

use polars::prelude::*;

/// The steps from a JSON document to a value in it.
///
/// A step is a key of an object; one that is a whole number in decimal digits is also a place in an array, from 0.
///
/// ```
/// use dbcache::column::ColumnRef;
///
/// let first_tag: ColumnRef = "profile.tags.0".parse()?;
/// assert_eq!(first_tag.path().steps(), ["tags", "0"]);
/// # Ok::<(), dbcache::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct JsonPath {
    /// Shared, since columns of a request are passed on again and again.
    steps: Arc<[String]>,
}

impl JsonPath {
    pub(crate) fn of(steps: impl IntoIterator<Item = String>) -> Self {
        Self { steps: steps.into_iter().collect() }
    }

    /// The keys and array places, from the outside in.
    pub fn steps(&self) -> &[String] {
        &self.steps
    }

    /// Whether the path stays at the document itself.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

/// What a document that is not JSON, a step into a scalar, or a value that does not fit its type gives.
///
/// A key that is missing gives null in both.
///
/// ```
/// use dbcache::json_path::Strictness;
///
/// assert_eq!(Strictness::default(), Strictness::Lenient);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strictness {
    /// Null.
    #[default]
    Lenient,
    /// An error with id, path and a snippet of the document.
    Strict,
}

/// Where and why a document did not give a value.
#[derive(Debug)]
pub(crate) struct PathError {
    /// The row of the column, from 0.
    pub(crate) row: usize,
    /// Which of the paths, from 0.
    pub(crate) path: usize,
    /// What is wrong, with a snippet of the document or value.
    pub(crate) reason: String,
}

/// One path to extract, and the type to give its values where the caller pins it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extraction<'a> {
    pub(crate) path: &'a JsonPath,
    pub(crate) pinned: Option<&'a DataType>,
}

/// Extracts all paths of one column in one pass; the answers are in the order of the paths and unnamed.
///
/// The column may hold JSON text, such text in bytes, structs and lists, or these in one another. Values and types are
/// those that the module documents; a structured column may know more types than its rows tell.
///
/// Values agree if at every place within them there are only nulls and one kind: booleans, strings, integers of
/// `i64`, numbers that a float holds, objects, or arrays; and if their objects have no more than 256 keys in all, in no
/// more than 32 levels.
///
/// A pinned type takes values that it holds exactly (a number for the same number, the nearest float for a number with
/// a fraction or exponent within its range, a string for what a column of text would give, objects for the fields that a
/// struct names, anything for text). What it does not take is null, or an error where `strictness` asks.
///
/// Of an object's equal keys the last counts. Documents nested deeper than 127 levels count as not JSON.
pub(crate) fn extract(
    column: &Series,
    paths: &[Extraction<'_>],
    strictness: Strictness,
) -> std::result::Result<Vec<Series>, PathError> {
    let wanted: Vec<Wanted<'_>> =
        paths.iter().map(|one| Wanted { steps: one.path.steps(), pinned: one.pinned }).collect();
    nested::extract(column, &wanted, strictness)
}

/// Whole documents as a column, by the rules of [`extract`] for what a path leads to.
pub(crate) fn whole(documents: &StringChunked, strictness: Strictness) -> std::result::Result<Series, PathError> {
    let whole = [Wanted { steps: &[], pinned: None }];
    let columns = text::extract(documents, &whole, strictness)?;
    columns.into_iter().next().ok_or(PathError { row: 0, path: 0, reason: "a path has no column".to_owned() })
}

/// The type of the structs or lists that documents agree on; `None` where they do not, or one is not JSON.
///
/// Unlike an answer it has structs without fields for objects without keys.
pub(crate) fn common_structure(documents: &StringChunked) -> Option<DataType> {
    text::common_structure(documents)
}

/// Structs and lists as JSON text that keeps which numbers are floats.
pub(crate) fn to_json(column: &Series) -> PolarsResult<StringChunked> {
    nested::leaf::to_json(column)
}

/// A document in its one form, in which no object has two equal keys; `None` for null and for what is no JSON.
pub(crate) fn canonical(document: &str) -> Option<String> {
    let mut text = String::with_capacity(document.len());
    canonical::write(&mut text, scan::value(document)?);
    Some(text)
}

/// The rest of a path, from where an extraction stands.
#[derive(Clone, Copy, Debug)]
struct Wanted<'a> {
    steps: &'a [String],
    pinned: Option<&'a DataType>,
}

/// How many levels of objects and arrays a document may have; `serde_json` reads as many.
const MAX_DEPTH: usize = 127;

fn refused(path: usize) -> impl Fn(PolarsError) -> PathError {
    move |error| PathError { row: 0, path, reason: format!("the column cannot be built: {error}") }
}
