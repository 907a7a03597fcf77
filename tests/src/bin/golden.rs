//! Writes a cache folder like those in `tests/golden` below the folder that is named, or with `readable` behind it, one
//! with columns of every type into that folder.

use std::path::Path;

use dbcache::error::BoxError;
use dbcache_tests::golden;

fn main() -> Result<(), BoxError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [folder] => golden::write(Path::new(folder)).map(drop),
        [folder, "readable"] => golden::write_readable(Path::new(folder)),
        _ => Err("a folder is needed, and perhaps `readable`".into()),
    }
}
