//! Columns that hold values of several types, as SQLite allows.

use std::str::FromStr;

use dbcache::error::{Error, RejectedRow};
use dbcache::key::RowId;
use dbcache::polars::prelude::*;
use dbcache::rusqlite::Connection;
use dbcache::{Cache, Cached, DynamicCache, Progress, SqliteFetcher};
use rust_decimal::Decimal;
use tempfile::TempDir;

use crate::{database, dynamic_cache};

const LOOSE: &str = "
    CREATE TABLE t (id INTEGER PRIMARY KEY, code STRING, moment DATETIME, price DECIMAL(10, 5), total NUMERIC);
    INSERT INTO t VALUES
        (1, '007', '2024-01-01 12:00:00', '12.5', 9007199254740993),
        (2, 'abc', 1700000000, 3, 0.5),
        (3, 1.5, NULL, '0.1', 7),
        (4, NULL, '2024-01-02 00:00:00', 12345678901, -1);
";

#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "main.t")]
struct Loose {
    #[cached(id)]
    id: i64,
    code: Option<String>,
    moment: Option<String>,
    price: Decimal,
    total: Decimal,
}

fn typed<T: dbcache::Record>() -> (TempDir, Cache<T>) {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::builder().folder(folder.path()).progress(Progress::Silent).open().unwrap();
    (folder, cache)
}

