use dbcache::Table;
use dbcache::polars::prelude::{DataFrame, PolarsError};

fn users(_: &[i64]) -> Result<DataFrame, PolarsError> {
    Ok(DataFrame::default())
}

fn frame(table: &Table) {
    let _ = table.select(["name"]).unwrap().frame(&[1], &users);
}

fn main() {}
