use dbcache::CachedJson;
use serde::{Serialize};

#[derive(Serialize, CachedJson)]
struct Profile<'a> {
    city: &'a str,
}

fn main() {}
