//! A fetched row that does not fit costs that row: the others are stored, and the error names id, column and value.

use std::error::Error as _;
use std::sync::{Arc, Mutex};

use dbcache::error::{BatchError, BoxError, RejectedRow};
use dbcache::fetch::{Dynamic, FetchRequest, Fetched, Fetcher};
use dbcache::key::RowId;
use dbcache::polars::prelude::*;
use dbcache::{BatchPolicy, Cache, Cached, DynamicCache, Error, Progress, RememberAbsent};
use dbcache_tests::{Always, Database};
use rust_decimal::Decimal;
use serde_json::json;

use crate::Folder;

#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "public.users")]
struct User {
    #[cached(id)]
    id: i64,
    name: String,
    age: i8,
}

fn typed(folder: &Folder) -> Cache<User> {
    Cache::<User>::builder().folder(folder.path("")).progress(Progress::Silent).open().unwrap()
}

/// The rejected rows of a request of which no batch failed, and how many rows were stored.
fn rejected<R: std::fmt::Debug>(answer: Result<R, Error>) -> (Vec<RejectedRow>, usize) {
    match answer {
        Err(Error::FetchFailed { failures, rejected, stored, .. }) => {
            assert!(failures.is_empty(), "{failures:?}");
            (rejected, stored)
        }
        other => panic!("{other:?}"),
    }
}

/// Columns of users whose ages fit, but for some.
fn users(ids: &[i64], odd: &[(i64, i64)]) -> Result<DataFrame, PolarsError> {
    let age = |id: &i64| odd.iter().find(|(other, _)| other == id).map_or(*id % 100, |(_, age)| *age);
    let names: Vec<String> = ids.iter().map(|id| format!("user {id}")).collect();
    df!["id" => ids, "name" => names, "age" => ids.iter().map(age).collect::<Vec<_>>()]
}

#[test]
fn one_bad_row_of_150_costs_one_row_and_is_all_that_is_asked_again() {
    let folder = Folder::new();
    let ids: Vec<i64> = (1..=150).collect();
    let answer = typed(&folder).rows(&ids, &|ids: &[i64]| users(ids, &[(17, 300), (18, -1000)]));
    let message = answer.as_ref().unwrap_err().to_string();
    let expected = "2 rows of public.users rejected, 148 rows stored; id 17, column \"age\": 300 does not fit in i8";
    assert!(message.starts_with(expected), "{message}");
    let (rows, stored) = rejected(answer);
    assert_eq!(stored, 148);
    let told: Vec<(&RowId, &str, &str)> =
        rows.iter().map(|row| (&row.id, row.column.as_str(), row.value.as_str())).collect();
    assert_eq!(told, [(&RowId::Int(17), "age", "300"), (&RowId::Int(18), "age", "-1000")]);

    let asked = Mutex::new(Vec::new());
    let all = typed(&folder).rows(&ids, &|ids: &[i64]| {
        asked.lock().unwrap().extend_from_slice(ids);
        users(ids, &[])
    });
    assert_eq!(all.unwrap().len(), 150);
    assert_eq!(*asked.lock().unwrap(), [17, 18]);
}

#[test]
fn every_row_may_be_bad() {
    let folder = Folder::new();
    let ids: Vec<i64> = (1..=150).collect();
    let odd: Vec<(i64, i64)> = ids.iter().map(|id| (*id, 1000)).collect();
    let (rows, stored) = rejected(typed(&folder).rows(&ids, &|ids: &[i64]| users(ids, &odd)));
    assert_eq!((rows.len(), stored), (150, 0));
}

#[test]
fn a_null_where_the_record_has_none_is_an_error_of_its_row_and_is_not_stored() {
    let folder = Folder::new();
    let fetcher = |ids: &[i64]| -> Result<DataFrame, PolarsError> {
        df!["id" => ids, "name" => ids.iter().map(|id| (*id != 2).then_some("Ada")).collect::<Vec<_>>(), "age" => vec![1; ids.len()]]
    };
    let (rows, stored) = rejected(typed(&folder).rows(&[1, 2, 3], &fetcher));
    assert_eq!(rows[0].to_string(), "id 2, column \"name\": NULL, and the field is not an Option");
    assert_eq!((rows.len(), rows[0].value.as_str(), stored), (1, "NULL", 2));
    assert_eq!(folder.users().select(["name"]).unwrap().look_up(&[1, 2, 3]).unwrap().missing, [2]);
}

