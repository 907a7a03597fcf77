//! Record types that declare different keys of one column share its rows, which then have the keys of all of them.

use std::fmt::Debug;
use std::sync::Mutex;

use dbcache::polars::prelude::*;
use dbcache::rusqlite::Connection;
use dbcache::{Cache, Cached, CachedJson, Progress, Record, SqliteFetcher};
use dbcache_tests::Database;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Folder;

const IDS: std::ops::Range<i64> = 0..60;

/// A record type that reads its rows from the whole document.
trait FromDocument: Record<Id = i64> + Clone + Debug + PartialEq {
    fn of(id: i64, document: Value) -> Self;
}

macro_rules! records {
    ($($record:ident: $document:ident { $($key:ident: $type:ty),* })*) => {$(
        #[derive(Clone, Debug, PartialEq, Cached)]
        #[cached(table = "public.users")]
        struct $record {
            #[cached(id)]
            id: i64,
            #[cached(json)]
            doc: $document,
        }

        documents!($document { $($key: $type),* });

        impl FromDocument for $record {
            fn of(id: i64, document: Value) -> Self {
                Self { id, doc: parsed(document) }
            }
        }
    )*};
}

macro_rules! documents {
    ($($document:ident { $($key:ident: $type:ty),* })*) => {$(
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
        struct $document { $($key: $type),* }
    )*};
}

records! {
    Streets: Street { street: String, city: String }
    Zips: Zip { city: String, zip: Option<i64> }
    Zip2s: Zip2 { zip: Option<i64> }
    Positions: Position { geo: Option<Geo> }
    Altitudes: Altitude { geo: Option<Height>, city: String }
    Years: Year { trips: Vec<TripYear> }
    Months: Month { trips: Vec<TripMonth>, zip: Option<i64> }
    Stops: Stop { trips: Vec<TripStops> }
    Times: Time { trips: Vec<TripTimes> }
    Tags: Tag { tags: Option<Vec<String>> }
    Wholes: Whole {
        street: String, city: String, zip: Option<i64>, geo: Option<GeoWhole>, trips: Vec<TripWhole>,
        tags: Option<Vec<String>>
    }
}

documents! {
    Geo { lat: f64, lon: f64 }
    Height { lat: f64, alt: Option<f64> }
    GeoWhole { lat: f64, lon: f64, alt: Option<f64> }
    TripYear { to: String, year: i32 }
    TripMonth { to: String, month: Option<i32> }
    TripStops { to: String, stops: Vec<StopName> }
    TripTimes { to: String, stops: Vec<StopTime> }
    TripWhole { to: String, year: i32, month: Option<i32>, stops: Vec<StopWhole> }
    StopName { name: String, at: i64 }
    StopTime { at: i64, platform: Option<String> }
    StopWhole { name: String, at: i64, platform: Option<String> }
}

fn parsed<T: DeserializeOwned>(document: Value) -> T {
    serde_json::from_value(document).expect("a document of all keys")
}

/// The document of a row: nulls, empty lists and missing objects in some rows; a later version differs in some parts.
fn document(id: i64, version: i64) -> Value {
    let seed = |part: i64| id * 7 + part + if (id + part) % 3 == 0 { version } else { 0 };
    let stop = |number: i64| {
        let platform = (number % 2 == 0).then(|| format!("platform {}", seed(1)));
        json!({ "name": format!("stop {number} {}", seed(2)), "at": number * 10 + seed(3) % 2, "platform": platform })
    };
    let trip = |number: i64| {
        let stops: Vec<Value> = (0..(number + seed(4)) % 3).map(stop).collect();
        let month = (number % 2 == 0).then_some(seed(5) % 12);
        json!({ "to": format!("city {}", number % 3), "year": 1990 + number + seed(6) % 5, "month": month, "stops": stops })
    };
    let mut trips: Vec<Value> = (0..seed(7) % 4).map(trip).collect();
    if seed(8) % 2 == 0 {
        trips.reverse();
    }
    let alt = (id % 2 == 0).then_some(seed(10));
    let geo = (seed(9) % 4 != 0).then(|| json!({ "lat": seed(9), "lon": seed(11), "alt": alt }));
    let tags = (id % 5 != 0).then(|| (0..id % 3).map(|tag| format!("tag {tag} {}", seed(14))).collect::<Vec<_>>());
    json!({
        "street": format!("street {}", seed(12)), "city": format!("city {}", seed(13)),
        "zip": (id % 4 != 0).then_some(seed(15)), "geo": geo, "trips": trips, "tags": tags
    })
}

fn open<T: Record>(folder: &Folder) -> Cache<T> {
    Cache::builder().folder(folder.path("")).progress(Progress::Silent).open().unwrap()
}

