//! Query text: quoted names, and the rows with some ids.

/// How a database writes names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dialect {
    /// What stands around a name. In a name it is doubled.
    pub(super) quote: char,
}

/// A query for some columns of the rows with some ids.
#[derive(Debug)]
pub(super) struct SelectRows<'a> {
    pub(super) dialect: Dialect,
    /// The names that lead to the table, as a query has [them](Dialect::path).
    pub(super) table: &'a str,
    /// What is selected: columns [of the row](Dialect::of_row), or what is made of them.
    pub(super) columns: &'a [String],
    pub(super) id_column: &'a str,
    /// What follows the id column in the condition: `= ANY($1)`, say.
    pub(super) among_ids: &'a str,
}

impl Dialect {
    /// A name in quotes.
    pub(super) fn quoted(self, name: &str) -> String {
        let Self { quote } = self;
        format!("{quote}{}{quote}", name.replace(quote, &format!("{quote}{quote}")))
    }

    /// The names that lead to a table, quoted and joined.
    pub(super) fn path(self, names: &[impl AsRef<str>]) -> String {
        let names: Vec<String> = names.iter().map(|name| self.quoted(name.as_ref())).collect();
        names.join(".")
    }

    /// The row that [`SelectRows`] selects.
    pub(super) fn row(self) -> String {
        self.quoted("row")
    }

    /// A column of the row that [`SelectRows`] selects.
    pub(super) fn of_row(self, column: &str) -> String {
        format!("{}.{}", self.row(), self.quoted(column))
    }
}

impl SelectRows<'_> {
    /// The query. Columns are qualified, since some databases take an unknown quoted name alone for a string.
    pub(super) fn to_sql(&self) -> String {
        let Self { dialect, table, columns, id_column, among_ids } = self;
        let (columns, row, id) = (columns.join(", "), dialect.row(), dialect.of_row(id_column));
        format!("SELECT {columns} FROM {table} AS {row} WHERE {id} {among_ids}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STANDARD: Dialect = Dialect { quote: '"' };

    #[test]
    fn names_cannot_leave_their_quotes() {
        assert_eq!(STANDARD.quoted("plain"), "\"plain\"");
        assert_eq!(STANDARD.quoted("a\" OR 1 --"), "\"a\"\" OR 1 --\"");
        assert_eq!(Dialect { quote: '`' }.quoted("a` OR 1 --"), "`a`` OR 1 --`");
    }

    #[test]
    fn a_query_quotes_every_name() {
        let query = SelectRows {
            dialect: STANDARD,
            table: &STANDARD.path(&["main", "users"]),
            columns: &["id", "se\"x"].map(|name| STANDARD.of_row(name)),
            id_column: "id",
            among_ids: "= ANY($1)",
        };
        assert_eq!(
            query.to_sql(),
            r#"SELECT "row"."id", "row"."se""x" FROM "main"."users" AS "row" WHERE "row"."id" = ANY($1)"#
        );
    }
}
