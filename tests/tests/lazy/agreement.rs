//! Every query over every kind of table, against the same query over everything cached.

use dbcache::BatchPolicy;
use dbcache::polars::prelude::*;

use crate::{Folder, collected, tables};

type Query = (&'static str, fn(LazyFrame) -> LazyFrame);

/// Queries whose answer has one order.
const QUERIES: &[Query] = &[
    ("everything", |rows| rows),
    ("one column", |rows| rows.select([col("name")])),
    ("in another order", |rows| rows.select([col("age"), col("id")])),
    ("a stretch of ids", |rows| rows.filter(col("id").gt_eq(lit(90)).and(col("id").lt(lit(130))))),
    ("ids one by one", |rows| {
        rows.filter(col("id").is_in(lit(Series::new("".into(), [3_i64, 100, 901])).implode(true), false))
    }),
    ("no ids", |rows| rows.filter(col("id").lt(lit(-1_000)))),
    ("nulls", |rows| rows.filter(col("age").is_null())),
    ("text", |rows| rows.filter(col("name").gt(lit("user 5"))).select([col("id")])),
    ("several columns", |rows| {
        rows.filter(col("age").gt(lit(30))).filter(col("name").lt(lit("user 7"))).filter(col("id").gt(lit(50)))
    }),
    ("a column that is filtered and not given", |rows| rows.filter(col("age").gt(lit(80))).select([col("name")])),
    ("any of two", |rows| rows.filter(col("age").gt(lit(80)).or(col("id").lt(lit(10))))),
    ("the greatest", |rows| rows.filter(col("age").eq(col("age").max()))),
    ("a flag that is an aggregate", |rows| rows.filter(col("age").gt(lit(80)).any(true))),
    ("nothing of a flag", |rows| rows.filter(col("age").gt(lit(80)).all(true))),
    ("above the mean, of some", |rows| rows.filter(col("id").gt(lit(100))).filter(col("age").gt(col("age").mean()))),
    ("the first", |rows| rows.limit(5)),
    ("none", |rows| rows.limit(0)),
    ("a slice", |rows| rows.slice(45, 30)),
    ("beyond the end", |rows| rows.slice(10_000_000, 5)),
    ("the last", |rows| rows.tail(4)),
    ("a filter after a slice", |rows| rows.slice(10, 50).filter(col("age").gt(lit(30)))),
    ("a slice after a filter", |rows| rows.filter(col("age").gt(lit(30))).slice(3, 40)),
    ("a count", |rows| rows.select([len()])),
    ("a count after a filter", |rows| rows.filter(col("age").is_not_null()).select([len()])),
    ("sums", |rows| rows.select([col("age").sum(), col("age").null_count().alias("nulls"), col("name").max()])),
    ("sorted", |rows| rows.sort(["age", "id"], SortMultipleOptions::default().with_nulls_last(true))),
    ("the greatest few", |rows| rows.sort(["id"], SortMultipleOptions::default().with_order_descending(true)).limit(7)),
    ("the greatest few by text", |rows| {
        rows.filter(col("name").is_not_null()).sort(["name"], SortMultipleOptions::default()).limit(7)
    }),
    ("groups", |rows| {
        let groups = rows.group_by([col("age")]).agg([len().alias("rows"), col("name").min(), col("id").max()]);
        groups.sort(["age"], SortMultipleOptions::default())
    }),
    ("joined with itself", |rows| {
        let others = rows.clone().filter(col("id").gt(lit(20))).select([col("id"), col("age").alias("other")]);
        rows.join(others, [col("id")], [col("id")], JoinArgs::new(JoinType::Left))
            .sort(["id"], SortMultipleOptions::default())
    }),
    ("joined with ids", |rows| {
        let ids = df!("id" => [3_i64, 7, 100_000_000]).unwrap().lazy();
        ids.with_column(col("id").cast(DataType::UInt64))
            .join(
                rows.with_column(col("id").cast(DataType::UInt64)),
                [col("id")],
                [col("id")],
                JoinArgs::new(JoinType::Inner),
            )
            .sort(["id"], SortMultipleOptions::default())
    }),
    ("below itself", |rows| concat([rows.clone().filter(col("id").lt(lit(9))), rows], UnionArgs::default()).unwrap()),
    ("counted", |rows| rows.with_row_index("row", None).filter(col("age").gt(lit(50)))),
    ("computed", |rows| {
        rows.with_columns([(col("age") * lit(2)).alias("twice"), col("name").alias("age")])
            .filter(col("twice").gt(lit(99)))
    }),
    ("the other way round", |rows| rows.reverse().limit(9)),
    ("distinct", |rows| rows.select([col("age")]).unique_stable(None, UniqueKeepStrategy::First)),
];

fn agree(folder: &Folder) {
    agree_on(folder, QUERIES.iter());
}

fn agree_on<'q>(folder: &Folder, queries: impl Iterator<Item = &'q Query>) {
    let cached = folder.users().cached().unwrap();
    for (name, query) in queries {
        let expected = query(cached.clone().lazy()).collect().unwrap();
        let scan = query(folder.users().scan().unwrap());
        let schema = scan.clone().collect_schema().unwrap();
        let found = collected(scan);
        assert_eq!(found.schema(), &schema, "{name}");
        assert_eq!(found.schema(), expected.schema(), "{name}");
        assert!(found.equals_missing(&expected), "{name}: {found} where {expected} was expected");
    }
}

