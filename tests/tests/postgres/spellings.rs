//! Ids under other spellings, as PostgreSQL's types and collations compare them.

use dbcache::postgres::{Client, NoTls};
use dbcache_tests::contract::all;
use dbcache_tests::contract::spellings::Spelled;

use crate::PostgresAdapter;

const PADDED: Spelled<'static> = Spelled { table: "", asked: "ab", stored: "ab   ", other: "bobby" };
const IN_ANOTHER_CASE: Spelled<'static> = Spelled { table: "", asked: "ADA", stored: "Ada", other: "bob" };
const WITHOUT_ACCENT: Spelled<'static> = Spelled { table: "", asked: "zoe", stored: "Zoë", other: "bob" };

/// Types that every server has.
const OWN_TYPES: &[(&str, &str, Spelled<'static>)] =
    &[("main.padded_ids", "CHAR(5)", PADDED), ("main.padded_domain", "main.padded", PADDED)];

/// Types that need a server with ICU.
const ICU_TYPES: &[(&str, &str, Spelled<'static>)] = &[
    ("main.caseless_text", "TEXT COLLATE main.caseless", IN_ANOTHER_CASE),
    ("main.unaccented_varchar", "VARCHAR(9) COLLATE main.unaccented", WITHOUT_ACCENT),
    ("main.unaccented_domain", "main.word", WITHOUT_ACCENT),
];

/// Types that need the server's additional extensions.
const CITEXT_TYPES: &[(&str, &str, Spelled<'static>)] = &[
    ("main.citext_ids", "main.citext", IN_ANOTHER_CASE),
    ("main.citext_domain", "main.label", IN_ANOTHER_CASE),
    ("main.citext_domain_of_a_domain", "main.short_label", IN_ANOTHER_CASE),
];

/// Runs a check for a table with ids of each type, those of `citext` aside.
pub(crate) fn each<A: PostgresAdapter>(database: &A, check: impl Fn(Spelled<'_>)) {
    database.execute("CREATE DOMAIN main.padded AS CHAR(5)");
    let mut types = OWN_TYPES.to_vec();
    if has(database, "SELECT 1 FROM pg_collation WHERE collprovider = 'i' LIMIT 1") {
        database.execute(
            "CREATE COLLATION main.caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
             CREATE COLLATION main.unaccented (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
             CREATE DOMAIN main.word AS TEXT COLLATE main.unaccented",
        );
        types.extend(ICU_TYPES);
    }
    each_of(database, &types, check);
}

/// Runs a check for a table with ids of each type that is made of `citext`, which is not in the search path.
fn each_caseless<A: PostgresAdapter>(database: &A, check: impl Fn(Spelled<'_>)) {
    if has(database, "SELECT 1 FROM pg_available_extensions WHERE name = 'citext'") {
        database.execute(
            "CREATE EXTENSION citext SCHEMA main;
             CREATE DOMAIN main.label AS main.citext; CREATE DOMAIN main.short_label AS main.label CHECK (value <> 'x')",
        );
        each_of(database, CITEXT_TYPES, check);
    }
}

fn each_of<A: PostgresAdapter>(database: &A, types: &[(&str, &str, Spelled<'_>)], check: impl Fn(Spelled<'_>)) {
    for (table, sql_type, spelled) in types.iter().copied() {
        let Spelled { stored, other, .. } = spelled;
        database.execute(&format!(
            "CREATE TABLE {table} (id {sql_type} PRIMARY KEY, n INT4); INSERT INTO {table} VALUES ('{stored}', 1), ('{other}', 2)"
        ));
        check(Spelled { table, ..spelled });
    }
}

fn has(database: &impl PostgresAdapter, query: &'static str) -> bool {
    let url = database.url();
    std::thread::spawn(move || Client::connect(&url, NoTls).unwrap().query_opt(query, &[]).unwrap().is_some())
        .join()
        .unwrap()
}

pub(crate) fn an_id_under_another_spelling_is_an_error_that_names_both(database: &impl PostgresAdapter) {
    each(database, |spelled| spelled.assert_refused(database));
    each_caseless(database, |spelled| spelled.assert_refused(database));
}

pub(crate) fn rows_that_differ_in_spelling_alone_are_rows_of_their_own(database: &impl PostgresAdapter) {
    database.execute(
        "CREATE COLLATION main.caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
         CREATE TABLE main.t (id TEXT COLLATE main.caseless, n INT4);
         INSERT INTO main.t VALUES ('Ada', 1), ('ada', 2), ('bob', 3)",
    );
    let ids = ["Ada", "ada", "nobody"].map(str::to_owned);
    assert_eq!(all(database, "main.t", &ids).height(), 2);
}
