use dbcache::CachedJson;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, CachedJson)]
struct Profile {
    #[cached(rename = "town")]
    city: String,
}

fn main() {}
