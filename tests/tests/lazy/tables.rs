//! Tables of every shape that a folder can hold.

use dbcache::polars::prelude::*;

use crate::{Folder, users};

/// A table in one file.
pub(crate) fn base_alone() -> Folder {
    let folder = Folder::new();
    folder.store(&users(1..=1_000, "first"));
    folder.users().compact().unwrap();
    assert_eq!(folder.segments(), 0);
    folder
}

/// A base with segments that add rows and replace others.
pub(crate) fn segments() -> Folder {
    let folder = base_alone();
    folder.store(&users((1..=1_000).step_by(10), "second"));
    folder.store(&users((900..=1_100).step_by(3), "third"));
    folder.store(&users(-5..=5, "fourth"));
    assert!(folder.segments() > 1, "{}", folder.segments());
    folder
}

/// Rows that have different columns, in a base and in segments.
pub(crate) fn mixed_columns() -> Folder {
    let folder = Folder::new();
    folder.store(&users(1..=300, "first").select(["id", "name"]).unwrap());
    folder.store(&users((1..=400).step_by(3), "second").select(["id", "age", "name"]).unwrap());
    folder.store(&users((1..=400).step_by(4), "third").select(["id", "age"]).unwrap());
    folder.store(&users((250..=500).step_by(5), "fourth"));
    folder
}

/// A column of nothing but nulls, which has its type from a later segment, and one that widens.
pub(crate) fn growing_types() -> Folder {
    let folder = Folder::new();
    let ids: Vec<i64> = (1..=500).collect();
    let names: Vec<String> = ids.iter().map(|id| format!("user {id}")).collect();
    let nothing = Column::full_null("age".into(), ids.len(), &DataType::Null);
    let mut rows = df!("id" => ids, "name" => names).unwrap();
    rows.with_column(nothing).unwrap();
    folder.store(&rows);
    folder.store(&users((1..=500).step_by(4), "second"));
    folder
}

/// A file that another program wrote, in no order, with several versions of a row.
pub(crate) fn foreign() -> Folder {
    let folder = Folder::new();
    let (old, new) = (users((1..=500).rev(), "old"), users((1..=600).step_by(2), "new"));
    let mut rows = old.vstack(&new).unwrap();
    std::fs::create_dir_all(folder.path()).unwrap();
    ParquetWriter::new(std::fs::File::create(folder.file()).unwrap()).finish(&mut rows).unwrap();
    folder
}

/// Another program's file with segments of ours beside it.
pub(crate) fn foreign_and_segments() -> Folder {
    let folder = foreign();
    folder.store(&users((1..=700).step_by(9), "third"));
    folder
}

/// Ids beyond those that `Int64` holds, beside files of smaller ones.
pub(crate) fn big_ids() -> Folder {
    let folder = base_alone();
    let ids: Vec<u64> = (0..200).map(|id| u64::MAX / 2 - 100 + id).collect();
    let names: Vec<String> = ids.iter().map(|id| format!("user {id}")).collect();
    let rows = df!("id" => &ids, "name" => names).unwrap();
    let fetcher = |_: &[u64], _: &str| -> Result<DataFrame, PolarsError> { Ok(rows.clone()) };
    folder.users().select(["name"]).unwrap().frame(&ids, &fetcher).unwrap();
    folder.store(&users((1..=1_000).step_by(11), "second"));
    folder
}

/// Several row groups, most of whose rows are in the base, with two segments over them.
pub(crate) fn large() -> Folder {
    let folder = Folder::new();
    folder.store(&users(0..270_000, "first"));
    folder.users().compact().unwrap();
    folder.store(&users((0..300_000).step_by(1_000), "second"));
    folder.store(&users((500..290_000).step_by(700), "third"));
    folder
}

/// A segment whose newer versions of rows, and rows of its own, were lost to damage.
pub(crate) fn lost_rows() -> Folder {
    let folder = segments();
    let folder_of_segments = folder.path().join("public_users.segments");
    let mut names: Vec<std::path::PathBuf> =
        std::fs::read_dir(folder_of_segments).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let before = folder.users().cached().unwrap().height();
    let (newest, size) = (names.last().unwrap(), std::fs::metadata(names.last().unwrap()).unwrap().len());
    let mut bytes = std::fs::read(newest).unwrap();
    // Where the pages of ids and columns are, of which what is described stands behind.
    for part in [6, 4, 3] {
        for byte in &mut bytes[usize::try_from(size).unwrap() / part..][..8] {
            *byte ^= 0xFF;
        }
    }
    std::fs::write(newest, bytes).unwrap();
    let after = folder.users().cached().unwrap().height();
    assert!(after < before, "{after} {before}");
    folder
}
