//! Every type that the cache can hold, from PostgreSQL into columns and records.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use dbcache::fetch::{FetchRequest, Fetched, Fetcher};
use dbcache::polars::prelude::*;
use dbcache::{Cache, Cached, CachedJson, DynamicCache, Progress};
use dbcache_tests::contract::{Adapter, Of, all};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::PostgresAdapter;

/// A record of the table `main.everything`.
#[derive(Clone, Debug, PartialEq, Cached, sqlx::FromRow)]
#[cached(table = "main.everything")]
pub(crate) struct Everything {
    #[cached(id)]
    id: i64,
    flag: Option<bool>,
    small: Option<i16>,
    middle: Option<i32>,
    large: Option<i64>,
    single: Option<f32>,
    double: Option<f64>,
    price: Option<Decimal>,
    words: Option<String>,
    short: Option<String>,
    bytes: Option<Vec<u8>>,
    day: Option<NaiveDate>,
    hour: Option<NaiveTime>,
    local: Option<NaiveDateTime>,
    moment: Option<DateTime<Utc>>,
    token: Option<Uuid>,
    mood: Option<Mood>,
    #[cached(json)]
    #[sqlx(json(nullable))]
    json: Option<Document>,
    #[cached(json)]
    #[sqlx(json(nullable))]
    jsonb: Option<Document>,
    numbers: Option<Vec<i32>>,
    texts: Option<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
pub(crate) struct Document {
    a: i64,
    b: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, CachedJson, sqlx::Type)]
#[sqlx(type_name = "main.mood")]
pub(crate) enum Mood {
    Sad,
    Happy,
}

pub(crate) const EVERYTHING: &str = r#"
    CREATE TYPE main.mood AS ENUM ('Sad', 'Happy');
    CREATE TABLE main.everything (
        id INT8 PRIMARY KEY, flag BOOL, small INT2, middle INT4, large INT8, single FLOAT4, double FLOAT8,
        price NUMERIC(10, 2), words TEXT, short VARCHAR(10), bytes BYTEA, day DATE, hour TIME, local TIMESTAMP,
        moment TIMESTAMPTZ, token UUID, mood main.mood, json JSON, jsonb JSONB, numbers INT4[], texts TEXT[]
    );
    INSERT INTO main.everything VALUES (
        1, TRUE, -7, 70000, -5000000000, 1.5, -2.25, 1234567.89, 'naïve 名前', 'x', '\x00ff', '2024-02-29', '23:59:59.999999',
        '1969-12-31 23:59:59.5', '2024-06-01 12:00:00.000001+02', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'Happy',
        '{"a": 1, "b": ["x"]}', '{"a": 2, "b": []}', '{1, 2, 3}', '{"a,b", ""}'
    ), (2);
"#;

fn columns() -> Vec<String> {
    ["id"].into_iter().chain(Everything::columns_in_order()).map(str::to_owned).collect()
}

impl Everything {
    fn columns_in_order() -> impl Iterator<Item = &'static str> {
        use dbcache::Record;
        Self::schema().columns().iter().map(|column| column.column().column())
    }
}

fn first() -> Everything {
    let day = NaiveDate::from_ymd_opt(2024, 2, 29).unwrap();
    let before_1970 = NaiveDate::from_ymd_opt(1969, 12, 31).unwrap().and_hms_milli_opt(23, 59, 59, 500).unwrap();
    let moment = NaiveDate::from_ymd_opt(2024, 6, 1).unwrap().and_hms_micro_opt(10, 0, 0, 1).unwrap().and_utc();
    Everything {
        id: 1,
        flag: Some(true),
        small: Some(-7),
        middle: Some(70_000),
        large: Some(-5_000_000_000),
        single: Some(1.5),
        double: Some(-2.25),
        price: Some(Decimal::new(123_456_789, 2)),
        words: Some("naïve 名前".to_owned()),
        short: Some("x".to_owned()),
        bytes: Some(vec![0, 255]),
        day: Some(day),
        hour: NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999),
        local: Some(before_1970),
        moment: Some(moment),
        token: Some(Uuid::parse_str("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11").unwrap()),
        mood: Some(Mood::Happy),
        json: Some(Document { a: 1, b: vec!["x".to_owned()] }),
        jsonb: Some(Document { a: 2, b: Vec::new() }),
        numbers: Some(vec![1, 2, 3]),
        texts: Some(vec!["a,b".to_owned(), String::new()]),
    }
}

/// A row of nothing but its id.
fn second() -> Everything {
    Everything {
        id: 2,
        flag: None,
        small: None,
        middle: None,
        large: None,
        single: None,
        double: None,
        price: None,
        words: None,
        short: None,
        bytes: None,
        day: None,
        hour: None,
        local: None,
        moment: None,
        token: None,
        mood: None,
        json: None,
        jsonb: None,
        numbers: None,
        texts: None,
    }
}

