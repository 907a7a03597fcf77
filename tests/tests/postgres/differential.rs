//! Random tables of every common type, fetched in random batches: each value is what PostgreSQL itself writes.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    reason = "any bits make a random value"
)]

use std::fmt::Display;

use dbcache::key::Key;
use dbcache::polars::prelude::*;
use dbcache::postgres::{Client, NoTls, SimpleQueryMessage};
use dbcache::{BatchPolicy, DynamicCache, Progress};
use dbcache_tests::contract::Of;
use dbcache_tests::counts::{count, report};
use dbcache_tests::versioned::Random;
use serde_json::Value;
use uuid::Uuid;

use crate::PostgresAdapter;

/// A type of columns.
struct ColumnType {
    sql: &'static str,
    /// How a value is compared.
    compared: Compared,
    /// Values at the borders and other odd ones, as SQL without quotes.
    odd: &'static [&'static str],
    /// Any other value.
    random: fn(&mut Random) -> String,
}

/// What of a value is compared.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Compared {
    /// Its text.
    Text,
    /// Its text with the blanks at the end, which a conversion takes away.
    Padded,
    Float32,
    Float64,
    Json,
    /// Days since 1970.
    Days,
    /// Microseconds since midnight, or since 1970.
    Micros,
}

impl Compared {
    /// An SQL expression of type text that gives the value, as far as it is compared.
    fn expected(self, value: &str) -> String {
        match self {
            Self::Padded => format!("CASE WHEN {value} IS NOT NULL THEN format('%s', {value}) END"),
            Self::Days => format!("({value} - DATE '1970-01-01')::text"),
            Self::Micros => format!("trunc(extract(epoch FROM {value}) * 1000000)::text"),
            _ => format!("{value}::text"),
        }
    }

    fn normal(self, text: &str) -> String {
        match self {
            Self::Float32 => format!("{:?}", text.parse::<f32>().unwrap()),
            Self::Float64 => format!("{:?}", text.parse::<f64>().unwrap()),
            Self::Json => serde_json::from_str::<Value>(text).unwrap().to_string(),
            _ => text.to_owned(),
        }
    }

