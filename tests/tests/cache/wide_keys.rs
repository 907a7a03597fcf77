//! Ids of 128 bits, alone and beside smaller ones.

use std::fmt::Debug;
use std::sync::Mutex;
use std::time::Duration;

use dbcache::error::BatchError;
use dbcache::key::{Key, RowId};
use dbcache::polars::prelude::*;
use dbcache::{Cache, Cached, DynamicCache, Error, Progress, RememberAbsent};
use dbcache_tests::{Row, row};
use serde_json::json;

use crate::Folder;

/// A database that has a row for every id, or for every one that passes a test, and remembers what it was asked.
struct Rows<K>(Mutex<Vec<K>>);

impl<K: Key + ToString> Rows<K> {
    fn new() -> Self {
        Self(Mutex::default())
    }

    fn fetcher(&self) -> impl Fn(&[K], &str) -> Result<Vec<Row>, std::io::Error> + '_ {
        self.with(|_| true)
    }

    fn with(&self, has: impl Fn(&K) -> bool) -> impl Fn(&[K], &str) -> Result<Vec<Row>, std::io::Error> {
        move |ids, _| {
            self.0.lock().unwrap().extend_from_slice(ids);
            let named = |id: &K| row(json!({ "id": id.to_string(), "name": format!("row {}", id.to_string()) }));
            Ok(ids.iter().filter(|id| has(id)).map(named).collect())
        }
    }

    fn take_asked(&self) -> Vec<K> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// The names of these rows, which a request in their order has to answer.
fn expected<K: ToString>(ids: &[K]) -> Vec<String> {
    ids.iter().map(|id| format!("row {}", id.to_string())).collect()
}

fn names(frame: &DataFrame) -> Vec<String> {
    frame.column("name").unwrap().str().unwrap().iter().flatten().map(str::to_owned).collect()
}

fn fetched<K: Key + ToString>(folder: &Folder, ids: &[K], rows: &Rows<K>) -> Vec<String> {
    names(&folder.users().select(["name"]).unwrap().frame(ids, &rows.fetcher()).unwrap())
}

/// What is cached of these ids, as a new process sees it, and the ids that are not.
fn cached<K: Key + Debug>(folder: &Folder, ids: &[K]) -> (Vec<String>, Vec<K>) {
    let found = folder.users().select(["name"]).unwrap().frame_cached(ids).unwrap();
    (names(&found.rows), found.missing)
}

fn id_type(folder: &Folder) -> DataType {
    folder.users().cached().unwrap().column("id").unwrap().dtype().clone()
}

#[test]
fn ids_of_128_bits_are_fetched_once_and_sorted_as_numbers() {
    let (folder, rows) = (Folder::new(), Rows::<i128>::new());
    let sorted = [i128::MIN, -(1 << 100), -1, 0, 9, 10, i128::from(i64::MAX) + 1, 1 << 64, 1 << 100, i128::MAX];
    let mut shuffled = sorted;
    shuffled.rotate_left(3);
    assert_eq!(fetched(&folder, &shuffled, &rows), expected(&sorted));
    assert_eq!(rows.take_asked(), sorted);
    assert_eq!(fetched(&folder, &shuffled, &rows), expected(&sorted));
    assert!(rows.take_asked().is_empty());
    assert_eq!(
        cached(&folder, &[i128::MIN, i128::MIN + 1, 8, 10]),
        (expected(&[i128::MIN, 10]), vec![i128::MIN + 1, 8])
    );
    assert_eq!(folder.users().cached().unwrap().column("id").unwrap(), &Column::new("id".into(), sorted));
}