fn types() -> Vec<DataType> {
    use DataType::{Binary, Boolean, Date, Datetime, Float32, Float64, Int16, Int32, Int64, List, String, Time};
    let micros = TimeUnit::Microseconds;
    vec![
        Int64,
        Boolean,
        Int16,
        Int32,
        Int64,
        Float32,
        Float64,
        DataType::Decimal(10, 2),
        String,
        String,
        Binary,
        Date,
        Time,
        Datetime(micros, None),
        Datetime(micros, Some(TimeZone::UTC)),
        String,
        String,
        String,
        String,
        List(Box::new(Int32)),
        List(Box::new(String)),
    ]
}

fn inserted(database: &impl Adapter) {
    database.execute(&EVERYTHING.replace("), (2);", ");"));
    database.execute("INSERT INTO main.everything (id) VALUES (2)");
}

pub(crate) fn every_type_comes_dynamically(database: &impl PostgresAdapter) {
    inserted(database);
    let rows = all(database, "main.everything", &[1_i64]);
    let names: Vec<String> = rows.get_column_names().into_iter().map(ToString::to_string).collect();
    assert_eq!(names, columns());
    assert_eq!(rows.dtypes(), types());
    let shown = |name: &str| rows.column(name).unwrap().get(0).unwrap().to_string();
    assert_eq!(shown("price"), "1234567.89");
    assert_eq!(shown("day"), "2024-02-29");
    assert_eq!(shown("hour"), "23:59:59.999999");
    assert_eq!(shown("local"), "1969-12-31 23:59:59.500");
    let moment = rows.column("moment").unwrap().to_physical_repr().i64().unwrap().get(0);
    assert_eq!(moment, first().moment.map(|moment| moment.timestamp_micros()));
    assert_eq!(shown("token"), "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\"");
    assert_eq!(shown("jsonb"), r#""{"a": 2, "b": []}""#);
}

pub(crate) fn every_type_comes_in_records(database: &impl PostgresAdapter) {
    inserted(database);
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::<Everything>::open(folder.path()).unwrap();
    assert_eq!(cache.rows(&[1, 2], &Records(database)).unwrap(), [first(), second()]);
    database.execute("DROP TABLE main.everything");
    assert_eq!(cache.rows(&[1, 2], &Records(database)).unwrap(), [first(), second()]);
}

/// An adapter's fetcher of records, to be given to a cache.
pub(crate) struct Records<'a, A>(pub(crate) &'a A);

impl<A: PostgresAdapter> Fetcher<Everything> for Records<'_, A> {
    fn fetch(&self, request: &FetchRequest<'_, i64>) -> Result<Fetched<Everything>, dbcache::error::BoxError> {
        self.0.fetch_everything(request)
    }
}

pub(crate) fn every_type_is_stored_and_answered_as_it_came(database: &impl PostgresAdapter) {
    inserted(database);
    let folder = tempfile::tempdir().unwrap();
    let open = || DynamicCache::builder().folder(folder.path()).progress(Progress::Silent).open().unwrap();
    let names = columns().split_off(1);
    let answer = |cache: DynamicCache| {
        let everything = cache.table("main.everything").unwrap();
        everything.select(&names).unwrap().frame(&[1, 2], &Of(database)).unwrap()
    };
    let fetched = answer(open());
    assert_eq!(fetched.dtypes().get(1..17), types().get(1..17));
    assert!(fetched.column("json").unwrap().dtype().is_struct());
    database.execute("DROP TABLE main.everything");
    assert!(answer(open()).equals_missing(&fetched));
}

pub(crate) fn nulls_of_every_type_stay_null(database: &impl PostgresAdapter) {
    inserted(database);
    let rows = all(database, "main.everything", &[2_i64]);
    assert_eq!(rows.dtypes(), types());
    assert!(rows.columns().iter().skip(1).all(|column| column.null_count() == 1));
}

pub(crate) fn domains_come_as_what_they_restrict(database: &impl PostgresAdapter) {
    database.execute(
        "CREATE DOMAIN main.positive AS INT4 CHECK (VALUE > 0);
         CREATE DOMAIN main.money2 AS NUMERIC(8, 2);
         CREATE DOMAIN main.few AS main.positive[] ;
         CREATE DOMAIN main.fewer AS main.few;
         CREATE TABLE main.t (id main.positive PRIMARY KEY, cost main.money2, costs main.money2[], few main.fewer);
         INSERT INTO main.t VALUES (1, 2.5, '{1.25, NULL}', '{3, 4}')",
    );
    let rows = all(database, "main.t", &[1_i64]);
    let decimal = DataType::Decimal(8, 2);
    let [list_of_decimals, list_of_integers] =
        [&decimal, &DataType::Int32].map(|of| DataType::List(Box::new(of.clone())));
    assert_eq!(rows.dtypes(), [DataType::Int32, decimal, list_of_decimals, list_of_integers]);
    let shown = |name: &str| rows.column(name).unwrap().get(0).unwrap().to_string();
    assert_eq!((shown("cost"), shown("costs")), ("2.50".to_owned(), "[1.25, null]".to_owned()));
}