    fn shown(self, value: &AnyValue<'_>) -> Option<String> {
        let shown = match value {
            AnyValue::Null => return None,
            AnyValue::String(text) => self.normal(text),
            AnyValue::StringOwned(text) => self.normal(text),
            AnyValue::Binary(bytes) => hex(bytes),
            AnyValue::BinaryOwned(bytes) => hex(bytes),
            AnyValue::Float32(float) => format!("{float:?}"),
            AnyValue::Float64(float) => format!("{float:?}"),
            AnyValue::Date(days) => days.to_string(),
            AnyValue::Time(nanos) => (nanos / 1000).to_string(),
            AnyValue::Datetime(micros, TimeUnit::Microseconds, _)
            | AnyValue::DatetimeOwned(micros, TimeUnit::Microseconds, _) => micros.to_string(),
            other => other.to_string(),
        };
        Some(shown)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold("\\x".to_owned(), |hex, byte| format!("{hex}{byte:02x}"))
}

const TYPES: &[ColumnType] = &[
    ColumnType {
        sql: "BOOL",
        compared: Compared::Text,
        odd: &["true", "false"],
        random: |random| (random.below(2) == 0).to_string(),
    },
    ColumnType {
        sql: "INT2",
        compared: Compared::Text,
        odd: &["-32768", "32767", "0", "-1"],
        random: |random| (random.number() as i16).to_string(),
    },
    ColumnType {
        sql: "INT4",
        compared: Compared::Text,
        odd: &["-2147483648", "2147483647", "0"],
        random: |random| (random.number() as i32).to_string(),
    },
    ColumnType {
        sql: "INT8",
        compared: Compared::Text,
        odd: &["-9223372036854775808", "9223372036854775807", "9007199254740993"],
        random: |random| (random.number() as i64).to_string(),
    },
    ColumnType {
        sql: "OID",
        compared: Compared::Text,
        odd: &["0", "4294967295"],
        random: |random| (random.number() as u32).to_string(),
    },
    ColumnType {
        sql: "FLOAT4",
        compared: Compared::Float32,
        odd: &["NaN", "Infinity", "-Infinity", "-0", "1e-45", "3.4028235e38", "16777217"],
        random: |random| format!("{:?}", random.number() as i32 as f32 / 1e5),
    },
    ColumnType {
        sql: "FLOAT8",
        compared: Compared::Float64,
        odd: &["NaN", "Infinity", "-Infinity", "-0", "5e-324", "1.7976931348623157e308", "0.1"],
        random: |random| format!("{:?}", random.number() as i64 as f64 / 1e9),
    },
    ColumnType {
        sql: "NUMERIC",
        compared: Compared::Text,
        odd: &["0", "-0.00", "1e100", "1e-100", "9999", "10000", "0.0001", "123456789012345678901234567890.123456789"],
        random: digits::<30, 20>,
    },
    ColumnType {
        sql: "NUMERIC(12, 2)",
        compared: Compared::Text,
        odd: &["0", "9999999999.99", "-9999999999.99", "0.01", "-0.05"],
        random: digits::<10, 4>,
    },
    ColumnType {
        sql: "NUMERIC(38, 10)",
        compared: Compared::Text,
        odd: &["9999999999999999999999999999.9999999999", "-0.0000000001", "100000000"],
        random: digits::<28, 10>,
    },
    ColumnType {
        sql: "NUMERIC(60, 30)",
        compared: Compared::Text,
        odd: &["0", "-1e29", "1e-30"],
        random: digits::<29, 30>,
    },
    ColumnType {
        sql: "NUMERIC(5, -2)",
        compared: Compared::Text,
        odd: &["0", "9999900", "-100"],
        random: digits::<6, 0>,
    },
    ColumnType {
        sql: "NUMERIC(3, 5)",
        compared: Compared::Text,
        odd: &["0", "0.00999", "-0.00001"],
        random: |random| format!("0.00{:03}", random.below(1000)),
    },
    ColumnType {
        sql: "TEXT",
        compared: Compared::Text,
        odd: &[
            "",
            " ",
            "NULL",
            "null",
            "\\",
            "\"",
            "{\"a\": 1}",
            "naïve 名前 🦀",
            "\u{1}\u{7f}",
            "a\nb\r\n\tc",
            "  x  ",
        ],
        random: word,
    },
    ColumnType { sql: "VARCHAR(20)", compared: Compared::Text, odd: &["", "  "], random: word },
    ColumnType { sql: "CHAR(12)", compared: Compared::Padded, odd: &["", "a", " a"], random: word },
    ColumnType { sql: "NAME", compared: Compared::Text, odd: &["", "a b"], random: word },
    ColumnType {
        sql: "main.mood",
        compared: Compared::Text,
        odd: &["sad", "Happy one", ""],
        random: |_| "sad".to_owned(),
    },
    ColumnType { sql: "main.tag", compared: Compared::Text, odd: &["", "it's"], random: word },
    ColumnType {
        sql: "UUID",
        compared: Compared::Text,
        odd: &["00000000-0000-0000-0000-000000000000", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"],
        random: |random| format!("{:016x}{:016x}", random.number(), random.number()),
    },
    ColumnType {
        sql: "BYTEA",
        compared: Compared::Text,
        odd: &["", "\\x00", "\\xff00ff"],
        random: |random| format!("\\x{:016x}", random.number()),
    },
    ColumnType {
        sql: "DATE",
        compared: Compared::Days,
        odd: &[
            "1970-01-01",
            "1969-12-31",
            "4713-01-01 BC",
            "5874897-12-31",
            "0001-01-01",
            "0001-12-31 BC",
            "2000-02-29",
        ],
        random: |random| {
            format!("{:04}-{:02}-{:02}", 1 + random.below(9999), 1 + random.below(12), 1 + random.below(28))
        },
    },
    ColumnType { sql: "TIME", compared: Compared::Micros, odd: &["00:00:00", "23:59:59.999999"], random: hour },
    ColumnType {
        sql: "TIMESTAMP",
        compared: Compared::Micros,
        odd: &["1970-01-01", "1969-12-31 23:59:59.999999", "4713-01-01 BC", "294246-12-31 23:59:59.999999"],
        random: |random| format!("{:04}-07-31 {}", 1 + random.below(9999), hour(random)),
    },
    ColumnType {
        sql: "TIMESTAMPTZ",
        compared: Compared::Micros,
        odd: &["1970-01-01 00:00:00+14", "4713-01-02 BC", "294246-12-31 23:59:59.999999+00", "2024-03-31 02:30:00+01"],
        random: |random| format!("{:04}-07-31 {}+{:02}:30", 1 + random.below(9999), hour(random), random.below(13)),
    },
    ColumnType {
        sql: "JSON",
        compared: Compared::Json,
        odd: &[
            "null",
            "1",
            "\"a\"",
            "true",
            "[]",
            "{}",
            "[1, [2, null]]",
            "{\"b\":1,  \"a\":{\"c\":[{}]}}",
            "9007199254740993",
        ],
        random: |random| format!("{{\"n\": {}, \"t\": [\"{}\"]}}", random.number() as i64, random.below(9)),
    },
    ColumnType {
        sql: "JSONB",
        compared: Compared::Json,
        odd: &["null", "1.50", "\"\\u00e9\"", "false", "[{}]", "{\"a\": null}", "18446744073709551615"],
        random: |random| format!("{{\"n\": {}, \"t\": [\"{}\"]}}", random.number() as i64, random.below(9)),
    },
    ColumnType {
        sql: "INET",
        compared: Compared::Text,
        odd: &["0.0.0.0", "10.1.2.3/8", "::1", "fe80::/10"],
        random: |random| format!("10.{}.{}.1", random.below(256), random.below(256)),
    },
    ColumnType {
        sql: "CIDR",
        compared: Compared::Text,
        odd: &["10.0.0.0/8", "::/0"],
        random: |_| "10.1.0.0/16".to_owned(),
    },
    ColumnType {
        sql: "VARBIT",
        compared: Compared::Text,
        odd: &["", "0", "1111111100000000101"],
        random: |random| format!("{:b}", random.below(1000)),
    },
    ColumnType {
        sql: "INT8RANGE",
        compared: Compared::Text,
        odd: &["empty", "(,)", "[1,1]", "(,5]"],
        random: |random| format!("[{},{})", random.below(9), 10 + random.below(9)),
    },
    ColumnType { sql: "TIMETZ", compared: Compared::Text, odd: &["00:00:00+14", "24:00:00-03:30"], random: hour },
    ColumnType { sql: "\"char\"", compared: Compared::Text, odd: &["", "x"], random: |_| "y".to_owned() },
];

fn digits<const BEFORE: u64, const AFTER: u64>(random: &mut Random) -> String {
    let mut some = |most: u64| (0..random.below(most + 1)).map(|_| random.below(10).to_string()).collect::<String>();
    let (before, after) = (some(BEFORE), some(AFTER));
    format!("{}0{before}.{after}0", if random.below(2) == 0 { "-" } else { "" })
}

fn word(random: &mut Random) -> String {
    const LETTERS: [char; 9] = ['a', 'Z', ' ', '\'', '"', ',', '{', 'é', '名'];
    (0..random.below(12)).map(|_| LETTERS[random.place(LETTERS.len())]).collect()
}

fn hour(random: &mut Random) -> String {
    let micros = random.below(1_000_000);
    format!("{:02}:{:02}:{:02}.{micros:06}", random.below(24), random.below(60), random.below(60))
}

/// A column of a table, of arrays where it says so.
struct RandomColumn {
    of: &'static ColumnType,
    is_array: bool,
}

impl RandomColumn {
    fn new(random: &mut Random) -> Self {
        let of = &TYPES[random.place(TYPES.len())];
        Self { of, is_array: random.below(4) == 0 }
    }

    fn sql_type(&self) -> String {
        format!("{}{}", self.of.sql, if self.is_array { "[]" } else { "" })
    }

    fn literal(&self, random: &mut Random) -> String {
        if random.below(6) == 0 {
            return "NULL".to_owned();
        }
        if !self.is_array {
            return self.single(random);
        }
        let items: Vec<String> = (0..random.below(4))
            .map(|_| if random.below(4) == 0 { "NULL".to_owned() } else { self.single(random) })
            .collect();
        format!("ARRAY[{}]::{}", items.join(", "), self.sql_type())
    }

    fn single(&self, random: &mut Random) -> String {
        let odd = self.of.odd;
        let value =
            if random.below(2) == 0 { odd[random.place(odd.len())].to_owned() } else { (self.of.random)(random) };
        format!("'{}'::{}", value.replace('\'', "''"), self.of.sql)
    }

    /// The value as PostgreSQL writes it; the elements of an array as a JSON array of that.
    fn expected(&self, name: &str) -> String {
        if self.is_array {
            let item = self.of.compared.expected("item");
            format!(
                "CASE WHEN {name} IS NOT NULL THEN (SELECT coalesce(json_agg({item} ORDER BY place), '[]')::text
                 FROM unnest({name}) WITH ORDINALITY AS items(item, place)) END"
            )
        } else {
            self.of.compared.expected(name)
        }
    }

    fn normal(&self, expected: &str) -> Vec<Option<String>> {
        let compared = self.of.compared;
        if self.is_array {
            let items: Vec<Option<String>> = serde_json::from_str(expected).unwrap();
            items.iter().map(|item| item.as_deref().map(|item| compared.normal(item))).collect()
        } else {
            vec![Some(compared.normal(expected))]
        }
    }

    fn shown(&self, value: &AnyValue<'_>) -> Vec<Option<String>> {
        match value {
            AnyValue::List(items) if self.is_array => items.iter().map(|item| self.of.compared.shown(&item)).collect(),
            value => vec![self.of.compared.shown(value)],
        }
    }
}

/// What PostgreSQL says of all rows, by their ids.
fn expected(url: &str, table: &str, columns: &[RandomColumn]) -> Vec<Vec<Option<String>>> {
    let values: Vec<String> =
        columns.iter().enumerate().map(|(place, column)| column.expected(&format!("c{place}"))).collect();
    let query = format!("SELECT {} FROM {table} ORDER BY id", values.join(", "));
    let rows = Client::connect(url, NoTls).unwrap().simple_query(&query).unwrap();
    let row = |message: &SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => {
            Some((0..columns.len()).map(|place| row.get(place).map(str::to_owned)).collect())
        }
        _ => None,
    };
    rows.iter().filter_map(row).collect()
}