#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "public.users")]
struct Priced {
    #[cached(id)]
    id: i64,
    price: Decimal,
}

#[test]
fn a_record_whose_value_its_column_cannot_hold_costs_its_row() {
    let folder = Folder::new();
    let cache = Cache::<Priced>::builder().folder(folder.path("")).progress(Progress::Silent).open().unwrap();
    let rows = |ids: &[i64]| -> Result<Vec<Priced>, BoxError> {
        Ok(ids.iter().map(|id| Priced { id: *id, price: Decimal::new(1, if *id == 40 { 20 } else { 2 }) }).collect())
    };
    let ids: Vec<i64> = (1..=100).collect();
    let (rejected, stored) = rejected(cache.rows(&ids, &rows));
    assert_eq!((rejected.len(), stored), (1, 99));
    assert_eq!((&rejected[0].id, rejected[0].column.as_str()), (&RowId::Int(40), "price"));
}

/// A fetcher that rejects rows itself.
struct Rejecting(Vec<RejectedRow>);

impl Fetcher<Dynamic<i64>> for Rejecting {
    fn fetch(&self, request: &FetchRequest<'_, i64>) -> Result<Fetched<Dynamic<i64>>, BoxError> {
        let rows = df!["id" => request.ids(), "name" => vec!["Ada"; request.ids().len()]]?;
        Ok(Fetched::from(rows).with_rejected(self.0.clone()))
    }
}

#[test]
fn a_fetcher_can_reject_rows_and_those_that_nobody_asked_are_left_out() {
    let folder = Folder::new();
    let row = |id: i64, value: &str| RejectedRow::new(id, "name", value, "no name");
    let fetcher = Rejecting(vec![row(9, "x"), row(2, "first"), row(2, "second")]);
    let (rows, stored) = rejected(folder.users().select(["name"]).unwrap().frame(&[1, 2], &fetcher));
    assert_eq!(rows, [row(2, "first")]);
    assert_eq!(stored, 1);
    assert_eq!(folder.users().select(["name"]).unwrap().look_up(&[1, 2]).unwrap().missing, [2]);
}

#[test]
fn a_rejected_row_is_not_taken_for_one_that_the_database_lacks() {
    let folder = Folder::new();
    let builder = DynamicCache::builder().folder(folder.path("")).progress(Progress::Silent);
    let cache = builder.remember_absent(RememberAbsent::InMemory(std::time::Duration::from_secs(3600))).open().unwrap();
    let users = cache.table("public.users").unwrap();
    let query = users.select(["name"]).unwrap();
    let fetcher = Rejecting(vec![RejectedRow::new(2_i64, "name", "x", "no name")]);
    rejected(query.frame(&[1, 2], &fetcher));
    let database = Database::with_rows([json!({ "id": 2, "name": "Bob" })]);
    assert_eq!(query.frame(&[1, 2], &database).unwrap().height(), 2);
    assert_eq!(database.take_asked(), [2]);
}

#[test]
fn a_refresh_that_is_rejected_keeps_the_old_row() {
    let folder = Folder::new();
    typed(&folder).rows(&[1, 2], &|ids: &[i64]| users(ids, &[])).unwrap();
    let refreshed = typed(&folder).all().refresh().rows(&[1, 2], &|ids: &[i64]| users(ids, &[(1, 300), (2, 5)]));
    assert_eq!(rejected(refreshed).0[0].id, RowId::Int(1));
    let no_rows = |_: &[i64]| -> Result<Vec<User>, BoxError> { Ok(Vec::new()) };
    let ages: Vec<i8> = typed(&folder).rows(&[1, 2], &no_rows).unwrap().iter().map(|user| user.age).collect();
    assert_eq!(ages, [1, 5]);
}

