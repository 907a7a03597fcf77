//! Names that are more than letters.

use std::sync::Arc;

use super::{Adapter, all, named};

pub fn hostile_names_are_only_names(database: &Arc<impl Adapter>) {
    database.execute(
        r#"CREATE TABLE main."Select 'x' --" ("id" BIGINT PRIMARY KEY, "we""ird" TEXT, "order by 1; --" TEXT, "naïve 名前" TEXT, "a.b" TEXT, "'" TEXT);
           INSERT INTO main."Select 'x' --" VALUES (1, 'a', 'b', 'c', 'd', 'e')"#,
    );
    let table = "main.Select 'x' --";
    let columns = ["we\"ird", "order by 1; --", "naïve 名前", "a.b", "'"];
    let rows = named(&**database, table, &[1_i64], &columns);
    let texts = rows.columns().iter().skip(1).map(|column| column.str().expect("text").get(0).expect("a value"));
    assert_eq!(texts.collect::<Vec<&str>>(), ["a", "b", "c", "d", "e"]);
    assert_eq!(rows.get_column_names(), [&["id"][..], &columns].concat());
}

pub fn a_dot_in_a_table_name_follows_the_schema(database: &Arc<impl Adapter>) {
    database.execute(r#"CREATE TABLE main."a.b" (id BIGINT PRIMARY KEY); INSERT INTO main."a.b" VALUES (1)"#);
    assert_eq!(all(&**database, "main.a.b", &[1_i64]).height(), 1);
}