fn assert_same(answer: &DataFrame, columns: &[RandomColumn], expected: &[Vec<Option<String>>], what: &str) {
    assert_eq!(answer.height(), expected.len(), "{what}");
    for (place, column) in columns.iter().enumerate() {
        let answered = answer.column(&format!("c{place}")).unwrap();
        for (row, expected) in expected.iter().enumerate() {
            let value = answered.get(row).unwrap();
            let (found, right) = match (&value, &expected[place]) {
                (AnyValue::Null, expected) => (None, expected.as_deref().map(|text| column.normal(text))),
                (value, expected) => (Some(column.shown(value)), expected.as_deref().map(|text| column.normal(text))),
            };
            assert_eq!(found, right, "{what}: {} of row {row}", column.sql_type());
        }
    }
}

pub(crate) fn every_value_is_what_the_database_writes(database: &impl PostgresAdapter) {
    let tables = count("DBCACHE_DIFFERENTIAL_TABLES", 12, 400);
    database.execute("CREATE TYPE main.mood AS ENUM ('sad', 'Happy one', ''); CREATE DOMAIN main.tag AS VARCHAR(30)");
    let mut values = 0;
    for seed in 0..tables {
        let seed = seed as u64;
        values += match seed % 3 {
            0 => table(database, seed, "INT8", |row| row as i64),
            1 => table(database, seed, "TEXT", |row| format!("{row:03} it's 名")),
            _ => table(database, seed, "UUID", |row| Uuid::from_u128(u128::from(row) << 64 | u128::from(row))),
        };
    }
    report("differential", format!("{tables} tables, {values} values, 0 differences"));
}

