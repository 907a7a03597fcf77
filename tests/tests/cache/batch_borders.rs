//! Where batches end, and in which order rows come, changes no value, no type and no error.

use std::collections::BTreeMap;
use std::sync::Mutex;

use dbcache::error::BoxError;
use dbcache::fetch::{Dynamic, FetchRequest, Fetched, Fetcher};
use dbcache::polars::prelude::*;
use dbcache::{BatchPolicy, DynamicCache, Error, Progress};
use dbcache_tests::Row;
use dbcache_tests::numbers::Numbers;
use serde_json::{Value, json};

use crate::Folder;

const COLUMNS: [&str; 3] = ["a", "b", "c"];
const ROWS: i64 = 12;

/// Values of which some have no type in common.
fn pools() -> Vec<Vec<Value>> {
    let exact = (1_i64 << 53) + 1;
    vec![
        vec![json!(1), json!(-7), json!(0.5), json!(7.0), json!(null)],
        vec![json!(exact), json!(0.5), json!(3), json!(7.0), json!(-0.0), json!(1e300)],
        vec![json!(u64::MAX), json!(-1), json!(5), json!(0.25), json!(i64::MIN), json!(null)],
        vec![json!("x"), json!("7"), json!(7), json!(true), json!(null), json!(0.5)],
        vec![json!(true), json!(false), json!(1), json!(0)],
        vec![json!({ "k": 1 }), json!([1, 2]), json!(null), json!(5), json!(true)],
        vec![json!(null), json!(1)],
    ]
}

/// A table whose columns have such values.
fn table(numbers: &mut Numbers) -> BTreeMap<i64, Row> {
    let mut pools = pools();
    pools.extend([vec![json!(1), json!(-2)], vec![json!("x"), json!("y")]]);
    let pool_of = COLUMNS.map(|_| numbers.below(pools.len()));
    let mut row = |id| {
        let mut row = Row::from_iter([("id".to_owned(), json!(id))]);
        for (column, pool) in COLUMNS.iter().zip(&pool_of) {
            row.insert((*column).to_owned(), numbers.one_of(&pools[*pool]).clone());
        }
        (id, row)
    };
    (1..=ROWS).map(&mut row).collect()
}

/// A database that gives the rows of a batch in any order.
struct Shuffled<'a> {
    rows: &'a BTreeMap<i64, Row>,
    numbers: Mutex<Numbers>,
}

impl Fetcher<Dynamic<i64>> for Shuffled<'_> {
    fn fetch(&self, request: &FetchRequest<'_, i64>) -> Result<Fetched<Dynamic<i64>>, BoxError> {
        let rows = request.ids().iter().filter_map(|id| self.rows.get(id)).cloned().collect();
        Ok(self.numbers.lock().unwrap().shuffled::<Row>(rows).into())
    }
}

/// What is cached after a request, and which rows were rejected.
fn outcome(rows: &BTreeMap<i64, Row>, size: usize, seed: u64) -> (DataFrame, Vec<(String, String)>) {
    let folder = Folder::new();
    let builder = DynamicCache::builder().folder(folder.path("")).progress(Progress::Silent);
    let users = builder.batches(BatchPolicy::Fixed(size)).open().unwrap().table("public.users").unwrap();
    let query = users.select(COLUMNS).unwrap();
    let ids: Vec<i64> = rows.keys().copied().collect();
    let rejected = match query.frame(&ids, &Shuffled { rows, numbers: Mutex::new(Numbers::of(seed)) }) {
        Ok(_) => Vec::new(),
        Err(Error::FetchFailed { failures, rejected, stored, .. }) => {
            assert!(failures.is_empty(), "{failures:?}");
            assert_eq!(stored + rejected.len(), ids.len());
            rejected.into_iter().map(|row| (row.id.to_string(), row.column)).collect()
        }
        Err(other) => panic!("{other:?}"),
    };
    (query.frame_cached(&ids).unwrap().rows, rejected)
}

/// The value as JSON has it, wherever it is.
fn is_same(brought: &Value, answered: &AnyValue<'_>) -> bool {
    match (brought, answered) {
        (Value::Null, AnyValue::Null) => true,
        (Value::Bool(brought), AnyValue::Boolean(answered)) => brought == answered,
        (Value::Number(brought), answered) if answered.is_integer() => {
            let answered: i128 = answered.extract().unwrap();
            match brought.as_i128() {
                Some(brought) => brought == answered,
                // A whole float beside integers.
                None => brought.as_f64().unwrap().to_string() == answered.to_string(),
            }
        }
        (Value::Number(brought), AnyValue::Float64(answered)) => match brought.as_i128() {
            Some(brought) => answered.fract() == 0.0 && *answered as i128 == brought,
            None => brought.as_f64().unwrap().to_bits() == answered.to_bits(),
        },
        (Value::String(brought), answered) => answered.get_str() == Some(brought),
        // Documents come structured where they agree.
        (Value::Array(_) | Value::Object(_), AnyValue::Struct(..) | AnyValue::StructOwned(_) | AnyValue::List(_)) => {
            true
        }
        (document, answered) => {
            let document = document.to_string();
            answered.get_str() == Some(&document)
        }
    }
}

#[test]
fn batches_and_order_change_no_value_no_type_and_no_rejected_row() {
    let mut rejections = 0;
    for seed in 0..300 {
        let rows = table(&mut Numbers::of(seed));
        let (at_once, rejected) = outcome(&rows, ROWS as usize, seed);
        rejections += rejected.len();
        for (column, ids) in COLUMNS.map(|column| (column, at_once.column("id").unwrap().i64().unwrap())) {
            for (row, id) in ids.iter().flatten().enumerate() {
                let (brought, answered) = (&rows[&id][column], at_once.column(column).unwrap().get(row).unwrap());
                assert!(is_same(brought, &answered), "seed {seed}, id {id}, {column}: {brought} became {answered}");
            }
        }
        for size in [1, 2, 5] {
            let (apart, rejected_apart) = outcome(&rows, size, seed + 1000);
            assert_eq!(rejected_apart, rejected, "seed {seed}, batches of {size}: {rows:?}");
            assert_eq!(apart.schema(), at_once.schema(), "seed {seed}, batches of {size}");
            assert!(apart.equals_missing(&at_once), "seed {seed}, batches of {size}: {apart} is not {at_once}");
        }
    }
    assert!(rejections > 100, "{rejections}");
}
