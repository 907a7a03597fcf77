//! Files of other programs in `tests/foreign`: which columns are read, with which values, before and after a commit.
//!
//! `expected.json` says for each file who wrote it and what is in it, as that program or another one reads it: `columns`
//! by name, in the order of the ids; `unreadable`, with a part of what the error says; or `refused` where the file has no
//! ids, likewise. `DBCACHE_FOREIGN` names another folder of the same kind.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dbcache::polars::prelude::*;
use dbcache::{Error, Table};
use dbcache_tests::{Always, row};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Folder;

const FILE: &str = "public_t.parquet";
/// An id above those of all samples.
const NEW_ID: i64 = 1 << 60;

#[derive(Debug, Deserialize)]
struct Expected {
    by: String,
    /// The id column, where it is not called `id`.
    #[serde(default = "id")]
    id: String,
    #[serde(default)]
    columns: BTreeMap<String, Vec<Value>>,
    #[serde(default)]
    unreadable: BTreeMap<String, String>,
    refused: Option<String>,
}

fn id() -> String {
    "id".to_owned()
}

fn samples() -> PathBuf {
    let checked_in = || Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign");
    std::env::var_os("DBCACHE_FOREIGN").map_or_else(checked_in, PathBuf::from)
}

fn expected() -> BTreeMap<String, Expected> {
    let text = std::fs::read_to_string(samples().join("expected.json")).expect("what is expected");
    serde_json::from_str(&text).expect("JSON")
}

/// A value in the form of `expected.json`, in which every number says what it is.
fn shown(value: &AnyValue<'_>) -> Value {
    let nanoseconds = |unit: &TimeUnit| match unit {
        TimeUnit::Milliseconds => 1_000_000,
        TimeUnit::Microseconds => 1_000,
        TimeUnit::Nanoseconds => 1,
    };
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    match value {
        AnyValue::Null => Value::Null,
        AnyValue::Boolean(value) => json!(value),
        AnyValue::Float32(value) if value.is_finite() => json!(f64::from(*value)),
        AnyValue::Float64(value) if value.is_finite() => json!(value),
        AnyValue::Float32(value) => json!(value.to_string()),
        AnyValue::Float64(value) => json!(value.to_string()),
        AnyValue::Date(days) => json!(format!("days {days}")),
        AnyValue::Time(time) => json!(format!("time {time}")),
        AnyValue::Datetime(time, unit, _) => json!(format!("moment {}", i128::from(*time) * nanoseconds(unit))),
        AnyValue::Duration(time, unit) => json!(format!("took {}", i128::from(*time) * nanoseconds(unit))),
        AnyValue::Decimal(value, _, scale) => json!(format!("{value}e-{scale}")),
        AnyValue::Binary(bytes) => json!(format!("bytes {}", hex(bytes))),
        AnyValue::BinaryOwned(bytes) => json!(format!("bytes {}", hex(bytes))),
        AnyValue::List(items) => Value::Array(items.iter().map(|item| shown(&item)).collect()),
        AnyValue::Struct(..) | AnyValue::StructOwned(_) => {
            let names = value.dtype();
            let DataType::Struct(fields) = names else { panic!("{value} is no struct") };
            let values = value._iter_struct_av();
            fields.iter().zip(values).map(|(field, value)| (field.name().to_string(), shown(&value))).collect()
        }
        AnyValue::String(_) | AnyValue::StringOwned(_) => json!(value.get_str()),
        number if number.is_integer() => json!(format!("number {number}")),
        other => panic!("a value of another kind: {other:?}"),
    }
}

/// All columns of the rows that are asked for, the id column among them.
fn values(frame: &DataFrame) -> BTreeMap<String, Vec<Value>> {
    let of = |column: &Column| {
        let series = column.as_materialized_series();
        (column.name().to_string(), series.iter().map(|value| shown(&value)).collect())
    };
    frame.columns().iter().map(of).collect()
}

/// A sample that is the table `public.t` of a folder.
struct Sample<'e> {
    folder: Folder,
    bytes: Vec<u8>,
    expected: &'e Expected,
}

impl<'e> Sample<'e> {
    fn new(name: &str, expected: &'e Expected) -> Self {
        let bytes = std::fs::read(samples().join(format!("{name}.parquet"))).expect("a sample");
        let folder = Folder::new();
        std::fs::write(folder.path(FILE), &bytes).expect("a file");
        Self { folder, bytes, expected }
    }