#[test]
fn unsigned_ids_reach_up_to_the_last() {
    let (folder, rows) = (Folder::new(), Rows::<u128>::new());
    let ids = [0, 7, u128::from(u64::MAX) + 1, i128::MAX.unsigned_abs() + 1, u128::MAX];
    assert_eq!(fetched(&folder, &ids, &rows), expected(&ids));
    assert_eq!(cached(&folder, &ids), (expected(&ids), vec![]));
    assert_eq!(folder.users().cached().unwrap().column("id").unwrap(), &Column::new("id".into(), ids));
    let missing = folder.users().select(["name"]).unwrap().look_up(&[u128::MAX - 1]).unwrap().missing;
    assert_eq!(missing, [u128::MAX - 1]);
    let none = rows.with(|_| false);
    let error = folder.users().select(["name"]).unwrap().frame(&[u128::MAX - 1], &none).unwrap_err();
    match &error {
        Error::IdsNotFound { ids, .. } => assert_eq!(*ids, [RowId::Huge(u128::MAX - 1)]),
        other => panic!("{other:?}"),
    }
    assert!(error.to_string().contains(&(u128::MAX - 1).to_string()), "{error}");
}

#[test]
fn small_ids_are_the_same_rows_whatever_the_width_of_the_key() {
    let (folder, rows) = (Folder::new(), Rows::<u128>::new());
    fetched(&folder, &[1, 2, 3], &rows);
    assert_eq!(id_type(&folder), DataType::Int64);
    assert_eq!(cached(&folder, &[1_i64, 2, 4]), (expected(&[1, 2]), vec![4]));
    assert_eq!(cached(&folder, &[3_i128, -3]), (expected(&[3]), vec![-3]));
    fetched(&folder, &[1 << 70], &rows);
    assert_eq!(id_type(&folder), DataType::Int128);
    assert_eq!(cached(&folder, &[1_i64, 2, 4]), (expected(&[1, 2]), vec![4]));
    assert_eq!(cached(&folder, &[3_u128, 1 << 70, u128::MAX]), (expected(&[3, 1_u128 << 70]), vec![u128::MAX]));
}

#[test]
fn one_table_holds_negative_ids_beside_those_above_all_signed_ones() {
    let folder = Folder::new();
    let (signed, unsigned) = (Rows::<i64>::new(), Rows::<u64>::new());
    let frame = |ids: &[i64], _: &str| -> Result<DataFrame, PolarsError> { df!("id" => ids, "name" => expected(ids)) };
    folder.users().select(["name"]).unwrap().frame(&[i64::MIN, 5], &frame).unwrap();
    let frame = |ids: &[u64], _: &str| -> Result<DataFrame, PolarsError> { df!("id" => ids, "name" => expected(ids)) };
    folder.users().select(["name"]).unwrap().frame(&[u64::MAX], &frame).unwrap();
    assert_eq!(cached(&folder, &[i64::MIN, 5, 6]), (expected(&[i64::MIN, 5]), vec![6]));
    assert_eq!(cached(&folder, &[5, u64::MAX]), (expected(&[5, u64::MAX]), vec![]));
    assert_eq!(folder.users().cached().unwrap().height(), 3);
    assert!(signed.take_asked().is_empty() && unsigned.take_asked().is_empty());
}