#[test]
fn over_a_base_alone() {
    agree(&tables::base_alone());
}

#[test]
fn over_segments_that_replace_rows() {
    agree(&tables::segments());
}

#[test]
fn over_rows_that_lack_columns() {
    agree(&tables::mixed_columns());
}

#[test]
fn over_columns_whose_types_grew() {
    agree(&tables::growing_types());
}

#[test]
fn over_another_programs_file() {
    agree(&tables::foreign());
    agree(&tables::foreign_and_segments());
}

#[test]
fn over_ids_of_two_kinds() {
    agree(&tables::big_ids());
}

#[test]
fn over_rows_that_were_lost() {
    agree(&tables::lost_rows());
}

#[test]
fn over_several_row_groups() {
    // Each of them takes seconds over so many rows, unless it is built for speed.
    let kinds = ["everything", "a stretch of ids", "several columns", "a slice", "a slice after a filter", "sums"];
    agree_on(&tables::large(), QUERIES.iter().filter(|(name, _)| kinds.contains(name)));
}

#[test]
fn over_no_rows_there_is_an_id_column_alone() {
    let folder = Folder::new();
    let users = folder.users();
    let scanned = collected(users.scan().unwrap());
    assert!(scanned.equals_missing(&users.cached().unwrap()), "{scanned}");
    assert_eq!(scanned.schema(), users.cached().unwrap().schema());
    let count = collected(users.scan().unwrap().select([len()]));
    assert_eq!(count.column("len").unwrap().u32().unwrap().get(0), Some(0));
}

#[test]
fn over_ids_that_64_bits_do_not_hold() {
    let folder = Folder::new();
    let store = |ids: &[i128], version: i32| {
        let fetcher = |ids: &[i128], _: &str| -> Result<DataFrame, PolarsError> {
            df!("id" => ids, "version" => vec![version; ids.len()])
        };
        let users = folder.users();
        let query = users.select(["version"]).unwrap().refresh();
        query.batches(BatchPolicy::Fixed(1_000_000)).frame(ids, &fetcher).unwrap();
    };
    // So many that the second part begins with one of them.
    store(&(-270_000..0).map(|id| id << 70).collect::<Vec<i128>>(), 1);
    store(&(-20..400).collect::<Vec<i128>>(), 2);
    store(&[-(1 << 80), 7, 1 << 90], 3);
    assert!(folder.segments() > 0);
    let query = |rows: LazyFrame| rows.filter(col("version").gt(lit(1)));
    let expected = query(folder.users().cached().unwrap().lazy()).collect().unwrap();
    assert_eq!(expected.height(), 422);
    assert!(collected(query(folder.users().scan().unwrap())).equals_missing(&expected));
}

#[test]
fn over_text_ids() {
    let folder = Folder::new();
    let ids: Vec<String> = (0..3_000).map(|id| format!("key {id:05}")).collect();
    let store = |ids: &[String], version: i32| {
        let fetcher = |ids: &[String], _: &str| -> Result<DataFrame, PolarsError> {
            df!("id" => ids, "version" => vec![version; ids.len()])
        };
        folder.users().select(["version"]).unwrap().refresh().frame(ids, &fetcher).unwrap();
    };
    store(&ids, 1);
    store(&ids[1_000..1_400], 2);
    let query = |rows: LazyFrame| rows.filter(col("id").gt(lit("key 01200"))).filter(col("version").eq(lit(2)));
    let expected = query(folder.users().cached().unwrap().lazy()).collect().unwrap();
    assert_eq!(expected.height(), 199);
    assert!(collected(query(folder.users().scan().unwrap())).equals_missing(&expected));
}

#[test]
fn optimizations_that_are_switched_off_change_nothing() {
    let folder = tables::segments();
    let query = |rows: LazyFrame| rows.filter(col("age").gt(lit(50))).slice(3, 9).select([col("name")]);
    let expected = query(folder.users().cached().unwrap().lazy()).collect().unwrap();
    let found = query(folder.users().scan().unwrap().without_optimizations()).collect().unwrap();
    assert!(found.equals_missing(&expected), "{found}");
}
