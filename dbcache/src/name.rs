//! Table names, and names that come near a misspelt one.

use std::fmt;

use crate::error::{Error, Result};

/// How alike two names must be, from 0 to 1, for one to be suggested for the other.
const ALIKE: f64 = 0.7;
/// How many names are suggested at the most.
const SUGGESTIONS: usize = 3;

/// A table's name: `schema.table`, or with further parts in front, `catalog.schema.table`.
///
/// Names are case-sensitive, as written: `public.users` and `public.Users` are two tables.
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
    /// Checks a name: at least two parts between dots, none of them empty, no `/`, `\`, `"` or control character.
    ///
    /// # Errors
    ///
    /// [`Error::TableName`] with what is wrong.
    pub fn new(name: impl Into<String>) -> Result<Self> {
        let name = name.into();
        match table_fault(&name) {
            None => Ok(Self(name)),
            Some(reason) => Err(Error::TableName { name, reason }),
        }
    }

    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parts between the dots.
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

/// The names most like `wanted`, the nearest first.
pub(crate) fn near<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let wanted = wanted.to_lowercase();
    let mut alike: Vec<(f64, &str)> = names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&wanted, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .collect();
    alike.sort_by(|left, right| right.0.total_cmp(&left.0).then(left.1.cmp(right.1)));
    alike.into_iter().take(SUGGESTIONS).map(|(_, name)| name.to_owned()).collect()
}
