//! References to columns and to paths into them.

mod text;
mod typed;

use std::fmt;
use std::str::FromStr;

use polars::prelude::PlSmallStr;

use crate::error::{Error, Result};
use crate::json_path::JsonPath;

#[doc(hidden)]
pub use typed::ColumnSpec;
pub use typed::{Column, Nullness, Optional, Required};

/// A column, or a path into a JSON column, by name.
///
/// The text form is the name of the column, followed by a dot and a key or array index for each step. Every dot
/// outside quotes is a separator. Put a name or key in double quotes if it contains a dot or a quote, and a key also if
/// it is empty. Inside quotes, write `\"` for a quote and `\\` for a backslash.
///
/// ```
/// use dbcache::column::ColumnRef;
///
/// let city: ColumnRef = "profile.address.city".parse()?;
/// assert_eq!(city.column(), "profile");
/// assert_eq!(city.path().steps(), ["address", "city"]);
///
/// let dotted = ColumnRef::new(r#""my.column"."a \"key\"".0"#)?;
/// assert_eq!(dotted.column(), "my.column");
/// assert_eq!(dotted.path().steps(), [r#"a "key""#, "0"]);
/// assert_eq!(dotted.to_string(), r#""my.column"."a \"key\"".0"#);
/// # Ok::<(), dbcache::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ColumnRef {
    column: PlSmallStr,
    path: JsonPath,
}

impl ColumnRef {
    /// Parses the text form.
    ///
    /// # Errors
    ///
    /// Returns [`Error::ColumnName`], with the reason, if a name or an unquoted key is empty, if a quote is not closed or
    /// is in the middle of a name, or if the text contains an unknown escape or a control character.
    ///
    /// ```
    /// use dbcache::column::ColumnRef;
    ///
    /// let error = ColumnRef::new("profile..city").unwrap_err();
    /// assert_eq!(error.to_string(), r#"the column "profile..city" is malformed: a step between two dots is empty"#);
    /// ```
    pub fn new(text: &str) -> Result<Self> {
        text.parse()
    }

    /// The path of these steps into the column with exactly this name.
    pub(crate) fn with_path(column: impl Into<PlSmallStr>, steps: impl IntoIterator<Item = String>) -> Self {
        Self { column: column.into(), path: JsonPath::of(steps) }
    }

    /// The name of the column in the table.
    pub fn column(&self) -> &str {
        &self.column
    }

    /// The name of the column in a result: the name of the column or, if there is a path, the text form.
    pub(crate) fn label(&self) -> PlSmallStr {
        if self.path.is_empty() { self.column.clone() } else { self.text() }
    }

    /// The text form.
    pub(crate) fn text(&self) -> PlSmallStr {
        self.to_string().into()
    }

    /// Returns `true` if the text form puts the name of the column in quotes, and there is no path.
    pub(crate) fn is_quoted(&self) -> bool {
        self.path.is_empty() && text::is_quoted(&self.column)
    }

    /// The path into the column. It is empty for the column itself.
    pub fn path(&self) -> &JsonPath {
        &self.path
    }
}

impl FromStr for ColumnRef {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text::parse(text) {
            Ok((column, steps)) => Ok(Self::with_path(column, steps)),
            Err(reason) => Err(Error::ColumnName { name: text.to_owned(), reason }),
        }
    }
}

impl fmt::Display for ColumnRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::write_name(f, &self.column)?;
        for step in self.path.steps() {
            f.write_str(".")?;
            text::write_name(f, step)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(text: &str) -> (String, Vec<String>) {
        let column: ColumnRef = text.parse().expect("the text is well formed");
        (column.column.to_string(), column.path.steps().to_vec())
    }

    fn reason(text: &str) -> String {
        match ColumnRef::new(text) {
            Err(Error::ColumnName { name, reason }) if name == text => reason,
            other => panic!("{text:?} gave {other:?}"),
        }
    }

    #[test]
    fn dots_separate_the_column_from_its_steps() {
        let cases: &[(&str, &str, &[&str])] = &[
            ("name", "name", &[]),
            ("profile.address.city", "profile", &["address", "city"]),
            ("tags.0", "tags", &["0"]),
            (r#"doc."a.b".c"#, "doc", &["a.b", "c"]),
            (r#""my.col".x"#, "my.col", &["x"]),
            (r#"doc."say \"hi\" \\ bye""#, "doc", &[r#"say "hi" \ bye"#]),
            (r#"doc.""."k""#, "doc", &["", "k"]),
            (r"back\slash.k\n", r"back\slash", &[r"k\n"]),
            (" spaced name .ключ", " spaced name ", &["ключ"]),
        ];
        for (text, column, steps) in cases {
            let steps: Vec<String> = steps.iter().map(|step| (*step).to_owned()).collect();
            assert_eq!(parts(text), ((*column).to_owned(), steps), "{text}");
        }
    }

    #[test]
    fn errors_name_what_is_malformed() {
        let cases = [
            ("", "the name is empty"),
            (".city", "the name is empty"),
            (r#""""#, "the name is empty"),
            (r#""".city"#, "the name is empty"),
            ("profile.", "nothing follows the last dot"),
            ("profile..city", "a step between two dots is empty"),
            ("profile..", "a step between two dots is empty"),
            (r#"doc."a.b"#, "a double quote is not closed"),
            (r#"doc."a\"#, "a double quote is not closed"),
            (r#"doc."a"b"#, "expected a dot after the closing quote, found 'b'"),
            (
                r#"doc.a"b"#,
                "a double quote is inside \"a\\\"b\": put the whole name in quotes, with `\\\"` for a quote",
            ),
            (r#"doc."a\n""#, "the escape `\\n` is unknown: the escapes are `\\\"` and `\\\\`"),
            ("na\0me", "it may not contain '\\0'"),
            ("doc.\"a\nb\"", "it may not contain '\\n'"),
        ];
        for (text, expected) in cases {
            assert_eq!(reason(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_name_without_path_is_taken_literally() {
        let column = ColumnRef::with_path("my.\"odd\" column", []);
        assert_eq!(column.column(), "my.\"odd\" column");
        assert!(column.path().is_empty());
        assert_eq!(column.to_string(), r#""my.\"odd\" column""#);
    }

    proptest! {
        #[test]
        fn display_reads_back(column in r"[^\p{Cc}]{1,8}", steps in prop::collection::vec(r#"[a-z."\\0 ]{0,6}"#, 0..4)) {
            let reference = ColumnRef::with_path(column, steps);
            prop_assert_eq!(ColumnRef::new(&reference.to_string()).expect("shown text is well formed"), reference);
        }

        #[test]
        fn any_text_is_parsed_or_rejected(text in r#"[ab."\\\x00é]{0,12}"#) {
            if let Ok(column) = ColumnRef::new(&text) {
                prop_assert_eq!(ColumnRef::new(&column.to_string()).expect("shown text is well formed"), column);
            }
        }
    }
}
