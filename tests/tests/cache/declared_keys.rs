//! A record type stores of a document only the keys that it declares: the others were never fetched, and are no nulls.

use dbcache::polars::prelude::*;
use dbcache::{Cache, Cached, CachedJson, Error, SqliteFetcher};
use serde::{Deserialize, Serialize};

use crate::Folder;

#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "main.countries")]
struct Country {
    #[cached(id)]
    id: i64,
    #[cached(json)]
    doc: Doc,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
struct Doc {
    name: Name,
    capital: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
struct Name {
    common: String,
}

#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "main.countries")]
struct CountryWithCode {
    #[cached(id)]
    id: i64,
    #[cached(json)]
    doc: DocWithCode,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
struct DocWithCode {
    name: Name,
    cca2: Option<String>,
}

fn database(folder: &Folder) -> SqliteFetcher {
    let connection = dbcache::rusqlite::Connection::open(folder.path("countries.db")).unwrap();
    let rows = r#"
        CREATE TABLE countries (id INTEGER PRIMARY KEY, doc JSON NOT NULL);
        INSERT INTO countries VALUES
            (1, '{"name": {"common": "Chad", "official": "Republic of Chad"}, "capital": ["N''Djamena"], "cca2": "TD"}'),
            (2, '{"name": {"common": "Peru", "official": "Republic of Peru"}, "capital": ["Lima"], "cca2": "PE"}');
    "#;
    connection.execute_batch(rows).unwrap();
    SqliteFetcher::new(connection).unwrap()
}

fn typed(folder: &Folder) -> Cache<Country> {
    Cache::open(folder.path("cache")).unwrap()
}

fn dynamic(folder: &Folder, path: &str, ids: &[i64], database: &SqliteFetcher) -> Result<DataFrame, Error> {
    let cache = dbcache::DynamicCache::open(folder.path("cache")).unwrap();
    cache.table("main.countries").unwrap().select([path]).unwrap().frame(ids, database)
}

#[test]
fn a_path_to_a_key_that_was_never_fetched_is_an_error_with_a_suggestion() {
    let folder = Folder::new();
    let database = database(&folder);
    typed(&folder).rows(&[1], &database).unwrap();
    for (path, near) in [("doc.capitol", vec!["capital"]), ("doc.name.comon", vec!["common"]), ("doc.cca2", vec![])] {
        match dynamic(&folder, path, &[1], &database) {
            Err(Error::UndeclaredKey { path: shown, suggestions, .. }) => {
                assert_eq!((shown.as_str(), suggestions), (path, near.iter().map(ToString::to_string).collect()));
            }
            other => panic!("{path}: {other:?}"),
        }
    }
}

#[test]
fn rows_of_a_dynamic_fetch_join_those_of_a_typed_one() {
    let folder = Folder::new();
    let database = database(&folder);
    typed(&folder).rows(&[1], &database).unwrap();
    let names = dynamic(&folder, "doc.name.common", &[1, 2], &database).unwrap();
    assert_eq!(names, df!("id" => [1_i64, 2], "doc.name.common" => ["Chad", "Peru"]).unwrap());
    let doc = Doc { name: Name { common: "Peru".to_owned() }, capital: vec!["Lima".to_owned()] };
    assert_eq!(typed(&folder).rows(&[2], &database).unwrap(), [Country { id: 2, doc }]);
    let cities = dynamic(&folder, "doc.capital.0", &[1, 2], &database).unwrap();
    assert_eq!(cities, df!("id" => [1_i64, 2], "doc.capital.0" => ["N'Djamena", "Lima"]).unwrap());
}

#[test]
fn rows_of_a_typed_fetch_join_those_of_a_dynamic_one() {
    let folder = Folder::new();
    let database = database(&folder);
    dynamic(&folder, "doc.cca2", &[1], &database).unwrap();
    assert_eq!(typed(&folder).rows(&[1, 2], &database).unwrap().len(), 2);
    let codes = dynamic(&folder, "doc.cca2", &[1, 2], &database).unwrap();
    assert_eq!(codes, df!("id" => [1_i64, 2], "doc.cca2" => ["TD", "PE"]).unwrap());
}

#[test]
fn a_record_type_that_declares_more_keys_is_refused_at_open() {
    let folder = Folder::new();
    typed(&folder).rows(&[1], &database(&folder)).unwrap();
    match Cache::<CountryWithCode>::open(folder.path("cache")) {
        Err(Error::TypeConflict { table, column, .. }) => {
            assert_eq!((table.as_str(), column.as_str()), ("main.countries", "doc"));
        }
        other => panic!("{other:?}"),
    }
}
