//! Writes a cache folder like those in `tests/golden` below the folder that is named.

use std::path::Path;

use dbcache::error::BoxError;

fn main() -> Result<(), BoxError> {
    let folder = std::env::args().nth(1).ok_or("a folder is needed")?;
    dbcache_tests::golden::write(Path::new(&folder)).map(drop)
}