/// Reads all rows as records of one type, and returns how many were fetched. Every row is that of one version.
fn read<T: FromDocument>(folder: &Folder, versions: &[i64]) -> usize {
    let asked = Mutex::new(0);
    let newest = *versions.last().unwrap();
    let fetcher = |ids: &[i64]| -> Result<Vec<T>, std::io::Error> {
        *asked.lock().unwrap() += ids.len();
        Ok(ids.iter().map(|id| T::of(*id, document(*id, newest))).collect())
    };
    let rows = open::<T>(folder).rows(&IDS.collect::<Vec<i64>>(), &fetcher).unwrap();
    assert_eq!(rows.len(), IDS.count());
    for (id, row) in IDS.zip(&rows) {
        let is_of = |version: &i64| *row == T::of(id, document(id, *version));
        assert!(versions.iter().any(is_of), "{row:?} is no version of row {id}");
    }
    asked.into_inner().unwrap()
}

type Read = fn(&Folder, &[i64]) -> usize;

const RECORDS: [(&str, Read); 11] = [
    ("Streets", read::<Streets>),
    ("Zips", read::<Zips>),
    ("Zip2s", read::<Zip2s>),
    ("Positions", read::<Positions>),
    ("Altitudes", read::<Altitudes>),
    ("Years", read::<Years>),
    ("Months", read::<Months>),
    ("Stops", read::<Stops>),
    ("Times", read::<Times>),
    ("Tags", read::<Tags>),
    ("Wholes", read::<Wholes>),
];

#[test]
fn two_record_types_fetch_every_row_at_most_once_each() {
    for (first, read_first) in RECORDS {
        for (second, read_second) in RECORDS {
            let folder = Folder::new();
            assert_eq!(read_first(&folder, &[1]), IDS.count(), "{first}");
            read_second(&folder, &[1]);
            for turn in 0..2 {
                let fetched = (read_first(&folder, &[1]), read_second(&folder, &[1]));
                assert_eq!(fetched, (0, 0), "{first} and {second}, turn {turn}");
            }
            folder.users().compact().unwrap();
            assert_eq!((read_first(&folder, &[1]), read_second(&folder, &[1])), (0, 0), "{first} and {second}");
        }
    }
}

#[test]
fn all_record_types_fetch_every_row_at_most_once_in_any_order() {
    for rotation in 0..RECORDS.len() {
        let folder = Folder::new();
        let mut records = RECORDS;
        records.rotate_left(rotation);
        for (_, read) in records {
            read(&folder, &[1]);
        }
        for (name, read) in records {
            assert_eq!(read(&folder, &[1]), 0, "{name} after rotation {rotation}");
        }
        let profiles = folder.users().cached().unwrap();
        assert_eq!(profiles.height(), IDS.count());
    }
}

#[test]
fn no_record_mixes_two_versions_of_a_document() {
    for (first, read_first) in RECORDS {
        for (second, read_second) in RECORDS {
            let folder = Folder::new();
            read_first(&folder, &[1]);
            read_second(&folder, &[1, 2]);
            read_first(&folder, &[1, 2]);
            read_second(&folder, &[1, 2]);
            let again = (read_first(&folder, &[1, 2]), read_second(&folder, &[1, 2]));
            assert_eq!(again, (0, 0), "{first} and {second} once the database has changed");
        }
    }
}

#[test]
fn rows_stay_complete_for_others_where_an_adapter_brings_whole_documents() {
    let (folder, database) = (Folder::new(), sqlite(IDS));
    let rows = |ids: std::ops::Range<i64>| ids.collect::<Vec<i64>>();
    open::<Streets>(&folder).rows(&rows(0..20), &database).unwrap();
    open::<Zips>(&folder).rows(&rows(10..40), &database).unwrap();
    open::<Years>(&folder).rows(&rows(30..60), &database).unwrap();
    // What is fetched once others have stored their keys has these too.
    assert_eq!(open::<Streets>(&folder).all().look_up(&rows(0..60)).unwrap().hits, rows(0..60));
    assert_eq!(open::<Zips>(&folder).all().look_up(&rows(0..60)).unwrap().hits, rows(10..60));
    let zips = open::<Zips>(&folder);
    zips.all().refresh().rows(&rows(0..60), &database).unwrap();
    for (name, read) in [("Streets", read::<Streets> as Read), ("Years", read::<Years>), ("Zips", read::<Zips>)] {
        assert_eq!(read(&folder, &[1]), 0, "{name} after a refresh");
    }
}

fn sqlite(ids: std::ops::Range<i64>) -> SqliteFetcher {
    let connection = Connection::open_in_memory().unwrap();
    connection
        .execute_batch("ATTACH ':memory:' AS public; CREATE TABLE public.users (id INTEGER PRIMARY KEY, doc JSON)")
        .unwrap();
    for id in ids {
        let document = document(id, 1).to_string();
        connection.execute("INSERT INTO public.users VALUES (?1, ?2)", (id, document)).unwrap();
    }
    SqliteFetcher::new(connection).unwrap()
}

#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "public.users")]
struct Named {
    #[cached(id)]
    id: i64,
    name: String,
    #[cached(json)]
    doc: Street,
}