    fn table(&self) -> Table {
        self.folder.cache().table_by("public.t", &self.expected.id).expect("a valid name")
    }

    fn is_untouched(&self) -> bool {
        std::fs::read(self.folder.path(FILE)).expect("a file") == self.bytes
    }

    /// What is wrong with what the file is taken for; nothing where all is right.
    fn fault(&self) -> Option<String> {
        let cached = self.table().cached();
        match (cached, &self.expected.refused) {
            (Err(error @ Error::ForeignTable { .. }), Some(reason)) if error.to_string().contains(reason.as_str()) => {
                (!self.is_untouched()).then(|| "it was refused, and changed".to_owned())
            }
            (found, Some(_)) => Some(format!("it ought to be refused: {found:?}")),
            (Err(cause), None) => Some(cause.to_string()),
            (Ok(frame), None) => self.fault_of_rows(&frame).or_else(|| self.fault_after_a_commit(&frame)),
        }
    }

    fn fault_of_rows(&self, frame: &DataFrame) -> Option<String> {
        let found = values(frame);
        for (column, expected) in &self.expected.columns {
            match found.get(column) {
                Some(values) if values == expected => {}
                found => return Some(format!("{column}: {found:?} instead of {expected:?}")),
            }
        }
        let unexpected = found.keys().find(|column| !self.expected.columns.contains_key(*column));
        unexpected.map(|column| format!("{column} is there")).or_else(|| self.fault_of_unreadable(&self.table(), frame))
    }

    /// Columns that cannot be read are named by whoever asks for them.
    fn fault_of_unreadable(&self, table: &Table, frame: &DataFrame) -> Option<String> {
        self.expected.unreadable.iter().find_map(|(column, reason)| {
            // Some names cannot even be asked for.
            let query = table.select([format!("{column:?}").as_str()]).ok()?;
            let found = if self.has_text_ids(frame) {
                query.frame_cached(&["zzzz".to_owned()]).map(drop)
            } else {
                query.frame_cached(&[NEW_ID]).map(drop)
            };
            match found {
                Err(error @ Error::UnreadableColumn { .. }) if error.to_string().contains(reason.as_str()) => None,
                other => Some(format!("{column} ought to be refused for {reason}: {other:?}")),
            }
        })
    }

    fn has_text_ids(&self, frame: &DataFrame) -> bool {
        frame.column(&self.expected.id).expect("ids").dtype().is_string()
    }

    /// Stores a new row beside those of the file.
    fn commit(&self, frame: &DataFrame) {
        let query = self.table();
        let query = query.select(["brought"]).expect("a column");
        let new = |id: Value| row(json!({ self.expected.id.as_str(): id, "brought": true }));
        let stored = if self.has_text_ids(frame) {
            let fetch = |_: &[String], _: &str| Ok::<_, std::io::Error>(vec![new(json!("zzzz"))]);
            query.frame(&["zzzz".to_owned()], &fetch)
        } else {
            query.frame(&[NEW_ID], &Always(vec![new(json!(NEW_ID))]))
        };
        assert_eq!(stored.expect("a new row").height(), 1);
    }

    fn fault_after_a_commit(&self, before: &DataFrame) -> Option<String> {
        self.commit(before);
        let fault = || {
            let after = of_the_file(&self.table().cached().expect("rows"), before.height());
            self.fault_of_rows(&after).map(|fault| format!("after a commit: {fault}"))
        };
        let compacted = || {
            self.table().compact().expect("one file");
            fault()
        };
        fault().or_else(compacted).or_else(|| {
            let files = self.folder.files();
            let is_changed = !self.expected.unreadable.is_empty() && !self.is_untouched();
            let is_renamed = files.iter().any(|file| file.contains("damaged"));
            (is_changed || is_renamed).then(|| format!("it is no longer what it was: {files:?}"))
        })
    }
}

/// The rows of the file without the new one, whose id is above theirs, and its column.
fn of_the_file(frame: &DataFrame, rows: usize) -> DataFrame {
    let names = frame.get_column_names().into_iter().filter(|name| *name != "brought").cloned();
    frame.head(Some(rows)).select(names).expect("columns")
}

#[test]
fn every_readable_column_of_other_programs_is_right_before_and_after_a_commit() {
    let expected = expected();
    let faults: Vec<String> = expected
        .iter()
        .filter_map(|(name, expected)| {
            let fault = Sample::new(name, expected).fault()?;
            Some(format!("{name} by {}: {fault}", expected.by))
        })
        .collect();
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), expected.len(), faults.join("\n"));
}
