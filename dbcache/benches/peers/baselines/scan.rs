//! A plain Parquet file, scanned with a filter.

use std::path::Path;

use dbcache::polars::prelude::*;

use super::naive_polars::SCALARS;
use crate::measure::Result;

pub(crate) fn look_up(path: &Path, ids: &[i64]) -> Result<DataFrame> {
    let path = path.to_str().ok_or("the path is no text")?;
    let wanted = lit(Series::new("ids".into(), ids)).implode(true);
    let rows = LazyFrame::scan_parquet(path.into(), ScanArgsParquet::default())?
        .filter(col("id").is_in(wanted, false))
        .select(SCALARS.map(col));
    Ok(rows.collect()?)
}
