//! What a query does not need is not read.

use dbcache::faults::{Call, Faults};
use dbcache::polars::prelude::*;

use crate::{Folder, users};

const ROWS: i64 = 60_000;

/// Users in one file, most of whose bytes are texts.
fn wide() -> Folder {
    let folder = Folder::new();
    let mut rows = users(0..ROWS, "first");
    let noise = |id: i64| {
        (0..8)
            .map(|salt| format!("{:016x}", (id * 31 + salt).wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed())))
            .collect::<String>()
    };
    rows.with_column(Column::new("noise".into(), (0..ROWS).map(noise).collect::<Vec<_>>())).unwrap();
    folder.store(&rows);
    folder.users().compact().unwrap();
    folder
}

/// How much of the table's file queries read, in thousandths.
fn thousandths(folder: &Folder, queries: &[fn(LazyFrame) -> LazyFrame]) -> Vec<u64> {
    let size = std::fs::metadata(folder.file()).unwrap().len();
    let read = |query: &fn(LazyFrame) -> LazyFrame, engine| {
        let table = folder.users();
        let faults = Faults::watch(folder.path());
        query(table.scan().unwrap()).collect_with_engine(engine).unwrap();
        let read = |made: dbcache::faults::Made| if let Call::Read(bytes) = made.call { bytes as u64 } else { 0 };
        faults.made().into_iter().map(read).sum::<u64>() * 1_000 / size
    };
    queries.iter().map(|query| read(query, Engine::InMemory).max(read(query, Engine::Streaming))).collect()
}

#[test]
fn only_what_a_query_needs_is_read() {
    let folder = wide();
    let [everything, ids, ages, count] = thousandths(
        &folder,
        &[
            |rows| rows,
            |rows| rows.select([col("id").sum()]),
            |rows| rows.select([col("age").sum()]),
            |rows| rows.select([len()]),
        ],
    )[..] else {
        panic!("four numbers")
    };
    assert!((950..1_020).contains(&everything), "{everything}");
    assert!((20..80).contains(&ids), "{ids}");
    assert!((5..80).contains(&ages), "{ages}");
    assert!(count < 10, "{count}");
}

#[test]
fn rows_that_are_filtered_out_are_not_read() {
    let folder = wide();
    let [one_id, some_ids, by_number, by_text] = thousandths(
        &folder,
        &[
            |rows| rows.filter(col("id").eq(lit(77_777))),
            |rows| rows.filter(col("id").lt(lit(1_000))),
            |rows| rows.filter(col("age").gt(lit(1_000))),
            |rows| rows.filter(col("name").eq(lit("nobody"))).select([col("age").sum()]),
        ],
    )[..] else {
        panic!("four numbers")
    };
    // The ids are read, and of the rest a few pages.
    assert!(one_id < 80, "{one_id}");
    assert!(some_ids < 90, "{some_ids}");
    assert!(by_number < 120, "{by_number}");
    assert!(by_text < 200, "{by_text}");
}

#[test]
fn rows_behind_a_limit_are_not_read() {
    let folder = Folder::new();
    folder.store(&users(0..300_000, "first").select(["id", "age"]).unwrap());
    folder.users().compact().unwrap();
    let queries: [fn(LazyFrame) -> LazyFrame; 4] = [
        |rows| rows.limit(10),
        |rows| rows.slice(1_000, 10),
        |rows| rows.filter(col("age").gt(lit(80))).select([col("age")]),
        |rows| rows.filter(col("age").gt(lit(80))).select([col("age")]).limit(10),
    ];
    let [first, slice, all, some] = thousandths(&folder, &queries)[..] else { panic!("four numbers") };
    assert!(first < 20, "{first}");
    assert!(slice < 20, "{slice}");
    // The second row group is small.
    assert!(some < all, "{some} {all}");
}
