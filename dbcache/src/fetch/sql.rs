//! Query text: quoted names, and ids that are bound.

/// A name in double quotes, as the SQL standard has it. Quotes in the name are doubled.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A query for some columns of the rows with some ids.
#[derive(Debug)]
pub(super) struct SelectRows<'a> {
    /// The names that lead to the table, outermost first.
    pub(super) table: &'a [&'a str],
    /// What is selected: columns [of the row](of_row), or what is made of them.
    pub(super) columns: &'a [String],
    pub(super) id_column: &'a str,
    /// What follows the id column in the condition: `= ANY($1)`, say.
    pub(super) among_ids: &'a str,
}

impl SelectRows<'_> {
    /// The query. Columns are qualified, since some databases take an unknown quoted name alone for a string.
    pub(super) fn to_sql(&self) -> String {
        let condition = format!("{} {}", of_row(self.id_column), self.among_ids);
        format!("SELECT {} FROM {} AS \"row\" WHERE {condition}", self.columns.join(", "), path(self.table))
    }
}

/// The names that lead to a table, quoted and joined.
pub(super) fn path(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
    names.join(".")
}

/// A column of the row that [`SelectRows`] selects.
pub(super) fn of_row(column: &str) -> String {
    format!("\"row\".{}", quoted(column))
}

/// The nearest of some names, for the end of a message.
pub(super) fn suggestion(names: &[String]) -> String {
    names.first().map_or_else(String::new, |near| format!(" (did you mean {near:?}?)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_quotes() {
        assert_eq!(quoted("plain"), "\"plain\"");
        assert_eq!(quoted("a\" OR 1 --"), "\"a\"\" OR 1 --\"");
    }

    #[test]
    fn a_query_quotes_every_name() {
        let query = SelectRows {
            table: &["main", "users"],
            columns: &["id", "se\"x"].map(of_row),
            id_column: "id",
            among_ids: "= ANY($1)",
        };
        assert_eq!(
            query.to_sql(),
            r#"SELECT "row"."id", "row"."se""x" FROM "main"."users" AS "row" WHERE "row"."id" = ANY($1)"#
        );
    }
}
