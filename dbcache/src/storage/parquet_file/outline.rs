//! What a file is, told from its end alone, whatever table it is of.

use std::panic::{AssertUnwindSafe, catch_unwind};

use polars::prelude::*;
use polars_parquet::read::infer_schema;

use super::super::disk::OpenFile;
use super::{Ending, counts};
use crate::error::Result;

/// Whose a file is.
#[derive(Debug)]
pub(in crate::storage) enum Outline {
    /// Ours; the names are those in its header.
    Own { table: String, id_column: String },
    /// Another program's.
    Foreign { rows: usize, columns: Vec<(String, DataType)> },
    /// Not what was written; the reason is for people.
    Damaged(String),
}

/// Reads the end of a file.
pub(in crate::storage) fn outline(file: &OpenFile) -> Result<Outline> {
    Ok(match Ending::read(file)? {
        Ending::Own(own) => {
            let (table, id_column) = own.header.into_names();
            Outline::Own { table, id_column }
        }
        Ending::Foreign(footer) => foreign(&footer),
        Ending::Damaged(reason) => Outline::Damaged(reason.to_owned()),
    })
}

fn foreign(footer: &[u8]) -> Outline {
    let read = || {
        let metadata = counts::metadata(footer)?;
        let schema = infer_schema(&metadata)?;
        let columns = schema.iter().map(|(name, field)| (name.to_string(), DataType::from_arrow_field(field)));
        Ok(Outline::Foreign { rows: metadata.num_rows, columns: columns.collect() })
    };
    // Nothing has verified these bytes, and the parser may panic on damaged ones.
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(outline) => outline.unwrap_or_else(|cause: PolarsError| Outline::Damaged(cause.to_string())),
        Err(_) => Outline::Damaged("the Parquet reader gave up on it".to_owned()),
    }
}