pub(crate) fn numbers_of_undeclared_length_come_as_text(database: &impl PostgresAdapter) {
    database.execute(
        "CREATE TABLE main.t (id INT8 PRIMARY KEY, n NUMERIC, wide NUMERIC(40, 2));
         INSERT INTO main.t VALUES
            (1, 1e30 + 0.000000000000000000001, 12), (2, -0.50, NULL), (3, 0, 0), (4, 'NaN', 'NaN'), (5, '-Infinity', 1)",
    );
    let rows = all(database, "main.t", &[1_i64, 2, 3, 4, 5]);
    let expected = df![
        "id" => [1_i64, 2, 3, 4, 5],
        "n" => ["1000000000000000000000000000000.000000000000000000001", "-0.50", "0", "NaN", "-Infinity"],
        "wide" => [Some("12.00"), None, Some("0.00"), Some("NaN"), Some("1.00")],
    ];
    assert!(rows.equals_missing(&expected.unwrap()));
}

/// Numbers without a declared length, each as a field of another type.
#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "main.numbers")]
pub(crate) struct Numbers {
    #[cached(id)]
    id: i64,
    float: f64,
    whole: u64,
    price: Decimal,
    words: String,
    list: Vec<Decimal>,
}

pub(crate) fn a_record_decides_how_numbers_are_held(database: &impl Adapter, fetcher: &impl Fetcher<Numbers>) {
    database.execute(
        "CREATE TABLE main.numbers (id NUMERIC PRIMARY KEY, float NUMERIC, whole NUMERIC, price NUMERIC, words NUMERIC, list NUMERIC[]);
         INSERT INTO main.numbers VALUES (1, 0.1, 18446744073709551615, -2.50, 3.140, '{1, 0.000000001}'), (2, 1, 0.5, 1, 1, '{}')",
    );
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::<Numbers>::open(folder.path()).unwrap();
    let row = Numbers {
        id: 1,
        float: 0.1,
        whole: u64::MAX,
        price: Decimal::new(-25, 1),
        words: "3.140".to_owned(),
        list: vec![Decimal::ONE, Decimal::new(1, 9)],
    };
    assert_eq!(cache.rows(&[1], fetcher).unwrap(), [row]);
    let refused = cache.rows(&[2], fetcher).unwrap_err().to_string();
    let expected = "id 2, column \"whole\": \"0.5\" does not fit in u64, which takes whole numbers within its range";
    assert!(refused.contains(expected), "{refused}");
}

pub(crate) fn the_ends_of_every_type_are_exact(database: &impl PostgresAdapter) {
    database.execute(
        "CREATE TABLE main.t (id INT8 PRIMARY KEY, i2 INT2, i4 INT4, o OID, f8 FLOAT8, d DATE, t TIME, ts TIMESTAMP,
            n NUMERIC(38, 0), s NUMERIC(3, 5), h NUMERIC(4, -2));
         INSERT INTO main.t VALUES
            (1, 32767, 2147483647, 4294967295, 'Infinity', '5874897-12-31', '23:59:59.999999', '294246-01-01',
             99999999999999999999999999999999999999, 0.00999, 999900),
            (2, -32768, -2147483648, 0, 'NaN', '4713-01-01 BC', '00:00:00', '4713-01-01 BC',
             -99999999999999999999999999999999999999, -0.00001, -100)",
    );
    let rows = all(database, "main.t", &[1_i64, 2]);
    let shown = |name: &str| {
        let column = rows.column(name).unwrap().to_physical_repr();
        [0, 1].map(|row| column.get(row).unwrap().to_string())
    };
    assert_eq!(shown("i2"), ["32767", "-32768"]);
    assert_eq!(shown("i4"), ["2147483647", "-2147483648"]);
    assert_eq!(shown("o"), ["4294967295", "0"]);
    assert_eq!(shown("f8"), ["inf", "NaN"]);
    assert_eq!(shown("d"), ["2145042905", "-2440550"]);
    assert_eq!(shown("t"), ["86399999999000", "0"]);
    let nines = "99999999999999999999999999999999999999";
    assert_eq!(shown("n"), [nines.to_owned(), format!("-{nines}")]);
    assert_eq!(shown("s"), ["999", "-1"]);
    assert_eq!(shown("h"), ["999900", "-100"]);
}
