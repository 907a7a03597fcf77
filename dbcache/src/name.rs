//! Table names, and suggestions for misspelled names.

use std::fmt;

use crate::error::{Error, Result};

/// Minimum similarity of a suggested name, from 0 to 1.
const MIN_SIMILARITY: f64 = 0.7;
/// Maximum number of suggestions.
const MAX_SUGGESTIONS: usize = 3;

/// The name of a table: `schema.table`, or with further parts in front, `catalog.schema.table`.
///
/// Names are case-sensitive: `public.users` and `public.Users` are two tables.
///
/// ```
/// use dbcache::TableName;
///
/// let table = TableName::new("public.users")?;
/// assert_eq!(table.parts().collect::<Vec<_>>(), ["public", "users"]);
/// assert!(TableName::new("users").is_err());
/// # Ok::<(), dbcache::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName(String);

impl TableName {
    /// Parses a name. A name has at least two parts, which are separated by dots. No part is empty, begins or ends with
    /// white space, or contains `/`, `\`, `"` or a control character.
    ///
    /// # Errors
    ///
    /// Returns [`Error::TableName`] with the reason if the name is invalid.
    pub fn new(name: impl Into<String>) -> Result<Self> {
        let name = name.into();
        match table_fault(&name) {
            None => Ok(Self(name)),
            Some(reason) => Err(Error::TableName { name, reason }),
        }
    }

    /// Returns the name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the parts between the dots.
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('.')
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn table_fault(name: &str) -> Option<String> {
    if let Some(bad) = name.chars().find(|c| c.is_control() || matches!(c, '/' | '\\' | '"')) {
        return Some(format!("it may not contain {bad:?}"));
    }
    if !name.contains('.') {
        return Some("it needs a schema, as in `public.users`".to_owned());
    }
    if name.split('.').any(str::is_empty) {
        return Some("a part between two dots is empty".to_owned());
    }
    name.split('.').find(|part| part.trim() != *part).map(|part| format!("the part {part:?} has a space at an end"))
}

/// Returns the names most similar to `wanted`, the most similar first.
pub(crate) fn similar_names<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let wanted = wanted.to_lowercase();
    let mut similar: Vec<(f64, &str)> = names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&wanted, &name.to_lowercase()), name))
        .filter(|(similarity, _)| *similarity >= MIN_SIMILARITY)
        .collect();
    similar.sort_by(|left, right| right.0.total_cmp(&left.0).then(left.1.cmp(right.1)));
    similar.into_iter().take(MAX_SUGGESTIONS).map(|(_, name)| name.to_owned()).collect()
}
