//! Ids under other spellings, as SQLite's collations compare them.

use dbcache_tests::contract::spellings::Spelled;
use dbcache_tests::contract::{Adapter, all};

const CASES: [(&str, Spelled<'static>); 2] = [
    ("NOCASE", Spelled { table: "main.t", asked: "ADA", stored: "Ada", other: "bob" }),
    ("RTRIM", Spelled { table: "main.t", asked: "Ada  ", stored: "Ada", other: "bob" }),
];

/// Runs a check in a database whose table `main.t` has ids of each collation.
pub(crate) fn each<A: Adapter>(check: impl Fn(&A, Spelled<'_>)) {
    for (collation, spelled) in CASES {
        let database = A::open().unwrap();
        database.execute(&format!(
            "CREATE TABLE t (id TEXT COLLATE {collation} PRIMARY KEY, n INTEGER); INSERT INTO t VALUES ('Ada', 1), ('bob', 2)"
        ));
        check(&database, spelled);
    }
}

pub(crate) fn rows_that_differ_in_spelling_alone_are_rows_of_their_own(database: &impl Adapter) {
    database.execute(
        "CREATE TABLE t (id TEXT COLLATE NOCASE, n INTEGER); INSERT INTO t VALUES ('Ada', 1), ('ada', 2), ('bob', 3)",
    );
    let ids = ["Ada", "ada", "nobody"].map(str::to_owned);
    assert_eq!(all(database, "main.t", &ids).height(), 2);
}

macro_rules! spelling_contract {
    ($adapter:ty) => {
        #[test]
        fn an_id_under_another_spelling_is_an_error_that_names_both() {
            crate::spellings::each::<$adapter>(|database, spelled| spelled.assert_refused(database));
        }

        #[test]
        fn rows_that_differ_in_spelling_alone_are_rows_of_their_own() {
            let database = <$adapter as dbcache_tests::contract::Adapter>::open().unwrap();
            crate::spellings::rows_that_differ_in_spelling_alone_are_rows_of_their_own(&database);
        }
    };
}
pub(crate) use spelling_contract;
