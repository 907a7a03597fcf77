//! Ids that the database does not have, remembered or not.

use std::time::Duration;

use dbcache::{DynamicCache, Error, Progress, RememberAbsent};
use dbcache_tests::Database;
use serde_json::json;

use crate::Folder;

const HOUR: Duration = Duration::from_secs(3600);

fn cache(folder: &Folder, remember: RememberAbsent) -> DynamicCache {
    let builder = DynamicCache::builder().folder(folder.path("")).progress(Progress::Silent);
    builder.remember_absent(remember).open().unwrap()
}

fn even(most: i64) -> Database {
    Database::with_rows((1..=most / 2).map(|half| json!({ "id": 2 * half, "name": "x" })))
}

/// What is asked for the ids 1 to 4, and which of them are missing.
fn ask(cache: &DynamicCache, database: &Database) -> (Vec<i64>, Vec<i64>) {
    let users = cache.table("public.users").unwrap();
    let found = users.select(["name"]).unwrap().frame_found(&[1, 2, 3, 4], database).unwrap();
    (database.take_asked(), found.missing)
}

#[test]
fn absent_ids_are_asked_each_time_by_default() {
    let (folder, database) = (Folder::new(), even(4));
    let cache = cache(&folder, RememberAbsent::Never);
    assert_eq!(ask(&cache, &database), (vec![1, 2, 3, 4], vec![1, 3]));
    assert_eq!(ask(&cache, &database), (vec![1, 3], vec![1, 3]));
}

#[test]
fn a_cache_remembers_them_in_memory() {
    let (folder, database) = (Folder::new(), even(4));
    let first = cache(&folder, RememberAbsent::InMemory(HOUR));
    assert_eq!(ask(&first, &database), (vec![1, 2, 3, 4], vec![1, 3]));
    assert_eq!(ask(&first, &database), (vec![], vec![1, 3]));
    let users = first.table("public.users").unwrap();
    let error = users.select(["name"]).unwrap().frame(&[1], &database).unwrap_err();
    assert!(matches!(error, Error::IdsNotFound { .. }), "{error:?}");
    assert_eq!(ask(&cache(&folder, RememberAbsent::InMemory(HOUR)), &database), (vec![1, 3], vec![1, 3]));
    assert!(!folder.files().iter().any(|file| file.contains("absent")), "{:?}", folder.files());
}

#[test]
fn the_folder_remembers_them_beyond_the_cache() {
    let (folder, database) = (Folder::new(), even(4));
    assert_eq!(ask(&cache(&folder, RememberAbsent::InFolder(HOUR)), &database).0, [1, 2, 3, 4]);
    assert!(folder.files().contains(&"public_users.absent".to_owned()), "{:?}", folder.files());
    assert_eq!(ask(&cache(&folder, RememberAbsent::InFolder(HOUR)), &database), (vec![], vec![1, 3]));
    // Who does not want to remember asks.
    assert_eq!(ask(&cache(&folder, RememberAbsent::Never), &database).0, [1, 3]);
}

#[test]
fn a_row_that_comes_meanwhile_is_found_and_a_refresh_asks() {
    let folder = Folder::new();
    let cache = cache(&folder, RememberAbsent::InFolder(HOUR));
    ask(&cache, &even(4));
    let all = Database::with_rows((1..=4).map(|id| json!({ "id": id, "name": "x" })));
    let users = cache.table("public.users").unwrap();
    let names = users.select(["name"]).unwrap();
    assert_eq!(names.clone().refresh().frame(&[1], &all).unwrap().height(), 1);
    assert_eq!(all.take_asked(), [1]);
    assert_eq!(ask(&cache, &all), (vec![], vec![3]));
}

#[test]
fn other_columns_of_an_absent_row_are_not_asked_either() {
    let (folder, database) = (Folder::new(), even(4));
    let cache = cache(&folder, RememberAbsent::InMemory(HOUR));
    ask(&cache, &database);
    let users = cache.table("public.users").unwrap();
    let found = users.select(["id"]).unwrap().frame_found(&[1, 2], &database).unwrap();
    assert_eq!((found.rows.height(), found.missing), (1, vec![1]));
    assert!(database.take_asked().is_empty());
}

#[test]
fn ids_of_a_failed_batch_are_not_taken_for_absent() {
    let folder = Folder::new();
    let cache = cache(&folder, RememberAbsent::InFolder(HOUR));
    let users = cache.table("public.users").unwrap();
    users.select(["name"]).unwrap().frame(&[2], &even(4).failing_on([2])).unwrap_err();
    assert_eq!(users.select(["name"]).unwrap().frame(&[2], &even(4)).unwrap().height(), 1);
}

#[test]
fn ids_absent_by_one_id_column_are_asked_by_another() {
    for remember in [RememberAbsent::InMemory(HOUR), RememberAbsent::InFolder(HOUR)] {
        let folder = Folder::new();
        let cache = cache(&folder, remember);
        let none = Database::with_rows([]);
        let by_id = cache.table("public.users").unwrap();
        assert_eq!(by_id.select(["name"]).unwrap().frame_found(&[7], &none).unwrap().missing, [7]);
        let by_number = cache.table_by("public.users", "number").unwrap();
        let rows = Database::with_rows([json!({ "id": 7, "number": 7, "name": "Ada" })]);
        assert_eq!(by_number.select(["name"]).unwrap().frame(&[7], &rows).unwrap().height(), 1, "{remember:?}");
    }
}

/// Nothing is remembered, and nothing fails.
#[test]
fn a_file_of_absent_ids_that_cannot_be_read_or_replaced_costs_queries_only() {
    let (folder, database) = (Folder::new(), even(4));
    std::fs::create_dir(folder.path("public_users.absent")).unwrap();
    let cache = cache(&folder, RememberAbsent::InFolder(HOUR));
    assert_eq!(ask(&cache, &database), (vec![1, 2, 3, 4], vec![1, 3]));
    assert_eq!(ask(&cache, &database), (vec![1, 3], vec![1, 3]));
}