fn rejected<R: std::fmt::Debug>(answer: Result<R, Error>) -> Vec<RejectedRow> {
    match answer {
        Err(Error::FetchFailed { failures, rejected, .. }) => {
            assert!(failures.is_empty(), "{failures:?}");
            rejected
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_record_reads_columns_of_several_types_as_what_it_declares() {
    let (_folder, cache) = typed::<Loose>();
    let rows = cache.rows(&[1, 2, 3, 4], &database(LOOSE)).unwrap();
    let decimal = |text| Decimal::from_str(text).unwrap();
    let row = |id, code: Option<&str>, moment: Option<&str>, price, total| Loose {
        id,
        code: code.map(str::to_owned),
        moment: moment.map(str::to_owned),
        price: decimal(price),
        total: decimal(total),
    };
    let expected = [
        row(1, Some("7"), Some("2024-01-01 12:00:00"), "12.5", "9007199254740993"),
        row(2, Some("abc"), Some("1700000000"), "3", "0.5"),
        row(3, Some("1.5"), None, "0.1", "7"),
        row(4, None, Some("2024-01-02 00:00:00"), "12345678901", "-1"),
    ];
    assert_eq!(rows, expected);
}

#[test]
fn a_pin_reads_columns_of_several_types_as_text() {
    let (_folder, cache) = dynamic_cache();
    let t = cache.table("main.t").unwrap();
    let query = t.select(["code", "moment", "total"]).unwrap();
    let query =
        ["code", "moment", "total"].iter().fold(query, |query, name| query.pin(name, DataType::String).unwrap());
    let answer = query.frame(&[1_i64, 2, 3, 4], &database(LOOSE)).unwrap();
    let expected = df![
        "id" => [1_i64, 2, 3, 4],
        "code" => [Some("7"), Some("abc"), Some("1.5"), None],
        "moment" => [Some("2024-01-01 12:00:00"), Some("1700000000"), None, Some("2024-01-02 00:00:00")],
        "total" => ["9007199254740993", "0.5", "7", "-1"],
    ];
    assert!(answer.equals_missing(&expected.unwrap()), "{answer}");
}

#[test]
fn without_a_declaration_the_first_type_counts_and_the_error_says_what_to_do() {
    for size in [1, 2, 4] {
        let (_folder, cache) = dynamic_cache();
        let t = cache.table("main.t").unwrap();
        let query = t.select(["code", "moment", "total"]).unwrap().batches(dbcache::BatchPolicy::Fixed(size));
        let rows = rejected(query.frame(&[1_i64, 2, 3, 4], &database(LOOSE)));
        let told: Vec<(&RowId, &str, &str)> =
            rows.iter().map(|row| (&row.id, row.column.as_str(), row.value.as_str())).collect();
        assert_eq!(told, [(&RowId::Int(2), "code", "abc")]);
        assert!(rows[0].reason.contains("pin it or declare it as text"), "{}", rows[0]);
        let cached = query.frame_cached(&[1_i64, 2, 3, 4]).unwrap();
        assert_eq!(cached.missing, [2]);
        let totals = Column::new("total".into(), [9_007_199_254_740_993_i64, 7, -1]);
        assert_eq!(cached.rows.column("total").unwrap(), &totals);
    }
}

#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "main.t")]
struct Floats {
    #[cached(id)]
    id: i64,
    n: f64,
}

#[test]
fn an_integer_that_no_float_holds_is_not_rounded_for_a_float_field() {
    for declared in ["INTEGER", "NUMERIC", ""] {
        let fetcher = database(&format!(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, n {declared}); INSERT INTO t VALUES (1, 9007199254740993), (2, 5)"
        ));
        let (_folder, cache) = typed::<Floats>();
        let rows = rejected(cache.rows(&[1, 2], &fetcher));
        assert_eq!((rows.len(), &rows[0].id, rows[0].value.as_str()), (1, &RowId::Int(1), "9007199254740993"));
        assert_eq!(cache.rows(&[2], &fetcher).unwrap(), [Floats { id: 2, n: 5.0 }]);
    }
}

#[test]
fn a_null_in_a_field_that_is_no_option_names_its_row_and_is_read_once_it_is_there() {
    let connection = Connection::open_in_memory().unwrap();
    connection
        .execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, n REAL); INSERT INTO t VALUES (1, 0.5), (2, NULL)")
        .unwrap();
    let (_folder, cache) = typed::<Floats>();
    let rows = rejected(cache.rows(&[1, 2], &SqliteFetcher::new(connection).unwrap()));
    assert_eq!(rows[0].to_string(), "id 2, column \"n\": NULL, and the field is not an Option");
    let filled = database("CREATE TABLE t (id INTEGER PRIMARY KEY, n REAL); INSERT INTO t VALUES (2, 1.5)");
    assert_eq!(cache.rows(&[1, 2], &filled).unwrap()[1], Floats { id: 2, n: 1.5 });
}

#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "main.t")]
struct Flag {
    #[cached(id)]
    id: i64,
    n: bool,
}

#[test]
fn integers_that_one_record_reads_as_booleans_stay_integers_for_others() {
    let fetcher =
        database("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO t VALUES (1, 1), (2, 0), (3, 2)");
    let (folder, cache) = typed::<Flag>();
    let rows = rejected(cache.rows(&[1, 2, 3], &fetcher));
    assert_eq!((rows.len(), &rows[0].id, rows[0].value.as_str()), (1, &RowId::Int(3), "2"));
    assert_eq!(cache.rows(&[1, 2], &fetcher).unwrap(), [Flag { id: 1, n: true }, Flag { id: 2, n: false }]);
    let table = DynamicCache::open(folder.path()).unwrap().table("main.t").unwrap();
    let answer = table.select(["n"]).unwrap().frame(&[1_i64, 2, 3], &fetcher).unwrap();
    assert_eq!(answer.column("n").unwrap(), &Column::new("n".into(), [1_i64, 0, 2]));
}

#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "main.t")]
struct Counts {
    #[cached(id)]
    id: i64,
    n: i64,
}

#[test]
fn text_is_read_as_the_number_that_it_writes_and_other_text_is_named() {
    for declared in ["TEXT", "STRING", "", "VARCHAR(9)"] {
        let fetcher = database(&format!(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, n {declared});
             INSERT INTO t VALUES (1, '25'), (2, '007'), (3, 'abc'), (4, '1e3'), (5, '0.5')"
        ));
        let (folder, counts) = typed::<Counts>();
        let rejected = rejected(counts.rows(&[1, 2, 3, 4, 5], &fetcher));
        let told: Vec<(&RowId, &str)> = rejected.iter().map(|row| (&row.id, row.value.as_str())).collect();
        assert_eq!(told, [(&RowId::Int(3), "abc"), (&RowId::Int(5), "0.5")], "{declared}");
        let row = |id, n| Counts { id, n };
        assert_eq!(counts.rows(&[1, 2, 4], &fetcher).unwrap(), [row(1, 25), row(2, 7), row(4, 1000)], "{declared}");
        let floats = Cache::<Floats>::open(folder.path()).unwrap();
        assert_eq!(floats.rows(&[2], &fetcher).unwrap(), [Floats { id: 2, n: 7.0 }]);
    }
}

#[test]
fn a_column_of_integers_is_stored_as_integers_whoever_asks_first() {
    let fetcher = database("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO t VALUES (1, 1), (2, 7)");
    let (folder, floats) = typed::<Floats>();
    assert_eq!(floats.rows(&[1], &fetcher).unwrap(), [Floats { id: 1, n: 1.0 }]);
    let table = DynamicCache::open(folder.path()).unwrap().table("main.t").unwrap();
    let answer = table.select(["n"]).unwrap().frame(&[1_i64, 2], &fetcher).unwrap();
    assert_eq!(answer.column("n").unwrap(), &Column::new("n".into(), [1_i64, 7]));
}