#[test]
fn what_breaks_the_contract_as_a_whole_fails_its_batch() {
    let folder = Folder::new();
    let rows = [json!({ "id": 1, "name": 1 }), json!({ "id": 1, "name": "one" }), json!({ "id": 2, "name": 2 })];
    match folder.users().select(["name"]).unwrap().frame(&[1, 2], &Always::rows(rows)) {
        Err(Error::FetchFailed { failures, rejected, stored: 0, .. }) => {
            assert!(rejected.is_empty(), "{rejected:?}");
            let BatchError::ConflictingRows { id, column } = &failures[0].cause else { panic!("{failures:?}") };
            assert_eq!((id, column.as_str()), (&RowId::Int(1), "name"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn message_sources_and_log_lead_to_the_words_of_the_driver() {
    let folder = Folder::new();
    let refused = || std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "connection refused by 10.0.0.1");
    let fetcher = |_: &[i64], _: &str| -> Result<DataFrame, BoxError> {
        Err(Box::new(dbcache::SqliteError::Connection(Box::new(refused()))))
    };
    let lines = Lines::default();
    let ask = || folder.users().select(["name"]).unwrap().frame(&[1], &fetcher).unwrap_err();
    // What a thread without a subscriber is the first to reach stays off until a subscriber is made later.
    ask();
    let error = tracing::subscriber::with_default(lines.clone(), ask);

    let words = "connection refused by 10.0.0.1";
    assert!(error.to_string().ends_with(words), "{error}");
    let mut last: &dyn std::error::Error = &error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    assert_eq!(last.to_string(), words);
    assert!(last.downcast_ref::<std::io::Error>().is_some());
    let Error::FetchFailed { failures, .. } = &error else { panic!("{error:?}") };
    let expected = format!("batch 1 (1 id, 1 attempt): the fetcher failed: cannot use the SQLite connection: {words}");
    assert_eq!(format!("{:#}", failures[0]), expected);
    assert_eq!(failures[0].to_string(), "batch 1 (1 id, 1 attempt)");
    assert_eq!(failures[0].source().unwrap().to_string(), "the fetcher failed");
    let lines = lines.0.lock().unwrap();
    assert!(lines.iter().any(|line| line.contains("batch failed") && line.contains(words)), "{lines:?}");
}

/// Remembers what was logged as a warning.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Lines {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("dbcache")
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = String::new();
        event.record(&mut |field: &tracing::field::Field, value: &dyn std::fmt::Debug| {
            line.push_str(&format!(" {field}={value:?}"));
        });
        self.0.lock().unwrap().push(line);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn integers_and_fractions_that_no_float_holds_together_are_never_rounded() {
    for policy in [BatchPolicy::Fixed(1), BatchPolicy::Fixed(3)] {
        let folder = Folder::new();
        let builder = DynamicCache::builder().folder(folder.path("")).progress(Progress::Silent).batches(policy);
        let users = builder.open().unwrap().table("public.users").unwrap();
        let rows = [(1, json!(9_007_199_254_740_993_i64)), (2, json!(0.5)), (3, json!(7))];
        let database = Database::with_rows(rows.map(|(id, age)| json!({ "id": id, "age": age })));
        let (rows, stored) = rejected(users.select(["age"]).unwrap().frame(&[1, 2, 3], &database));
        assert_eq!((rows.len(), &rows[0].id, rows[0].value.as_str(), stored), (1, &RowId::Int(2), "0.5", 2));
        let cached = users.select(["age"]).unwrap().frame_cached(&[1, 3]).unwrap().rows;
        assert_eq!(cached.column("age").unwrap(), &Column::new("age".into(), [9_007_199_254_740_993_i64, 7]));
    }
}

#[test]
fn a_pin_keeps_values_of_several_kinds_as_text() {
    for policy in [BatchPolicy::Fixed(1), BatchPolicy::Fixed(4)] {
        let folder = Folder::new();
        let builder = DynamicCache::builder().folder(folder.path("")).progress(Progress::Silent).batches(policy);
        let users = builder.open().unwrap().table("public.users").unwrap();
        let rows = [(1, json!(9_007_199_254_740_993_i64)), (2, json!(0.5)), (3, json!("x")), (4, json!(null))];
        let database = Database::with_rows(rows.map(|(id, age)| json!({ "id": id, "age": age })));
        let query = users.select(["age"]).unwrap().pin("age", DataType::String).unwrap();
        let answer = query.frame(&[1, 2, 3, 4], &database).unwrap();
        let expected = [Some("9007199254740993"), Some("0.5"), Some("x"), None];
        assert_eq!(answer.column("age").unwrap(), &Column::new("age".into(), expected));
    }
}
