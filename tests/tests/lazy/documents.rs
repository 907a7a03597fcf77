//! Columns of JSON documents, which a scan gives as they are stored.

use dbcache::polars::prelude::*;
use dbcache_tests::Database;
use serde_json::json;

use crate::{Folder, collected};

#[test]
fn documents_are_text_whether_or_not_they_agree() {
    let folder = Folder::new();
    let profile = |id: i64| if id % 2 == 0 { json!({ "city": "Rome", "zip": id }) } else { json!({ "city": "Paris" }) };
    let rows = (1..=40)
        .map(|id| json!({ "id": id, "profile": profile(id), "odd": if id < 40 { json!([id]) } else { json!({}) } }));
    let database = Database::with_rows(rows);
    let ids: Vec<i64> = (1..=40).collect();
    folder.users().select(["profile", "odd"]).unwrap().frame(&ids, &database).unwrap();

    assert!(folder.users().cached().unwrap().column("profile").unwrap().dtype().is_struct());
    let scanned = collected(folder.users().scan().unwrap().filter(col("id").lt_eq(lit(2))));
    let expected = df!(
        "id" => [1_i64, 2],
        "profile" => [r#"{"city":"Paris"}"#, r#"{"city":"Rome","zip":2}"#],
        "odd" => ["[1]", "[2]"],
    );
    assert_eq!(scanned.select(["id", "profile", "odd"]).unwrap(), expected.unwrap());
}

#[test]
fn structs_and_lists_are_what_they_were() {
    let folder = Folder::new();
    let ids: Vec<i64> = (1..=300).collect();
    let numbers: Vec<Option<Series>> =
        ids.iter().map(|id| (id % 5 > 0).then(|| Series::new("".into(), [*id, id + 1]))).collect();
    let point = StructChunked::from_series(
        "point".into(),
        ids.len(),
        [
            Series::new("x".into(), &ids),
            Series::new("y".into(), ids.iter().map(ToString::to_string).collect::<Vec<_>>()),
        ]
        .iter(),
    );
    let mut rows = df!("id" => &ids, "numbers" => numbers).unwrap();
    rows.with_column(point.unwrap().into_column()).unwrap();
    folder.store(&rows);
    folder.store(&rows.slice(50, 40));

    let cached = folder.users().cached().unwrap();
    assert!(collected(folder.users().scan().unwrap()).equals_missing(&cached));
    let query = |rows: LazyFrame| {
        rows.filter(col("point").struct_().field_by_name("x").gt(lit(200))).select([col("id"), col("numbers")])
    };
    let expected = query(cached.lazy()).collect().unwrap();
    assert_eq!(expected.height(), 100);
    assert!(collected(query(folder.users().scan().unwrap())).equals_missing(&expected));
}