/// One table, whose ids follow one another as its rows do; the number of its values.
fn table<K: Key + Display>(database: &impl PostgresAdapter, seed: u64, id_type: &str, id: impl Fn(u64) -> K) -> usize {
    let (name, random) = (format!("main.t{seed}"), &mut Random::new(seed));
    let columns: Vec<RandomColumn> = (0..=random.below(9)).map(|_| RandomColumn::new(random)).collect();
    let rows = 1 + random.below(150);
    let defined: Vec<String> =
        columns.iter().enumerate().map(|(place, column)| format!(", c{place} {}", column.sql_type())).collect();
    let inserted: Vec<String> = (0..rows)
        .map(|row| {
            let values: Vec<String> = columns.iter().map(|column| column.literal(random)).collect();
            format!("('{}', {})", id(row).to_string().replace('\'', "''"), values.join(", "))
        })
        .collect();
    database.execute(&format!(
        "CREATE TABLE {name} (id {id_type} PRIMARY KEY{}); INSERT INTO {name} VALUES {}",
        defined.concat(),
        inserted.join(", ")
    ));
    let expected = expected(&database.url(), &name, &columns);

    let folder = tempfile::tempdir().unwrap();
    let batch = 1 + random.place(usize::try_from(rows).unwrap());
    let cache = DynamicCache::builder().folder(folder.path()).progress(Progress::Silent);
    let cache = cache.batches(BatchPolicy::Fixed(batch)).concurrency(1 + random.place(3)).open().unwrap();
    let names: Vec<String> = (0..columns.len()).map(|place| format!("c{place}")).collect();
    let mut query = cache.table(&name).unwrap().select(&names).unwrap();
    for (name, column) in names.iter().zip(&columns) {
        if column.of.compared == Compared::Json && !column.is_array {
            query = query.pin(name, DataType::String).unwrap();
        }
    }
    let ids: Vec<K> = (0..rows).map(id).collect();
    let what = format!("table {seed} by {id_type} in batches of {batch}");
    let fetched = query.frame(&ids, &Of(database)).unwrap_or_else(|cause| panic!("{what}: {cause:?}"));
    assert_same(&fetched, &columns, &expected, &what);
    database.execute(&format!("DROP TABLE {name}"));
    let cached = query.offline().frame(&ids, &Of(database)).unwrap();
    assert_same(&cached, &columns, &expected, &format!("{what}, cached"));
    expected.len() * columns.len()
}