#[test]
fn negative_ids_beside_those_above_all_of_128_bits_are_refused_and_nothing_is_lost() {
    let folder = Folder::new();
    fetched(&folder, &[-1_i128, 1], &Rows::new());
    let rows = Rows::<u128>::new();
    match folder.users().select(["name"]).unwrap().frame(&[u128::MAX], &rows.fetcher()) {
        Err(Error::FetchFailed { failures, stored: 0, .. }) => {
            let BatchError::Store(cause) = &failures[0].cause else { panic!("{failures:?}") };
            let Error::TypeConflict { stored, wanted, .. } = &**cause else { panic!("{cause:?}") };
            assert_eq!((stored, wanted), (&DataType::Int64, &DataType::UInt128));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(cached(&folder, &[-1_i128, 1]), (expected(&[-1, 1]), vec![]));
}

#[test]
fn ids_are_found_in_large_tables_and_their_segments() {
    let (folder, rows) = (Folder::new(), Rows::<u128>::new());
    let id = |number: u128| number.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
    let first: Vec<u128> = (1..20_000).map(id).collect();
    fetched(&folder, &first, &rows);
    for number in 20_000..20_010 {
        fetched(&folder, &[id(number), id(3)], &rows);
    }
    assert!(folder.files().contains(&"public_users.segments".to_owned()), "{:?}", folder.files());
    rows.take_asked();
    let mut some: Vec<u128> = (1..20_010).step_by(97).map(id).collect();
    some.sort_unstable();
    assert_eq!(fetched(&folder, &some, &rows), expected(&some));
    assert!(rows.take_asked().is_empty());
    assert_eq!(cached(&folder, &[id(5) + 1]), (vec![], vec![id(5) + 1]));
    folder.users().compact().unwrap();
    assert_eq!(cached(&folder, &some), (expected(&some), vec![]));
    let whole = folder.users().cached().unwrap();
    let ids = whole.column("id").unwrap().u128().unwrap();
    assert!(ids.into_no_null_iter().is_sorted_by(|left, right| left < right));
    assert_eq!(ids.len(), 20_009);
}

#[test]
fn a_file_of_another_program_with_ids_of_128_bits_is_used_without_a_fetch() {
    let folder = Folder::new();
    folder.write("public_users.parquet", df!("id" => [1_i128 << 90, -5, 3], "name" => ["a", "b", "c"]).unwrap());
    let rows = Rows::<i128>::new();
    assert_eq!(fetched(&folder, &[3, -5, 1 << 90], &rows), ["b", "c", "a"]);
    fetched(&folder, &[4], &rows);
    assert_eq!(rows.take_asked(), [4]);
    assert_eq!(cached(&folder, &[-5_i64, 3, 4]), (vec!["b".to_owned(), "c".to_owned(), "row 4".to_owned()], vec![]));
}

#[test]
fn absent_ids_of_128_bits_are_remembered_in_the_folder() {
    let (folder, rows) = (Folder::new(), Rows::<i128>::new());
    let hour = RememberAbsent::InFolder(Duration::from_secs(3600));
    for asked in [vec![-(1 << 100), 5, 1 << 100], vec![]] {
        let cache = DynamicCache::builder().folder(folder.path("")).progress(Progress::Silent).remember_absent(hour);
        let users = cache.open().unwrap().table("public.users").unwrap();
        let found = users.select(["name"]).unwrap();
        let found = found.frame_found(&[-(1 << 100), 5, 1 << 100], &rows.with(|id| *id == 5)).unwrap();
        assert_eq!((names(&found.rows), found.missing), (expected(&[5]), vec![-(1 << 100), 1 << 100]));
        assert_eq!(rows.take_asked(), asked);
    }
}

#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "public.users")]
struct User {
    #[cached(id)]
    id: u128,
    name: String,
}

#[test]
fn records_have_ids_of_128_bits() {
    let folder = Folder::new();
    let fetcher = |ids: &[u128]| -> Result<Vec<User>, std::io::Error> {
        Ok(ids.iter().map(|id| User { id: *id, name: format!("row {id}") }).collect())
    };
    let cache = Cache::<User>::open(folder.path("")).unwrap();
    for ids in [vec![4, 5], vec![u128::MAX, 4], vec![5, u128::MAX]] {
        let mut sorted = ids.clone();
        sorted.sort_unstable();
        assert_eq!(cache.rows(&ids, &fetcher).unwrap(), fetcher(&sorted).unwrap());
        let frame = cache.frame(&ids, &fetcher).unwrap();
        assert_eq!(frame.column("id").unwrap(), &Column::new("id".into(), sorted));
    }
}

#[test]
fn json_rows_bring_ids_as_numbers_or_as_digits() {
    let folder = Folder::new();
    let fetcher = |_: &[i128], _: &str| -> Result<Vec<Row>, std::io::Error> {
        let digits = (1_i128 << 100).to_string();
        Ok(vec![row(json!({ "id": 7, "name": "7" })), row(json!({ "id": digits, "name": digits }))])
    };
    let answer = folder.users().select(["name"]).unwrap().frame(&[7, 1 << 100], &fetcher).unwrap();
    assert_eq!(names(&answer), ["7".to_owned(), (1_i128 << 100).to_string()]);
    let fetcher = |_: &[i128], _: &str| -> Result<Vec<Row>, std::io::Error> {
        Ok(vec![row(json!({ "id": "eight", "name": "8" }))])
    };
    let error = folder.users().select(["name"]).unwrap().frame(&[8_i128], &fetcher).unwrap_err();
    assert!(format!("{error:?}").contains("WrongType"), "{error:?}");
}
