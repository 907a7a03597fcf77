//! Paths into JSON documents: parsed, shown, and extracted from a column.

mod build;
mod infer;
mod nested;
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
/// The column may hold JSON text, structs and lists, or these in one another; the same path gives the same values
/// and, where the rows hold all the storage knows, the same type. Types, where none is pinned:
///
/// | values | type |
/// |---|---|
/// | none but nulls | `Null`, or what a structured column says |
/// | integers within `i64` | `Int64` |
/// | numbers, one of them with a fraction or exponent | `Float64` |
/// | integers, one of them beyond `i64` | `String`, the digits as written: no number type holds them all exactly |
/// | strings; booleans | `String`; `Boolean` |
/// | other mixtures of scalars | `String`: strings as they are, others as JSON |
/// | objects that agree; arrays that agree | `Struct` with the keys of all rows, sorted; `List` |
/// | anything else | `String` of JSON text without spaces |
///
/// Values agree if at every place within them there are only nulls and one kind: booleans, strings, integers of
/// `i64`, numbers, objects, or arrays; and if their objects have no more than 256 keys in all, in no more than 32 levels.
///
/// A pinned type takes values that it holds exactly (a number for the same number, decimals rounded to the nearest
/// float, objects for the fields that a struct names, anything for text). What it does not take is null, or an error
/// where `strictness` asks.
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
#[cfg(test)]
fn structure(documents: &StringChunked) -> Series {
    let whole = [Wanted { steps: &[], pinned: None }];
    text::extract(documents, &whole, Strictness::Lenient).expect("Polars makes the column").remove(0)
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