#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "public.users")]
struct Aged {
    #[cached(id)]
    id: i64,
    age: i64,
    #[cached(json)]
    doc: Zip,
}

fn named(ids: &[i64]) -> Result<Vec<Named>, std::io::Error> {
    Ok(ids.iter().map(|id| Named { id: *id, name: format!("row {id}"), doc: parsed(document(*id, 1)) }).collect())
}

fn aged(ids: &[i64]) -> Result<Vec<Aged>, std::io::Error> {
    Ok(ids.iter().map(|id| Aged { id: *id, age: *id, doc: parsed(document(*id, 1)) }).collect())
}

#[test]
fn whole_documents_stay_whole_beside_records_that_bring_part_of_them() {
    let database = Database::with_rows(IDS.map(|id| json!({ "id": id, "doc": document(id, 1) })));
    let ids: Vec<i64> = IDS.collect();
    let folder = Folder::new();
    let documents = folder.users().select(["doc"]).unwrap();
    let before = documents.frame(&ids, &database).unwrap();
    database.take_asked();
    assert_eq!(open::<Named>(&folder).rows(&ids, &named).unwrap(), named(&ids).unwrap());
    assert_eq!(open::<Aged>(&folder).rows(&ids, &aged).unwrap(), aged(&ids).unwrap());
    let after = folder.users().select(["doc"]).unwrap().frame(&ids, &database).unwrap();
    assert!(database.take_asked().is_empty());
    assert!(after.equals_missing(&before), "{after} {before}");
}

#[test]
fn documents_that_are_text_take_in_the_keys_of_records() {
    let database = Database::with_rows([json!({ "id": -1, "doc": { "city": 7 } }), json!({ "id": -2, "doc": [1] })]);
    let (folder, ids) = (Folder::new(), IDS.collect::<Vec<i64>>());
    folder.users().select(["doc"]).unwrap().frame(&[-1, -2], &database).unwrap();
    for turn in 0..2 {
        let fetched = (read::<Streets>(&folder, &[1]), read::<Zips>(&folder, &[1]), read::<Years>(&folder, &[1]));
        let expected = if turn == 0 { ids.len() } else { 0 };
        assert_eq!(fetched, (expected, expected, expected), "turn {turn}");
    }
    let stored = folder.read("public_users.parquet");
    assert_eq!(stored.column("doc").unwrap().dtype(), &DataType::String);
}

#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "public.users")]
struct Anything {
    #[cached(id)]
    id: i64,
    doc: Option<Value>,
}

#[test]
fn a_null_is_stored_beside_documents_whatever_record_brings_it() {
    let folder = Folder::new();
    let streets = Cache::<Streets>::open(folder.path("")).unwrap();
    let street = |ids: &[i64]| -> Result<Vec<Streets>, std::io::Error> {
        let doc = Street { street: "a".to_owned(), city: "b".to_owned() };
        Ok(ids.iter().map(|id| Streets { id: *id, doc: doc.clone() }).collect())
    };
    streets.rows(&[1], &street).unwrap();
    let anything = Cache::<Anything>::open(folder.path("")).unwrap();
    let nothing = |ids: &[i64]| -> Result<Vec<Anything>, std::io::Error> {
        Ok(ids.iter().map(|id| Anything { id: *id, doc: None }).collect())
    };
    let rows = anything.rows(&[2], &nothing).unwrap();
    assert_eq!(rows, [Anything { id: 2, doc: None }]);
}

#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "public.users")]
struct Text {
    #[cached(id)]
    id: i64,
    doc: Option<String>,
}

#[test]
fn records_that_read_a_document_as_text_or_json_have_all_its_keys() {
    let folder = Folder::new();
    let document = json!({ "street": "a", "city": "b", "more": [1, 2] });
    let streets = Cache::<Streets>::open(folder.path("")).unwrap();
    let street = |ids: &[i64]| -> Result<Vec<Streets>, std::io::Error> {
        Ok(ids.iter().map(|id| Streets::of(*id, document.clone())).collect())
    };
    streets.rows(&[1, 2], &street).unwrap();
    let anything = Cache::<Anything>::open(folder.path("")).unwrap();
    let all = |ids: &[i64]| -> Result<Vec<Anything>, std::io::Error> {
        Ok(ids.iter().map(|id| Anything { id: *id, doc: Some(document.clone()) }).collect())
    };
    let rows = anything.rows(&[1], &all).unwrap();
    assert_eq!(rows, [Anything { id: 1, doc: Some(document.clone()) }]);
    let texts = Cache::<Text>::open(folder.path("")).unwrap();
    assert_eq!(texts.all().look_up(&[1, 2]).unwrap().incomplete, [2]);
    let found = texts.all().rows_cached(&[1]).unwrap().rows;
    let text = found.first().and_then(|row| row.doc.as_deref()).unwrap();
    assert_eq!(serde_json::from_str::<Value>(text).unwrap(), document);
    assert_eq!(streets.rows(&[1, 2], &street).unwrap().len(), 2);
}
