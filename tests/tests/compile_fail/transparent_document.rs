use dbcache::CachedJson;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, CachedJson)]
#[serde(transparent)]
struct City {
    name: String,
}

fn main() {}
